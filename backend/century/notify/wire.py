"""What a channel is made of: the fields it asks for, what it is given to send with, and how a try can end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime

from century.core.errors import Invalid, Unavailable
from century.core.guard import AddressRefused
from century.core.outbound import Answer, Outbound
from century.core.settings import Settings

SEND_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a channel's form. A secret's value is sealed, and never read back."""

    name: str
    label: str
    help: str
    required: bool = True
    secret: bool = False
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """A channel's settings, secrets among them, the e-mail of the account it belongs to, and those of the admins."""

    values: Mapping[str, str] = field(repr=False)
    secret_names: frozenset[str] = frozenset()
    person_email: str | None = None
    admins: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that nobody may read, the longest first."""
        known = [value for name in self.secret_names if (value := self.values.get(name))]
        return tuple(sorted(known, key=len, reverse=True))


@dataclass(frozen=True, slots=True)
class Wire:
    """What a channel sends with. `tls` is for the mail server; None: what the machine trusts."""

    outbound: Outbound
    settings: Settings
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """It was taken; in the receiver's own words."""

    detail: str


class Temporary(Exception):
    """It did not go through, and may later. `unknown`: it may have gone through all the same."""

    def __init__(self, detail: str, retry_after: float | None = None, *, unknown: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.unknown = unknown


class Permanent(Exception):
    """It will never go through. `stops`: nor will anything else on this channel, until somebody looks at it."""

    def __init__(self, detail: str, *, stops: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.stops = stops


@contextlib.asynccontextmanager
async def deadline(seconds: float, what: str) -> AsyncIterator[None]:
    """What takes longer has an unknown end."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Temporary(f"{what} did not answer within {seconds:g} s", unknown=True) from None


async def post(wire: Wire, url: str, body: bytes, headers: Mapping[str, str], *, now: datetime, what: str) -> Answer:
    """POST, and sort the answer: 2xx is answered, the rest raised as Temporary or Permanent, in the receiver's words."""
    try:
        async with deadline(SEND_SECONDS, what):
            answer = await wire.outbound.request(
                "POST", url, headers=headers, content=body, timeout=2 * SEND_SECONDS, max_body=64 * 1024
            )
    except AddressRefused as error:
        raise Permanent(error.message) from None
    except Invalid as error:
        raise Permanent(f"the address is {error.message}") from None
    except Unavailable as error:
        raise Temporary(error.message) from None
    said = words(answer)
    match answer.status:
        case status if 200 <= status < 300:
            return answer
        case 404 | 410:
            raise Permanent(said, stops=True)
        case 401 | 403 | 408 | 409 | 421 | 425 | 429:
            raise Temporary(said, retry_after(answer, now))
        case status if status >= 500:
            raise Temporary(said, retry_after(answer, now))
        case status if 300 <= status < 400:
            raise Permanent(f"{said}: it answers with a redirection; give the address that it leads to")
    raise Permanent(said)


def words(answer: Answer) -> str:
    """What a receiver said, as in "410: gone"."""
    text = answer.body.decode("utf-8", "replace").strip()
    return f"{answer.status}: {text}" if text else str(answer.status)


def retry_after(answer: Answer, now: datetime) -> float | None:
    """The seconds that `Retry-After` asks for, which may be a number or a date."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    if not said:
        return None
    try:
        return max(0.0, (parsedate_to_datetime(said) - now).total_seconds())
    except (ValueError, TypeError):
        return None
