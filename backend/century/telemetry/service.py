"""What telemetry keeps alive in a process: the series it knows, the task that commits, and who reads."""

from __future__ import annotations

import asyncio

from century.core.settings import Settings
from century.core.work import Works
from century.telemetry.committer import Committer
from century.telemetry.listening import Listening
from century.telemetry.live import Live
from century.telemetry.query import Reader
from century.telemetry.series import Registry


class Telemetry:
    """One a process."""

    def __init__(self, settings: Settings, works: Works) -> None:
        self.settings = settings
        self.works = works
        self.registry = Registry(works)
        self.committer = Committer(works)
        self.reader = Reader(works.engine)
        self.live = Live(works, self.reader)
        self.listening = Listening(works)
        self._saying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to commit, and say so."""
        await self.committer.start()
        self._saying = asyncio.create_task(self.listening.run(), name="listening")

    async def stop(self) -> None:
        """Commit what waits, then end."""
        if self._saying is not None:
            self._saying.cancel()
            await asyncio.gather(self._saying, return_exceptions=True)
            await self.listening.stop()
        await self.live.stop()
        await self.committer.stop()
        await self.registry.stop()
