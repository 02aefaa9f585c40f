"""Passwords: whether one is good enough, and how it is kept (argon2id, in a bounded pool of threads)."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from century.core.errors import Invalid, Unavailable

SHORTEST = 12
LONGEST = 256
# What must be left once every predictable part is taken out.
UNPREDICTABLE = 6

# OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
# Somebody who does not exist is verified against this, so that the answer takes as long as for somebody who does.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$Y2VudHVyeS1ub2JvZHktMQ$TAhzvLiwYg9lS7qzfbhBJYPVMWV4XClPrIRpOStYugw"

_PREDICTABLE = (
    "passwort", "password", "passw0rd", "p@ssw0rd", "passphrase", "century", "monitoring", "monitor", "proptax",
    "changeme", "change", "welcome", "letmein", "default", "secret", "admin", "administrator", "operator", "viewer",
    "system", "login", "qwertyuiop", "qwertzuiop", "qwerty", "qwertz", "azerty", "asdfghjkl", "asdf", "yxcvbnm",
    "zxcvbnm", "iloveyou", "dragon", "monkey", "sunshine", "princess", "football", "baseball", "superman", "batman",
    "trustno1", "master", "shadow", "hello", "test", "user", "your", "google", "github", "localhost", "example",
    "correcthorsebatterystaple", "1q2w3e4r5t", "1q2w3e4r", "1qaz2wsx", "abc",
)  # fmt: skip


def normalise(password: str) -> str:
    """The same letters typed on another keyboard are the same password (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_quality(password: str, *, name: str = "", email: str = "", field: str = "password") -> None:
    """Refuse a password that is short or that somebody else would think of; `Invalid` says why, under `field`."""
    password = normalise(password)
    if len(password) < SHORTEST:
        raise Invalid(f"a password has at least {SHORTEST} characters", field=field)
    if len(password) > LONGEST:
        raise Invalid(f"a password has at most {LONGEST} characters", field=field)
    if _left_over(password.casefold(), name, email) < UNPREDICTABLE:
        raise Invalid("this password is too easy to guess: use several words, or letters nobody expects", field=field)


def _left_over(password: str, name: str, email: str) -> int:
    """How many different characters remain without known words, the person's own names, runs and repeats."""
    own = [part for part in re.split(r"[\s@._-]+", f"{name} {email}".casefold()) if len(part) >= 3]
    for word in sorted({*own, *_PREDICTABLE}, key=len, reverse=True):
        password = password.replace(word, "\n")
    kept: list[str] = []
    for before, letter in zip("\n" + password, password, strict=False):
        if letter != "\n" and ord(letter) - ord(before) not in (-1, 0, 1):
            kept.append(letter)
    return len(set(kept))


def hash_password(password: str) -> str:
    """The password as it is stored; takes some 50 ms of CPU, so call it through `Hashing`."""
    return _HASHER.hash(normalise(password))


def verify(stored: str | None, password: str) -> bool:
    """Whether `password` is the stored one; as slow for nobody (`None`) as for somebody."""
    try:
        return _HASHER.verify(stored or _NOBODY, normalise(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Whether a stored password was kept with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


class Hashing:
    """A few threads for argon2id and a bounded queue before them: a flood of sign-ins cannot take every core."""

    def __init__(self, *, threads: int = 2, waiting: int = 32) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._places = threads + waiting
        self._taken = 0

    async def verify(self, stored: str | None, password: str, *, trusted: bool = False) -> bool:
        """Verify off the event loop; `Unavailable` when the queue is full, except for a trusted caller."""
        with self._place(trusted):
            return await asyncio.get_running_loop().run_in_executor(self._pool, verify, stored, password)

    async def hash(self, password: str) -> str:
        """Hash off the event loop."""
        with self._place(trusted=True):
            return await asyncio.get_running_loop().run_in_executor(self._pool, hash_password, password)

    def _place(self, trusted: bool) -> _Place:
        if self._taken >= self._places and not trusted:
            raise Unavailable("too many people are signing in at once: try again in a moment", retry_after=1.0)
        return _Place(self)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Place:
    def __init__(self, hashing: Hashing) -> None:
        self._hashing = hashing

    def __enter__(self) -> None:
        self._hashing._taken += 1

    def __exit__(self, *_: object) -> None:
        self._hashing._taken -= 1


# One pool a process, because the cores it guards are the process's.
HASHING = Hashing()
