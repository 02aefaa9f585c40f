"""How an alert moves: with the verdicts of its rule, and with time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from century.alerts.alert import Alert, AlertState
from century.rules.condition import Condition
from century.rules.severity import response_due
from century.rules.verdict import Standing, Verdict
from century.telemetry.targets import Comparison

__all__ = [
    "AlertState",
    "Fire",
    "Open",
    "Resolve",
    "Transition",
    "Update",
    "Withdraw",
    "advance",
    "attend",
    "attention",
]

UPDATE_EVERY = timedelta(seconds=10)
BELIEVED = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Open:
    """A new alert, pending or firing at once."""

    state: AlertState
    value: float | None


@dataclass(frozen=True, slots=True)
class Fire:
    """A pending alert has been wrong for as long as its rule holds."""

    value: float | None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A pending alert recovered before it fired: it never was."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """It is well again."""

    value: float | None


@dataclass(frozen=True, slots=True)
class Update:
    """It is as it was, by another value."""

    value: float | None
    peak: float | None


Transition = Open | Fire | Withdraw | Resolve | Update


def advance(alert: Alert | None, verdict: Verdict, now: datetime) -> Transition | None:
    """What a verdict does to the open alert of its rule and subject (None: there is none).

    Neither suppression nor a maintenance window has a say here. What is not known changes nothing, but for what was
    only pending: that must be wrong throughout.
    """
    match (alert.state if alert is not None else None, verdict.standing):
        case (None, Standing.PENDING):
            return Open(AlertState.PENDING, verdict.value)
        case (None, Standing.FIRING):
            return Open(AlertState.FIRING, verdict.value)
        case (AlertState.PENDING, Standing.FIRING):
            return Fire(verdict.value)
        case (AlertState.PENDING, Standing.OK | Standing.UNKNOWN):
            return Withdraw()
        case (AlertState.FIRING | AlertState.ACKNOWLEDGED, Standing.OK):
            return Resolve(verdict.value)
        case (AlertState.PENDING, Standing.PENDING) | (AlertState.FIRING | AlertState.ACKNOWLEDGED, Standing.FIRING):
            assert alert is not None
            return _update(alert, verdict, now)
    return None


def _update(alert: Alert, verdict: Verdict, now: datetime) -> Update | None:
    if verdict.value is None or verdict.value == alert.value or now - alert.updated_at < UPDATE_EVERY:
        return None
    return Update(verdict.value, worse(alert.rule.condition, alert.peak, verdict.value))


def worse(condition: Condition, one: float | None, other: float | None) -> float | None:
    """The value that lies further on the wrong side."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other) if condition.comparison is Comparison.ABOVE else min(one, other)


def believed_until(condition: Condition, resolved_at: datetime) -> datetime:
    """How long a resolution by hand is believed while the rule still says otherwise: its window has yet to pass."""
    return resolved_at + max(BELIEVED, condition.window)


@dataclass(frozen=True, slots=True)
class Breach:
    """Nobody answered in time."""


@dataclass(frozen=True, slots=True)
class Released:
    """A suppression ended, and it is still wrong."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A suppression ended of what somebody answers for anyway."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Acknowledged, and then nothing for as long as its rule allows."""


Due = Breach | Released | Expired | Reopen


def attend(alert: Alert, now: datetime, *, held: bool) -> list[Due]:
    """What has become due of an alert by time alone. While something holds it, nobody can be late to answer it."""
    due: list[Due] = []
    firing = alert.state is AlertState.FIRING
    if alert.state is AlertState.ACKNOWLEDGED and alert.reopens_at is not None and alert.reopens_at <= now:
        due.append(Reopen())
        firing = True
    ended = alert.suppressed_until is not None and alert.suppressed_until <= now
    if ended and alert.is_told:
        due.append(Released() if firing else Expired())
    if (
        alert.state is AlertState.FIRING
        and not ended
        and not held
        and alert.response_breached_at is None
        and alert.response_due_at is not None
        and alert.response_due_at <= now
    ):
        due.append(Breach())
    return due


def attention(alert: Alert) -> datetime | None:
    """When time alone does something to an alert next."""
    moments: list[datetime | None] = []
    if alert.is_told:
        moments.append(alert.suppressed_until)
    if alert.state is AlertState.FIRING and alert.response_breached_at is None:
        moments.append(alert.response_due_at)
    if alert.state is AlertState.ACKNOWLEDGED:
        moments.append(alert.reopens_at)
    return min((each for each in moments if each is not None), default=None)


def returned(alert: Alert) -> Alert:
    """What was suppressed, or somebody's, and pages again: who was told before is told anew, in an episode of its own."""
    return replace(alert, episode=alert.episode + 1, level=0) if alert.level else alert


def answer_by(alert: Alert, now: datetime) -> datetime:
    """When an alert that pages from now on is to be answered."""
    return response_due(alert.severity, now)
