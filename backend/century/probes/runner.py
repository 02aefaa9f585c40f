"""The runner: claims what is due, asks on time, settles what was found. What hangs delays nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.exc import SQLAlchemyError

from century.core.actor import INTERNAL, Actor
from century.core.errors import Unavailable
from century.core.guard import Guard, Names
from century.core.redaction import clean
from century.core.settings import Settings
from century.core.work import Works
from century.probes import claims, settling
from century.probes.beat_kept import last_good
from century.probes.claims import MOST_CLAIMS, Claim, Held
from century.probes.due import QUICK, SLOW
from century.probes.kind import Config
from century.probes.kinds import Target, kind_of
from century.probes.measurement import LARGEST_MEMORY, LONGEST_LINE, MOST_LINES, Measurement, Trouble
from century.probes.own_network import OwnNetwork
from century.probes.settling import Done, Settled, samples_of
from century.probes.wire import TlsContexts, Wire
from century.telemetry.committer import Committer
from century.telemetry.receive import keep
from century.telemetry.samples import Recorder, Sample
from century.telemetry.series import Registry

logger = logging.getLogger(__name__)

ROOMS = {QUICK: 256, SLOW: 1024}
"""So many checks at once in each lane."""
AT_ONE_PLACE = 8
"""So many at once ask one host and port; others wait a while for their turn."""
TURN_SECONDS = 5.0
IDLE = timedelta(seconds=1)
"""So long nobody looks at rows of which none is due; leases that ran out are found then."""
GRACE_SECONDS = 0.5
LATELY_SECONDS = 60.0
MOST_HELD = 10_000
MOST_SAMPLES = 200_000
MOST_OWN_SERIES = 100_000
PROBES_KEY = UUID("9f5f2a52-6d62-7e0d-8a52-63656e747572")
"""Under this credential the series of probes' own facts are counted."""
OWN = replace(INTERNAL, credential=PROBES_KEY)
AWAY = (OSError, SQLAlchemyError, Unavailable)


