"""How a probe stands after a check: what one failure means, and how many it takes.

The ledger tells a state from the first of the checks that made it so. DOUBTFUL is UP in the ledger: a probe that never
answered stays UNKNOWN until it is DOWN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from century.probes.measurement import Measurement
from century.probes.probe import Patience, ProbeState

UP, DOUBTFUL, DOWN, BLOCKED, UNKNOWN = (
    ProbeState.UP, ProbeState.DOUBTFUL, ProbeState.DOWN, ProbeState.BLOCKED, ProbeState.UNKNOWN,
)  # fmt: skip
LEAST = timedelta(microseconds=1)
SHORTEST_GAP = timedelta(seconds=60)
NOBODY_ASKED = "nobody asked it meanwhile"
PARENT_FAILS = "what it depends on fails too"


@dataclass(frozen=True, slots=True)
class Now:
    """A state since when (as the ledger has it), and the checks in a row that speak against it.

    `streak` of them ended well (`streak_ok`) or not, the first at `streak_since`.
    """

    state: ProbeState
    since: datetime
    streak: int = 0
    streak_ok: bool = False
    streak_since: datetime | None = None
    checked_at: datetime | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether the next check may change it."""
        return self.streak > 0

    @property
    def reads(self) -> float | None:
        """1 up, 0 down; nothing where nobody knows, or where another is to blame."""
        match self.state:
            case ProbeState.UP | ProbeState.DOUBTFUL:
                return 1.0
            case ProbeState.DOWN:
                return 0.0
        return None


@dataclass(frozen=True, slots=True)
class Moved:
    """A row of the ledger."""

    at: datetime
    state: ProbeState
    reason: str


def gap_after(interval: timedelta) -> timedelta:
    """After so long without a check nobody knows how a probe stood."""
    return max(3 * interval, SHORTEST_GAP)


def advance(
    before: Now | None,
    measured: Measurement,
    patience: Patience,
    *,
    at: datetime,
    interval: timedelta,
    parent_failing: bool = False,
    blind: bool = False,
) -> tuple[Now, tuple[Moved, ...]]:
    """How a probe stands after a check at `at`, and what is new in its ledger, in order.

    `blind`: our own network is gone, and a target that was not reached says nothing.
    """
    start = before or Now(UNKNOWN, at - LEAST)
    if blind and measured.unreached:
        return start, ()
    moves: list[Moved] = []
    if _was_lost(start, at, interval):
        assert start.checked_at
        start = _move(moves, start, UNKNOWN, start.checked_at + interval, NOBODY_ASKED)
    after = _well(moves, start, measured, patience, at) if measured.ok else None
    after = after or _ill(moves, start, measured, patience, at, parent_failing=parent_failing)
    return (
        Now(after.state, after.since, after.streak, after.streak_ok, after.streak_since, at),
        tuple(moves),
    )


def _was_lost(now: Now, at: datetime, interval: timedelta) -> bool:
    if now.checked_at is None or now.state in (UNKNOWN, ProbeState.PAUSED):
        return False
    return at - now.checked_at > gap_after(interval)


def _well(moves: list[Moved], now: Now, measured: Measurement, patience: Patience, at: datetime) -> Now:
    if now.state is UP:
        return _settled(now)
    if now.state is DOUBTFUL:
        return replace(_settled(now), state=UP)
    if now.state is not DOWN:
        return _move(moves, now, UP, at, measured.message)
    counted = _count(now, at, ok=True)
    if counted.streak < patience.successes:
        return counted
    return _move(moves, counted, UP, counted.streak_since or at, measured.message)


def _ill(
    moves: list[Moved], now: Now, measured: Measurement, patience: Patience, at: datetime, *, parent_failing: bool
) -> Now:
    if now.state is DOWN:
        return _settled(now)
    if parent_failing:
        if now.state is BLOCKED:
            return _settled(now)
        first = (None if now.streak_ok else now.streak_since) or at
        return _move(moves, now, BLOCKED, first, f"{PARENT_FAILS}: {measured.message}")
    counted = _count(now, at, ok=False)
    if counted.streak < patience.failures:
        return replace(counted, state=DOUBTFUL) if now.state is UP else counted
    return _move(moves, counted, DOWN, counted.streak_since or at, measured.message)


def _count(now: Now, at: datetime, *, ok: bool) -> Now:
    if now.streak and now.streak_ok is ok:
        return replace(now, streak=now.streak + 1)
    return replace(now, streak=1, streak_ok=ok, streak_since=at)


def _settled(now: Now) -> Now:
    if not now.streak:
        return now
    return replace(now, streak=0, streak_ok=False, streak_since=None)


def _move(moves: list[Moved], now: Now, state: ProbeState, at: datetime, reason: str) -> Now:
    # Rows of one probe never share an instant, whatever the clocks of two workers say.
    at = max(at, now.since + LEAST)
    moves.append(Moved(at, state, reason))
    return replace(_settled(now), state=state, since=at)
