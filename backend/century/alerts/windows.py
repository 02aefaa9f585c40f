"""Maintenance windows: planned, changed, ended; and the release of what is still wrong after them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, and_, insert, or_, select, update

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT, COLUMNS, WINDOW, of_row, window_of_row, windows
from century.alerts.plan import Planned, check
from century.alerts.releasing import release
from century.alerts.tables import MaintenanceWindowRow
from century.alerts.window import Matcher, Occurrence, Window
from century.core.errors import Conflict, NotFound
from century.core.ids import new_id
from century.core.work import Work

RELEASED_AT_ONCE = 500
PAST = timedelta(days=30)
MOST = 200


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A window and who made it."""

    window: Window
    created_at: datetime
    created_by_id: UUID | None
    created_by_name: str


async def listed(work: Work, *, past: bool) -> list[MaintenanceWindow]:
    """Those that hold now or will; with `past` also those of the last 30 days."""
    known = await windows(work, ended_since=work.now - PAST if past else work.now)
    if not past:
        known = [each for each in known if each.active(work.now) or each.next(work.now)]
    rows = await work.rows(select(WINDOW).where(WINDOW.c.id.in_([each.id for each in known])))
    found = [_made(row) for row in rows]
    return sorted(found, key=lambda each: (_next(each.window, work.now), each.window.id))


def _next(window: Window, now: datetime) -> datetime:
    first: Occurrence | None = window.active(now) or window.next(now)
    return first.starts_at if first else window.starts_at


async def window(work: Work, window_id: UUID, *, lock: bool = False) -> MaintenanceWindow:
    """One window; NotFound."""
    statement = select(WINDOW).where(WINDOW.c.id == window_id)
    row = await work.one_or_none(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound(f"no maintenance window {window_id}")
    return _made(row)


def _made(row: Row[tuple[object, ...]]) -> MaintenanceWindow:
    return MaintenanceWindow(window_of_row(row), row.created_at, row.created_by_id, row.created_by_name)


async def plan(work: Work, planned: Planned) -> MaintenanceWindow:
    """A new window; Invalid, naming every field that cannot be taken."""
    await asyncio.to_thread(check, planned, work.now)
    if len([each for each in await windows(work) if each.active(work.now) or each.next(work.now)]) >= MOST:
        raise Conflict(f"there are {MOST} maintenance windows ahead already: end some, or let one hold more")
    window_id = new_id(work.now)
    await work.execute(
        insert(MaintenanceWindowRow).values(
            id=window_id, created_at=work.now, created_by_id=work.actor.id, created_by_name=work.actor.name,
            **_columns(planned),
        )
    )  # fmt: skip
    work.record("window.created", window_id, subject_name=planned.reason, message=f"{work.actor.name} planned it")
    return await window(work, window_id)


async def change(work: Work, window_id: UUID, planned: Planned) -> MaintenanceWindow:
    """A window as it is to be from now on; NotFound; Conflict once it is over; Invalid."""
    found = await window(work, window_id, lock=True)
    if _is_over(found.window, work.now):
        raise Conflict("this maintenance window is over: plan another one")
    began = found.window.starts_at <= work.now and planned.starts_at == found.window.starts_at
    await asyncio.to_thread(check, planned, work.now, began=began)
    before = found.window
    await work.execute(
        update(MaintenanceWindowRow).where(MaintenanceWindowRow.id == window_id).values(**_columns(planned))
    )
    work.record("window.updated", window_id, subject_name=planned.reason, message=f"{work.actor.name} changed it")
    changed = await window(work, window_id)
    if before.active(work.now):
        await _release(work, [(before, f"the maintenance window was changed: {planned.reason}")])
    return changed


async def end(work: Work, window_id: UUID) -> MaintenanceWindow:
    """End a window now; what is still wrong is released. NotFound; Conflict once it is over."""
    found = await window(work, window_id, lock=True)
    if _is_over(found.window, work.now):
        raise Conflict("this maintenance window is over already")
    await work.execute(
        update(MaintenanceWindowRow)
        .where(MaintenanceWindowRow.id == window_id)
        .values(ended_at=work.now, released_at=work.now)
    )
    work.record("window.ended", window_id, subject_name=found.window.reason, message=f"{work.actor.name} ended it")
    if found.window.active(work.now):
        why = f"{work.actor.name} ended the maintenance window: {found.window.reason}"
        await _release(work, [(found.window, why)])
    return await window(work, window_id)


def _is_over(known: Window, now: datetime) -> bool:
    return known.ended_at is not None or (known.active(now) is None and known.next(now) is None)


def _columns(planned: Planned) -> dict[str, object]:
    return {
        "matchers": [each.to_json() for each in planned.matchers],
        "starts_at": planned.starts_at,
        "ends_at": planned.ends_at,
        "recurrence": planned.recurrence,
        "time_zone": planned.time_zone,
        "reason": planned.reason.strip(),
    }


async def release_ended(work: Work) -> int:
    """Release what is still wrong after windows whose time is over; answers how many ended."""
    rows = await work.rows(
        select(WINDOW)
        .where(
            WINDOW.c.ended_at.is_(None),
            WINDOW.c.starts_at < work.now,
            or_(
                WINDOW.c.recurrence.is_not(None),
                and_(WINDOW.c.ends_at <= work.now, WINDOW.c.released_at.is_(None)),
            ),
        )
        .order_by(WINDOW.c.id)
        .with_for_update(skip_locked=True)
    )
    ended: list[tuple[Window, str]] = []
    for row in rows:
        known = window_of_row(row)
        last = known.last_end(work.now)
        if last is None or (row.released_at is not None and row.released_at >= last):
            continue
        await work.execute(
            update(MaintenanceWindowRow).where(MaintenanceWindowRow.id == known.id).values(released_at=last)
        )
        ended.append((known, f"the maintenance window is over, and this is still wrong: {known.reason}"))
    if ended:
        await _release(work, ended)
    return len(ended)


async def _release(work: Work, ended: Sequence[tuple[Window, str]]) -> None:
    """Let what these windows held page again, unless another one holds it, or the same one as it is now."""
    still = [each for each in await windows(work) if each.active(work.now)]
    last = UUID(int=0)
    while True:
        rows = await work.rows(
            select(*COLUMNS)
            .where(ALERT.c.state == AlertState.FIRING.value, ALERT.c.id > last)
            .order_by(ALERT.c.id)
            .limit(RELEASED_AT_ONCE)
            .with_for_update()
        )
        if not rows:
            return
        last = rows[-1].id
        firing = [of_row(row) for row in rows]
        await release(work, [(each, why) for each in firing if (why := _let_go(each, ended, still, work.now))])


def _let_go(alert: Alert, ended: Sequence[tuple[Window, str]], still: Sequence[Window], now: datetime) -> str | None:
    """Why an alert pages again; None: it does not."""
    suppressed = alert.suppressed_until is not None and alert.suppressed_until > now
    if suppressed or any(each.covers(alert) for each in still):
        return None
    return next((why for window, why in ended if window.covers(alert)), None)


async def affected(work: Work, asked: Sequence[tuple[Matcher, ...]]) -> list[int]:
    """How many open alerts each of these sets of matchers fits."""
    rows = await work.rows(select(*COLUMNS).where(ALERT.c.state != AlertState.RESOLVED.value))
    alerts = [of_row(row) for row in rows]
    return [sum(all(matcher.fits(each) for matcher in matchers) for each in alerts) for matchers in asked]