class Runner:
    """One a worker. `turn` begins what is due, `settle` writes what was found, `flush` stores samples."""

    def __init__(
        self,
        settings: Settings,
        works: Works,
        *,
        wire: Wire | None = None,
        host: str = "",
        rooms: dict[int, int] | None = None,
    ) -> None:
        self.settings = settings
        self.works = works
        self.host = host or socket.gethostname()
        self.name = f"{self.host}:{os.getpid()}:{secrets.token_hex(4)}"
        self.wire = wire or Wire(Guard(settings.egress_allow, Names()), settings, TlsContexts(), last_good(works))
        self.ended = asyncio.Event()
        self.urgent = asyncio.Event()
        self.idle_until = 0.0
        self.lateness: deque[tuple[float, float]] = deque(maxlen=100_000)
        self._rooms = rooms or ROOMS
        self.network = OwnNetwork(settings, self.name, self.host, works.clock.now())
        self._held: dict[UUID, Held] = {}
        self._running: dict[UUID, asyncio.Task[None]] = {}
        self._lanes: Counter[int] = Counter()
        self._places: dict[str, asyncio.Semaphore] = {}
        self._done: list[Done] = []
        self._postponed: list[Claim] = []
        self._samples: list[Sample] = []
        self._scraped: dict[UUID, list[Sample]] = {}
        self._recorder = Recorder()
        self._recorders: dict[UUID, Recorder] = {}
        self._registry = Registry(works)
        self._committer = Committer(works)

    async def start(self) -> None:
        """Be able to store samples."""
        await self._committer.start()

    async def turn(self) -> int:
        """Claim what is due and begin it; answers how many were."""
        rooms = {lane: max(0, self._rooms[lane] - self._lanes[lane]) for lane in (QUICK, SLOW)}
        taken: list[Claim] = []
        if any(rooms.values()):
            taken = await self._claim(rooms)
        begun = 0
        for each in taken:
            held = self._held.get(each.probe_id)
            if held is not None and each.claims <= MOST_CLAIMS:
                self._begin(each, held)
                begun += 1
        return begun

    async def finish(self) -> list[Settled]:
        """Wait for everything that was begun, and settle it."""
        while self._running:
            await asyncio.wait(self._running.values())
        return await self.settle()

    async def settle(self) -> list[Settled]:
        """Write what was found since the last time."""
        self.ended.clear()
        self.urgent.clear()
        done, self._done = self._done, []
        postponed, self._postponed = self._postponed, []
        if not done and not postponed:
            return []
        # Before anything is written: it may take a moment, and holds no transaction.
        asked = [(each, each.held.place) for each in done]
        blind = await self.network.look(asked, self.works.clock.now())
        try:
            async with self.works.begin() as work:
                if postponed:
                    await claims.postpone(work, self.name, postponed, work.now + timedelta(seconds=TURN_SECONDS))
                if self.network.is_news:
                    await self.network.say(work, *self.late())
                settled = await settling.settle(work, self.name, done, blind=blind)
        except AWAY:
            # It is tried again; what takes longer than its lease is asked anew by whoever claims it.
            now = self.works.clock.now()
            self._done = [each for each in done if now - each.ended < claims.SPARE] + self._done
            self._postponed = postponed + self._postponed
            raise
        for each in settled:
            self._note(each)
        return settled

    async def flush(self) -> None:
        """Store the samples that were gathered."""
        samples, self._samples = self._samples, []
        scraped, self._scraped = self._scraped, {}
        if samples:
            await self._store(OWN, self._recorder, samples, MOST_OWN_SERIES)
        for probe_id, found in scraped.items():
            recorder = self._recorders.setdefault(probe_id, Recorder())
            await self._store(replace(INTERNAL, credential=probe_id), recorder, found)

    async def stop(self) -> None:
        """Begin nothing more, keep what was found, and end."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        with contextlib.suppress(*AWAY):
            await self.settle()
            await self.flush()
        await self._committer.stop()
        await self._registry.stop()

    async def say(self) -> None:
        """Say that this worker asks, how much, and how late."""
        async with self.works.begin() as work:
            await self.network.say(work, *self.late())

    def late(self) -> tuple[float, float]:
        """Checks a second, and the seconds after they were due at which the 99th of a hundred began, of the last minute."""
        since = asyncio.get_running_loop().time() - LATELY_SECONDS
        while self.lateness and self.lateness[0][0] < since:
            self.lateness.popleft()
        late = sorted(seconds for _, seconds in self.lateness)
        return len(late) / LATELY_SECONDS, late[int(len(late) * 0.99)] if late else 0.0

    async def _claim(self, rooms: dict[int, int]) -> list[Claim]:
        loop = asyncio.get_running_loop()
        async with self.works.begin() as work:
            taken = await claims.claim(work, self.name, self.host, rooms)
            if not taken:
                due_at = await claims.next_due(work, self.host)
                ahead = IDLE if due_at is None else min(IDLE, due_at - claims.AHEAD - work.now)
                self.idle_until = loop.time() + ahead.total_seconds()
                return []
            # A check whose lease ran out while it still runs is not begun twice here.
            taken = [each for each in taken if each.probe_id not in self._running]
            unknown = [each.probe_id for each in taken if self._version(each.probe_id) != each.version]
            if len(self._held) > MOST_HELD:
                self._held.clear()
                unknown = [each.probe_id for each in taken]
            self._held.update(await claims.hold(work, self.settings, unknown))
            killers = [each for each in taken if each.claims > MOST_CLAIMS]
            if killers:
                probes = {probe_id: held.probe for probe_id, held in self._held.items()}
                await settling.set_aside(work, self.name, killers, probes)
        return taken

    def _version(self, probe_id: UUID) -> int:
        held = self._held.get(probe_id)
        return held.probe.version if held else 0

    def _begin(self, claim: Claim, held: Held) -> None:
        task = asyncio.create_task(self._run(claim, held))
        self._running[claim.probe_id] = task
        self._lanes[claim.lane] += 1

        def over(_: asyncio.Task[None]) -> None:
            self._running.pop(claim.probe_id, None)
            self._lanes[claim.lane] -= 1

        task.add_done_callback(over)

    async def _run(self, claim: Claim, held: Held) -> None:
        clock = self.works.clock
        early = (claim.due_at - clock.now()).total_seconds()
        if early > 0:
            await asyncio.sleep(early)
        async with contextlib.AsyncExitStack() as turn:
            if place := held.place:
                try:
                    async with asyncio.timeout(TURN_SECONDS):
                        await turn.enter_async_context(self._place(place))
                except TimeoutError:
                    self._postponed.append(claim)
                    self.ended.set()
                    return
            at = max(clock.now(), claim.due_at) if early > 0 else clock.now()
            late = max(0.0, (at - claim.due_at).total_seconds())
            self.lateness.append((asyncio.get_running_loop().time(), late))
            self.works.meters.probe_lateness.observe(late)
            target = Target(
                id=held.probe.id, name=held.probe.name, config=held.config, memory=claim.memory, now=at,
                timeout=held.probe.timeout.total_seconds(), interval=held.probe.interval.total_seconds(),
                hostname=self.host,
            )  # fmt: skip
            measured = await ask(target, held, self.wire)
        said = "ok" if measured.ok else str(measured.trouble or Trouble.ANSWER)
        self.works.meters.probe_checks.labels(str(held.probe.kind), said).inc()
        self._done.append(Done(claim, held, measured, at, max(at, clock.now())))
        self.ended.set()
        if measured.ok is not (claim.now.reads == 1.0):
            self.urgent.set()

    def _place(self, name: str) -> asyncio.Semaphore:
        if len(self._places) > MOST_HELD:
            self._places.clear()
        return self._places.setdefault(name, asyncio.Semaphore(AT_ONE_PLACE))

    def _note(self, settled: Settled) -> None:
        if len(self._samples) < MOST_SAMPLES:
            self._samples += samples_of([settled])
            if settled.outcome.counted and settled.done.measured.samples:
                self._scraped.setdefault(settled.done.held.probe.id, []).extend(settled.done.measured.samples)

    async def _store(self, actor: Actor, recorder: Recorder, samples: list[Sample], bound: int | None = None) -> None:
        batch = recorder.batch(samples)
        # Nothing repeats: what a dead worker did not store is not stored.
        digest = secrets.token_bytes(32)
        more = {} if bound is None else {"bound": bound}
        await keep(self._registry, self._committer, actor, batch, digest, self.works.clock.now(), **more)


async def ask(target: Target, held: Held, wire: Wire) -> Measurement:
    """One check: in time, without secrets in what it says, and with an answer whatever happens."""
    kind = kind_of(held.probe.kind)
    if held.trouble:
        return Measurement(False, held.trouble, trouble=Trouble.SETUP, remote=kind.REMOTE)
    try:
        async with asyncio.timeout(target.timeout + GRACE_SECONDS):
            measured = await kind.check(target, wire)
    except TimeoutError:
        said = f"no answer within {target.timeout:g} s"
        measured = Measurement(False, said, trouble=Trouble.TIMEOUT, remote=kind.REMOTE)
    except Exception as error:  # a mistake of ours in one kind must not end the others
        logger.exception("a check of kind %s failed by itself", held.probe.kind)
        said = f"the check itself failed ({type(error).__name__}); the worker's log says how"
        measured = Measurement(False, said, trouble=Trouble.SETUP, remote=kind.REMOTE)
    return tidy(measured, held.config)


def tidy(measured: Measurement, config: Config) -> Measurement:
    """The same without secrets, within its bounds."""
    hidden = config.secrets
    steps = measured.steps
    if any(step.detail for step in steps):
        steps = tuple(replace(step, detail=clean(step.detail, hidden)) for step in steps)
    facts = measured.facts
    if not all(fact.part.isprintable() for fact in facts):
        facts = tuple(replace(fact, part=clean(fact.part, hidden)) for fact in facts)
    return replace(
        measured,
        facts=facts,
        message=clean(measured.message, hidden),
        lines=tuple(clean(line, hidden)[:LONGEST_LINE] for line in measured.lines[:MOST_LINES]),
        steps=steps,
        memory=measured.memory if not measured.memory or _fits(measured.memory) else {},
    )


def _fits(memory: Mapping[str, Any]) -> bool:
    """Whether it can be kept: small, and without what PostgreSQL's JSON cannot hold."""
    try:
        kept = orjson.dumps(dict(memory))
    except TypeError:
        return False
    return len(kept) <= LARGEST_MEMORY and b"\\u0000" not in kept
