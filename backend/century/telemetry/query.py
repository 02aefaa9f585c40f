"""Answers from what is kept: the coarsest tier that still gives the points asked for, and always the hot hours beside it.

Tiers: blocks (as they came), chunks and summaries of an hour (minutes; numbers as they came), rollups and summaries of a
day (hours). An edge of a range is exact in the hot hours and for numbers, and to the minute for sketches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from century.telemetry import block, chunk, compaction, grid, hour, summary, tally
from century.telemetry.block import Block
from century.telemetry.chunk import HOUR, MINUTE, MINUTES
from century.telemetry.differences import runs
from century.telemetry.grid import Grid
from century.telemetry.hot import Hot, Key
from century.telemetry.hour import DAY, HOURS
from century.telemetry.plain import Points, Series, plain
from century.telemetry.raw import Connection, instant, nanoseconds, series_by_id
from century.telemetry.sketch import Floats, Ints
from century.telemetry.summary import Summary
from century.telemetry.tally import Tally

SECOND = 1_000_000_000
LADDER = tuple(s * SECOND for s in (10, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400))
MOST_SERIES = 100_000


@dataclass(frozen=True, slots=True)
class Slots:
    """A range cut into slots of `step`: the first slot begins at or before `start`. All in nanoseconds."""

    start: int
    end: int
    step: int

    @property
    def origin(self) -> int:
        return self.start - self.start % self.step

    @property
    def number(self) -> int:
        return -((self.origin - self.end) // self.step)

    @property
    def starts(self) -> Ints:
        return self.origin + np.arange(self.number, dtype=np.int64) * self.step

    @property
    def seconds(self) -> Floats:
        """How much of each slot lies in the range."""
        starts = self.starts
        return (np.minimum(starts + self.step, self.end) - np.maximum(starts, self.start)) / SECOND


def slots(start: datetime, end: datetime, max_points: int, finest: int = LADDER[0]) -> Slots:
    """The finest step of the ladder, no finer than `finest`, that cuts the range into at most `max_points` slots."""
    first, last = nanoseconds(start), nanoseconds(end)
    for step in LADDER:
        if step >= finest and (made := Slots(first, last, step)).number <= max_points:
            return made
    whole = -(-(last - first) // (max(max_points - 1, 1) * DAY)) * DAY
    return Slots(first, last, whole) if max_points > 1 else one_slot(first, last)


def one_slot(start: int, end: int) -> Slots:
    """The whole range as one slot."""
    step = HOUR
    while Slots(start, end, step).number > 1:
        step *= 2
    return Slots(start, end, step)


@dataclass(frozen=True, slots=True)
class Cut:
    """Which tier answers which part of a range."""

    minutes: tuple[tuple[int, int], ...]
    hours: tuple[int, int] | None


def cut(wanted: Slots) -> Cut:
    """Whole hours come from days where the step allows, all else from hours."""
    first, last = -(-wanted.start // HOUR) * HOUR, wanted.end // HOUR * HOUR
    if wanted.step % HOUR or first >= last:
        return Cut(((wanted.start, wanted.end),), None)
    edges = ((wanted.start, first), (last, wanted.end))
    return Cut(tuple(edge for edge in edges if edge[0] < edge[1]), (first, last))


class Reader:
    """Reads what one database keeps. Every method wants a transaction of `raw.reading`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.hot = Hot()
        self._series: dict[int, Series] = {}

    async def recent(
        self, raw: Connection, services: Sequence[int], start: int, end: int, wanted: Callable[[Series], bool]
    ) -> tuple[Points, Mapping[int, Series]]:
        """The plain points of the hot hours from `start` up to, not including, `end`, of the wanted series."""
        since = instant(start - start % HOUR)
        until = instant(end + 999)
        hours = await self.hot.load(raw, services, since, until)
        series = {n: s for n, s in (await self._known(raw, _numbers(hours.values()))).items() if wanted(s)}
        cumulative = sorted({s.service_id for s in series.values() if s.cumulative})
        if cumulative:
            # Each of their points stands for what came since the one before, which may lie before the range.
            hours |= await self.hot.load(raw, cumulative, None, until)
        else:
            hours = {key: _cut(given, start, end) for key, given in hours.items()}
        numbers = np.array(sorted(series), dtype=np.int32)
        chosen = {key: block.select(given, numbers) for key, given in hours.items() if given.points}
        chosen = await self._without_kept(raw, {key: given for key, given in chosen.items() if given.points})
        carries = await compaction.load_carries(raw, [s.id for s in series.values() if s.cumulative])
        points = plain(block.concat([chosen[key] for key in sorted(chosen)]), series, carries)
        return (_between(points, start, end) if cumulative else points), series

    async def each(self, raw: Connection, services: Sequence[int], wanted: Slots) -> dict[int, Summary]:
        """What each service did lately, of the hot hours alone."""
        points, series = await self.recent(raw, services, wanted.start, wanted.end, hour.summarized)
        parts = {number: points_of(points, series, number) for number in services}
        return {
            number: hour.summarize(mine, series, wanted.origin, wanted.step, wanted.number)
            for number, mine in parts.items()
        }

    async def summaries(self, raw: Connection, services: Sequence[int], wanted: Slots) -> Summary:
        """What services did together in each of the slots."""
        parts: list[Summary] = []
        tiers = cut(wanted)
        for start, end in tiers.minutes:
            rows = await raw.fetch(
                "SELECT data FROM summary WHERE service_id = ANY($1::int[]) AND step = 60 AND start >= $2 AND start < $3",
                list(services), instant(start - start % HOUR), instant(end),
            )  # fmt: skip
            parts += [summary.decode(data).between(start, end) for (data,) in rows]
        if tiers.hours is not None:
            start, end = tiers.hours
            rows = await raw.fetch(
                "SELECT data FROM summary WHERE service_id = ANY($1::int[]) AND step = 3600 AND start >= $2 AND start < $3",
                list(services), instant(start - start % DAY), instant(end),
            )  # fmt: skip
            parts += [summary.decode(data).between(start, end) for (data,) in rows]
        points, series = await self.recent(raw, services, wanted.start, wanted.end, hour.summarized)
        if len(points.numbers.at) or len(points.sketches.at):
            parts.append(_summarized(points, series, wanted))
        return summary.pile(parts, wanted.origin, wanted.step, wanted.number)

    async def finest(self, raw: Connection, services: Sequence[int], start: datetime) -> int:
        """The finest step that tells more than the one above it, for a range that begins at `start`."""
        closed = await raw.fetchval(
            "SELECT EXISTS (SELECT FROM summary WHERE service_id = ANY($1::int[]) AND step = 60 AND start > $2)",
            list(services), start - timedelta(hours=1),
        )  # fmt: skip
        return MINUTE if closed else LADDER[0]

    async def grids(
        self, raw: Connection, series: Mapping[int, Series], groups: Mapping[int, int], wanted: Slots
    ) -> list[Grid]:
        """The sketches of series, merged by group (series id to group, from 0 on), in each of the slots."""
        parts: dict[int, list[tuple[Ints, Grid]]] = {group: [] for group in range(max(groups.values(), default=-1) + 1)}
        tiers, origin, step = cut(wanted), wanted.origin, wanted.step
        for start, end in tiers.minutes:
            for number, at, data in await _chunks(raw, series, start, end):
                made, first = chunk.decode(data, None).grid, nanoseconds(at)
                if made is not None:
                    low, high = _inside(first, MINUTE, MINUTES, start, end)
                    parts[groups[number]].append(
                        (_places(first, MINUTE, low, high, origin, step), made.slice(low, high))
                    )
        if tiers.hours is not None:
            start, end = tiers.hours
            for number, at, data in await _rollups(raw, series, start, end):
                first = nanoseconds(at)
                low, high = _inside(first, HOUR, HOURS, start, end)
                made = grid.decode(data)
                parts[groups[number]].append(
                    (
                        _places(first, HOUR, low, high, origin, step),
                        made if high - low == HOURS else made.slice(low, high),
                    )
                )
        points, _ = await self._recent_of(raw, series, wanted)
        sketches, ends = points.sketches, np.cumsum(points.sketches.width, dtype=np.int64)
        for begin, stop in runs(sketches.series):
            mine = hour.part_of(sketches, begin, stop, ends)
            slot = (mine.at - origin) // step
            made = hour.gridded(mine, slot - slot[0], int(slot[-1] - slot[0]) + 1, bool(points.approximate[begin]))
            parts[groups[int(mine.series[0])]].append((np.arange(slot[0], slot[-1] + 1), made))
        return [grid.pile(mine, wanted.number) for mine in parts.values()]

    async def tallies(self, raw: Connection, series: Mapping[int, Series], wanted: Slots) -> dict[int, Tally]:
        """The numbers of each series tallied in each of the slots."""
        parts: dict[int, list[tuple[Ints, Tally]]] = {number: [] for number in series}
        tiers, origin, step = cut(wanted), wanted.origin, wanted.step
        if tiers.hours is not None:
            start, end = tiers.hours
            for number, at, data in await _rollups(raw, series, start, end):
                first = nanoseconds(at)
                low, high = _inside(first, HOUR, HOURS, start, end)
                parts[number].append(
                    (_places(first, HOUR, low, high, origin, step), tally.decode(data).slice(low, high))
                )
        numbers = await self.numbers(raw, series, wanted, tiers.minutes)
        everywhere = np.arange(wanted.number, dtype=np.int64)
        for number, (times, value) in numbers.items():
            made = tally.build((times - origin) // step, wanted.number, times, value)
            parts[number].append((everywhere, made))
        return {number: tally.pile(mine, wanted.number) for number, mine in parts.items()}

    async def numbers(
        self,
        raw: Connection,
        series: Mapping[int, Series],
        wanted: Slots,
        parts: Iterable[tuple[int, int]] | None = None,
    ) -> dict[int, tuple[Ints, Floats]]:
        """The times and values of each series as they came: of kept hours within `parts`, of hot ones in all the range."""
        found: dict[int, list[tuple[Ints, Floats]]] = {}
        times: dict[Key, Ints] = {}
        services = sorted({each.service_id for each in series.values()})
        for start, end in [(wanted.start, wanted.end)] if parts is None else parts:
            rows = await raw.fetch(
                "SELECT service_id, start, times FROM summary"
                " WHERE service_id = ANY($1::int[]) AND step = 60 AND start >= $2 AND start < $3",
                services, instant(start - start % HOUR), instant(end),
            )  # fmt: skip
            times |= {(service, nanoseconds(at)): chunk.decode_times(packed) for service, at, packed in rows}
            for number, at, data in await _chunks(raw, series, start, end):
                key = (series[number].service_id, nanoseconds(at))
                if key in times:
                    kept = chunk.within(chunk.decode(data, times[key]), start, end)
                    if kept.value is not None:
                        found.setdefault(number, []).append((kept.at, kept.value))
        points, _ = await self._recent_of(raw, series, wanted)
        for begin, stop in runs(points.numbers.series):
            number = int(points.numbers.series[begin])
            found.setdefault(number, []).append((points.numbers.at[begin:stop], points.numbers.value[begin:stop]))
        return {number: _in_order(mine) for number, mine in found.items()}

    async def _recent_of(
        self, raw: Connection, series: Mapping[int, Series], wanted: Slots
    ) -> tuple[Points, Mapping[int, Series]]:
        services = sorted({each.service_id for each in series.values()})
        return await self.recent(raw, services, wanted.start, wanted.end, lambda each: each.id in series)

    async def _known(self, raw: Connection, numbers: Sequence[int]) -> dict[int, Series]:
        unknown = [number for number in numbers if number not in self._series]
        if unknown:
            if len(self._series) > MOST_SERIES:
                self._series.clear()
                unknown = list(numbers)
            self._series |= await series_by_id(raw, unknown)
        return {number: self._series[number] for number in numbers if number in self._series}

    async def _without_kept(self, raw: Connection, hours: dict[Key, Block]) -> dict[Key, Block]:
        """Late blocks, whose hour is kept already, without the points that it holds."""
        if not hours:
            return hours
        rows = await raw.fetch(
            "SELECT service_id, start, times FROM summary"
            " WHERE service_id = ANY($1::int[]) AND step = 60 AND start = ANY($2::timestamptz[])",
            sorted({service for service, _ in hours}), [instant(at) for at in sorted({at for _, at in hours})],
        )  # fmt: skip
        for service, at, packed in rows:
            key = (service, nanoseconds(at))
            if key in hours:
                times = chunk.decode_times(packed)
                kept = await raw.fetch(
                    "SELECT series_id, data FROM chunk WHERE hour = $1 AND series_id = ANY($2::int[])",
                    at, compaction.series_in(hours[key]),
                )  # fmt: skip
                held = {number: chunk.decode(data, times) for number, data in kept}
                hours[key] = compaction.without(hours[key], held)
        return hours


async def _chunks(
    raw: Connection, series: Iterable[int], start: int, end: int
) -> Sequence[tuple[int, datetime, bytes]]:
    return await raw.fetch(  # type: ignore[no-any-return]
        "SELECT series_id, hour, data FROM chunk WHERE series_id = ANY($1::int[]) AND hour >= $2 AND hour < $3",
        list(series), instant(start - start % HOUR), instant(end),
    )  # fmt: skip


async def _rollups(
    raw: Connection, series: Iterable[int], start: int, end: int
) -> Sequence[tuple[int, datetime, bytes]]:
    return await raw.fetch(  # type: ignore[no-any-return]
        "SELECT series_id, day::timestamp AT TIME ZONE 'UTC', data FROM rollup"
        " WHERE series_id = ANY($1::int[]) AND day >= $2 AND day <= $3",
        list(series), instant(start).date(), instant(end - 1).date(),
    )  # fmt: skip


def _inside(first: int, step: int, number: int, start: int, end: int) -> tuple[int, int]:
    """Which of `number` cells from `first` on begin from `start` up to, not including, `end`."""
    low = min(max(-((first - start) // step), 0), number)
    return low, min(max(-((first - end) // step), low), number)


def _places(first: int, own: int, low: int, high: int, origin: int, step: int) -> Ints:
    return (first + np.arange(low, high, dtype=np.int64) * own - origin) // step


def _summarized(points: Points, series: Mapping[int, Series], wanted: Slots) -> Summary:
    """Hot points in slots of a minute at most, in which availability is told."""
    base = min(wanted.step, MINUTE)
    times = [each for each in (points.numbers.at, points.sketches.at) if len(each)]
    first = min(int(each.min()) for each in times) // base * base
    last = max(int(each.max()) for each in times)
    return hour.summarize(points, series, first, base, (last - first) // base + 1)


def points_of(points: Points, series: Mapping[int, Series], service: int) -> Points:
    """The points of one service."""
    mine = np.array([number for number, each in series.items() if each.service_id == service], dtype=np.int32)
    sketches = np.isin(points.sketches.series, mine)
    return replace(
        points,
        numbers=block.take(points.numbers, np.isin(points.numbers.series, mine)),
        sketches=block.take(points.sketches, sketches),
        approximate=points.approximate[sketches],
    )


def together(parts: Sequence[Grid]) -> Grid:
    """Grids of the same slots merged."""
    if len(parts) == 1:
        return parts[0]
    everywhere = np.arange(parts[0].slots if parts else 1, dtype=np.int64)
    return grid.pile([(everywhere, part) for part in parts], len(everywhere))


def _cut(given: Block, start: int, end: int) -> Block:
    """The points of a block from `start` up to, not including, `end`."""
    sections = (given.numbers, given.sketches, given.explicits)
    inside = [(each.at >= start) & (each.at < end) for each in sections]
    return Block(
        block.take(given.numbers, inside[0]),
        block.take(given.sketches, inside[1]),
        block.take(given.explicits, inside[2]),
    )


def _between(points: Points, start: int, end: int) -> Points:
    numbers = (points.numbers.at >= start) & (points.numbers.at < end)
    sketches = (points.sketches.at >= start) & (points.sketches.at < end)
    if numbers.all() and sketches.all():
        return points
    return replace(
        points,
        numbers=block.take(points.numbers, numbers),
        sketches=block.take(points.sketches, sketches),
        approximate=points.approximate[sketches],
    )


def _in_order(parts: Sequence[tuple[Ints, Floats]]) -> tuple[Ints, Floats]:
    at, value = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
    order = np.argsort(at, kind="stable")
    return at[order], value[order]


def _numbers(blocks: Iterable[Block]) -> list[int]:
    return sorted({number for given in blocks for number in compaction.series_in(given)})
