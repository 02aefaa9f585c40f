"""Climbing on a real database: who is told when, what holds it, and that nobody does it twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, insert, select, text

from century.alerts import service as alerts
from century.alerts import sweeps
from century.alerts.alert import AlertState
from century.alerts.tables import MaintenanceWindowRow
from century.core.ids import new_id
from century.core.sealing import Seal
from century.escalation import jobs, service
from century.escalation.directory import load_policies
from century.escalation.policy import Level, Target, TargetKind
from century.escalation.tables import LadderRow
from century.notify import editing
from century.notify.courier import Courier
from century.rules.severity import Severity
from tests.alerts.examples import a_rule
from tests.escalation.conftest import Tower
from tests.notify.conftest import SECRET
from tests.notify.receivers import http_receiver

ADA = "E-mail of ada"
EARLY = "Level 2 'Senior engineer' was told, because every channel of level 1 'Initial responder' fails: sam."
EVERYBODY = Target(TargetKind.CHANNELS_OF_SEVERITY)
FIRST = Level("First", timedelta(0), (EVERYBODY,))


async def staffed(tower: Tower) -> None:
    """Somebody on each of the four schedules."""
    for schedule, name in (("Senior engineer", "sam"), ("Engineering manager", "max"), ("Executives", "eve")):
        await tower.put_on(schedule, await tower.person(name))


async def test_nobody_answers_and_all_four_levels_follow(tower: Tower) -> None:
    await staffed(tower)
    await tower.channel("#ops")
    alert = await tower.alert()
    await tower.walk(14)
    assert await tower.told(alert) == [("firing", 1, "#ops"), ("firing", 1, ADA)]
    tower.world.advance(minutes=1)
    await tower.walk(46)
    assert await tower.told(alert) == [
        ("firing", 1, "#ops"),
        ("firing", 1, ADA),
        ("firing", 2, "E-mail of sam"),
        ("firing", 3, "E-mail of max"),
        ("firing", 4, "E-mail of eve"),
    ]
    assert await tower.due_at(alert) is None
    timeline = await tower.timeline(alert)
    assert timeline[0] == ("alert.escalated", "Level 1 'Initial responder' was told: #ops and ada.")
    assert [message for _, message in timeline[1:]] == [
        "Level 2 'Senior engineer' was told: sam.",
        "Level 3 'Engineering manager' was told: max.",
        "Level 4 'Executives' was told: eve.",
    ]


async def test_executives_are_for_critical_alerts_alone(tower: Tower) -> None:
    await staffed(tower)
    alert = await tower.alert(severity=Severity.WARNING)
    await tower.walk(61)
    assert [level for _, level, _ in await tower.told(alert)] == [1, 2, 3]


async def test_a_fresh_installation_reaches_its_admin(tower: Tower) -> None:
    alert = await tower.alert()
    await tower.climb()
    assert await tower.told(alert) == [("firing", 1, ADA)]


async def test_acknowledging_stops_it_and_those_who_heard_of_it_hear_that(tower: Tower) -> None:
    await tower.channel("#ops")
    alert = await tower.alert()
    await tower.climb()
    await tower.deliver(alert)
    tower.world.advance(minutes=3)
    await tower.change(alert, state="acknowledged")
    await tower.walk(60)
    assert await tower.told(alert) == [
        ("firing", 1, "#ops"),
        ("firing", 1, ADA),
        ("acknowledged", 1, "#ops"),
        ("acknowledged", 1, ADA),
    ]
    assert await tower.due_at(alert) is None
    await tower.change(alert, state="resolved")
    await tower.climb()
    assert [event for event, _, _ in await tower.told(alert)][4:] == ["resolved", "resolved"]


async def test_a_maintenance_window_holds_every_step(tower: Tower) -> None:
    await staffed(tower)
    async with tower.world.works.begin() as work:
        await work.execute(
            insert(MaintenanceWindowRow).values(
                id=new_id(work.now), matchers=[], starts_at=work.now + timedelta(minutes=10),
                ends_at=work.now + timedelta(minutes=50), time_zone="UTC", reason="moving the database",
                created_at=work.now, created_by_name="ada",
            )
        )  # fmt: skip
    alert = await tower.alert()
    await tower.walk(49)
    assert [level for _, level, _ in await tower.told(alert)] == [1]
    kinds = [kind for kind, _ in await tower.timeline(alert)]
    assert kinds == ["alert.escalated", "alert.held"], "told once"
    assert "moving the database" in (await tower.timeline(alert))[1][1]
    tower.world.advance(minutes=1)
    await tower.climb()
    assert [level for _, level, _ in await tower.told(alert)] == [1], "ten minutes old when it was held, it is so now"
    tower.world.advance(minutes=5)
    await tower.climb()
    assert [level for _, level, _ in await tower.told(alert)] == [1, 2], "what is still wrong goes on"
    tower.world.advance(minutes=15)
    await tower.climb()
    assert [level for _, level, _ in await tower.told(alert)] == [1, 2, 3]


async def test_a_level_whose_channels_fail_calls_the_next_with_the_reason(tower: Tower) -> None:
    await staffed(tower)
    alert = await tower.alert()
    await tower.climb()
    await tower.deliver(alert, "failed")
    tower.world.advance(seconds=20)
    await tower.change(alert)
    await tower.climb()
    assert [level for _, level, _ in await tower.told(alert)] == [1, 2]
    assert (await tower.timeline(alert))[1:] == [
        ("alert.level_failed", "Every channel of level 1 'Initial responder' fails: the next level is told at once."),
        ("alert.escalated", EARLY),
    ]
    assert await tower.due_at(alert) == tower.world.clock.now() - timedelta(seconds=20) + timedelta(minutes=30)


async def test_a_level_whose_only_channel_was_removed_before_it_was_told_calls_the_next(tower: Tower) -> None:
    await staffed(tower)
    alert = await tower.alert()
    await tower.climb()
    async with tower.world.works.begin() as work:
        for channel in await work.rows(text("SELECT DISTINCT channel_id FROM notification")):
            await editing.remove(work, channel.channel_id)
    await tower.climb()
    assert [level for _, level, _ in await tower.told(alert)] == [2]
    assert ("alert.escalated", EARLY) in await tower.timeline(alert)


def ada(tower: Tower) -> Target:
    return Target(TargetKind.PERSON, tower.people["ada"])


async def told_by_a_channel_that_is_removed(tower: Tower, alert: UUID, *, other: str | None = None) -> None:
    """The first level is told by `#ops`, which then is removed; `other` was told beside it, and fails."""
    near = replace(tower.settings, egress_allow=("127.0.0.0/8",))
    async with http_receiver() as receiver:
        sealed = Seal([near.secret])
        ops = new_id(tower.world.clock.now())
        secrets = sealed.close(ops, {"secret": SECRET})
        await tower.channel("#ops", id=ops, settings={"url": receiver.url}, secrets=secrets)
        failing = await tower.channel(other) if other else None
        await tower.climb()
        if failing:
            async with tower.world.works.begin() as work:
                await work.execute(
                    text("UPDATE notification SET state = 'failed' WHERE channel_id = :it"), {"it": failing}
                )
        courier = Courier(near, tower.world.works)
        await courier.settle()
        await courier.stop()
        assert len(receiver.received) == 1
    async with tower.world.works.begin() as work:
        await editing.remove(work, ops)
    tower.world.advance(seconds=20)
    await tower.change(alert)


@pytest.mark.parametrize("other", [pytest.param(None, id="alone"), pytest.param("#late", id="beside one that fails")])
async def test_a_level_that_was_told_has_not_failed_when_its_channel_is_removed(
    tower: Tower, other: str | None
) -> None:
    await tower.policy(FIRST, Level("Second", timedelta(minutes=15), (ada(tower),)))
    alert = await tower.alert()
    await told_by_a_channel_that_is_removed(tower, alert, other=other)
    await tower.climb()
    assert ("firing", 2, ADA) not in await tower.told(alert)
    assert await tower.due_at(alert) == tower.world.clock.now() - timedelta(seconds=20) + timedelta(minutes=15)


async def test_what_was_told_in_an_earlier_episode_says_nothing_of_this_one(tower: Tower) -> None:
    await tower.policy(FIRST, Level("Second", timedelta(minutes=15), (ada(tower),)))
    alert = await tower.alert()
    await told_by_a_channel_that_is_removed(tower, alert)
    late = await tower.channel("#late")
    await tower.change(alert, episode=2)
    await tower.climb()
    assert ("firing", 1, "#late") in await tower.told(alert)
    async with tower.world.works.begin() as work:
        await editing.remove(work, late)
    await tower.change(alert)
    await tower.climb()
    assert ("firing", 2, ADA) in await tower.told(alert)


async def test_a_level_with_one_channel_that_works_does_not_fail(tower: Tower) -> None:
    await staffed(tower)
    ops = await tower.channel("#ops")
    alert = await tower.alert()
    await tower.climb()
    async with tower.world.works.begin() as work:
        await work.execute(text("UPDATE notification SET state = 'failed' WHERE channel_id = :ops"), {"ops": ops})
    await tower.change(alert)
    await tower.climb()
    assert {level for _, level, _ in await tower.told(alert)} == {1}


async def test_nobody_at_all_is_the_admins_last_resort(tower: Tower) -> None:
    await tower.policy(Level("Nights", timedelta(0), (Target(TargetKind.SCHEDULE, tower.schedules["Executives"]),)))
    alert = await tower.alert()
    await tower.climb()
    assert await tower.told(alert) == [("firing", 2, ADA)]
    assert await tower.timeline(alert) == [
        ("alert.escalated", "Level 1 'Nights' reached no one: nobody is on call in 'Executives'."),
        ("alert.unreachable", "No level reached anybody: the admins are told, ada."),
    ]
    async with tower.world.works.read() as work:
        assert (await work.rows(text("SELECT level FROM alert")))[0].level == 1


async def test_an_alert_keeps_the_policy_it_began_with(tower: Tower) -> None:
    await staffed(tower)
    alert = await tower.alert()
    await tower.climb()
    async with tower.world.works.begin() as work:
        await work.execute(text("UPDATE escalation_policy SET levels = '[]'"))
    tower.world.advance(minutes=15)
    await tower.climb()
    assert [level for _, level, _ in await tower.told(alert)] == [1, 2]
    await tower.change(alert, episode=2)
    await tower.climb()
    assert [level for _, level, _ in await tower.told(alert)] == [1, 1, 2], (
        "re-opened, it begins anew by the same policy"
    )


async def test_a_rule_names_its_own_policy(tower: Tower) -> None:
    ops = await tower.channel("#ops")
    own = await tower.policy(Level("Just the room", timedelta(0), (Target(TargetKind.CHANNEL, ops),)), is_default=False)
    alert = await tower.alert(rule=replace(a_rule(), policy_id=own))
    gone = await tower.alert(rule=replace(a_rule(2), policy_id=UUID(int=5)))
    await tower.climb()
    assert await tower.told(alert) == [("firing", 1, "#ops")]
    assert await tower.told(gone) == [("firing", 1, "#ops"), ("firing", 1, ADA)], "a policy that is gone: the default"


async def test_quiet_hours_put_off_what_is_below_critical(tower: Tower) -> None:
    quiet = {"from": "08:00", "to": "10:00", "time_zone": "UTC", "days": ["monday"]}
    await tower.channel("ada at home", tower.people["ada"], quiet_hours=quiet)
    alert = await tower.alert(severity=Severity.WARNING)
    await tower.climb()
    async with tower.world.works.read() as work:
        (row,) = await work.rows(text("SELECT due_at FROM notification WHERE alert_id = :alert"), {"alert": alert})
    assert row.due_at == tower.world.clock.now() + timedelta(hours=1)


async def test_two_workers_tell_once(tower: Tower) -> None:
    many = await tower.alerts(40)
    await asyncio.gather(*(jobs.climb_all(tower.settings, tower.world.works) for _ in range(4)))
    async with tower.world.works.read() as work:
        count = (await work.rows(text("SELECT count(*) AS n FROM notification")))[0].n
        entries = await work.rows(text("SELECT count(*) AS n FROM journal WHERE kind = 'alert.escalated'"))
    assert count == entries[0].n == len(many)


async def test_one_that_cannot_be_looked_at_keeps_no_other_waiting(
    tower: Tower, caplog: pytest.LogCaptureFixture
) -> None:
    poisoned, sound = await tower.alert(), await tower.alert(subject="payments")
    async with tower.world.works.begin() as work:
        await work.execute(text("UPDATE alert SET rule = '{}' WHERE id = :id"), {"id": poisoned})
    await jobs.climb_all(tower.settings, tower.world.works)
    assert await tower.told(sound) == [("firing", 1, ADA)]
    assert await tower.due_at(poisoned) == tower.world.clock.now() + jobs.SET_ASIDE
    assert "set aside" in caplog.text
    assert await jobs.climb_all(tower.settings, tower.world.works) == 0


async def test_a_pending_alert_climbs_nothing(tower: Tower) -> None:
    alert = await tower.alert(AlertState.PENDING)
    await tower.climb()
    assert await tower.told(alert) == []
    assert await tower.due_at(alert) is None


async def test_a_batch_takes_few_statements(tower: Tower) -> None:
    await tower.channel("#ops")
    await tower.alerts(service.BATCH + 50)
    async with tower.world.works.begin() as work:
        said: list[str] = []
        event.listen(
            work.connection.sync_connection,
            "before_cursor_execute",
            lambda connection, cursor, statement, *rest: said.append(statement[:60]),
        )
        assert await service.climb(work, tower.settings) == service.BATCH
    assert 10 < len(said) <= 26, said
    async with tower.world.works.read() as work:
        policies = await load_policies(work)
        ladders = await work.rows(select(LadderRow.policy))
    assert policies[None].to_json() == ladders[0].policy


async def test_a_suppressed_alert_that_is_still_wrong_returns(tower: Tower) -> None:
    alert = await tower.alert()
    await tower.climb()
    tower.world.advance(minutes=2)
    async with tower.world.works.begin() as work:
        await alerts.suppress(work, alert, timedelta(minutes=30), "we know")
    await tower.walk(29)
    assert await tower.told(alert) == [("firing", 1, ADA)]
    tower.world.advance(minutes=1)
    async with tower.world.works.begin() as work:
        await sweeps.attend_due(work)
    await tower.climb()
    assert await tower.told(alert) == [("firing", 1, ADA), ("firing", 1, ADA)]
    assert (await tower.timeline(alert))[-2:] == [
        ("alert.released", "The suppression is over, and this is still wrong"),
        ("alert.escalated", "Level 1 'Initial responder' was told: ada."),
    ]


async def test_a_suppression_that_is_ended_by_hand_returns_too(tower: Tower) -> None:
    alert = await tower.alert()
    await tower.climb()
    async with tower.world.works.begin() as work:
        await alerts.suppress(work, alert, timedelta(minutes=30), "we know")
        await alerts.unsuppress(work, alert)
    await tower.climb()
    assert await tower.told(alert) == [("firing", 1, ADA), ("firing", 1, ADA)]


async def test_an_alert_that_is_given_back_is_told_anew(tower: Tower) -> None:
    await tower.policy(Level("Only", timedelta(0), (Target(TargetKind.PERSON, tower.people["ada"]),)))
    alert = await tower.alert()
    await tower.climb()
    async with tower.world.works.begin() as work:
        await alerts.acknowledge(work, alert)
    await tower.climb()
    tower.world.advance(minutes=10)
    async with tower.world.works.begin() as work:
        await alerts.unacknowledge(work, alert)
    await tower.climb()
    assert [event for event, _, _ in await tower.told(alert)] == ["acknowledged", "firing", "firing"]
