"""What the worker runs for probes and heartbeats."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource

from century.core.bus import Bus
from century.core.rounds import rounds
from century.core.settings import Settings
from century.core.work import Works
from century.probes import beat_sweeps, editing, forgetting, heartbeats, planting
from century.probes.due import QUICK, SLOW
from century.probes.runner import AWAY as UNSETTLED
from century.probes.runner import ROOMS, Runner
from century.probes.settling import CHANGED
from century.telemetry.listening import listening_since
from century.telemetry.live import AWAY

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
TURN_SECONDS = 0.25
SETTLE_SECONDS = 0.25
SOON_SECONDS = 0.02
FLUSH_SECONDS = 1.0
SAY_SECONDS = 5.0
AGAIN_SECONDS = 0.5
STOP_SECONDS = 5.0
SPARE_FILES = 200
"""So many files stay for everything else."""


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


async def probe(settings: Settings, works: Works) -> None:
    """Ask what is due, on time, for ever. Woken by `probes.changed`; the rows themselves say what is due."""
    runner = Runner(settings, works, rooms=rooms())
    async with works.begin() as work:
        await editing.reseal(work, settings)
        await planting.plant(work, settings, runner.host)
    await runner.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_settle_forever(runner))
            tasks.create_task(_flush_forever(runner))
            tasks.create_task(_say_forever(runner))
            tasks.create_task(_turn_forever(runner, works.bus))
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await runner.stop()


def rooms() -> dict[int, int]:
    """How many checks there may be at once, by lane: as many as this process may open files for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    most = max(64, soft - SPARE_FILES) if soft != resource.RLIM_INFINITY else sum(ROOMS.values())
    quick = min(ROOMS[QUICK], most // 2)
    return {QUICK: quick, SLOW: min(ROOMS[SLOW], most - quick)}


async def _turn_forever(runner: Runner, bus: Bus) -> None:
    async with contextlib.aclosing(rounds(bus, CHANGED, every=TURN_SECONDS)) as turns:
        async for said in turns:
            if not said and asyncio.get_running_loop().time() < runner.idle_until:
                continue
            try:
                await runner.turn()
            except UNSETTLED as error:
                logger.warning("what is due could not be claimed (%s), trying again", type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)


async def _settle_forever(runner: Runner) -> None:
    """What was found is written together every quarter second; what changes a state is not kept waiting."""
    while True:
        await runner.ended.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await runner.urgent.wait()
                await asyncio.sleep(SOON_SECONDS)
        try:
            await runner.settle()
        except UNSETTLED as error:
            logger.warning("what was found could not be written (%s), trying again", type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)
            runner.ended.set()


async def _flush_forever(runner: Runner) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        try:
            await runner.flush()
        except UNSETTLED as error:
            logger.warning("samples of probes were not stored: %s", type(error).__name__)


async def _say_forever(runner: Runner) -> None:
    while True:
        try:
            await runner.say()
        except UNSETTLED as error:
            logger.warning("it could not be said that this worker asks: %s", type(error).__name__)
        await asyncio.sleep(SAY_SECONDS)


async def forget(works: Works) -> None:
    """Remove what is kept only for a while."""
    await forgetting.forget(works)
