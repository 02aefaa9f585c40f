"""What the status page is set up to show: read, and saved as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from century.core.errors import Invalid
from century.core.ids import new_id
from century.core.work import Work
from century.overview.standings import Chosen
from century.overview.status import StatusKind, slug_of
from century.overview.status_draft import PageDraft, Source, problems
from century.overview.tables import StatusItemRow, StatusPageRow
from century.probes.kind import Problem
from century.telemetry.identity import SHOWN

PAGE = StatusPageRow.__table__
ITEM = StatusItemRow.__table__
TITLE = "Status"
SOURCES = text(f"""
    SELECT 'probe' AS kind, id::text AS source FROM probe UNION ALL SELECT 'heartbeat', id::text FROM heartbeat
    UNION ALL SELECT 'service', name FROM service WHERE {SHOWN}""")


@dataclass(frozen=True, slots=True)
class Page:
    """The page as it was set up; the things in their order."""

    published: bool
    title: str
    text: str
    chosen: tuple[Chosen, ...]


async def page(work: Work) -> Page:
    """The page; one that nobody has set up is not published."""
    row = await work.one_or_none(select(PAGE).where(PAGE.c.id == 1))
    chosen = tuple(_chosen(each) for each in await work.rows(select(ITEM).order_by(ITEM.c.position)))
    return Page(row.published, row.title, row.text, chosen) if row else Page(False, TITLE, "", chosen)


def _chosen(row: Row[Any]) -> Chosen:
    return Chosen(row.id, row.group_name, StatusKind(row.kind), row.source, row.name, row.slug)


async def save(work: Work, draft: PageDraft) -> list[Problem]:
    """Show what the draft says, and answer what may not be meant; Invalid, naming every field that cannot be taken.

    What was shown before keeps its badge's address, whatever it is called now.
    """
    known: set[Source] = {(StatusKind(row.kind), row.source) for row in await work.rows(SOURCES)}
    found = problems(draft, known)
    if refused := {each.field: each.message for each in found if each.refused}:
        raise Invalid("the status page cannot be saved like this", fields=refused)
    written = {"published": draft.published, "title": draft.title, "text": draft.text, "updated_at": work.now}
    # Whoever saves at the same time waits for this row.
    await work.execute(
        upsert(StatusPageRow).values(id=1, **written).on_conflict_do_update(index_elements=["id"], set_=written)
    )
    before = (await page(work)).chosen
    await work.execute(delete(StatusItemRow))
    if rows := _rows(work, draft, before):
        await work.execute(insert(StatusItemRow), rows)
    shown = f"{len(draft.items)} things" if len(draft.items) != 1 else "1 thing"
    state = "published" if draft.published else "not published"
    work.record(
        "status_page.changed", None, message=f"{work.actor.name} changed the status page: {shown}, {state}"
    )  # fmt: skip
    return [each for each in found if not each.refused]


def _rows(work: Work, draft: PageDraft, before: Sequence[Chosen]) -> list[dict[str, Any]]:
    kept = {(each.kind, each.source): each for each in before}
    wanted = [(group.name, item) for group in draft.groups for item in group.items]
    taken = {kept[item.kind, item.source].slug for _, item in wanted if (item.kind, item.source) in kept}
    rows = []
    for position, (group, item) in enumerate(wanted):
        known = kept.get((item.kind, item.source))
        slug = known.slug if known else slug_of(item.name, taken)
        taken.add(slug)
        rows.append({
            "id": known.id if known else new_id(work.now), "position": position, "group_name": group,
            "kind": item.kind.value, "source": item.source, "name": item.name, "slug": slug,
        })  # fmt: skip
    return rows
