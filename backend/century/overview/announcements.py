"""What people announce on the status page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, or_, select, update

from century.core.errors import Conflict, Invalid, NotFound
from century.core.ids import new_id
from century.core.work import Work
from century.overview.status import SHOWN_DAYS, Announcement, StatusLevel
from century.overview.status_draft import AnnouncementDraft, announcement_problems
from century.overview.tables import AnnouncementRow

TABLE = AnnouncementRow.__table__
MOST = 200


async def announcements(work: Work) -> list[Announcement]:
    """Those that hold, will hold, or ended of late; the newest first."""
    since = work.now - timedelta(days=SHOWN_DAYS)
    rows = await work.rows(
        select(TABLE)
        .where(or_(TABLE.c.ends_at.is_(None), TABLE.c.ends_at > since))
        .order_by(TABLE.c.starts_at.desc(), TABLE.c.id.desc())
    )
    return [_of_row(row) for row in rows]


def _of_row(row: Row[Any]) -> Announcement:
    return Announcement(
        row.id, row.title, row.text, StatusLevel(row.level), row.starts_at, row.ends_at, row.updated_at,
        row.created_by_id, row.created_by_name,
    )  # fmt: skip


async def announcement(work: Work, announcement_id: UUID, *, lock: bool = False) -> Announcement:
    """One of them; NotFound."""
    statement = select(TABLE).where(TABLE.c.id == announcement_id)
    row = await work.one_or_none(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound(f"no announcement {announcement_id}")
    return _of_row(row)


async def save(work: Work, draft: AnnouncementDraft) -> Announcement:
    """Announce something, or change what was announced; NotFound; Invalid, naming every field that cannot be taken."""
    before = await announcement(work, draft.id, lock=True) if draft.id is not None else None
    starts_at = draft.starts_at or (before.starts_at if before else work.now)
    if refused := {each.field: each.message for each in announcement_problems(draft, starts_at)}:
        raise Invalid("this cannot be announced like this", fields=refused)
    said = {
        "title": draft.title, "text": draft.text, "level": draft.level.value, "starts_at": starts_at,
        "ends_at": draft.ends_at, "updated_at": work.now,
    }  # fmt: skip
    if before is not None:
        await work.execute(update(AnnouncementRow).where(TABLE.c.id == before.id).values(**said))
        _record(work, "announcement.changed", before.id, draft.title, "changed")
        return await announcement(work, before.id)
    if len(await announcements(work)) >= MOST:
        raise Conflict(f"there are {MOST} announcements already: take some back, or end them")
    made = new_id(work.now)
    author = {"created_by_id": work.actor.id, "created_by_name": work.actor.name}
    await work.execute(insert(AnnouncementRow).values(id=made, **said, **author))
    _record(work, "announcement.created", made, draft.title, "announced")
    return await announcement(work, made)


async def remove(work: Work, announcement_id: UUID) -> None:
    """Take an announcement back; NotFound."""
    known = await announcement(work, announcement_id, lock=True)
    await work.execute(delete(AnnouncementRow).where(TABLE.c.id == announcement_id))
    _record(work, "announcement.removed", known.id, known.title, "took back")


def _record(work: Work, kind: str, subject: UUID, title: str, did: str) -> None:
    work.record(kind, subject, subject_name=title, message=f"{work.actor.name} {did} '{title}' on the status page")
