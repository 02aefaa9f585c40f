"""Probes in a database, a runner that a test turns, and servers that answer as they are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from century.core.settings import Settings
from century.probes import editing, kept
from century.probes.kept import Standing
from century.probes.kind import ProbeKind
from century.probes.probe import Probe
from century.probes.problems import Draft
from century.probes.runner import Runner
from century.probes.settling import Settled
from tests.world import World


@dataclass
class Door:
    """A TCP server on loopback: open, shut, or open and silent."""

    port: int = 0
    server: asyncio.Server | None = None

    async def open(self) -> None:
        """Take connections (at the same port as before)."""
        if self.server is None:
            self.server = await asyncio.start_server(self._greet, "127.0.0.1", self.port)
            self.port = self.server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse them."""
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()
            self.server = None

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read()
            writer.close()


@contextlib.asynccontextmanager
async def door() -> AsyncIterator[Door]:
    """An open door."""
    made = Door()
    await made.open()
    try:
        yield made
    finally:
        await made.shut()


class Probing:
    """One worker's runner in a world whose clock the test moves."""

    def __init__(self, world: World, host: str = "here") -> None:
        self.world = world
        self.settings: Settings = replace(world.settings, egress_allow=("127.0.0.0/8",))
        self.runner = Runner(self.settings, world.works, host=host)

    async def make(self, name: str, port: int = 1, **changes: Any) -> Probe:
        """A TCP probe of a port on loopback, every ten seconds."""
        usual: dict[str, Any] = {"interval": timedelta(seconds=10), "timeout": timedelta(seconds=1)}
        draft = Draft(name, ProbeKind.TCP, {"host": "127.0.0.1", "port": str(port)}, **{**usual, **changes})
        return await self.save(draft)

    async def save(self, draft: Draft) -> Probe:
        """As the API does."""
        async with self.world.works.begin() as work:
            return (await editing.save(work, self.settings, draft)).probe

    async def round(self) -> list[Settled]:
        """Everything that is due, to its end."""
        await self.runner.turn()
        return await self.runner.finish()

    async def rounds(self, count: int, seconds: float) -> None:
        """So many rounds, so far apart."""
        for _ in range(count):
            await self.round()
            self.world.advance(seconds=seconds)

    async def now(self, probe: Probe) -> Standing:
        """How it stands in the database."""
        async with self.world.works.read() as work:
            return (await kept.now_of(work, [probe.id]))[probe.id]

    async def ledger(self, probe: Probe | UUID) -> list[str]:
        """Its ledger: states at seconds after it was made."""
        probe_id = probe if isinstance(probe, UUID) else probe.id
        rows = await self.rows(f"SELECT at, state FROM probe_change WHERE probe_id = '{probe_id}' ORDER BY at")
        return [f"{(at - rows[0][0]).total_seconds():g} {state}" for at, state in rows]

    async def rows(self, statement: str) -> Sequence[Any]:
        """What a statement answers."""
        async with self.world.works.read() as work:
            return [tuple(row) for row in await work.rows(text(statement))]
