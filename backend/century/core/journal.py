"""What happened, append only: one row serves as audit entry, timeline entry and live event.

Each row's hash covers the row before it and a commitment to what the row says, salted: erasing the salt and the
personal fields of a row leaves the chain verifiable (the scheme of Crosby and Wallach, "Efficient Data Structures for
Tamper-Evident Logging", 2009, in its simplest form: a list).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, Index, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from century.core.actor import Actor
from century.core.db import Base

TOPIC = "journal"
LOCK = 0x43454E54
SALT_LENGTH = 16
PAGE = 5_000
GENESIS = bytes(32)


class JournalRow(Base):
    """One thing that happened; its number is the cursor of live events."""

    __tablename__ = "journal"
    __table_args__ = (Index(None, "subject_id", "number"), Index(None, "kind", "number"))

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    subject: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_kind: Mapped[str]
    actor_name: Mapped[str]
    address: Mapped[str | None]
    outcome: Mapped[str]
    details: Mapped[dict[str, Any]]
    salt: Mapped[bytes | None]
    commitment: Mapped[bytes]
    hash: Mapped[bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a service asked to be recorded, before it has a number."""

    kind: str
    subject_id: UUID | None
    subject: str
    outcome: str = "ok"
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the chain holds, over how many entries, and when the first broken one claims to be from."""

    ok: bool
    entries: int
    first_broken_at: datetime | None = None


def commit_to(
    salt: bytes,
    *,
    subject: str,
    actor_id: UUID | None,
    actor_name: str,
    address: str | None,
    details: dict[str, Any],
) -> bytes:
    """The salted commitment to everything in a row that may name a person."""
    said = [subject, str(actor_id), actor_name, address, details]
    return hashlib.sha256(salt + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


def chain(
    previous: bytes,
    *,
    number: int,
    at: datetime,
    kind: str,
    subject_id: UUID | None,
    actor_kind: str,
    outcome: str,
    commitment: bytes,
) -> bytes:
    """The hash of a row, given the hash of the row before it."""
    microseconds = round(at.timestamp() * 1_000_000)
    fixed = orjson.dumps([number, microseconds, kind, str(subject_id), actor_kind, outcome])
    return hashlib.sha256(previous + fixed + commitment).digest()


async def append(connection: AsyncConnection, entries: Sequence[Entry], actor: Actor, now: datetime) -> list[int]:
    """Write entries at the end of the chain, in order, and answer their numbers.

    Takes a lock that is held until the transaction ends, so that numbers follow the order of commits: call it last.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    last = (
        await connection.execute(select(JournalRow.number, JournalRow.hash).order_by(JournalRow.number.desc()).limit(1))
    ).one_or_none()
    number, previous = (last.number, last.hash) if last else (0, GENESIS)
    rows = []
    for entry in entries:
        number += 1
        salt = secrets.token_bytes(SALT_LENGTH)
        details = orjson.loads(orjson.dumps(entry.details, default=str))
        commitment = commit_to(
            salt,
            subject=entry.subject,
            actor_id=actor.id,
            actor_name=actor.name,
            address=actor.address,
            details=details,
        )
        previous = chain(
            previous,
            number=number,
            at=now,
            kind=entry.kind,
            subject_id=entry.subject_id,
            actor_kind=actor.kind,
            outcome=entry.outcome,
            commitment=commitment,
        )
        rows.append(
            {
                "number": number,
                "at": now,
                "kind": entry.kind,
                "subject_id": entry.subject_id,
                "subject": entry.subject,
                "actor_id": actor.id,
                "actor_kind": actor.kind.value,
                "actor_name": actor.name,
                "address": actor.address,
                "outcome": entry.outcome,
                "details": details,
                "salt": salt,
                "commitment": commitment,
                "hash": previous,
            }
        )
    await connection.execute(insert(JournalRow), rows)
    return [row["number"] for row in rows]


async def verify(connection: AsyncConnection) -> Verification:
    """Walk the whole chain: a changed, removed or inserted row shows as the first one that does not fit."""
    previous, expected = GENESIS, 1
    while True:
        rows = (
            await connection.execute(
                select(JournalRow.__table__)
                .where(JournalRow.number >= expected)
                .order_by(JournalRow.number)
                .limit(PAGE)
            )
        ).all()
        for row in rows:
            salted = row.salt is None or row.commitment == commit_to(
                row.salt,
                subject=row.subject,
                actor_id=row.actor_id,
                actor_name=row.actor_name,
                address=row.address,
                details=row.details,
            )
            linked = row.hash == chain(
                previous,
                number=row.number,
                at=row.at,
                kind=row.kind,
                subject_id=row.subject_id,
                actor_kind=row.actor_kind,
                outcome=row.outcome,
                commitment=row.commitment,
            )
            if row.number != expected or not salted or not linked:
                return Verification(ok=False, entries=expected - 1, first_broken_at=row.at)
            previous, expected = row.hash, expected + 1
        if len(rows) < PAGE:
            return Verification(ok=True, entries=expected - 1)
