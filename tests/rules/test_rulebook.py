"""Rules are evaluated as data arrive and as time passes, by one evaluator or two, and each by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from century.core.work import Works
from century.rules import crowds, editing, fitting, kept
from century.rules.change import Change
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.service import Rulebook
from century.rules.verdict import Standing
from century.telemetry.instants import nanoseconds
from century.telemetry.metrics import Aggregation
from tests.rules.load import ABOVE, BELOW, Shop, errors, listens, rulebook, save
from tests.telemetry.feed import numbers
from tests.world import MovableClock


async def settled(book: Rulebook, works: Works, changes: list[Change]) -> list[Change]:
    async with works.begin() as work:
        return await book.settle(work, changes)


async def look(book: Rulebook, works: Works, service: str | None = "shop") -> list[str]:
    """What changed after a service reported, as text; and it is kept."""
    changes = await settled(book, works, await book.verdicts(service, works.clock.now()))
    return [f"{each.rule.name} {each.subject.text} {each.after.standing}" for each in changes if each.moved]


async def wait(book: Rulebook, works: Works) -> list[str]:
    """What changed by time, as text; and it is kept."""
    changes = await settled(book, works, await book.due(works.clock.now()))
    return [f"{each.rule.name} {each.subject.text} {each.after.standing}" for each in changes if each.moved]


async def test_a_broken_rule_fires_and_recovers(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await save(works, errors(recovery=0.02))
    await shop.export(clock.now())
    assert await look(book, works) == ["rule shop ok"]
    clock.advance(seconds=10)
    await shop.export(clock.now(), good=8, bad=2)
    assert await look(book, works) == ["rule shop firing"]
    clock.advance(seconds=10)
    await shop.export(clock.now(), good=25)
    assert await look(book, works) == [], "4.4 % is below the threshold, and above what it recovers at"
    clock.advance(minutes=5)
    await shop.export(clock.now())
    assert await look(book, works) == ["rule shop ok"]


async def test_what_holds_fires_by_time_alone(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await save(works, errors(hold_for=timedelta(minutes=1)))
    await shop.export(clock.now(), bad=5)
    assert await look(book, works) == ["rule shop pending"]
    clock.advance(seconds=59)
    assert await wait(book, works) == []
    clock.advance(seconds=2)
    assert await wait(book, works) == ["rule shop firing"]


async def test_what_was_not_settled_is_answered_again(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await save(works, errors())
    await shop.export(clock.now(), bad=5)
    assert [each.after.standing for each in await book.verdicts("shop", clock.now())] == [Standing.FIRING]
    assert await look(book, works) == ["rule shop firing"]
    assert await look(book, works) == []


async def test_of_two_evaluators_one_is_first(works: Works, clock: MovableClock) -> None:
    shop, one, other = await Shop.new(works), rulebook(works), rulebook(works)
    await save(works, errors())
    await shop.export(clock.now(), bad=5)
    first = await one.verdicts("shop", clock.now())
    second = await other.verdicts("shop", clock.now())
    assert len(await settled(one, works, first)) == 1
    assert await settled(other, works, second) == []
    assert await look(other, works) == [], "it knows what stands now"
    clock.advance(minutes=6)
    await shop.export(clock.now())
    assert await look(other, works) == ["rule shop ok"]
    assert await look(one, works) == []


async def test_a_report_of_which_nothing_was_said_is_looked_at_within_seconds(
    works: Works, clock: MovableClock
) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await save(works, errors())
    await shop.export(clock.now())
    assert await look(book, works) == ["rule shop ok"]
    assert await wait(book, works) == []
    clock.advance(seconds=2)
    await shop.export(clock.now(), bad=50)
    clock.advance(seconds=3)
    assert await wait(book, works) == ["rule shop firing"], "its server died between the commit and the message"


async def test_a_new_evaluator_goes_on_where_the_last_one_stood(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    await save(works, errors(hold_for=timedelta(minutes=1)))
    await shop.export(clock.now(), bad=5)
    assert await look(rulebook(works), works) == ["rule shop pending"]
    clock.advance(seconds=61)
    assert await look(rulebook(works), works, None) == ["rule shop firing"]
    assert await look(rulebook(works), works, None) == []


async def test_a_silent_service_is_noticed(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await listens(works)
    await save(works, Condition(Signal.SILENCE, ABOVE, 300.0))
    await shop.export(clock.now())
    assert await look(book, works) == ["rule shop ok"]
    clock.advance(seconds=299)
    assert await wait(book, works) == []
    clock.advance(seconds=3)
    assert await wait(book, works) == ["rule shop firing"]
    await shop.export(clock.now())
    assert await look(book, works) == ["rule shop ok"]


async def test_after_our_own_outage_nobody_is_called_silent(works: Works, clock: MovableClock) -> None:
    shop = await Shop.new(works)
    await save(works, Condition(Signal.SILENCE, ABOVE, 300.0), "silent")
    await save(works, errors(when_no_data=WhenNoData.ALERT), "no data", service="shop")
    await shop.export(clock.now())
    assert sorted(await look(rulebook(works), works)) == ["no data shop ok", "silent shop ok"]
    clock.advance(hours=1)
    book = rulebook(works)
    assert await look(book, works, None) == [], "nobody listens yet"
    await listens(works)
    assert await wait(book, works) == []
    assert await look(book, works, None) == [], "what was not heard while we were away tells nothing"
    clock.advance(seconds=299)
    assert await look(book, works, None) == []
    clock.advance(seconds=2)
    assert sorted(await wait(book, works)) == ["no data shop firing", "silent shop firing"]


async def test_a_window_that_runs_empty_is_as_the_rule_says(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await listens(works)
    clock.advance(hours=1)
    for meaning in WhenNoData:
        await save(works, errors(when_no_data=meaning), meaning.value)
    await shop.export(clock.now(), bad=5)
    assert len(await look(book, works)) == 3
    clock.advance(seconds=301)
    assert await wait(book, works) == ["ok shop ok"], "the others keep firing"


async def test_a_rule_that_fails_disturbs_no_other(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    gauge = Condition(Signal.METRIC, ABOVE, 1.0, metric="process.cpu.utilization")
    broken = await save(works, gauge, "broken")
    fine = await save(works, errors(), "fine")
    early = await save(works, Condition(Signal.TLS_DAYS_LEFT, BELOW, 21.0), "early")
    async with works.begin() as work:
        await editing.write(
            work, broken, replace(broken, version=2, condition=replace(gauge, aggregation=Aggregation.RATE))
        )
    await shop.export(clock.now(), bad=5)
    assert await look(book, works) == ["fine shop firing"]
    await wait(book, works)
    async with works.read() as work:
        health = {each.rule.name: each for each in await kept.saved(work)}
    assert "levels" in (health["broken"].error or "")
    assert health["early"].error == "nothing measures the time until the certificate expires yet"
    assert health["fine"].error is None
    assert health["fine"].evaluated_at == clock.now()
    assert {broken.id, fine.id, early.id} == {each.rule.id for each in health.values()}


async def test_a_rule_that_is_switched_off_leaves_nothing_wrong(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    rule = await save(works, errors())
    await shop.export(clock.now(), bad=5)
    assert await look(book, works) == ["rule shop firing"]
    async with works.begin() as work:
        await editing.set_enabled(work, rule.id, enabled=False)
    assert await wait(rulebook(works), works) == ["rule shop ok"], "even where the evaluator is new"
    async with works.begin() as work:
        await editing.set_enabled(work, rule.id, enabled=True)
    book.changed()
    assert await wait(rulebook(works), works) == ["rule shop firing"], "and what is wrong then is new"


async def test_each_group_of_a_metric_is_a_subject(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    for queue, depth in (("mail", 900.0), ("pay", 3.0)):
        series = await shop.feed.series("queue.depth", form="number", kind="gauge", unit="1", queue=queue)
        await shop.feed.send(numbers(series, [nanoseconds(clock.now())], [depth]))
    await save(works, Condition(Signal.METRIC, ABOVE, 100.0, metric="queue.depth", group_by=("queue",)))
    assert sorted(await look(book, works)) == ["rule shop queue=mail firing", "rule shop queue=pay ok"]


@pytest.mark.parametrize("minutes", [5, 20])
async def test_a_rule_goes_on_for_the_groups_that_fit(
    works: Works, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    for module in (crowds, fitting):
        monkeypatch.setattr(module, "MOST_GROUPS", 3)
    condition = Condition(
        Signal.METRIC, ABOVE, 100.0, metric="queue.depth", group_by=("queue",), window=timedelta(minutes=minutes)
    )
    rule = await save(works, condition, service="shop")
    shop, book = await Shop.new(works), rulebook(works)
    series: dict[str, int] = {}

    async def report(**depths: float) -> list[str]:
        for queue, depth in depths.items():
            if queue not in series:
                series[queue] = await shop.feed.series(
                    "queue.depth", form="number", kind="gauge", unit="1", queue=queue
                )
            await shop.feed.send(numbers(series[queue], [nanoseconds(clock.now())], [depth]))
        return sorted(await look(book, works))

    assert await report(d=900.0, e=1.0) == ["rule shop queue=d firing", "rule shop queue=e ok"]
    clock.advance(minutes=1)
    assert await report(d=900.0, e=1.0, b=1.0, c=900.0) == ["rule shop queue=b ok"], "what is watched stays"
    clock.advance(minutes=1)
    assert await report(d=900.0, e=900.0, b=1.0, c=900.0, a=900.0) == ["rule shop queue=e firing"]
    await wait(book, works)
    async with works.read() as work:
        health = await kept.one_saved(work, rule.id)
        subjects = [each.subject for each in (await kept.found(work, [rule.id]))[rule.id]]
    assert health.error is not None and health.error.startswith("2 of the 5 groups of shop are left out")
    assert sorted(subjects) == ["shop queue=b", "shop queue=d", "shop queue=e"]
    another = rulebook(works)
    assert await look(another, works) == [], "whoever evaluates it chooses the same"


async def test_a_group_that_fits_no_more_is_left_as_it_stands(
    works: Works, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await listens(works)
    clock.advance(hours=1)
    condition = Condition(
        Signal.METRIC, ABOVE, 100.0, metric="queue.depth", group_by=("queue",), when_no_data=WhenNoData.ALERT
    )
    await save(works, condition, service="shop")
    shop, book = await Shop.new(works), rulebook(works)
    for queue in "abcd":
        series = await shop.feed.series("queue.depth", form="number", kind="gauge", unit="1", queue=queue)
        await shop.feed.send(numbers(series, [nanoseconds(clock.now())], [1.0]))
    assert len(await look(book, works)) == 4
    for module in (crowds, fitting):
        monkeypatch.setattr(module, "MOST_GROUPS", 3)
    clock.advance(seconds=10)
    assert await look(book, works) == [], "nobody reads it: that it says nothing is not known"


async def test_a_long_window_is_read_once_a_minute_and_not_forgotten(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await save(works, errors(window=timedelta(hours=1)))
    await shop.export(clock.now())
    assert await look(book, works) == ["rule shop ok"]
    clock.advance(seconds=10)
    assert await look(book, works) == []
    clock.advance(seconds=10)
    await shop.export(clock.now(), bad=5)
    assert await look(book, works) == [], "it was read ten seconds ago"
    clock.advance(seconds=30)
    assert await wait(book, works) == []
    clock.advance(seconds=21)
    assert await wait(book, works) == ["rule shop firing"]


async def test_what_is_rolled_back_is_answered_again(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await save(works, errors())
    await shop.export(clock.now(), bad=5)
    changes = await book.verdicts("shop", clock.now())
    with pytest.raises(ZeroDivisionError):
        async with works.begin() as work:
            assert len(await book.settle(work, changes)) == 1
            raise ZeroDivisionError
    assert await look(book, works) == ["rule shop firing"]


async def test_a_rule_that_is_deleted_meanwhile_takes_no_verdict(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    rule = await save(works, errors())
    await shop.export(clock.now(), bad=5)
    changes = await book.verdicts("shop", clock.now())
    async with works.begin() as work:
        await editing.delete_rule(work, rule.id)
    assert await settled(book, works, changes) == []
    book.changed()
    assert await wait(book, works) == []


async def test_a_firing_value_is_told_again_now_and_then(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    await save(works, errors())
    values = []
    for _ in range(12):
        await shop.export(clock.now(), bad=5)
        changes = await settled(book, works, await book.verdicts("shop", clock.now()))
        values += [each.moved for each in changes]
        clock.advance(seconds=10)
        await shop.export(clock.now(), good=1, bad=1)
    assert values == [True, False, False, False, False]


async def test_values_are_shown_as_they_are_now(works: Works, clock: MovableClock) -> None:
    shop, book = await Shop.new(works), rulebook(works)
    rule = await save(works, errors(0.5))
    await shop.export(clock.now())
    await look(book, works)
    clock.advance(seconds=40)
    await shop.export(clock.now(), good=20, bad=10)
    await look(book, works)
    await wait(book, works)
    async with works.read() as work:
        [found] = (await kept.found(work, [rule.id]))[rule.id]
    assert (found.standing, found.value) == (Standing.OK, 0.25)


async def test_what_another_evaluator_left_wrong_is_put_right(works: Works, clock: MovableClock) -> None:
    shop, one, other = await Shop.new(works), rulebook(works), rulebook(works)
    await save(works, errors(window=timedelta(minutes=1)))
    await shop.export(clock.now())
    await look(one, works)
    await look(other, works)
    await wait(one, works)
    clock.advance(seconds=10)
    await shop.export(clock.now(), bad=5)
    assert await look(other, works) == ["rule shop firing"]
    for _ in range(9):
        clock.advance(seconds=10)
        await shop.export(clock.now())
    assert await look(one, works) == [], "it saw nothing wrong, and the other is gone"
    clock.advance(seconds=10)
    found = [*await wait(one, works), *await wait(one, works)]
    assert found == ["rule shop ok"]
