"""Answers from what is kept: the coarsest tier that still gives the points asked for, and always the hot hours beside it.

Tiers: blocks (as they came), chunks and summaries of an hour (minutes; numbers as they came), rollups and summaries of a
day (hours). An edge of a range is exact in the hot hours and for numbers, and to the minute for sketches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.ext.asyncio import AsyncEngine

from century.telemetry import chunk, grid, kept, summary, tally
from century.telemetry.chunk import HOUR, MINUTE, MINUTES
from century.telemetry.differences import runs
from century.telemetry.grid import Grid
from century.telemetry.hot import Key
from century.telemetry.hour import DAY, HOURS
from century.telemetry.instants import instant, nanoseconds
from century.telemetry.kept import Kept, Span
from century.telemetry.plain import Points, Series
from century.telemetry.raw import Connection
from century.telemetry.recent import Recent
from century.telemetry.sketch import Floats, Ints
from century.telemetry.slots import LADDER, Slots, cut
from century.telemetry.summary import Summary
from century.telemetry.tally import Tally


class Reader:
    """Reads what one database keeps. Every method wants a transaction of `raw.reading`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.recent = Recent()
        self.kept = Kept()

    async def summaries(self, raw: Connection, services: Sequence[int], wanted: Slots) -> Summary:
        """What services did together in each of the slots."""
        parts = await self.kept.summaries(raw, services, _spans(wanted), wanted.step)
        parts += await self.recent.summaries(raw, services, wanted)
        return summary.pile(parts, wanted.origin, wanted.step, wanted.number)

    async def within(
        self, raw: Connection, services: Sequence[int], ranges: Sequence[tuple[int, int]], wanted: Slots
    ) -> Summary:
        """What services did together within ranges (of whole minutes, in order, apart), in each of the slots, which are
        minutes or longer."""
        inside = [(max(start, wanted.start), min(end, wanted.end)) for start, end in ranges]
        spans = [
            span for start, end in inside if start < end for span in _spans(Slots(start, end, wanted.step))
        ]  # fmt: skip
        parts = await self.kept.summaries(raw, services, spans, wanted.step) if spans else []
        if spans:
            # Hot hours are told in minutes, for the whole of the range only once.
            hot = await self.recent.summaries(raw, services, wanted)
            parts += [each.between(start, end) for each in hot for start, end in ranges]
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
            for number, at, data in await kept.chunks(raw, series, start, end):
                kept_grid, first = chunk.decode(data, None).grid, nanoseconds(at)
                if kept_grid is not None:
                    low, high = _inside(first, MINUTE, MINUTES, start, end)
                    parts[groups[number]].append(
                        (_places(first, MINUTE, low, high, origin, step), kept_grid.slice(low, high))
                    )
        if tiers.hours is not None:
            for group, first, own, part in await self.kept.grids(raw, groups, *tiers.hours, step):
                parts[group].append((_places(first, own, 0, part.slots, origin, step), part))
        for number, first, own, made in await self.recent.grids(raw, series, wanted):
            parts[groups[number]].append((_places(first, own, 0, made.slots, origin, step), made))
        return [grid.pile(mine, wanted.number) for mine in parts.values()]

    async def tallies(self, raw: Connection, series: Mapping[int, Series], wanted: Slots) -> dict[int, Tally]:
        """The numbers of each series tallied in each of the slots."""
        parts: dict[int, list[tuple[Ints, Tally]]] = {number: [] for number in series}
        tiers, origin, step = cut(wanted), wanted.origin, wanted.step
        if tiers.hours is not None:
            start, end = tiers.hours
            for number, at, data in await kept.rollups(raw, series, start, end):
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
            for number, at, data in await kept.chunks(raw, series, start, end):
                key = (series[number].service_id, nanoseconds(at))
                if key in times:
                    inside = chunk.within(chunk.decode(data, times[key]), start, end)
                    if inside.value is not None:
                        found.setdefault(number, []).append((inside.at, inside.value))
        points, _ = await self._recent_of(raw, series, wanted)
        for begin, stop in runs(points.numbers.series):
            number = int(points.numbers.series[begin])
            found.setdefault(number, []).append((points.numbers.at[begin:stop], points.numbers.value[begin:stop]))
        return {number: _in_order(mine) for number, mine in found.items()}

    async def _recent_of(
        self, raw: Connection, series: Mapping[int, Series], wanted: Slots
    ) -> tuple[Points, Mapping[int, Series]]:
        services = sorted({each.service_id for each in series.values()})
        return await self.recent.points(raw, services, wanted.start, wanted.end, lambda each: each.id in series)


def _spans(wanted: Slots) -> list[Span]:
    tiers = cut(wanted)
    spans = [Span(60, HOUR, start, end) for start, end in tiers.minutes]
    return spans if tiers.hours is None else [*spans, Span(3600, DAY, *tiers.hours)]


def _inside(first: int, step: int, number: int, start: int, end: int) -> tuple[int, int]:
    """Which of `number` cells from `first` on begin from `start` up to, not including, `end`."""
    low = min(max(-((first - start) // step), 0), number)
    return low, min(max(-((first - end) // step), low), number)


def _places(first: int, own: int, low: int, high: int, origin: int, step: int) -> Ints:
    return (first + np.arange(low, high, dtype=np.int64) * own - origin) // step


def _in_order(parts: Sequence[tuple[Ints, Floats]]) -> tuple[Ints, Floats]:
    at, value = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
    order = np.argsort(at, kind="stable")
    return at[order], value[order]
