"""What becomes of a probe after a check: its state, its ledger, its facts, when it is due again, and what is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from century.probes import due
from century.probes.measurement import Fact, Measurement
from century.probes.probe import Probe, ProbeState
from century.probes.standing import Moved, Now, advance

MOST_FACTS = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """`tells`: the check is kept in the list of checks; `counted`: it says something of its target."""

    now: Now
    moves: tuple[Moved, ...]
    due_at: datetime
    lane: int
    facts: tuple[Fact, ...]
    tells: bool
    counted: bool


def outcome(
    probe: Probe,
    before: Now,
    measured: Measurement,
    *,
    prefix: str,
    said: str,
    due_at: datetime,
    at: datetime,
    ended: datetime,
    parent_failing: bool,
    blind: bool,
) -> Outcome:
    """What a check at `at`, which was due at `due_at` and over by `ended`, means; `said` is what the one before it found."""
    now, moves = advance(
        before, measured, probe.patience, at=at, interval=probe.interval, parent_failing=parent_failing, blind=blind
    )
    counted = not (blind and measured.unreached)
    return Outcome(
        now=now,
        moves=moves,
        due_at=due.next_due(probe, now, due_at, ended, first=before.checked_at is None),
        lane=due.lane(measured, (ended - at).total_seconds()),
        facts=facts(measured, now, prefix) if counted else (),
        tells=counted and _tells(before, measured, moves, said, at),
        counted=counted,
    )


def facts(measured: Measurement, now: Now, prefix: str) -> tuple[Fact, ...]:
    """What a check told, and what every check tells; `up` is what the ledger has, so that one lost packet is nobody's page."""
    told = [each for each in measured.facts if math.isfinite(each.value)][:MOST_FACTS]
    told.append(Fact("probe.ok", float(measured.ok)))
    if measured.latency is not None:
        told.append(Fact("probe.latency", measured.latency))
    if (up := now.reads) is not None:
        told.append(Fact(f"{prefix}.up", up))
    return tuple(told)


def _tells(before: Now, measured: Measurement, moves: tuple[Moved, ...], said: str, at: datetime) -> bool:
    last = before.checked_at
    if moves or last is None or last.replace(minute=0, second=0, microsecond=0) != _hour(at):
        return True
    if measured.ok:
        return before.state is not ProbeState.UP
    return said != measured.message or last.replace(second=0, microsecond=0) != at.replace(second=0, microsecond=0)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def in_order(parents: Mapping[UUID, UUID | None]) -> list[UUID]:
    """Probes so that each comes after what it depends on."""
    placed: dict[UUID, None] = {}

    def place(probe_id: UUID, depth: int) -> None:
        parent = parents[probe_id]
        if parent and parent in parents and parent not in placed and depth < len(parents):
            place(parent, depth + 1)
        placed[probe_id] = None

    for each in parents:
        if each not in placed:
            place(each, 0)
    return list(placed)


# What the journal says of a row of the ledger.
TOLD = {
    ProbeState.DOWN: ("probe.failed", "is down"),
    ProbeState.UP: ("probe.recovered", "answers again"),
    ProbeState.BLOCKED: ("probe.blocked", "fails with what it depends on"),
    ProbeState.UNKNOWN: ("probe.lost", "has not been asked for a while"),
}


def told(probe: Probe, before: ProbeState, moved: Moved) -> tuple[str, str] | None:
    """The journal's kind and sentence of a row of the ledger; None of a first answer, which is nobody's news."""
    if moved.state is ProbeState.UP and before is ProbeState.UNKNOWN:
        return None
    kind, verb = TOLD[moved.state]
    reason = f": {moved.reason}" if moved.reason and moved.state is not ProbeState.UNKNOWN else ""
    return kind, f"'{probe.name}' {verb}{reason}"
