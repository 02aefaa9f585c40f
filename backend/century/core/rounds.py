"""The rhythm of a loop that does what is due: at once when something is said, and every so often whatever was missed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from century.core.bus import Bus, Message

MOST_HEARD = 4096


async def rounds(bus: Bus, *topics: str, every: float) -> AsyncGenerator[list[Message], None]:
    """One round at once, then one as soon as a topic is heard, at the latest after `every` seconds.

    A round is given what was said since the last one began, oldest first; a message without data, or an empty round,
    means: look at everything. Close it (`contextlib.aclosing`) to stop listening.
    """
    heard: list[Message] = []
    rung = asyncio.Event()

    async def listen() -> None:
        async with bus.subscribe(*topics) as messages:
            async for message in messages:
                if len(heard) < MOST_HEARD:
                    heard.append(message)
                else:
                    heard[-1] = Message(message.topic, b"")
                rung.set()

    listener = asyncio.create_task(listen())
    try:
        while True:
            rung.clear()
            said = heard[:]
            heard.clear()
            yield said
            # Not `wait_for`: there Python 3.11 loses a cancellation that comes together with what is waited for.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await rung.wait()
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
