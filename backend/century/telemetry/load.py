"""What the API asks for, loaded and decided: performance, routes, health, metrics of services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from century.core.errors import Invalid, NotFound
from century.core.timerange import TimeRange
from century.core.work import Works
from century.telemetry import grid, health, hour, metrics, performance, summary
from century.telemetry.chunk import MINUTE
from century.telemetry.health import Health
from century.telemetry.identity import SHOWN
from century.telemetry.instants import nanoseconds
from century.telemetry.metrics import Aggregation, Group
from century.telemetry.performance import Availability, Columns, Route, RouteOrder, Totals
from century.telemetry.query import Reader
from century.telemetry.raw import Connection, asking, reading, series_of
from century.telemetry.sketch import Floats, Ints
from century.telemetry.slots import SECOND, Slots, in_rhythm, one_slot, touched
from century.telemetry.slots import slots as cut_for
from century.telemetry.summary import Summary

MOST_POINTS = 3_000


@dataclass(frozen=True, slots=True)
class Service:
    """A watched service."""

    id: int
    uid: UUID
    name: str
    first_seen_at: datetime
    last_seen_at: datetime
    refused_series: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A range of a service (none: of all together), cut for so many points (none: only totals are asked for)."""

    service: int | None
    range: TimeRange
    max_points: int | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A range of some services: cut into slots, with when they were first known."""

    asked: Asked
    services: tuple[int, ...]
    slots: Slots
    summary: Summary
    known_from: int | None

    @property
    def seconds(self) -> float:
        """How long the services were known in the range."""
        if self.known_from is None:
            return 0.0
        return max(self.slots.end - max(self.slots.start, self.known_from), 0) / SECOND

    def totals(self) -> Totals:
        """What the range comes to."""
        return performance.totals(self.summary, self.seconds)

    def columns(self) -> Columns:
        """The range over time."""
        seconds = self.slots.seconds
        if self.known_from is not None:
            unknown = np.clip((self.known_from - np.maximum(self.slots.starts, self.slots.start)) / SECOND, 0, None)
            seconds = np.maximum(seconds - unknown, 0)
        return Columns(self.summary, seconds if self.known_from is not None else np.zeros(self.slots.number))


@dataclass(frozen=True, slots=True)
class Metric:
    """An instrument of a service, and by which attributes its series differ."""

    name: str
    unit: str
    kind: str
    description: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A metric over time: one column a group."""

    unit: str
    slots: Slots
    series: Sequence[tuple[Group, Floats]]


def check_points(most: int) -> int:
    """`maxPoints` as asked for, or Invalid."""
    if not 1 <= most <= MOST_POINTS:
        raise Invalid(f"maxPoints must lie between 1 and {MOST_POINTS}", field="maxPoints")
    return most


_SERVICE = "SELECT id, uid, name, first_seen_at, last_seen_at, refused_series FROM service"


async def services(works: Works) -> list[Service]:
    """Every service, by name."""
    async with asking(works.engine) as raw:
        return [Service(*row) for row in await raw.fetch(f"{_SERVICE} WHERE {SHOWN} ORDER BY name")]


async def service(works: Works, name: str) -> Service:
    """The service of that name; NotFound."""
    async with asking(works.engine) as raw:
        row = await raw.fetchrow(f"{_SERVICE} WHERE name = $1", name)
    if row is None:
        raise NotFound(f"no service {name!r} is known")
    return Service(*row)


async def load(works: Works, reader: Reader, asked: Sequence[Asked]) -> list[Loaded]:
    """Ranges of services, in one transaction."""
    async with reading(works.engine) as raw:
        return [await _load(raw, reader, each) for each in asked]


async def _load(raw: Connection, reader: Reader, asked: Asked) -> Loaded:
    span, most = asked.range, asked.max_points
    if asked.service is None:
        numbers = [number for (number,) in await raw.fetch(f"SELECT id FROM service WHERE {SHOWN} ORDER BY id")]
    else:
        numbers = [asked.service]
    if most is None:
        slots = one_slot(nanoseconds(span.start), nanoseconds(span.end))
    else:
        slots = cut_for(span.start, span.end, most)
        if slots.step < MINUTE:
            slots = cut_for(span.start, span.end, most, await reader.finest(raw, numbers, span.start))
    known_from = await _known_from(raw, numbers)
    found = await reader.summaries(raw, numbers, slots)
    if most is not None and (slots := in_rhythm(slots, found.requests.count)).step != found.step:
        found = summary.pile([found], slots.origin, slots.step, slots.number)
    return Loaded(asked, tuple(numbers), slots, found, known_from)


async def availability(
    works: Works, reader: Reader, asked: Mapping[int, Sequence[tuple[datetime, datetime]]], span: TimeRange, most: int
) -> dict[int, Availability]:
    """How services stood in a range, by their ids, each without the minutes that its ranges left out touch."""
    slots = cut_for(span.start, span.end, most, MINUTE)
    found = {}
    async with reading(works.engine) as raw:
        for number, left_out in asked.items():
            whole = await reader.summaries(raw, [number], slots)
            away = await reader.within(raw, [number], touched(left_out), slots)
            found[number] = Availability(slots, whole.observed - away.observed, whole.up - away.up)
    return found


