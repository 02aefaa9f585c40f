"""The deployments around an alert: what was kept with it, and what came after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from century.alerts.alert import Alert
from century.alerts.evidence import NEARBY
from century.alerts.kept import ALERT
from century.core.work import Work
from century.telemetry.deployments import Deployment

LONGEST = timedelta(days=2)
MOST = 50
AROUND = text(
    """SELECT a.id AS alert, d.id, d.at, d.version, d.url, a.service
    FROM unnest(CAST(:alerts AS uuid[]), CAST(:services AS text[]), CAST(:starts AS timestamptz[]),
        CAST(:ends AS timestamptz[])) AS a (id, service, starts_at, ends_at)
    JOIN service s ON s.name = a.service
    CROSS JOIN LATERAL (
        SELECT * FROM deployment d WHERE d.service_id = s.id AND d.at > a.starts_at AND d.at <= a.ends_at
        ORDER BY d.at DESC LIMIT :most
    ) d"""
)


async def of_alerts(work: Work, alerts: Sequence[Alert]) -> dict[UUID, list[Deployment]]:
    """The deployments from an hour before each alert opened until it was over (two days at most), the oldest first."""
    found: dict[UUID, dict[UUID, Deployment]] = {each.id: {} for each in alerts}
    rows = await work.rows(
        select(ALERT.c.id, ALERT.c.evidence["deployments"].label("kept")).where(ALERT.c.id.in_(found))
    )
    for row in rows:
        for each in row.kept or ():
            made = Deployment(
                UUID(each["id"]), datetime.fromisoformat(each["at"]), each["version"], each["url"], each["service"]
            )
            found[row.id][made.id] = made
    named = [each for each in alerts if each.service is not None]
    around = {
        "alerts": [each.id for each in named],
        "services": [each.service for each in named],
        "starts": [each.opened_at - NEARBY for each in named],
        "ends": [min(each.resolved_at or work.now, each.opened_at + LONGEST) for each in named],
        "most": MOST,
    }
    for row in await work.rows(AROUND, around) if named else ():
        found[row.alert][row.id] = Deployment(row.id, row.at, row.version, row.url, row.service)
    return {id: sorted(each.values(), key=lambda made: (made.at, made.id)) for id, each in found.items()}
