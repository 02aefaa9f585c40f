"""Since when what services send is taken: said by every server that takes it, so that a silence of ours is told from theirs.

A server says so every two seconds of real time, as long as PostgreSQL takes what it would store. A pause of its own (it was stopped,
or PostgreSQL was away) begins a new stretch.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from uuid import uuid4

import orjson
from redis.exceptions import RedisError
from sqlalchemy import text

from century.core.bus import PREFIX, Bus
from century.core.clock import SystemClock
from century.core.work import Works
from century.telemetry.live import AWAY

logger = logging.getLogger(__name__)

KEY = f"{PREFIX}listening"
EVERY = 2.0
PAUSE = 15.0
"""Seconds of real time without a word after which nobody listens."""


class Listening:
    """One a process that takes telemetry."""

    def __init__(self, works: Works) -> None:
        self._works = works
        self._name = uuid4().hex
        self._since: datetime | None = None
        self._said_at = 0.0

    async def say(self) -> None:
        """Say once that we listen."""
        async with self._works.read() as work:
            now = work.now
            await work.execute(text("SELECT 1"))
        real = _real()
        if self._since is None or real - self._said_at > PAUSE:
            self._since = now
        self._said_at = real
        said = orjson.dumps({"since": self._since, "at": real}).decode()
        redis = self._works.bus.redis
        await redis.hset(KEY, self._name, said)  # type: ignore[misc]
        await redis.expire(KEY, 60)

    async def run(self) -> None:
        """Say so for as long as the process does."""
        while True:
            try:
                await self.say()
            except (*AWAY, RedisError) as error:
                logger.warning("it could not be said that telemetry is taken: %s", type(error).__name__)
            await asyncio.sleep(EVERY)

    async def stop(self) -> None:
        """Take back what was said."""
        try:
            await self._works.bus.redis.hdel(KEY, self._name)  # type: ignore[misc]
        except (RedisError, OSError):
            logger.warning("the bus is away: that telemetry is not taken here any more is noticed by its silence")


async def listening_since(bus: Bus) -> datetime | None:
    """Since when some server has been listening without a break; None: none is."""
    try:
        said = await bus.redis.hgetall(KEY)  # type: ignore[misc]
    except (RedisError, OSError):
        return None
    real = _real()
    heard = [orjson.loads(each) for each in said.values()]
    since = [datetime.fromisoformat(each["since"]) for each in heard if abs(real - each["at"]) <= PAUSE]
    if gone := [name for name, each in zip(said, heard, strict=True) if abs(real - each["at"]) > 4 * PAUSE]:
        await bus.redis.hdel(KEY, *gone)  # type: ignore[misc]
    return min(since, default=None)


def _real() -> float:
    """Real time: a clock that a test moves has no say in whether a process is alive."""
    return SystemClock().now().timestamp()
