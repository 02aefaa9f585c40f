"""What alerts know of probes, over the running server; and who moved something is looked at when it says so."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import orjson
import pytest

from century.alerts.alert import AlertState
from century.alerts.jobs import AGAIN_SECONDS, Watcher
from century.core.bus import Message
from century.notify.blocks import blocks
from century.notify.event import Event
from century.notify.mail import html
from century.notify.message import Message as Sent
from century.notify.message import brief
from century.notify.rendering import subject
from century.rules.condition import Condition, Signal
from century.rules.signals import Source
from century.rules.sources import sources_of
from century.telemetry.query import Reader
from tests.access.conftest import House, Site, house, site
from tests.alerts.conftest import Desk
from tests.rules.load import BELOW, save
from tests.rules.probes import Probes

__all__ = ["house", "site"]

DOWN = Condition(Signal.PROBE_STATE, BELOW, 1.0, filter=(("probe", frozenset({"shop", "mail"})),))
PROBES = """{ probes { name state uptime(range: {last: "PT20M"}) uptimes { hour day week month }
    openAlerts { critical warning info } } }"""
ALERTS = "{ alerts { nodes { summary evidence { reason } state probe { name kind } heartbeat { name } } } }"
MOVED = Message("probes.moved", b"[]")


async def test_a_probe_and_its_alerts_lead_to_each_other(site: Site, house: House) -> None:
    probes, works = Probes(house.world), house.world.works
    await save(works, DOWN)
    for name in ("shop", "mail"):
        await probes.make(name)
        await probes.found(name)
    house.world.advance(minutes=15)
    await probes.found("shop", "down")
    house.world.advance(minutes=5)
    await probes.found("shop", "down", message="refused at <b>7</b>")
    watcher = Watcher(works, sources_of(works, Reader(works.engine)))
    await watcher.turn([])
    viewer = await house.bearer("viewer")
    assert (await site.data(viewer, PROBES))["probes"] == [
        {
            "name": "mail", "state": "UP", "uptime": 1.0,
            "uptimes": {"hour": 1.0, "day": 1.0, "week": 1.0, "month": 1.0},
            "openAlerts": {"critical": 0, "warning": 0, "info": 0},
        },
        {
            "name": "shop", "state": "DOWN", "uptime": 0.75,
            "uptimes": {"hour": 0.75, "day": 0.75, "week": 0.75, "month": 0.75},
            "openAlerts": {"critical": 1, "warning": 0, "info": 0},
        },
    ]  # fmt: skip
    assert (await site.data(viewer, ALERTS))["alerts"]["nodes"] == [
        {
            "summary": "shop is down: refused at <b>7</b>", "evidence": {"reason": "refused at <b>7</b>"}, "state": "FIRING",
            "probe": {"name": "shop", "kind": "HTTP"}, "heartbeat": None,
        }
    ]  # fmt: skip
    await probes.remove("shop")
    assert (await site.data(viewer, ALERTS))["alerts"]["nodes"][0]["probe"] is None


async def test_a_message_says_why_as_the_summary_does_until_it_is_over(desk: Desk) -> None:
    probes = Probes(desk.world)
    await save(desk.works, DOWN)
    await probes.make("shop")
    await probes.found("shop", "down", message="refused at <b>7</b>")
    watcher = Watcher(desk.works, sources_of(desk.works, Reader(desk.works.engine)))
    await watcher.turn([])
    said = brief(await desk.alert(), "key", "https://example.com")
    assert (said.what, said.short) == ("It is down: refused at <b>7</b>", "down: refused at <b>7</b>")
    message = Sent(Event.FIRING, "key", desk.clock.now(), (said,), 1, said.page)
    assert subject(message) == "CRITICAL shop: down: refused at <b>7</b>"
    assert "It is down: refused at &lt;b&gt;7&lt;/b&gt;." in orjson.dumps(blocks(message)).decode()
    assert "It is down: refused at &lt;b&gt;7&lt;/b&gt;." in html(message)
    desk.clock.advance(seconds=10)
    await probes.found("shop")
    await watcher.turn([MOVED])
    assert brief(await desk.alert(), "key", "https://example.com").what == "It was down"


async def test_what_moved_is_looked_at_as_soon_as_it_is_said(desk: Desk) -> None:
    probes = Probes(desk.world)
    await save(desk.works, DOWN)
    await probes.make("shop")
    await probes.found("shop")
    watcher = Watcher(desk.works, sources_of(desk.works, Reader(desk.works.engine)))
    await watcher.turn([])
    desk.clock.advance(seconds=10)
    await probes.found("shop", "down")
    await watcher.turn([])
    assert await desk.alerts() == [], "nobody said so, and it is not yet time to look at all"
    await watcher.turn([MOVED])
    assert (await desk.alert()).state is AlertState.FIRING
    desk.clock.advance(seconds=10)
    await probes.found("shop")
    watcher._looked.clear()
    await watcher.turn([MOVED])
    assert (await desk.alert()).state is AlertState.RESOLVED


async def test_in_a_storm_what_moved_is_looked_at_a_little_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher, looks = Watcher(desk.works, sources_of(desk.works, Reader(desk.works.engine))), []
    await watcher.turn([])

    async def measure(source: Source) -> None:
        looks.append(source)

    monkeypatch.setattr(watcher, "measure", measure)
    async with desk.world.bus.subscribe(MOVED.topic) as heard:
        for _ in range(5):
            await watcher.turn([MOVED])
        assert len(looks) == 1
        async with asyncio.timeout(2):
            again = await anext(heard)
        await watcher.turn([again])
    assert len(looks) == 2, "it is put off, not forgotten"


async def test_what_is_no_more_ends_its_alert_at_the_next_look_at_everything(desk: Desk) -> None:
    probes = Probes(desk.world)
    await save(desk.works, DOWN)
    await probes.make("shop")
    await probes.found("shop", "down")
    watcher = Watcher(desk.works, sources_of(desk.works, Reader(desk.works.engine)))
    await watcher.turn([])
    assert (await desk.alert()).state is AlertState.FIRING
    await probes.remove("shop")
    desk.clock.advance(minutes=5)
    watcher._measured -= AGAIN_SECONDS
    await watcher.sweep()
    alert = await desk.alert()
    assert alert.state is AlertState.RESOLVED
    assert alert.resolved_at == desk.clock.now() and alert.opened_at == desk.clock.now() - timedelta(minutes=5)
