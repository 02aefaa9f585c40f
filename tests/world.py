"""The world a test lives in: a clock that moves when told, and a database of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from century.core.bus import Bus
from century.core.settings import Settings
from century.core.work import Works

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    instant: datetime = START

    def now(self) -> datetime:
        """The instant it was moved to."""
        return self.instant

    def advance(self, **duration: float) -> None:
        """Move on, in the words of `timedelta`."""
        self.instant += timedelta(**duration)


@dataclass
class World:
    """A migrated database, Valkey, and a clock."""

    settings: Settings
    works: Works
    bus: Bus
    clock: MovableClock = field(default_factory=MovableClock)

    def advance(self, **duration: float) -> None:
        """Move the world's clock on."""
        self.clock.advance(**duration)

    async def waits_for_a_lock(self, waiters: int = 1) -> None:
        """Until so many transactions of this database wait for what another one holds."""
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(10):
            while True:
                async with self.works.read() as work:
                    if (await work.execute(waiting)).scalar_one() >= waiters:
                        return
                await asyncio.sleep(0.01)
