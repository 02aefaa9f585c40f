"""A worker that is killed in the middle of a check: another one asks again when the lease is over, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from century.core.clock import SystemClock
from century.core.work import Works
from century.probes.claims import SPARE
from century.probes.kind import ProbeKind
from century.probes.problems import Draft
from tests.conftest import SECRETS
from tests.nursery import nursery
from tests.probes.probing import Probing
from tests.world import World

TIMEOUT = timedelta(seconds=2)


async def test_a_check_whose_worker_is_killed_is_made_by_another_after_its_lease(world: World) -> None:
    asked: list[float] = []
    answers = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(time.monotonic())
        await reader.read(1)
        if answers.is_set():
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        else:
            await answers.wait()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    world.works = Works(world.works.engine, SystemClock(), world.bus)
    probing = Probing(world)
    environment = {
        "DATABASE_URL": world.settings.database_url.replace("+asyncpg", ""),
        "REDIS_URL": world.settings.redis_url,
        "MONITORING_EGRESS_ALLOW": "127.0.0.0/8",
        **SECRETS,
    }
    probe = await probing.save(Draft("shop", ProbeKind.HTTP, {"url": url}, timeout=TIMEOUT))
    with nursery(environment) as workers:
        first = workers.worker()
        async with asyncio.timeout(30):
            while not asked:
                await asyncio.sleep(0.01)
        first.kill()
        answers.set()
        killed = datetime.now(UTC)
        workers.worker()
        async with asyncio.timeout(60):
            while not (await probing.now(probe)).ok:
                await asyncio.sleep(0.1)
        assert len(asked) >= 2
        assert datetime.now(UTC) - killed < TIMEOUT + SPARE + timedelta(seconds=10)
    server.close()
