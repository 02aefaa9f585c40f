"""The worker's loop: it asks, writes and, when it is ended, keeps what it had."""

from __future__ import annotations

import asyncio

from century.probes import jobs
from century.probes.probe import ProbeState
from tests.probes.probing import Probing, door
from tests.world import World


async def test_the_loop_asks_what_is_due_and_keeps_its_samples_when_it_ends(world: World) -> None:
    probing = Probing(world)
    async with door() as shop:
        loop = asyncio.create_task(jobs.probe(probing.settings, world.works))
        probe = await probing.make("shop", shop.port)
        async with asyncio.timeout(10):
            while (await probing.now(probe)).now.state is not ProbeState.UP:
                await asyncio.sleep(0.02)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    assert await probing.rows("SELECT name FROM service") == [("century/probes-0",)]
    assert await probing.rows("SELECT sum(points) > 3 FROM block") == [(True,)]


def test_there_is_room_for_both_lanes() -> None:
    rooms = jobs.rooms()
    assert rooms[0] >= 32 and rooms[1] >= 32
