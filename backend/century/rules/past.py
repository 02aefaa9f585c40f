"""What rules would have read of telemetry in the past: sliding windows over stored slots, a day at a time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from century.core.errors import Invalid
from century.core.timerange import TimeRange
from century.core.work import Works
from century.rules import sliding, windows, wording
from century.rules.condition import OF_REQUESTS, Condition, Signal, unit
from century.rules.measures import WITHOUT_SKETCHES, known_for, measured
from century.rules.moment import Attributes
from century.rules.rule import Rule
from century.rules.signals import Course, History, Trace
from century.rules.subject import Subject, subject_of
from century.telemetry import chunk, hour, metrics, raw
from century.telemetry.chunk import HOUR, MINUTE
from century.telemetry.hour import DAY
from century.telemetry.identity import SHOWN
from century.telemetry.instants import instant, nanoseconds
from century.telemetry.kept import Kept
from century.telemetry.query import Reader
from century.telemetry.raw import Connection
from century.telemetry.sketch import Floats, Ints
from century.telemetry.slots import SECOND, Slots

MOST_MOMENTS = 45_000
"""A month of minutes; longer ranges are looked at less often."""
MOST_HOURS, MOST_CELLS = 6_000, 40_000
"""So many hours of services, and of series, are read at most."""
FINEST = 10 * SECOND
STEPS = tuple(seconds * SECOND for seconds in (10, 60, 300, 900, 3600))
EVIDENCE_POINTS = 60
OWN, AWAY = "century", 60 * SECOND
"""As what the product watches itself, and after how long without a word of its own it was away."""
KNOWN_FROM = """
    SELECT min(least(first_seen_at, (SELECT min(start) FROM summary WHERE service_id = service.id AND step = 60),
                     (SELECT min(first_at) FROM block WHERE service_id = service.id)))
    FROM service WHERE id = $1"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Moments `step` apart, the first at `start` + `step`, the last at `end`; `width` steps make a window."""

    start: int
    end: int
    step: int
    width: int
    short: int

    @property
    def moments(self) -> int:
        return (self.end - self.start) // self.step

    def parts(self) -> list[tuple[int, int]]:
        """The range in parts of a day, or of a window where that is longer."""
        length = max(DAY // self.step, self.width, 1) * self.step
        edges = [*range(self.start, self.end, length), self.end]
        return list(itertools.pairwise(edges))


def plan(condition: Condition, start: int, end: int, now: int, finest: int, step: int | None = None) -> Plan:
    """How finely a range is looked at: as data allow, no finer than the window tells, no more often than is useful."""
    window = _length(condition.window)
    end = min(end, now)
    if step is None:
        least = max(
            finest, MINUTE if condition.signal is Signal.AVAILABILITY else FINEST, (end - start) // MOST_MOMENTS
        )
        useful = window // 360
        step = next((each for each in STEPS if each >= least and each >= useful), STEPS[-1])
    start, end = start - start % step, end - end % step
    width = max(round(window / step), 1)
    short = max(round(_length(condition.short_window) / step), 1) if condition.short_window else 0
    return Plan(start, max(end, start), step, width, short)


async def history(
    works: Works,
    reader: Reader,
    rule: Rule,
    span: TimeRange,
    step: timedelta | None = None,
    ahead: datetime | None = None,
) -> History:
    """What a rule would have read in a range until now (or `ahead`); Invalid where that is too much to read."""
    # What is read once leaves the caches to the pages that are asked for again and again.
    own = Reader(works.engine)
    own.recent, own.kept = reader.recent, Kept()
    now = nanoseconds(ahead or works.clock.now())
    async with raw.reading(works.engine) as connection:
        names = await _services(connection, rule, span)
        finest = await own.finest(connection, list(names.values()), span.start - rule.condition.window)
        wanted = plan(
            rule.condition, nanoseconds(span.start), nanoseconds(span.end), now, finest, None if step is None else _length(step)
        )  # fmt: skip
        if len(names) * (wanted.end - wanted.start) // HOUR > MOST_HOURS:
            raise Invalid("that is too much to try at once: name a service, or choose a shorter range", field="range")
        critical: Mapping[str, tuple[str, ...]] = {}
        if rule.critical_routes:
            critical = await _critical(connection)
        courses: dict[Subject, Course] = {}
        for name, service in names.items():
            patterns = (*rule.routes, *critical.get(name, ()))
            scoped = bool(rule.routes) or rule.critical_routes
            if not scoped or patterns:
                made = await _courses(connection, own, rule, service, patterns if scoped else None, wanted)
                courses |= {subject_of(name, attributes): course for attributes, course in made.items()}
    at = (wanted.start + np.arange(1, wanted.moments + 1, dtype=np.int64) * wanted.step) / SECOND
    return History(at, timedelta(microseconds=wanted.step // 1000), courses)


async def evidence(works: Works, reader: Reader, rule: Rule, subject: Subject, now: datetime) -> list[Trace]:
    """About sixty points of what a subject showed until now, and of the requests behind it."""
    # Of a metric only the group that it is about is read: a rule may have more groups than are answered at once.
    own = {key: frozenset((value,)) for key, value in subject.attributes if key in rule.condition.group_by}
    condition = replace(rule.condition, filter=tuple((dict(rule.condition.filter) | own).items()))
    window = _length(condition.window)
    mine = replace(rule, service=subject.service, condition=condition)
    # The moment after now holds what was heard last.
    ahead = now + timedelta(seconds=10)
    span = TimeRange(now - timedelta(microseconds=max(window * 3, 30 * MINUTE) // 1000), ahead)
    found = await history(works, reader, mine, span, ahead=ahead)
    course = next((each for known, each in found.subjects.items() if known.text == subject.text), None)
    if course is None or not len(found.at):
        return []
    every = max(len(found.at) // EVIDENCE_POINTS, 1)
    thin = slice((len(found.at) - 1) % every, None, every)
    at = np.minimum(found.at[thin], now.timestamp())
    traces = [Trace(wording.name(condition), await _unit(works, condition, subject), at, course.values[thin])]
    if condition.signal in OF_REQUESTS and condition.signal is not Signal.THROUGHPUT:
        traces.append(Trace("requests", "1/s", at, course.samples[thin] / condition.window.total_seconds()))
    return traces


async def _unit(works: Works, condition: Condition, subject: Subject) -> str:
    if condition.signal is not Signal.METRIC:
        return unit(condition)
    async with raw.asking(works.engine) as connection:
        row = await connection.fetchrow(
            "SELECT m.unit, m.kind FROM metric m JOIN service s ON s.id = m.service_id WHERE s.name = $1 AND m.name = $2",
            subject.service, condition.metric,
        )  # fmt: skip
    return unit(condition, row["unit"], histogram=row["kind"] == "histogram") if row else ""


async def _courses(
    connection: Connection, reader: Reader, rule: Rule, service: int, patterns: tuple[str, ...] | None, wanted: Plan
) -> dict[Attributes, Course]:
    match rule.condition.signal:
        case Signal.SILENCE:
            return {(): await _silence(connection, reader, service, wanted)}
        case Signal.METRIC:
            return await _metric(connection, reader, rule.condition, service, wanted)
        case _:
            return {(): await _summarized(connection, reader, rule, service, patterns, wanted)}


async def _summarized(
    connection: Connection, reader: Reader, rule: Rule, service: int, patterns: tuple[str, ...] | None, wanted: Plan
) -> Course:
    condition, chosen = rule.condition, None
    if patterns is not None:
        chosen = windows.on_routes(await raw.series_of(connection, [service], [hour.REQUESTS]), patterns)
        _bound(len(chosen), wanted)
    first = await connection.fetchval(KNOWN_FROM, service)
    known_from = nanoseconds(first) if first else wanted.end
    before = max(wanted.width, wanted.short)
    buckets = condition.signal not in WITHOUT_SKETCHES
    parts: list[tuple[Floats, Ints, Floats]] = []
    for start, end in wanted.parts():
        slots = Slots(start - before * wanted.step, end, wanted.step)
        given = await windows.summaries(connection, reader, service, slots, chosen)
        seconds = known_for((slots.starts + wanted.step - known_from) / SECOND, condition.window.total_seconds())
        slid = sliding.summary(given, wanted.width, buckets=buckets)
        values, samples = measured(condition.signal, slid, seconds, rule.objective)
        short = np.zeros(0)
        if wanted.short:
            slid = sliding.summary(given, wanted.short, buckets=buckets)
            short = measured(condition.signal, slid, seconds, rule.objective)[0][before:]
        parts.append((values[before:], samples[before:], short))
    if not parts:
        return Course(np.zeros(0), np.zeros(0, dtype=np.int64))
    values, samples, short = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Course(values, samples.astype(np.int64), short if wanted.short else None)


async def _metric(
    connection: Connection, reader: Reader, condition: Condition, service: int, wanted: Plan
) -> dict[Attributes, Course]:
    series = await raw.series_of(connection, [service], [condition.metric or ""])
    _bound(len(series), wanted)
    groups = metrics.groups(series, condition.group_by, dict(condition.filter))
    made: dict[Attributes, Course] = {}
    for start, end in wanted.parts():
        slots = Slots(start - wanted.width * wanted.step, end, wanted.step)
        found = await windows.metric(
            connection, reader, condition, series, groups, slots, wanted.width, condition.window.total_seconds()
        )
        place = slice((start - wanted.start) // wanted.step, (end - wanted.start) // wanted.step)
        for attributes, values, samples in found:
            if attributes not in made:
                made[attributes] = Course(
                    np.full(wanted.moments, np.nan), np.zeros(wanted.moments, dtype=np.int64)
                )  # fmt: skip
            made[attributes].values[place] = values[wanted.width :]
            made[attributes].samples[place] = samples[wanted.width :]
    return made


async def _silence(connection: Connection, reader: Reader, service: int, wanted: Plan) -> Course:
    """How long a service had not been heard; where the product watches itself, only while it was there to hear."""
    at = wanted.start + np.arange(1, wanted.moments + 1, dtype=np.int64) * wanted.step
    heard = await _instants(connection, reader, service, wanted)
    values = _since(heard, at)
    own = await connection.fetchval("SELECT id FROM service WHERE name = $1", OWN)
    if own is not None and own != service:
        up = await _instants(connection, reader, own, wanted)
        if len(up):
            begins = up[np.flatnonzero(np.diff(up, prepend=up[0] - 2 * AWAY) > AWAY)]
            values = np.fmin(values, _since(begins, at))
            values[_since(up, at) * SECOND > AWAY] = np.nan
    return Course(values, (~np.isnan(values)).astype(np.int64))


async def _instants(connection: Connection, reader: Reader, service: int, wanted: Plan) -> Ints:
    """When a service was heard, ascending, from a day before on."""
    first = wanted.start - DAY
    rows = await connection.fetch(
        "SELECT times FROM summary WHERE service_id = $1 AND step = 60 AND start >= $2 AND start < $3 ORDER BY start",
        service, instant(first), instant(wanted.end),
    )  # fmt: skip
    points, _ = await reader.recent.points(connection, [service], first, wanted.end, lambda each: True)
    parts = [chunk.decode_times(times) for (times,) in rows]
    return np.unique(np.concatenate([*parts, points.numbers.at, points.sketches.at]))


def _since(heard: Ints, at: Ints) -> Floats:
    """Seconds from the last of some instants to each moment; NaN before the first."""
    if not len(heard):
        return np.full(len(at), np.nan)
    place = np.searchsorted(heard, at, side="right") - 1
    return np.where(place >= 0, (at - heard[np.maximum(place, 0)]) / SECOND, np.nan)


def _bound(series: int, wanted: Plan) -> None:
    if series * (wanted.end - wanted.start) // HOUR > MOST_CELLS:
        raise Invalid(
            f"that is too much to try at once: {series} series are read; choose a shorter range or fewer of them",
            field="range",
        )


async def _services(connection: Connection, rule: Rule, span: TimeRange) -> dict[str, int]:
    """The services that a rule is about, of those that were heard in a range."""
    rows = await connection.fetch(
        f"SELECT name, id FROM service WHERE (name = $1 OR $1::text IS NULL AND {SHOWN}) AND last_seen_at >= $2"
        " ORDER BY name",
        rule.service, span.start - rule.condition.window,
    )  # fmt: skip
    return dict(rows)


async def _critical(connection: Connection) -> dict[str, tuple[str, ...]]:
    named: dict[str, tuple[str, ...]] = {}
    for name, pattern in await connection.fetch("SELECT service, pattern FROM critical_route ORDER BY 1, 2"):
        named[name] = (*named.get(name, ()), pattern)
    return named


def _length(span: timedelta) -> int:
    return round(span.total_seconds() * SECOND)
