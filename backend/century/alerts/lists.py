"""Alerts by what is asked of them, a page at a time, and how many are open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT, COLUMNS, of_row
from century.core.errors import Invalid
from century.core.graphql.pages import Page, Part, check_first, decode_cursor
from century.core.work import Work
from century.rules.severity import Severity

LONGEST_TEXT = 200
TOLD = (AlertState.FIRING.value, AlertState.ACKNOWLEDGED.value)
RANKS = {severity: rank for rank, severity in enumerate(Severity)}
RANK = case({severity.value: rank for severity, rank in RANKS.items()}, value=ALERT.c.severity, else_=len(RANKS))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts; None: any. Pending ones only where they are asked for."""

    states: tuple[AlertState, ...] | None = None
    severities: tuple[Severity, ...] | None = None
    service: str | None = None
    rule: UUID | None = None
    subject: str | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None
    text: str | None = None
    suppressed: bool | None = None

    @property
    def only_open(self) -> bool:
        """Whether none of them can be over: these come by severity first."""
        return self.states is not None and AlertState.RESOLVED not in self.states


async def page(work: Work, wanted: Wanted, first: int, after: str | None) -> Page[Alert]:
    """A page, the newest first; of open ones the most severe first. Invalid."""
    check_first(first)
    where = _where(wanted, work.now)
    ranked = wanted.only_open
    if after is not None:
        rank, opened_at, alert_id = _cursor(after, ranked=ranked)
        older = tuple_(ALERT.c.opened_at, ALERT.c.id) < (opened_at, alert_id)
        where.append(or_(RANK > rank, and_(RANK == rank, older)) if ranked else older)
    order: list[Any] = [ALERT.c.opened_at.desc(), ALERT.c.id.desc()]
    rows = await work.rows(
        select(*COLUMNS).where(*where).order_by(*([RANK, *order] if ranked else order)).limit(first + 1)
    )
    found = [of_row(row) for row in rows]

    def key(each: Alert) -> tuple[Part, ...]:
        return (RANKS[each.severity] if ranked else None, each.opened_at.isoformat(), str(each.id))

    return Page.cut(found, first, key)


async def total(work: Work, wanted: Wanted) -> int:
    """How many there are in all."""
    rows = await work.rows(select(func.count()).select_from(ALERT).where(*_where(wanted, work.now)))
    return int(rows[0][0])


def _cursor(after: str, *, ranked: bool) -> tuple[int, datetime, UUID]:
    try:
        rank, opened_at, alert_id = decode_cursor(after)
        if (rank is not None) != ranked:
            raise ValueError("a cursor of another list")
        moment = datetime.fromisoformat(str(opened_at))
        if moment.tzinfo is None:
            raise ValueError("no instant")
        return int(rank or 0), moment, UUID(str(alert_id))
    except (ValueError, OverflowError):
        raise Invalid("after is not a cursor of this list", field="after") from None


def _where(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.states is None:
        where.append(ALERT.c.state != AlertState.PENDING.value)
    else:
        where.append(ALERT.c.state.in_([each.value for each in wanted.states]))
    if wanted.severities is not None:
        where.append(ALERT.c.severity.in_([each.value for each in wanted.severities]))
    for column, value in ((ALERT.c.service, wanted.service), (ALERT.c.subject, wanted.subject)):
        if value is not None:
            where.append(column == _said(value, column.name))
    if wanted.rule is not None:
        where.append(ALERT.c.rule_id == wanted.rule)
    if wanted.opened_from is not None:
        where.append(ALERT.c.opened_at >= wanted.opened_from)
    if wanted.opened_to is not None:
        where.append(ALERT.c.opened_at < wanted.opened_to)
    if wanted.text is not None and wanted.text.strip():
        text = _said(wanted.text.strip(), "text")
        where.append(
            or_(
                *(
                    column.icontains(text, autoescape=True)
                    for column in (ALERT.c.summary, ALERT.c.rule_name, ALERT.c.subject)
                )
            )
        )
    if wanted.suppressed is not None:
        held = and_(func.coalesce(ALERT.c.suppressed_until > now, False), ALERT.c.state.in_(TOLD))
        where.append(held if wanted.suppressed else ~held)
    return where


def _said(value: str, name: str) -> str:
    if len(value) > LONGEST_TEXT or "\0" in value:
        raise Invalid(f"{name} has {LONGEST_TEXT} characters at most", field=f"filter.{name}")
    return value


async def open_by_service(work: Work, services: Collection[str]) -> dict[str, dict[Severity, int]]:
    """How many alerts of each severity are open, by service; without one, none."""
    rows = await work.rows(
        select(ALERT.c.service, ALERT.c.severity, func.count().label("alerts"))
        .where(ALERT.c.service.in_(list(services)), ALERT.c.state.in_(TOLD))
        .group_by(ALERT.c.service, ALERT.c.severity)
    )
    found: dict[str, dict[Severity, int]] = {}
    for row in rows:
        found.setdefault(row.service, {})[Severity(row.severity)] = row.alerts
    return found


async def open_by_attribute(work: Work, key: str, values: Collection[str]) -> dict[str, dict[Severity, int]]:
    """How many alerts of each severity are open whose attribute `key` is one of these, by it."""
    value = ALERT.c.attributes[key].astext
    rows = await work.rows(
        select(value.label("value"), ALERT.c.severity, func.count().label("alerts"))
        .where(ALERT.c.state.in_(TOLD), value.in_(list(values)))
        .group_by(value, ALERT.c.severity)
    )
    found: dict[str, dict[Severity, int]] = {}
    for row in rows:
        found.setdefault(row.value, {})[Severity(row.severity)] = row.alerts
    return found


async def open_by_rule(work: Work, rules: Collection[UUID]) -> dict[UUID, int]:
    """How many alerts of each rule are open."""
    rows = await work.rows(
        select(ALERT.c.rule_id, func.count().label("alerts"))
        .where(ALERT.c.rule_id.in_(list(rules)), ALERT.c.state.in_(TOLD))
        .group_by(ALERT.c.rule_id)
    )
    return {row.rule_id: row.alerts for row in rows}


async def children(work: Work, parents: Collection[UUID]) -> dict[UUID, list[Alert]]:
    """The alerts that hang, or hung, on these, the newest first."""
    rows = await work.rows(
        select(*COLUMNS)
        .where(ALERT.c.parent_id.in_(list(parents)), ALERT.c.state != AlertState.PENDING.value)
        .order_by(ALERT.c.opened_at.desc(), ALERT.c.id.desc())
        .limit(500)
    )
    found: dict[UUID, list[Alert]] = {each: [] for each in parents}
    for row in rows:
        found[row.parent_id].append(of_row(row))
    return found
