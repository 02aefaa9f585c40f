"""How verdicts and time move an alert, a sentence a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from century.alerts.alert import Alert, AlertState
from century.alerts.lifecycle import (
    Breach,
    Due,
    Expired,
    Fire,
    Open,
    Released,
    Reopen,
    Resolve,
    Transition,
    Update,
    Withdraw,
    advance,
    attend,
    attention,
    believed_until,
    returned,
)
from century.rules.condition import Condition, Signal
from century.rules.verdict import Standing
from century.telemetry.targets import Comparison
from tests.alerts.examples import ERRORS, a_rule, a_verdict, an_alert
from tests.world import START

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
PENDING, FIRING, ACKNOWLEDGED = AlertState.PENDING, AlertState.FIRING, AlertState.ACKNOWLEDGED
SUPPRESSED = {"suppressed_until": START + HOUR}
LATENCY = a_rule(condition=Condition(Signal.AVAILABILITY, Comparison.BELOW, 0.999))


@dataclass(frozen=True)
class Case:
    told: str
    alert: Alert | None
    standing: Standing
    expected: Transition | None
    value: float | None = 0.07
    later: timedelta = timedelta(0)


CASES = [
    Case("what is well opens nothing", None, Standing.OK, None),
    Case("what is not known opens nothing", None, Standing.UNKNOWN, None),
    Case("what is wrong, but not for long enough, is pending", None, Standing.PENDING, Open(PENDING, 0.07)),
    Case("what is wrong fires", None, Standing.FIRING, Open(FIRING, 0.07)),
    Case("what was pending for long enough fires", an_alert(PENDING), Standing.FIRING, Fire(0.07)),
    Case("what recovers before it fired never was", an_alert(PENDING), Standing.OK, Withdraw()),
    Case("what cannot be seen throughout is not pending", an_alert(PENDING), Standing.UNKNOWN, Withdraw()),
    Case("what fires and is well again is over", an_alert(), Standing.OK, Resolve(0.01), 0.01),
    Case("so is what somebody acknowledged", an_alert(ACKNOWLEDGED), Standing.OK, Resolve(0.01), 0.01),
    Case("a resolution flows while it is suppressed", an_alert(**SUPPRESSED), Standing.OK, Resolve(0.01), 0.01),
    Case("silence after firing changes nothing", an_alert(), Standing.UNKNOWN, None, None),
    Case("a verdict that begins anew does not take back what fired", an_alert(), Standing.PENDING, None),
    Case("a new value waits for its ten seconds", an_alert(), Standing.FIRING, None, 0.2, 9 * SECOND),
    Case("a worse value is a new peak", an_alert(), Standing.FIRING, Update(0.2, 0.2), 0.2, 10 * SECOND),
    Case("a better one is not", an_alert(peak=0.3), Standing.FIRING, Update(0.06, 0.3), 0.06, 10 * SECOND),
    Case("lower is worse of what must stay above", an_alert(rule=LATENCY, value=0.9, peak=0.9), Standing.FIRING,
         Update(0.5, 0.5), 0.5, 10 * SECOND),
    Case("the same value is no news", an_alert(), Standing.FIRING, None, 0.07, MINUTE),
    Case("no value is no news", an_alert(), Standing.FIRING, None, None, MINUTE),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.told)
def test_a_verdict_moves_an_alert(case: Case) -> None:
    assert advance(case.alert, a_verdict(case.standing, case.value), START + case.later) == case.expected


IDLE = an_alert(ACKNOWLEDGED, rule=a_rule(reopen_after=HOUR), reopens_at=START + HOUR)
ENDING = an_alert(suppressed_until=START + HOUR, response_due_at=START + 5 * MINUTE)


@pytest.mark.parametrize(
    ("told", "alert", "at", "held", "expected"),
    [
        ("nothing is due before its time", an_alert(), START + 4 * MINUTE, False, []),
        ("nobody answered in time", an_alert(), START + 5 * MINUTE, False, [Breach()]),
        ("nobody is late while it is held", an_alert(), START + 5 * MINUTE, True, []),
        ("a breach is found once", an_alert(response_breached_at=START), START + HOUR, False, []),
        ("whoever acknowledged is not late", an_alert(ACKNOWLEDGED), START + HOUR, False, []),
        ("an idle acknowledgement re-opens", IDLE, START + HOUR, False, [Reopen()]),
        ("but not before its time", IDLE, START + HOUR - SECOND, False, []),
        ("what is wrong when its suppression ends returns", ENDING, START + HOUR, False, [Released()]),
        ("what is acknowledged then stays so", an_alert(ACKNOWLEDGED, **SUPPRESSED), START + HOUR, False, [Expired()]),
        ("what is over is left alone", an_alert(AlertState.RESOLVED, **SUPPRESSED), START + HOUR, False, []),
    ],
)
def test_time_moves_an_alert(told: str, alert: Alert, at: datetime, held: bool, expected: list[Due]) -> None:
    assert attend(alert, at, held=held) == expected, told


def test_the_next_moment_that_matters_is_the_nearest() -> None:
    assert attention(an_alert()) == START + 5 * MINUTE
    assert attention(an_alert(suppressed_until=START + MINUTE)) == START + MINUTE
    assert attention(an_alert(response_breached_at=START)) is None
    assert attention(IDLE) == START + HOUR
    assert attention(an_alert(PENDING)) is None
    assert attention(an_alert(AlertState.RESOLVED, **SUPPRESSED)) is None


def test_a_resolution_by_hand_is_believed_until_the_window_has_passed() -> None:
    assert believed_until(ERRORS, START) == START + 15 * MINUTE
    assert believed_until(Condition(Signal.CPU, Comparison.ABOVE, 0.7, window=HOUR), START) == START + HOUR


def test_who_was_told_before_a_suppression_is_told_anew_after_it() -> None:
    told = returned(an_alert(level=2, episode=1))
    assert (told.episode, told.level) == (2, 0)
    untold = returned(an_alert(level=0, episode=1))
    assert (untold.episode, untold.level) == (1, 0)
