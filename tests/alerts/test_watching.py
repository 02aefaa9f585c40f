"""Findings become alerts, on PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from century.alerts import dependencies, service, sweeps
from century.alerts.alert import AlertState
from century.alerts.kept import holds
from century.alerts.paging import HoldKind
from century.rules.severity import Severity
from century.rules.verdict import Standing
from tests.alerts.conftest import ADA, Desk
from tests.alerts.examples import a_rule
from tests.world import START

MINUTE = timedelta(minutes=1)


async def test_an_alert_from_its_first_breach_to_its_end(desk: Desk) -> None:
    rule = a_rule()
    assert await desk.find(rule, Standing.PENDING) == []
    pending = await desk.alert()
    assert (pending.state, pending.due_at, await desk.told()) == (AlertState.PENDING, None, [])
    desk.clock.advance(minutes=1)
    (fired,) = await desk.find(rule, Standing.FIRING, 0.08)
    alert = await desk.alert()
    assert alert == fired
    assert (alert.id, alert.state, alert.value, alert.peak, alert.threshold, alert.unit) == (
        pending.id, AlertState.FIRING, 0.08, 0.08, 0.05, "1",
    )  # fmt: skip
    assert (alert.pending_since, alert.opened_at, alert.due_at) == (START, START + MINUTE, START + MINUTE)
    assert alert.response_due_at == alert.attention_at == START + 6 * MINUTE
    assert alert.summary == "Error rate of checkout is 8 %, above 5 % over 5 min"
    desk.clock.advance(seconds=10)
    await desk.find(rule, Standing.FIRING, 0.3, moved=False)
    alert = await desk.alert()
    assert (alert.value, alert.peak, alert.summary) == (
        0.3,
        0.3,
        "Error rate of checkout is 30 %, above 5 % over 5 min",
    )
    desk.clock.advance(minutes=2)
    await desk.find(rule, Standing.OK, 0.01)
    alert = await desk.alert()
    assert (alert.state, alert.value, alert.peak, alert.resolved_at) == (
        AlertState.RESOLVED, 0.01, 0.3, desk.clock.now(),
    )  # fmt: skip
    assert (alert.due_at, alert.attention_at, alert.resolved_by_name) == (desk.clock.now(), None, None)
    assert await desk.timeline() == [
        ("alert.opened", "Error rate of checkout is 8 %, above 5 % over 5 min"),
        ("alert.resolved", "Well again: error rate of checkout is 1 %"),
    ]


async def test_what_recovers_before_it_fires_never_was(desk: Desk) -> None:
    await desk.find(a_rule(), Standing.PENDING)
    await desk.find(a_rule(), Standing.OK)
    assert (await desk.alerts(), await desk.told()) == ([], [])


async def test_two_evaluators_open_one_alert(desk: Desk) -> None:
    rule = a_rule()
    fired = await asyncio.gather(*(desk.find(rule, Standing.FIRING) for _ in range(8)))
    assert sum(len(each) for each in fired) == 1
    assert len(await desk.alerts()) == 1
    assert await desk.told() == ["alert.opened"]
    await asyncio.gather(*(desk.find(rule, Standing.OK, 0.0) for _ in range(8)))
    assert await desk.told() == ["alert.opened", "alert.resolved"]


async def test_each_subject_of_a_rule_has_an_alert_of_its_own(desk: Desk) -> None:
    rule = a_rule()
    await desk.find(rule, Standing.FIRING)
    await desk.find(rule, Standing.FIRING, service="billing")
    await desk.find(rule, Standing.FIRING, queue="mail")
    assert {each.subject for each in await desk.alerts()} == {"checkout", "billing", "checkout queue=mail"}


async def test_what_flaps_pages_later_and_later(desk: Desk) -> None:
    rule = a_rule()
    delays = []
    for _ in range(6):
        (fired,) = await desk.find(rule, Standing.FIRING)
        assert fired.due_at is not None
        delays.append((fired.due_at - fired.opened_at) / MINUTE)
        assert (fired.damped_until is None) == (delays[-1] == 0)
        await desk.find(rule, Standing.OK)
        desk.clock.advance(minutes=1)
    assert delays == [0, 0, 0, 1, 2, 4]
    desk.clock.advance(hours=1)
    (fired,) = await desk.find(rule, Standing.FIRING)
    assert fired.due_at == fired.opened_at


async def test_a_suppression_holds_of_what_opens_again(desk: Desk) -> None:
    (fired,) = await desk.find(a_rule(), Standing.FIRING)
    async with desk.works.begin(ADA) as work:
        await service.suppress(work, fired.id, timedelta(hours=2), "known")
    await desk.find(a_rule(), Standing.OK)
    assert [each.state for each in await desk.alerts()] == [AlertState.RESOLVED]
    desk.clock.advance(minutes=30)
    (again,) = await desk.find(a_rule(), Standing.FIRING)
    assert (again.suppressed_until, again.suppressed_by_name) == (START + timedelta(hours=2), "ada")
    async with desk.works.read() as work:
        assert (await holds(work, [again]))[again.id].kind is HoldKind.SUPPRESSED


async def test_an_alert_whose_parent_is_open_is_recorded_and_held(desk: Desk) -> None:
    database = a_rule(2, "database_down")
    errors = a_rule(depends_on=(database.id,))
    await desk.keep(database, errors)
    (parent,) = await desk.find(database, Standing.FIRING, service=None)
    (child,) = await desk.find(errors, Standing.FIRING)
    child = await desk.of(errors)
    assert child.parent_id == parent.id
    async with desk.works.read() as work:
        hold = (await holds(work, [child]))[child.id]
    assert (hold.kind, hold.until) == (HoldKind.DEPENDENCY, None)
    desk.clock.advance(minutes=10)
    await desk.find(database, Standing.OK, service=None)
    child = await desk.of(errors)
    assert (child.due_at, child.response_due_at) == (desk.clock.now(), desk.clock.now() + 5 * MINUTE)
    assert (await desk.timeline(child))[-1] == ("alert.released", "database_down is over, and this is still wrong")
    async with desk.works.read() as work:
        assert await holds(work, [child]) == {}


async def test_a_parent_that_opens_later_takes_its_children(desk: Desk) -> None:
    database = a_rule(2, "database_down")
    errors = a_rule(depends_on=(database.id,))
    await desk.keep(database, errors)
    await desk.find(errors, Standing.FIRING)
    await desk.find(errors, Standing.FIRING, service="billing")
    (parent,) = await desk.find(database, Standing.FIRING, service="billing")
    async with desk.works.begin() as work:
        assert await dependencies.adopt(work) == 1
    parents = {each.subject: each.parent_id for each in await desk.alerts() if each.rule.id == errors.id}
    assert parents == {"checkout": None, "billing": parent.id}


async def test_what_a_crash_left_apart_is_brought_together(desk: Desk) -> None:
    broken, fine, gone, off = (a_rule(n, name) for n, name in enumerate(("broken", "fine", "gone", "off"), 1))
    await desk.keep(broken, fine, off)
    await desk.verdict(broken, Standing.FIRING)
    for rule in (fine, off):
        await desk.find(rule, Standing.FIRING, stored=True)
    await desk.find(gone, Standing.FIRING)
    await desk.verdict(fine, Standing.OK)
    async with desk.works.begin() as work:
        await work.execute(sweeps.text("UPDATE rule SET enabled = false WHERE name = 'off'"))
    async with desk.works.begin() as work:
        fired = await sweeps.find_again(work, [broken, fine])
    async with desk.works.begin() as work:
        assert await sweeps.end_forsaken(work) == 2
    assert [each.rule_name for each in fired] == ["broken"]
    states = {each.rule_name: each.state.value for each in await desk.alerts()}
    assert states == {"broken": "firing", "fine": "resolved", "gone": "resolved", "off": "resolved"}
    messages = [message for kind, message in await desk.timeline() if kind == "alert.resolved"]
    assert sorted(messages) == [
        "Its rule was deleted", "Its rule was disabled", "Well again: error rate of checkout is 7 %",
    ]  # fmt: skip
    async with desk.works.begin() as work:
        assert await sweeps.find_again(work, [broken, fine]) == []
        assert await sweeps.end_forsaken(work) == 0


async def test_what_somebody_resolved_is_believed_for_a_while(desk: Desk) -> None:
    rule = a_rule()
    await desk.keep(rule)
    (fired,) = await desk.find(rule, Standing.FIRING, stored=True)
    async with desk.works.begin(ADA) as work:
        await service.resolve(work, fired.id)
    assert await desk.find(rule, Standing.FIRING, 0.1, moved=False) == []
    desk.clock.advance(minutes=14)
    async with desk.works.begin() as work:
        assert await sweeps.find_again(work, [rule]) == []
    desk.clock.advance(minutes=1)
    async with desk.works.begin() as work:
        (again,) = await sweeps.find_again(work, [rule])
    assert again.id != fired.id


async def test_what_somebody_resolved_hides_nothing_that_was_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "AT_ONCE", 3)
    rule = a_rule()
    await desk.keep(rule)
    resolved = [
        (await desk.find(rule, Standing.FIRING, service=f"a{number}", stored=True))[0].id for number in range(7)
    ]
    async with desk.works.begin(ADA) as work:
        await service.resolve_many(work, resolved, None)
    for name in ("z1", "z2", "z3", "z4"):
        await desk.verdict(rule, Standing.FIRING, name)
    found = []
    for _ in range(3):
        async with desk.works.begin() as work:
            found.append([each.subject for each in await sweeps.find_again(work, [rule])])
    assert found == [["z1", "z2", "z3"], ["z4"], []]


async def test_a_parent_takes_its_children_from_among_many_that_have_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "AT_ONCE", 2)
    database = a_rule(2, "database_down")
    errors = a_rule(depends_on=(database.id,))
    await desk.keep(database, errors)
    for number in range(5):
        await desk.find(errors, Standing.FIRING, service=f"shop{number}")
    (parent,) = await desk.find(database, Standing.FIRING, service="shop4")
    async with desk.works.begin() as work:
        assert await dependencies.adopt(work) == 1
    parents = {each.subject: each.parent_id for each in await desk.alerts() if each.rule.id == errors.id}
    assert [name for name, found in parents.items() if found == parent.id] == ["shop4"]


async def test_a_missed_answer_is_recorded_once(desk: Desk) -> None:
    await desk.find(a_rule(severity=Severity.WARNING), Standing.FIRING)
    for minutes in (14, 1, 1):
        desk.clock.advance(minutes=minutes)
        async with desk.works.begin() as work:
            await sweeps.attend_due(work)
    alert = await desk.alert()
    assert alert.response_breached_at == START + 15 * MINUTE
    assert (await desk.told(), alert.attention_at) == (["alert.opened", "alert.response_breached"], None)


async def test_an_idle_acknowledgement_reopens(desk: Desk) -> None:
    (fired,) = await desk.find(a_rule(reopen_after=timedelta(hours=1)), Standing.FIRING)
    async with desk.works.begin(ADA) as work:
        await service.acknowledge(work, fired.id)
    desk.clock.advance(minutes=50)
    async with desk.works.begin(ADA) as work:
        await service.comment(work, fired.id, "still at it")
    desk.clock.advance(minutes=50)
    async with desk.works.begin() as work:
        assert await sweeps.attend_due(work) == 0
    desk.clock.advance(minutes=10)
    async with desk.works.begin() as work:
        assert await sweeps.attend_due(work) == 1
    alert = await desk.alert()
    now = desk.clock.now()
    assert (alert.state, alert.episode, alert.level, alert.due_at) == (AlertState.FIRING, 2, 0, now)
    assert (alert.acknowledged_by_name, alert.response_due_at) == (None, now + 5 * MINUTE)
    assert (await desk.timeline())[-1] == ("alert.reopened", "ada acknowledged it, and nothing was heard for 1 h")


async def test_a_suppressed_alert_that_is_still_wrong_returns(desk: Desk) -> None:
    (fired,) = await desk.find(a_rule(), Standing.FIRING)
    async with desk.works.begin(ADA) as work:
        await service.suppress(work, fired.id, timedelta(minutes=30), "known")
    for _ in range(30):
        desk.clock.advance(minutes=1)
        async with desk.works.begin() as work:
            await sweeps.attend_due(work)
    alert = await desk.alert()
    now = desk.clock.now()
    assert (alert.suppressed_until, alert.due_at, alert.response_due_at) == (None, now, now + 5 * MINUTE)
    assert await desk.told() == ["alert.opened", "alert.suppressed", "alert.released"]


async def test_the_ladder_is_asked_to_look_no_later_than_it_would(desk: Desk) -> None:
    (fired,) = await desk.find(a_rule(), Standing.FIRING)
    async with desk.works.begin() as work:
        await service.look(work, [fired.id, UUID(int=5)], START + MINUTE)
        assert (await service.alert(work, fired.id)).due_at == START
        await work.execute(sweeps.text("UPDATE alert SET due_at = NULL"))
        await service.look(work, [fired.id], START + MINUTE)
        assert (await service.alert(work, fired.id, lock=True)).due_at == START + MINUTE
        await service.look(work, [fired.id])
        assert (await service.alert(work, fired.id)).due_at == START
