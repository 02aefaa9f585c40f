"""Rules on heartbeats: silence fires by itself, at the instant it is due, and not for ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from century.core.timerange import TimeRange
from century.probes import heartbeats
from century.probes.beat_problems import BeatDraft
from century.probes.beat_sweeps import sweep
from century.probes.beats import Pings
from century.probes.heartbeat import Heartbeat, PingKind
from century.rules.change import Change
from century.rules.condition import Condition, Signal
from century.rules.heartbeat_source import HeartbeatSource
from century.rules.service import Rulebook
from century.rules.signals import Sources
from century.telemetry.listening import Listening
from tests.rules.load import ABOVE, save
from tests.world import World

OVERDUE = Condition(Signal.HEARTBEAT, ABOVE, 0.0)


class Watched:
    """A rulebook over heartbeats."""

    def __init__(self, world: World) -> None:
        self.world, self.works = world, world.works
        self.source = HeartbeatSource(self.works)
        self.book = Rulebook(self.works, Sources([self.source]))

    async def make(self, name: str = "nightly", **changes: Any) -> Heartbeat:
        asked = {"period": timedelta(hours=1), **changes}
        async with self.works.begin() as work:
            return (await heartbeats.save(work, self.world.settings, BeatDraft(name, **asked))).heartbeat

    async def ping(self, known: Heartbeat, kind: PingKind = PingKind.OK, exit_code: int | None = None) -> None:
        url = heartbeats.ping_url(self.world.settings, known)
        assert url is not None
        await Pings(self.works).take(url.rpartition("/")[2], kind, None, exit_code, None)

    async def sweep(self) -> None:
        async with self.works.begin() as work:
            await sweep(work, await self.source.listening_since())

    async def look(self, *, everything: bool = False) -> list[str]:
        """What changed of what moved, or of all."""
        now = self.works.clock.now()
        only = None if everything else await self.source.news(now)
        return await self._settled(await self.book.measured(self.source, now, only))

    async def wait(self) -> list[str]:
        """What changed by time alone."""
        return await self._settled(await self.book.due(self.works.clock.now()))

    async def _settled(self, changes: list[Change]) -> list[str]:
        async with self.works.begin() as work:
            kept = await self.book.settle(work, changes)
        return [
            f"{each.subject.text} {each.after.standing}" + (f": {each.reason}" if each.reason else "")
            for each in kept if each.moved
        ]  # fmt: skip


@pytest.fixture
async def watched(world: World) -> Watched:
    await Listening(world.works).say()
    world.advance(days=1)
    return Watched(world)


async def test_silence_fires_by_time_alone_and_a_ping_ends_it(watched: Watched) -> None:
    await save(watched.works, OVERDUE)
    known = await watched.make()
    assert await watched.look() == ["nightly ok"]
    watched.world.advance(minutes=65)
    assert await watched.wait() == [], "it is due at this instant, not beyond it"
    watched.world.advance(seconds=1.5)
    assert await watched.wait() == ["nightly firing"]
    await watched.sweep()
    watched.world.advance(minutes=3)
    assert await watched.look() == []
    await watched.ping(known)
    assert await watched.look() == ["nightly ok"]


async def test_a_failure_fires_as_soon_as_it_is_told_and_lasts_until_a_run_goes_well(watched: Watched) -> None:
    await save(watched.works, OVERDUE)
    known = await watched.make()
    await watched.ping(known)
    assert await watched.look() == ["nightly ok"]
    watched.world.advance(minutes=1)
    await watched.ping(known, PingKind.FAIL)
    watched.world.advance(seconds=0.1)
    assert await watched.look() == ["nightly firing"]
    watched.world.advance(minutes=1)
    await watched.ping(known, PingKind.START)
    assert await watched.look() == [], "it runs again, and has not ended well"
    watched.world.advance(minutes=1)
    await watched.ping(known)
    assert await watched.look() == ["nightly ok"]


async def test_a_reading_that_is_wrong_says_why(watched: Watched) -> None:
    rule = await save(watched.works, OVERDUE)
    known = await watched.make()

    async def why() -> str:
        found = (await watched.source.read([rule], None, watched.works.clock.now()))[rule.id]
        assert isinstance(found, dict)
        (reading,) = found.values()
        return str(reading.why)

    assert await why() == ""
    watched.world.advance(minutes=66)
    before = await why()
    await watched.sweep()
    assert await why() == before == "has never reported, expected by 3 Nov 10:05 UTC", "swept or not"
    await watched.ping(known)
    assert await why() == ""
    await watched.ping(known, PingKind.FAIL, 3)
    watched.world.advance(seconds=1)
    assert await why() == "failed: exit code 3"
    await watched.ping(known)
    watched.world.advance(hours=2)
    assert await why() == "has not reported since 3 Nov 10:06, expected by 3 Nov 11:11 UTC"


async def test_a_threshold_is_patience(watched: Watched) -> None:
    await save(watched.works, Condition(Signal.HEARTBEAT, ABOVE, 600.0))
    await watched.make()
    assert await watched.look() == ["nightly ok"]
    watched.world.advance(minutes=70)
    await watched.sweep()
    assert await watched.look() == []
    assert await watched.wait() == []
    watched.world.advance(minutes=5, seconds=1)
    assert await watched.wait() == ["nightly firing"]


async def test_our_silence_is_not_theirs(watched: Watched, world: World) -> None:
    await save(watched.works, OVERDUE)
    await watched.make()
    assert await watched.look() == ["nightly ok"]
    world.advance(minutes=80)
    await world.bus.redis.flushall()
    assert await watched.wait() == [], "nobody listens"
    assert await watched.look(everything=True) == []
    await Listening(world.works).say()
    await watched.sweep()
    assert await watched.look(everything=True) == [], "it may have reported while nobody did"
    world.advance(minutes=66)
    await watched.sweep()
    assert await watched.look() == ["nightly firing"]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("remove", "the heartbeat was removed, or has another name now"),
        ("rename", "the heartbeat was removed, or has another name now"),
        ("pause", "the heartbeat was paused"),
        ("move", "the heartbeat belongs to another service now"),
    ],
)
async def test_what_is_no_more_is_over(watched: Watched, how: str, reason: str) -> None:
    await save(watched.works, OVERDUE)
    known = await watched.make()
    await watched.ping(known, PingKind.FAIL)
    watched.world.advance(minutes=1)
    assert await watched.look() == ["nightly firing"]
    async with watched.works.begin() as work:
        match how:
            case "remove":
                await heartbeats.remove(work, known.id)
            case "pause":
                await heartbeats.set_enabled(work, known.id, enabled=False)
            case _:
                draft = BeatDraft("nightly" if how == "move" else "other", known.id, period=timedelta(hours=1))
                draft = BeatDraft(draft.name, known.id, period=draft.period, service="shop" if how == "move" else None)
                await heartbeats.save(work, watched.world.settings, draft)
    first, *others = await watched.look(everything=True)
    assert first == f"nightly ok: {reason}"
    assert others == {"rename": ["other firing"], "move": []}.get(how, [])


async def test_a_rule_is_about_those_of_its_service_that_it_filters(watched: Watched) -> None:
    await save(watched.works, OVERDUE, "all")
    await save(watched.works, OVERDUE, "shop's", service="shop")
    await save(
        watched.works, Condition(Signal.HEARTBEAT, ABOVE, 0.0, filter=(("team", frozenset({"data"})),)), "data's"
    )
    await watched.make("one", service="shop")
    await watched.make("two", labels={"team": "data"})
    changes = await watched.book.measured(watched.source, watched.works.clock.now())
    assert {(each.rule.name, each.subject.text) for each in changes} == {
        ("all", "one"), ("all", "two"), ("shop's", "one"), ("data's", "two"),
    }  # fmt: skip
    assert {each.subject.attributes for each in changes if each.subject.text == "two"} == {
        (("heartbeat", "two"), ("team", "data"))
    }


async def test_what_was_is_read_from_the_ledger(watched: Watched) -> None:
    known = await watched.make()
    begin = watched.works.clock.now()
    watched.world.advance(minutes=66)
    await watched.sweep()
    watched.world.advance(minutes=4)
    await watched.ping(known, PingKind.FAIL)
    watched.world.advance(minutes=10)
    await watched.ping(known)
    watched.world.advance(minutes=10)
    rule = await save(watched.works, OVERDUE)
    found = await watched.source.history(rule, TimeRange(begin, watched.works.clock.now()), timedelta(minutes=5))
    (course,) = found.subjects.values()
    assert found.at[0] == (begin + timedelta(minutes=5)).timestamp()
    assert course.values.tolist() == [0.0] * 13 + [300.0, 600.0, 0.0, 0.0, 0.0]
    (trace,) = await watched.source.evidence(rule, next(iter(found.subjects)), watched.works.clock.now())
    assert (trace.name, trace.unit, float(np.nanmax(trace.values))) == ("delay of the heartbeat", "s", 780.0)
