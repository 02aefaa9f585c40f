"""Compaction: the blocks of a closed hour become chunks, cells of rollups and a summary; late ones join them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg  # type: ignore[import-untyped]
import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from century.core.work import Works
from century.telemetry import block, chunk, differences, packed, summary, tally, totals
from century.telemetry import hour as hours
from century.telemetry.block import Block
from century.telemetry.chunk import HOUR, Chunk
from century.telemetry.differences import Carry
from century.telemetry.hour import DAY
from century.telemetry.instants import nanoseconds
from century.telemetry.plain import Points, Series, plain
from century.telemetry.raw import Connection, asking, series_by_id, writing
from century.telemetry.sketch import Ints

logger = logging.getLogger(__name__)

GRACE = timedelta(minutes=5)
MOST_SECONDS = 40.0
TOTALS_SECONDS = 10.0
FAILURES = (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""The database is away: everything waits."""
LOCK = 0x63_6D_70
"""The first key of the advisory lock under which a service's hours are written; the second is the service."""


async def compact(works: Works) -> int:
    """Compact every closed hour that has blocks, oldest first, for so long as a job may take; answers how many it did.

    One that cannot be compacted is left, with its blocks, and does not keep the others waiting.
    """
    closed = works.clock.now() - GRACE - timedelta(hours=1)
    async with asking(works.engine) as raw:
        due = await raw.fetch("SELECT DISTINCT hour, service_id FROM block WHERE hour <= $1 ORDER BY 1, 2", closed)
    done, end = 0, time.monotonic() + MOST_SECONDS
    changed: set[totals.Slot] = set()
    for at, service in due:
        try:
            await compact_hour(works, service, at)
            done += 1
            changed |= {(60, at), (3600, at - timedelta(hours=at.hour))}
        except FAILURES:
            raise
        except Exception:
            logger.exception("the hour %s of service %s could not be compacted", at, service)
        if time.monotonic() > end:
            break
    # The newest first: they are asked for the most.
    for step, start in sorted(changed, key=lambda slot: slot[1], reverse=True):
        if time.monotonic() < end + TOTALS_SECONDS:
            async with writing(works.engine) as raw:
                await totals.make(raw, step, start)
    return done


async def compact_hour(works: Works, service: int, at: datetime) -> None:
    """Move one hour of one service from blocks to chunks, in one transaction."""
    async with writing(works.engine) as raw:
        await raw.execute("SELECT pg_advisory_xact_lock($1, $2)", LOCK, service)
        rows = await raw.fetch(
            "SELECT id, columns FROM block WHERE service_id = $1 AND hour = $2 ORDER BY id", service, at
        )
        if rows:
            await store(raw, service, at, block.join([columns for _, columns in rows]))
            await raw.execute("DELETE FROM block WHERE id = ANY($1::bigint[])", [number for number, _ in rows])


