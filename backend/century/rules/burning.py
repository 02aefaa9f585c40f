"""The two rules of an objective: a fire that spends the budget in days, and a leak that does so in a week.

Factors and windows are those of the Site Reliability Workbook (chapter 5, "Multiwindow, Multi-Burn-Rate Alerts") for an
objective over 30 days; over other windows they shrink with it, so that the same share of the budget is gone by then:
2 % for the fire, 5 % for the leak.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.objective import Objective
from century.rules.severity import Severity
from century.telemetry.targets import Comparison

USUAL = timedelta(days=30)
SHORTEST = timedelta(minutes=1)
SLOT = timedelta(seconds=10)
FEWEST = 20
"""Requests in the long window below which a single failure would look like a fire."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One of the rules of an objective, as it begins."""

    name: str
    severity: Severity
    condition: Condition


def burn_conditions(objective: Objective) -> tuple[Burn, Burn]:
    """The fire (14.4x over 1 h and 5 min) and the leak (6x over 6 h and 30 min), scaled to the objective's window."""
    fire = _condition(objective, 14.4, timedelta(hours=1), timedelta(minutes=5))
    leak = _condition(objective, 6.0, timedelta(hours=6), timedelta(minutes=30))
    return Burn("fast burn", Severity.CRITICAL, fire), Burn("slow burn", Severity.WARNING, leak)


def _condition(objective: Objective, factor: float, long: timedelta, short: timedelta) -> Condition:
    return Condition(
        Signal.BURN_RATE,
        Comparison.ABOVE,
        factor,
        window=_scaled(objective, long),
        short_window=_scaled(objective, short),
        min_samples=FEWEST,
        when_no_data=WhenNoData.OK,
    )


def _scaled(objective: Objective, span: timedelta) -> timedelta:
    """A span for 30 days, for the objective's window: in whole slots."""
    return max(round(span * (objective.window / USUAL) / SLOT) * SLOT, SHORTEST)
