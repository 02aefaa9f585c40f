"""The audit log: the journal, read by admins and never written by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select

from century.core import journal
from century.core.journal import JournalRow, Verification
from century.core.work import Work


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: `action` is a kind or its first word, `actor` a part of a name, `until` is exclusive."""

    action: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def read_entries(work: Work, wanted: Wanted, *, first: int, before: int | None = None) -> Sequence[Row[Any]]:
    """Up to `first` entries, the newest first, older than number `before`."""
    statement = select(*JournalRow.__table__.columns).order_by(JournalRow.number.desc()).limit(first)
    if before is not None:
        statement = statement.where(JournalRow.number < before)
    if wanted.action:
        action = _text(wanted.action)
        statement = statement.where(
            or_(JournalRow.kind == action, JournalRow.kind.startswith(f"{action}.", autoescape=True))
        )
    if wanted.actor:
        statement = statement.where(JournalRow.actor_name.icontains(_text(wanted.actor), autoescape=True))
    if wanted.since is not None:
        statement = statement.where(JournalRow.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(JournalRow.at < wanted.until)
    return await work.rows(statement)


async def verify(work: Work) -> Verification:
    """Walk the whole chain of hashes."""
    return await journal.verify(work.connection)


def _text(text: str) -> str:
    # PostgreSQL has no text with a zero in it.
    return text.replace("\0", "\ufffd").strip()
