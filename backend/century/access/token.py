"""Access tokens: a JWT of ten minutes that names a person's session. What the session may, is read anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from century.core.actor import Role
from century.core.errors import Unauthenticated

LIFETIME = timedelta(minutes=10)
# Two servers' clocks may differ a little; a token from further ahead than this was not made by us.
LEEWAY = timedelta(seconds=30)

_ALGORITHM = "HS256"
_ISSUER = "century"
_AUDIENCE = "century"
# A type of its own (RFC 9068), so that another token signed with the same secret is no access token.
_TYPE = "at+jwt"


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    person: UUID
    session: UUID
    role: Role
    expires_at: datetime


def issue(secret: str, *, person: UUID, session: UUID, role: Role, now: datetime) -> tuple[str, datetime]:
    """A signed access token and when it ends."""
    expires_at = now + LIFETIME
    claims: dict[str, Any] = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": str(person),
        "sid": str(session),
        "role": role.value,
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    return jwt.encode(claims, secret, algorithm=_ALGORITHM, headers={"typ": _TYPE}), expires_at


def read(secret: str, token: str, now: datetime) -> Claims:
    """The claims of a token we signed and that still holds at `now`; `Unauthenticated` for every other."""
    try:
        decoded = jwt.decode_complete(
            token,
            secret,
            # Named here and never taken from the token: "none" and a swapped algorithm end at this list.
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            issuer=_ISSUER,
            # The times are compared below with the one clock, not with the library's.
            options={
                "require": ["iss", "aud", "sub", "sid", "role", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "strict_aud": True,
            },
        )
        header, claims = decoded["header"], decoded["payload"]
        # "crit" announces an extension we do not know; the standard says to refuse then.
        if header.get("typ") != _TYPE or "crit" in header:
            raise Unauthenticated("the access token is not valid")
        issued_at = _instant(claims["iat"])
        found = Claims(UUID(claims["sub"]), UUID(claims["sid"]), Role(claims["role"]), _instant(claims["exp"]))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        raise Unauthenticated("the access token is not valid") from None
    if issued_at > now + LEEWAY or found.expires_at > issued_at + LIFETIME:
        raise Unauthenticated("the access token is not valid")
    if found.expires_at <= now:
        raise Unauthenticated("the access token has expired")
    return found


def _instant(seconds: object) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError("not a number of seconds")
    return datetime.fromtimestamp(seconds, UTC)
