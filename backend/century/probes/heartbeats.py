"""Heartbeats as people set them up: checked, their token hashed and sealed, every change in the journal."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update

from century.core.errors import Conflict, Invalid
from century.core.ids import new_id
from century.core.sealing import HEARTBEATS, Seal, Unsealable
from century.core.settings import Settings
from century.core.work import Work
from century.probes.beat_kept import HEARTBEAT, announce, heartbeat, keep_moves
from century.probes.beat_problems import BeatDraft, problems
from century.probes.beats import hash_of
from century.probes.heartbeat import Beat, BeatMoved, Heartbeat, HeartbeatState, Schedule, begin, pause, rescheduled
from century.probes.kind import Problem
from century.probes.tables import HeartbeatRow

MOST = 2_000
TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class SavedBeat:
    """The heartbeat as it is now, and what may not be meant."""

    heartbeat: Heartbeat
    warnings: tuple[Problem, ...] = ()


async def save(work: Work, settings: Settings, draft: BeatDraft) -> SavedBeat:
    """Make or change a heartbeat; NotFound; Invalid, naming every field that cannot be taken."""
    draft = replace(draft, name=" ".join(draft.name.split()), service=draft.service or None, cron=draft.cron or None)
    before = await heartbeat(work, draft.id, lock=True) if draft.id is not None else None
    found = await asyncio.to_thread(problems, draft)
    wrong = {each.field: each.message for each in found if each.refused}
    taken = select(HEARTBEAT.c.id).where(HEARTBEAT.c.name == draft.name, HEARTBEAT.c.id.is_distinct_from(draft.id))
    if "name" not in wrong and await work.scalar(taken) is not None:
        wrong["name"] = f"another heartbeat is named {draft.name!r}: choose another name"
    if wrong:
        raise Invalid("; ".join(wrong.values()), fields=wrong)
    schedule = draft.schedule
    made = (
        await _make(work, settings, draft, schedule) if before is None else await _change(work, draft, schedule, before)
    )
    return SavedBeat(made, tuple(each for each in found if not each.refused))


async def set_enabled(work: Work, heartbeat_id: UUID, *, enabled: bool) -> Heartbeat:
    """Pause a heartbeat, or wait for it again; NotFound."""
    before = await heartbeat(work, heartbeat_id, lock=True)
    if before.enabled != enabled:
        beat, moves = _switched(before.schedule, before.beat, work, enabled=enabled)
        await _update(work, heartbeat_id, {"enabled": enabled, **_stands(beat)})
        await keep_moves(work, [(before, each) for each in moves])
    return await heartbeat(work, heartbeat_id)


async def renew(work: Work, settings: Settings, heartbeat_id: UUID) -> Heartbeat:
    """Give it a new token; the old one stops working at once. NotFound."""
    before = await heartbeat(work, heartbeat_id, lock=True)
    await _update(work, heartbeat_id, _token(settings, heartbeat_id))
    work.record(
        "heartbeat.renewed", heartbeat_id, subject_name=before.name,
        message=f"{work.actor.name} gave the heartbeat '{before.name}' a new address",
    )  # fmt: skip
    return await heartbeat(work, heartbeat_id)


async def remove(work: Work, heartbeat_id: UUID) -> None:
    """Remove a heartbeat with its runs; NotFound."""
    before = await heartbeat(work, heartbeat_id, lock=True)
    await work.execute(delete(HeartbeatRow).where(HEARTBEAT.c.id == heartbeat_id))
    work.record(
        "heartbeat.removed", heartbeat_id, subject_name=before.name,
        message=f"{work.actor.name} removed the heartbeat '{before.name}'",
    )  # fmt: skip
    announce(work, [heartbeat_id])


def ping_url(settings: Settings, known: Heartbeat) -> str | None:
    """Where a heartbeat is pinged; None where its token was sealed with a secret that is not known any more."""
    try:
        token = _seal(settings).open(known.id, known.token_sealed)["token"]
    except Unsealable:
        return None
    return f"{settings.public_url}/ping/{token}"


async def reseal(work: Work, settings: Settings) -> int:
    """Seal anew whatever an earlier secret that is still named sealed; answers how many heartbeats that were."""
    seal, done = _seal(settings), 0
    for row in await work.rows(
        select(HEARTBEAT.c.id, HEARTBEAT.c.token_sealed).order_by(HEARTBEAT.c.id).with_for_update(skip_locked=True)
    ):
        if seal.is_current(row.token_sealed):
            continue
        try:
            token = seal.open(row.id, row.token_sealed)
        except Unsealable:
            continue  # its pings go on being heard; only its address cannot be shown, and may be renewed
        await work.execute(
            update(HeartbeatRow).where(HeartbeatRow.id == row.id).values(token_sealed=seal.close(row.id, token))
        )
        done += 1
    return done


async def _make(work: Work, settings: Settings, draft: BeatDraft, schedule: Schedule) -> Heartbeat:
    if (await work.scalar(select(func.count()).select_from(HEARTBEAT))) >= MOST:
        raise Conflict(f"there are {MOST} heartbeats already: remove one that is not used")
    heartbeat_id = new_id(work.now)
    beat = begin(schedule, work.now)
    if not draft.enabled:
        beat, _ = pause(beat, work.now)
    values = {
        "id": heartbeat_id, "fence": 0, "version": 1, "created_at": work.now, **_token(settings, heartbeat_id),
        **_stands(beat), **_columns(draft), **_written(work),
    }  # fmt: skip
    await work.execute(insert(HeartbeatRow).values(**values))
    made = await heartbeat(work, heartbeat_id)
    work.record(
        "heartbeat.created", heartbeat_id, subject_name=draft.name,
        message=f"{work.actor.name} made the heartbeat '{draft.name}'",
    )  # fmt: skip
    await keep_moves(work, [(made, BeatMoved(work.now, beat.state, "it was made"))], told=False)
    return made


async def _change(work: Work, draft: BeatDraft, schedule: Schedule, before: Heartbeat) -> Heartbeat:
    beat, moves = before.beat, tuple[BeatMoved, ...]()
    if draft.enabled != before.enabled:
        beat, moves = _switched(schedule, beat, work, enabled=draft.enabled)
    elif schedule != before.schedule:
        beat = rescheduled(schedule, beat, work.now)
    await _update(work, before.id, {**_columns(draft), **_stands(beat)})
    made = await heartbeat(work, before.id)
    work.record(
        "heartbeat.updated", before.id, subject_name=draft.name,
        message=f"{work.actor.name} changed the heartbeat '{draft.name}'",
    )  # fmt: skip
    await keep_moves(work, [(made, each) for each in moves])
    announce(work, [before.id])
    return made


def _switched(schedule: Schedule, beat: Beat, work: Work, *, enabled: bool) -> tuple[Beat, tuple[BeatMoved, ...]]:
    if not enabled:
        return pause(beat, work.now)
    again = begin(schedule, work.now, beat.last_ping_at)
    return again, (BeatMoved(work.now, HeartbeatState.NEW, "it is waited for again"),)


async def _update(work: Work, heartbeat_id: UUID, values: dict[str, Any]) -> None:
    """Servers hold a heartbeat in memory: its fence tells them that it is another one now."""
    counted = {"fence": HEARTBEAT.c.fence + 1, "version": HEARTBEAT.c.version + 1}
    await work.execute(
        update(HeartbeatRow).where(HEARTBEAT.c.id == heartbeat_id).values(**values, **counted, **_written(work))
    )


def _written(work: Work) -> dict[str, Any]:
    return {"updated_at": work.now, "updated_by_id": work.actor.id, "updated_by_name": work.actor.name}


def _columns(draft: BeatDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "enabled": draft.enabled,
        "service": draft.service,
        "labels": dict(draft.labels),
        "period_s": draft.period.total_seconds() if draft.period is not None else None,
        "cron": draft.schedule.cron.line if draft.schedule.cron is not None else None,
        "time_zone": draft.time_zone,
        "grace_s": draft.grace.total_seconds(),
        "longest_run_s": draft.longest_run.total_seconds() if draft.longest_run is not None else None,
    }


def _stands(beat: Beat) -> dict[str, Any]:
    return {
        "state": beat.state.value, "since": beat.since, "last_ping_at": beat.last_ping_at,
        "started_at": beat.started_at, "run_key": beat.run_key, "due_at": beat.due_at,
    }  # fmt: skip


def _token(settings: Settings, heartbeat_id: UUID) -> dict[str, bytes | None]:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return {"token_hash": hash_of(token), "token_sealed": _seal(settings).close(heartbeat_id, {"token": token})}


def _seal(settings: Settings) -> Seal:
    return Seal(settings.secrets, HEARTBEATS)
