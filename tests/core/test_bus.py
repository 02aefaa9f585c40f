"""The bus: everyone hears, a slow reader loses the oldest, and Redis may come and go."""

from __future__ import annotations

import asyncio
from pathlib import Path

from century.core.bus import QUEUE_LENGTH, Bus
from century.embedded import Embedded
from tests.world import World


async def test_every_subscriber_of_a_topic_hears_and_no_other(world: World) -> None:
    async with (
        world.bus.subscribe("a") as first,
        world.bus.subscribe("a", "b") as second,
        world.bus.subscribe("c") as third,
    ):
        await world.bus.publish("a", b"1")
        await world.bus.publish("b", b"2")
        await world.bus.publish("c", b"3")
        heard = [(await asyncio.wait_for(anext(one), 5)).data for one in (first, second, second, third)]
    assert heard == [b"1", b"1", b"2", b"3"]


async def test_a_slow_reader_loses_the_oldest(world: World) -> None:
    async with world.bus.subscribe("a") as slow, world.bus.subscribe("end") as end:
        for number in range(QUEUE_LENGTH + 10):
            await world.bus.publish("a", str(number).encode())
        await world.bus.publish("end", b"")
        await asyncio.wait_for(anext(end), 5)
        assert (await anext(slow)).data == b"10"


async def test_nothing_raises_while_redis_is_away_and_a_return_is_told(tmp_path: Path) -> None:
    servers = Embedded.start(tmp_path)
    try:
        bus = Bus(servers.redis_url)
        async with bus.subscribe("a") as messages:
            await bus.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            told = await asyncio.wait_for(anext(messages), 10)
            assert told.data == b"", "empty: something may have been missed"
            await bus.publish("a", b"again")
            assert (await asyncio.wait_for(anext(messages), 5)).data == b"again"
        servers.stop()
        await bus.publish("a", b"lost")
        await bus.enqueue("nobody")
        await bus.close()
    finally:
        servers.stop()
