"""From what is due to the receiver: once, under one key, again where it failed, and never after somebody took it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from century.alerts.tables import AlertRow
from century.core.settings import Settings
from century.notify import claims
from century.notify.channel import ChannelKind
from century.notify.courier import Courier
from century.notify.event import Event
from century.notify.parcel import Nothing, Parcel
from century.notify.tables import AttemptRow, ChannelRow, DeliveryRow, NotificationRow
from century.rules.severity import Severity
from tests.notify.conftest import Stored
from tests.notify.receivers import Answer, Receiver
from tests.world import START, World


async def test_secrets_of_the_installations_secret_before_open_still(
    world: World, near: Settings, stored: Stored, receiver: Receiver
) -> None:
    await stored.want(await stored.alert(), await stored.webhook(receiver.url))
    courier = Courier(replace(near, secret="the secret of today", previous_secret=near.secret), world.works)
    await courier.settle()
    await courier.stop()
    assert len(receiver.received) == 1


async def test_what_is_due_reaches_the_receiver_once(courier: Courier, stored: Stored, receiver: Receiver) -> None:
    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    await courier.settle()
    await courier.settle()
    assert len(receiver.received) == 1
    said = receiver.received[0].json
    assert said["data"]["alerts"][0]["id"] == str(alert)
    assert await stored.rows(DeliveryRow, "key", "state") == [(receiver.received[0].headers["webhook-id"], "delivered")]
    assert await stored.rows(NotificationRow, "state") == ["delivered"]
    assert await stored.rows(AttemptRow, "number", "outcome", "detail") == [(1, "delivered", "200: ok")]
    assert await stored.told() == [("notification.delivered", "Told 'pager', level 1: 200: ok")]


async def test_messages_due_together_for_one_level_and_channel_go_as_one(
    courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    channel = await stored.webhook(receiver.url)
    alerts = [await stored.alert(f"service-{number}") for number in range(5)]
    for alert in alerts:
        await stored.want(alert, channel)
    await stored.want(await stored.alert("other"), channel, level=2)
    await courier.settle()
    assert sorted(len(each.json["data"]["alerts"]) for each in receiver.received) == [1, 5]
    assert await stored.rows(NotificationRow, "state") == ["delivered"] * 6


async def test_pagerduty_gets_one_event_an_alert(
    world: World, near: Settings, stored: Stored, receiver: Receiver
) -> None:
    from dataclasses import replace

    courier = Courier(replace(near, pagerduty_url=receiver.url), world.works)
    channel = await stored.channel("duty", ChannelKind.PAGERDUTY, secrets={"routing_key": "k" * 32})
    alerts = [await stored.alert(f"service-{number}") for number in range(3)]
    for alert in alerts:
        await stored.want(alert, channel)
    await courier.settle()
    assert {each.json["dedup_key"] for each in receiver.received} == {f"century-{alert}" for alert in alerts}
    await stored.set(AlertRow, state="resolved", resolved_at=START)
    await stored.want(alerts[0], channel, event=Event.RESOLVED)
    await courier.settle()
    last = receiver.received[-1].json
    assert (last["event_action"], last["dedup_key"]) == ("resolve", f"century-{alerts[0]}")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"state": "acknowledged", "acknowledged_by_name": "Ada"}, "Ada acknowledged the alert", id="ack"),
        pytest.param({"state": "resolved"}, "the alert is resolved", id="resolved"),
        pytest.param({"episode": 2}, "the alert opened again since", id="an older episode"),
    ],
)
async def test_nothing_goes_that_nobody_needs_to_hear(
    courier: Courier, stored: Stored, receiver: Receiver, changed: dict[str, object], reason: str
) -> None:
    await stored.want(await stored.alert(), await stored.webhook(receiver.url))
    await stored.set(AlertRow, **changed)
    await courier.settle()
    assert receiver.received == []
    assert await stored.rows(NotificationRow, "state", "reason") == [("dropped", reason)]


async def test_an_acknowledgement_that_commits_first_wins_and_one_that_comes_later_waits(
    world: World, stored: Stored, receiver: Receiver
) -> None:
    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    async with world.works.begin() as acknowledging:
        await acknowledging.execute(update(AlertRow).values(state="acknowledged"))

        async def claim() -> Parcel | Nothing:
            async with world.works.begin() as work:
                return await claims.claim(work, channel, "me")

        claiming = asyncio.create_task(claim())
        done, _ = await asyncio.wait([claiming], timeout=0.2)
        assert not done, "the claim waits for the acknowledgement that is under way"
    assert isinstance(await claiming, Nothing)
    assert await stored.rows(NotificationRow, "state") == ["dropped"]


async def test_what_is_held_waits_and_goes_when_the_hold_ends(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    await stored.set(AlertRow, suppressed_until=START + timedelta(minutes=5), suppression_reason="known")
    await courier.settle()
    state, reason = (await stored.rows(NotificationRow, "state", "reason"))[0]
    assert state == "waiting" and "known" in reason
    world.advance(minutes=5)
    await courier.settle()
    assert len(receiver.received) == 1


async def test_news_of_an_alert_that_the_channel_never_heard_of_is_no_news(
    courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    alert, channel = await stored.alert(state="resolved", resolved_at=START), await stored.webhook(receiver.url)
    await stored.want(alert, channel, event=Event.RESOLVED)
    await courier.settle()
    assert receiver.received == []
    assert await stored.rows(NotificationRow, "reason") == ["the channel never heard of the alert"]


async def test_a_failure_is_tried_again_later_and_later_under_the_same_key(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    receiver.will(*[Answer(500, b"boom")] * 4)
    await stored.want(await stored.alert(), await stored.webhook(receiver.url))
    waits = []
    for _ in range(4):
        await courier.settle()
        due = (await stored.rows(DeliveryRow, "due_at"))[0]
        waits.append((due - world.clock.now()).total_seconds())
        # Its channel is left alone for a while too.
        world.clock.instant = max([due, *(each for each in await stored.rows(ChannelRow, "open_until") if each)])
    await courier.settle()
    assert [
        low <= wait <= high for wait, (low, high) in zip(waits, ((0.8, 1.2), (4, 6), (12, 18), (24, 36)), strict=True)
    ]
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert await stored.rows(AttemptRow, "outcome") == ["temporary"] * 4 + ["delivered"]
    assert await stored.rows(AttemptRow, "detail") == ["500: boom"] * 4 + ["200: ok"]
    assert await stored.rows(ChannelRow, "failures", "open_until") == [(0, None)]
    assert [kind for kind, _ in await stored.told()] == ["notification.failed", "notification.delivered"]


async def test_the_receiver_says_when_to_come_again(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    receiver.will(Answer(429, b"slow down", {"Retry-After": "120"}))
    channel = await stored.webhook(receiver.url)
    await stored.want(await stored.alert(), channel)
    await courier.settle()
    assert await stored.rows(DeliveryRow, "due_at") == [START + timedelta(seconds=120)]
    await stored.want(await stored.alert("other"), channel)
    await courier.settle()
    assert len(receiver.received) == 1, "what is asked of one message is asked of the next one too"
    world.advance(seconds=121)
    await courier.settle()
    assert len(receiver.received) == 3


async def test_refused_for_good_stops_the_channel_and_tells_the_admins_once(
    courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    from century.core.actor import Role

    admin = await stored.person("Root", Role.ADMIN)
    await stored.webhook(receiver.url + "/admin", "Root's own", person_id=admin)
    receiver.will(Answer(410, b"gone"))
    channel = await stored.webhook(receiver.url)
    for subject in ("one", "two"):
        await stored.want(await stored.alert(subject), channel)
        await courier.settle()
    assert [each.path for each in receiver.received] == ["/hook", "/hook/admin"]
    assert receiver.received[1].json["data"]["title"] == (
        "Century: The channel 'pager' is stopped, it was refused for good: 410: gone"
    )
    assert sorted(await stored.rows(NotificationRow, "state", "reason")) == [
        ("failed", "410: gone"),
        ("failed", "the channel 'pager' is stopped: 410: gone"),
    ]
    assert [kind for kind, _ in await stored.told()] == ["notification.failed", "channel.stopped"]


async def test_the_ladder_is_asked_to_look_when_the_last_channel_of_a_level_fails(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    receiver.otherwise = Answer(500)
    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    await courier.settle()
    assert await stored.rows(AlertRow, "due_at") == [None], "one failure may be chance"
    world.advance(seconds=2)
    await courier.settle()
    assert await stored.rows(AlertRow, "due_at") == [world.clock.now()]


async def test_the_ladder_is_not_asked_while_another_channel_of_the_level_works(
    courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    alert = await stored.alert()
    receiver.otherwise = Answer(400, b"no such thing")
    await stored.want(alert, await stored.webhook(receiver.url, "broken"))
    await stored.want(
        alert, await stored.channel("asleep", settings={"url": receiver.url}), due_at=START + timedelta(hours=1)
    )
    await courier.settle()
    assert await stored.rows(AlertRow, "due_at") == [None]


async def test_what_comes_while_a_channel_is_left_alone_fails_over_at_once(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    receiver.otherwise = Answer(503)
    channel = await stored.webhook(receiver.url)
    await stored.want(await stored.alert("first"), channel)
    for seconds in (0, 2, 7):
        world.advance(seconds=seconds)
        await courier.settle()
    assert len(receiver.received) == 3
    late = await stored.alert("late")
    await stored.want(late, channel)
    await courier.settle()
    assert len(receiver.received) == 3
    async with world.works.read() as work:
        assert (await work.rows(select(AlertRow.due_at).where(AlertRow.id == late)))[0].due_at == world.clock.now()
    receiver.otherwise = Answer()
    world.advance(minutes=1)
    await courier.settle()
    assert await stored.rows(NotificationRow, "state", "reason") == [("delivered", None)] * 2


async def test_a_receiver_that_asks_for_an_hour_is_no_way_to_reach_anybody_now(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    receiver.will(Answer(429, b"slow down", {"Retry-After": "3600"}))
    channel = await stored.webhook(receiver.url)
    await stored.want(await stored.alert("first"), channel)
    await courier.settle()
    assert await stored.rows(AlertRow, "due_at") == [world.clock.now()]
    world.advance(minutes=1)
    await stored.want(await stored.alert("late"), channel)
    await courier.settle()
    assert len(receiver.received) == 1
    assert (await stored.rows(AlertRow, "due_at"))[1] == world.clock.now()


async def test_a_hanging_channel_delays_no_other(courier: Courier, stored: Stored, receiver: Receiver) -> None:
    from tests.notify.receivers import http_receiver

    alert = await stored.alert()
    async with http_receiver() as hanging:
        hanging.otherwise = Answer(never=True)
        await stored.want(alert, await stored.webhook(hanging.url, "hanging"))
        await stored.want(alert, await stored.webhook(receiver.url, "well"))
        await courier.sweep()
        await hanging.heard()
        await receiver.heard(within=2)
    # The connection was cut: that try failed.
    await courier.settle()
    assert "temporary" in await stored.rows(AttemptRow, "outcome")


async def test_a_worker_that_died_while_sending_leaves_an_unknown_end_and_the_same_key(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    async with world.works.begin() as work:
        dead = await claims.claim(work, channel, "dead")
    assert isinstance(dead, Parcel)
    await courier.settle()
    assert receiver.received == [], "its lease holds"
    world.advance(seconds=7)
    await courier.settle()
    assert [each.headers["webhook-id"] for each in receiver.received] == [dead.key]
    assert await stored.rows(AttemptRow, "number", "outcome") == [(1, "unknown"), (2, "delivered")]


async def test_a_worker_that_wakes_from_the_dead_marks_nothing(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    from century.notify import results
    from century.notify.wire import Permanent, Receipt

    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    async with world.works.begin() as work:
        dead = await claims.claim(work, channel, "dead")
    assert isinstance(dead, Parcel)
    world.advance(seconds=7)
    await courier.settle()
    async with world.works.begin() as work:
        assert not await results.failed(work, dead, "dead", Permanent("no"), spread=0.5, mail=False)
        assert not await results.delivered(work, dead, "dead", Receipt("yes"))
    assert await stored.rows(DeliveryRow, "state") == ["delivered"]


async def test_what_kills_its_worker_is_set_aside_after_five_claims(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    for _ in range(5):
        async with world.works.begin() as work:
            assert isinstance(await claims.claim(work, channel, "killed"), Parcel)
        world.advance(seconds=7)
    await courier.settle()
    assert receiver.received == []
    assert await stored.rows(NotificationRow, "state") == ["set_aside"]
    assert await stored.rows(AttemptRow, "outcome") == ["unknown"] * 5
    assert await stored.rows(AlertRow, "due_at") == [world.clock.now()]


async def test_a_fault_of_ours_is_counted_too(
    world: World, courier: Courier, stored: Stored, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(courier, "_compose", fail)
    await stored.want(await stored.alert(), await stored.webhook(receiver.url))
    for _ in range(7):
        await courier.settle()
        world.advance(minutes=6)
    assert await stored.rows(NotificationRow, "state") == ["set_aside"]
    details = await stored.rows(AttemptRow, "detail")
    assert len(details) == 5 and all("quote" in each for each in details)


async def test_after_a_day_it_is_given_up(world: World, courier: Courier, stored: Stored, receiver: Receiver) -> None:
    receiver.otherwise = Answer(500)
    await stored.want(await stored.alert(), await stored.webhook(receiver.url))
    await courier.settle()
    world.advance(hours=24, minutes=1)
    await courier.settle()
    state, reason = (await stored.rows(NotificationRow, "state", "reason"))[0]
    assert state == "failed" and reason.startswith("it could not be delivered within 24 hours")


async def test_two_couriers_send_once(world: World, near: Settings, stored: Stored, receiver: Receiver) -> None:
    channel = await stored.webhook(receiver.url)
    alerts = [await stored.alert(f"service-{number}") for number in range(20)]
    couriers = [Courier(near, world.works) for _ in range(2)]
    for alert in alerts:
        await stored.want(alert, channel)
        await asyncio.gather(*(each.settle() for each in couriers))
    told = [each["id"] for request in receiver.received for each in request.json["data"]["alerts"]]
    assert sorted(told) == sorted(str(each) for each in alerts)


async def test_the_news_does_not_overtake_what_is_on_its_way(
    courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    receiver.will(Answer(after=0.3))
    alert, channel = await stored.alert(), await stored.webhook(receiver.url)
    await stored.want(alert, channel)
    await courier.sweep()
    await receiver.heard()
    await stored.set(AlertRow, state="resolved", resolved_at=START)
    await stored.want(alert, channel, event=Event.RESOLVED)
    await courier.settle()
    await receiver.heard(2)
    assert [each.json["type"] for each in receiver.received] == ["alert.firing", "alert.resolved"]
    assert await stored.rows(NotificationRow, "state") == ["delivered"] * 2


async def test_quiet_hours_hold_back_a_warning_until_they_end(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    quiet = {"from": "08:00", "to": "17:00", "time_zone": "UTC", "days": ["monday"]}
    channel = await stored.webhook(receiver.url, quiet_hours=quiet)
    await stored.want(await stored.alert(severity="warning"), channel, severity=Severity.WARNING)
    await courier.settle()
    assert receiver.received == []
    world.advance(hours=8)
    await courier.settle()
    assert len(receiver.received) == 1


async def test_a_channel_that_is_switched_off_leaves_nothing_on_its_way(
    world: World, courier: Courier, stored: Stored, receiver: Receiver
) -> None:
    channel = await stored.webhook(receiver.url)
    for subject in ("begun", "waiting"):
        await stored.want(await stored.alert(subject), channel, level=1 if subject == "begun" else 2)
    async with world.works.begin() as work:
        assert isinstance(await claims.claim(work, channel, "dead"), Parcel)
    await stored.set(ChannelRow, enabled=False)
    await courier.settle()
    assert sorted(await stored.rows(NotificationRow, "state")) == ["failed", "sending"]
    world.advance(seconds=7)
    await courier.settle()
    assert await stored.rows(NotificationRow, "state") == ["failed"] * 2
    assert await stored.rows(DeliveryRow, "state") == ["failed"]
    async with world.works.read() as work:
        assert await claims.due_channels(work) == set()
