"""What a claim takes: a message that is ours to send, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from century.alerts.alert import Alert
from century.notify.channel import Channel
from century.notify.event import Event


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message that is ours to send: `fence` numbers the try. `more`: there is more for this channel."""

    delivery_id: UUID
    key: str
    event: Event
    level: int
    fence: int
    first_due_at: datetime
    at: datetime
    channel: Channel
    sealed: bytes | None
    email: str | None
    may_acknowledge: bool
    alerts: tuple[tuple[str, Alert], ...]
    admins: tuple[str, ...] = ()
    notice: str | None = None
    failed: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is due for the channel. `again`: something was put away, and there may be more."""

    again: bool = False
