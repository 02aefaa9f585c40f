"""A review of alerts: what was noisy, how soon people answered, how soon it was over."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from statistics import median
from uuid import UUID

from century.alerts.paging import COUNTED, FREE_OPENINGS
from century.core.timerange import TimeRange
from century.rules.severity import Severity

NIGHT_BEGINS, NIGHT_ENDS = time(22), time(7)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Past:
    """An alert as a review sees it. `level` is the highest that was told, `answered_at` the first acknowledgement."""

    rule_id: UUID
    rule_name: str
    subject: str
    severity: Severity
    opened_at: datetime
    resolved_at: datetime | None
    answered_at: datetime | None
    breached: bool
    level: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle, and what nine of ten stay within."""

    median: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True, slots=True)
class RuleReview:
    """What a rule caused."""

    rule_id: UUID
    rule_name: str
    opened: int
    acknowledged_share: float | None
    escalated_share: float | None
    median_duration: timedelta | None
    open_for: timedelta
    flapping: bool


@dataclass(frozen=True, slots=True)
class Day:
    """How many opened on a day (UTC), by severity."""

    at: datetime
    opened: dict[Severity, int]


@dataclass(frozen=True, slots=True)
class Review:
    """Shares are of those that opened in the range; None where none did."""

    opened: int
    resolved: int
    escalated_share: float | None
    acknowledged_share: float | None
    breached_share: float | None
    to_acknowledge: Spread
    to_resolve: Spread
    pages: int
    pages_at_night: int
    rules: list[RuleReview]
    days: list[Day]


def review(alerts: Sequence[Past], pages: Iterable[datetime], span: TimeRange, now: datetime) -> Review:
    """The review of the alerts that opened in a range, with the instants at which people were told."""
    told = list(pages)
    return Review(
        opened=len(alerts),
        resolved=sum(each.resolved_at is not None for each in alerts),
        escalated_share=_share(each.level > 1 for each in alerts),
        acknowledged_share=_share(each.answered_at is not None for each in alerts),
        breached_share=_share(each.breached for each in alerts),
        to_acknowledge=spread([each.answered_at - each.opened_at for each in alerts if each.answered_at]),
        to_resolve=spread([each.resolved_at - each.opened_at for each in alerts if each.resolved_at]),
        pages=len(told),
        pages_at_night=sum(at_night(each) for each in told),
        rules=_rules(alerts, now),
        days=_days(alerts, span),
    )


def at_night(at: datetime) -> bool:
    """Whether people sleep then (UTC)."""
    clock = at.astimezone(UTC).time()
    return clock >= NIGHT_BEGINS or clock < NIGHT_ENDS


def spread(spans: Iterable[timedelta]) -> Spread:
    """Median and 90th percentile, between the two nearest where none is exactly there."""
    ordered = sorted(span.total_seconds() for span in spans)
    if not ordered:
        return Spread(None, None)
    return Spread(timedelta(seconds=_quantile(ordered, 0.5)), timedelta(seconds=_quantile(ordered, 0.9)))


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _share(answers: Iterable[bool]) -> float | None:
    known = list(answers)
    return sum(known) / len(known) if known else None


def _rules(alerts: Sequence[Past], now: datetime) -> list[RuleReview]:
    by_rule: dict[UUID, list[Past]] = defaultdict(list)
    for each in alerts:
        by_rule[each.rule_id].append(each)
    made = [
        RuleReview(
            rule_id=rule,
            rule_name=max(mine, key=lambda each: each.opened_at).rule_name,
            opened=len(mine),
            acknowledged_share=_share(each.answered_at is not None for each in mine),
            escalated_share=_share(each.level > 1 for each in mine),
            median_duration=_middle([each.resolved_at - each.opened_at for each in mine if each.resolved_at]),
            open_for=sum(((each.resolved_at or now) - each.opened_at for each in mine), timedelta(0)),
            flapping=_flaps(mine),
        )
        for rule, mine in by_rule.items()
    ]
    return sorted(made, key=lambda each: (-each.opened, each.rule_name))


def _middle(spans: Sequence[timedelta]) -> timedelta | None:
    return timedelta(seconds=median(each.total_seconds() for each in spans)) if spans else None


def _flaps(alerts: Sequence[Past]) -> bool:
    """Whether a subject opened within an hour so often that its paging was delayed."""
    by_subject: dict[str, list[datetime]] = defaultdict(list)
    for each in alerts:
        by_subject[each.subject].append(each.opened_at)
    for moments in by_subject.values():
        moments.sort()
        if any(later - earlier < COUNTED for earlier, later in zip(moments, moments[FREE_OPENINGS:], strict=False)):
            return True
    return False


def _days(alerts: Sequence[Past], span: TimeRange) -> list[Day]:
    counted = Counter((each.opened_at.astimezone(UTC).date(), each.severity) for each in alerts)
    first, days = span.start.astimezone(UTC).date(), []
    at = datetime.combine(first, time(0), UTC)
    while at < span.end:
        days.append(Day(at, {severity: counted[at.date(), severity] for severity in Severity}))
        at += DAY
    return days
