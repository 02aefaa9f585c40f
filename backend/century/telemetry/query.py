"""Answers from what is kept: the coarsest tier that still gives the points asked for, and always the hot hours beside it.

Tiers: blocks (as they came), chunks and summaries of an hour (minutes; numbers as they came), rollups and summaries of a
day (hours). An edge of a range is exact in the hot hours and for numbers, and to the minute for sketches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from century.telemetry import block, chunk, compaction, grid, hour, summary, tally
from century.telemetry.block import Block
from century.telemetry.cache import Cache
from century.telemetry.chunk import HOUR, MINUTE, MINUTES
from century.telemetry.differences import runs
from century.telemetry.grid import Grid
from century.telemetry.hot import Hot, HotHour, Key
from century.telemetry.hour import DAY, HOURS
from century.telemetry.plain import Points, Series, plain
from century.telemetry.raw import Connection, instant, nanoseconds, series_by_id
from century.telemetry.sketch import Floats, Ints
from century.telemetry.summary import Summary
from century.telemetry.tally import Tally

SECOND = 1_000_000_000
LADDER = tuple(s * SECOND for s in (10, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400))
MOST_SERIES = 100_000
EPOCH_DAY = date(1970, 1, 1).toordinal()
CACHED = 24 << 20
"""How many bytes of decoded rows one process keeps, of summaries and of rollups each."""


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
        self._summaries: Cache[Summary] = Cache(CACHED)
        self._grids: Cache[Grid] = Cache(CACHED)

    async def recent(
        self, raw: Connection, services: Sequence[int], start: int, end: int, wanted: Callable[[Series], bool]
    ) -> tuple[Points, Mapping[int, Series]]:
        """The plain points of the hot hours from `start` up to, not including, `end`, of the wanted series."""
        hours = await self.hot.load(raw, services, instant(start - start % HOUR), instant(end + 999))
        return await self._plain(raw, hours, start, end, wanted)

    async def _plain(
        self, raw: Connection, hours: Mapping[Key, HotHour], start: int, end: int, wanted: Callable[[Series], bool]
    ) -> tuple[Points, Mapping[int, Series]]:
        series = {n: s for n, s in (await self._known(raw, _numbers(hours.values()))).items() if wanted(s)}
        cumulative = sorted({s.service_id for s in series.values() if s.cumulative})
        if cumulative:
            # Each of their points stands for what came since the one before, which may lie before the range.
            hours = {**hours, **await self.hot.load(raw, cumulative, None, instant(end + 999))}
        blocks = {key: held.points if cumulative else _cut(held.points, start, end) for key, held in hours.items()}
        numbers = np.array(sorted(series), dtype=np.int32)
        chosen = {key: block.select(given, numbers) for key, given in blocks.items() if given.points}
        chosen = await self._without_kept(raw, {key: given for key, given in chosen.items() if given.points})
        carries = await compaction.load_carries(raw, [s.id for s in series.values() if s.cumulative])
        points = plain(block.concat([chosen[key] for key in sorted(chosen)]), series, carries)
        return (_between(points, start, end) if cumulative else points), series

    async def _hot_summaries(self, raw: Connection, services: Sequence[int], wanted: Slots) -> list[Summary]:
        """The hot hours in slots of a minute at most; those that lie wholly in the range are made once."""
        start, end = wanted.start, wanted.end
        hours = await self.hot.load(raw, services, instant(start - start % HOUR), instant(end + 999))
        if not hours:
            return []
        known = await self._known(raw, _numbers(hours.values()))
        late = {key for key in await self._kept_hours(raw, hours)}
        name = f"summary {min(wanted.step, MINUTE)}"
        whole = {
            key: held
            for key, held in hours.items()
            if key[1] >= start and held.last_at < end and key not in late
            and not any(known[number].cumulative for number in held.series if number in known)
        }  # fmt: skip
        for key, held in whole.items():
            if name not in held.made:
                points, series = await self._plain(raw, {key: held}, start, end, hour.summarized)
                held.made[name] = _summarized(points, series, wanted)
        rest = {key: held for key, held in hours.items() if key not in whole}
        parts = [held.made[name] for held in whole.values()]
        if rest:
            points, series = await self._plain(raw, rest, start, end, hour.summarized)
            parts.append(_summarized(points, series, wanted))
        return [part for part in parts if part is not None]

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
        tiers = cut(wanted)
        spans = [(60, HOUR, start, end) for start, end in tiers.minutes]
        if tiers.hours is not None:
            spans.append((3600, DAY, *tiers.hours))
        parts = [
            made.between(*spans[span - 1][2:])
            for span, made in await self._kept_summaries(
                raw,
                services,
                [step for step, _, _, _ in spans],
                [instant(start - start % whole) for _, whole, start, _ in spans],
                [instant(end) for _, _, _, end in spans],
            )
        ]
        parts += await self._hot_summaries(raw, services, wanted)
        return summary.pile(parts, wanted.origin, wanted.step, wanted.number)

    async def _kept_summaries(
        self, raw: Connection, services: Sequence[int], steps: list[int], firsts: list[datetime], lasts: list[datetime]
    ) -> list[tuple[int, Summary]]:
        """The rows of each span (from 1 on), those of several services that begin together merged."""
        who = tuple(services)
        # A row's xmin is its version: whatever changes it gives it another.
        listed = await raw.fetch(
            "SELECT span, summary.step, start, array_agg(summary.xmin::text::bigint ORDER BY service_id)"
            " FROM unnest($2::int[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY"
            " AS asked (step, first, last, span) JOIN summary ON service_id = ANY($1::int[])"
            " AND summary.step = asked.step AND start >= first AND start < last GROUP BY 1, 2, 3",
            list(services), steps, firsts, lasts,
        )  # fmt: skip
        found: dict[tuple[int, datetime], Summary] = {}
        missing = []
        for _, step, start, versions in listed:
            held = self._summaries.get((who, step, start), tuple(versions))
            if held is None:
                missing.append((step, start, tuple(versions)))
            else:
                found[step, start] = held
        if missing:
            rows = await raw.fetch(
                "SELECT step, start, data FROM summary JOIN unnest($2::int[], $3::timestamptz[]) AS asked (step, start)"
                " USING (step, start) WHERE service_id = ANY($1::int[])",
                list(services), [step for step, _, _ in missing], [start for _, start, _ in missing],
            )  # fmt: skip
            parts: dict[tuple[int, datetime], list[Summary]] = {}
            for step, start, data in rows:
                parts.setdefault((step, start), []).append(summary.decode(data))
            for step, start, versions in missing:
                same = parts[step, start]
                made = same[0] if len(same) == 1 else summary.pile(same, same[0].start, same[0].step, same[0].slots)
                found[step, start] = made
                self._summaries.put((who, step, start), versions, made, made.requests.counts.nbytes + 200 * made.slots)
        return [(span, found[step, start]) for span, step, start, _ in listed]

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
            for number, first, made in await self._kept_grids(raw, series, start, end):
                low, high = _inside(first, HOUR, HOURS, start, end)
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

    async def _kept_grids(
        self, raw: Connection, series: Iterable[int], start: int, end: int
    ) -> list[tuple[int, int, Grid]]:
        """The rollups of sketches that touch a range: (series, start of the day, grid)."""
        listed = await raw.fetch(
            "SELECT series_id, day, xmin::text::bigint FROM rollup"
            " WHERE series_id = ANY($1::int[]) AND day >= $2 AND day <= $3",
            list(series), instant(start).date(), instant(end - 1).date(),
        )  # fmt: skip
        found = {(number, day): self._grids.get((number, day), version) for number, day, version in listed}
        missing = [(number, day, version) for number, day, version in listed if found[number, day] is None]
        if missing:
            rows = await raw.fetch(
                "SELECT series_id, day, data FROM rollup JOIN unnest($1::int[], $2::date[]) AS asked (series_id, day)"
                " USING (series_id, day)",
                [number for number, _, _ in missing], [day for _, day, _ in missing],
            )  # fmt: skip
            versions = {(number, day): version for number, day, version in missing}
            for number, day, data in rows:
                made = found[number, day] = grid.decode(data)
                self._grids.put((number, day), versions[number, day], made, made.counts.nbytes + 60 * made.slots)
        return [
            (number, (day.toordinal() - EPOCH_DAY) * DAY, made)
            for (number, day), made in found.items()
            if made is not None
        ]

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
        rows = await self._kept_hours(raw, hours)
        for key in rows:
            packed = await raw.fetchval(
                "SELECT times FROM summary WHERE service_id = $1 AND step = 60 AND start = $2", key[0], instant(key[1])
            )
            times = chunk.decode_times(packed)
            kept = await raw.fetch(
                "SELECT series_id, data FROM chunk WHERE hour = $1 AND series_id = ANY($2::int[])",
                instant(key[1]), compaction.series_in(hours[key]),
            )  # fmt: skip
            held = {number: chunk.decode(data, times) for number, data in kept}
            hours[key] = compaction.without(hours[key], held)
        return hours

    async def _kept_hours(self, raw: Connection, hours: Mapping[Key, object]) -> list[Key]:
        """Which of these hours are kept already, so that blocks of theirs are late."""
        if not hours:
            return []
        rows = await raw.fetch(
            "SELECT service_id, start FROM summary"
            " WHERE service_id = ANY($1::int[]) AND step = 60 AND start = ANY($2::timestamptz[])",
            sorted({service for service, _ in hours}), [instant(at) for at in sorted({at for _, at in hours})],
        )  # fmt: skip
        return [key for service, at in rows if (key := (service, nanoseconds(at))) in hours]


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


def _summarized(points: Points, series: Mapping[int, Series], wanted: Slots) -> Summary | None:
    """Hot points in slots of a minute at most, in which availability is told."""
    base = min(wanted.step, MINUTE)
    times = [each for each in (points.numbers.at, points.sketches.at) if len(each)]
    if not times:
        return None
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


def _numbers(hours: Iterable[HotHour]) -> list[int]:
    return sorted({number for held in hours for number in held.series})
