"""Heartbeats as they are kept: read, their runs, and their ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, case, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on, insert

from century.core.errors import Invalid, NotFound
from century.core.graphql.pages import Page, check_first, decode_cursor
from century.core.work import Work, Works
from century.probes.cron import Cron
from century.probes.heartbeat import (
    MOST_OPEN,
    Beat,
    BeatMoved,
    Begun,
    Heartbeat,
    HeartbeatState,
    Run,
    RunState,
    Schedule,
)
from century.probes.tables import BeatChangeRow, HeartbeatRow, RunRow

MOVED = "heartbeats.moved"
HEARTBEAT = HeartbeatRow.__table__
CHANGE = BeatChangeRow.__table__
RUN = RunRow.__table__
LEDGER = (
    select(CHANGE.c.state)
    .where(CHANGE.c.heartbeat_id == HEARTBEAT.c.id)
    .order_by(CHANGE.c.at.desc())
    .limit(1)
    .scalar_subquery()
    .label("ledger")
)
_OPEN = (
    RUN.c.heartbeat_id == HEARTBEAT.c.id,
    RUN.c.state == RunState.RUNNING.value,
    RUN.c.started_at.is_not(None),
    # What was over its time before this stretch of runs began is not of it.
    or_(
        HEARTBEAT.c.state != HeartbeatState.RUNNING.value,
        RUN.c.started_at > HEARTBEAT.c.since - func.make_interval(0, 0, 0, 0, 0, 0, HEARTBEAT.c.longest_run_s),
    ),
)
_TOLD_APART = HEARTBEAT.c.longest_run_s.is_not(None) & HEARTBEAT.c.state.in_(
    [HeartbeatState.RUNNING.value, HeartbeatState.OVERDUE.value, HeartbeatState.FAILED.value]
)
OPEN_KEYS, OPEN_SINCE = (
    case(
        (
            _TOLD_APART,
            select(func.array_agg(aggregate_order_by(column, RUN.c.started_at, RUN.c.id)))
            .where(*_OPEN)
            .correlate(HEARTBEAT)
            .scalar_subquery(),
        )
    ).label(name)
    for name, column in (("open_keys", RUN.c.key), ("open_since", RUN.c.started_at))
)
KNOWN = select(*HEARTBEAT.c, LEDGER, OPEN_KEYS, OPEN_SINCE)
_KINDS = {
    HeartbeatState.NEW: "heartbeat.resumed",
    HeartbeatState.UP: "heartbeat.recovered",
    HeartbeatState.LATE: "heartbeat.late",
    HeartbeatState.FAILED: "heartbeat.failed",
    HeartbeatState.OVERDUE: "heartbeat.overdue",
    HeartbeatState.PAUSED: "heartbeat.paused",
}


def of_row(row: Row[Any]) -> Heartbeat:
    """A row of `KNOWN`."""
    state = HeartbeatState(row.state)
    return Heartbeat(
        id=row.id,
        name=row.name,
        schedule=Schedule(
            timedelta(seconds=row.grace_s),
            timedelta(seconds=row.period_s) if row.period_s is not None else None,
            Cron(row.cron, row.time_zone) if row.cron is not None else None,
            timedelta(seconds=row.longest_run_s) if row.longest_run_s is not None else None,
        ),
        time_zone=row.time_zone,
        beat=Beat(
            state, row.since, HeartbeatState(row.ledger) if row.ledger else state, row.last_ping_at, row.started_at,
            row.run_key, row.due_at,
            tuple(Begun(*each) for each in zip(row.open_keys or (), row.open_since or (), strict=True))[-MOST_OPEN:],
        ),
        fence=row.fence,
        created_at=row.created_at,
        updated_at=row.updated_at,
        enabled=row.enabled,
        service=row.service,
        labels=row.labels,
        token_sealed=row.token_sealed,
        version=row.version,
    )  # fmt: skip


async def heartbeats(work: Work, *where: ColumnElement[bool]) -> list[Heartbeat]:
    """Those that fit, by name."""
    return [of_row(row) for row in await work.rows(KNOWN.where(*where).order_by(HEARTBEAT.c.name, HEARTBEAT.c.id))]


async def heartbeat(work: Work, heartbeat_id: UUID, *, lock: bool = False) -> Heartbeat:
    """One of them; NotFound."""
    statement = KNOWN.where(HEARTBEAT.c.id == heartbeat_id)
    row = await work.one_or_none(statement.with_for_update(of=HEARTBEAT) if lock else statement)
    if row is None:
        raise NotFound(f"no heartbeat {heartbeat_id}")
    return of_row(row)


async def by_services(work: Work, names: Collection[str]) -> dict[str, list[Heartbeat]]:
    """The heartbeats of these services."""
    found: dict[str, list[Heartbeat]] = {name: [] for name in names}
    for each in await heartbeats(work, HEARTBEAT.c.service.in_(names)):
        found[each.service or ""].append(each)
    return found


async def by_ids(work: Work, ids: Collection[UUID]) -> dict[UUID, Heartbeat]:
    """Those of these ids that there are."""
    return {each.id: each for each in await heartbeats(work, HEARTBEAT.c.id.in_(ids))}


async def runs(work: Work, heartbeat_id: UUID, first: int, after: str | None) -> Page[Run]:
    """Its runs, the newest first."""
    statement = select(*RUN.c).where(RUN.c.heartbeat_id == heartbeat_id)
    if after is not None:
        statement = statement.where(tuple_(RUN.c.at, RUN.c.id) < _place(after))
    rows = await work.rows(statement.order_by(RUN.c.at.desc(), RUN.c.id.desc()).limit(check_first(first) + 1))
    return Page.cut([run_of_row(row) for row in rows], first, lambda each: (each.at.isoformat(), str(each.id)))


async def last_durations(work: Work, ids: Collection[UUID]) -> dict[UUID, float | None]:
    """How long the newest run of each took that has a beginning and an end, in seconds."""
    rows = await work.rows(
        select(*RUN.c)
        .where(RUN.c.heartbeat_id.in_(ids), RUN.c.started_at.is_not(None), RUN.c.ended_at.is_not(None))
        .ext(distinct_on(RUN.c.heartbeat_id))
        .order_by(RUN.c.heartbeat_id, RUN.c.at.desc())
    )
    return {row.heartbeat_id: run_of_row(row).duration for row in rows}


def last_good(works: Works) -> Callable[[str], Awaitable[datetime | None]]:
    """Tells when the last good run of the heartbeat of a name ended; None where there is none."""

    async def ended(name: str) -> datetime | None:
        async with works.read() as work:
            found: datetime | None = await work.scalar(
                select(func.coalesce(RUN.c.ended_at, RUN.c.at))
                .join(HEARTBEAT, HEARTBEAT.c.id == RUN.c.heartbeat_id)
                .where(HEARTBEAT.c.name == name, RUN.c.state == RunState.OK.value)
                .order_by(RUN.c.at.desc())
                .limit(1)
            )
            return found

    return ended


def run_of_row(row: Row[Any]) -> Run:
    return Run(
        row.id, row.key, RunState(row.state), row.started_at, row.ended_at, row.exit_code, row.output, row.at
    )  # fmt: skip


def _place(after: str) -> Any:
    try:
        at, number = decode_cursor(after)
        return tuple_(datetime.fromisoformat(str(at)), UUID(str(number)))
    except ValueError:
        raise Invalid("after is not a cursor of this list", field="after") from None


async def changes(work: Work, ids: Collection[UUID], since: datetime) -> dict[UUID, list[BeatMoved]]:
    """How each stood from an instant on, oldest first: its rows of the ledger, with the one that held at the instant."""
    earlier = CHANGE.alias()
    held = (
        select(func.max(earlier.c.at))
        .where(earlier.c.heartbeat_id == CHANGE.c.heartbeat_id, earlier.c.at <= since)
        .scalar_subquery()
    )
    rows = await work.rows(
        select(*CHANGE.c)
        .where(CHANGE.c.heartbeat_id.in_(ids), CHANGE.c.at >= func.coalesce(held, since))
        .order_by(CHANGE.c.heartbeat_id, CHANGE.c.at)
    )
    found: dict[UUID, list[BeatMoved]] = {each: [] for each in ids}
    for row in rows:
        found[row.heartbeat_id].append(BeatMoved(row.at, HeartbeatState(row.state), row.reason))
    return found


async def keep_moves(work: Work, moved: Sequence[tuple[Heartbeat, BeatMoved]], *, told: bool = True) -> None:
    """Write rows of the ledger, tell the journal of them, and whoever watches. A later one of the same instant holds."""
    if not moved:
        return
    statement = insert(BeatChangeRow)
    await work.execute(
        statement.on_conflict_do_update(
            index_elements=[CHANGE.c.heartbeat_id, CHANGE.c.at],
            set_={"state": statement.excluded.state, "reason": statement.excluded.reason},
        ),
        [
            {"heartbeat_id": each.id, "at": move.at, "state": move.state.value, "reason": move.reason}
            for each, move in moved
        ],
    )
    for each, move in moved if told else ():
        said = f"{each.name}: {move.reason}"
        work.record(_KINDS[move.state], each.id, subject_name=each.name, message=said, at=move.at)
    announce(work, (each.id for each, _ in moved))


def announce(work: Work, ids: Iterable[UUID]) -> None:
    """Tell whoever watches that these stand otherwise."""
    work.announce(MOVED, [str(each) for each in ids])
