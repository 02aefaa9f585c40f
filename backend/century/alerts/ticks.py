"""The steps of runbooks that somebody did."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from century.alerts.tables import TickRow
from century.core.work import Work


@dataclass(frozen=True, slots=True)
class Tick:
    """Who did a step, and when."""

    at: datetime
    by: str


async def of_alerts(work: Work, alert_ids: Collection[UUID]) -> dict[UUID, dict[str, Tick]]:
    """What was done of these alerts' runbooks, by step."""
    rows = await work.rows(select(TickRow.__table__).where(TickRow.alert_id.in_(list(alert_ids))))
    found: dict[UUID, dict[str, Tick]] = {each: {} for each in alert_ids}
    for row in rows:
        found[row.alert_id][row.step] = Tick(row.done_at, row.done_by_name)
    return found
