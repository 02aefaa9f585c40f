"""What a rule reads live, what a backtest reads of the same data later, and what the performance pages show, agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from century.core.ids import new_id
from century.core.timerange import TimeRange
from century.core.work import Works
from century.rules import editing, telemetry_source
from century.rules.backtest import backtest
from century.rules.condition import Condition, Signal
from century.rules.objective import Objective, ObjectiveKind
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.signals import Sources
from century.rules.subject import Subject, subject_of
from century.rules.telemetry_source import TelemetrySource
from century.rules.trying import Backtests
from century.rules.verdict import Reading
from century.telemetry import block, compaction, load, metrics
from century.telemetry.instants import nanoseconds
from century.telemetry.load import Asked
from century.telemetry.metrics import Aggregation
from century.telemetry.query import Reader
from tests.rules.load import ABOVE, Shop, errors, listens, rulebook, save
from tests.telemetry.feed import SECOND, numbers, sketches
from tests.world import START, MovableClock

SHOP = subject_of("shop")
BEGIN = START - timedelta(hours=3)
LENGTH = timedelta(hours=3)
OBJECTIVE = Objective(new_id(START), "fast", "shop", ObjectiveKind.LATENCY, 0.3, 0.99, timedelta(days=30))
SUMMARIZED = [
    Signal.LATENCY_AVG, Signal.LATENCY_P95, Signal.LATENCY_P99, Signal.ERROR_RATE, Signal.THROUGHPUT,
    Signal.AVAILABILITY, Signal.APDEX, Signal.CPU, Signal.BURN_RATE,
]  # fmt: skip


def rule(condition: Condition, **more: object) -> Rule:
    made = Rule(new_id(START), "rule", enabled=True, severity=Severity.CRITICAL, condition=condition, service="shop")
    return replace(made, **more)  # type: ignore[arg-type]


def source(works: Works) -> TelemetrySource:
    return TelemetrySource(works, Reader(works.engine))


async def fill(shop: Shop, begin: datetime = BEGIN, length: timedelta = LENGTH) -> None:
    """Uneven load: latencies, failures and CPU that come and go, a queue with two groups."""
    generator = np.random.default_rng(3)
    depth = {
        queue: await shop.feed.series("queue.depth", form="number", kind="gauge", unit="1", queue=queue)
        for queue in ("mail", "pay")
    }
    parts = []
    for number in range(int(length.total_seconds() / 10)):
        at = nanoseconds(begin) + number * 10 * SECOND + 5 * SECOND
        busy = 1 + np.sin(number / 40)
        parts.append(numbers(shop.cpu, [at], [float(0.4 + 0.3 * np.sin(number / 60))]))
        parts += [numbers(series, [at], [float(generator.integers(0, 50))]) for series in depth.values()]
        for (_, status), series in shop.series.items():
            count = int(generator.poisson(6 * busy if status == "200" else 0.6 * busy))
            if count:
                parts.append(sketches(series, [at], [generator.lognormal(-2, 0.8, count)]))
    await shop.feed.send(block.concat(parts))
    await shop.feed.seen_from(begin)


async def read(works: Works, asked: Rule, now: datetime) -> dict[Subject, Reading]:
    found = (await source(works).read([asked], ["shop"], now))[asked.id]
    assert not isinstance(found, Exception)
    return dict(found)


@pytest.mark.parametrize("minutes", [5, 20])
async def test_a_rule_reads_what_the_performance_page_shows(works: Works, clock: MovableClock, minutes: int) -> None:
    shop = await Shop.new(works)
    await fill(shop)
    window = timedelta(minutes=minutes)
    [loaded] = await load.load(
        works, Reader(works.engine), [Asked(shop.feed.service, TimeRange(clock.now() - window, clock.now()), None)]
    )
    totals = loaded.totals()
    expected = {
        Signal.LATENCY_AVG: totals.latency.avg, Signal.LATENCY_P95: totals.latency.p95,
        Signal.LATENCY_P99: totals.latency.p99,
    }  # fmt: skip
    for signal in SUMMARIZED[:-1]:
        value = expected[signal] if signal in expected else getattr(totals, signal.value)
        said = (await read(works, rule(Condition(signal, ABOVE, 0.5, window=window)), clock.now()))[SHOP]
        assert said.value == pytest.approx(value, rel=1e-12), signal
        if signal in (Signal.ERROR_RATE, Signal.APDEX):
            assert said.samples == totals.request_count


CONDITIONS = [
    *(Condition(each, ABOVE, 0.5, window=timedelta(minutes=5)) for each in SUMMARIZED[:-1]),
    Condition(Signal.LATENCY_P95, ABOVE, 0.5, window=timedelta(minutes=20)),
    Condition(Signal.BURN_RATE, ABOVE, 6.0, window=timedelta(minutes=30), short_window=timedelta(minutes=5)),
    *(
        Condition(Signal.METRIC, ABOVE, 1.0, metric="queue.depth", aggregation=each, group_by=("queue",), window=window)
        for each in Aggregation
        for window in (timedelta(minutes=5), timedelta(minutes=15))
        if each is not Aggregation.RATE
    ),
    *(
        Condition(Signal.METRIC, ABOVE, 1.0, metric="http.server.request.duration", aggregation=each)
        for each in (Aggregation.RATE, Aggregation.P90, Aggregation.MAX, Aggregation.AVG, Aggregation.COUNT)
    ),
]


@pytest.mark.parametrize("compacted", [False, True])
async def test_history_is_what_was_read_live(
    works: Works, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, compacted: bool
) -> None:
    monkeypatch.setattr(telemetry_source, "AHEAD", 0)  # all of the data is there, and not heard yet
    shop = await Shop.new(works)
    await fill(shop)
    rules = [rule(each, objective=OBJECTIVE if each.signal is Signal.BURN_RATE else None) for each in CONDITIONS]
    moments = [START - timedelta(minutes=number) for number in (50, 37, 21, 4, 0)]
    live = {moment: await source(works).read(rules, ["shop"], moment) for moment in moments}
    if compacted:
        clock.instant = START + timedelta(minutes=10)
        assert await compaction.compact(works) == 3
    for asked in rules:
        history = await source(works).history(asked, TimeRange(START - timedelta(hours=1), START), timedelta(minutes=1))
        assert history.step == timedelta(minutes=1)
        # What is kept is at the scale of its chunk, and resources and extremes in fewer digits.
        quantile = asked.condition.signal in (Signal.LATENCY_P95, Signal.LATENCY_P99) or (
            asked.condition.aggregation is Aggregation.P90 and not asked.condition.group_by
        )
        for moment, found in live.items():
            readings = found[asked.id]
            assert not isinstance(readings, Exception)
            assert readings.keys() == history.subjects.keys()
            place = int(np.flatnonzero(history.at == moment.timestamp())[0])
            for subject, reading in readings.items():
                course, said = history.subjects[subject], f"{asked.condition} {moment}"
                assert course.values[place] == pytest.approx(
                    reading.value, rel=0.025 if quantile else 5e-4 if compacted else 1e-9
                ), said
                assert course.samples[place] == reading.samples, said
                if reading.short is not None and course.short is not None:
                    assert course.short[place] == pytest.approx(reading.short, rel=0.02)


async def test_silence_is_the_time_since_a_service_was_heard(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    await shop.exports(START - timedelta(hours=2), timedelta(hours=1))
    clock.advance(minutes=10)
    assert await compaction.compact(works) == 1
    asked = rule(Condition(Signal.SILENCE, ABOVE, 300.0))
    history = await source(works).history(asked, TimeRange(START - timedelta(hours=2), START))
    values = history.subjects[SHOP].values
    assert values[:60] == pytest.approx(np.full(60, 9.0))
    assert values[60:] == pytest.approx(9.0 + 60 * np.arange(1, 61))
    [fired] = backtest(asked.condition, asked.severity, history).firings
    assert fired.opened_at == START - timedelta(minutes=55)


async def test_a_backtest_fires_when_the_rule_did(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await listens(works)
    asked = await save(works, errors(0.2, recovery=0.1, hold_for=timedelta(minutes=1), window=timedelta(minutes=2)))
    happened: list[tuple[str, datetime]] = []
    for number in range(90):
        await shop.export(clock.now() + timedelta(seconds=5), bad=10 if 20 <= number < 32 or 60 <= number < 64 else 0)
        clock.advance(seconds=10)
        changes = await book.verdicts("shop", clock.now())
        async with works.begin() as work:
            for each in await book.settle(work, changes):
                if each.moved and each.before is not None:
                    happened.append((each.after.standing.value, clock.now()))
    history = await source(works).history(asked, TimeRange(START, clock.now()))
    assert history.step == timedelta(seconds=10)
    found = backtest(asked.condition, asked.severity, history).firings
    assert [each for each in happened if each[0] == "firing"] == [("firing", each.opened_at) for each in found]
    assert next(at for what, at in happened if what == "pending") == found[0].pending_at
    ends = [at for what, at in happened if what == "ok" and any(each.opened_at < at for each in found)]
    assert found[0].resolved_at == ends[0]
    assert len(found) == 2


async def test_some_routes_are_looked_at_alone(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    await shop.export(clock.now() - timedelta(seconds=5), good=10, route="/")
    await shop.export(clock.now() - timedelta(seconds=4), good=5, bad=5, route="/pay")
    for window in (timedelta(minutes=5), timedelta(minutes=30)):
        pay = rule(errors(window=window), routes=("/pay*",))
        assert (await read(works, pay, clock.now()))[SHOP].value == 0.5
        history = await source(works).history(pay, TimeRange(START - timedelta(minutes=5), START))
        assert history.subjects[SHOP].values[-1] == 0.5
        critical = rule(errors(window=window), critical_routes=True)
        assert (await read(works, critical, clock.now()))[SHOP].value is None, "the service calls none critical"
    async with works.begin() as work:
        await editing.set_critical_routes(work, "shop", ["GET /"])
    assert (await read(works, critical, clock.now()))[SHOP].value == 0.0


async def test_evidence_shows_what_led_to_a_breach(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    await shop.exports(START - timedelta(minutes=40), timedelta(minutes=40))
    await shop.export(clock.now(), good=0, bad=100)
    traces = await source(works).evidence(rule(errors()), SHOP, clock.now())
    assert [(each.name, each.unit) for each in traces] == [("error rate", "1"), ("requests", "1/s")]
    assert 50 <= len(traces[0].at) <= 120
    assert traces[0].values[-1] == pytest.approx(100 / 390, rel=0.05), "the breach itself is on it"
    assert traces[0].values[-5] == 0
    assert traces[0].at[-1] == clock.now().timestamp()
    assert await source(works).evidence(rule(errors()), subject_of("other"), clock.now()) == []


async def test_a_service_whose_clock_is_ahead_is_heard_at_once(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    await shop.export(clock.now() + timedelta(seconds=8), good=5, bad=5)
    assert (await read(works, rule(errors()), clock.now()))[SHOP].value == 0.5


async def test_throughput_tells_none_from_unknown(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    asked = rule(Condition(Signal.THROUGHPUT, ABOVE, 0.5))
    assert (await read(works, asked, clock.now()))[SHOP].value is None
    await shop.export(clock.now(), good=0)
    await shop.feed.seen_from(START - timedelta(hours=1))
    assert (await read(works, asked, clock.now()))[SHOP].value == 0.0


async def test_a_threshold_that_is_dragged_reads_once(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    await fill(shop)
    tries = Backtests(works, Sources([source(works)]))
    span = TimeRange(BEGIN, START)
    first, low = await tries.run(rule(errors(0.05)), span)
    second, high = await tries.run(rule(errors(0.3)), span)
    assert first is second
    assert len(low.firings) > len(high.firings)


async def test_the_evidence_of_a_group_is_read_alone(
    works: Works, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MOST_GROUPS", 1)
    shop = await Shop.new(works)
    for queue, depth in (("mail", 900.0), ("pay", 3.0)):
        series = await shop.feed.series("queue.depth", form="number", kind="gauge", unit="1", queue=queue)
        await shop.feed.send(numbers(series, [nanoseconds(clock.now())], [depth]))
    asked = rule(Condition(Signal.METRIC, ABOVE, 100.0, metric="queue.depth", group_by=("queue",)))
    subject = subject_of("shop", [("queue", "mail")])
    [trace] = await source(works).evidence(asked, subject, clock.now())
    assert trace.values[-1] == 900.0
