"""When an answer is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from century.rules.severity import Severity, response_due

CASES = [
    ("critical: five minutes, at any hour", "critical", (24, 3, 0), (24, 3, 5)),
    ("warning: a quarter of an hour", "warning", (24, 3, 0), (24, 3, 15)),
    ("info at night: the next day in the morning", "info", (24, 3, 0), (25, 9, 0)),
    ("info during the day: the next day too", "info", (24, 14, 0), (25, 9, 0)),
    ("info on Friday: Monday", "info", (27, 17, 0), (30, 9, 0)),
    ("info on Saturday: Monday", "info", (28, 1, 0), (30, 9, 0)),
    ("info on Sunday: Monday", "info", (29, 23, 59), (30, 9, 0)),
]


@pytest.mark.parametrize(("told", "severity", "opened", "due"), CASES, ids=[case[0] for case in CASES])
def test_a_response_is_due(told: str, severity: str, opened: tuple[int, int, int], due: tuple[int, int, int]) -> None:
    assert response_due(Severity(severity), datetime(2026, 11, *opened, tzinfo=UTC)) == datetime(
        2026, 11, *due, tzinfo=UTC
    )