async def routes(works: Works, reader: Reader, loaded: Loaded, order: RouteOrder) -> list[Route]:
    """The table of routes of a range."""
    slots = one_slot(loaded.slots.start, loaded.slots.end)
    async with reading(works.engine) as raw:
        found = await series_of(raw, loaded.services, [hour.REQUESTS])
        series = {number: each for number, each in found.items() if not each.numeric}
        # Failures are a group of their own beside each route's others, so that one pass tells both.
        split = sorted({(*performance.route_of(each), hour.failed(each.attributes)) for each in series.values()})
        places = {key: place for place, key in enumerate(split)}
        groups = {n: places[*performance.route_of(s), hour.failed(s.attributes)] for n, s in series.items()}
        grids = await reader.grids(raw, series, groups, slots)
    keys = sorted({key[:2] for key in split})
    merged, errors = [], {}
    for place, key in enumerate(keys):
        mine = {bad: grids[places[*key, bad]] for bad in (False, True) if (*key, bad) in places}
        merged.append(grid.together(list(mine.values())))
        errors[place] = int(mine[True].count[0]) if True in mine else 0
    return performance.routes(keys, merged, errors, loaded.seconds, order)


async def healths(works: Works, reader: Reader, asked: Sequence[Service]) -> list[Health]:
    """How each of these services is now, in one load."""
    return [found for found, _ in await standings(works, reader, asked)]


async def standings(works: Works, reader: Reader, asked: Sequence[Service]) -> list[tuple[Health, Totals]]:
    """How each of these services is now, and what its last five minutes come to, in one load."""
    now = works.clock.now()
    start, end = now - timedelta(seconds=health.WINDOW_SECONDS), now + timedelta(microseconds=1)
    async with reading(works.engine) as raw:
        last = await reader.recent.each(
            raw, [each.id for each in asked], Slots(nanoseconds(start), nanoseconds(end), MINUTE)
        )
    found = []
    for each in asked:
        totals = performance.totals(last[each.id], health.WINDOW_SECONDS)
        found.append((health.assess(totals, each.last_seen_at > start), totals))
    return found


async def metrics_of(works: Works, number: int) -> list[Metric]:
    """The metrics of a service, by name."""
    async with asking(works.engine) as raw:
        rows = await raw.fetch(
            "SELECT m.name, m.unit, m.kind, m.description, coalesce(array_agg(DISTINCT key ORDER BY key)"
            " FILTER (WHERE key IS NOT NULL), '{}') FROM metric m LEFT JOIN series s ON s.metric_id = m.id"
            " LEFT JOIN LATERAL jsonb_object_keys(s.attributes) key ON true"
            " WHERE m.service_id = $1 GROUP BY m.id ORDER BY m.name",
            number,
        )
    return [Metric(name, unit, kind, description, tuple(keys)) for name, unit, kind, description, keys in rows]


async def metric(
    works: Works, reader: Reader, number: int, name: str, aggregation: Aggregation, group_by: Sequence[str],
    wanted: Mapping[str, frozenset[str]], span: TimeRange, max_points: int,
) -> Answer:  # fmt: skip
    """A metric over time, by groups; NotFound, Invalid."""
    check_points(max_points)
    async with reading(works.engine) as raw:
        known = await raw.fetchrow("SELECT unit, kind FROM metric WHERE service_id = $1 AND name = $2", number, name)
        if known is None:
            raise NotFound(f"the service has no metric {name!r}")
        own, kind = known
        series = await series_of(raw, [number], [name])
        groups = metrics.groups(series, group_by, wanted)
        slots = cut_for(span.start, span.end, max_points)
        histogram = kind == "histogram"
        if histogram and slots.step < MINUTE:
            slots = cut_for(span.start, span.end, max_points, await reader.finest(raw, [number], span.start))
        unit = metrics.unit(own, aggregation, histogram=histogram)
        chosen = {member: series[member] for group in groups for member in group.series}
        if not chosen:
            return Answer(unit, slots, [])
        if histogram:
            of_group = {member: place for place, group in enumerate(groups) for member in group.series}
            grids = await reader.grids(raw, chosen, of_group, slots)
            return Answer(
                unit,
                slots,
                [(g, metrics.of_grid(one, aggregation, slots.seconds)) for g, one in zip(groups, grids, strict=True)],
            )
        if aggregation.share is not None:
            values = await reader.numbers(raw, chosen, slots)
            return Answer(unit, slots, [(g, _quantile(g, values, slots, aggregation.share)) for g in groups])
        tallies = await reader.tallies(raw, chosen, slots)
    return Answer(
        unit,
        slots,
        [
            (
                group,
                metrics.of_tallies(
                    [tallies[member] for member in group.series], aggregation, slots.seconds, kind=kind,
                    increments=[series[member].increments for member in group.series],
                ),
            )
            for group in groups
        ],
    )  # fmt: skip


def _quantile(group: Group, values: Mapping[int, tuple[Ints, Floats]], slots: Slots, share: float) -> Floats:
    mine = [values[member] for member in group.series if member in values]
    if not mine:
        return np.full(slots.number, np.nan)
    at, value = (np.concatenate([each[column] for each in mine]) for column in (0, 1))
    return metrics.of_values((at - slots.origin) // slots.step, value, slots.number, share)


async def _known_from(raw: Connection, numbers: Sequence[int]) -> int | None:
    """Since when any of the services is known: their first data, which may have been sent after the fact."""
    first = await raw.fetchval(
        "SELECT min(least(first_seen_at,"
        " (SELECT min(start) FROM summary WHERE service_id = service.id AND step = 60),"
        " (SELECT min(first_at) FROM block WHERE service_id = service.id)))"
        " FROM service WHERE id = ANY($1::int[])",
        list(numbers),
    )
    return None if first is None else nanoseconds(first)
