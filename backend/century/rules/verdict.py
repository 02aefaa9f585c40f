"""What a rule finds of one subject: a state machine that a reading moves, live or over history."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from century.rules.condition import AGES, Condition, Signal, WhenNoData

SOON = timedelta(seconds=1)
"""The nearest second look at something that did not change when it was expected to."""
PAST = timedelta(milliseconds=1)
"""What lies above a threshold lies beyond the instant at which it is reached."""


class Standing(StrEnum):
    """How a subject stands with a rule; pending is wrong, but not yet for as long as the rule holds."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured over the window that ends now; `observed_at` is the newest sample in it.

    `value` is None where there was none. `short` is the burn rate over the condition's short window. For signals that
    grow by themselves (silence, heartbeats) `value` is the seconds since `observed_at`. `why` is what its source says of a
    value that is wrong: "connection refused".
    """

    value: float | None
    samples: int
    observed_at: datetime | None
    short: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a subject stands since when, by which value. `look_at`: when that may change without anything new arriving.

    `why` is the reading's, and not kept.
    """

    standing: Standing
    since: datetime
    value: float | None
    samples: int
    observed_at: datetime | None
    look_at: datetime | None = None
    pending_since: datetime | None = None
    why: str = ""


def judge(condition: Condition, before: Verdict | None, reading: Reading, now: datetime) -> Verdict:
    """The verdict after a reading."""
    value = reading.value
    if value is None or math.isnan(value) or reading.samples < condition.min_samples:
        return _without_data(condition, before, reading, now)
    if before is not None and before.standing is Standing.FIRING:
        # A burn rate fires when both windows say so and is over when the long one does: the short one says only that
        # it still burns now.
        wrong = not condition.recovers(value)
    else:
        wrong = condition.breaks(value) and _burns_now(condition, reading)
    return _wrong(condition, before, reading, now) if wrong else _well(condition, before, reading, now)


def _burns_now(condition: Condition, reading: Reading) -> bool:
    if condition.signal is not Signal.BURN_RATE or condition.short_window is None:
        return True
    return reading.short is not None and not math.isnan(reading.short) and condition.breaks(reading.short)


def _without_data(condition: Condition, before: Verdict | None, reading: Reading, now: datetime) -> Verdict:
    meant = condition.when_no_data
    if meant is WhenNoData.ALERT and reading.samples > 0:
        meant = WhenNoData.KEEP  # a few samples are no silence
    match meant:
        case WhenNoData.OK:
            return _well(condition, before, reading, now)
        case WhenNoData.ALERT:
            return _wrong(condition, before, reading, now)
        case WhenNoData.KEEP:
            if before is None:
                return Verdict(Standing.UNKNOWN, now, None, reading.samples, reading.observed_at)
            if before.standing is Standing.PENDING:
                # What is to be wrong throughout was not seen throughout.
                return replace(before, standing=Standing.UNKNOWN, since=now, look_at=None, pending_since=None)
            return replace(before, look_at=None)


def _well(condition: Condition, before: Verdict | None, reading: Reading, now: datetime) -> Verdict:
    return _verdict(condition, Standing.OK, before, reading, now, pending_since=None)


def _wrong(condition: Condition, before: Verdict | None, reading: Reading, now: datetime) -> Verdict:
    since = before.pending_since if before is not None and before.pending_since is not None else now
    fires = (before is not None and before.standing is Standing.FIRING) or now - since >= condition.hold_for
    return _verdict(
        condition, Standing.FIRING if fires else Standing.PENDING, before, reading, now, pending_since=since
    )


def _verdict(
    condition: Condition,
    standing: Standing,
    before: Verdict | None,
    reading: Reading,
    now: datetime,
    *,
    pending_since: datetime | None,
) -> Verdict:
    value = None if reading.value is None or math.isnan(reading.value) else reading.value
    since = before.since if before is not None and before.standing is standing else now
    moments = [_changes_alone(condition, standing, reading, now)]
    if standing is Standing.PENDING and pending_since is not None:
        moments.append(pending_since + condition.hold_for)
    look_at = min((each for each in moments if each is not None), default=None)
    return Verdict(standing, since, value, reading.samples, reading.observed_at, look_at, pending_since, reading.why)


def _changes_alone(condition: Condition, standing: Standing, reading: Reading, now: datetime) -> datetime | None:
    """When the passing of time alone may change a standing: an age reaches its threshold, a window runs empty."""
    if reading.observed_at is None or reading.samples == 0:
        return None
    if condition.signal in AGES:
        if standing is not Standing.OK:
            return None
        moment = reading.observed_at + timedelta(seconds=condition.threshold) + PAST
    else:
        if standing is _standing_when_empty(condition, standing):
            return None
        moment = reading.observed_at + condition.window
    return max(moment, now + SOON)


def _standing_when_empty(condition: Condition, standing: Standing) -> Standing:
    match condition.when_no_data:
        case WhenNoData.OK:
            return Standing.OK
        case WhenNoData.ALERT:
            return Standing.FIRING
        case WhenNoData.KEEP:
            return Standing.UNKNOWN if standing is Standing.PENDING else standing
