"""An installation with people, channels and the planted escalation, and alerts put into it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update

from century.access.people import create_person
from century.alerts.alert import Alert, AlertState
from century.alerts.tables import AlertRow
from century.core.actor import Role
from century.core.ids import new_id
from century.core.journal import JournalRow
from century.core.settings import Settings, Smtp
from century.escalation import policies, service
from century.escalation.defaults import plant
from century.escalation.directory import load_schedules
from century.escalation.policy import Level
from century.escalation.tables import ScheduleRow
from century.notify.tables import ChannelRow, NotificationRow
from century.rules.severity import Severity
from tests.alerts.examples import a_rule, an_alert
from tests.escalation.test_schedule import weekly
from tests.world import World

PASSWORD = "four walnut trees, one goat"


@dataclass
class Tower:
    """An installation whose alerts climb when told."""

    world: World
    settings: Settings
    people: dict[str, UUID] = field(default_factory=dict)
    channels: dict[str, UUID] = field(default_factory=dict)
    schedules: dict[str, UUID] = field(default_factory=dict)

    async def person(self, name: str, role: Role = Role.OPERATOR) -> UUID:
        async with self.world.works.begin() as work:
            made = await create_person(work, self.settings, name, f"{name}@example.com", role, PASSWORD)
        self.people[name] = made.person.id
        return made.person.id

    async def channel(self, name: str, person: UUID | None = None, **changes: Any) -> UUID:
        """A channel that takes everything, a webhook unless said otherwise."""
        async with self.world.works.begin() as work:
            values = {
                "id": new_id(work.now), "name": name, "kind": "webhook", "enabled": True,
                "severities": [each.value for each in Severity], "person_id": person,
                "settings": {"url": "https://example.com"}, "failures": 0, "created_at": work.now,
                "updated_at": work.now, **changes,
            }  # fmt: skip
            await work.execute(insert(ChannelRow).values(values))
        self.channels[name] = values["id"]
        return UUID(str(values["id"]))

    async def put_on(self, schedule: str, *people: UUID) -> None:
        """Put people on a planted schedule, week by week."""
        rotation = weekly(*people, starts="2026-10-26")
        async with self.world.works.begin() as work:
            await work.execute(
                update(ScheduleRow).where(ScheduleRow.name == schedule).values(rotations=[rotation.to_json()])
            )

    async def policy(self, *levels: Level, is_default: bool = True, name: str = "Ours") -> UUID:
        async with self.world.works.begin() as work:
            saved, _ = await policies.save_policy(work, self.settings, None, name, levels, is_default=is_default)
        assert saved.policy.id
        return saved.policy.id

    async def alert(self, state: AlertState = AlertState.FIRING, **changes: Any) -> UUID:
        """An alert that opens now and is to be looked at now."""
        async with self.world.works.begin() as work:
            made = an_alert(
                state, id=new_id(work.now), opened_at=work.now, updated_at=work.now, due_at=work.now, **changes
            )
            made = replace(made, rule=replace(made.rule, severity=made.severity))
            await work.execute(insert(AlertRow).values(row_of(made)))
        return made.id

    async def alerts(self, number: int) -> list[UUID]:
        """Many alerts at once."""
        async with self.world.works.begin() as work:
            made = [
                an_alert(
                    id=new_id(work.now), subject=f"service-{place}", rule=a_rule(place + 1), opened_at=work.now,
                    updated_at=work.now, due_at=work.now,
                )
                for place in range(number)
            ]  # fmt: skip
            await work.execute(insert(AlertRow), [row_of(each) for each in made])
        return [each.id for each in made]

    async def change(self, alert: UUID, **values: Any) -> None:
        """What the lifecycle does to an alert: its state, and that it is to be looked at."""
        async with self.world.works.begin() as work:
            await work.execute(update(AlertRow).where(AlertRow.id == alert).values({"due_at": work.now, **values}))

    async def climb(self) -> int:
        async with self.world.works.begin() as work:
            return await service.climb(work, self.settings)

    async def walk(self, minutes: int) -> None:
        """Minute by minute, as the loop would."""
        for minute in range(minutes + 1):
            await self.climb()
            if minute < minutes:
                self.world.advance(minutes=1)

    async def told(self, alert: UUID) -> list[tuple[str, int, str]]:
        """What was wanted: the event, the level, the channel."""
        async with self.world.works.read() as work:
            rows = await work.rows(
                select(NotificationRow.event, NotificationRow.level, ChannelRow.name)
                .join(ChannelRow, ChannelRow.id == NotificationRow.channel_id)
                .where(NotificationRow.alert_id == alert)
                .order_by(NotificationRow.created_at, NotificationRow.level, NotificationRow.event, ChannelRow.name)
            )
        return [(row.event, row.level, row.name) for row in rows]

    async def due_at(self, alert: UUID) -> datetime | None:
        async with self.world.works.read() as work:
            return (await work.rows(select(AlertRow.due_at).where(AlertRow.id == alert)))[0].due_at

    async def timeline(self, alert: UUID) -> list[tuple[str, str]]:
        async with self.world.works.read() as work:
            rows = await work.rows(
                select(JournalRow.kind, JournalRow.details)
                .where(JournalRow.subject_id == alert)
                .order_by(JournalRow.number)
            )
        return [(row.kind, row.details["message"]) for row in rows]

    async def deliver(self, alert: UUID, state: str = "delivered") -> None:
        """What notify makes of everything that waits for this alert."""
        async with self.world.works.begin() as work:
            await work.execute(
                text("UPDATE notification SET state = :state WHERE alert_id = :alert AND state = 'waiting'"),
                {"state": state, "alert": alert},
            )


def row_of(alert: Alert) -> dict[str, Any]:
    names = [column.name for column in AlertRow.__table__.c]
    return {
        "rule_id": alert.rule_id,
        "rule_name": alert.rule_name,
        "rule": alert.rule.to_json(),
        "attributes": dict(alert.attributes),
        "evidence": {},
        **{
            name: getattr(alert, name)
            for name in names
            if name not in ("rule_id", "rule_name", "rule", "attributes", "evidence")
        },
    }


@pytest.fixture
async def tower(world: World) -> Tower:
    settings = replace(world.settings, smtp=Smtp("mail.example.com", 25, "century@example.com", "none"))
    made = Tower(world, settings)
    await made.person("ada", Role.ADMIN)
    async with world.works.begin() as work:
        await plant(work)
        made.schedules = {each.name: each.id for each in (await load_schedules(work)).values()}
    return made
