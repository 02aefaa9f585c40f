"""What happens to alerts, in the order of the journal's numbers: from a cursor on, without a gap or a double."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import func, or_, select

from century.alerts.alert import Alert
from century.alerts.kept import alerts_by_id
from century.core import journal
from century.core.errors import Invalid
from century.core.graphql.pages import decode_cursor, encode_cursor
from century.core.journal import JournalRow
from century.core.rounds import rounds
from century.core.work import Work, Works
from century.telemetry.live import AWAY

logger = logging.getLogger(__name__)

KINDS = ("alert.", "notification.")
PAGE = 200
QUEUE_LENGTH = 1000
SWEEP_SECONDS = 2.0
AGAIN_SECONDS = 0.5
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of the journal about an alert; `alert` as it is when the entry is told."""

    number: int
    at: datetime
    kind: str
    actor: str
    message: str
    alert: Alert

    @property
    def cursor(self) -> str:
        return encode_cursor(self.number)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of an alert's timeline."""

    number: int
    at: datetime
    kind: str
    actor: str
    message: str


async def end(work: Work) -> int:
    """The number of the journal's last entry."""
    rows = await work.rows(select(func.coalesce(func.max(JournalRow.number), 0)))
    return int(rows[0][0])


def read_cursor(after: str) -> int:
    """The number in a cursor; Invalid."""
    try:
        (number,) = decode_cursor(after)
    except (ValueError, Invalid):
        number = None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= LARGEST:
        raise Invalid("after is not a cursor of alertChanges", field="after")
    return number


async def timelines(work: Work, alert_ids: Collection[UUID]) -> dict[UUID, list[Entry]]:
    """Everything that was recorded about these alerts, the oldest first."""
    rows = await work.rows(
        select(JournalRow.__table__)
        .where(JournalRow.subject_id.in_(list(alert_ids)), or_(*(JournalRow.kind.startswith(each) for each in KINDS)))
        .order_by(JournalRow.number)
    )
    found: dict[UUID, list[Entry]] = {each: [] for each in alert_ids}
    for row in rows:
        message = row.details.get("message") or row.kind
        found[row.subject_id].append(Entry(row.number, row.at, row.kind, row.actor_name, message))
    return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events, the number up to which there are no others, and whether more are known to follow."""

    events: list[Event]
    last: int
    more: bool


async def events(work: Work, after: int) -> Batch:
    """The next events after a number."""
    reached = await end(work)  # asked first: whatever is up to there is seen by what is asked next
    rows = await work.rows(
        select(JournalRow.__table__)
        .where(JournalRow.number > after, or_(*(JournalRow.kind.startswith(each) for each in KINDS)))
        .order_by(JournalRow.number)
        .limit(PAGE)
    )
    known = await alerts_by_id(work, {row.subject_id for row in rows if row.subject_id})
    told = [
        Event(
            row.number, row.at, row.kind, row.actor_name, row.details.get("message") or row.kind, known[row.subject_id]
        )
        for row in rows
        if row.subject_id in known
    ]
    more = len(rows) == PAGE
    last = rows[-1].number if rows else after
    return Batch(told, last if more else max(reached, last), more)


@dataclass(eq=False, slots=True)
class _Listener:
    queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(QUEUE_LENGTH))
    # What it was to hear did not fit: it looks itself again.
    missed: bool = False


class Feed:
    """One a process: it reads the journal once for all who listen, while somebody does."""

    def __init__(self, works: Works) -> None:
        self._works = works
        self._listeners: set[_Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._began: asyncio.Future[None] | None = None

    async def after(self, cursor: int | None) -> AsyncGenerator[Event]:
        """Every event after a number (None: from now on), in order, each once. A slow reader loses nothing.

        It listens before it looks: whatever is committed meanwhile is either found by the look or heard, and what is
        both is told once.
        """
        listener = _Listener()
        self._listeners.add(listener)
        try:
            await self._start()
            async with self._works.read() as work:
                reached = await end(work)
            if cursor is not None and cursor > reached:
                raise Invalid("after lies ahead of everything that happened", field="after")
            last, looking = reached if cursor is None else cursor, True
            while True:
                if looking:
                    # What is heard while it looks is in what it finds, or comes after it.
                    batch = await self._found(last)
                    for event in batch.events:
                        yield event
                    last, looking = batch.last, batch.more
                    continue
                event = await listener.queue.get()
                if listener.missed:
                    listener.missed, looking = False, True
                    while not listener.queue.empty():
                        listener.queue.get_nowait()
                elif event.number > last:
                    last = event.number
                    yield event
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                await self.stop()

    async def _found(self, last: int) -> Batch:
        while True:
            try:
                async with self._works.read() as work:
                    return await events(work, last)
            except AWAY as error:
                logger.warning("what a listener missed could not be read: %s", type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)

    async def stop(self) -> None:
        """Listen no more."""
        task, self._task, self._began = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _start(self) -> None:
        if self._task is None:
            self._began = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._tell(self._began), name="alert feed")
        assert self._began is not None
        await asyncio.shield(self._began)

    async def _tell(self, began: asyncio.Future[None]) -> None:
        last: int | None = None
        async with contextlib.aclosing(rounds(self._works.bus, journal.TOPIC, every=SWEEP_SECONDS)) as turns:
            async for said in turns:
                try:
                    if last is not None and said and not any(_concerns(each.data) for each in said):
                        continue
                    last = await self._look(last)
                except Exception as error:  # noqa: BLE001 (whatever it was, the next round looks again from the same number)
                    logger.warning("what happened to alerts could not be read: %s", type(error).__name__)
                    continue
                if not began.done():
                    began.set_result(None)

    async def _look(self, last: int | None) -> int:
        async with self._works.read() as work:
            if last is None:
                return await end(work)
            while True:
                batch = await events(work, last)
                for event in batch.events:
                    self._hand_on(event)
                last = batch.last
                if not batch.more:
                    return last

    def _hand_on(self, event: Event) -> None:
        for listener in self._listeners:
            if listener.queue.full():
                listener.missed = True
            else:
                listener.queue.put_nowait(event)


def _concerns(data: bytes) -> bool:
    """Whether what was said of the journal may be about an alert; without data something was missed."""
    return not data or str(orjson.loads(data).get("kind", "")).startswith(KINDS)
