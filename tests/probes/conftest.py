"""Heartbeats in a database, and the server that hears them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from century.core.settings import Settings
from century.core.work import Works
from century.probes import beat_kept, heartbeats
from century.probes.beat_problems import BeatDraft
from century.probes.heartbeat import Heartbeat
from century.server import create_app
from tests.world import World


@dataclass
class Beats:
    """Makes heartbeats and looks at them."""

    works: Works
    settings: Settings

    async def make(self, name: str = "nightly", **changes: Any) -> Heartbeat:
        """An hourly heartbeat with a grace of five minutes, unless said otherwise."""
        asked = {"period": None if "cron" in changes else timedelta(hours=1), **changes}
        async with self.works.begin() as work:
            return (await heartbeats.save(work, self.settings, BeatDraft(name, **asked))).heartbeat

    def path(self, known: Heartbeat) -> str:
        """Where it is pinged."""
        url = heartbeats.ping_url(self.settings, known)
        assert url is not None
        return url.removeprefix(self.settings.public_url)

    async def now(self, known: Heartbeat | UUID) -> Heartbeat:
        """As it stands in the database."""
        async with self.works.read() as work:
            return await beat_kept.heartbeat(work, known if isinstance(known, UUID) else known.id)

    async def rows(self, statement: str) -> Sequence[Any]:
        """What a statement answers, as tuples."""
        async with self.works.read() as work:
            return [tuple(row) for row in await work.rows(text(statement))]


@pytest.fixture
def beats(works: Works, settings: Settings) -> Beats:
    return Beats(works, settings)


@pytest_asyncio.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    site = create_app(world.settings, clock=world.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://century.test") as client:
        yield client
    await site.state.century.bus.close()
    await site.state.century.works.engine.dispose()
