"""One round of each of the worker's loops, by the same functions."""

from __future__ import annotations

from sqlalchemy import text

from century.alerts.jobs import Watcher
from century.core.settings import Settings
from century.core.work import Works
from century.escalation.jobs import climb_all
from century.notify.courier import Courier
from century.rules.sources import sources_of
from century.telemetry.query import Reader


class Rounds:
    """What one worker does."""

    def __init__(self, settings: Settings, works: Works) -> None:
        self.settings = settings
        self.works = works
        self.watcher = Watcher(works, sources_of(works, Reader(works.engine)))
        self.courier = Courier(settings, works)

    async def watch(self) -> None:
        """Evaluate what every service reported, do what is due, and move alerts."""
        async with self.works.read() as work:
            services = [row.name for row in await work.rows(text("SELECT name FROM service"))]
        self.watcher.book.changed()
        await self.watcher.look(services)
        await self.watcher.measure_all()
        await self.watcher.sweep()

    async def climb(self) -> None:
        """Climb every ladder that is due."""
        await climb_all(self.settings, self.works)

    async def deliver(self) -> None:
        """Deliver what is due."""
        await self.courier.settle()

    async def close(self) -> None:
        """Let go of everything."""
        await self.courier.stop()
