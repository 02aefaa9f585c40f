"""The status page for feed readers: what went wrong and what was announced, the newest first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from century.overview.status import WORDS, Announcement, Snapshot, StatusIncident, StatusLevel

DAYS = 30
MOST = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to read. `key` stays the same while it lasts; `updated` moves when it ends or is changed."""

    key: str
    title: str
    text: str
    level: StatusLevel
    published: datetime
    updated: datetime


def entries(shown: Snapshot) -> list[Entry]:
    """Everything of the last days, the newest first."""
    told = [_of_incident(each) for each in shown.since(DAYS)]
    said = [_of_announcement(each) for each in shown.announcements if (shown.made_at - each.starts_at).days < DAYS]
    return sorted([*told, *said], key=lambda each: (each.updated, each.key), reverse=True)[:MOST]


def _of_incident(told: StatusIncident) -> Entry:
    key = hashlib.blake2b(f"{told.name} {told.started_at.isoformat()}".encode(), digest_size=8).hexdigest()
    title = f"{told.name}: {'over' if told.ended_at else WORDS[told.level].lower()}"
    # How long it lasts changes by the minute: it is told once it is over.
    text = told.text if told.ended_at else f"{told.name} is {WORDS[told.level].lower()}."
    return Entry(key, title, text, told.level, told.started_at, told.ended_at or told.started_at)


def _of_announcement(said: Announcement) -> Entry:
    return Entry(str(said.id), said.title, said.text, said.level, said.starts_at, said.updated_at)
