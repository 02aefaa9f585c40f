"""What counts as wrong: a signal, the side of a threshold on which it is wrong, and how sure one must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from century.probes.facts import unit_of
from century.telemetry import metrics
from century.telemetry.metrics import Aggregation
from century.telemetry.targets import Comparison


class Signal(StrEnum):
    """What a rule looks at. The sources of the last ones come with later stages."""

    LATENCY_AVG = "latency_avg"
    LATENCY_P95 = "latency_p95"
    LATENCY_P99 = "latency_p99"
    ERROR_RATE = "error_rate"
    THROUGHPUT = "throughput"
    AVAILABILITY = "availability"
    APDEX = "apdex"
    CPU = "cpu"
    MEMORY = "memory"
    SILENCE = "silence"
    METRIC = "metric"
    BURN_RATE = "burn_rate"
    PROBE_STATE = "probe_state"
    PROBE_LATENCY = "probe_latency"
    FACT = "fact"
    TLS_DAYS_LEFT = "tls_days_left"
    HEARTBEAT = "heartbeat"
    BUSINESS = "business"
    EXTERNAL = "external"


class WhenNoData(StrEnum):
    """What silence means: all is well, as it was before, or that is what is wrong."""

    OK = "ok"
    KEEP = "keep"
    ALERT = "alert"


NAMED = frozenset({Signal.METRIC, Signal.FACT, Signal.BUSINESS, Signal.EXTERNAL})
"""Signals that want the name of what they read, in `metric`."""

OF_REQUESTS = frozenset(
    {Signal.LATENCY_AVG, Signal.LATENCY_P95, Signal.LATENCY_P99, Signal.ERROR_RATE, Signal.THROUGHPUT, Signal.APDEX}
)
"""Signals of requests: these alone can be looked at for some routes."""

RATIOS = frozenset({Signal.ERROR_RATE, Signal.AVAILABILITY, Signal.APDEX, Signal.MEMORY})
"""Signals that lie between 0 and 1."""

AGES = frozenset({Signal.SILENCE, Signal.HEARTBEAT})
"""Signals that grow by themselves, in seconds since something was last heard."""

OUTSIDE = frozenset(
    {
        Signal.PROBE_STATE, Signal.PROBE_LATENCY, Signal.FACT, Signal.TLS_DAYS_LEFT, Signal.HEARTBEAT, Signal.EXTERNAL,
    }
)  # fmt: skip
"""Signals of what is watched from outside: each probe, each part of it, each heartbeat and each alert that somebody else
decided is a subject of its own.
"""

_UNITS = {
    Signal.LATENCY_AVG: "s",
    Signal.LATENCY_P95: "s",
    Signal.LATENCY_P99: "s",
    Signal.THROUGHPUT: "1/s",
    Signal.SILENCE: "s",
    Signal.BURN_RATE: "x",
    Signal.PROBE_LATENCY: "s",
    Signal.TLS_DAYS_LEFT: "d",
    Signal.HEARTBEAT: "s",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """Wrong is: `signal` on the `comparison` side of `threshold` over `window`, for `hold_for`, seen by `min_samples`.

    Once wrong it is well again only on the other side of `recovery`. Seconds and ratios; `metric`, `aggregation`,
    `filter` and `group_by` are for stored metrics, `short_window` is for burn rates.
    """

    signal: Signal
    comparison: Comparison
    threshold: float
    metric: str | None = None
    aggregation: Aggregation | None = None
    filter: tuple[tuple[str, frozenset[str]], ...] = ()
    group_by: tuple[str, ...] = ()
    recovery: float | None = None
    window: timedelta = timedelta(minutes=5)
    hold_for: timedelta = timedelta(0)
    min_samples: int = 1
    when_no_data: WhenNoData = WhenNoData.KEEP
    short_window: timedelta | None = None

    @property
    def is_state(self) -> bool:
        """Whether it looks at whether something is up (1) or down (0)."""
        return self.signal is Signal.PROBE_STATE or (
            self.signal is Signal.FACT and (self.metric or "").endswith(".up") and self.aggregation is None
        )

    def breaks(self, value: float) -> bool:
        """Whether a value is on the wrong side."""
        return value > self.threshold if self.comparison is Comparison.ABOVE else value < self.threshold

    def recovers(self, value: float) -> bool:
        """Whether a value that was on the wrong side is well again."""
        if self.recovery is None:
            return not self.breaks(value)
        return value <= self.recovery if self.comparison is Comparison.ABOVE else value >= self.recovery

    def to_json(self) -> dict[str, Any]:
        """As it is stored: durations in seconds."""
        return {
            "signal": self.signal.value,
            "metric": self.metric,
            "aggregation": self.aggregation.value if self.aggregation else None,
            "filter": [{"key": key, "in": sorted(values)} for key, values in self.filter],
            "group_by": list(self.group_by),
            "comparison": self.comparison.value,
            "threshold": self.threshold,
            "recovery": self.recovery,
            "window": self.window.total_seconds(),
            "hold_for": self.hold_for.total_seconds(),
            "min_samples": self.min_samples,
            "when_no_data": self.when_no_data.value,
            "short_window": self.short_window.total_seconds() if self.short_window else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Condition:
        """What `to_json` wrote."""
        return cls(
            signal=Signal(stored["signal"]),
            metric=stored["metric"],
            aggregation=Aggregation(stored["aggregation"]) if stored["aggregation"] else None,
            filter=tuple((each["key"], frozenset(each["in"])) for each in stored["filter"]),
            group_by=tuple(stored["group_by"]),
            comparison=Comparison(stored["comparison"]),
            threshold=stored["threshold"],
            recovery=stored["recovery"],
            window=timedelta(seconds=stored["window"]),
            hold_for=timedelta(seconds=stored["hold_for"]),
            min_samples=stored["min_samples"],
            when_no_data=WhenNoData(stored["when_no_data"]),
            short_window=timedelta(seconds=stored["short_window"]) if stored["short_window"] else None,
        )


def unit(condition: Condition, own: str = "", *, histogram: bool = False) -> str:
    """The unit of a condition's values, in UCUM; `own` is the unit of the metric it reads."""
    if condition.signal is Signal.METRIC:
        return metrics.unit(own, condition.aggregation or Aggregation.AVG, histogram=histogram)
    if condition.signal is Signal.FACT:
        own = own or unit_of(condition.metric or "")
        return metrics.unit(own, condition.aggregation, histogram=False) if condition.aggregation else own
    return _UNITS.get(condition.signal, own if condition.signal in NAMED else "1")
