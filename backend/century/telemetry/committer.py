"""How blocks reach the disk: whatever came in while the last commit ran goes in the next one, and nobody is answered
before it. A repeated request is recognised by its digest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import numpy as np
import orjson
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from century.core.errors import Unavailable
from century.core.work import Works
from century.telemetry.block import Block, span
from century.telemetry.exemplar import Exemplar
from century.telemetry.identity import is_internal
from century.telemetry.instants import instant

logger = logging.getLogger("century.telemetry")

TOPIC = "telemetry.stored"
MOST_WAITING = 2_000
MOST_WAITING_BYTES = 64 << 20
MOST_GROUP_BYTES = 16 << 20
MOST_INCOMING_BYTES = 128 << 20
EXEMPLAR_BYTES = 200
TIMEOUT = 10.0
TELL_EVERY = 0.05
SLOT = 10_000_000_000
# Slots older than this are history being loaded, which nobody watches live.
LIVE_SLOTS = 360

INSERT = """
    INSERT INTO block (service_id, digest, received_at, first_at, last_at, hour, points, columns)
    SELECT * FROM unnest($1::int[], $2::bytea[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[],
                         $6::timestamptz[], $7::int[], $8::bytea[])
    ON CONFLICT (digest) DO NOTHING"""

# The same statement, so that a block and its exemplars are stored together or not at all.
INSERT_BOTH = f"""
    WITH stored AS ({INSERT})
    INSERT INTO exemplar (series_id, at, trace_id, span_id, value)
    SELECT * FROM unnest($9::int[], $10::timestamptz[], $11::text[], $12::text[], $13::float8[])
    ON CONFLICT DO NOTHING"""

# The internal error is what asyncpg raises when a connection dies between two messages.
FAILURES = (
    OSError,
    TimeoutError,
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """One row of `block`, and what is told of it; without points only its exemplars are stored."""

    service: str
    service_id: int
    digest: bytes
    received_at: datetime
    first_at: datetime
    last_at: datetime
    hour: datetime
    points: int
    columns: bytes
    slots: frozenset[int]
    exemplars: Sequence[Exemplar] = ()


@dataclass(slots=True)
class _Waiting:
    rows: Sequence[Stored]
    size: int
    done: asyncio.Future[None]


@dataclass(slots=True)
class Committer:
    """One a process; `store` returns once the rows are on disk."""

    works: Works
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    _queue: asyncio.Queue[_Waiting] = field(default_factory=asyncio.Queue)
    _bytes: int = 0
    _incoming: int = 0
    _connection: AsyncConnection | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _news: dict[str, tuple[int, set[int]]] = field(default_factory=dict)
    _is_news: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Begin to commit and to tell."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._commit_forever(), name="committer"),
                asyncio.create_task(self._tell_forever(), name="committer-news"),
            ]

    async def stop(self) -> None:
        """Commit what waits, then end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._drop()

    def admit(self) -> None:
        """Raise `Unavailable` when too much waits already: before anything is read or unpacked."""
        if self._bytes > MOST_WAITING_BYTES or self._queue.qsize() >= MOST_WAITING:
            raise Unavailable("more telemetry is waiting than can be stored; send it again", 1.0)

    @contextlib.contextmanager
    def taking(self, size: int) -> Iterator[None]:
        """Hold room for a request of so many bytes while it is read and stored; raises `Unavailable`."""
        self.admit()
        if self._incoming + size > MOST_INCOMING_BYTES:
            raise Unavailable("too many large requests at once; send it again", 1.0)
        self._incoming += size
        try:
            yield
        finally:
            self._incoming -= size

    async def store(self, rows: Sequence[Stored]) -> None:
        """Return after COMMIT. Raises `Unavailable` when it failed or is not known: sending it again is safe."""
        self.admit()
        size = sum(len(row.columns) + EXEMPLAR_BYTES * len(row.exemplars) for row in rows)
        waiting = _Waiting(rows, size, asyncio.get_running_loop().create_future())
        self._bytes += size
        self.works.meters.ingest_waiting.set(self._bytes)
        self._queue.put_nowait(waiting)
        try:
            async with asyncio.timeout(TIMEOUT):
                await waiting.done
        except TimeoutError:
            raise Unavailable("the database took too long; send it again", 5.0) from None

    async def _commit_forever(self) -> None:
        while True:
            group = [await self._queue.get()]
            size = group[0].size
            while size < MOST_GROUP_BYTES and not self._queue.empty():
                group.append(self._queue.get_nowait())
                size += group[-1].size
            failure: Exception | None = None
            rows = [row for each in group for row in each.rows]
            meters = self.works.meters
            try:
                with meters.ingest_commit.time():
                    await self._insert(rows)
                meters.ingest_points.inc(sum(row.points for row in rows))
            except FAILURES as error:
                logger.warning("telemetry was not stored: %s: %s", type(error).__name__, str(error).splitlines()[:1])
                failure = Unavailable("the database does not answer; send it again", 2.0)
            except Exception as error:  # whatever it is, the senders get an answer and the loop goes on
                logger.exception("telemetry was not stored")
                failure = error
            for each in group:
                self._bytes -= each.size
                self._queue.task_done()
                if each.done.done():
                    continue
                if failure:
                    each.done.set_exception(failure)
                else:
                    each.done.set_result(None)
            meters.ingest_waiting.set(self._bytes)
            if not failure:
                self._note(rows)

    async def _insert(self, rows: Sequence[Stored]) -> None:
        """One statement, which is its own transaction. Once more on a fresh connection if the old one had died."""
        blocks = [row for row in rows if row.points]
        columns: list[list[Any]] = [
            [row.service_id for row in blocks],
            [row.digest for row in blocks],
            [row.received_at for row in blocks],
            [row.first_at for row in blocks],
            [row.last_at for row in blocks],
            [row.hour for row in blocks],
            [row.points for row in blocks],
            [row.columns for row in blocks],
        ]
        statement = INSERT
        exemplars = [each for row in rows for each in row.exemplars]
        if exemplars:
            statement = INSERT_BOTH
            # In one order everywhere, so that two processes cannot wait for each other.
            exemplars.sort(key=lambda each: (each.series, each.at, each.trace_id, each.span_id))
            columns += [
                [each.series for each in exemplars],
                [instant(each.at) for each in exemplars],
                [each.trace_id for each in exemplars],
                [each.span_id for each in exemplars],
                [each.value for each in exemplars],
            ]
        was_open = self._connection is not None
        try:
            await (await self._raw()).execute(statement, *columns, timeout=TIMEOUT)
        except FAILURES:
            await self._drop()
            if not was_open:
                raise
            try:
                await (await self._raw()).execute(statement, *columns, timeout=TIMEOUT)
            except FAILURES:
                await self._drop()
                raise

    async def _raw(self) -> asyncpg.Connection:
        if self._connection is None:
            self._connection = await self.works.engine.connect()
        raw = (await self._connection.get_raw_connection()).driver_connection
        assert isinstance(raw, asyncpg.Connection)
        return raw

    async def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(*FAILURES):
                await connection.invalidate()
            with contextlib.suppress(*FAILURES):
                await connection.close()

    def _note(self, rows: Iterable[Stored]) -> None:
        for row in rows:
            if not row.points or is_internal(row.service):
                continue
            self._news.setdefault(row.service, (row.service_id, set()))[1].update(row.slots)
        self._is_news.set()

    async def _tell_forever(self) -> None:
        while True:
            await self._is_news.wait()
            self._is_news.clear()
            news, self._news = self._news, {}
            for service, (number, slots) in news.items():
                message = {"service": service, "service_id": number, "slots": sorted(slots)}
                await self.works.bus.publish(TOPIC, orjson.dumps(message))
            # The first is told at once; under load one message tells of many batches.
            await asyncio.sleep(TELL_EVERY)


def slots(block: Block, now: int) -> frozenset[int]:
    """The ten-second slots (Unix seconds) of the last hour that a block's points lie in."""
    oldest = now // SLOT - LIVE_SLOTS
    first, last = span(block)
    if last // SLOT < oldest:
        return frozenset()
    if first // SLOT == last // SLOT:
        return frozenset([last // SLOT * 10])
    found = np.unique(np.concatenate([block.numbers.at, block.sketches.at, block.explicits.at]) // SLOT)
    return frozenset((found[found >= oldest] * 10).tolist())
