"""What each process counts, told to the one that answers `/metrics`: by Redis, which may forget it at any moment."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from typing import Any

import orjson
from redis.exceptions import RedisError

from century.core.bus import PREFIX, Bus
from century.core.clock import SystemClock
from century.core.work import Works

logger = logging.getLogger(__name__)

KEY = f"{PREFIX}meters"
EVERY = 2.0
GONE = 10.0
"""Seconds of real time after which what a process told is passed over."""
FORGOTTEN = 60

Snapshot = Sequence[dict[str, Any]]


def process_name(role: str) -> str:
    """What tells this process from every other."""
    return f"{role}/{socket.gethostname()}/{os.getpid()}"


class Telling:
    """One a process."""

    def __init__(self, works: Works, role: str) -> None:
        self._works = works
        self.name = process_name(role)

    async def tell(self) -> None:
        """Tell once what was counted so far. Raises RedisError or OSError."""
        said = orjson.dumps({"at": _real(), "meters": self._works.meters.snapshot()})
        redis = self._works.bus.redis
        await redis.hset(KEY, self.name, said)  # type: ignore[misc, arg-type]
        await redis.expire(KEY, FORGOTTEN)

    async def run(self) -> None:
        """Tell every two seconds, for as long as the process lives."""
        while True:
            try:
                await self.tell()
            except (RedisError, OSError) as error:
                logger.warning("what this process counts could not be told: %s", type(error).__name__)
            await asyncio.sleep(EVERY)

    async def stop(self) -> None:
        """Take back what was told."""
        try:
            await self._works.bus.redis.hdel(KEY, self.name)  # type: ignore[misc]
        except (RedisError, OSError):
            logger.warning("the bus is away: what this process counted is passed over in a while")


async def told(bus: Bus) -> dict[str, Snapshot]:
    """What every process told of late, by its name. Raises RedisError or OSError."""
    real = _real()
    said = await bus.redis.hgetall(KEY)  # type: ignore[misc]
    heard = {name.decode(): orjson.loads(each) for name, each in said.items()}
    if gone := [name for name, each in heard.items() if abs(real - each["at"]) > FORGOTTEN]:
        await bus.redis.hdel(KEY, *gone)  # type: ignore[misc]
    return {name: each["meters"] for name, each in heard.items() if abs(real - each["at"]) <= GONE}


def _real() -> float:
    """Real time: a clock that a test moves has no say in whether a process is alive."""
    return SystemClock().now().timestamp()
