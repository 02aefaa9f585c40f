"""Probes as they are kept, and how they stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on

from century.core.errors import NotFound
from century.core.work import Work
from century.probes.kind import ProbeKind
from century.probes.measurement import Fact
from century.probes.probe import Patience, Probe, ProbeState
from century.probes.standing import Moved, Now
from century.probes.tables import ChangeRow, DueRow, NowRow, ProbeRow

PROBE = ProbeRow.__table__
NOW = NowRow.__table__
DUE = DueRow.__table__
CHANGE = ChangeRow.__table__


@dataclass(frozen=True, slots=True)
class Standing:
    """How a probe stands, and what its last check found; `answer` and `recent` are as they are stored."""

    now: Now
    ok: bool | None
    latency: float | None
    message: str
    facts: tuple[Fact, ...]
    answer: Mapping[str, Any] | None
    recent: bytes
    updated_at: datetime
    due_at: datetime | None


def probe_of(row: Row[Any]) -> Probe:
    """The probe of a row of its table."""
    return Probe(
        id=row.id,
        name=row.name,
        kind=ProbeKind(row.kind),
        settings=row.settings,
        created_at=row.created_at,
        updated_at=row.updated_at,
        enabled=row.enabled,
        service=row.service,
        labels=row.labels,
        parent_id=row.parent_id,
        interval=timedelta(seconds=row.interval_s),
        timeout=timedelta(seconds=row.timeout_s),
        retry=timedelta(seconds=row.retry_s),
        patience=Patience(row.failures, row.successes),
        runs_on=row.runs_on,
        shard=row.shard,
        version=row.version,
    )


def now_of_row(row: Row[Any]) -> Now:
    """How the probe of a row of `probe_now` stands."""
    return Now(
        ProbeState(row.state), row.since, row.streak, row.streak_ok, row.streak_since, row.checked_at,
    )  # fmt: skip


def facts_of_json(facts: Sequence[Mapping[str, Any]]) -> tuple[Fact, ...]:
    """Facts as they are stored."""
    return tuple(Fact(each["name"], each["value"], each.get("part", "")) for each in facts)


async def probe(work: Work, probe_id: UUID) -> Probe:
    """The probe of this id, or NotFound."""
    row = await work.one_or_none(select(*PROBE.c).where(PROBE.c.id == probe_id))
    if row is None:
        raise NotFound(f"no probe {probe_id}")
    return probe_of(row)


async def by_ids(work: Work, ids: Collection[UUID]) -> dict[UUID, Probe]:
    """These probes, those that there are."""
    if not ids:
        return {}
    return {row.id: probe_of(row) for row in await work.rows(select(*PROBE.c).where(PROBE.c.id.in_(list(ids))))}


async def by_names(work: Work, names: Collection[str]) -> dict[str, Probe]:
    """The probes of these names, those that there are."""
    if not names:
        return {}
    return {row.name: probe_of(row) for row in await work.rows(select(*PROBE.c).where(PROBE.c.name.in_(list(names))))}


async def now_of(work: Work, ids: Collection[UUID]) -> dict[UUID, Standing]:
    """How these probes stand."""
    if not ids:
        return {}
    rows = await work.rows(
        select(*NOW.c, DUE.c.due_at)
        .outerjoin(DUE, DUE.c.probe_id == NOW.c.probe_id)
        .where(NOW.c.probe_id.in_(list(ids)))
    )
    return {
        row.probe_id: Standing(
            now=now_of_row(row),
            ok=row.ok,
            latency=row.latency,
            message=row.message,
            facts=facts_of_json(row.facts),
            answer=row.answer,
            recent=row.recent,
            updated_at=row.updated_at,
            due_at=row.due_at,
        )
        for row in rows
    }


async def changes(work: Work, ids: Collection[UUID], since: datetime) -> dict[UUID, list[Moved]]:
    """The ledgers of these probes from `since` on, in order, each with the row before it."""
    if not ids:
        return {}
    mine = CHANGE.c.probe_id.in_(list(ids))
    before = (
        select(*CHANGE.c)
        .ext(distinct_on(CHANGE.c.probe_id))
        .where(mine, CHANGE.c.at < since)
        .order_by(CHANGE.c.probe_id, CHANGE.c.at.desc())
    )
    rows = await work.rows(union_all(select(*before.subquery().c), select(*CHANGE.c).where(mine, CHANGE.c.at >= since)))
    found: dict[UUID, list[Moved]] = {each: [] for each in ids}
    for row in sorted(rows, key=lambda row: row.at):
        found[row.probe_id].append(Moved(row.at, ProbeState(row.state), row.reason))
    return found
