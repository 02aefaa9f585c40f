"""What rules would have read of probes: states by their ledger, facts by the samples that are stored of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import numpy as np

from century.core.errors import Invalid
from century.core.timerange import TimeRange
from century.core.work import Works
from century.probes.facts import unit_of
from century.probes.kind import ProbeKind
from century.probes.kinds import kind_of
from century.rules import past, windows, wording
from century.rules.condition import Condition, Signal, unit
from century.rules.outside_subjects import PART, concerns, metric_of, of_probe
from century.rules.rule import Rule
from century.rules.signals import Course, History, Trace
from century.rules.subject import Subject
from century.telemetry import metrics
from century.telemetry.instants import nanoseconds
from century.telemetry.metrics import Aggregation
from century.telemetry.query import Reader
from century.telemetry.raw import asking, reading, series_of
from century.telemetry.sketch import Floats
from century.telemetry.slots import one_slot

ID = "probe.id"
MOST_PROBES = 200
AT_ONCE = 16
"""So many probes are read together: no more groups are answered at once than their parts make."""
EVIDENCE_POINTS = 60
STEPS = (10, 60, 300, 900, 3600)
MOST_MOMENTS = 10_000
READS = {"up": 1.0, "down": 0.0}
LEDGER = """
    SELECT probe_id, at, state FROM probe_change c WHERE probe_id = ANY($1::uuid[]) AND at < $3 AND at >= coalesce(
        (SELECT max(at) FROM probe_change b WHERE b.probe_id = c.probe_id AND b.at <= $2), '-infinity')
    ORDER BY probe_id, at"""


class Kept(Protocol):
    """A probe, as far as its past goes."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def service(self) -> str | None: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def shard(self) -> int: ...


async def history(
    works: Works, reader: Reader, rule: Rule, probes: Sequence[Kept], span: TimeRange, step: timedelta | None
) -> History:
    """What a rule would have read of these probes; Invalid where that is too much."""
    if len(probes) > MOST_PROBES:
        raise Invalid(
            f"{len(probes)} probes are too many to try at once: filter by kind, by probe or by a label", field="range"
        )
    if _of_ledger(rule.condition, probes):
        return await _states(works, rule, probes, span, step)
    courses: dict[Subject, Course] = {}
    found: History | None = None
    for shard, mine in _by_shard(probes):
        asked = _as_metric(rule, shard, mine)
        made = await past.history(works, reader, asked, span, found.step if found else step)
        found = found or made
        for told, course in made.subjects.items():
            subject = _subject(told, mine)
            if subject is not None and concerns(rule, subject) and len(course.values) == len(found.at):
                courses[subject] = course
    if found is None:
        return await _states(works, rule, [], span, step)
    return replace(found, subjects=courses)


async def evidence(
    works: Works, reader: Reader, rule: Rule, probes: Sequence[Kept], subject: Subject, now: datetime
) -> list[Trace]:
    """About sixty points of what a probe told, and how it stood."""
    condition = rule.condition
    length = max(3 * condition.window, timedelta(minutes=30))
    step = timedelta(seconds=max(round(length.total_seconds() / EVIDENCE_POINTS), 10))
    # Windows end at whole steps: the one that ends after now holds what was found last.
    found = await history(works, reader, rule, probes, TimeRange(now - length, now), step)
    course = next((each for known, each in found.subjects.items() if known.text == subject.text), None)
    if course is None or not len(found.at):
        return []
    own = unit_of(metric_of(condition)) if condition.signal is Signal.FACT else ""
    return [Trace(wording.name(condition), unit(condition, own), found.at, course.values)]


