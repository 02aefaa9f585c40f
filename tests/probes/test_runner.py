"""Probes are asked on time by one worker at a time, and what was found is written once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text

from century.probes import editing
from century.probes.kind import ProbeKind
from century.probes.kinds import tcp
from century.probes.measurement import Fact, Measurement
from century.probes.probe import Probe, ProbeState
from century.probes.problems import Draft
from century.probes.runner import Runner
from century.probes.settling import CHECKED, MOVED, SET_ASIDE
from tests.probes.probing import Door, Probing, door
from tests.world import World


@pytest_asyncio.fixture
async def probing(world: World) -> AsyncIterator[Probing]:
    made = Probing(world)
    await made.runner.start()
    yield made
    await made.runner.stop()


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Door]:
    async with door() as made:
        yield made


async def test_it_goes_down_after_three_failures_since_the_first_and_comes_back_after_two(
    probing: Probing, shop: Door
) -> None:
    probe = await probing.make("shop", shop.port)
    await probing.rounds(1, 10)
    assert (await probing.now(probe)).now.state is ProbeState.UP
    await shop.shut()
    await probing.rounds(1, 5)
    assert (await probing.now(probe)).now.state is ProbeState.DOUBTFUL
    await probing.rounds(2, 5)
    assert (await probing.now(probe)).now.state is ProbeState.DOWN
    await shop.open()
    probing.world.advance(seconds=5)
    await probing.rounds(2, 5)
    assert (await probing.now(probe)).now.state is ProbeState.UP
    # Asked at 0, 10 (fails), 15, 20, 30 (answers), 35.
    assert await probing.ledger(probe) == ["0 unknown", "1e-06 up", "10 down", "30 up"]
    told = await probing.rows("SELECT kind, details->>'message' FROM journal WHERE kind LIKE 'probe.%' ORDER BY number")
    assert [kind for kind, _ in told] == ["probe.created", "probe.failed", "probe.recovered"]
    assert "'shop' is down: " in told[1][1]


async def test_a_probe_is_asked_each_interval_from_when_it_was_due(probing: Probing, shop: Door) -> None:
    probe = await probing.make("shop", shop.port)
    await probing.round()
    due_at = (await probing.now(probe)).due_at
    assert due_at is not None
    probing.world.clock.instant = due_at
    made = [len(await probing.round())]
    for seconds in (9.0, 0.5, 0.5, 9.9, 0.1):
        probing.world.advance(seconds=seconds)
        made.append(len(await probing.round()))
    assert made == [1, 0, 0, 1, 1, 0]


async def test_what_a_check_finds_is_told_and_kept(probing: Probing, shop: Door) -> None:
    probe = await probing.make("shop", shop.port)
    async with probing.world.bus.subscribe(CHECKED, MOVED) as heard:
        await probing.round()
        said = {message.topic: orjson.loads(message.data) for message in [await anext(heard), await anext(heard)]}
    assert said[CHECKED][0][0] == str(probe.id) and said[CHECKED][0][2:4] == [True, "up"]
    assert said[MOVED] == [str(probe.id)]
    standing = await probing.now(probe)
    assert {"tcp.up", "tcp.connect_time", "probe.ok", "probe.latency"} <= {each.name for each in standing.facts}
    assert len(standing.recent) == 8
    await probing.runner.flush()
    assert await probing.rows("SELECT name FROM service") == [("century/probes-0",)]
    names = await probing.rows("SELECT DISTINCT m.name FROM series s JOIN metric m ON m.id = s.metric_id ORDER BY 1")
    assert ("probe.latency",) in names and ("tcp.up",) in names


async def test_checks_that_tell_nothing_are_not_listed(probing: Probing, shop: Door) -> None:
    probe = await probing.make("shop", shop.port)
    await probing.rounds(5, 10)
    assert await probing.rows("SELECT count(*) FROM probe_check") == [(1,)]
    await shop.shut()
    await probing.rounds(10, 10)
    rows = await probing.rows("SELECT ok, state FROM probe_check ORDER BY at")
    assert rows[:4] == [(True, "up"), (False, "doubtful"), (False, "doubtful"), (False, "down")][: len(rows[:4])]
    assert (await probing.now(probe)).now.state is ProbeState.DOWN


async def test_two_workers_never_ask_the_same_probe_at_once(world: World, probing: Probing, shop: Door) -> None:
    other = Probing(world, "there")
    await other.runner.start()
    for number in range(20):
        await probing.make(f"shop {number}", shop.port)
    await asyncio.gather(probing.runner.turn(), other.runner.turn())
    mine, theirs = await probing.runner.finish(), await other.runner.finish()
    asked = [each.done.held.probe.name for each in (*mine, *theirs)]
    assert sorted(asked) == sorted(f"shop {number}" for number in range(20))
    await other.runner.stop()


async def test_what_a_dead_worker_had_is_asked_again_after_its_lease(
    world: World, probing: Probing, shop: Door
) -> None:
    dead = Probing(world, "there")
    await probing.make("shop", shop.port)
    assert await dead.runner.turn() == 1
    # It never settles.
    world.advance(seconds=15)
    assert await probing.runner.turn() == 0
    world.advance(seconds=2)
    assert len(await probing.round()) == 1
    assert await dead.runner.finish() == [], "what is no longer its own it cannot settle"
    await dead.runner.stop()


async def test_what_ends_its_worker_five_times_is_set_aside_for_an_hour(
    world: World, probing: Probing, shop: Door
) -> None:
    probe = await probing.make("shop", shop.port)
    for _ in range(5):
        killed = Probing(world)
        assert await killed.runner.turn() == 1
        world.advance(seconds=20)
        await asyncio.gather(*killed.runner._running.values())
    assert await probing.round() == []
    standing = await probing.now(probe)
    assert standing.now.state is ProbeState.UNKNOWN and standing.message == SET_ASIDE
    world.advance(minutes=59)
    assert await probing.runner.turn() == 0
    world.advance(minutes=2)
    assert len(await probing.round()) == 1


async def test_a_probe_of_another_machine_is_left_to_its_worker(world: World, probing: Probing, shop: Door) -> None:
    await probing.make("shop", shop.port, runs_on="there")
    assert await probing.round() == []
    other = Probing(world, "there")
    await other.runner.start()
    assert len(await other.round()) == 1
    await other.runner.stop()


async def test_a_child_fails_with_its_parent_and_is_blocked(probing: Probing, shop: Door) -> None:
    async with door() as network:
        parent = await probing.make("network", network.port, interval=timedelta(minutes=10))
        child = await probing.make("shop", shop.port, parent_id=parent.id)
        await probing.rounds(1, 10)
        await network.shut()
        await shop.shut()
        # The child's first failure brings its parent forward, long before it would be due.
        await probing.rounds(1, 1)
        await probing.rounds(1, 4)
        assert (await probing.now(parent)).ok is False
        await probing.rounds(1, 5)
        assert (await probing.now(child)).now.state is ProbeState.BLOCKED
        assert (await probing.now(child)).now.reads is None


async def test_after_our_absence_nobody_is_down_for_it(probing: Probing, shop: Door) -> None:
    probe = await probing.make("shop", shop.port)
    await probing.rounds(1, 3600)
    await probing.round()
    assert await probing.ledger(probe) == ["0 unknown", "1e-06 up", "10 unknown", "3600 up"]


async def test_what_was_found_waits_for_a_database_that_is_away(
    probing: Probing, shop: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = await probing.make("shop", shop.port)
    await probing.runner.turn()
    await asyncio.gather(*probing.runner._running.values())

    def away(*_: Any) -> Any:
        raise OSError("gone")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="gone"):
        patch.setattr(probing.world.works, "begin", away)
        await probing.runner.settle()
    assert len(await probing.runner.settle()) == 1
    assert (await probing.now(probe)).now.state is ProbeState.UP


async def test_a_mistake_in_a_kind_is_said_and_ends_nobody_else(
    probing: Probing, shop: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(tcp, "check", broken)
    probe = await probing.make("shop", shop.port)
    await probing.round()
    assert (
        await probing.now(probe)
    ).message == "the check itself failed (ZeroDivisionError); the worker's log says how"


async def test_what_a_target_says_cannot_keep_others_from_being_written(
    probing: Probing, shop: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def odd(target: Any, wire: Any) -> Measurement:
        facts = (Fact("tcp.connect_time", 0.1, "disk\x00\ud800"), Fact("tcp.connect_time", math.nan))
        memory = {"said": "\x00"} if target.name == "odd" else {"said": "\ud800", "long": "x" * 5000}
        lines = ("line\x00\n",) * 50
        return Measurement(True, "it said \x00\ud800", 0.1, facts, lines=lines, memory=memory)

    monkeypatch.setattr(tcp, "check", odd)
    for name in ("odd", "odder"):
        probe = await probing.make(name, shop.port)
    assert len(await probing.round()) == 2
    standing = await probing.now(probe)
    assert standing.message == "it said" and standing.answer is not None and len(standing.answer["lines"]) == 40
    assert [each.part for each in standing.facts if each.name == "tcp.connect_time"] == ["disk"]
    await probing.runner.flush()


async def test_a_probe_may_be_removed_and_paused_while_it_is_settled(probing: Probing, shop: Door) -> None:
    for round in range(5):
        probes = [await probing.make(f"shop {round}.{number}", shop.port) for number in range(6)]
        await probing.runner.turn()
        await asyncio.gather(*probing.runner._running.values())

        async def end(probe: Probe, number: int) -> None:
            async with probing.world.works.begin() as work:
                if number % 2:
                    await editing.remove(work, probe.id)
                else:
                    await editing.set_enabled(work, probe.id, enabled=False)

        await asyncio.gather(probing.runner.settle(), *(end(each, number) for number, each in enumerate(probes)))
    states = await probing.rows("SELECT DISTINCT state FROM probe_now")
    assert states == [("paused",)]


async def test_those_that_hang_delay_nobody_who_answers(
    world: World, shop: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing = Probing(world)
    probing.runner = Runner(probing.settings, world.works, host="here", rooms={0: 16, 1: 16})
    await probing.runner.start()
    over, check = asyncio.Event(), tcp.check

    async def hanging(target: Any, wire: Any) -> Any:
        if not target.name.startswith("hangs"):
            return await check(target, wire)
        if target.memory == {}:
            raise TimeoutError
        await over.wait()

    monkeypatch.setattr(tcp, "check", hanging)
    for number in range(30):
        await probing.make(f"hangs {number}", 1000 + number, timeout=timedelta(seconds=9))
    await probing.round()
    await probing.round()
    assert await probing.rows("SELECT lane, count(*) FROM probe_due GROUP BY lane") == [(1, 30)]
    async with world.works.begin() as work:
        await work.execute(text("UPDATE probe_now SET memory = '{\"seen\": 1}'"))
    quick = [await probing.make(f"quick {number}", shop.port) for number in range(8)]
    world.advance(seconds=10)
    await probing.runner.turn()
    async with asyncio.timeout(5):
        while len(probing.runner._running) > 16:
            await asyncio.sleep(0.01)
    await probing.runner.settle()
    assert all([(await probing.now(each)).ok for each in quick])
    assert not over.is_set() and len(probing.runner._running) == 16
    await probing.runner.stop()


async def test_what_was_kept_in_mind_of_one_target_is_not_taken_for_another(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    async def check(target: Any, wire: Any) -> Measurement:
        given.append(dict(target.memory))
        return Measurement(True, "fine", 0.1, memory={"plain": True, "size": 5})

    monkeypatch.setattr(tcp, "check", check)
    probe = await probing.make("shop", 80)
    await probing.rounds(2, 10)
    for port in ("80", "81"):
        settings = {"host": "127.0.0.1", "port": port}
        await probing.save(Draft("shop", ProbeKind.TCP, settings, id=probe.id, interval=timedelta(seconds=30)))
        await probing.rounds(1, 10)
    assert given == [{}, {"plain": True, "size": 5}, {"plain": True, "size": 5}, {}]


async def test_a_secret_is_nowhere_but_in_its_box(probing: Probing, world: World) -> None:
    secret = "hunter2-of-the-cache"
    probe = await probing.save(
        Draft("cache", ProbeKind.REDIS, {"url": f"redis://:{secret}@127.0.0.1:1/0"}, interval=timedelta(seconds=10))
    )
    assert probe.settings["url"] == "redis://127.0.0.1:1/0"
    body = {"url": "http://127.0.0.1:1/", "method": "POST", "secretBody": f"client_secret={secret}"}
    assert "secretBody" not in (await probing.save(Draft("token", ProbeKind.HTTP, body))).settings
    async with world.bus.subscribe(CHECKED) as heard:
        await probing.round()
        assert secret.encode() not in (await anext(heard)).data
    assert (await probing.now(probe)).ok is False
    for table in ("probe", "probe_now", "probe_due", "probe_change", "probe_check", "journal"):
        async with world.works.read() as work:
            rows = await work.rows(text(f"SELECT to_jsonb({table}) FROM {table}"))
        assert secret not in str(rows) and secret.encode().hex() not in str(rows), table
