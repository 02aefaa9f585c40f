"""A condition in words, and values as people read them."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from century.core.wording import duration, number
from century.probes.facts import label_of
from century.rules.condition import RATIOS, Condition, Signal, unit
from century.rules.rule import Rule
from century.telemetry.targets import Comparison

NAMES = {
    Signal.LATENCY_AVG: "average response time",
    Signal.LATENCY_P95: "95th percentile of the response time",
    Signal.LATENCY_P99: "99th percentile of the response time",
    Signal.ERROR_RATE: "error rate",
    Signal.THROUGHPUT: "throughput",
    Signal.AVAILABILITY: "availability",
    Signal.APDEX: "Apdex",
    Signal.CPU: "CPU usage",
    Signal.MEMORY: "memory usage",
    Signal.SILENCE: "time without telemetry",
    Signal.BURN_RATE: "burn rate of the error budget",
    Signal.PROBE_STATE: "state",
    Signal.PROBE_LATENCY: "time to answer",
    Signal.TLS_DAYS_LEFT: "time until the certificate expires",
    Signal.HEARTBEAT: "delay of the heartbeat",
}
PERCENT = RATIOS - {Signal.APDEX} | {Signal.CPU}
_ANY = {
    Signal.PROBE_STATE: "probe",
    Signal.PROBE_LATENCY: "probe",
    Signal.FACT: "probe",
    Signal.TLS_DAYS_LEFT: "probe",
    Signal.HEARTBEAT: "heartbeat",
}
# A fact that only says yes or no is called by its name: what it is labelled with is a sentence.
_YES_OR_NO = re.compile(r"[._](up|ok|healthy|enabled)$")
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def sentence(rule: Rule) -> str:
    """What a rule calls wrong, as in "error rate of checkout above 5 % over 5 min, for at least 1 min"."""
    condition = rule.condition
    if condition.signal is Signal.EXTERNAL:
        of = f" of {rule.service}" if rule.service else ""
        return " ".join([f"{name(condition)}{of}", *_where(condition)])
    anything = f"any {_ANY.get(condition.signal, 'service')}"
    whose = rule.service or anything
    if rule.service and condition.signal in _ANY:
        whose = f"{anything} of {rule.service}"
    words = [f"{name(condition)} of {whose}"]
    if rule.critical_routes or rule.routes:
        named = (["its critical routes"] if rule.critical_routes else []) + list(rule.routes)
        words.append("on " + ", ".join(named))
    words += _where(condition)
    words.append(bound(condition))
    said = " ".join(words)
    if condition.hold_for:
        said += f", for at least {duration(condition.hold_for)}"
    if condition.min_samples > 1:
        said += f", with at least {condition.min_samples} samples"
    if condition.group_by:
        said += f"; each {', '.join(condition.group_by)} apart"
    if condition.recovery is not None:
        side = "or less" if condition.comparison is Comparison.ABOVE else "or more"
        said += f"; well again at {show(condition, condition.recovery)} {side}"
    return said


def _where(condition: Condition) -> list[str]:
    return [f"where {key} is {' or '.join(sorted(values))}" for key, values in condition.filter]


def name(condition: Condition) -> str:
    """What a condition looks at, as in "error rate", "disk used" or "p95 of db.client.connection.count"."""
    if condition.signal in NAMES:
        return NAMES[condition.signal]
    if condition.signal is Signal.EXTERNAL:
        return f"{condition.metric}, decided outside"
    how = f"{condition.aggregation.value} of " if condition.aggregation else ""
    looked_at = condition.metric or condition.signal.value
    if condition.signal is Signal.FACT:
        looked_at = f"fact {looked_at}" if _YES_OR_NO.search(looked_at) else _within(label_of(looked_at))
    return f"{how}{looked_at}"


def _within(label: str) -> str:
    """A label as it stands in the middle of a sentence."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def bound(condition: Condition, own_unit: str = "") -> str:
    """Where it begins to be wrong, as in "above 5 % over 5 min"."""
    if condition.is_state and condition.comparison is Comparison.BELOW and 0 < condition.threshold <= 1:
        return "is down"
    said = f"{condition.comparison.value} {show(condition, condition.threshold, own_unit)}"
    match condition.signal:
        case Signal.SILENCE | Signal.HEARTBEAT | Signal.TLS_DAYS_LEFT:
            return said
        case Signal.PROBE_STATE | Signal.PROBE_LATENCY | Signal.FACT if condition.aggregation is None:
            return said  # what was found last is judged
        case Signal.BURN_RATE if condition.short_window is not None:
            return f"{said} over {duration(condition.window)} and over {duration(condition.short_window)}"
        case _:
            return f"{said} over {duration(condition.window)}"


def against(condition: Condition, value: float, own_unit: str = "") -> str:
    """How a value stands to the condition that it broke: on its wrong side, between there and well again, or well."""
    if condition.breaks(value):
        return bound(condition, own_unit)
    if condition.recovery is not None and not condition.recovers(value):
        return f"not yet back to {show(condition, condition.recovery, own_unit)}"
    return f"after it was {bound(condition, own_unit)}"


def show(condition: Condition, value: float | None, own_unit: str = "") -> str:
    """A value of a condition as people read it: "7.2 %", "2.4 s", "14.4x"."""
    if value is None:
        return "no data"
    if condition.is_state and value in (0.0, 1.0):
        return "up" if value else "down"
    if in_percent(condition):
        return f"{number(value * 100)} %"
    return quantity(value, unit(condition, own_unit))


def in_percent(condition: Condition) -> bool:
    """Whether people read its values as shares of a hundred."""
    share = condition.signal is Signal.FACT and (condition.metric or "").endswith("_share")
    return share or condition.signal in PERCENT


def quantity(value: float, unit: str) -> str:
    """A number with its unit (UCUM), as people read it."""
    if not math.isfinite(value):
        return "no number"
    match unit:
        case "s":
            return f"{number(value * 1000)} ms" if 0 < abs(value) < 1 else duration_or_seconds(value)
        case "ms":
            return f"{number(value)} ms"
        case "x":
            return f"{number(value)}x"
        case "d":
            return f"{number(value)} days"
        case "%":
            return f"{number(value)} %"
        case "By":
            place = min(int(math.log(abs(value), 1024)) if abs(value) >= 1 else 0, len(_BYTES) - 1)
            return f"{number(value / 1024**place)} {_BYTES[place]}"
        case "" | "1":
            return number(value)
        case _ if unit.startswith("{"):
            return f"{number(value)} {unit.replace('{', '').replace('}', '')}"
        case _:
            return f"{number(value)}{unit[1:]}" if unit.startswith("1/") else f"{number(value)} {unit}"


def duration_or_seconds(seconds: float) -> str:
    """Seconds up to two minutes, then whole units."""
    return f"{number(seconds)} s" if abs(seconds) < 120 else duration(timedelta(seconds=round(seconds)))
