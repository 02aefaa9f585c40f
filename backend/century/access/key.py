"""API keys as text: `cpt_monitor_<handle>_<secret>`. The handle finds the row, the secret is kept as a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field

PREFIX = "cpt_monitor_"

_HANDLE = 12
_SECRET = 43  # 62 ** 43 is just over 2 ** 256
_HANDLE_LETTERS = string.ascii_lowercase + string.digits
_SECRET_LETTERS = string.ascii_letters + string.digits
_SHAPE = re.compile(rf"{PREFIX}([a-z0-9]{{{_HANDLE}}})_([A-Za-z0-9]{{{_SECRET}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyText:
    """The two parts of a key; `str()` never shows the secret."""

    handle: str
    secret: str = field(repr=False)

    @property
    def whole(self) -> str:
        """What the key's owner keeps and sends."""
        return f"{PREFIX}{self.handle}_{self.secret}"


def new_key() -> KeyText:
    """A key nobody can guess."""
    return KeyText(
        "".join(secrets.choice(_HANDLE_LETTERS) for _ in range(_HANDLE)),
        "".join(secrets.choice(_SECRET_LETTERS) for _ in range(_SECRET)),
    )


def read_key(text: str) -> KeyText | None:
    """The parts of a key's text; `None` where the text is no key."""
    found = _SHAPE.fullmatch(text)
    return KeyText(found[1], found[2]) if found else None


def shown(handle: str) -> str:
    """The part of a key that may be shown: by it an owner tells keys apart."""
    return f"{PREFIX}{handle}"


def keyed_hash(secret: str, purpose: str, value: str) -> bytes:
    """HMAC-SHA-256 under the installation's secret; `purpose` keeps one kind of hash from standing for another."""
    return hmac.digest(secret.encode(), f"century/{purpose}\0{value}".encode(), hashlib.sha256)


def hash_key(secret: str, key: KeyText) -> bytes:
    """What is stored of a key."""
    return keyed_hash(secret, "key", key.whole)


def matches(secret: str, key: KeyText, stored: bytes) -> bool:
    """Whether this is the stored key, in constant time."""
    return hmac.compare_digest(hash_key(secret, key), stored)
