"""Targets: what a service is expected to keep, and whether it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Comparison(StrEnum):
    """On which side of the objective it is well."""

    BELOW = "below"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Objective:
    """A value to stay below, or above. Seconds and ratios."""

    name: str
    objective: float
    comparison: Comparison
    unit: str


@dataclass(frozen=True, slots=True)
class Target:
    """An objective and what was measured; `met` is None where nothing was."""

    name: str
    objective: float
    comparison: Comparison
    unit: str
    actual: float | None
    met: bool | None


DEFAULTS = (
    Objective("latency_avg", 2.0, Comparison.BELOW, "s"),
    Objective("latency_p95", 5.0, Comparison.BELOW, "s"),
    Objective("error_rate", 0.01, Comparison.BELOW, "1"),
    Objective("availability", 0.999, Comparison.ABOVE, "1"),
    Objective("cpu", 0.7, Comparison.BELOW, "1"),
    Objective("memory", 0.8, Comparison.BELOW, "1"),
)


def hold(objectives: Sequence[Objective], actual: Mapping[str, float | None]) -> list[Target]:
    """Each objective beside its measurement."""
    return [
        Target(each.name, each.objective, each.comparison, each.unit, value, _met(each, value))
        for each in objectives
        for value in [actual.get(each.name)]
    ]


def _met(objective: Objective, value: float | None) -> bool | None:
    if value is None:
        return None
    return value < objective.objective if objective.comparison is Comparison.BELOW else value > objective.objective
