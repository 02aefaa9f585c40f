"""Which passwords are good enough, and that somebody who does not exist takes as long as somebody who does."""

from __future__ import annotations

import asyncio
import time

import pytest

from century.access import password
from century.core.errors import Invalid, Unavailable

GOOD = "four walnut trees, one goat"


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        ("short", "eleven characters are too few"),
        ("elevenchars", "eleven characters are too few"),
        ("password12345678", "a known word and a run"),
        ("Century-Monitoring-2026", "the product and a year leave too little"),
        ("aaaaaaaaaaaaaaaaaaaa", "one letter, repeated"),
        ("abcdefghijklmnop", "the alphabet"),
        ("qwertyuiopasdfghjkl", "the keyboard's rows"),
        ("ada.lovelace.1815", "the person's own name"),
        ("your_password_here", "what a guide prints"),
        ("1q2w3e4r5t1q2w3e4r5t", "a pattern on the keyboard"),
        ("x" * 257, "longer than anybody types"),
        ("abababababababab", "two letters"),
    ],
)
def test_what_others_would_think_of_is_refused(candidate: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        password.check_quality(candidate, name="Ada Lovelace", email="ada.lovelace@example.com")
    assert list(refused.value.fields) == ["password"], why


@pytest.mark.parametrize(
    "candidate", [GOOD, "Tr0ub4dor&3-fish", "пароль из четырёх слов", "kZ8#vQ1!mW5x", "dinosaur ukulele"]
)
def test_what_nobody_expects_is_taken(candidate: str) -> None:
    password.check_quality(candidate, name="Ada Lovelace", email="ada@example.com")


def test_a_hash_holds_what_owasp_asks_for_and_verifies_only_its_password() -> None:
    stored = password.hash_password(GOOD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert password.verify(stored, GOOD)
    assert not password.verify(stored, GOOD + " ")
    assert not password.outdated(stored)
    assert password.outdated("$argon2id$v=19$m=8192,t=1,p=1$Y2VudHVyeS1ub2JvZHktMQ$aaaa")


def test_the_same_letters_from_another_keyboard_are_the_same_password() -> None:
    assert password.verify(password.hash_password("cafe\u0301 au lait, dix fois"), "caf\u00e9 au lait, dix fois")


def test_nobody_takes_as_long_as_somebody() -> None:
    stored = password.hash_password(GOOD)

    def took(whose: str | None) -> float:
        started = time.process_time()
        assert not password.verify(whose, "a wrong guess altogether")
        return time.process_time() - started

    somebody, nobody = min(took(stored) for _ in range(3)), min(took(None) for _ in range(3))
    assert 0.5 < nobody / somebody < 2
    assert not password.verify(None, "century-nobody-1")


def test_a_stored_value_that_is_no_hash_lets_nobody_in() -> None:
    assert not password.verify("", GOOD)
    assert not password.verify("plain", GOOD)


async def test_a_flood_is_turned_away_but_not_a_trusted_caller() -> None:
    hashing = password.Hashing(threads=1, waiting=1)
    stored = password.hash_password(GOOD)
    flood = [asyncio.ensure_future(hashing.verify(stored, GOOD)) for _ in range(5)]
    trusted = asyncio.ensure_future(hashing.verify(stored, GOOD, trusted=True))
    answers = await asyncio.gather(*flood, return_exceptions=True)
    assert answers[:2] == [True, True]
    assert all(isinstance(answer, Unavailable) for answer in answers[2:])
    assert await trusted
    assert await hashing.verify(stored, GOOD)
    hashing.close()
