"""What is wrong with a rule: a sentence a row, with the field it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from century.core.ids import new_id
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.problems import Known, problems
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.metrics import Aggregation
from century.telemetry.targets import Comparison

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ME, A, B, C = (new_id(NOW) for _ in range(4))
ABOVE, BELOW = Comparison.ABOVE, Comparison.BELOW
NAN, INF = float("nan"), float("inf")
ERRORS = Condition(Signal.ERROR_RATE, ABOVE, 0.05)
QUEUE = Condition(Signal.METRIC, ABOVE, 100.0, metric="queue.length", aggregation=Aggregation.MAX)
BURN = Condition(Signal.BURN_RATE, ABOVE, 14.4, short_window=timedelta(minutes=5))
KNOWN = Known(
    metrics=frozenset({"queue.length", "queue.latency", "http.server.request.duration"}),
    exports_every=timedelta(seconds=30),
    depends_on={A: (B,), B: (), C: (ME,)},
    taken=frozenset({"high_error_rate"}),
    groups=("shop", 100),
)


def rule(condition: Condition = ERRORS, **fields: object) -> Rule:
    made = Rule(ME, "errors", enabled=True, severity=Severity.CRITICAL, condition=condition, service="shop")
    return replace(made, **fields)  # type: ignore[arg-type]


def of(signal: Signal, comparison: Comparison, threshold: float, **fields: object) -> Rule:
    return rule(Condition(signal, comparison, threshold, **fields))  # type: ignore[arg-type]


def errors(**fields: object) -> Rule:
    return rule(replace(ERRORS, **fields))  # type: ignore[arg-type]


FINE = [
    ("an error rate", rule()),
    ("every service apart", rule(service=None)),
    ("availability below one", of(Signal.AVAILABILITY, BELOW, 1.0)),
    ("traffic above nothing", of(Signal.THROUGHPUT, ABOVE, 0.0)),
    ("a metric that is sent", rule(QUEUE)),
    ("a metric that may be negative", rule(replace(QUEUE, comparison=BELOW, threshold=-5.0, recovery=-4.0))),
    ("a recovery at the threshold", errors(recovery=0.05)),
    ("a recovery below it", errors(recovery=0.01)),
    ("a recovery above it, where below is wrong", of(Signal.APDEX, BELOW, 0.7, recovery=0.8)),
    ("the shortest window for what reports as often", errors(window=timedelta(seconds=30))),
    ("the longest window", errors(window=timedelta(days=30))),
    ("some routes", rule(routes=("/pay*", "POST /cart"), critical_routes=True)),
    ("depending on another that depends on another", rule(depends_on=(A,))),
    ("a runbook elsewhere", rule(runbook_url="https://wiki.example.com/x?y=1#z")),
    ("a burn rate of an objective", rule(BURN, objective_id=A)),
    ("silence", of(Signal.SILENCE, ABOVE, 120.0)),
    ("as many groups as are watched", rule(replace(QUEUE, group_by=("queue",)))),
]  # fmt: skip


@pytest.mark.parametrize("given", [row[1] for row in FINE], ids=[row[0] for row in FINE])
def test_nothing_is_wrong(given: Rule) -> None:
    assert problems(given, KNOWN) == []


REFUSED = [
    ("no name", rule(name=""), "name", "1 to 100"),
    ("a name that could not stand in an address", rule(name="a/b"), "name", "without '/'"),
    ("another's name", rule(name="high_error_rate"), "name", "another rule"),
    ("a threshold that is no number", errors(threshold=NAN), "condition.threshold", "finite"),
    ("a threshold without an end", errors(threshold=INF), "condition.threshold", "finite"),
    ("errors of more than all requests", errors(threshold=1.0), "condition.threshold", "can never be above 1"),
    ("errors in percent", errors(threshold=5.0), "condition.threshold", "write 0.05 for 5 %"),
    ("availability in percent", of(Signal.AVAILABILITY, BELOW, 99.9), "condition.threshold", "write 0.999 for 99.9 %"),
    ("availability below nothing", of(Signal.AVAILABILITY, BELOW, 0.0), "condition.threshold", "never be below 0"),
    ("a latency below nothing", of(Signal.LATENCY_P95, BELOW, -1.0), "condition.threshold", "never be below 0"),
    ("a latency always above", of(Signal.LATENCY_P95, ABOVE, -1.0), "condition.threshold", "always above"),
    ("an Apdex above one", of(Signal.APDEX, ABOVE, 1.0), "condition.threshold", "between 0 and 1"),
    ("memory in percent", of(Signal.MEMORY, ABOVE, 80.0), "condition.threshold", "write 0.05 for 5 %"),
    ("a probe above up", of(Signal.PROBE_STATE, ABOVE, 1.0), "condition.threshold", "BELOW 1"),
    ("silence below", of(Signal.SILENCE, BELOW, 120.0), "condition.comparison", "ABOVE"),
    ("a recovery on the wrong side", errors(recovery=0.06), "condition.recovery", "wrong side"),
    ("a recovery on the wrong side of a floor", of(Signal.APDEX, BELOW, 0.7, recovery=0.6), "condition.recovery",
     "recovers at or above"),
    ("a recovery that is no number", errors(recovery=NAN), "condition.recovery", "finite"),
    ("a recovery that is never reached", errors(recovery=-0.1), "condition.recovery", "never gets below 0"),
    ("a recovery that is never reached above", of(Signal.APDEX, BELOW, 0.7, recovery=1.5), "condition.recovery",
     "never gets above 1"),
    ("a window shorter than a slot", errors(window=timedelta(seconds=9)), "condition.window", "between 10 s and 30 d"),
    ("a window longer than what is kept", errors(window=timedelta(days=31)), "condition.window", "between 10 s and 30 d"),
    ("holding backwards", errors(hold_for=timedelta(seconds=-1)), "condition.holdFor", "between 0 s and 7 d"),
    ("holding for too long", errors(hold_for=timedelta(days=8)), "condition.holdFor", "between 0 s and 7 d"),
    ("no samples", errors(min_samples=0), "condition.minSamples", "between 1 and"),
    ("more samples than there are", errors(min_samples=10_000_000), "condition.minSamples", "between 1 and"),
    ("a metric without a name", rule(replace(QUEUE, metric=None)), "condition.metric", "needs the name"),
    ("a metric that nobody sends", rule(replace(QUEUE, metric="queue.lenght")), "condition.metric",
     "is queue.length or queue.latency meant?"),
    ("a metric that no service sends", rule(replace(QUEUE, metric="zzz"), service=None), "condition.metric",
     "any service sends"),
    ("a group of what is no metric", errors(group_by=("queue",)), "condition.groupBy", "choose the signal METRIC"),
    ("a filter of what is no metric", errors(filter=(("q", frozenset({"a"})),)), "condition.filter", "METRIC"),
    ("a filter without values", rule(replace(QUEUE, filter=(("q", frozenset()),))), "condition.filter", "1 to 100 values"),
    ("grouped twice by the same", rule(replace(QUEUE, group_by=("q", "q"))), "condition.groupBy", "different"),
    ("a burn rate without an objective", rule(BURN), "condition.signal", "save an objective"),
    ("a bad route", rule(routes=("/ok", "pay")), "routes", "must begin with /"),
    ("a bad method", rule(routes=("get /pay",)), "routes", "in capitals"),
    ("too many routes", rule(routes=tuple(f"/{n}" for n in range(51))), "routes", "50 routes at most"),
    ("routes of what is not measured by route", rule(Condition(Signal.CPU, ABOVE, 0.7), routes=("/pay",)), "routes",
     "not measured by route"),
    ("critical routes of memory", rule(Condition(Signal.MEMORY, ABOVE, 0.8), critical_routes=True), "criticalRoutes",
     "not measured by route"),
    ("a runbook at no address", rule(runbook_url="wiki"), "runbookUrl", "https://"),
    ("a runbook that is a script", rule(runbook_url="javascript:alert(1)"), "runbookUrl", "https://"),
    ("a runbook without a host", rule(runbook_url="https:///x"), "runbookUrl", "https://"),
    ("a runbook that is a book", rule(runbook="x" * 20_001), "runbook", "20000 characters"),
    ("re-opening at once", rule(reopen_after=timedelta(seconds=1)), "reopenAfter", "between 1 min and 30 d"),
    ("depending on itself", rule(depends_on=(ME,)), "dependsOn", "itself"),
    ("depending on nobody", rule(depends_on=(UUID(int=7),)), "dependsOn", "no rule"),
    ("a fact that nobody tells", of(Signal.FACT, BELOW, 1.0, metric="database.upp"), "condition.metric",
     "no fact 'database.upp': is database.up"),
    ("a fact like no other", of(Signal.FACT, BELOW, 1.0, metric="zzzzzzzz"), "condition.metric",
     "a kind of probe lists its facts"),
    ("a fact by groups", of(Signal.FACT, BELOW, 1.0, metric="database.up", group_by=("part",)), "condition.groupBy",
     "leave it out"),
    ("a state above up", of(Signal.PROBE_STATE, ABOVE, 1.0), "condition.threshold", "BELOW 1"),
    ("a heartbeat below", of(Signal.HEARTBEAT, BELOW, 60.0), "condition.comparison", "ABOVE its threshold"),
    ("depending in a circle", rule(depends_on=(A, C)), "dependsOn", "in a circle"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "field", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_it_is_refused(given: Rule, field: str, said: str) -> None:
    found = problems(given, KNOWN)
    assert [(each.field, each.refused) for each in found] == [(field, True)]
    assert said in found[0].message


TAKEN = [
    of(Signal.FACT, ABOVE, 0.9, metric="host.disk_used_share", filter=(("part", frozenset({"/"})),)),
    of(Signal.PROBE_STATE, BELOW, 1.0, filter=(("kind", frozenset({"http"})),), window=timedelta(seconds=10)),
    of(Signal.TLS_DAYS_LEFT, BELOW, 21.0),
    of(Signal.HEARTBEAT, ABOVE, 0.0, filter=(("team", frozenset({"data"})),)),
    of(Signal.FACT, ABOVE, 5.0, metric="redis.evictions", aggregation=Aggregation.MAX),
]


@pytest.mark.parametrize("given", TAKEN, ids=[each.condition.signal.value for each in TAKEN])
def test_what_is_watched_from_outside_is_ruled_on(given: Rule) -> None:
    assert problems(given, KNOWN) == []


WARNED = [
    ("a window shorter than the exports", errors(window=timedelta(seconds=20)), KNOWN, "condition.window", "every 30 s"),
    ("a silence that is usual", of(Signal.SILENCE, ABOVE, 30.0), KNOWN, "condition.threshold", "is usual"),
    ("samples that a window cannot hold", of(Signal.CPU, ABOVE, 0.7, min_samples=20), KNOWN, "condition.minSamples",
     "about 10 samples"),
    ("a metric of a service that was never heard", rule(QUEUE), Known(), "condition.metric", "'shop' yet"),
    ("a metric before anything was heard", rule(QUEUE, service=None), Known(), "condition.metric", "any service yet"),
    ("more groups than are watched", rule(replace(QUEUE, group_by=("queue",))), replace(KNOWN, groups=("shop", 250)),
     "condition.groupBy", "150 of the 250 groups of shop are left out: a rule watches 100 of each service; group by fewer"),
    ("CPU in percent", of(Signal.CPU, ABOVE, 70.0), KNOWN, "condition.threshold", "write 0.7 for 70 %"),
    ("silence that is well", of(Signal.SILENCE, ABOVE, 120.0, when_no_data=WhenNoData.OK), KNOWN,
     "condition.whenNoData", "KEEP"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "known", "field", "said"), [row[1:] for row in WARNED], ids=[row[0] for row in WARNED]
)
def test_it_is_warned_of(given: Rule, known: Known, field: str, said: str) -> None:
    found = problems(given, known)
    assert [(each.field, each.refused) for each in found] == [(field, False)]
    assert said in found[0].message
