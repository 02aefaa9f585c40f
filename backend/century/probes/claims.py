"""Claiming: what is due is taken by one worker at a time, for as long as its check may take."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from century.core.sealing import PROBES, Seal, Unsealable
from century.core.settings import Settings
from century.core.work import Work
from century.probes.due import QUICK, SLOW
from century.probes.kept import PROBE, now_of_row, probe_of
from century.probes.kind import Config
from century.probes.kinds import kind_of
from century.probes.probe import Probe
from century.probes.problems import config_of, place_of
from century.probes.standing import Now

AHEAD = timedelta(seconds=0.25)
SPARE = timedelta(seconds=15)
MOST_CLAIMS = 5
"""A probe that was begun so often without an end is not begun again."""
INSTANT = TIMESTAMP(timezone=True)

CLAIM = text(
    """
    WITH quick AS MATERIALIZED (
        SELECT probe_id FROM probe_due
        WHERE lane = 0 AND due_at <= :until AND (leased_until IS NULL OR leased_until <= :now)
            AND (runs_on IS NULL OR runs_on = :host)
        ORDER BY due_at LIMIT :quick FOR UPDATE SKIP LOCKED
    ), slow AS MATERIALIZED (
        SELECT probe_id FROM probe_due
        WHERE lane = 1 AND due_at <= :until AND (leased_until IS NULL OR leased_until <= :now)
            AND (runs_on IS NULL OR runs_on = :host)
        ORDER BY due_at LIMIT :slow FOR UPDATE SKIP LOCKED
    ), due AS (SELECT * FROM quick UNION ALL SELECT * FROM slow)
    UPDATE probe_due d SET owner = :me, fence = d.fence + 1, claims = d.claims + 1,
        leased_until = CAST(:now AS timestamptz) + make_interval(secs => p.timeout_s) + CAST(:spare AS interval)
    FROM due, probe p, probe_now n
    WHERE d.probe_id = due.probe_id AND p.id = due.probe_id AND n.probe_id = due.probe_id
    RETURNING d.probe_id, d.due_at, d.lane, d.fence, d.claims, p.version, n.state, n.since, n.streak, n.streak_ok,
        n.streak_since, n.checked_at, n.memory, n.recent, n.message
    """
).bindparams(bindparam("now", type_=INSTANT), bindparam("until", type_=INSTANT))

POSTPONE = text(
    """
    UPDATE probe_due SET owner = NULL, leased_until = NULL, claims = claims - 1, lane = 1, due_at = :due_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[])) AS mine (id, fence)
    WHERE probe_id = mine.id AND owner = :me AND probe_due.fence = mine.fence
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid())), bindparam("due_at", type_=INSTANT))


@dataclass(frozen=True, slots=True)
class Held:
    """A probe with all its settings; `trouble` says why its secrets cannot be read.

    `place` is the host and port that it asks; empty where that is this machine.
    """

    probe: Probe
    config: Config
    trouble: str | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A check that is ours to make; `fence` numbers the try, `claims` counts those without an end."""

    probe_id: UUID
    version: int
    due_at: datetime
    lane: int
    fence: int
    claims: int
    now: Now
    memory: Mapping[str, Any]
    recent: bytes
    message: str


async def claim(work: Work, me: str, host: str, rooms: Mapping[int, int]) -> list[Claim]:
    """Take what is due, so many at most in each lane, the oldest first."""
    rows = await work.rows(
        CLAIM,
        {
            "me": me, "host": host, "quick": rooms[QUICK], "slow": rooms[SLOW], "now": work.now, "until": work.now + AHEAD, "spare": SPARE,
        },
    )  # fmt: skip
    return [
        Claim(
            row.probe_id, row.version, row.due_at, row.lane, row.fence, row.claims, now_of_row(row), row.memory, row.recent, row.message,
        )
        for row in rows
    ]  # fmt: skip


NEXT = text("SELECT min(due_at) FROM probe_due WHERE leased_until IS NULL AND (runs_on IS NULL OR runs_on = :host)")


async def next_due(work: Work, host: str) -> datetime | None:
    """When something is due next that nobody has; None where nothing is."""
    found: datetime | None = await work.scalar(NEXT, {"host": host})
    return found


async def hold(work: Work, settings: Settings, ids: Collection[UUID]) -> dict[UUID, Held]:
    """These probes with their secrets."""
    if not ids:
        return {}
    seal = Seal(settings.secrets, PROBES)
    rows = await work.rows(select(*PROBE.c).where(PROBE.c.id.in_(list(ids))))
    return {row.id: held(probe_of(row), row.secrets, seal) for row in rows}


def held(probe: Probe, sealed: bytes | None, seal: Seal) -> Held:
    """A probe with what its box holds."""
    try:
        secrets, trouble = seal.open(probe.id, sealed), None
    except Unsealable as error:
        secrets, trouble = {}, str(error)
    config, kind = config_of(probe.kind, {**probe.settings, **secrets}), kind_of(probe.kind)
    return Held(probe, config, trouble, place_of(kind.target(config)) if kind.REMOTE else "")


async def postpone(work: Work, me: str, claims: Collection[Claim], until: datetime) -> None:
    """Give back what cannot be begun now, to be asked later among those that take long."""
    given = sorted(claims, key=lambda each: each.probe_id)
    await work.execute(
        POSTPONE,
        {"ids": [each.probe_id for each in given], "fences": [each.fence for each in given], "me": me, "due_at": until},
    )
