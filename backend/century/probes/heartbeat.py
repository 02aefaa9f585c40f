"""A heartbeat: a job that reports by itself, what its pings mean, and when its silence does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from century.core.wording import duration
from century.probes.cron import Cron

ENDED_WITH = "it ended with "
MOST_OPEN = 100
"""So many runs that go on at once are told apart."""
EARLY = timedelta(seconds=30)
"""So far may the clock of a job be ahead of ours: it reports just before the time that its cron line names."""


class HeartbeatState(StrEnum):
    """NEW: never heard of. RUNNING: it began, and is not over. LATE: not heard of by the end of its grace. OVERDUE: it
    runs for longer than it may."""

    NEW = "new"
    UP = "up"
    RUNNING = "running"
    LATE = "late"
    FAILED = "failed"
    OVERDUE = "overdue"
    PAUSED = "paused"


class RunState(StrEnum):
    """How a run of its job stands; OVERDUE is also one that never said that it was over."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    OVERDUE = "overdue"


WRONG = frozenset({HeartbeatState.LATE, HeartbeatState.FAILED, HeartbeatState.OVERDUE})


class PingKind(StrEnum):
    """What a ping says: a run began, it went well, it failed."""

    START = "start"
    OK = "ok"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Ping:
    """What a job said; `key` pairs the end of a run with its beginning."""

    kind: PingKind
    at: datetime
    key: str | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often a job is expected (by `period` or by `cron`), how long its silence is forgiven, how long it may run."""

    grace: timedelta
    period: timedelta | None = None
    cron: Cron | None = None
    longest_run: timedelta | None = None

    @property
    def sentence(self) -> str:
        """In words: "every 1 h", "At 02:00 every day (Europe/Vienna)"."""
        return self.cron.sentence if self.cron is not None else f"every {duration(self.period or timedelta(0))}"


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that goes on."""

    key: str | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Beat:
    """How a heartbeat stands since when.

    `ledger` is how it stood without regard to the run that goes on: RUNNING is never there. `started_at` and `run_key`
    are of the newest run that goes on; at `due_at` it is late, or a run overdue. `open_runs` are all that go on, oldest
    first; they are told apart only where a longest run is set.
    """

    state: HeartbeatState
    since: datetime
    ledger: HeartbeatState
    last_ping_at: datetime | None = None
    started_at: datetime | None = None
    run_key: str | None = None
    due_at: datetime | None = None
    open_runs: tuple[Begun, ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A heartbeat as it was set up, and how it stands. `fence` counts what happened to it."""

    id: UUID
    name: str
    schedule: Schedule
    time_zone: str
    beat: Beat
    fence: int
    created_at: datetime
    updated_at: datetime
    enabled: bool = True
    service: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    token_sealed: bytes = field(default=b"", repr=False)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job: with a beginning, with an end, or both."""

    id: UUID
    key: str | None
    state: RunState
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    output: str | None
    at: datetime

    @property
    def duration(self) -> float | None:
        """Seconds."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class BeatMoved:
    """A row of the ledger: from `at` on it stood like this."""

    at: datetime
    state: HeartbeatState
    reason: str


def expected(schedule: Schedule, last: datetime) -> datetime:
    """When a job is expected after it was last heard of."""
    if schedule.cron is not None:
        return schedule.cron.after(last + min(EARLY, schedule.grace))
    return last + (schedule.period or timedelta(0))


def begin(schedule: Schedule, at: datetime, last_ping_at: datetime | None = None) -> Beat:
    """A heartbeat that is made, or waited for again after it was paused."""
    due_at = expected(schedule, at) + schedule.grace
    return Beat(HeartbeatState.NEW, at, HeartbeatState.NEW, last_ping_at, due_at=due_at)


def pause(before: Beat, at: datetime) -> tuple[Beat, tuple[BeatMoved, ...]]:
    """A heartbeat that is not waited for any more."""
    if before.state is HeartbeatState.PAUSED:
        return before, ()
    after = Beat(HeartbeatState.PAUSED, at, HeartbeatState.PAUSED, before.last_ping_at)
    return after, (BeatMoved(at, HeartbeatState.PAUSED, "it was paused"),)


def rescheduled(schedule: Schedule, before: Beat, now: datetime) -> Beat:
    """The same after its schedule was changed; what the new one would have had earlier is due now."""
    if before.due_at is None:
        return before
    if before.state is HeartbeatState.RUNNING and before.started_at is not None:
        oldest = before.open_runs[0].started_at if before.open_runs else before.started_at
        due_at = _run_ends(schedule, oldest)
    else:
        due_at = expected(schedule, before.last_ping_at or before.since) + schedule.grace
    return replace(before, due_at=max(due_at, now))


def expected_by(schedule: Schedule, beat: Beat) -> datetime | None:
    """The end of the grace: by then it must have been, or must be, heard of."""
    match beat.state:
        case HeartbeatState.PAUSED:
            return None
        case HeartbeatState.NEW | HeartbeatState.UP:
            return beat.due_at
        case HeartbeatState.LATE:
            return beat.since
        case _:
            return expected(schedule, beat.last_ping_at or beat.since) + schedule.grace


def upcoming(schedule: Schedule, beat: Beat, now: datetime, first: int) -> list[datetime]:
    """The next times that it is expected, its grace left out."""
    if beat.state is HeartbeatState.PAUSED:
        return []
    last = beat.last_ping_at or beat.since
    if schedule.cron is not None:
        return schedule.cron.next(max(last + min(EARLY, schedule.grace), now), first)
    period = schedule.period or timedelta(0)
    passed = max((now - last) // period, 0)
    return [last + period * (passed + number) for number in range(1, first + 1)]


def advance_beat(
    schedule: Schedule, before: Beat, ping: Ping | None, now: datetime
) -> tuple[Beat, tuple[BeatMoved, ...]]:
    """How a heartbeat stands after a ping, or (without one) after the time that passed; and what goes into its ledger."""
    if before.state is HeartbeatState.PAUSED:
        return (before if ping is None else replace(before, last_ping_at=ping.at)), ()
    if ping is None:
        return _after_silence(schedule, before, now)
    match ping.kind:
        case PingKind.START:
            after = _started(schedule, before, ping)
        case PingKind.OK:
            after = _ended(schedule, before, ping)
        case PingKind.FAIL:
            since = before.since if before.state is HeartbeatState.FAILED else ping.at
            rest = _without(before.open_runs, ping.key)
            after = Beat(HeartbeatState.FAILED, since, HeartbeatState.FAILED, ping.at, open_runs=rest)
    if after.ledger is before.ledger:
        return after, ()
    return after, (BeatMoved(ping.at, after.ledger, _reason(ping, before)),)


def unheard(schedule: Schedule, due_at: datetime, listening_since: datetime | None) -> datetime | None:
    """When a silence counts, given since when somebody has been listening without a break; None: it does not now.

    What was to be heard of while nobody listened may have been said: it is expected once more. Of what could be heard
    for a part of its grace only, the grace begins anew.
    """
    if listening_since is None:
        return None
    if due_at <= listening_since:
        return expected(schedule, listening_since) + schedule.grace
    return max(due_at, listening_since + schedule.grace)


def _after_silence(schedule: Schedule, before: Beat, now: datetime) -> tuple[Beat, tuple[BeatMoved, ...]]:
    due_at = before.due_at
    if due_at is None or now < due_at:
        return before, ()
    if before.state is HeartbeatState.RUNNING and schedule.longest_run is not None:
        state, reason = HeartbeatState.OVERDUE, f"it runs for longer than {duration(schedule.longest_run)}"
    else:
        state, reason = HeartbeatState.LATE, f"it was not heard of within its grace of {duration(schedule.grace)}"
    # A run may have been over its time before another went well: the ledger goes forward only.
    at = max(due_at, before.last_ping_at or due_at)
    longest = schedule.longest_run
    rest = tuple(each for each in before.open_runs if longest is not None and each.started_at + longest > now)
    after = replace(before, state=state, since=at, ledger=state, due_at=None, open_runs=rest)
    return after, (BeatMoved(at, state, reason),)


def _started(schedule: Schedule, before: Beat, ping: Ping) -> Beat:
    longest, runs = schedule.longest_run, before.open_runs
    if longest is not None and before.state is not HeartbeatState.RUNNING:
        # What was over its time while it was wrong was told of with that, and dates nothing back.
        runs = tuple(each for each in runs if each.started_at + longest > ping.at)
    runs = _with(runs, ping) if longest is not None else ()
    # One that is late has been heard of; one that failed is well again when a run has gone well.
    heard = HeartbeatState.NEW, HeartbeatState.LATE
    return Beat(
        HeartbeatState.RUNNING, before.since if before.state is HeartbeatState.RUNNING else ping.at,
        HeartbeatState.UP if before.ledger in heard else before.ledger, ping.at, ping.at, ping.key,
        _run_ends(schedule, runs[0].started_at if runs else ping.at), runs,
    )  # fmt: skip


def _ended(schedule: Schedule, before: Beat, ping: Ping) -> Beat:
    rest = _without(before.open_runs, ping.key) if schedule.longest_run is not None else ()
    running = before.state is HeartbeatState.RUNNING
    if rest:  # each of them must be over in time, whichever ended first
        return Beat(
            HeartbeatState.RUNNING, before.since if running else ping.at, HeartbeatState.UP, ping.at,
            rest[-1].started_at, rest[-1].key, _run_ends(schedule, rest[0].started_at), rest,
        )  # fmt: skip
    if schedule.longest_run is None and running and ping.key is not None and ping.key != before.run_key:
        return replace(before, ledger=HeartbeatState.UP, last_ping_at=ping.at)  # the newest run goes on
    since = before.since if before.state is HeartbeatState.UP else ping.at
    due_at = expected(schedule, ping.at) + schedule.grace
    return Beat(HeartbeatState.UP, since, HeartbeatState.UP, ping.at, due_at=due_at)


def _with(runs: tuple[Begun, ...], ping: Ping) -> tuple[Begun, ...]:
    """One more that goes on. Without a key it takes the place of the one without a key before it; a key begins once."""
    if ping.key is not None and any(each.key == ping.key for each in runs):
        return runs
    others = tuple(each for each in runs if each.key is not None or ping.key is not None)
    return (*others[: MOST_OPEN - 1], Begun(ping.key, ping.at))


def _without(runs: tuple[Begun, ...], key: str | None) -> tuple[Begun, ...]:
    """Those that go on after one ended; an end without a key is the newest's."""
    return runs[:-1] if key is None else tuple(each for each in runs if each.key != key)


def _run_ends(schedule: Schedule, started_at: datetime) -> datetime:
    """By when a run must be over; without a longest run, by when the next must have been heard of."""
    if schedule.longest_run is not None:
        return started_at + schedule.longest_run
    return expected(schedule, started_at) + schedule.grace


def _reason(ping: Ping, before: Beat) -> str:
    if ping.kind is PingKind.FAIL:
        return "the job said that it failed" if ping.exit_code is None else f"{ENDED_WITH}exit code {ping.exit_code}"
    if before.ledger is HeartbeatState.NEW:
        return "it was heard of for the first time" if before.last_ping_at is None else "it was heard of again"
    return "a run went well" if before.ledger is not HeartbeatState.LATE else "it was heard of again"
