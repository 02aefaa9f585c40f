"""Silence: heartbeats that were not heard of in time, and runs that take too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, update

from century.core.work import Work
from century.probes.beat_kept import HEARTBEAT, KNOWN, RUN, keep_moves, of_row
from century.probes.heartbeat import Beat, BeatMoved, Heartbeat, HeartbeatState, RunState, advance_beat, unheard
from century.probes.tables import HeartbeatRow, RunRow

AT_ONCE = 200
STANDS = (
    update(HeartbeatRow)
    .where(HEARTBEAT.c.id == bindparam("heartbeat"))
    .values(
        state=bindparam("new_state"), since=bindparam("new_since"), due_at=bindparam("new_due_at"),
        fence=HEARTBEAT.c.fence + 1,
    )
)  # fmt: skip


async def sweep(work: Work, listening_since: datetime | None) -> int:
    """Notice silence that counts; answers how many heartbeats were due. While nobody listens, none counts."""
    if listening_since is None:
        return 0
    rows = await work.rows(
        KNOWN.where(HEARTBEAT.c.enabled, HEARTBEAT.c.due_at <= work.now)
        .order_by(HEARTBEAT.c.due_at)
        .limit(AT_ONCE)
        .with_for_update(of=HEARTBEAT, skip_locked=True)
    )
    if not rows:
        return 0
    due = [of_row(row) for row in rows]
    settled = [(each, *_settled(each, listening_since, work.now)) for each in due]
    await work.execute(
        STANDS,
        [
            {"heartbeat": each.id, "new_state": beat.state.value, "new_since": beat.since, "new_due_at": beat.due_at}
            for each, beat, _ in settled
        ],
    )
    await _end_runs(work, [each for each, beat, _ in settled if beat.state is HeartbeatState.OVERDUE])
    await keep_moves(work, [(each, move) for each, _, moves in settled for move in moves])
    return len(due)


def _settled(known: Heartbeat, listening_since: datetime, now: datetime) -> tuple[Beat, tuple[BeatMoved, ...]]:
    schedule, beat = known.schedule, known.beat
    due_at = beat.due_at
    assert due_at is not None
    counts = unheard(schedule, due_at, listening_since)
    return advance_beat(schedule, replace(beat, due_at=counts), None, now)


async def _end_runs(work: Work, overdue: Sequence[Heartbeat]) -> None:
    """Runs that take longer than they may are told so; what they still say ends them."""
    for each in overdue:
        assert each.schedule.longest_run is not None
        await work.execute(
            update(RunRow)
            .where(
                RUN.c.heartbeat_id == each.id, RUN.c.state == RunState.RUNNING.value,
                RUN.c.started_at <= work.now - each.schedule.longest_run,
            )
            .values(state=RunState.OVERDUE.value)
        )  # fmt: skip
