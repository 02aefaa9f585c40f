"""How long something was up beside what maintenance windows held."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from century.alerts import windows
from century.alerts.maintained import Maintainable, maintained, uptimes_of_heartbeats, uptimes_of_probes
from century.alerts.plan import Planned
from century.alerts.window import Matcher, MatcherField, MatcherOperator
from century.core.timerange import TimeRange
from century.probes import heartbeats
from century.probes.beat_kept import keep_moves
from century.probes.beat_problems import BeatDraft
from century.probes.heartbeat import BeatMoved, HeartbeatState
from tests.rules.probes import Probes
from tests.world import START, World

IS = MatcherOperator.IS
ME = Maintainable(UUID(int=1), "shop", "db 1", (("probe", "db 1"), ("kind", "postgres"), ("team", "ops")))


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


async def planned(world: World, *matchers: Matcher, begin: float = 0, length: float = 60, **more: str) -> None:
    async with world.works.begin() as work:
        starts_at = START + minutes(begin)
        await windows.plan(work, Planned(tuple(matchers), starts_at, starts_at + minutes(length), "moving", **more))


@pytest.mark.parametrize(
    ("why", "matchers", "held"),
    [
        ("a window without matchers holds everything", [], True),
        ("its service", [Matcher(MatcherField.SERVICE, IS, "shop")], True),
        ("another service", [Matcher(MatcherField.SERVICE, IS, "mail")], False),
        ("its name", [Matcher(MatcherField.SUBJECT, MatcherOperator.MATCHES, "db .*")], True),
        ("what kind it is", [Matcher(MatcherField.ATTRIBUTE, IS, "postgres", "kind")], True),
        ("a label that it has not", [Matcher(MatcherField.ATTRIBUTE, IS, "web", "team")], False),
        ("some alerts of it", [Matcher(MatcherField.SEVERITY, MatcherOperator.IS_NOT, "critical")], False),
        ("a rule that looks at it", [Matcher(MatcherField.RULE, MatcherOperator.IS_NOT, "x")], False),
    ],
)
async def test_what_a_window_holds(world: World, why: str, matchers: list[Matcher], held: bool) -> None:
    await planned(world, *matchers)
    async with world.works.read() as work:
        found = await maintained(work, [ME], TimeRange(START, START + minutes(90)))
    assert found == {ME.id: [(START, START + minutes(60))] if held else []}, why


async def test_a_window_that_comes_again_is_held_each_time_until_it_is_ended(world: World) -> None:
    await planned(world, begin=60, length=30, recurrence="FREQ=DAILY")
    world.advance(days=2, minutes=75)
    async with world.works.begin() as work:
        [known] = await windows.listed(work, past=False)
        await windows.end(work, known.window.id)
    world.advance(days=5)
    async with world.works.read() as work:
        found = await maintained(work, [ME], TimeRange(START, START + timedelta(days=7)))
    assert [(start - START, end - start) for start, end in found[ME.id]] == [
        (minutes(60), minutes(30)), (timedelta(days=1, minutes=60), minutes(30)), (timedelta(days=2, minutes=60), minutes(15)),
    ]  # fmt: skip


async def test_uptime_leaves_maintenance_out_and_what_nobody_knows(world: World) -> None:
    probes = Probes(world)
    number = await probes.make("shop", service="shop")
    await planned(world, Matcher(MatcherField.ATTRIBUTE, IS, "shop", "probe"), begin=30, length=10)
    for state, length in (("up", 30), ("down", 20), ("up", 30), ("blocked", 20), ("up", 20)):
        await probes.found("shop", state)
        world.advance(minutes=length)
    now = world.clock.now()
    async with world.works.read() as work:
        found = await uptimes_of_probes(work, [number], [TimeRange(START, now), TimeRange(now - minutes(20), now)])
        assert await uptimes_of_probes(work, [UUID(int=5)], [TimeRange(START, now)]) == {}
    # 80 minutes up, 10 of 20 down outside the window, 20 of another's fault.
    assert found == {number: [pytest.approx(80 / 90), 1.0]}


async def test_a_heartbeat_is_up_while_it_is_heard_of_in_time(world: World) -> None:
    async with world.works.begin() as work:
        draft = BeatDraft("nightly", period=timedelta(hours=1))
        known = (await heartbeats.save(work, world.settings, draft)).heartbeat
        for state, at in ((HeartbeatState.UP, 10), (HeartbeatState.LATE, 40), (HeartbeatState.UP, 50)):
            await keep_moves(work, [(known, BeatMoved(START + minutes(at), state, ""))])
    world.advance(minutes=110)
    async with world.works.read() as work:
        found = await uptimes_of_heartbeats(work, [known.id], [TimeRange(START, world.clock.now())])
    assert found == {known.id: [pytest.approx(90 / 100)]}, "before it was heard of for the first time nobody knew"
