"""Error budgets, and what is known of metrics, from stored telemetry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from century.core.ids import new_id
from century.core.work import Works
from century.rules import editing, kept
from century.rules.budgets import budgets
from century.rules.condition import Condition, Signal
from century.rules.objective import Objective, ObjectiveKind
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.metrics import Aggregation
from century.telemetry.query import Reader
from century.telemetry.targets import Comparison
from tests.telemetry import feed
from tests.telemetry.feed import Feed
from tests.world import START, MovableClock

HOURS = timedelta(hours=2)
SHOP = Objective(new_id(START), "shop answers", "shop", ObjectiveKind.AVAILABILITY, None, 0.9, timedelta(days=30))


async def two_hours(works: Works) -> Feed:
    """A service whose requests take 0.1 s and fail one time in twenty, then taking a second; an export every minute."""
    shop = await Feed.new(works)
    good = await shop.series(http__route="/", http__response__status_code="200")
    bad = await shop.series(http__route="/", http__response__status_code="500", error__type="500")
    at = feed.times(START - HOURS, HOURS, every=60)
    await shop.send(feed.sketches(good, at, [np.full(19, 0.1)] * len(at)))
    await shop.send(feed.sketches(bad, at, [np.full(1, 1.0)] * len(at)))
    await shop.seen_from(START - HOURS)
    return shop


async def test_budgets_count_what_was_good(works: Works) -> None:
    await two_hours(works)
    fast = replace(SHOP, id=new_id(START), name="shop is fast", kind=ObjectiveKind.LATENCY, latency=0.3, target=0.99)
    silent = replace(SHOP, id=new_id(START), service="search")
    hour = replace(SHOP, id=new_id(START), window=timedelta(hours=1))
    found = await budgets(works, Reader(works.engine), [SHOP, fast, silent, hour], START)
    available, quick, nothing, newest = found
    assert (available.good, available.bad, available.actual) == (19 * 120, 120, 0.95)
    assert (available.left, available.burn_rate) == (pytest.approx(0.5), pytest.approx(0.5))
    assert (quick.good, quick.bad) == (19 * 120, 120)
    assert quick.left == pytest.approx(-4.0)
    assert quick.left_duration == pytest.approx(timedelta(days=-1.2), abs=timedelta(seconds=1))
    assert (nothing.good, nothing.bad, nothing.left) == (0, 0, 1.0)
    assert newest.good + newest.bad == 1200


async def test_a_metric_is_known_by_who_sends_it(works: Works) -> None:
    shop = await two_hours(works)
    await shop.series("queue.length", form="number", kind="gauge", unit="{job}")
    await Feed.new(works, "search")
    condition = Condition(
        Signal.METRIC, Comparison.ABOVE, 10.0, metric="queue.length", aggregation=Aggregation.MAX,
        window=timedelta(minutes=5),
    )  # fmt: skip
    rule = Rule(new_id(START), "queue", enabled=True, severity=Severity.INFO, condition=condition)
    misspelt = replace(rule, condition=replace(condition, metric="queue.lenght"))
    async with works.read() as work:
        assert [each.message for each in (await editing.check(work, rule)).problems] == []
        assert (await editing.check(work, replace(rule, service="shop"))).unit == "{job}"
        assert await kept.units(work, [rule, replace(rule, service="search"), misspelt]) == ["{job}", "", ""]
        [wrong] = (await editing.check(work, misspelt)).refused
        assert "is queue.length meant?" in wrong.message
        [unheard] = (await editing.check(work, replace(rule, service="search"))).problems
        assert (unheard.field, unheard.refused) == ("condition.metric", False)


async def test_a_window_is_held_against_the_exports(works: Works, clock: MovableClock) -> None:
    shop = await Feed.new(works)
    series = await shop.series()
    for minute in range(6):
        clock.instant = START + timedelta(minutes=minute)
        at = feed.times(START + timedelta(minutes=minute), timedelta(seconds=10))
        await shop.send(feed.sketches(series, at, [np.full(1, 0.1)]))
    condition = Condition(Signal.ERROR_RATE, Comparison.ABOVE, 0.05, window=timedelta(seconds=30))
    rule = Rule(new_id(START), "errors", enabled=True, severity=Severity.INFO, condition=condition, service="shop")
    async with works.read() as work:
        [warned] = (await editing.check(work, rule)).warnings
    assert warned.message == "the service reports every 1 min: a window of 30 s is often empty"
