"""Rules and alerts to test with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from century.alerts.alert import Alert, AlertState
from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.verdict import Standing, Verdict
from century.telemetry.targets import Comparison
from tests.world import START

ERRORS = Condition(Signal.ERROR_RATE, Comparison.ABOVE, 0.05, recovery=0.04)
RUNBOOK = "# Errors\n\n1. Look at the newest deployment\n2. Roll it back\n"


def a_rule(number: int = 1, name: str = "high_error_rate", **changes: Any) -> Rule:
    made = Rule(UUID(int=number), name, True, Severity.CRITICAL, ERRORS, runbook=RUNBOOK)
    return replace(made, **changes)


def an_alert(state: AlertState = AlertState.FIRING, **changes: Any) -> Alert:
    made = Alert(
        id=UUID(int=99), rule=a_rule(), subject="checkout", service="checkout", attributes=(("region", "eu"),),
        severity=Severity.CRITICAL, state=state, episode=1, summary="error rate of checkout is 7 %", value=0.07,
        peak=0.07, threshold=0.05, unit="1", pending_since=None, opened_at=START, updated_at=START,
        response_due_at=START + timedelta(minutes=5),
    )  # fmt: skip
    return replace(made, **changes)


def a_verdict(standing: Standing, value: float | None = 0.07, **changes: Any) -> Verdict:
    return replace(Verdict(standing, START, value, 100, START), **changes)
