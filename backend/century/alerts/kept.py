"""Alerts and maintenance windows as they are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import Row, Select, Table, func, or_, select, update

from century.alerts.alert import Alert, AlertState
from century.alerts.paging import Hold, held
from century.alerts.tables import AlertRow, MaintenanceWindowRow
from century.alerts.window import Matcher, Window
from century.core.work import Work
from century.rules.rule import Rule
from century.rules.severity import Severity

ALERT = cast("Table", AlertRow.__table__)
COLUMNS = [column for column in ALERT.c if column.name != "evidence"]
WINDOW = cast("Table", MaintenanceWindowRow.__table__)


def of_row(row: Row[Any]) -> Alert:
    """The alert of a row that has all columns but its evidence."""
    return Alert(
        id=row.id, rule=Rule.from_json(row.rule), subject=row.subject, service=row.service,
        attributes=tuple((str(key), str(value)) for key, value in row.attributes.items()),
        severity=Severity(row.severity), state=AlertState(row.state), episode=row.episode, summary=row.summary,
        value=row.value, peak=row.peak, threshold=row.threshold, unit=row.unit, pending_since=row.pending_since,
        opened_at=row.opened_at, updated_at=row.updated_at, acknowledged_at=row.acknowledged_at,
        acknowledged_by_id=row.acknowledged_by_id, acknowledged_by_name=row.acknowledged_by_name,
        suppressed_until=row.suppressed_until, suppressed_by_id=row.suppressed_by_id,
        suppressed_by_name=row.suppressed_by_name, suppression_reason=row.suppression_reason,
        resolved_at=row.resolved_at, resolved_by_id=row.resolved_by_id, resolved_by_name=row.resolved_by_name,
        response_due_at=row.response_due_at, response_breached_at=row.response_breached_at, reopens_at=row.reopens_at,
        damped_until=row.damped_until, parent_id=row.parent_id, level=row.level, due_at=row.due_at,
        attention_at=row.attention_at,
    )  # fmt: skip


async def alerts_by_id(
    work: Work, ids: Collection[UUID], *, lock: Literal["update", "share"] | None = None
) -> dict[UUID, Alert]:
    """These alerts, those that there are; locked always in the same order, so that no two wait for each other."""
    if not ids:
        return {}
    statement: Select[Any] = select(*COLUMNS).where(ALERT.c.id.in_(list(ids))).order_by(ALERT.c.id)
    if lock is not None:
        statement = statement.with_for_update(read=lock == "share")
    return {row.id: of_row(row) for row in await work.rows(statement)}


async def lock_with_children(work: Work, ids: Collection[UUID]) -> None:
    """Lock alerts that are to end, and what hangs on them, which is released then: in the order in which all lock."""
    given = list(ids)
    mine = select(ALERT.c.id).where(or_(ALERT.c.id.in_(given), ALERT.c.parent_id.in_(given)))
    await work.rows(mine.order_by(ALERT.c.id).with_for_update())


async def windows(work: Work, *, ended_since: datetime | None = None) -> list[Window]:
    """The maintenance windows that may hold now or later, or did after `ended_since`, the newest first."""
    since = ended_since or work.now
    rows = await work.rows(
        select(WINDOW)
        .where(
            or_(WINDOW.c.ended_at.is_(None), WINDOW.c.ended_at > since),
            or_(WINDOW.c.ends_at > since, WINDOW.c.recurrence.is_not(None)),
        )
        .order_by(WINDOW.c.id.desc())
    )
    return [window_of_row(row) for row in rows]


def window_of_row(row: Row[Any]) -> Window:
    return Window(
        id=row.id, matchers=tuple(Matcher.from_json(each) for each in row.matchers), starts_at=row.starts_at,
        ends_at=row.ends_at, reason=row.reason, recurrence=row.recurrence, time_zone=row.time_zone,
        ended_at=row.ended_at,
    )  # fmt: skip


async def holds(work: Work, alerts: Collection[Alert]) -> dict[UUID, Hold]:
    """What keeps these alerts from paging now; those that page are left out."""
    if not alerts:
        return {}
    # Asked once, not once an alert.
    known = [each for each in await windows(work) if each.active(work.now)]
    parents = await _open_parents(work, alerts)
    found = {each.id: held(each, known, parents.get(each.parent_id), work.now) for each in alerts}
    return {id: hold for id, hold in found.items() if hold is not None}


async def _open_parents(work: Work, alerts: Collection[Alert]) -> dict[UUID | None, Alert]:
    wanted = {each.parent_id for each in alerts if each.parent_id is not None}
    if not wanted:
        return {}
    parents = await alerts_by_id(work, wanted)
    return {id: each for id, each in parents.items() if each.is_told}


async def look(work: Work, alert_ids: Sequence[UUID], at: datetime | None = None) -> None:
    """Ask the ladder to look at these alerts, at once or at the given time, unless it looks earlier anyway."""
    if not alert_ids:
        return
    moment = at or work.now
    # Locked in the order in which all others lock.
    mine = select(ALERT.c.id).where(ALERT.c.id.in_(list(alert_ids))).order_by(ALERT.c.id).with_for_update()
    await work.execute(
        update(AlertRow)
        .where(AlertRow.id.in_(mine))
        # least() passes over what is null.
        .values(due_at=func.least(AlertRow.due_at, moment))
    )
