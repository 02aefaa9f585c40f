"""What the worker runs for probes and heartbeats."""

from __future__ import annotations

import asyncio
import logging

from century.core.settings import Settings
from century.core.work import Works
from century.probes import beat_sweeps, heartbeats
from century.telemetry.listening import listening_since
from century.telemetry.live import AWAY

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0


async def beat(settings: Settings, works: Works) -> None:
    """Every second: notice heartbeats whose silence counts."""
    async with works.begin() as work:
        await heartbeats.reseal(work, settings)
    while True:
        try:
            await beat_all(works)
        except AWAY as error:
            logger.warning("heartbeats could not be looked at (%s), trying again", type(error).__name__)
        await asyncio.sleep(BEAT_SECONDS)


async def beat_all(works: Works) -> None:
    """Notice all silence that counts now."""
    since = await listening_since(works.bus)
    while True:
        async with works.begin() as work:
            if await beat_sweeps.sweep(work, since) < beat_sweeps.AT_ONCE:
                return
