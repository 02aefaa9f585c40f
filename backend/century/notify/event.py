"""What is told, and the keys by which a receiver recognises a repeat."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID


class Event(StrEnum):
    """What a message tells: an alert that fires, that somebody took, that is over; a test; or news of a channel."""

    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    TEST = "test"
    NOTICE = "notice"


def notification_key(
    alert_id: UUID, episode: int, event: Event, level: int, channel_id: UUID, person_id: UUID | None
) -> str:
    """What makes a notification the same one: the alert, its episode, the news, the level, the channel, the person."""
    return f"{alert_id}:{episode}:{event.value}:{level}:{channel_id}:{person_id or '-'}"


def delivery_key(keys: Iterable[str]) -> str:
    """The key that a message carries on the wire: it follows from the notifications in it."""
    return "msg_" + hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:32]
