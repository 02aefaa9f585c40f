"""A desk: rules that are stored, verdicts that are found, and the alerts they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from century.alerts import kept
from century.alerts.alert import Alert
from century.alerts.watching import Finding, follow
from century.core.actor import Actor, ActorKind, Role, permissions_of
from century.core.journal import JournalRow
from century.core.work import Works
from century.rules.kept import columns
from century.rules.rule import Rule
from century.rules.subject import subject_of
from century.rules.tables import RuleRow, VerdictRow
from century.rules.verdict import Standing
from tests.alerts.examples import a_verdict
from tests.world import MovableClock, World

ADA = Actor(UUID(int=77), "ada", ActorKind.PERSON, Role.OPERATOR, permissions_of(Role.OPERATOR))


@dataclass
class Desk:
    """What happens to alerts, in the words of a test."""

    world: World

    @property
    def works(self) -> Works:
        return self.world.works

    @property
    def clock(self) -> MovableClock:
        return self.world.clock

    async def keep(self, *rules: Rule) -> None:
        """Store rules."""
        async with self.works.begin() as work:
            for rule in rules:
                stamps = {"created_at": work.now, "updated_at": work.now, "updated_by_name": "tests"}
                await work.execute(insert(RuleRow).values(id=rule.id, **columns(rule), **stamps))

    async def find(
        self, rule: Rule, standing: Standing, value: float | None = 0.07, *, service: str | None = "checkout",
        moved: bool = True, stored: bool = False, **attributes: str,
    ) -> list[Alert]:  # fmt: skip
        """A rule finds a subject to stand so; `stored` keeps the verdict with it. Answers what fires now."""
        subject = subject_of(service, attributes.items())
        async with self.works.begin() as work:
            verdict = a_verdict(standing, value, since=work.now, observed_at=work.now)
            if stored:
                await self._store(work, rule, subject, verdict)
            return await follow(work, [Finding(rule, subject, verdict, moved)])

    async def verdict(self, rule: Rule, standing: Standing, service: str | None = "checkout") -> None:
        """A verdict is kept, and whoever was to follow it was killed."""
        async with self.works.begin() as work:
            await self._store(work, rule, subject_of(service), a_verdict(standing, since=work.now))

    async def _store(self, work: Any, rule: Rule, subject: Any, verdict: Any) -> None:
        await work.execute(
            VerdictRow.__table__.delete().where(VerdictRow.rule_id == rule.id, VerdictRow.subject == subject.text)
        )
        await work.execute(
            insert(VerdictRow).values(
                rule_id=rule.id, subject=subject.text, service=subject.service, attributes=dict(subject.attributes),
                standing=verdict.standing.value, since=verdict.since, value=verdict.value, samples=verdict.samples,
                observed_at=verdict.observed_at, look_at=verdict.look_at,
            )
        )  # fmt: skip

    async def alerts(self) -> list[Alert]:
        """Every alert, the oldest first."""
        async with self.works.read() as work:
            rows = await work.rows(select(*kept.COLUMNS).order_by(kept.ALERT.c.opened_at, kept.ALERT.c.id))
        return [kept.of_row(row) for row in rows]

    async def alert(self) -> Alert:
        """The only alert."""
        (found,) = await self.alerts()
        return found

    async def of(self, rule: Rule) -> Alert:
        """The only alert of a rule."""
        (found,) = [each for each in await self.alerts() if each.rule.id == rule.id]
        return found

    async def told(self, alert: Alert | None = None) -> list[str]:
        """The kinds of what was recorded about alerts, or one of them."""
        return [kind for kind, _ in await self.timeline(alert)]

    async def timeline(self, alert: Alert | None = None) -> list[tuple[str, str]]:
        """Kind and message of what was recorded."""
        statement = select(JournalRow.kind, JournalRow.details, JournalRow.subject_id).order_by(JournalRow.number)
        async with self.works.read() as work:
            rows = await work.rows(statement.where(JournalRow.kind.startswith("alert.")))
        return [(row.kind, row.details["message"]) for row in rows if alert is None or row.subject_id == alert.id]


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)
