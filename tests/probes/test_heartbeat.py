"""Heartbeats: what pings and their absence mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from century.probes.cron import read_cron
from century.probes.heartbeat import (
    Beat,
    BeatMoved,
    HeartbeatState,
    Ping,
    PingKind,
    Schedule,
    advance_beat,
    begin,
    expected,
    expected_by,
    pause,
    rescheduled,
    unheard,
)

T = datetime(2026, 11, 2, 9, tzinfo=UTC)
NEW, UP, RUNNING, LATE, FAILED, OVERDUE, PAUSED = HeartbeatState
START, OK, FAIL = PingKind
HOURLY = Schedule(timedelta(minutes=5), period=timedelta(hours=1))
SHORT = replace(HOURLY, longest_run=timedelta(minutes=10))
NIGHTLY = Schedule(timedelta(minutes=5), cron=read_cron("0 2 * * *"))


def at(minutes: float) -> datetime:
    return T + timedelta(minutes=minutes)


def told(schedule: Schedule, *said: tuple[float, PingKind | None] | tuple[float, PingKind, str]) -> list[str]:
    """Every state that a heartbeat made at 0 goes through, as "state@minute of due": None lets the time be looked at."""
    beat, seen = begin(schedule, T), []
    for minute, kind, *key in said:
        ping = Ping(kind, at(minute), key[0] if key else None) if kind else None
        beat, moves = advance_beat(schedule, beat, ping, at(minute))
        due = (beat.due_at - T) / timedelta(minutes=1) if beat.due_at else None
        moved = f" {moves[0].state}@{(moves[0].at - T) / timedelta(minutes=1):g}" if moves else ""
        seen.append(f"{beat.state}{'' if due is None else f' due {due:g}'}{moved}")
    return seen


@pytest.mark.parametrize(
    ("why", "schedule", "said", "stands"),
    [
        ("a ping makes a new one up, and the next is due a period and a grace later", HOURLY, [(10, OK)], "up due 75 up@10"),
        ("a second ping moves only what is due", HOURLY, [(10, OK), (20, OK)], "up due 85"),
        ("one that is never heard of is late after its first period and grace", HOURLY, [(65, None)], "late late@65"),
        ("before that nothing happens", HOURLY, [(64.9, None)], "new due 65"),
        ("late is told as of when it was due, whenever it is noticed", HOURLY, [(10, OK), (300, None)], "late late@75"),
        ("one that is late is up again as soon as it is heard of", HOURLY, [(65, None), (70, OK)], "up due 135 up@70"),
        ("a start tells that it lives, too", HOURLY, [(65, None), (70, START)], "running due 135 up@70"),
        ("a run without a longest run must be followed by the next", HOURLY, [(10, START), (75, None)], "late late@75"),
        ("a run may last as long as it may", SHORT, [(10, START), (19, None)], "running due 20 "),
        ("then it is overdue", SHORT, [(10, START), (20, None)], "overdue overdue@20"),
        ("an overdue one that ends well after all is up", SHORT, [(10, START), (20, None), (25, OK)], "up due 90 up@25"),
        ("a failure is one at once, and nothing else is due", HOURLY, [(10, OK), (20, FAIL)], "failed failed@20"),
        ("a second failure is the same failure", HOURLY, [(20, FAIL), (30, FAIL)], "failed"),
        ("one that failed stays wrong while it runs again", HOURLY, [(20, FAIL), (30, START)], "running due 95"),
        ("and is well when that run ends well", HOURLY, [(20, FAIL), (30, START), (40, OK)], "up due 105 up@40"),
        ("the end of another run does not end the newest", SHORT, [(1, START, "a"), (5, START, "b"), (6, OK, "a")], "running due 15"),
        ("the end of the newest does not end one that began before it", SHORT, [(1, START, "a"), (5, START, "b"), (6, OK, "b")], "running due 11"),
        ("which is overdue in its time", SHORT, [(1, START, "a"), (5, START, "b"), (6, OK, "b"), (11, None)], "overdue overdue@11"),
        ("so is the newest where the one before ends well", SHORT, [(1, START, "a"), (5, START, "b"), (6, OK, "a"), (15, None)], "overdue overdue@15"),
        ("the oldest is overdue while the newest may go on", SHORT, [(1, START, "a"), (5, START, "b"), (11, None)], "overdue overdue@11"),
        ("that one must be over in time, too, when the oldest is", SHORT, [(1, START, "a"), (5, START, "b"), (11, None), (12, OK, "a")], "running due 15 up@12"),
        ("and is overdue if it is not", SHORT, [(1, START, "a"), (5, START, "b"), (11, None), (12, OK, "a"), (15, None)], "overdue overdue@15"),
        ("one whose time was over before another went well is told of from then on", SHORT, [(1, START, "a"), (5, START, "b"), (11, None), (16, OK, "a"), (17, None)], "overdue overdue@16"),
        ("one that was overdue is no more waited for", SHORT, [(1, START, "a"), (11, None), (12, START, "b"), (13, OK, "b")], "up due 78 up@13"),
        ("a failure beside it does not end it", SHORT, [(1, START, "a"), (5, START, "b"), (6, FAIL, "b"), (7, START, "c"), (8, OK, "c")], "running due 11 up@8"),
        ("of three each must be over", SHORT, [(1, START, "a"), (2, START, "b"), (3, START, "c"), (4, OK, "c"), (5, OK, "a")], "running due 12"),
        ("when all are over it is up", SHORT, [(1, START, "a"), (5, START, "b"), (6, OK, "b"), (7, OK, "a")], "up due 72"),
        ("a key begins once", SHORT, [(1, START, "a"), (5, START, "a")], "running due 11"),
        ("without a longest run the end of the newest ends it", HOURLY, [(1, START, "a"), (5, START, "b"), (6, OK, "b")], "up due 71"),
        ("an end without a key ends the newest", SHORT, [(1, START, "a"), (5, OK)], "up due 70"),
        ("a start without a key begins anew", SHORT, [(1, START), (5, START)], "running due 15"),
        ("an end without a beginning is a run, too", SHORT, [(5, OK, "x")], "up due 70 up@5"),
    ],
)  # fmt: skip
def test_what_pings_and_time_do(
    why: str, schedule: Schedule, said: list[tuple[float, PingKind | None]], stands: str
) -> None:
    assert told(schedule, *said)[-1].split() == stands.split(), why


def test_what_began_stays_since_when_it_began() -> None:
    beat = begin(HOURLY, T)
    for minute in (10, 20, 30):
        beat, _ = advance_beat(HOURLY, beat, Ping(OK, at(minute)), at(minute))
    assert (beat.since, beat.last_ping_at) == (at(10), at(30))


@pytest.mark.parametrize(
    ("ping", "before", "reason"),
    [
        (Ping(FAIL, at(10)), [], "the job said that it failed"),
        (Ping(FAIL, at(10), exit_code=3), [], "it ended with exit code 3"),
        (Ping(OK, at(10)), [], "it was heard of for the first time"),
        (Ping(OK, at(90)), [(65, None)], "it was heard of again"),
        (Ping(OK, at(90)), [(65, FAIL)], "a run went well"),
        (None, [], "it was not heard of within its grace of 5 min"),
        (None, [(60, START)], "it runs for longer than 10 min"),
    ],
)
def test_every_move_says_why(ping: Ping | None, before: list[tuple[float, PingKind | None]], reason: str) -> None:
    beat = begin(SHORT, T)
    for minute, kind in before:
        beat, _ = advance_beat(SHORT, beat, Ping(kind, at(minute)) if kind else None, at(minute))
    _, moves = advance_beat(SHORT, beat, ping, at(90))
    assert [each.reason for each in moves] == [reason]


def test_one_that_is_paused_is_not_waited_for_until_it_is_again() -> None:
    beat, _ = advance_beat(HOURLY, begin(HOURLY, T), Ping(OK, at(10)), at(10))
    paused, moves = pause(beat, at(20))
    assert moves == (BeatMoved(at(20), PAUSED, "it was paused"),)
    assert advance_beat(HOURLY, paused, None, at(1000)) == (paused, ())
    heard, moves = advance_beat(HOURLY, paused, Ping(FAIL, at(30)), at(30))
    assert (heard.state, heard.last_ping_at, moves) == (PAUSED, at(30), ())
    assert begin(HOURLY, at(1000), at(30)) == Beat(NEW, at(1000), NEW, at(30), due_at=at(1065))


@pytest.mark.parametrize(
    ("why", "last", "comes"),
    [
        ("the next time of its line", datetime(2026, 11, 2, 9, tzinfo=UTC), datetime(2026, 11, 3, 2, tzinfo=UTC)),
        ("a clock that is half a minute ahead reports today's run", datetime(2026, 11, 2, 1, 59, 40, tzinfo=UTC), datetime(2026, 11, 3, 2, tzinfo=UTC)),
        ("one that reports an hour before reports something else", datetime(2026, 11, 2, 1, tzinfo=UTC), datetime(2026, 11, 2, 2, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_cron_line_says_when_it_is_expected(why: str, last: datetime, comes: datetime) -> None:
    assert expected(NIGHTLY, last) == comes, why


@pytest.mark.parametrize(
    ("why", "listening", "counts"),
    [
        ("we listened all the time", -600, 65),
        ("nobody listens: nothing counts now", None, None),
        ("we were away when it was due: it is expected once more", 70, 135),
        ("we came back within its grace: the grace begins anew", 62, 67),
    ],
)
def test_our_silence_is_not_theirs(why: str, listening: float | None, counts: float | None) -> None:
    since = None if listening is None else at(listening)
    assert unheard(HOURLY, at(65), since) == (None if counts is None else at(counts)), why


@pytest.mark.parametrize(
    ("said", "by"),
    [
        ([], 65),
        ([(10, OK)], 75),
        ([(10, START)], 75),
        ([(10, OK), (80, None)], 75),
        ([(10, FAIL)], 75),
        ([(10, START), (40, None)], 75),
    ],
)
def test_by_when_it_must_be_heard_of(said: list[tuple[float, PingKind | None]], by: float) -> None:
    beat = begin(SHORT, T)
    for minute, kind in said:
        beat, _ = advance_beat(SHORT, beat, Ping(kind, at(minute)) if kind else None, at(minute))
    assert expected_by(SHORT, beat) == at(by)


def test_of_a_paused_one_nothing_is_expected() -> None:
    assert expected_by(SHORT, pause(begin(SHORT, T), T)[0]) is None


def test_a_new_schedule_holds_at_once_but_never_for_the_past() -> None:
    beat, _ = advance_beat(HOURLY, begin(HOURLY, T), Ping(OK, at(10)), at(10))
    longer, shorter = replace(HOURLY, period=timedelta(hours=2)), replace(HOURLY, period=timedelta(minutes=1))
    assert rescheduled(longer, beat, at(30)).due_at == at(135)
    assert rescheduled(shorter, beat, at(30)).due_at == at(30)
    running, _ = advance_beat(SHORT, beat, Ping(START, at(40)), at(40))
    assert rescheduled(replace(SHORT, longest_run=timedelta(hours=1)), running, at(45)).due_at == at(100)
