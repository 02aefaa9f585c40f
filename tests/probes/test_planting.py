"""What is watched from the first start, and what is kept only for a while."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from century.probes import editing, lists, planting
from century.probes.forgetting import forget
from century.probes.probe import ProbeState
from tests.probes.probing import Probing, door
from tests.world import START, World


async def test_an_installation_watches_what_it_stands_on_and_plants_it_once(world: World) -> None:
    probing = Probing(world)
    for host in ("here", "here", "there"):
        async with world.works.begin() as work:
            await planting.plant(work, world.settings, host)
    async with world.works.begin() as work:
        made = await lists.probes(work)
        assert [each.name for each in made] == [
            "Century's database",
            "Century's Redis",
            "Machine here",
            "Machine there",
        ]
        assert [each.runs_on for each in made] == [None, None, "here", "there"]
        await editing.remove(work, made[0].id)
    async with world.works.begin() as work:
        await planting.plant(work, world.settings, "here")
        assert len(await lists.probes(work)) == 3
    await probing.runner.start()
    await probing.round()
    for each in made[1:3]:
        standing = await probing.now(each)
        assert standing.now.state is ProbeState.UP, standing.message
    await probing.runner.stop()


async def test_what_is_old_is_forgotten_and_what_held_then_is_not(world: World) -> None:
    probing = Probing(world)
    await probing.runner.start()
    async with door() as shop:
        probe = await probing.make("shop", shop.port)
        await probing.round()
    await probing.runner.stop()
    async with world.works.begin() as work:
        for days in (500, 450, 420, 100):
            await work.execute(
                text("INSERT INTO probe_change VALUES (:id, :at, 'up', '')"),
                {"id": probe.id, "at": START - timedelta(days=days)},
            )
    assert await forget(world.works) == 2
    rows = await probing.rows("SELECT at FROM probe_change ORDER BY at LIMIT 2")
    assert [(START - at).days for (at,) in rows] == [420, 100]
    world.advance(days=8)
    assert await forget(world.works) == 1
    assert await probing.rows("SELECT count(*) FROM probe_check") == [(0,)]
