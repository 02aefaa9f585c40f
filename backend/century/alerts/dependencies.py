"""An alert whose rule depends on another's open alert hangs on that one, and is released with its end."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Text, bindparam, cast, exists, func, or_, select

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT, COLUMNS, of_row
from century.alerts.parents import parent_of
from century.alerts.releasing import release as let_go
from century.core.work import Work
from century.rules.tables import RuleRow

AT_ONCE = 500
TOLD = (AlertState.FIRING.value, AlertState.ACKNOWLEDGED.value)
PARENT = ALERT.alias("parent")
# `parent_of` in SQL: a batch holds only what there is something to hang on, and what has nothing is in nobody's way.
HAS_PARENT = exists().where(
    ALERT.c.rule["depends_on"].has_key(cast(PARENT.c.rule_id, Text)),
    PARENT.c.state.in_(TOLD),
    PARENT.c.id != ALERT.c.id,
    PARENT.c.parent_id.is_distinct_from(ALERT.c.id),
    or_(PARENT.c.service.is_(None), PARENT.c.service == ALERT.c.service),
)
HANG = ALERT.update().where(ALERT.c.id == bindparam("alert")).values(parent_id=bindparam("parent"))


async def link(work: Work, fired: Sequence[Alert]) -> None:
    """Hang what fires now on what is open."""
    await _hang(work, [each for each in fired if each.rule.depends_on])


async def adopt(work: Work) -> int:
    """Hang what was firing before on what opened after it; answers how many found a parent."""
    depending = select(RuleRow.id).where(func.cardinality(RuleRow.depends_on) > 0)
    rows = await work.rows(
        select(*COLUMNS)
        .where(ALERT.c.rule_id.in_(depending), ALERT.c.state == AlertState.FIRING.value, ALERT.c.parent_id.is_(None))
        .where(HAS_PARENT)
        .order_by(ALERT.c.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return len(await _hang(work, [of_row(row) for row in rows]))


async def _hang(work: Work, children: Sequence[Alert]) -> dict[UUID, Alert]:
    """Hang each on an open alert it depends on, if there is one; answers the parents by their children."""
    rules = {rule for child in children for rule in child.rule.depends_on}
    if not rules:
        return {}
    rows = await work.rows(
        select(*COLUMNS)
        .where(ALERT.c.rule_id.in_(rules), ALERT.c.state.in_(TOLD))
        .order_by(ALERT.c.opened_at)
        # Whoever holds one of them may wait for what we hold: that one is left to `adopt`.
        .with_for_update(key_share=True, read=True, skip_locked=True)
    )
    parents = [of_row(row) for row in rows]
    found = {child.id: parent for child in children if (parent := parent_of(child, parents)) is not None}
    if found:
        await work.execute(HANG, [{"alert": child, "parent": parent.id} for child, parent in found.items()])
    return found


async def release(work: Work, over: Sequence[Alert]) -> None:
    """What hung on alerts that are over hangs on another open one, or pages. It was locked together with them."""
    rows = await work.rows(
        select(*COLUMNS)
        .where(ALERT.c.parent_id.in_([each.id for each in over]), ALERT.c.state.in_(TOLD))
        .order_by(ALERT.c.id)
        .with_for_update()
    )
    children = [of_row(row) for row in rows]
    still = await _hang(work, children)
    ended = {each.id: each for each in over}
    await let_go(
        work,
        [
            (child, f"{ended[child.parent_id].rule_name} is over, and this is still wrong")
            for child in children
            if child.id not in still and child.parent_id is not None
        ],
    )
