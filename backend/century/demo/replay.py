"""The past's alerts, moved by the product's own services with a clock that is moved: each group in one transaction.

Nothing of a group is seen, by a worker or by anybody else, before it is over; so no worker sends or climbs anything of it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from century.alerts import service as alerts
from century.alerts import sweeps, watching
from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT
from century.alerts.watching import Finding
from century.core import journal
from century.core.actor import Actor
from century.core.errors import Conflict
from century.core.settings import Settings
from century.core.work import Work, Works
from century.demo.answers import EACH_STEP, Answer, Cause, answer, stumbles
from century.demo.crew import DEMONSTRATION, Crew
from century.demo.incidents import Incident
from century.escalation import service as escalation
from century.escalation.schedule import people_at
from century.notify import claims, results
from century.notify.parcel import Parcel
from century.notify.wire import Receipt, Temporary
from century.rules import runbook

OWNER = "demonstration"
SENT = Receipt("nothing was sent: this message belongs to the demonstration")
BUSY = Temporary("503: the pager is busy (nothing was sent: this message belongs to the demonstration)")
ON_THE_WIRE = timedelta(milliseconds=400)
SENIOR_AFTER = timedelta(minutes=5)
MOST_STEPS = 20_000
NEXT = text(
    """SELECT least(
        (SELECT min(least(due_at, attention_at)) FROM alert WHERE id = ANY(:alerts)),
        (SELECT min(due_at) FROM notification
            WHERE alert_id = ANY(:alerts) AND state = 'waiting' AND delivery_id IS NULL),
        (SELECT min(d.due_at) FROM delivery d JOIN notification n ON n.delivery_id = d.id
            WHERE n.alert_id = ANY(:alerts) AND d.state = 'waiting')) AS at"""
).bindparams(bindparam("alerts", type_=ARRAY(Uuid())))

Deed = Callable[["Replay"], Coroutine[Any, Any, object]]


class PastWork(Work):
    """A transaction whose instant and actor move on; what it recorded is written at its end, as of when it was."""

    def __init__(self, connection: AsyncConnection, works: Works, at: datetime) -> None:
        super().__init__(connection, at, DEMONSTRATION, works.bus)
        self._past: list[tuple[Actor, datetime, journal.Entry]] = []

    def move(self, at: datetime) -> None:
        """Go on to an instant, never back."""
        self.now = max(self.now, at)

    def record(self, kind: str, subject: UUID | str | None, **said: Any) -> None:
        """Kept with its instant and actor."""
        super().record(kind, subject, **said)
        self._past += [(self.actor, self.now, each) for each in self._entries]
        self._entries.clear()

    async def write(self) -> None:
        """Put all that was recorded into the journal; the lock on it is held from here on."""
        for (actor, at), entries in itertools.groupby(self._past, key=lambda each: each[:2]):
            await journal.append(self.connection, [entry for _, _, entry in entries], actor, at)


@asynccontextmanager
async def past_work(works: Works, at: datetime) -> AsyncIterator[PastWork]:
    """A transaction that begins at an instant of the past."""
    async with works.engine.begin() as connection:
        work = PastWork(connection, works, at)
        yield work
        await work.write()


class Replay:
    """One group of incidents, from the first breach until the last message of it."""

    def __init__(self, work: PastWork, settings: Settings, crew: Crew, causes: Callable[[Incident], Cause]) -> None:
        self.work = work
        self.settings = settings
        self.crew = crew
        self._causes = causes
        self._agenda: list[tuple[datetime, int, Deed]] = []
        self._numbers = itertools.count()
        self._alerts: dict[UUID, Incident] = {}
        self._answered: set[tuple[UUID, int]] = set()

    async def run(self, incidents: Sequence[Incident]) -> dict[UUID, Incident]:
        """Tell them; answers the alerts that came of it."""
        for each in incidents:
            for at, finding in findings(each, self.crew.policy):
                self._plan(at, self._follow(each, finding))
        for _ in range(MOST_STEPS):
            following = await self._next()
            if following is None:
                break
            self.work.move(following)
            await self._step()
        return dict(self._alerts)

    def _plan(self, at: datetime, deed: Deed) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), deed))

    async def _next(self) -> datetime | None:
        row = await self.work.one_or_none(NEXT, {"alerts": list(self._alerts)})
        moments = [self._agenda[0][0] if self._agenda else None, row.at if row else None]
        return min((each for each in moments if each is not None), default=None)

    async def _step(self) -> None:
        while self._agenda and self._agenda[0][0] <= self.work.now:
            await heapq.heappop(self._agenda)[2](self)
        self.work.actor = DEMONSTRATION
        await sweeps.attend_due(self.work)
        await escalation.climb(self.work, self.settings, only=list(self._alerts))
        await self._deliver()
        await self._answer()

    def _follow(self, incident: Incident, finding: Finding) -> Deed:
        async def follow(replay: Replay) -> None:
            replay.work.actor = DEMONSTRATION
            await watching.follow(replay.work, [finding])
            await replay._look(incident)

        return follow

    async def _look(self, incident: Incident) -> None:
        """Note the alert that an incident has become."""
        rows = await self.work.rows(
            select(ALERT.c.id).where(
                ALERT.c.rule_id == incident.rule.id,
                ALERT.c.subject == incident.subject.text,
                ALERT.c.state != AlertState.RESOLVED.value,
                ALERT.c.id.not_in(list(self._alerts)),
            )
        )
        self._alerts |= {row.id: incident for row in rows}

    async def _deliver(self) -> None:
        """What is due goes nowhere, and says so."""
        for channel in sorted(await claims.due_channels(self.work) & self.crew.channels):
            while isinstance(claimed := await claims.claim(self.work, channel, OWNER), Parcel):
                self.work.move(self.work.now + ON_THE_WIRE)
                if not claimed.failed and stumbles(claimed.key):
                    await results.failed(self.work, claimed, OWNER, BUSY, spread=0.5, mail=False)
                else:
                    await results.delivered(self.work, claimed, OWNER, SENT)

    async def _answer(self) -> None:
        known = await alerts.alerts_by_id(self.work, list(self._alerts))
        for alert in known.values():
            if alert.state is AlertState.FIRING and alert.level and (alert.id, alert.episode) not in self._answered:
                self._answered.add((alert.id, alert.episode))
                self._plan_answer(alert, self._alerts[alert.id])

    def _plan_answer(self, alert: Alert, incident: Incident) -> None:
        name, at = f"{alert.rule_name} {alert.subject}", self.work.now
        planned = answer(name, alert.severity, at, incident.over, alert.episode, self._causes(incident))
        if planned.acknowledged is None:
            return
        late = planned.acknowledged - at > SENIOR_AFTER
        turns = people_at(self.crew.turns, planned.acknowledged)
        person = self.crew.actor(self.crew.expert if late or not turns else turns[0])
        for when, deed in deeds(alert, planned):
            self._plan(when, _by(person, deed))


def findings(incident: Incident, policy: UUID) -> Iterable[tuple[datetime, Finding]]:
    """An incident as what a rule found, when; its alert climbs the demonstration's policy."""
    # The rule itself goes on telling whom it tells.
    rule = replace(incident.rule, policy_id=policy)
    told = [(at, Finding(rule, incident.subject, verdict)) for at, verdict in incident.verdicts]
    if incident.worst is not None:
        at, verdict = incident.worst
        told.insert(-1, (at, Finding(rule, incident.subject, verdict, moved=False)))
    return told


