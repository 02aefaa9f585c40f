"""Stored telemetry becomes alerts: the worker's loop, turn by turn, and as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from century.alerts import jobs
from century.alerts.alert import AlertState
from century.alerts.evidence import evidence
from century.alerts.jobs import Watcher, watch
from century.core.bus import Message
from century.core.work import Works
from century.rules import editing, kept
from century.rules.condition import Condition, Signal
from century.rules.signals import Sources
from century.rules.telemetry_source import TelemetrySource
from century.telemetry.committer import TOPIC
from century.telemetry.query import Reader
from tests.alerts.conftest import Desk
from tests.rules.load import ABOVE, Shop, errors, listens, save


def watcher(works: Works) -> Watcher:
    return Watcher(works, Sources([TelemetrySource(works, Reader(works.engine))]))


def stored(service: str = "shop") -> Message:
    return Message(TOPIC, orjson.dumps({"service": service, "service_id": 1, "slots": []}))


async def test_a_stored_batch_opens_an_alert_and_a_better_one_ends_it(desk: Desk) -> None:
    shop, seen = await Shop.new(desk.works), watcher(desk.works)
    await save(desk.works, errors(recovery=0.02), runbook="- look")
    await shop.export(desk.clock.now())
    await seen.turn([])
    assert await desk.alerts() == []
    desk.clock.advance(seconds=10)
    await shop.export(desk.clock.now(), good=8, bad=4)
    await seen.turn([stored()])
    alert = await desk.alert()
    assert (alert.state, alert.subject, alert.service) == (AlertState.FIRING, "shop", "shop")
    await seen.sweep()
    async with desk.works.read() as work:
        kept = (await evidence(work, [alert.id]))[alert.id]
        standing = (await work.rows(text("SELECT standing FROM verdict")))[0].standing
    assert standing == "firing"
    assert kept.series
    assert any(value is not None for value in kept.series[0].values)
    desk.clock.advance(minutes=6)
    await shop.export(desk.clock.now(), good=50)
    await seen.turn([stored(), stored(), Message("journal", b'{"kind": "alert.opened"}')])
    assert (await desk.alert()).state is AlertState.RESOLVED
    assert await desk.told() == ["alert.opened", "alert.resolved"]


async def test_two_workers_open_one_alert(desk: Desk) -> None:
    shop, seen = await Shop.new(desk.works), [watcher(desk.works) for _ in range(3)]
    await save(desk.works, errors())
    for each in seen:
        await each.turn([])
    await shop.export(desk.clock.now(), bad=5)
    await asyncio.gather(*(each.turn([stored()]) for each in seen))
    assert await desk.told() == ["alert.opened"]
    assert len(await desk.alerts()) == 1


async def test_what_was_stored_while_nobody_watched_is_found_at_the_start(desk: Desk) -> None:
    shop = await Shop.new(desk.works)
    await save(desk.works, errors())
    await shop.export(desk.clock.now(), bad=5)
    await watcher(desk.works).turn([])
    assert await desk.told() == ["alert.opened"]


async def test_a_missed_message_is_made_up_for(desk: Desk) -> None:
    shop, seen = await Shop.new(desk.works), watcher(desk.works)
    await save(desk.works, errors())
    await seen.turn([])
    await shop.export(desk.clock.now(), bad=5)
    await seen.turn([Message(TOPIC, b"")])
    assert await desk.told() == ["alert.opened"]


async def test_a_rule_that_is_deleted_ends_its_alert(desk: Desk) -> None:
    shop, seen = await Shop.new(desk.works), watcher(desk.works)
    first, second = await save(desk.works, errors(), "first"), await save(desk.works, errors(0.1), "second")
    await shop.export(desk.clock.now(), bad=5)
    await seen.turn([])
    assert len(await desk.alerts()) == 2
    async with desk.works.begin() as work:
        await editing.delete_rule(work, first.id)
        await editing.set_enabled(work, second.id, enabled=False)
    await seen.turn([Message("journal", b'{"kind": "rule.deleted"}')])
    await seen.sweep()
    assert {each.state for each in await desk.alerts()} == {AlertState.RESOLVED}


async def test_a_finding_that_cannot_be_followed_stops_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, other = await Shop.new(desk.works), await Shop.new(desk.works, "other")
    seen, follow = watcher(desk.works), jobs.follow
    rule = await save(desk.works, errors())

    async def error() -> str | None:
        async with desk.works.read() as work:
            return (await kept.one_saved(work, rule.id)).error

    async def poisoned(work: Any, findings: Sequence[Any]) -> Any:
        if any(each.subject.text == "shop" for each in findings):
            await work.execute(text("SELECT 1 / 0"))
        return await follow(work, findings)

    monkeypatch.setattr(jobs, "follow", poisoned)
    for each in (shop, other):
        await each.export(desk.clock.now(), bad=5)
    await seen.turn([])
    assert [each.subject for each in await desk.alerts()] == ["other"]
    desk.clock.advance(seconds=5)
    await seen.sweep()
    assert "what it finds of shop could not be acted on (DBAPIError)" in (await error() or "")
    monkeypatch.setattr(jobs, "follow", follow)
    await seen.turn([Message(TOPIC, b"")])
    assert [each.subject for each in await desk.alerts()] == ["other"], "it is set aside for a while"
    seen._aside = dict.fromkeys(seen._aside, 0.0)
    await seen.turn([Message(TOPIC, b"")])
    assert {each.subject for each in await desk.alerts()} == {"other", "shop"}
    desk.clock.advance(seconds=10)
    await seen.turn([stored()])
    await seen.sweep()
    assert await error() is None, "it was tried again, and is well"


async def test_what_was_set_aside_and_went_by_itself_is_no_longer_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, seen = await Shop.new(desk.works), watcher(desk.works)
    rule = await save(desk.works, errors(window=timedelta(minutes=1)))
    await shop.export(desk.clock.now())
    await seen.turn([])

    async def fails(work: Any, findings: Sequence[Any]) -> Any:
        raise ValueError("cannot")

    monkeypatch.setattr(jobs, "follow", fails)
    told = []
    for seconds, bad in ((10, 9), (20, 0), (60, 0), (70, 0)):
        desk.clock.advance(seconds=seconds)
        await shop.export(desk.clock.now(), bad=bad)
        await seen.turn([stored()])
        await seen.sweep()
        async with desk.works.read() as work:
            told.append((await kept.one_saved(work, rule.id)).error is not None)
    assert told == [True, True, True, False]


async def test_silence_fires_by_time_alone(desk: Desk) -> None:
    shop, seen = await Shop.new(desk.works), watcher(desk.works)
    await save(desk.works, Condition(Signal.SILENCE, ABOVE, 60))
    await listens(desk.works)
    await shop.export(desk.clock.now())
    await seen.turn([])
    for _ in range(8):
        desk.clock.advance(seconds=10)
        await listens(desk.works)
        await seen.sweep()
    assert await desk.told() == ["alert.opened"]


async def test_the_loop_hears_what_is_stored(desk: Desk) -> None:
    shop = await Shop.new(desk.works)
    await save(desk.works, errors())
    running = asyncio.create_task(watch(desk.world.settings, desk.works))
    try:
        async with asyncio.timeout(10):
            while TOPIC not in desk.world.bus._queues:
                await asyncio.sleep(0.01)
            await shop.export(desk.clock.now(), bad=5)
            await desk.world.bus.publish(TOPIC, stored().data)
            while not await desk.alerts():
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert await desk.told() == ["alert.opened"]
