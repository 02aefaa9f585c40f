"""What the worker runs for alerts: the loop that watches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from century.alerts import dependencies, evidence, sweeps, windows
from century.alerts.alert import Alert
from century.alerts.watching import Finding, Pair, follow
from century.core import journal
from century.core.bus import Message
from century.core.rounds import rounds
from century.core.settings import Settings
from century.core.work import Work, Works
from century.rules import kept
from century.rules.change import Change
from century.rules.condition import Signal
from century.rules.service import Rulebook
from century.rules.signals import Source, Sources
from century.rules.sources import sources_of
from century.rules.subject import Subject
from century.telemetry.committer import TOPIC
from century.telemetry.live import AWAY
from century.telemetry.query import Reader

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 2.0
AGAIN_SECONDS = 10.0
AWAY_SECONDS = 0.5
MEASURE_SECONDS = 0.25
ASIDE_SECONDS = 30.0
AT_ONCE = 500


async def watch(settings: Settings, works: Works) -> None:
    """Evaluate rules as soon as telemetry is stored, move alerts with what is found, and sweep every two seconds."""
    watcher = Watcher(works, sources_of(works, Reader(works.engine)))
    topics = (TOPIC, journal.TOPIC, *sorted(watcher.topics))
    async with contextlib.aclosing(rounds(works.bus, *topics, every=SWEEP_SECONDS)) as turns:
        async for said in turns:
            await watcher.turn(said)


def is_away(error: Exception) -> bool:
    """Whether the database is not there, rather than that it would not take something."""
    gone = isinstance(error, DBAPIError) and (error.connection_invalidated or isinstance(error, OperationalError))
    return gone or isinstance(error, OSError | PoolTimeout)


class Watcher:
    """One a worker: rules in memory, and what has still to be looked at."""

    def __init__(self, works: Works, sources: Sources) -> None:
        self.works = works
        self.sources = sources
        self.book = Rulebook(works, sources)
        self.topics = frozenset(topic for each in sources.measured for topic in each.topics)
        self._everything = True
        self._apart = True
        self._aside: dict[Pair, float] = {}
        self._looked: dict[frozenset[Signal], float] = {}
        self._put_off: set[frozenset[Signal]] = set()
        self._swept = self._brought = self._measured = -AGAIN_SECONDS

    async def turn(self, said: Sequence[Message]) -> None:
        """One round: what was stored, and what has become due. Whatever fails, the next one looks again."""
        services = self._heard(said)
        everything, self._everything = self._everything, False
        try:
            if everything:
                await self.look(None)
            elif services:
                await self.look(services)
            for source in self._moved(said):
                await self.measure(source)
            if asyncio.get_running_loop().time() - self._swept >= SWEEP_SECONDS or everything:
                self._swept = asyncio.get_running_loop().time()
                await self.sweep()
            elif self._apart:
                await self._bring_together()
        except AWAY as error:
            logger.warning("alerts could not be looked at (%s), trying again", type(error).__name__)
            self._everything = True
            await asyncio.sleep(AWAY_SECONDS)

    def _heard(self, said: Sequence[Message]) -> list[str]:
        """The services that reported; notes what else is to be looked at."""
        services: dict[str, None] = {}
        for message in said:
            if not message.data:
                self._everything = True
                self.book.changed()
            elif message.topic in self.topics:
                continue
            elif message.topic == TOPIC:
                services[orjson.loads(message.data)["service"]] = None
            elif str(orjson.loads(message.data).get("kind", "")).startswith(("rule.", "objective.", "routes.")):
                self.book.changed()
                self._apart = True
        return list(services)

    def _moved(self, said: Sequence[Message]) -> list[Source]:
        """The sources that said that something changed; in a storm each is looked at four times a second."""
        topics, now = {message.topic for message in said}, asyncio.get_running_loop().time()
        moved = []
        for source in self.sources.measured:
            if topics.isdisjoint(source.topics):
                continue
            wait = self._looked.get(source.signals, -MEASURE_SECONDS) + MEASURE_SECONDS - now
            if wait <= 0:
                self._looked[source.signals] = now
                self._put_off.discard(source.signals)
                moved.append(source)
            elif source.signals not in self._put_off:
                self._put_off.add(source.signals)
                self.works.bus.remind(min(source.topics), wait)
        return moved

    async def measure(self, source: Source) -> None:
        """Evaluate what changed of what a source measures by itself, and follow it."""
        now = self.works.clock.now()
        with self.works.meters.evaluation.time():
            changes = await self.book.measured(source, now, await source.news(now))
        await self.follow(changes)

    async def measure_all(self) -> None:
        """Evaluate everything that is measured: who moved something may have died before it said so."""
        self._measured = asyncio.get_running_loop().time()
        for source in self.sources.measured:
            await self.follow(await self.book.measured(source, self.works.clock.now()))

    async def _measure(self) -> None:
        if asyncio.get_running_loop().time() - self._measured >= AGAIN_SECONDS:
            await self.measure_all()
        else:
            for source in self.sources.measured:
                await self.measure(source)

    async def look(self, services: list[str] | None) -> None:
        """Evaluate what these services reported (None: all of them), and follow it."""
        with self.works.meters.evaluation.time():
            changes = await self.book.verdicts(services, self.works.clock.now())
        await self.follow(changes)

    async def sweep(self) -> None:
        """Do what has become due, and find again what was lost."""
        await self._kept("due rules", self._due)
        await self._kept("what is measured", self._measure)
        await self._kept("dependencies", self._in_one(dependencies.adopt))
        await self._kept("ended windows", self._in_one(windows.release_ended))
        await self._kept("what is due of alerts", self._attend)
        if self._apart or asyncio.get_running_loop().time() - self._brought >= AGAIN_SECONDS:
            await self._bring_together()
        # Here, and not as soon as an alert opens: the page that it is on goes first.
        await self._kept("evidence", self._show)

    async def _due(self) -> None:
        with self.works.meters.evaluation.time():
            changes = await self.book.due(self.works.clock.now())
        await self.follow(changes)

    async def _attend(self) -> None:
        while True:
            async with self.works.begin() as work:
                if await sweeps.attend_due(work) < sweeps.AT_ONCE:
                    return

    async def _bring_together(self) -> None:
        self._apart = False
        self._brought = asyncio.get_running_loop().time()
        await self._kept("verdicts and alerts", self._together)

    async def _together(self) -> None:
        async with self.works.begin() as work:
            await sweeps.find_again(work, await kept.rules(work))
        async with self.works.begin() as work:
            await sweeps.end_forsaken(work)

    def _in_one(self, service: Callable[[Work], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            async with self.works.begin() as work:
                await service(work)

        return run

    async def _kept(self, what: str, do: Callable[[], Awaitable[None]]) -> None:
        """Do one thing of a sweep; what fails does not keep the others from being done."""
        try:
            await do()
        except Exception as error:
            if is_away(error):
                raise
            logger.exception("%s could not be looked at; the next sweep tries again", what)

    async def follow(self, changes: Sequence[Change]) -> None:
        """Keep verdicts and move their alerts, each batch in one transaction; one that fails is tried piece by piece."""
        due = [each for each in changes if self._may_be_tried(each)]
        for begin in range(0, len(due), AT_ONCE):
            batch = due[begin : begin + AT_ONCE]
            try:
                await self._move(batch)
            except Exception as error:
                if is_away(error):
                    raise
                logger.warning("%d findings could not be followed together: %s", len(batch), type(error).__name__)
                for change in batch:
                    await self._alone(change)

    async def _alone(self, change: Change) -> list[Alert]:
        try:
            return await self._move([change])
        except Exception as error:
            if is_away(error):
                raise
            # What was not settled is found again at every look: it is set aside for a while.
            self._aside[change.rule.id, change.subject.text] = asyncio.get_running_loop().time() + ASIDE_SECONDS
            self.book.set_aside(change, self.works.clock.now(), type(error).__name__)
            logger.exception("what %s finds of %s could not be followed", change.rule.name, change.subject.text)
            return []

    def _may_be_tried(self, change: Change) -> bool:
        until = self._aside.get((change.rule.id, change.subject.text))
        if until is None:
            return True
        if until > asyncio.get_running_loop().time():
            return False
        del self._aside[change.rule.id, change.subject.text]
        return True

    async def _move(self, batch: Sequence[Change]) -> list[Alert]:
        async with self.works.begin() as work:
            settled = await self.book.settle(work, batch)
            work.afterwards(lambda: self.works.meters.verdicts.inc(len(settled)))
            return await follow(
                work, [Finding(each.rule, each.subject, each.after, each.moved, each.reason) for each in settled]
            )

    async def _show(self) -> None:
        """Keep what led to the breach with the alerts that opened of late."""
        async with self.works.read() as work:
            lacking = await evidence.lacking(work)
        found = [(each, await self._seen(each)) for each in lacking]
        if found:
            async with self.works.begin() as work:
                await evidence.fill(work, found)

    async def _seen(self, alert: Alert) -> list[evidence.Series]:
        subject = Subject(alert.subject, alert.service, alert.attributes)
        try:
            traces = await self.sources.evidence(alert.rule, subject, alert.opened_at)
        except Exception as error:
            if is_away(error):
                raise
            logger.exception("the evidence of alert %s could not be read", alert.id)
            return []
        return [evidence.Series(each.name, each.unit, each.at.tolist(), each.values.tolist()) for each in traces]
