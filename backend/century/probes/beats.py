"""Pings: a job says that it began, went well or failed. What each leads to is one statement, held against the row's fence."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Integer, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.types import TypeEngine

from century.core.errors import NotFound, RateLimited, Unavailable
from century.core.ids import new_id
from century.core.work import Works
from century.probes import beat_kept
from century.probes.beat_kept import HEARTBEAT, KNOWN, keep_moves
from century.probes.heartbeat import BeatMoved, Heartbeat, Ping, PingKind, RunState, advance_beat
from century.telemetry.live import AWAY
from century.telemetry.raw import asking

logger = logging.getLogger(__name__)

MOST_A_MINUTE = 120
MINUTE = timedelta(minutes=1)
MOST_KNOWN = 4_000
TRIES = 8
UNKNOWN = "no heartbeat has this address: look it up on its page"

_STANDS = """
    WITH beat AS (
        UPDATE heartbeat SET state = :state, since = :since, last_ping_at = :at, started_at = :started_at,
            run_key = :run_key, due_at = :due_at, fence = fence + 1
        WHERE id = :id AND fence = :fence RETURNING id
    ), """
# One that begins without a key ends what began without one before it: that never said that it was over.
_BEGAN = f"""{_STANDS}
    left_over AS (
        UPDATE heartbeat_run SET state = 'overdue' FROM beat
        WHERE heartbeat_id = beat.id AND heartbeat_run.state = 'running' AND key IS NULL AND :key IS NULL
    ), made AS (
        INSERT INTO heartbeat_run (id, heartbeat_id, key, state, started_at, output, at)
        SELECT :run_id, beat.id, :key, 'running', :at, :output, :at FROM beat
        ON CONFLICT (heartbeat_id, key) WHERE state = 'running' AND key IS NOT NULL DO NOTHING
    )
    SELECT count(*) FROM beat"""
_ENDED = f"""{_STANDS}
    newest AS (
        SELECT run.id FROM heartbeat_run run JOIN beat ON run.heartbeat_id = beat.id
        WHERE (:key IS NULL OR run.key = :key) AND (run.state = 'running' OR (
            run.state = 'overdue' AND run.ended_at IS NULL AND NOT EXISTS (
                SELECT 1 FROM heartbeat_run later WHERE later.heartbeat_id = beat.id AND later.at > run.at)))
        ORDER BY run.at DESC LIMIT 1
    ), ended AS (
        UPDATE heartbeat_run SET state = :run_state, ended_at = :at, exit_code = :exit_code, output = :output
        FROM newest WHERE heartbeat_run.id = newest.id RETURNING heartbeat_run.id
    ), made AS (
        INSERT INTO heartbeat_run (id, heartbeat_id, key, state, ended_at, exit_code, output, at)
        SELECT :run_id, beat.id, :key, :run_state, :at, :exit_code, :output, :at FROM beat
        WHERE NOT EXISTS (SELECT 1 FROM ended)
    )
    SELECT count(*) FROM beat"""
_INSTANT = DateTime(timezone=True)
_TYPES: dict[str, TypeEngine[Any]] = {
    "id": Uuid(), "run_id": Uuid(), "fence": Integer(), "exit_code": Integer(), "at": _INSTANT, "since": _INSTANT,
    "started_at": _INSTANT, "due_at": _INSTANT, "state": Text(), "run_key": Text(), "key": Text(), "output": Text(),
    "run_state": Text(),
}  # fmt: skip


def _typed(sql: str) -> TextClause:
    return text(sql).bindparams(*(bindparam(name, type_=kind) for name, kind in _TYPES.items() if f":{name}" in sql))


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement for a transaction of ours, and as the driver takes it by itself."""

    clause: TextClause
    sql: str
    names: Sequence[str]

    @classmethod
    def of(cls, sql: str) -> _Statement:
        clause = _typed(sql)
        compiled = clause.compile(dialect=dialect())  # type: ignore[no-untyped-call]
        return cls(clause, str(compiled), tuple(compiled.positiontup or ()))


BEGAN, ENDED = _Statement.of(_BEGAN), _Statement.of(_ENDED)


