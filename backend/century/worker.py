"""The worker: what is done on time and what is rung for, the whole timetable on one screen.

A job is a doorbell. What is due stands in PostgreSQL, so a lost, doubled or late job changes only how soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any

import orjson
from arq import cron
from arq.connections import RedisSettings
from arq.cron import CronJob
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.exceptions import RedisError
from uvloop import new_event_loop

from century.core.bus import PREFIX, Bus
from century.core.clock import Clock, SystemClock
from century.core.db import connect
from century.core.settings import Settings
from century.core.work import Work, Works

logger = logging.getLogger(__name__)

CYCLE_KEY = f"{PREFIX}worker:cycle"  # Unix seconds of the last cycle; /readyz wants it fresh
CYCLE_SECONDS = 2.0
CYCLE_KEPT_SECONDS = 60
JOB_SECONDS = 60  # a job of a killed worker is taken up again this much later (and ten seconds)
AWAY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timetable: `module:function`, a function of the worker's `Works`."""

    job: str
    minute: set[int] | None = None  # None: every minute
    second: set[int] = field(default_factory=lambda: {0})


EVERY_FIVE_MINUTES = set(range(0, 60, 5))
TIMETABLE = (
    Entry("century.telemetry.jobs:compact", second={10}),
    Entry("century.telemetry.jobs:forget_exemplars", minute={25}, second={25}),
    Entry("century.probes.jobs:forget", minute={35}, second={25}),
    Entry("century.access.jobs:forget_expired", minute=EVERY_FIVE_MINUTES, second={40}),
)
# What the worker does all the time: `module:function`, each running for as long as the worker does.
LOOPS: tuple[str, ...] = (
    "century.probes.jobs:probe",
    "century.probes.jobs:beat",
    "century.alerts.jobs:watch",
    "century.escalation.jobs:climb",
    "century.notify.jobs:deliver",
    "century.overview.jobs:tell_meters",
)
# What a new installation begins with: `module:function`, each a service that plants its seed once.
SEEDS = ("century.rules.defaults:plant", "century.rules.defaults:plant_more", "century.escalation.defaults:plant")


def timetable() -> list[CronJob]:
    """The timetable as arq takes it; of several workers one runs each entry."""
    return [
        cron(
            _job(getattr(importlib.import_module(module), function)),
            name=entry.job,
            minute=entry.minute,
            second=entry.second,
            timeout=timedelta(seconds=JOB_SECONDS),
            keep_result=0,
            max_tries=1,
        )
        for entry in TIMETABLE
        for module, _, function in [entry.job.partition(":")]
    ]


def _job(function: Callable[..., Awaitable[Any]]) -> WorkerCoroutine:
    async def run_job(ctx: dict[Any, Any], *_: Any, **arguments: Any) -> None:
        await function(ctx["works"], **arguments)

    return run_job


def redis_settings(url: str) -> RedisSettings:
    """Where the queue is; a Redis that restarts is waited for."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout = 2
    settings.conn_retries = 5
    settings.retry_on_timeout = True
    settings.retry_on_error = [RedisError, OSError]
    return settings


def make_worker(settings: Settings, works: Works) -> Worker:
    """arq's worker over our timetable, with JSON instead of pickle."""
    jobs = timetable()
    return Worker(
        functions=[func(job.coroutine, name=job.name.partition(":")[2]) for job in jobs],
        cron_jobs=jobs,
        redis_settings=redis_settings(settings.redis_url),
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
        poll_delay=0.05,
        keep_result=0,
        job_timeout=JOB_SECONDS,
        max_jobs=10,
        handle_signals=False,
        health_check_interval=3600,
        timezone=UTC,
        ctx={"works": works},
    )


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in (*LOOPS, *SEEDS, *(entry.job for entry in TIMETABLE)):
        importlib.import_module(name.partition(":")[0])
    gc.collect()
    gc.freeze()  # what is imported stays: no later collection has to walk it
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(work(settings))


async def work(settings: Settings, clock: Clock | None = None) -> None:
    """Work until a signal; a Redis that is away is waited for, an emptied one loses nothing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    engine, bus = connect(settings.database_url, pool_size=5), Bus(settings.redis_url)
    works = Works(engine, clock or SystemClock(), bus)
    try:
        async with contextlib.AsyncExitStack() as running:
            for coroutine in (
                _cycles(works),
                _jobs(settings, works),
                plant_seeds(works),
                *(_kept(name, settings, works) for name in LOOPS),
            ):
                await running.enter_async_context(_running(coroutine))
            await stop.wait()
    finally:
        await bus.close()
        await engine.dispose()


async def _jobs(settings: Settings, works: Works) -> None:
    while True:
        worker = make_worker(settings, works)
        try:
            await worker.async_run()
        except (RedisError, OSError) as error:
            logger.warning("the queue is away (%s), trying again", type(error).__name__)
            await asyncio.sleep(AWAY_SECONDS)
        finally:
            with contextlib.suppress(RedisError, OSError, asyncio.CancelledError):
                await worker.close()


async def plant_seeds(works: Works) -> None:
    """Plant what is not planted yet; a database that is away or not migrated yet is waited for."""
    missing = list(SEEDS)
    while missing:
        for name in tuple(missing):
            module, _, function = name.partition(":")
            plant: Callable[[Work], Awaitable[None]] = getattr(importlib.import_module(module), function)
            try:
                async with works.begin() as work:
                    await plant(work)
                missing.remove(name)
            except Exception as error:  # noqa: BLE001 (whatever it was, it is tried again, and nothing was planted)
                logger.warning("%s failed (%s), trying again", name, type(error).__name__)
        if missing:
            await asyncio.sleep(AWAY_SECONDS)


async def _kept(name: str, settings: Settings, works: Works) -> None:
    """Run a loop of the worker's; one that fails begins again."""
    module, _, function = name.partition(":")
    loop: Callable[[Settings, Works], Awaitable[None]] = getattr(importlib.import_module(module), function)
    while True:
        try:
            await loop(settings, works)
        except Exception:  # whatever it was, what is due stands in PostgreSQL, and the loop finds it again
            logger.exception("%s failed, and begins again", name)
            await asyncio.sleep(AWAY_SECONDS)


async def _cycles(works: Works) -> None:
    """Say every two seconds that we are here and that PostgreSQL and Redis answer us."""
    while True:
        try:
            async with works.read() as reading:
                now = reading.now.timestamp()
            await works.bus.redis.set(CYCLE_KEY, f"{now:.3f}", ex=CYCLE_KEPT_SECONDS)
        except Exception as error:  # noqa: BLE001 (whatever it was, the next cycle tries again, and /readyz tells meanwhile)
            logger.warning("a cycle of the worker failed: %s", type(error).__name__)
        await asyncio.sleep(CYCLE_SECONDS)


@contextlib.asynccontextmanager
async def _running(coroutine: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(coroutine)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
