"""What the tests of notify stand on: people, channels and alerts, stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from century.access.tables import PersonRow
from century.alerts.tables import AlertRow
from century.core.actor import Role
from century.core.ids import new_id
from century.notify.channel import ChannelKind
from century.notify.tables import ChannelRow
from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.targets import Comparison
from tests.world import World

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
        async with self.world.works.begin() as work:
            await work.execute(
                insert(ChannelRow).values(
                    id=channel, name=name, kind=kind.value, created_at=work.now, updated_at=work.now, **values
                )
            )
        return channel

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