@dataclass(slots=True)
class _Known:
    """A heartbeat as it was seen last, and when it was pinged within the last minute; its pings go one by one."""

    heartbeat: Heartbeat
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    pinged: deque[datetime] = field(default_factory=deque)


class Pings:
    """One a server. A heartbeat is read when it is pinged first, and again when somebody else changed it."""

    def __init__(self, works: Works) -> None:
        self.works = works
        self._known: dict[bytes, _Known] = {}

    async def take(
        self, token: str, kind: PingKind, key: str | None, exit_code: int | None, output: str | None
    ) -> None:
        """Take a ping; it is kept when this returns. NotFound; RateLimited; Unavailable while it cannot be kept."""
        try:
            await self._take(token, kind, key, exit_code, output)
        except AWAY as error:
            logger.warning("a ping could not be kept: %s", type(error).__name__)
            raise Unavailable("this ping could not be kept; send it again") from None

    async def _take(
        self, token: str, kind: PingKind, key: str | None, exit_code: int | None, output: str | None
    ) -> None:
        now = self.works.clock.now()
        digest = hash_of(token)
        known = self._known.get(digest) or await self._read(digest)
        self._bound(known, now)
        ping = Ping(kind, now, key, exit_code)
        async with known.turn:
            for _ in range(TRIES):
                before = known.heartbeat
                beat, moves = advance_beat(before.schedule, before.beat, ping, now)
                after = replace(before, beat=beat, fence=before.fence + 1)
                if await self._keep(before, after, ping, output, moves):
                    known.heartbeat = after
                    return
                known = await self._read(digest)
        raise Unavailable("this heartbeat is changed all the time; send it again")

    async def _keep(
        self, before: Heartbeat, after: Heartbeat, ping: Ping, output: str | None, moves: Sequence[BeatMoved]
    ) -> bool:
        """Whether it was kept: not if the heartbeat is not as it was seen any more."""
        statement = BEGAN if ping.kind is PingKind.START else ENDED
        said = _parameters(before, after, ping, output)
        if not moves:
            async with asking(self.works.engine) as raw:
                return bool(await raw.fetchval(statement.sql, *(said[name] for name in statement.names)))
        async with self.works.begin() as work:
            kept = await work.scalar(statement.clause, {name: said[name] for name in statement.names})
            if kept:
                await keep_moves(work, [(after, each) for each in moves])
        return bool(kept)

    async def _read(self, digest: bytes) -> _Known:
        async with self.works.read() as work:
            row = await work.one_or_none(KNOWN.where(HEARTBEAT.c.token_hash == digest))
        if row is None:
            self._known.pop(digest, None)
            raise NotFound(UNKNOWN)
        known = self._known.get(digest)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[digest] = _Known(beat_kept.of_row(row))
        else:
            known.heartbeat = beat_kept.of_row(row)
        return known

    def _bound(self, known: _Known, now: datetime) -> None:
        pinged = known.pinged
        while pinged and now - pinged[0] >= MINUTE:
            pinged.popleft()
        if len(pinged) >= MOST_A_MINUTE:
            raise RateLimited(
                f"a heartbeat is pinged {MOST_A_MINUTE} times a minute at most",
                (pinged[0] + MINUTE - now).total_seconds(),
            )
        pinged.append(now)


def hash_of(token: str) -> bytes:
    """What a token is found by: whoever reads the table cannot ping."""
    return hashlib.sha256(token.encode()).digest()


def _parameters(before: Heartbeat, after: Heartbeat, ping: Ping, output: str | None) -> Mapping[str, Any]:
    beat = after.beat
    return {
        "id": before.id, "fence": before.fence, "state": beat.state.value, "since": beat.since, "at": ping.at,
        "started_at": beat.started_at, "run_key": beat.run_key, "due_at": beat.due_at, "run_id": new_id(ping.at),
        "key": ping.key, "exit_code": ping.exit_code, "output": output,
        "run_state": (RunState.FAILED if ping.kind is PingKind.FAIL else RunState.OK).value,
    }  # fmt: skip
