"""What the tests of notify stand on: people, channels and alerts, stored."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import insert, select, update

from century.access.tables import PersonRow
from century.alerts.tables import AlertRow
from century.core.actor import Role
from century.core.db import Base
from century.core.ids import new_id
from century.core.journal import JournalRow
from century.core.sealing import Seal
from century.core.settings import Settings
from century.notify.channel import ChannelKind
from century.notify.courier import Courier
from century.notify.event import Event
from century.notify.service import Wanted, notify
from century.notify.tables import ChannelRow
from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.targets import Comparison
from tests.notify.receivers import Receiver, http_receiver
from tests.world import World

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
RUNBOOK = """Usually a deployment.

1. Look at the newest deployment and **roll it back** if it fits.
2. Ask the payment provider's status page.
3. Raise the pool to 40 connections.
4. Call the database team.
"""


@dataclass
class Stored:
    """Puts rows where services would find them."""

    world: World

    async def person(self, name: str = "Ada", role: Role = Role.OPERATOR, **more: Any) -> UUID:
        person = new_id(self.world.clock.now())
        async with self.world.works.begin() as work:
            await work.execute(
                insert(PersonRow).values(
                    id=person,
                    name=name,
                    email=more.pop("email", f"{name.lower()}@example.com"),
                    role=role.value,
                    created_at=work.now,
                    **more,
                )
            )
        return person

    async def channel(self, name: str = "pager", kind: ChannelKind = ChannelKind.WEBHOOK, **more: Any) -> UUID:
        channel = more.pop("id", None) or new_id(self.world.clock.now())
        values: dict[str, Any] = {
            "enabled": True,
            "severities": [each.value for each in Severity],
            "settings": {},
            "failures": 0,
        } | more
        if secrets := values.pop("secrets", None):
            values["secrets"] = Seal([self.world.settings.secret]).close(channel, secrets)
        async with self.world.works.begin() as work:
            await work.execute(
                insert(ChannelRow).values(
                    id=channel, name=name, kind=kind.value, created_at=work.now, updated_at=work.now, **values
                )
            )
        return channel

    async def webhook(self, url: str, name: str = "pager", **more: Any) -> UUID:
        secrets = {"secret": SECRET} | more.pop("secrets", {})
        return await self.channel(name, settings={"url": url}, secrets=secrets, **more)

    async def want(self, alert: UUID, channel: UUID, **more: Any) -> None:
        """What the ladder would want told now."""
        now = self.world.clock.now()
        asked = Wanted(alert, 1, Event.FIRING, 1, None, channel, None, Severity.CRITICAL, now)
        async with self.world.works.begin() as work:
            await notify(work, [replace(asked, **more)])

    async def rows(self, table: type[Base], *columns: str) -> list[Any]:
        """What a table holds, in the order in which it was made; one column as values, several as tuples."""
        mapped = table.__table__
        async with self.world.works.read() as work:
            found = await work.rows(select(*(mapped.c[each] for each in columns)).order_by(mapped.c.id))
        return [row[0] if len(columns) == 1 else tuple(row) for row in found]

    async def set(self, table: type[Base], **values: Any) -> None:
        """Change every row of a table."""
        async with self.world.works.begin() as work:
            await work.execute(update(table).values(**values))

    async def told(self) -> list[tuple[str, str]]:
        """The kinds and sentences of the timeline that tell of notifications and channels."""
        async with self.world.works.read() as work:
            rows = await work.rows(select(JournalRow.kind, JournalRow.details).order_by(JournalRow.number))
        return [
            (row.kind, row.details["message"]) for row in rows if row.kind.startswith(("notification.", "channel."))
        ]

    async def alert(self, subject: str = "checkout", **more: Any) -> UUID:
        alert = new_id(self.world.clock.now())
        async with self.world.works.begin() as work:
            await work.execute(insert(AlertRow).values(**alert_values(alert, work.now, subject, more)))
        return alert


def rule(severity: Severity = Severity.CRITICAL) -> Rule:
    """A rule like the guide's first."""
    return Rule(
        id=UUID(int=7),
        name="high_error_rate",
        enabled=True,
        severity=severity,
        condition=Condition(Signal.ERROR_RATE, Comparison.ABOVE, 0.05, window=timedelta(minutes=5)),
        runbook=RUNBOOK,
        runbook_url="https://wiki.example.com/errors",
    )


def alert_values(alert: UUID, now: datetime, subject: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a firing alert."""
    severity = Severity(more.get("severity", Severity.CRITICAL))
    return {
        "id": alert,
        "rule_id": UUID(int=7),
        "rule_name": "high_error_rate",
        "rule": rule(severity).to_json(),
        "subject": subject,
        "service": subject.split()[0],
        "attributes": {},
        "severity": severity.value,
        "state": "firing",
        "episode": 1,
        "summary": f"error rate of {subject} is 7.2 %, above 5 % over 5 min",
        "value": 0.072,
        "peak": 0.08,
        "threshold": 0.05,
        "unit": "1",
        "evidence": {},
        "opened_at": now,
        "level": 0,
        "updated_at": now,
        **more,
    }


@pytest.fixture
def stored(world: World) -> Stored:
    """Rows for the world of the test."""
    return Stored(world)


@pytest.fixture
def near(world: World) -> Settings:
    """The world's settings with leave to reach this machine."""
    return replace(world.settings, egress_allow=("127.0.0.0/8",))


@pytest_asyncio.fixture
async def courier(world: World, near: Settings) -> AsyncIterator[Courier]:
    """A courier that reaches receivers on this machine."""
    courier = Courier(near, world.works)
    yield courier
    await courier.stop()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """An HTTP receiver that answers 200 unless told otherwise."""
    async with http_receiver() as receiver:
        yield receiver
