"""A rule tried on history: the same `judge` that judges live, folded over what the rule would have read.

Where it would answer the same again and again (well and well, wrong and wrong) it is asked once, so that a month of
minutes is tried in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from century.rules.condition import Condition, Signal
from century.rules.severity import Severity
from century.rules.signals import Course, History
from century.rules.subject import Subject
from century.rules.verdict import Reading, Standing, Verdict, judge
from century.telemetry.sketch import Floats
from century.telemetry.targets import Comparison

EVENING, MORNING = time(22), time(7)
MOST_POINTS = 1_500
_BREAKS, _RECOVERS, _THIN, _EMPTY, _BURNS = 1, 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class Firing:
    """A time in which a subject was wrong: `pending_at` where it held for a while first, `peak` the worst value."""

    subject: str
    pending_at: datetime | None
    opened_at: datetime
    resolved_at: datetime | None
    peak: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule would have done: its firings, oldest first, how many page somebody, and how many of these at night."""

    firings: tuple[Firing, ...]
    pages: int
    pages_at_night: int
    evaluated: int


def backtest(condition: Condition, severity: Severity, history: History, zone: ZoneInfo | None = None) -> Outcome:
    """The firings over a history. Every firing above info is a page; night is from 22:00 to 07:00 in `zone` (UTC)."""
    found = [
        firing
        for subject, course in history.subjects.items()
        for firing in firings(condition, subject, history.at, course)
    ]
    found.sort(key=lambda each: (each.opened_at, each.subject))
    pages = found if severity is not Severity.INFO else []
    night = sum(_at_night(each.opened_at, zone) for each in pages)
    return Outcome(tuple(found), len(pages), night, len(history.at) * len(history.subjects))


def firings(condition: Condition, subject: Subject, at: Floats, course: Course) -> list[Firing]:
    """When a subject would have been wrong."""
    made: list[Firing] = []
    began: datetime | None = None
    pending: datetime | None = None
    first = 0
    before: Verdict | None = None
    for place, verdict in standings(condition, at, course):
        if before is None or verdict.standing is not before.standing:
            now = _instant(at[place])
            if verdict.standing is Standing.PENDING:
                first = place
            if verdict.standing is Standing.FIRING:
                was_pending = before is not None and before.standing is Standing.PENDING
                pending, began, first = (
                    verdict.pending_since if was_pending else None,
                    now,
                    first if was_pending else place,
                )
            elif began is not None:
                made.append(Firing(subject.text, pending, began, now, _peak(condition, course.values[first:place])))
                began = None
        before = verdict
    if began is not None:
        made.append(Firing(subject.text, pending, began, None, _peak(condition, course.values[first:])))
    return made


def standings(condition: Condition, at: Floats, course: Course) -> Iterable[tuple[int, Verdict]]:
    """Every moment at which a verdict may differ from the one before, with the verdict."""
    kind = _kinds(condition, course)
    edges = np.flatnonzero(np.diff(kind)) + 1
    verdict: Verdict | None = None
    place, size, hold = 0, len(at), condition.hold_for.total_seconds()
    while place < size:
        verdict = judge(condition, verdict, _reading(at, course, place), _instant(at[place]))
        yield place, verdict
        following = int(np.searchsorted(edges, place, side="right"))
        change = int(edges[following]) if following < len(edges) else size
        if verdict.standing is Standing.PENDING and verdict.pending_since is not None:
            held = int(np.searchsorted(at, verdict.pending_since.timestamp() + hold - 1e-6))
            change = min(change, max(held, place + 1))
        place = change


def _kinds(condition: Condition, course: Course) -> NDArray[np.int8]:
    """What is decided from each reading: of two with the same the second changes nothing but by time."""
    values = course.values
    empty = np.isnan(values)
    thin = empty | (course.samples < condition.min_samples)
    above = condition.comparison is Comparison.ABOVE
    with np.errstate(invalid="ignore"):
        breaks = values > condition.threshold if above else values < condition.threshold
        if condition.recovery is None:
            recovers = ~breaks
        else:
            recovers = values <= condition.recovery if above else values >= condition.recovery
        burns = np.ones(len(values), dtype=bool)
        if condition.signal is Signal.BURN_RATE and course.short is not None:
            burns = course.short > condition.threshold if above else course.short < condition.threshold
    kind: NDArray[np.int64] = np.where(
        thin,
        _THIN + _EMPTY * (empty | (course.samples == 0)),
        _BREAKS * breaks + _RECOVERS * recovers + _BURNS * (burns & breaks),
    )
    return kind.astype(np.int8)


def _reading(at: Floats, course: Course, place: int) -> Reading:
    value, samples = float(course.values[place]), int(course.samples[place])
    known = not np.isnan(value)
    short = float(course.short[place]) if course.short is not None else None
    return Reading(value if known else None, samples if known else 0, _instant(at[place]) if known else None, short)


def _peak(condition: Condition, values: Floats) -> float:
    known = values[~np.isnan(values)]
    if not len(known):
        return condition.threshold
    return float(known.max() if condition.comparison is Comparison.ABOVE else known.min())


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(float(at), UTC)


def _at_night(at: datetime, zone: ZoneInfo | None) -> bool:
    local = at.astimezone(zone or UTC).time()
    return local >= EVENING or local < MORNING


def shown(at: Floats, values: Floats, condition: Condition) -> tuple[Floats, Floats]:
    """A course in so many points as a chart needs: of each stretch its worst value, so that no breach is lost."""
    every = -(-len(at) // MOST_POINTS) if len(at) else 1
    if every == 1:
        return at, values
    size = -(-len(at) // every) * every
    padded = np.full(size, np.nan)
    padded[: len(at)] = values
    worst = np.fmax if condition.comparison is Comparison.ABOVE else np.fmin
    return at[::every], worst.reduce(padded.reshape(-1, every), axis=1)