async def store(raw: Connection, service: int, at: datetime, given: Block) -> None:
    """Add points of one hour to what is kept of it."""
    start = nanoseconds(at)
    numbers = series_in(given)
    series = await series_by_id(raw, numbers)
    given = known(given, series)
    old = await _kept(raw, service, at, series)
    given = without(given, old.chunks)
    carries = await load_carries(raw, [each.id for each in series.values() if each.cumulative], lock=True)
    points = plain(given, series, carries)
    closed = close(points, series, old, start)
    if not closed.changed:
        return
    await _save(raw, service, at, closed)
    await raw.executemany(
        "UPDATE series SET carry = $2 WHERE id = $1",
        [(number, differences.encode_carry(carry)) for number, carry in sorted(carries.items())],
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a service's hour already: chunks (of the touched series and all that its summary is made of),
    the day's rollups of the touched ones, and its summaries."""

    times: Ints
    chunks: Mapping[int, Chunk]
    series: Mapping[int, Series]
    rollups: Mapping[int, bytes]
    day: bytes | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The rows that an hour's points lead to."""

    times: bytes
    changed: Sequence[int]
    points: Sequence[int]
    chunks: Sequence[bytes]
    rollups: Sequence[bytes]
    minutes: bytes
    day: bytes


NOTHING = Kept(np.zeros(0, dtype=np.int64), {}, {}, {}, None)


def close(points: Points, series: Mapping[int, Series], old: Kept, start: int) -> Closed:
    """From the plain points of an hour, and what is kept of it already, to its rows."""
    fresh = hours.chunks(points, start)
    made = {n: chunk.merge(old.chunks[n], new) if n in old.chunks else new for n, new in fresh.items()}
    changed = sorted(made)
    arrived = [each.at for each in made.values()]
    times = chunk.united(old.times, np.unique(np.concatenate(arrived)) if arrived else old.times[:0])
    order = np.argsort(times, kind="stable")
    midnight = start - start % DAY
    minutes = hours.of_chunks({**old.chunks, **made}, {**old.series, **series}, start)
    day = hours.with_hour(summary.decode(old.day) if old.day else None, midnight, minutes)
    return Closed(
        chunk.encode_times(times),
        changed,
        [len(made[number].at) for number in changed],
        [chunk.encode(made[number], times, order) for number in changed],
        [_rollup(made[number], old.rollups.get(number), start) for number in changed],
        summary.encode(minutes),
        summary.encode(day),
    )


def _rollup(made: Chunk, old: bytes | None, start: int) -> bytes:
    number = start % DAY // HOUR
    if made.grid is not None:
        return packed.encode(hours.grid_with_hour(packed.decode(old) if old else None, number, made.grid.total()))
    return tally.encode(hours.tally_with_hour(tally.decode(old) if old else None, number, made.tally(start)))


async def _kept(raw: Connection, service: int, at: datetime, series: Mapping[int, Series]) -> Kept:
    midnight = at - timedelta(hours=at.hour)
    rows = await raw.fetch(
        "SELECT series_id, data FROM rollup WHERE series_id = ANY($1::int[]) AND day = $2", list(series), at.date()
    )
    rollups = dict(rows)
    day = await raw.fetchval(
        "SELECT data FROM summary WHERE service_id = $1 AND step = 3600 AND start = $2", service, midnight
    )
    packed = await raw.fetchval(
        "SELECT times FROM summary WHERE service_id = $1 AND step = 60 AND start = $2", service, at
    )
    if packed is None:
        return Kept(NOTHING.times, {}, {}, rollups, day)
    times = chunk.decode_times(packed)
    found = await raw.fetch(
        "SELECT c.series_id, c.data FROM chunk c JOIN series s ON s.id = c.series_id WHERE s.service_id = $1 AND c.hour = $2",
        service,
        at,
    )
    all_series = await series_by_id(raw, [number for number, _ in found])
    wanted = {n for n, each in all_series.items() if n in series or hours.summarized(each)}
    return Kept(
        times, {number: chunk.decode(data, times) for number, data in found if number in wanted}, all_series, rollups, day
    )  # fmt: skip


async def _save(raw: Connection, service: int, at: datetime, closed: Closed) -> None:
    await raw.execute(
        "INSERT INTO chunk (series_id, hour, points, data)"
        " SELECT series_id, $2, points, data FROM unnest($1::int[], $3::int[], $4::bytea[]) AS made (series_id, points, data)"
        " ON CONFLICT (series_id, hour) DO UPDATE SET points = excluded.points, data = excluded.data",
        closed.changed, at, closed.points, closed.chunks,
    )  # fmt: skip
    await raw.execute(
        "INSERT INTO rollup (series_id, day, data)"
        " SELECT series_id, $2, data FROM unnest($1::int[], $3::bytea[]) AS made (series_id, data)"
        " ON CONFLICT (series_id, day) DO UPDATE SET data = excluded.data",
        closed.changed, at.date(), closed.rollups,
    )  # fmt: skip
    await raw.execute(
        "INSERT INTO summary (service_id, step, start, data, times) VALUES ($1, 60, $2, $3, $4), ($1, 3600, $5, $6, NULL)"
        " ON CONFLICT (service_id, step, start) DO UPDATE SET data = excluded.data, times = excluded.times",
        service, at, closed.minutes, closed.times, at - timedelta(hours=at.hour), closed.day,
    )  # fmt: skip


async def load_carries(raw: Connection, numbers: Sequence[int], *, lock: bool = False) -> dict[int, Carry]:
    """What was counted last of each cumulative series."""
    if not numbers:
        return {}
    statement = "SELECT id, carry FROM series WHERE id = ANY($1::int[]) ORDER BY id" + (" FOR UPDATE" if lock else "")
    return {number: differences.decode_carry(carry) for number, carry in await raw.fetch(statement, list(numbers))}


def series_in(given: Block) -> list[int]:
    """The series that a block has points of."""
    columns = [given.numbers.series, given.sketches.series, given.explicits.series]
    numbers: list[int] = np.unique(np.concatenate(columns)).tolist()
    return numbers


def known(given: Block, series: Mapping[int, Series]) -> Block:
    """The points whose series exists."""
    found = np.array(sorted(series), dtype=np.int32)
    return given if len(found) == len(series_in(given)) else block.select(given, found)


def without(given: Block, kept: Mapping[int, Chunk]) -> Block:
    """The points that the chunks of their series do not hold already."""
    if not kept:
        return given
    return Block(
        block.take(given.numbers, _new(given.numbers, kept)),
        block.take(given.sketches, _new(given.sketches, kept)),
        block.take(given.explicits, _new(given.explicits, kept)),
    )


def _new(section: block.Numbers | block.Sketches | block.Explicits, kept: Mapping[int, Chunk]) -> block.Mask:
    new = np.ones(len(section.at), dtype=bool)
    for number in np.unique(section.series).tolist():
        if number in kept:
            mine = section.series == number
            new[mine] = ~np.isin(section.at[mine], kept[number].at)
    return new
