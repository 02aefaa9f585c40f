"""Refresh tokens, that rotate, and the tokens of one-time sign-in links.

A refresh token is `(session, generation, mac)`: nothing of it is stored but the session's current generation. That
makes a rotation repeatable: whoever asks twice with the same token is answered the same successor.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from century.access.key import keyed_hash

# A session ends this long after it began, and when nobody refreshed it for this long.
LONGEST_SESSION = timedelta(days=90)
LONGEST_IDLE = timedelta(days=30)
# Two tabs that wake together send the same cookie twice; an answer lost on the way is asked for again.
GRACE = timedelta(seconds=10)
LINK_LIFETIME = timedelta(hours=24)

_MAC = 32


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token that we made: which session, and how often it had rotated."""

    session: UUID
    generation: int


class Step(StrEnum):
    """What is done with a refresh token of our making."""

    ROTATE = "rotate"
    REPEAT = "repeat"
    REVOKE = "revoke"


def write_refresh(secret: str, refresh: Refresh) -> str:
    """The token's text."""
    body = refresh.session.bytes + refresh.generation.to_bytes(4, "big")
    return base64.urlsafe_b64encode(body + _mac(secret, body)).decode().rstrip("=")


def read_refresh(secrets: Iterable[str], text: str) -> Refresh | None:
    """The token behind `text`, or `None` where we did not make it with any of these secrets."""
    if len(text) != 70 or not text.isascii():
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "==")
    except (binascii.Error, ValueError):
        return None
    body, mac = raw[:-_MAC], raw[-_MAC:]
    if not any(hmac.compare_digest(_mac(each, body), mac) for each in secrets):
        return None
    return Refresh(UUID(bytes=body[:16]), int.from_bytes(body[16:], "big"))


def decide(presented: int, current: int, rotated_at: datetime, now: datetime) -> Step:
    """Rotate the current token; repeat the last answer for a moment; take anything older for stolen."""
    if presented == current:
        return Step.ROTATE
    if presented == current - 1 and now - rotated_at <= GRACE:
        return Step.REPEAT
    return Step.REVOKE


def session_ends(created_at: datetime, now: datetime) -> datetime:
    """When a session that was used at `now` ends if it is not used again."""
    return min(created_at + LONGEST_SESSION, now + LONGEST_IDLE)


def new_link_token() -> str:
    """The token of a one-time sign-in link."""
    return secrets.token_urlsafe(32)


def hash_link_token(secret: str, token: str) -> bytes:
    """What is stored of a link's token."""
    return keyed_hash(secret, "link", token)


def _mac(secret: str, body: bytes) -> bytes:
    return keyed_hash(secret, "refresh", body.hex())
