"""Lists of probes, and of what was found of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, or_, select, tuple_

from century.core.errors import Invalid
from century.core.graphql.pages import Page, check_first, decode_cursor
from century.core.timerange import TimeRange
from century.core.work import Work
from century.probes.kept import CHANGE, NOW, PROBE, facts_of_json, probe_of
from century.probes.kind import ProbeKind
from century.probes.measurement import Fact
from century.probes.probe import Probe, ProbeState
from century.probes.tables import CheckRow, WorkerRow

CHECK = CheckRow.__table__
WORKER = WorkerRow.__table__
LONGEST_TEXT = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which probes: all of them, unless something is asked for; `text` stands in the name, the settings or a label."""

    kinds: Collection[ProbeKind] | None = None
    states: Collection[ProbeState] | None = None
    service: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A check that told something."""

    id: int
    at: datetime
    ok: bool
    state: ProbeState
    latency: float | None
    message: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A row of a ledger, and when the next one came."""

    at: datetime
    state: ProbeState
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that asks."""

    name: str
    host: str
    seen_at: datetime
    connected: bool
    since: datetime
    reason: str | None
    checks_per_second: float
    lateness: float


async def probes(work: Work, wanted: Wanted | None = None) -> list[Probe]:
    """The probes that are asked for, by name."""
    wanted = wanted or Wanted()
    statement = select(*PROBE.c).order_by(func.lower(PROBE.c.name))
    if wanted.kinds is not None:
        statement = statement.where(PROBE.c.kind.in_([each.value for each in wanted.kinds]))
    if wanted.states is not None:
        states = [each.value for each in wanted.states]
        statement = statement.join(NOW, NOW.c.probe_id == PROBE.c.id).where(NOW.c.state.in_(states))
    if wanted.service is not None:
        statement = statement.where(PROBE.c.service == wanted.service)
    if wanted.text and (said := wanted.text.strip()):
        if len(said) > LONGEST_TEXT:
            raise Invalid(f"text may have {LONGEST_TEXT} characters at most", field="filter.text")
        # Without what follows a ?: there may be a key, which whoever only looks could find letter by letter.
        settings = func.regexp_replace(cast(PROBE.c.settings, Text), r'\?[^"\s]*', "", "g")
        places = (PROBE.c.name, settings, cast(PROBE.c.labels, Text))
        statement = statement.where(or_(*(func.strpos(func.lower(each), said.lower()) > 0 for each in places)))
    return [probe_of(row) for row in await work.rows(statement)]


async def of_services(work: Work, names: Collection[str]) -> dict[str, list[Probe]]:
    """The probes of each of these services, by name."""
    found: dict[str, list[Probe]] = {each: [] for each in names}
    for row in await work.rows(
        select(*PROBE.c).where(PROBE.c.service.in_(list(names))).order_by(func.lower(PROBE.c.name))
    ):
        found[row.service].append(probe_of(row))
    return found


async def children(work: Work, ids: Collection[UUID]) -> dict[UUID, list[Probe]]:
    """The probes that depend on each of these, by name."""
    found: dict[UUID, list[Probe]] = {each: [] for each in ids}
    for row in await work.rows(
        select(*PROBE.c).where(PROBE.c.parent_id.in_(list(ids))).order_by(func.lower(PROBE.c.name))
    ):
        found[row.parent_id].append(probe_of(row))
    return found


async def checks(work: Work, probe_id: UUID, first: int, after: str | None) -> Page[Check]:
    """The checks of a probe that told something, the newest first."""
    statement = select(*CHECK.c).where(CHECK.c.probe_id == probe_id)
    if after is not None:
        statement = statement.where(tuple_(CHECK.c.at, CHECK.c.id) < tuple_(*_read(after)))
    rows = await work.rows(statement.order_by(CHECK.c.at.desc(), CHECK.c.id.desc()).limit(check_first(first) + 1))
    return Page.cut([_check(row) for row in rows], first, lambda each: (each.at.isoformat(), each.id))


async def changes(work: Work, probe_id: UUID, span: TimeRange, first: int, after: str | None) -> Page[Change]:
    """The ledger of a probe in a range, the newest first."""
    until = func.lead(CHANGE.c.at).over(order_by=CHANGE.c.at).label("until")
    ledger = select(*CHANGE.c, until).where(CHANGE.c.probe_id == probe_id).subquery()
    statement = select(*ledger.c).where(ledger.c.at >= span.start, ledger.c.at < span.end)
    if after is not None:
        statement = statement.where(ledger.c.at < _instant(decode_cursor(after)))
    rows = await work.rows(statement.order_by(ledger.c.at.desc()).limit(check_first(first) + 1))
    found = [Change(row.at, ProbeState(row.state), row.until, row.reason) for row in rows]
    return Page.cut(found, first, lambda each: (each.at.isoformat(),))


async def workers(work: Work) -> list[Worker]:
    """The workers that ask, by machine."""
    rows = await work.rows(select(*WORKER.c).order_by(WORKER.c.host, WORKER.c.name))
    return [
        Worker(
            row.name, row.host, row.seen_at, row.connected, row.since, row.reason, row.checks_per_second, row.lateness,
        )
        for row in rows
    ]  # fmt: skip


def _check(row: Any) -> Check:
    return Check(
        row.id, row.at, row.ok, ProbeState(row.state), row.latency, row.message, facts_of_json(row.facts),
    )  # fmt: skip


def _read(after: str) -> tuple[datetime, int]:
    parts = decode_cursor(after)
    if len(parts) != 2 or not isinstance(parts[1], int):
        raise Invalid("after is not a cursor of this list", field="after")
    return _instant(parts), parts[1]


def _instant(parts: Sequence[Any]) -> datetime:
    try:
        return datetime.fromisoformat(parts[0])
    except (ValueError, TypeError, IndexError):
        raise Invalid("after is not a cursor of this list", field="after") from None
