"""A loop's rhythm ends when it is told to, also in the very moment in which something is heard."""

from __future__ import annotations

import asyncio
import contextlib

from century.core.rounds import rounds
from tests.world import World


async def test_a_loop_that_is_cancelled_while_it_hears_something_ends(world: World) -> None:
    async def loop(heard: list[int]) -> None:
        async with contextlib.aclosing(rounds(world.bus, "topic", every=60.0)) as rhythm:
            async for said in rhythm:
                heard.append(len(said))

    for _ in range(40):
        heard: list[int] = []
        task = asyncio.create_task(loop(heard))
        while not heard:
            await asyncio.sleep(0)
        for _ in range(3):
            await world.bus.publish("topic", b"{}")
        task.cancel()
        async with asyncio.timeout(2):
            await asyncio.gather(task, return_exceptions=True)
