"""What alerts say of themselves, and which one hangs on which."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from century.alerts import postmortem
from century.alerts.alert import Alert, AlertState
from century.alerts.parents import parent_of
from century.alerts.wording import of_itself, recovered, summary
from century.rules.condition import Condition, Signal
from century.telemetry.metrics import Aggregation
from century.telemetry.targets import Comparison
from tests.alerts.examples import ERRORS, a_rule, an_alert
from tests.world import START

QUEUE = Condition(
    Signal.METRIC,
    Comparison.ABOVE,
    2**20,
    metric="queue.size",
    aggregation=Aggregation.MAX,
    window=timedelta(minutes=1),
)


def test_an_alert_says_what_is_wrong_and_what_is_well_again() -> None:
    state = Condition(Signal.PROBE_STATE, Comparison.BELOW, 1.0)
    assert summary(state, "shop", 0.0) == "shop is down"
    assert summary(state, "shop", 1.0) == "shop is up, after it was down"
    assert recovered(state, "shop", 1.0) == "Well again: shop is up"
    delay = Condition(Signal.HEARTBEAT, Comparison.ABOVE, 0.0)
    assert summary(delay, "nightly", 200.0) == "nightly is 3 min 20 s late"
    disk = Condition(Signal.FACT, Comparison.ABOVE, 0.85, metric="host.disk_used_share")
    assert summary(disk, "db /", 0.9) == "Disk used of db / is 90 %, above 85 %"
    assert summary(ERRORS, "checkout", 0.072) == "Error rate of checkout is 7.2 %, above 5 % over 5 min"
    assert summary(replace(ERRORS, recovery=0.04), "checkout", 0.042) == (
        "Error rate of checkout is 4.2 %, not yet back to 4 %"
    )
    assert summary(replace(ERRORS, recovery=None), "checkout", 0.03) == (
        "Error rate of checkout is 3 %, after it was above 5 % over 5 min"
    )
    assert summary(QUEUE, "shop queue=mail", 3 * 2**20, "By") == (
        "max of queue.size of shop queue=mail is 3 MiB, above 1 MiB over 1 min"
    )
    assert summary(ERRORS, "checkout", None) == "No data on error rate of checkout for 5 min"
    assert recovered(ERRORS, "checkout", 0.003) == "Well again: error rate of checkout is 0.3 %"
    assert recovered(ERRORS, "checkout", None) == "Over: there is no data on error rate of checkout any more"


STATE = Condition(Signal.PROBE_STATE, Comparison.BELOW, 1.0)
DELAY = Condition(Signal.HEARTBEAT, Comparison.ABOVE, 600.0)
HEALTH = Condition(Signal.FACT, Comparison.BELOW, 1.0, metric="redis.healthy")
DISK = Condition(Signal.FACT, Comparison.ABOVE, 0.85, metric="host.disk_used_share")


@pytest.mark.parametrize(
    ("condition", "value", "why", "expected"),
    [
        pytest.param(STATE, 0.0, "connection refused", "shop is down: connection refused", id="down, and why"),
        pytest.param(STATE, 0.0, "", "shop is down", id="nobody says why"),
        pytest.param(STATE, 0.0, "It answers 500.", "shop is down: It answers 500", id="a sentence ends only once"),
        pytest.param(STATE, 0.0, "no\nroute\x00 to\u202e it", "shop is down: no route to it", id="one line"),
        pytest.param(STATE, 0.0, "x" * 500, f"shop is down: {'x' * 159}…", id="cut"),
        pytest.param(STATE, 1.0, "connection refused", "shop is up, after it was down", id="up again"),
        pytest.param(DELAY, 700.0, "failed: exit code 3", "shop failed: exit code 3", id="a job that failed"),
        pytest.param(DELAY, 700.0, "", "shop is 11 min 40 s late", id="late"),
        pytest.param(DELAY, 500.0, "failed: exit code 3", "Delay of the heartbeat of shop is 8 min 20 s, after it was above 10 min", id="no longer so late as to be wrong"),
        pytest.param(HEALTH, 0.0, "3 keys evicted lately", "shop is not healthy: 3 keys evicted lately", id="what ails a Redis"),
        pytest.param(HEALTH, 0.0, "", "Fact redis.healthy of shop is 0, below 1", id="nobody says what ails it"),
        pytest.param(DISK, 0.9, "", "Disk used of shop is 90 %, above 85 %", id="a number speaks for itself"),
    ],
)  # fmt: skip
def test_a_summary_says_why(condition: Condition, value: float, why: str, expected: str) -> None:
    assert summary(condition, "shop", value, why=why) == expected


@pytest.mark.parametrize(
    ("condition", "said", "expected"),
    [
        pytest.param(STATE, "shop is down: connection refused", "is down: connection refused", id="a state"),
        pytest.param(DELAY, "shop failed: exit code 3", "failed: exit code 3", id="a job"),
        pytest.param(HEALTH, "shop is not healthy: it swaps", "is not healthy: it swaps", id="health"),
        pytest.param(HEALTH, "Fact redis.healthy of shop is 0, below 1", None, id="it does not begin with the name"),
        pytest.param(DISK, "shop is full", None, id="another fact"),
    ],
)
def test_what_a_summary_says_of_its_subject_itself(condition: Condition, said: str, expected: str | None) -> None:
    rule = replace(a_rule(), condition=condition)
    assert of_itself(replace(an_alert(rule=rule), subject="shop", summary=said)) == expected


DATABASE = a_rule(2, "database_down")
CHILD = an_alert(rule=a_rule(depends_on=(DATABASE.id,)))


def parent(**changes: object) -> Alert:
    return replace(an_alert(id=UUID(int=50), rule=DATABASE), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "candidate", "hangs"),
    [
        ("on an open alert of the same service", parent(), True),
        ("on one that somebody acknowledged", parent(state=AlertState.ACKNOWLEDGED), True),
        ("on one without a service", parent(service=None), True),
        ("not on another service's", parent(service="billing"), False),
        ("not on one that is only pending", parent(state=AlertState.PENDING), False),
        ("not on one that is over", parent(state=AlertState.RESOLVED), False),
        ("not on an alert of another rule", parent(rule=a_rule(3)), False),
        ("not on one that hangs on it itself", parent(parent_id=CHILD.id), False),
    ],
)
def test_an_alert_hangs(told: str, candidate: Alert, hangs: bool) -> None:
    assert parent_of(CHILD, [candidate]) == (candidate if hangs else None), told


@dataclass(frozen=True)
class Line:
    at: datetime
    actor: str
    message: str


def test_a_post_mortem_begins_with_what_is_known() -> None:
    alert = an_alert(AlertState.RESOLVED, resolved_at=START + timedelta(minutes=12))
    told = postmortem.markdown(
        alert, "error rate above 5 %", [Line(START, "ada", "# on it\n* <b>now</b> [x](http://y)")]
    )
    assert told.splitlines()[0] == "# error rate of checkout is 7 %"
    assert "| Lasted | 12 min |" in told
    assert r"- **2026-11-02 09:00:00 UTC** ada: \# on it \* \<b\>now\</b\> \[x\]\(http://y\)" in told
    assert "| Over | still open |" in postmortem.markdown(an_alert(), "", [])
