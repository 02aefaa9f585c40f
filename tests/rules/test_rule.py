"""A rule as JSON, as a name of what it found, and in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from century.core.ids import new_id
from century.core.wording import duration
from century.rules.condition import Condition, Signal, WhenNoData, unit
from century.rules.objective import Objective, ObjectiveKind
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.subject import subject_of
from century.rules.wording import quantity, sentence, show
from century.telemetry.metrics import Aggregation
from century.telemetry.targets import Comparison

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ERRORS = Condition(Signal.ERROR_RATE, Comparison.ABOVE, 0.05)
RULE = Rule(new_id(NOW), "high_error_rate", enabled=True, severity=Severity.CRITICAL, condition=ERRORS)
FULL = Rule(
    new_id(NOW), "slow_jobs", enabled=False, severity=Severity.INFO,
    condition=Condition(
        Signal.METRIC, Comparison.ABOVE, 5.0, metric="job.duration", aggregation=Aggregation.P95,
        filter=(("queue", frozenset({"mail", "sms"})),), group_by=("queue", "region"), recovery=4.0,
        window=timedelta(minutes=10), hold_for=timedelta(seconds=90), min_samples=3, when_no_data=WhenNoData.ALERT,
        short_window=timedelta(minutes=1),
    ),
    service="checkout", routes=("/pay*", "/cart"), critical_routes=True, runbook="1. Look", runbook_url="https://x.test/",
    reopen_after=timedelta(minutes=30), depends_on=(RULE.id,), policy_id=new_id(NOW), objective_id=new_id(NOW), version=7,
    objective=Objective(
        new_id(NOW), "checkout answers", "checkout", ObjectiveKind.LATENCY, 0.3, 0.999, timedelta(days=30)
    ),
)  # fmt: skip


@pytest.mark.parametrize("rule", [RULE, FULL], ids=["plain", "full"])
def test_a_rule_survives_json(rule: Rule) -> None:
    assert Rule.from_json(orjson.loads(orjson.dumps(rule.to_json()))) == rule


SUBJECTS = [
    ("checkout", [], "checkout"),
    ("checkout", [("http.request.method", "GET"), ("http.route", "/pay")], "checkout GET /pay"),
    ("checkout", [("http.route", "/pay")], "checkout /pay"),
    ("checkout", [("queue", "mail"), ("region", "")], "checkout queue=mail region="),
    (None, [("probe", "db")], "probe=db"),
    (None, [], "everything"),
]


@pytest.mark.parametrize(("service", "attributes", "text"), SUBJECTS, ids=[row[2] for row in SUBJECTS])
def test_a_subject_is_named(service: str | None, attributes: list[tuple[str, str]], text: str) -> None:
    assert subject_of(service, attributes).text == text


SENTENCES = [
    (RULE, "error rate of any service above 5 % over 5 min"),
    (
        FULL,
        (
            "p95 of job.duration of checkout on its critical routes, /pay*, /cart where queue is mail or sms above 5 over "
            "10 min, for at least 90 s, with at least 3 samples; each queue, region apart; well again at 4 or less"
        ),
    ),
    (
        replace(RULE, service="shop", condition=Condition(Signal.SILENCE, Comparison.ABOVE, 120.0)),
        "time without telemetry of shop above 2 min",
    ),
    (
        replace(
            RULE,
            condition=Condition(
                Signal.BURN_RATE, Comparison.ABOVE, 14.4, window=timedelta(hours=1), short_window=timedelta(minutes=5)
            ),
        ),
        "burn rate of the error budget of any service above 14.4x over 1 h and over 5 min",
    ),
    (
        replace(
            RULE,
            condition=Condition(Signal.PROBE_STATE, Comparison.BELOW, 1.0, filter=(("kind", frozenset({"http"})),)),
        ),
        "state of any probe where kind is http is down",
    ),
    (
        replace(RULE, service="shop", condition=Condition(Signal.FACT, Comparison.BELOW, 1.0, metric="database.up")),
        "fact database.up of any probe of shop is down",
    ),
    (
        replace(RULE, condition=Condition(Signal.FACT, Comparison.ABOVE, 0.85, metric="host.disk_used_share")),
        "disk used of any probe above 85 %",
    ),
    (
        replace(RULE, condition=Condition(Signal.FACT, Comparison.ABOVE, 172_800.0, metric="backup.age")),
        "age of the newest verified backup of any probe above 2 d",
    ),
    (
        replace(RULE, condition=Condition(Signal.HEARTBEAT, Comparison.ABOVE, 0.0)),
        "delay of the heartbeat of any heartbeat above 0 s",
    ),
    (
        replace(RULE, condition=replace(ERRORS, signal=Signal.LATENCY_P95, threshold=0.25)),
        "95th percentile of the response time of any service above 250 ms over 5 min",
    ),
]


@pytest.mark.parametrize(("rule", "said"), SENTENCES, ids=[row[1][:40] for row in SENTENCES])
def test_a_rule_in_words(rule: Rule, said: str) -> None:
    assert sentence(rule) == said


QUANTITIES = [
    (0.0723, "1", "0.0723"), (14.4, "x", "14.4x"), (2.41, "s", "2.41 s"), (0.012, "s", "12 ms"), (5400.0, "s", "1 h 30 min"),
    (0.0, "s", "0 s"), (1536.0, "By", "1.5 KiB"), (3.0, "d", "3 days"), (12345.0, "{request}", "12 345 request"),
    (40.0, "1/s", "40/s"), (float("inf"), "s", "no number"), (-3.0, "By", "-3 B"), (7.0, "Cel", "7 Cel"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "own", "said"), QUANTITIES, ids=[row[2] for row in QUANTITIES])
def test_a_quantity_as_people_read_it(value: float, own: str, said: str) -> None:
    assert quantity(value, own) == said


def test_values_carry_the_unit_of_their_signal() -> None:
    assert show(ERRORS, 0.0723) == "7.23 %"
    assert show(ERRORS, None) == "no data"
    assert unit(ERRORS) == "1"
    assert unit(FULL.condition, "ms") == "ms"
    assert duration(timedelta(days=30)) == "30 d"
    assert duration(-timedelta(hours=36)) == "-1 d 12 h"
