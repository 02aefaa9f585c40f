"""A server with a key, behind a port: the real door that exporters knock at."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from litestar import Litestar
from sqlalchemy import text

from century.access import keys
from century.core.actor import Scope
from century.core.clock import Clock
from century.core.settings import Settings
from century.server import App, create_app
from century.telemetry import block
from century.telemetry.block import Block
from tests.world import World

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


@dataclass
class Door:
    """Where to send, and a look at what was stored."""

    address: str
    secret: str
    key_id: UUID
    world: World
    site: Litestar
    client: httpx.AsyncClient

    @property
    def app(self) -> App:
        app: App = self.site.state.century
        return app

    async def send(self, body: bytes, signal: str = "metrics", **headers: str) -> httpx.Response:
        """POST a request to `/v1/metrics` or `/v1/traces`, protobuf unless the headers say otherwise."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.client.post(f"/v1/{signal}", content=body, headers={**PROTOBUF, **named})

    async def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        """What a query answers."""
        async with self.world.works.read() as work:
            return await work.rows(text(statement), parameters)

    async def block(self) -> Block:
        """Every point stored and not yet compacted."""
        return block.concat(
            [block.decode(row.columns) for row in await self.rows("SELECT columns FROM block ORDER BY id")]
        )

    async def series(self) -> dict[int, Any]:
        """Series by number, with the metric's name."""
        statement = """SELECT series.*, metric.name AS metric, metric.kind, metric.monotonic, metric.unit, service.name AS service
            FROM series JOIN metric ON metric.id = metric_id JOIN service ON service.id = series.service_id"""
        return {row.id: row for row in await self.rows(statement)}


@contextlib.asynccontextmanager
async def opened(settings: Settings, world: World, clock: Clock | None = None) -> AsyncIterator[Door]:
    """A server of this installation, on a port, with a key that may send."""
    async with world.works.begin() as work:
        made = await keys.create_key(work, settings, "exporter", [Scope.INGEST, Scope.READ])
    site = create_app(settings, clock=clock)
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(site, log_level="warning", access_log=False, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    headers = {"authorization": f"Bearer {made[1]}"}
    try:
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
            yield Door(address, made[1], made[0].id, world, site, client)
    finally:
        server.should_exit = True
        await serving
