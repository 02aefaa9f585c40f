"""What an alert says of itself, in sentences."""

from __future__ import annotations

from century.core.wording import duration
from century.rules.condition import Condition, Signal
from century.rules.wording import NAMES, against, name, show


def summary(condition: Condition, subject: str, value: float | None, own_unit: str = "") -> str:
    """What is wrong, as in "Error rate of checkout is 7.2 %, above 5 % over 5 min".

    An alert stays open while its value is between threshold and recovery: then it says what is still missing.
    """
    if condition.signal is Signal.EXTERNAL:
        return f"{condition.metric} of {subject} fires, as was decided outside"
    looked_at = name(condition)
    if value is None:
        return f"No data on {looked_at} of {subject} for {duration(condition.window)}"
    if condition.is_state and value in (0, 1):
        return f"{subject} is down" if value == 0 else f"{subject} is up, after it was down"
    if condition.signal is Signal.HEARTBEAT and condition.breaks(value):
        return f"{subject} is {show(condition, value)} late"
    first = looked_at[0].upper() + looked_at[1:] if condition.signal in NAMES else looked_at
    return f"{first} of {subject} is {show(condition, value, own_unit)}, {against(condition, value, own_unit)}"


def recovered(condition: Condition, subject: str, value: float | None, own_unit: str = "") -> str:
    """What is well again, as in "Well again: error rate of checkout is 0.3 %"."""
    if condition.signal is Signal.EXTERNAL:
        return f"Well again: {condition.metric} of {subject} fires no more"
    if value is None:
        return f"Over: there is no data on {name(condition)} of {subject} any more"
    if condition.is_state and value == 1:
        return f"Well again: {subject} is up"
    return f"Well again: {name(condition)} of {subject} is {show(condition, value, own_unit)}"
