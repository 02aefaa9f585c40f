"""What went wrong in the past: found by the same `judge` that judges live, over the telemetry that is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from century.alerts.lifecycle import worse
from century.core.timerange import TimeRange
from century.core.work import Works
from century.rules import past
from century.rules.backtest import standings
from century.rules.rule import Rule
from century.rules.signals import Course
from century.rules.subject import Subject
from century.rules.telemetry_source import TelemetrySource
from century.rules.verdict import Standing, Verdict
from century.telemetry.query import Reader
from century.telemetry.sketch import Floats

WRONG = (Standing.PENDING, Standing.FIRING)
ROOM = timedelta(minutes=15)
"""What is told of one incident may reach into the next one this much later: they are told together."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A time in which a subject broke a rule: every verdict that moved it, the last one being well again."""

    rule: Rule
    subject: Subject
    verdicts: tuple[tuple[datetime, Verdict], ...]
    worst: tuple[datetime, Verdict] | None = None

    @property
    def begins(self) -> datetime:
        return self.verdicts[0][0]

    @property
    def opened(self) -> datetime:
        """When it fired."""
        return next(at for at, verdict in self.verdicts if verdict.standing is Standing.FIRING)

    @property
    def over(self) -> datetime:
        return self.verdicts[-1][0]


async def find(works: Works, rules: Iterable[Rule], services: Sequence[str], span: TimeRange) -> list[Incident]:
    """Every incident that began and was over within a span, of rules that read telemetry; by when they began."""
    reader = Reader(works.engine)
    found: list[Incident] = []
    for rule in rules:
        if rule.condition.signal not in TelemetrySource.signals or not rule.enabled:
            continue
        for service in services:
            if rule.service in (None, service):
                history = await past.history(works, reader, replace(rule, service=service), span)
                for subject, course in history.subjects.items():
                    found += incidents(rule, subject, history.at, course)
    return sorted(found, key=lambda each: (each.begins, each.rule.name, each.subject.text))


def incidents(rule: Rule, subject: Subject, at: Floats, course: Course) -> Iterator[Incident]:
    """What broke a rule over a course and was well again; what only began to, and what still does, is left out."""
    moved: list[tuple[int, Verdict]] = []
    before = Standing.UNKNOWN
    for place, verdict in standings(rule.condition, at, course):
        if verdict.standing is before:
            continue
        before = verdict.standing
        if verdict.standing in WRONG:
            moved.append((place, verdict))
            continue
        if verdict.standing is Standing.OK and any(each.standing is Standing.FIRING for _, each in moved):
            told = tuple((_instant(at[each]), one) for each, one in (*moved, (place, verdict)))
            yield Incident(rule, subject, told, _worst(rule, at, course, moved[-1], place))
        moved = []


def _worst(
    rule: Rule, at: Floats, course: Course, fired: tuple[int, Verdict], end: int
) -> tuple[datetime, Verdict] | None:
    """The moment of the worst value while it fired, where that is not the one that it fired with."""
    place, verdict = fired
    values = course.values[place:end]
    if not len(values) or np.isnan(values).all():
        return None
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    worst = worse(rule.condition, low, high)
    if worst is None or worst == verdict.value:
        return None
    where = place + int(np.flatnonzero(values == worst)[0])
    seen = _instant(at[where])
    return seen, replace(verdict, value=worst, samples=int(course.samples[where]), observed_at=seen)


def together(found: Sequence[Incident]) -> Iterator[list[Incident]]:
    """Incidents in groups that have nothing to do with each other in time."""
    group: list[Incident] = []
    for each in found:
        if group and each.begins > max(one.over for one in group) + ROOM:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(float(at), UTC)
