"""Who listens hears again, whatever was away in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from century.telemetry import live
from century.telemetry.live import Live
from tests.world import World


async def test_who_listens_hears_again_after_redis_and_the_database_were_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.works.begin() as work:
        insert = text("INSERT INTO service (uid, name, first_seen_at, last_seen_at) VALUES (:uid, 'shop', :now, :now)")
        await work.execute(insert, {"uid": uuid4(), "now": work.now})
    read, tries = live.reading, 0

    @contextlib.asynccontextmanager
    async def away_at_first(engine: Any) -> AsyncIterator[Any]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionRefusedError
        async with read(engine) as raw:
            yield raw

    async def slots(service: str, number: int, slots: set[int]) -> list[Any]:
        return [service]

    made = Live(world.works, None)  # type: ignore[arg-type]
    monkeypatch.setattr(live, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(live, "reading", away_at_first)
    monkeypatch.setattr(made, "slots", slots)
    points = made.points(None)
    heard = asyncio.ensure_future(anext(points))
    async with asyncio.timeout(5):
        while not world.bus._queues:
            await asyncio.sleep(0)
        # As the bus says it when it is back.
        world.bus._tell_all()
        assert await heard == "shop"
    assert tries == 2
    await points.aclose()