def deeds(alert: Alert, planned: Answer) -> Iterable[tuple[datetime, Callable[[Work], Coroutine[Any, Any, object]]]]:
    """What somebody does, and when."""
    at = cast("datetime", planned.acknowledged)
    yield at, lambda work: alerts.acknowledge(work, alert.id, planned.note)
    for number, step in enumerate(runbook.steps(alert.rule.runbook)[: planned.steps], 1):
        yield at + number * EACH_STEP, partial(_tick, alert.id, step.id)
    if planned.written:
        when, said = planned.written
        yield when, lambda work: alerts.comment(work, alert.id, said)
    if planned.suppressed:
        begins, length, reason = planned.suppressed
        yield begins, lambda work: alerts.suppress(work, alert.id, length, reason)
    if planned.ended:
        end, note = planned.ended
        yield end, lambda work: alerts.resolve(work, alert.id, note)


async def _tick(alert: UUID, step: str, work: Work) -> None:
    await alerts.tick(work, alert, step, done=True)


def _by(person: Actor, deed: Callable[[Work], Coroutine[Any, Any, object]]) -> Deed:
    async def act(replay: Replay) -> None:
        replay.work.actor = person
        # What is over by then needs nothing any more.
        with suppress(Conflict):
            await deed(replay.work)

    return act


async def is_told(work: Work, incident: Incident) -> bool:
    """Whether an incident is an alert already, or would meet one that is open."""
    rows = await work.rows(
        select(ALERT.c.id).where(
            ALERT.c.rule_id == incident.rule.id,
            ALERT.c.subject == incident.subject.text,
            (ALERT.c.opened_at == incident.opened) | (ALERT.c.state != AlertState.RESOLVED.value),
        )
    )
    return bool(rows)
