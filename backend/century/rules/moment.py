"""The last minutes of one service as points, and what the windows that end now come to; what is asked twice is made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from century.rules.condition import Condition, Signal
from century.rules.measures import measured
from century.rules.objective import Objective
from century.rules.verdict import Reading
from century.telemetry import block, hour, metrics, summary, tally
from century.telemetry.chunk import MINUTE
from century.telemetry.differences import runs
from century.telemetry.instants import instant
from century.telemetry.metrics import Aggregation, Group
from century.telemetry.plain import Points, Series
from century.telemetry.sketch import Floats, Ints
from century.telemetry.slots import SECOND
from century.telemetry.summary import Summary

Attributes = tuple[tuple[str, str], ...]
OF_RESOURCES = frozenset({Signal.CPU, Signal.MEMORY, Signal.THROUGHPUT})
"""Signals that gauges tell of, too."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a window of a service comes to: a summary of one slot, and when the newest requests and gauges were."""

    whole: Summary
    requests_at: int | None
    gauges_at: int | None

    def reading(self, signal: Signal, seconds: float, objective: Objective | None = None) -> Reading:
        """What a rule reads; `seconds` is how long the service was known in the window."""
        values, samples = measured(signal, self.whole, np.array([seconds]), objective)
        at = [self.requests_at, self.gauges_at if signal in OF_RESOURCES else None]
        newest = max((each for each in at if each is not None), default=None)
        return reading(float(values[0]), int(samples[0]), newest)


def reading(value: float, samples: int, newest: int | None) -> Reading:
    """A value as a reading; NaN is none."""
    known = not np.isnan(value)
    return Reading(value if known else None, samples if known else 0, instant(newest) if newest else None)


class Moment:
    """Windows of one service that end at `end` (not included), in nanoseconds."""

    def __init__(self, points: Points, series: Mapping[int, Series], end: int) -> None:
        self._points = points
        self._series = series
        self._end = end
        self._cuts: dict[int, Points] = {}
        self._windows: dict[tuple[int, frozenset[int] | None], Window] = {}

    def window(self, length: int, chosen: frozenset[int] | None = None) -> Window:
        """The window of so many nanoseconds; of the requests of the chosen series alone, where some are."""
        made = self._windows.get((length, chosen))
        if made is None:
            made = self._windows[length, chosen] = self._window(length, chosen)
        return made

    def groups(self, condition: Condition) -> list[Group]:
        """The groups of a stored metric."""
        series = {number: each for number, each in self._series.items() if each.metric == condition.metric}
        return metrics.grouped(series, condition.group_by, dict(condition.filter))

    def metric(self, condition: Condition, groups: Sequence[Group]) -> list[tuple[Attributes, Reading]]:
        """What these groups of a stored metric read; Invalid where that cannot be told."""
        length = round(condition.window.total_seconds() * SECOND)
        points = self._cut(length)
        aggregation, seconds = condition.aggregation or Aggregation.AVG, np.array([length / SECOND])
        made = []
        for group in groups:
            kind = self._series[group.series[0]].kind
            mine = np.array(sorted(group.series), dtype=np.int32)
            if kind == "histogram":
                inside = np.isin(points.sketches.series, mine)
                sketches = block.take(points.sketches, inside)
                one = hour.gridded(sketches, np.zeros(len(sketches.at), dtype=np.int64), 1, approximate=False)
                value, samples = metrics.of_grid(one, aggregation, seconds)[0], int(one.count[0])
                newest = _newest(sketches.at[sketches.count > 0])
            else:
                numbers = block.take(points.numbers, np.isin(points.numbers.series, mine))
                samples, newest = len(numbers.at), _newest(numbers.at)
                value = self._number(numbers, aggregation, seconds, kind) if samples else np.nan
            made.append((group.attributes, reading(float(value), samples, newest)))
        return made

    def _number(self, numbers: block.Numbers, aggregation: Aggregation, seconds: Floats, kind: str) -> float:
        nowhere = np.zeros(len(numbers.at), dtype=np.int64)
        if aggregation.share is not None:
            return float(metrics.of_values(nowhere, numbers.value, 1, aggregation.share)[0])
        parts, increments = [], []
        for begin, end in runs(numbers.series):
            parts.append(tally.build(nowhere[begin:end], 1, numbers.at[begin:end], numbers.value[begin:end]))
            increments.append(self._series[int(numbers.series[begin])].increments)
        return float(metrics.of_tallies(parts, aggregation, seconds, kind=kind, increments=increments)[0])

    def _window(self, length: int, chosen: frozenset[int] | None) -> Window:
        points = self._cut(length)
        if chosen is not None:
            inside = np.isin(points.sketches.series, np.array(sorted(chosen), dtype=np.int32))
            points = replace(
                points, numbers=block.section(block.Numbers), sketches=block.take(points.sketches, inside),
                approximate=points.approximate[inside],
            )  # fmt: skip
        start = self._end - length
        origin = start - start % MINUTE
        made = hour.summarize(points, self._series, origin, MINUTE, -((origin - self._end) // MINUTE))
        requests = points.sketches.at[points.sketches.count > 0]
        return Window(summary.total(made), _newest(requests), _newest(points.numbers.at))

    def _cut(self, length: int) -> Points:
        if length not in self._cuts:
            self._cuts[length] = between(self._points, self._end - length, self._end)
        return self._cuts[length]


def between(points: Points, start: int, end: int) -> Points:
    """The points from `start` up to, not including, `end`."""
    numbers = (points.numbers.at >= start) & (points.numbers.at < end)
    sketches = (points.sketches.at >= start) & (points.sketches.at < end)
    return replace(
        points, numbers=block.take(points.numbers, numbers), sketches=block.take(points.sketches, sketches),
        approximate=points.approximate[sketches],
    )  # fmt: skip


def newest(points: Points) -> int | None:
    """When the last of some points was."""
    found = [each for each in (_newest(points.numbers.at), _newest(points.sketches.at)) if each is not None]
    return max(found, default=None)


def _newest(at: Ints) -> int | None:
    return int(at.max()) if len(at) else None
