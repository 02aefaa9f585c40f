"""Silence that counts, and silence that is ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from century.probes import beat_kept, heartbeats
from century.probes.beat_sweeps import sweep
from century.probes.beats import Pings
from century.probes.heartbeat import Heartbeat, PingKind
from century.probes.jobs import beat_all
from century.telemetry.listening import Listening
from tests.probes.conftest import Beats
from tests.world import START, World

ALWAYS = START - timedelta(days=1)
LEDGER = "SELECT at, state, reason FROM heartbeat_change WHERE state <> 'new' ORDER BY at"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


async def swept(world: World, listening_since: datetime | None = ALWAYS) -> int:
    async with world.works.begin() as work:
        return await sweep(work, listening_since)


async def ping(beats: Beats, known: Heartbeat, kind: PingKind, key: str | None = None) -> None:
    await Pings(beats.works).take(beats.path(known).removeprefix("/ping/"), kind, key, None, None)


async def test_silence_is_noticed_when_it_is_due_as_of_then(beats: Beats, world: World) -> None:
    known = await beats.make()
    world.advance(minutes=64.9)
    assert await swept(world) == 0
    world.advance(minutes=3)
    assert await swept(world) == 1
    assert await swept(world) == 0
    assert await beats.rows(LEDGER) == [
        (START + minutes(65), "late", "it was not heard of within its grace of 5 min")
    ]  # fmt: skip
    now = await beats.now(known)
    assert (now.beat.state, now.beat.since, now.beat.due_at) == ("late", START + minutes(65), None)
    assert await beats.rows("SELECT kind, subject, details->>'message' FROM journal ORDER BY number OFFSET 1") == [
        ("heartbeat.late", "nightly", "nightly: it was not heard of within its grace of 5 min")
    ]


@pytest.mark.parametrize(
    ("why", "since", "due_at"),
    [
        ("we were away when it was due: it is expected once more", minutes(66), minutes(131)),
        ("we came back within its grace: the grace begins anew", minutes(64), minutes(69)),
        ("nobody listens", None, minutes(65)),
    ],
)
async def test_our_silence_is_not_theirs(
    beats: Beats, world: World, why: str, since: timedelta | None, due_at: timedelta
) -> None:
    known = await beats.make()
    world.advance(minutes=66.5)
    await swept(world, None if since is None else START + since)
    now = await beats.now(known)
    assert (now.beat.state, now.beat.due_at) == ("new", START + due_at), why
    world.advance(hours=2)
    await swept(world)
    assert (await beats.now(known)).beat.state == "late", "it is noticed in the end"


async def test_a_run_that_takes_too_long_is_overdue_the_oldest_first(beats: Beats, world: World) -> None:
    known = await beats.make(longest_run=minutes(10))
    await ping(beats, known, PingKind.START, "a")
    world.advance(minutes=4)
    await ping(beats, known, PingKind.START, "b")
    world.advance(minutes=5)
    await ping(beats, known, PingKind.OK, "a")
    world.advance(minutes=2)
    await swept(world)
    assert (await beats.now(known)).beat.state == "running", "b may go on for three minutes"
    world.advance(minutes=4)
    await swept(world)
    assert (await beats.now(known)).beat.state == "overdue"
    assert await beats.rows("SELECT key, state FROM heartbeat_run ORDER BY at") == [("a", "ok"), ("b", "overdue")]
    assert (await beats.rows(LEDGER))[-1] == (START + minutes(14), "overdue", "it runs for longer than 10 min")


async def test_a_run_that_goes_on_is_overdue_though_a_later_one_ended_well(beats: Beats, world: World) -> None:
    known = await beats.make(longest_run=minutes(10))
    await ping(beats, known, PingKind.START, "a")
    world.advance(minutes=4)
    await ping(beats, known, PingKind.START, "b")
    world.advance(minutes=1)
    # As another server would take it, that has seen none of this.
    await ping(Beats(beats.works, beats.settings), known, PingKind.OK, "b")
    assert (await beats.now(known)).beat.run_key == "a"
    world.advance(minutes=5)
    await swept(world)
    assert (await beats.now(known)).beat.state == "overdue"
    assert await beats.rows("SELECT key, state FROM heartbeat_run ORDER BY at") == [("a", "overdue"), ("b", "ok")]
    assert (await beats.rows(LEDGER))[-1] == (START + minutes(10), "overdue", "it runs for longer than 10 min")


async def test_a_run_that_never_ended_before_does_not_date_another_back(beats: Beats, world: World) -> None:
    known = await beats.make(longest_run=minutes(10))
    await ping(beats, known, PingKind.START, "killed")
    world.advance(minutes=2)
    await ping(beats, known, PingKind.FAIL, "beside")
    world.advance(minutes=58)
    await ping(beats, known, PingKind.START, "now")
    world.advance(minutes=11)
    await swept(world)
    assert (await beats.now(known)).beat.since == START + minutes(70)
    assert [state for _, state, _ in await beats.rows(LEDGER)] == ["up", "failed", "overdue"]


async def test_what_is_due_of_many_is_all_noticed(beats: Beats, world: World) -> None:
    for number in range(3):
        await beats.make(f"job {number}")
    async with world.bus.subscribe(beat_kept.MOVED) as moved:
        world.advance(hours=2)
        listening = Listening(world.works)
        await listening.say()
        # Whoever listens since now has heard nothing before.
        await beat_all(world.works)
        assert await beats.rows(LEDGER) == []
        world.advance(hours=2)
        await beat_all(world.works)
        assert [state for _, state, _ in await beats.rows(LEDGER)] == ["late"] * 3
        assert (await anext(moved)).topic == beat_kept.MOVED


async def test_tokens_are_sealed_anew_when_the_secret_changes(beats: Beats, world: World) -> None:
    known = await beats.make()
    changed = replace(world.settings, secret="another-secret-of-the-tests-" * 2, previous_secret=world.settings.secret)
    assert heartbeats.ping_url(replace(changed, previous_secret=""), known) is None
    async with world.works.begin() as work:
        assert (await heartbeats.reseal(work, changed), await heartbeats.reseal(work, changed)) == (1, 0)
    assert heartbeats.ping_url(replace(changed, previous_secret=""), await beats.now(known)) is not None
