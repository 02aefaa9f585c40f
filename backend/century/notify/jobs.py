"""What the worker does all the time: delivers what is due, as soon as it is announced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from uuid import UUID

import orjson

from century.core.bus import Message
from century.core.rounds import rounds
from century.core.settings import Settings
from century.core.work import Works
from century.notify.courier import Courier
from century.notify.defaults import plant
from century.notify.resealing import reseal
from century.notify.service import TOPIC

SWEEP_SECONDS = 1.0


async def deliver(settings: Settings, works: Works) -> None:
    """Plant the channels of the environment once, seal anew what an earlier secret sealed, then deliver for ever. Woken by `notify.due`; a sweep finds what no wake-up told of: retries, lost leases."""
    async with works.begin() as work:
        await plant(work, settings)
        await reseal(work, settings)
    courier = Courier(settings, works, paced=True)
    loop = asyncio.get_running_loop()
    swept = loop.time() - SWEEP_SECONDS
    try:
        async with contextlib.aclosing(rounds(works.bus, TOPIC, every=SWEEP_SECONDS)) as due:
            async for said in due:
                named = channels_named(said)
                for channel_id in named or ():
                    courier.wake(channel_id)
                if named is None or loop.time() - swept >= SWEEP_SECONDS:
                    await courier.sweep()
                    swept = loop.time()
    finally:
        await courier.stop()


def channels_named(said: Iterable[Message]) -> set[UUID] | None:
    """The channels that were announced; None if something may have been missed."""
    named: set[UUID] = set()
    for message in said:
        if not message.data:
            return None
        try:
            named.update(UUID(each) for each in orjson.loads(message.data)["channels"])
        except (ValueError, KeyError, TypeError):
            return None
    return named
