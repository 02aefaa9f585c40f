"""Access tokens: ours hold for ten minutes, and every other kind of token is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from century.access import token
from century.core.actor import Role
from century.core.errors import Unauthenticated

SECRET = "k" * 10 + "-a-secret-of-more-than-32-bytes"
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PERSON, SESSION = UUID(int=1), UUID(int=2)


def claims(**changed: Any) -> dict[str, Any]:
    at = int(NOW.timestamp())
    said: dict[str, Any] = {
        "iss": "century",
        "aud": "century",
        "sub": str(PERSON),
        "sid": str(SESSION),
        "role": "admin",
        "iat": at,
        "exp": at + 600,
        **changed,
    }
    return {key: value for key, value in said.items() if value is not ...}


def signed(
    said: dict[str, Any], *, key: str = SECRET, algorithm: str = "HS256", header: dict[str, Any] | None = None
) -> str:
    """A token put together by hand, since the library will not make the bad ones."""
    head = {"alg": algorithm, "typ": "at+jwt", **(header or {})}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, said)]
    body = b".".join(parts)
    hashes = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
    mac = hmac.digest(key.encode(), body, hashes[algorithm]) if algorithm in hashes else b""
    return (body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


GOOD = signed(claims())
HEAD, BODY, MAC = GOOD.split(".")
ADMIN = base64.urlsafe_b64encode(json.dumps(claims(sub=str(UUID(int=9)))).encode()).rstrip(b"=").decode()


def test_what_is_issued_can_be_read() -> None:
    text, ends_at = token.issue(SECRET, person=PERSON, session=SESSION, role=Role.OPERATOR, now=NOW)
    assert ends_at == NOW + timedelta(minutes=10)
    assert token.read(SECRET, text, NOW) == token.Claims(PERSON, SESSION, Role.OPERATOR, ends_at)
    assert token.read(SECRET, text, ends_at - timedelta(seconds=1)).person == PERSON


def test_the_hand_made_token_is_a_good_one() -> None:
    """So that each row of the next test fails for the one reason it names."""
    assert token.read(SECRET, GOOD, NOW).session == SESSION


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        ("", "nothing"),
        ("x", "no token"),
        ("a.b.c", "three letters"),
        (GOOD[:-2], "a signature cut short"),
        (f"{HEAD}.{BODY}.", "no signature"),
        (f"{HEAD}.{ADMIN}.{MAC}", "another person under the old signature"),
        (GOOD + "A", "a longer signature"),
        (GOOD + ".x", "a fourth part"),
        (signed(claims(), algorithm="none"), "the algorithm none"),
        (signed(claims(), algorithm="None"), "the algorithm None"),
        (signed(claims(), algorithm="HS384"), "another algorithm with the right secret"),
        (signed(claims(), algorithm="HS512"), "another algorithm with the right secret"),
        (signed(claims(), algorithm="RS256"), "an asymmetric algorithm without a signature"),
        (signed(claims(), key="another secret that is long enough"), "another secret"),
        (signed(claims(), key=""), "an empty secret"),
        (signed(claims(), header={"typ": "JWT"}), "another type of token"),
        (signed(claims(), header={"crit": ["b64"], "b64": False}), "an extension that we must understand"),
        (signed(claims(), header={"kid": "../../etc/passwd", "typ": "x"}), "a key by path"),
        (signed(claims(aud="somebody-else")), "another audience"),
        (signed(claims(aud=["century", "somebody-else"])), "several audiences"),
        (signed(claims(iss="somebody-else")), "another issuer"),
        *((signed(claims(**{name: ...})), f"no {name}") for name in ("iss", "aud", "sub", "sid", "role", "iat", "exp")),
        (signed(claims(sub="1")), "a person that is no id"),
        (signed(claims(sub=1)), "a person that is a number"),
        (signed(claims(sid=None)), "a session that is null"),
        (signed(claims(role="owner")), "a role that does not exist"),
        (signed(claims(exp=str(int(NOW.timestamp()) + 600))), "an end that is a text"),
        (signed(claims(exp=True)), "an end that is a truth"),
        (signed(claims(exp=float("inf"))), "no end"),
        (signed(claims(exp=10**20)), "an end beyond the calendar"),
        (signed(claims(exp=int(NOW.timestamp()) + 601)), "a longer life than ours"),
        (signed(claims(iat=int(NOW.timestamp()) + 60, exp=int(NOW.timestamp()) + 600)), "issued in the future"),
        (signed(claims(exp=int(NOW.timestamp()))), "over this very second"),
        (signed(claims(iat=0, exp=600)), "over for decades"),
        (jwt.encode(claims(), SECRET, algorithm="HS256"), "made by another program that shares the secret"),
    ],
)
def test_a_forged_token_gets_nobody_through(forged: str, reason: str) -> None:
    with pytest.raises(Unauthenticated):
        token.read(SECRET, forged, NOW)
        pytest.fail(reason)
