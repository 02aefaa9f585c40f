"""Error budgets, signed; and the rules that watch them, scaled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from century.rules.burning import burn_conditions
from century.rules.objective import Objective, ObjectiveKind, budget
from century.rules.problems import Known, problems
from century.rules.rule import Rule

MONTH = timedelta(days=30)
SHOP = Objective(UUID(int=1), "shop answers", "shop", ObjectiveKind.AVAILABILITY, None, 0.999, MONTH)

BUDGETS = [
    ("nothing measured: all of it is left", 0, 0, 0.0, 1.0, None),
    ("nothing failed", 10_000, 0, 10.0, 1.0, 0.0),
    ("half of it is spent", 9_995, 5, 10.0, 0.5, 0.5),
    ("all of it is spent", 9_990, 10, 10.0, 0.0, 1.0),
    ("twice as much as allowed", 9_980, 20, 10.0, -1.0, 2.0),
    ("everything failed", 0, 10_000, 10.0, -999.0, 1000.0),
]


@pytest.mark.parametrize(("told", "good", "bad", "allowed", "left", "burn"), BUDGETS, ids=[row[0] for row in BUDGETS])
def test_a_budget(told: str, good: int, bad: int, allowed: float, left: float, burn: float | None) -> None:
    found = budget(SHOP, good, bad)
    assert (found.allowed, found.left, found.spent) == (pytest.approx(allowed), pytest.approx(left), bad)
    assert found.burn_rate == (pytest.approx(burn) if burn is not None else None)
    assert found.left_duration.total_seconds() == pytest.approx(left * 0.001 * MONTH.total_seconds()), (
        "43 min 12 s in all"
    )
    assert found.actual == (good / (good + bad) if good + bad else None)


WINDOWS = [
    (30, [("14.4", 3600, 300), ("6", 21_600, 1_800)]),
    (15, [("14.4", 1800, 150), ("6", 10_800, 900)]),
    (7, [("14.4", 840, 70), ("6", 5_040, 420)]),
    (1, [("14.4", 120, 60), ("6", 720, 60)]),
]


@pytest.mark.parametrize(("days", "expected"), WINDOWS, ids=[f"{row[0]} days" for row in WINDOWS])
def test_burn_rates_scale_with_the_window(days: int, expected: list[tuple[str, int, int]]) -> None:
    objective = replace(SHOP, window=timedelta(days=days))
    burns = burn_conditions(objective)
    assert [
        (f"{each.condition.threshold:g}", each.condition.window.seconds, (each.condition.short_window or MONTH).seconds)
        for each in burns
    ] == expected
    for each in burns:
        made = Rule(
            UUID(int=2), each.name, enabled=True, severity=each.severity, condition=each.condition, service="shop",
            objective_id=objective.id, objective=objective,
        )  # fmt: skip
        assert problems(made, Known()) == []
