"""A task that is cut off at any moment leaves no connection behind in a transaction that somebody else then takes."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from sqlalchemy import text

from century.telemetry.raw import reading, writing
from tests.world import World


# The driver itself forgets a future of the connection that is thrown away.
@pytest.mark.filterwarnings("ignore:.*connection_lost.*")
@pytest.mark.parametrize("taken", [reading, writing], ids=["reading", "writing"])
async def test_what_commits_after_a_task_was_cut_off_is_committed(world: World, taken: object) -> None:
    chance = random.Random(1)
    works = world.works

    async def read() -> None:
        async with taken(works.engine) as raw:  # type: ignore[operator]
            await raw.fetch("SELECT 1")

    async with works.begin() as work:
        await work.execute(text("CREATE TABLE kept (number int PRIMARY KEY)"))
    for number in range(8):
        readers = [asyncio.create_task(read()) for _ in range(3)]
        # Not to wait for anything: to be at another await each time.
        for _ in range(chance.randrange(200)):
            await asyncio.sleep(0)
        for reader in readers:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        async with works.begin() as work:
            await work.execute(text("INSERT INTO kept VALUES (:number)"), {"number": number})
    await works.engine.dispose()
    async with works.read() as work:
        assert await work.rows(text("SELECT count(*) FROM kept")) == [(8,)]
