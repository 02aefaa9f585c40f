"""One transaction: its connection, its instant, its actor, and what the world hears once it has committed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import CursorResult, Executable, Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from century.core import journal
from century.core.actor import INTERNAL, Actor
from century.core.bus import Bus
from century.core.clock import Clock
from century.core.meters import Meters

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Work:
    """What a service is handed: everything it does in here commits together, or not at all."""

    def __init__(self, connection: AsyncConnection, now: datetime, actor: Actor, bus: Bus) -> None:
        self.connection = connection
        self.now = now
        self.actor = actor
        self.bus = bus
        self._entries: list[journal.Entry] = []
        self._announcements: list[tuple[str, bytes]] = []
        self._jobs: list[tuple[str, dict[str, Any]]] = []
        self._afterwards: list[Callable[[], None]] = []

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """Run one statement; `rowcount` tells a compare-and-set whether it set."""
        return await self.connection.execute(statement, parameters)

    async def rows(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Row[Any]]:
        """Every row of a statement."""
        return (await self.connection.execute(statement, parameters)).all()

    async def one_or_none(self, statement: Executable, parameters: Parameters | None = None) -> Row[Any] | None:
        """The one row of a statement, or none; more than one is an error."""
        return (await self.connection.execute(statement, parameters)).one_or_none()

    async def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row of a statement; None without a row."""
        return (await self.connection.execute(statement, parameters)).scalar()

    def record(
        self, kind: str, subject: UUID | str | None, *, subject_name: str = "", outcome: str = "ok", **details: Any
    ) -> None:
        """Put `noun.participle` about a subject into the journal, with this transaction."""
        subject_id = subject if isinstance(subject, UUID) else None
        named = subject_name or ("" if subject is None or subject_id else str(subject))
        self._entries.append(journal.Entry(kind, subject_id, named, outcome, details))

    def announce(self, topic: str, message: Any) -> None:
        """Say something on the bus once this transaction has committed."""
        self._announcements.append(
            (topic, message if isinstance(message, bytes) else orjson.dumps(message, default=str))
        )

    def ring(self, job: str, **arguments: Any) -> None:
        """Ring for a worker's job once this transaction has committed."""
        self._jobs.append((job, arguments))

    def afterwards(self, do: Callable[[], None]) -> None:
        """Do something once this transaction has committed, before the world hears of it."""
        self._afterwards.append(do)

    async def _seal(self) -> None:
        if not self._entries:
            return
        numbers = await journal.append(self.connection, self._entries, self.actor, self.now)
        for number, entry in zip(numbers, self._entries, strict=True):
            self.announce(journal.TOPIC, {"number": number, "kind": entry.kind, "subject_id": entry.subject_id})

    async def _tell(self) -> None:
        for do in self._afterwards:
            do()
        if len(self._announcements) == 1:
            await self.bus.publish(*self._announcements[0])
        elif self._announcements:
            await self.bus.publish_all(self._announcements)
        for job, arguments in self._jobs:
            await self.bus.enqueue(job, **arguments)


class Works:
    """Where transactions come from: one a process."""

    def __init__(self, engine: AsyncEngine, clock: Clock, bus: Bus) -> None:
        self.engine = engine
        self.clock = clock
        self.bus = bus
        self.meters = Meters()

    @contextlib.asynccontextmanager
    async def begin(self, actor: Actor = INTERNAL) -> AsyncIterator[Work]:
        """A transaction that commits when the block ends well; then the bus hears of it."""
        async with self.engine.begin() as connection:
            work = Work(connection, self.clock.now(), actor, self.bus)
            yield work
            await work._seal()
        await work._tell()

    @contextlib.asynccontextmanager
    async def read(self, actor: Actor = INTERNAL) -> AsyncIterator[Work]:
        """A read-only transaction."""
        async with self.engine.connect() as connection:
            await connection.execution_options(postgresql_readonly=True)
            yield Work(connection, self.clock.now(), actor, self.bus)
