"""What happens now: each ten-second slot of a service, computed once a process and told to all who listen."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import asyncpg  # type: ignore[import-untyped]
import orjson
from sqlalchemy.exc import SQLAlchemyError

from century.core.bus import Message
from century.core.work import Works
from century.telemetry import performance
from century.telemetry.committer import TOPIC
from century.telemetry.identity import SHOWN
from century.telemetry.performance import Point
from century.telemetry.query import Reader
from century.telemetry.raw import reading
from century.telemetry.slots import SECOND, Slots

logger = logging.getLogger(__name__)

STEP = 10
QUEUE_LENGTH = 1024
MISSED_SECONDS = 120
MOST_SLOTS = 360
AGAIN_SECONDS = 0.5
AWAY = (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(eq=False, slots=True)
class _Listener:
    service: str | None
    queue: asyncio.Queue[Point] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))


class Live:
    """One a process: it listens to the bus while somebody listens to it."""

    def __init__(self, works: Works, reader: Reader) -> None:
        self._works = works
        self._reader = reader
        self._listeners: set[_Listener] = set()
        self._due: dict[str, tuple[int, set[int]]] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def points(self, service: str | None) -> AsyncGenerator[Point]:
        """The slots of a service (none: of every one) as they change, from now on; a slow reader loses the oldest."""
        listener = _Listener(service)
        self._listeners.add(listener)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._tell())]
        try:
            while True:
                yield await listener.queue.get()
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                await self.stop()

    async def stop(self) -> None:
        """Listen no more."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._due.clear()

    async def _hear(self) -> None:
        async with self._works.bus.subscribe(TOPIC) as messages:
            async for message in messages:
                while not await self._noted(message):
                    await asyncio.sleep(AGAIN_SECONDS)

    async def _noted(self, message: Message) -> bool:
        try:
            await self._note(message)
        except AWAY as error:
            # Redis and the database may be away together: who listens must hear again when both are back.
            logger.warning("what was missed could not be looked up: %s", type(error).__name__)
            return False
        except Exception:  # whatever it is, the next message is heard
            logger.exception("a message could not be noted")
        return True

    async def _note(self, message: Message) -> None:
        if message.data:
            said = orjson.loads(message.data)
            self._add(said["service"], said["service_id"], said["slots"])
        else:
            now = int(self._works.clock.now().timestamp()) // STEP * STEP
            async with reading(self._works.engine) as raw:
                for name, number in await raw.fetch(f"SELECT name, id FROM service WHERE {SHOWN}"):
                    self._add(name, number, range(now - MISSED_SECONDS, now + STEP, STEP))
        if self._due:
            self._wake.set()

    def _add(self, service: str, number: int, slots: list[int] | range) -> None:
        if any(each.service in (None, service) for each in self._listeners):
            self._due.setdefault(service, (number, set()))[1].update(slots)

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, {}
            for service, (number, slots) in due.items():
                if not slots:
                    continue
                try:
                    made = await self.slots(service, number, slots)
                except AWAY as error:
                    logger.warning("a live slot could not be read: %s", type(error).__name__)
                    continue
                except Exception:  # whatever it is, the next slots are told
                    logger.exception("a live slot could not be told")
                    continue
                for listener in self._listeners:
                    if listener.service in (None, service):
                        for point in made:
                            _put(listener.queue, point)

    async def slots(self, service: str, number: int, slots: set[int]) -> list[Point]:
        """These slots (Unix seconds) of a service as they stand, oldest first; empty ones are left out."""
        chosen = sorted(slots)[-MOST_SLOTS:]
        wanted = Slots(chosen[0] * SECOND, (chosen[-1] + STEP) * SECOND, STEP * SECOND)
        async with reading(self._works.engine) as raw:
            summary = (await self._reader.recent.each(raw, [number], wanted))[number]
        places = [(slot - chosen[0]) // STEP for slot in chosen]
        filled = summary.requests.count + summary.cpu_weight + summary.memory_weight > 0
        return performance.points(service, summary, [place for place in places if filled[place]])


def _put(queue: asyncio.Queue[Point], point: Point) -> None:
    if queue.full():
        with contextlib.suppress(asyncio.QueueEmpty):
            queue.get_nowait()
    queue.put_nowait(point)