async def window(
    works: Works, reader: Reader, rule: Rule, probes: Sequence[Kept], span: TimeRange
) -> dict[Subject, tuple[float, int]]:
    """(value, samples) of one window of the samples that are stored of these probes."""
    found: dict[Subject, tuple[float, int]] = {}
    slots = one_slot(nanoseconds(span.start) + 1, nanoseconds(span.end) + 1)
    async with reading(works.engine) as raw:
        for shard, mine in _by_shard(probes):
            number = await raw.fetchval("SELECT id FROM service WHERE name = $1", _service(shard))
            if number is None:
                continue
            condition = _as_metric(rule, shard, mine).condition
            series = await series_of(raw, [number], [condition.metric or ""])
            groups = metrics.grouped(series, condition.group_by, dict(condition.filter))
            made = await windows.metric(
                raw, reader, condition, series, groups, slots, 1, rule.condition.window.total_seconds()
            )
            for attributes, values, samples in made:
                subject = _subject(Subject("", None, attributes), mine)
                if subject is not None and not np.isnan(values[0]):
                    found[subject] = (float(values[0]), int(samples[0]))
    return found


def _of_ledger(condition: Condition, probes: Iterable[Kept]) -> bool:
    if condition.signal is Signal.PROBE_STATE:
        return True
    ups = {f"{kind_of(ProbeKind(each.kind)).PREFIX}.up" for each in probes}
    return condition.aggregation is None and metric_of(condition) in ups


async def _states(works: Works, rule: Rule, probes: Sequence[Kept], span: TimeRange, step: timedelta | None) -> History:
    """1 up, 0 down, NaN where nobody knew or another was to blame."""
    end = min(span.end, works.clock.now())
    length = max((end - span.start).total_seconds(), 0.0)
    every = step.total_seconds() if step else next((each for each in STEPS if length / each <= MOST_MOMENTS), STEPS[-1])
    first = span.start.timestamp() // every * every
    at = first + every * np.arange(1, int((end.timestamp() - first) // every) + 1, dtype=np.float64)
    async with asking(works.engine) as raw:
        rows = await raw.fetch(LEDGER, [each.id for each in probes], span.start, end)
    rows_of: dict[UUID, list[tuple[float, float]]] = {}
    for number, begin, state in rows:
        rows_of.setdefault(number, []).append((begin.timestamp(), READS.get(state, np.nan)))
    courses = {}
    for each in probes:
        values = _stepwise(at, rows_of.get(each.id, []))
        courses[_probe_subject(each)] = Course(values, (~np.isnan(values)).astype(np.int64))
    return History(at, timedelta(seconds=every), courses)


def _stepwise(at: Floats, rows: Sequence[tuple[float, float]]) -> Floats:
    values = np.full(len(at), np.nan)
    for begin, value in rows:
        values[at >= begin] = value
    return values


def _by_shard(probes: Iterable[Kept]) -> list[tuple[int, list[Kept]]]:
    ordered = sorted(probes, key=lambda each: each.shard)
    whole = [(shard, list(mine)) for shard, mine in itertools.groupby(ordered, key=lambda each: each.shard)]
    return [(shard, mine[begin : begin + AT_ONCE]) for shard, mine in whole for begin in range(0, len(mine), AT_ONCE)]


def _service(shard: int) -> str:
    return f"century/probes-{shard}"


def _as_metric(rule: Rule, shard: int, probes: Sequence[Kept]) -> Rule:
    """The same asked of the stored samples: those of one shard are a service's."""
    condition = replace(
        rule.condition, signal=Signal.METRIC, metric=metric_of(rule.condition), group_by=(ID, PART),
        aggregation=rule.condition.aggregation or Aggregation.LAST,
        filter=((ID, frozenset(str(each.id) for each in probes)),),
    )  # fmt: skip
    return replace(rule, service=_service(shard), condition=condition)


def _subject(told: Subject, probes: Sequence[Kept]) -> Subject | None:
    attributes = dict(told.attributes)
    known = next((each for each in probes if str(each.id) == attributes.get(ID)), None)
    return None if known is None else _probe_subject(known, attributes.get(PART, ""))


def _probe_subject(known: Kept, part: str = "") -> Subject:
    return of_probe(known.name, known.kind, known.service, known.labels, part)
