"""What an alert says of itself, in sentences."""

from __future__ import annotations

from century.alerts.alert import Alert
from century.core.wording import duration, one_line
from century.rules.condition import Condition, Signal
from century.rules.wording import against, name, show

LONGEST_WHY = 160
HEALTHY = ".healthy"


def summary(condition: Condition, subject: str, value: float | None, own_unit: str = "", why: str = "") -> str:
    """What is wrong, as in "Error rate of checkout is 7.2 %, above 5 % over 5 min" or "db is down: connection refused".

    An alert stays open while its value is between threshold and recovery: then it says what is still missing.
    """
    if condition.signal is Signal.EXTERNAL:
        return f"{condition.metric} of {subject} fires, as was decided outside"
    looked_at = name(condition)
    if value is None:
        return f"No data on {looked_at} of {subject} for {duration(condition.window)}"
    if said := _of_itself(condition, value, one_line(why, LONGEST_WHY).rstrip(".")):
        return f"{subject} {said}"
    # A metric is called by its name, as it is written.
    first = looked_at if condition.signal is Signal.METRIC else looked_at[0].upper() + looked_at[1:]
    return f"{first} of {subject} is {show(condition, value, own_unit)}, {against(condition, value, own_unit)}"


def of_itself(alert: Alert) -> str | None:
    """What its summary says after the name of what it is about, where it begins with that: "is down: connection refused"."""
    said = alert.summary.removeprefix(f"{alert.subject} ")
    condition = alert.rule.condition
    named = condition.is_state or condition.signal is Signal.HEARTBEAT or _is_health(condition)
    return said if named and said != alert.summary else None


def _of_itself(condition: Condition, value: float, why: str) -> str | None:
    reason = f": {why}" if why else ""
    if condition.is_state and value in (0, 1):
        return f"is down{reason}" if value == 0 else "is up, after it was down"
    if condition.signal is Signal.HEARTBEAT and condition.breaks(value):
        return why or f"is {show(condition, value)} late"
    return f"is not healthy{reason}" if why and value == 0 and _is_health(condition) else None


def _is_health(condition: Condition) -> bool:
    return condition.signal is Signal.FACT and (condition.metric or "").endswith(HEALTHY)


def recovered(condition: Condition, subject: str, value: float | None, own_unit: str = "") -> str:
    """What is well again, as in "Well again: error rate of checkout is 0.3 %"."""
    if condition.signal is Signal.EXTERNAL:
        return f"Well again: {condition.metric} of {subject} fires no more"
    if value is None:
        return f"Over: there is no data on {name(condition)} of {subject} any more"
    if condition.is_state and value == 1:
        return f"Well again: {subject} is up"
    return f"Well again: {name(condition)} of {subject} is {show(condition, value, own_unit)}"
