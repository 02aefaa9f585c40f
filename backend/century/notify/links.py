"""Signed links: who holds one may look at an alert and answer for it, without signing in, for a while."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

LIFETIME = timedelta(days=7)
MAC_LENGTH = 16
LONGEST = 120
PURPOSE = b"century link v1"


class Whose(StrEnum):
    """Whom a link was sent to: a person, or whoever reads a channel."""

    PERSON = "p"
    CHANNEL = "c"


class About(StrEnum):
    """What it answers for: one alert, or every alert of one message."""

    ALERT = "a"
    MESSAGE = "m"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says. `episode` counts for an alert alone: once it re-opened, an old link answers for nothing."""

    about: About
    id: UUID
    episode: int
    whose: Whose
    holder: UUID
    expires_at: datetime


class BadLink(Exception):
    """A link that we did not make, or that was changed on its way."""


def sign(secret: str, link: Link) -> str:
    """The token of a link: short enough for a mail, and nothing in it can be changed."""
    body = b"".join(
        (
            link.about.encode(),
            link.id.bytes,
            min(link.episode, 0xFFFF).to_bytes(2),
            link.whose.encode(),
            link.holder.bytes,
            int(link.expires_at.timestamp()).to_bytes(5),
        )
    )
    return base64.urlsafe_b64encode(body + _mac(secret, body)).decode().rstrip("=")


def read(secrets: Iterable[str], token: str) -> Link:
    """The link of a token, expired or not; BadLink for anything that was signed with none of these secrets."""
    try:
        if len(token) > LONGEST:
            raise BadLink("too long")
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadLink("not a token") from None
    body, mac = raw[:-MAC_LENGTH], raw[-MAC_LENGTH:]
    if len(body) != 41 or not any(hmac.compare_digest(mac, _mac(each, body)) for each in secrets):
        raise BadLink("not ours")
    # The last letter of a token has bits that mean nothing: there is one way to write it, and we wrote that.
    if base64.urlsafe_b64encode(raw).decode().rstrip("=") != token:
        raise BadLink("not as we wrote it")
    return Link(
        about=About(body[:1].decode()),
        id=UUID(bytes=body[1:17]),
        episode=int.from_bytes(body[17:19]),
        whose=Whose(body[19:20].decode()),
        holder=UUID(bytes=body[20:36]),
        expires_at=datetime.fromtimestamp(int.from_bytes(body[36:41]), UTC),
    )


def address(public_url: str, secret: str, link: Link) -> str:
    """Where a link leads."""
    return f"{public_url}/a/{sign(secret, link)}"


def _mac(secret: str, body: bytes) -> bytes:
    key = hmac.new(secret.encode(), PURPOSE, hashlib.sha256).digest()
    return hmac.new(key, body, hashlib.sha256).digest()[:MAC_LENGTH]
