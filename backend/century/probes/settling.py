"""Settling: what checks found becomes state, ledger, next due time and news, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select, text

from century.core.work import Work
from century.probes import lately
from century.probes.claims import MOST_CLAIMS, Claim, Held
from century.probes.facts import facts_of
from century.probes.kept import NOW
from century.probes.kind import FactName, ProbeKind
from century.probes.kinds import kind_of
from century.probes.measurement import Fact, Measurement
from century.probes.outcome import Outcome, in_order, outcome, told
from century.probes.probe import Probe, ProbeState
from century.telemetry.identity import Form, Kind
from century.telemetry.samples import Sample

CHECKED, MOVED, CHANGED = "probes.checked", "probes.moved", "probes.changed"
"""Topics: a check was made; a row of a ledger was written; a probe was edited."""
SET_ASIDE = "this probe ended its worker five times: change it, or check it by hand"
ASIDE_FOR = timedelta(hours=1)
FAILING = (ProbeState.DOWN.value, ProbeState.BLOCKED.value)

# Only whoever still holds the claim settles it.
RELEASE = text(
    """
    UPDATE probe_due SET due_at = mine.due_at, lane = mine.lane, claims = mine.claims, owner = NULL, leased_until = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:fences AS int[]), CAST(:dues AS timestamptz[]), CAST(:lanes AS int[]),
                CAST(:claims AS int[])) AS mine (id, fence, due_at, lane, claims)
    WHERE probe_id = mine.id AND owner = :me AND probe_due.fence = mine.fence RETURNING probe_id
    """
)
STAND = text(
    """
    UPDATE probe_now SET state = mine.state, since = mine.since, streak = mine.streak, streak_ok = mine.streak_ok,
        streak_since = mine.streak_since, checked_at = mine.checked_at, ok = mine.ok, latency = mine.latency,
        message = mine.message, facts = CAST(mine.facts AS jsonb), memory = CAST(mine.memory AS jsonb),
        answer = CAST(mine.answer AS jsonb), recent = mine.recent, updated_at = CAST(:now AS timestamptz)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:sinces AS timestamptz[]), CAST(:streaks AS int[]),
                CAST(:streak_oks AS bool[]), CAST(:streak_sinces AS timestamptz[]), CAST(:checked AS timestamptz[]),
                CAST(:oks AS bool[]), CAST(:latencies AS float8[]), CAST(:messages AS text[]), CAST(:facts AS text[]),
                CAST(:memories AS text[]), CAST(:answers AS text[]), CAST(:recents AS bytea[]))
        AS mine (id, state, since, streak, streak_ok, streak_since, checked_at, ok, latency, message, facts, memory,
                 answer, recent)
    WHERE probe_id = mine.id
    """
)
CHANGE = text(
    """
    INSERT INTO probe_change (probe_id, at, state, reason)
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:ats AS timestamptz[]), CAST(:states AS text[]),
                         CAST(:reasons AS text[]))
    ON CONFLICT DO NOTHING
    """
)
CHECK = text(
    """
    INSERT INTO probe_check (probe_id, at, ok, state, latency, message, facts)
    SELECT id, at, ok, state, latency, message, CAST(facts AS jsonb)
    FROM unnest(CAST(:ids AS uuid[]), CAST(:ats AS timestamptz[]), CAST(:oks AS bool[]), CAST(:states AS text[]),
                CAST(:latencies AS float8[]), CAST(:messages AS text[]), CAST(:facts AS text[]))
        AS mine (id, at, ok, state, latency, message, facts)
    """
)
# A parent is asked at once; one that is being asked, or settled by another, is not waited for.
FORWARD = text(
    """
    UPDATE probe_due SET due_at = CAST(:now AS timestamptz) WHERE probe_id IN (
        SELECT probe_id FROM probe_due
        WHERE probe_id = ANY(CAST(:ids AS uuid[])) AND leased_until IS NULL AND due_at > CAST(:now AS timestamptz)
        FOR UPDATE SKIP LOCKED)
    """
)


@dataclass(frozen=True, slots=True)
class Done:
    """A check that was made: when it began and ended."""

    claim: Claim
    held: Held
    measured: Measurement
    at: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """A check, and what became of it."""

    done: Done
    outcome: Outcome


async def settle(work: Work, me: str, done: Sequence[Done], *, blind: Collection[UUID] = frozenset()) -> list[Settled]:
    """Write what checks found; answers those that were still ours. `blind`: whose targets our own network hides."""
    if not done:
        return []
    decided = await _decide(work, done, blind=blind)
    released = await work.rows(
        RELEASE,
        {
            "me": me,
            "ids": [each.done.claim.probe_id for each in decided],
            "fences": [each.done.claim.fence for each in decided],
            "dues": [each.outcome.due_at for each in decided],
            "lanes": [each.outcome.lane for each in decided],
            "claims": [0] * len(decided),
        },
    )
    ours = {row.probe_id for row in released}
    settled = [each for each in decided if each.done.claim.probe_id in ours]
    counted = [each for each in settled if each.outcome.counted]
    if counted:
        await work.execute(STAND, _stands(work.now, counted))
    await _tell_moves(work, settled)
    if telling := [each for each in counted if each.outcome.tells]:
        await work.execute(CHECK, _checks(telling))
    if parents := _newly_failing(counted):
        await work.execute(FORWARD, {"ids": parents, "now": work.now})
    if counted:
        work.announce(CHECKED, [_news(each) for each in counted])
    return settled


async def set_aside(work: Work, me: str, claims: Collection[Claim], probes: dict[UUID, Probe]) -> None:
    """Ask what ended its worker time and again no more for an hour, and say so."""
    given = [each for each in sorted(claims, key=lambda each: each.probe_id) if each.probe_id in probes]
    released = await work.rows(
        RELEASE,
        {
            "me": me,
            "ids": [each.probe_id for each in given],
            "fences": [each.fence for each in given],
            "dues": [work.now + ASIDE_FOR] * len(given),
            "lanes": [1] * len(given),
            # Once more, and it is set aside again.
            "claims": [MOST_CLAIMS - 1] * len(given),
        },
    )
    ours = [row.probe_id for row in released]
    await work.execute(
        text(
            "UPDATE probe_now SET state = 'unknown', since = CAST(:now AS timestamptz), streak = 0, message = :said,"
            " updated_at = CAST(:now AS timestamptz) WHERE probe_id = ANY(CAST(:ids AS uuid[]))"
        ),
        {"now": work.now, "said": SET_ASIDE, "ids": ours},
    )
    count = len(ours)
    await work.execute(
        CHANGE,
        {"ids": ours, "ats": [work.now] * count, "states": ["unknown"] * count, "reasons": [SET_ASIDE] * count},
    )
    for probe_id in ours:
        name = probes[probe_id].name
        work.record("probe.lost", probe_id, subject_name=name, message=f"'{name}' is set aside: {SET_ASIDE}")
    work.announce(MOVED, ours)


def samples_of(settled: Iterable[Settled]) -> list[Sample]:
    """What settled checks leave in telemetry."""
    found: list[Sample] = []
    for each in settled:
        probe, at = each.done.held.probe, int(each.done.at.timestamp() * 1_000_000_000)
        names = _names(probe.kind)
        found += (_sample(probe, fact, names.get(fact.name), at) for fact in each.outcome.facts)
        if each.outcome.counted:
            found += each.done.measured.samples
    return found


async def _decide(work: Work, done: Sequence[Done], *, blind: Collection[UUID]) -> list[Settled]:
    by_id = {each.held.probe.id: each for each in done}
    wanted = {
        parent
        for each in done
        if not each.measured.ok and (parent := each.held.probe.parent_id) and parent not in by_id
    }
    failing: set[UUID] = set()
    if wanted:
        rows = await work.rows(select(NOW.c.probe_id, NOW.c.state, NOW.c.ok).where(NOW.c.probe_id.in_(list(wanted))))
        failing = {row.probe_id for row in rows if row.state in FAILING or row.ok is False}
    decided = []
    for probe_id in in_order({key: each.held.probe.parent_id for key, each in by_id.items()}):
        each = by_id[probe_id]
        probe = each.held.probe
        found = outcome(
            probe,
            each.claim.now,
            each.measured,
            prefix=kind_of(probe.kind).PREFIX,
            said=each.claim.message,
            due_at=each.claim.due_at,
            at=each.at,
            ended=each.ended,
            parent_failing=probe.parent_id in failing,
            blind=probe_id in blind,
        )
        if found.counted and not each.measured.ok:
            failing.add(probe_id)
        decided.append(Settled(each, found))
    # In one order everywhere, so that two workers cannot wait for each other.
    return sorted(decided, key=lambda each: each.done.claim.probe_id)


async def _tell_moves(work: Work, settled: Iterable[Settled]) -> None:
    moved = [(each, move) for each in settled for move in each.outcome.moves]
    if not moved:
        return
    await work.execute(
        CHANGE,
        {
            "ids": [each.done.claim.probe_id for each, _ in moved],
            "ats": [move.at for _, move in moved],
            "states": [move.state.value for _, move in moved],
            "reasons": [move.reason for _, move in moved],
        },
    )
    for each in settled:
        probe, state = each.done.held.probe, each.done.claim.now.state
        for move in each.outcome.moves:
            if said := told(probe, state, move):
                work.record(said[0], probe.id, subject_name=probe.name, message=said[1])
            state = move.state
    work.announce(MOVED, sorted({each.done.claim.probe_id for each, _ in moved}))


def _newly_failing(settled: Iterable[Settled]) -> list[UUID]:
    """The parents of those that have begun to fail."""
    return sorted(
        {
            parent
            for each in settled
            if (parent := each.done.held.probe.parent_id)
            and not each.done.measured.ok
            and (each.done.claim.now.streak == 0 or each.done.claim.now.streak_ok)
        }
    )


def _stands(now: datetime, settled: Sequence[Settled]) -> dict[str, Any]:
    stands = [each.outcome.now for each in settled]
    found = [each.done.measured for each in settled]
    return {
        "now": now,
        "ids": [each.done.claim.probe_id for each in settled],
        "states": [each.state.value for each in stands],
        "sinces": [each.since for each in stands],
        "streaks": [each.streak for each in stands],
        "streak_oks": [each.streak_ok for each in stands],
        "streak_sinces": [each.streak_since for each in stands],
        "checked": [each.checked_at for each in stands],
        "oks": [each.ok for each in found],
        "latencies": [each.latency for each in found],
        "messages": [each.message for each in found],
        "facts": [_facts(each.outcome.facts) for each in settled],
        "memories": [orjson.dumps(dict(each.memory)).decode() for each in found],
        "answers": [_answer(each) for each in settled],
        "recents": [
            lately.add(each.done.claim.recent, each.done.at.timestamp(), ok=said.ok, latency=said.latency)
            for each, said in zip(settled, found, strict=True)
        ],
    }


def _checks(settled: Sequence[Settled]) -> dict[str, Any]:
    found = [each.done.measured for each in settled]
    return {
        "ids": [each.done.claim.probe_id for each in settled],
        "ats": [each.done.at for each in settled],
        "oks": [each.ok for each in found],
        "states": [each.outcome.now.state.value for each in settled],
        "latencies": [each.latency for each in found],
        "messages": [each.message for each in found],
        "facts": [_facts(each.outcome.facts) for each in settled],
    }


def _facts(facts: Iterable[Fact]) -> str:
    return orjson.dumps([{"name": each.name, "value": each.value, "part": each.part} for each in facts]).decode()


def _answer(settled: Settled) -> str | None:
    measured = settled.done.measured
    if not measured.lines and not measured.steps:
        return None
    steps = [{"name": each.name, "seconds": each.seconds, "detail": each.detail} for each in measured.steps]
    return orjson.dumps({"at": settled.done.at, "lines": measured.lines, "steps": steps}).decode()


def _news(settled: Settled) -> list[Any]:
    done, measured = settled.done, settled.done.measured
    state = settled.outcome.now.state.value
    moved = settled.outcome.now.state is not done.claim.now.state
    return [done.claim.probe_id, done.at, measured.ok, state, measured.latency, measured.message, moved]


@cache
def _names(kind: ProbeKind) -> dict[str, FactName]:
    return {each.name: each for each in facts_of(kind)}


def _sample(probe: Probe, fact: Fact, named: FactName | None, at: int) -> Sample:
    rises = named is not None and named.monotonic
    attributes = (("probe.id", str(probe.id)), ("part", fact.part)) if fact.part else (("probe.id", str(probe.id)),)
    return Sample(
        probe.keeps, fact.name, named.unit if named else "1", at, fact.value, attributes,
        kind=Kind.SUM if rises else Kind.GAUGE, monotonic=rises, form=Form.CUMULATIVE if rises else Form.NUMBER,
    )  # fmt: skip
