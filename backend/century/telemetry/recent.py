"""What is not compacted yet: the hot hours as plain points, and as summaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from century.telemetry import block, chunk, compaction, hour, summary
from century.telemetry.block import Block
from century.telemetry.chunk import HOUR, MINUTE
from century.telemetry.differences import runs
from century.telemetry.grid import Grid
from century.telemetry.hot import Hot, HotHour, Key
from century.telemetry.instants import instant
from century.telemetry.plain import Points, Series, plain
from century.telemetry.raw import Connection, series_by_id
from century.telemetry.slots import Slots
from century.telemetry.summary import Summary

MOST_SERIES = 100_000


class Recent:
    """Reads the hot hours of one database. Every method wants a transaction of `raw.reading`."""

    def __init__(self) -> None:
        self._hot = Hot()
        self._series: dict[int, Series] = {}

    async def points(
        self, raw: Connection, services: Sequence[int], start: int, end: int, wanted: Callable[[Series], bool]
    ) -> tuple[Points, Mapping[int, Series]]:
        """The plain points of the hot hours from `start` up to, not including, `end`, of the wanted series."""
        hours = await self._hot.load(raw, services, instant(start - start % HOUR), instant(end + 999))
        return await self._plain(raw, hours, start, end, wanted)

    async def summaries(self, raw: Connection, services: Sequence[int], wanted: Slots) -> list[Summary]:
        """The hot hours in slots of a minute at most; those that lie wholly in the range are made once."""
        whole, rest = await self._parted(raw, services, wanted)
        base = min(wanted.step, MINUTE)
        name = f"summary {base}"
        for key, held in whole.items():
            if name not in held.made:
                before: Summary | None = held.before.get(name)
                start = held.since // base * base if before else wanted.start
                points, series = await self._plain(raw, {key: held}, start, wanted.end, hour.summarized)
                held.made[name] = _continued(before, start, _summarized(points, series, wanted))
        parts = [held.made[name] for held in whole.values()]
        if rest:
            points, series = await self._plain(raw, rest, wanted.start, wanted.end, hour.summarized)
            parts.append(_summarized(points, series, wanted))
        return [part for part in parts if part is not None]

    async def grids(
        self, raw: Connection, series: Mapping[int, Series], wanted: Slots
    ) -> list[tuple[int, int, int, Grid]]:
        """The sketches of series in the hot hours: (series, start, step, grid), in minutes where that is fine enough."""
        services = sorted({each.service_id for each in series.values()})
        whole, rest = await self._parted(raw, services, wanted)
        if wanted.step % MINUTE:
            whole, rest = {}, {**whole, **rest}
        made: list[tuple[int, int, int, Grid]] = []
        for key, held in whole.items():
            if "chunks" not in held.made:
                points, _ = await self._plain(raw, {key: held}, wanted.start, wanted.end, lambda each: not each.numeric)
                held.made["chunks"] = hour.chunks(points, key[1])
            chunks: Mapping[int, chunk.Chunk] = held.made["chunks"]
            made += [(n, key[1], MINUTE, one.grid) for n in series if (one := chunks.get(n)) and one.grid is not None]
        if rest:
            points, _ = await self._plain(raw, rest, wanted.start, wanted.end, lambda each: each.id in series)
            sketches, ends = points.sketches, np.cumsum(points.sketches.width, dtype=np.int64)
            for begin, stop in runs(sketches.series):
                mine = hour.part_of(sketches, begin, stop, ends)
                slot = (mine.at - wanted.origin) // wanted.step
                number = int(slot[-1] - slot[0]) + 1
                one_grid = hour.gridded(mine, slot - slot[0], number, bool(points.approximate[begin]))
                start = wanted.origin + int(slot[0]) * wanted.step
                made.append((int(mine.series[0]), start, wanted.step, one_grid))
        return made

    async def _parted(
        self, raw: Connection, services: Sequence[int], wanted: Slots
    ) -> tuple[dict[Key, HotHour], dict[Key, HotHour]]:
        """The hot hours of a range: those of which all points stand for themselves and lie in it, and the rest."""
        start, end = wanted.start, wanted.end
        hours = await self._hot.load(raw, services, instant(start - start % HOUR), instant(end + 999))
        known = await self.known(raw, _numbers(hours.values()))
        cumulative = {each.service_id for each in known.values() if each.cumulative}
        whole = {
            key: held
            for key, held in hours.items()
            if key[1] >= start and held.last_at < end and not held.late and key[0] not in cumulative
        }
        return whole, {key: held for key, held in hours.items() if key not in whole}

    async def each(self, raw: Connection, services: Sequence[int], wanted: Slots) -> dict[int, Summary]:
        """What each service did lately, of the hot hours alone."""
        points, series = await self.points(raw, services, wanted.start, wanted.end, hour.summarized)
        parts = {number: points_of(points, series, number) for number in services}
        return {
            number: hour.summarize(mine, series, wanted.origin, wanted.step, wanted.number)
            for number, mine in parts.items()
        }

    async def _plain(
        self, raw: Connection, hours: Mapping[Key, HotHour], start: int, end: int, wanted: Callable[[Series], bool]
    ) -> tuple[Points, Mapping[int, Series]]:
        series = {n: s for n, s in (await self.known(raw, _numbers(hours.values()))).items() if wanted(s)}
        cumulative = sorted({s.service_id for s in series.values() if s.cumulative})
        if cumulative:
            # Each of their points stands for what came since the one before, which may lie before the range.
            hours = {**hours, **await self._hot.load(raw, cumulative, None, instant(end + 999))}
        blocks = {key: held.points if cumulative else cut(held.points, start, end) for key, held in hours.items()}
        numbers = np.array(sorted(series), dtype=np.int32)
        chosen = {key: block.select(given, numbers) for key, given in blocks.items() if given.points}
        for key in [key for key, given in chosen.items() if given.points and hours[key].late]:
            chosen[key] = await self._without_kept(raw, key, chosen[key])
        carries = await compaction.load_carries(raw, [s.id for s in series.values() if s.cumulative])
        points = plain(block.concat([chosen[key] for key in sorted(chosen)]), series, carries)
        return (_between(points, start, end) if cumulative else points), series

    async def known(self, raw: Connection, numbers: Sequence[int]) -> dict[int, Series]:
        """The series of these ids that exist."""
        unknown = [number for number in numbers if number not in self._series]
        if unknown:
            if len(self._series) > MOST_SERIES:
                self._series.clear()
                unknown = list(numbers)
            self._series |= await series_by_id(raw, unknown)
        return {number: self._series[number] for number in numbers if number in self._series}

    async def _without_kept(self, raw: Connection, key: Key, given: Block) -> Block:
        """Late points without those that the chunks of their hour hold."""
        packed = await raw.fetchval(
            "SELECT times FROM summary WHERE service_id = $1 AND step = 60 AND start = $2", key[0], instant(key[1])
        )
        times = chunk.decode_times(packed)
        kept = await raw.fetch(
            "SELECT series_id, data FROM chunk WHERE hour = $1 AND series_id = ANY($2::int[])",
            instant(key[1]), compaction.series_in(given),
        )  # fmt: skip
        return compaction.without(given, {number: chunk.decode(data, times) for number, data in kept})


def _summarized(points: Points, series: Mapping[int, Series], wanted: Slots) -> Summary | None:
    """Hot points in slots of a minute at most, in which availability is told."""
    base = min(wanted.step, MINUTE)
    times = [each for each in (points.numbers.at, points.sketches.at) if len(each)]
    if not times:
        return None
    first = min(int(each.min()) for each in times) // base * base
    last = max(int(each.max()) for each in times)
    return hour.summarize(points, series, first, base, (last - first) // base + 1)


def _continued(before: Summary | None, start: int, new: Summary | None) -> Summary | None:
    """What was known before `start`, and what is new from then on."""
    if before is None or new is None:
        return new or before
    old = before.between(before.start, start)
    end = new.start + new.slots * new.step
    first = min(old.start, new.start)
    return summary.pile([old, new], first, new.step, (end - first) // new.step)


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


def cut(given: Block, start: int, end: int) -> Block:
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


def _numbers(hours: Iterable[HotHour]) -> list[int]:
    return sorted({number for held in hours for number in held.series})
