"""Uptime: every sequence of moves comes to what counting second by second does."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from century.core.timerange import TimeRange
from century.probes.heartbeat import BeatMoved, HeartbeatState
from century.probes.probe import ProbeState
from century.probes.standing import Moved
from century.probes.uptime import Span, days, outside, reads, share, spans
from tests.world import START

UP, DOWN, UNKNOWN, BLOCKED = ProbeState.UP, ProbeState.DOWN, ProbeState.UNKNOWN, ProbeState.BLOCKED
LATEST = 300


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ledger(*moves: tuple[float, ProbeState]) -> list[Moved]:
    return [Moved(at(seconds), state, "") for seconds, state in moves]


HOUR = TimeRange(START, at(3600))


@pytest.mark.parametrize(
    ("moves", "left_out", "now", "expected"),
    [
        pytest.param([], [], 3600, None, id="nothing was ever asked"),
        pytest.param([(-9, UP)], [], 3600, 1.0, id="up since before"),
        pytest.param([(-9, UP), (900, DOWN)], [], 3600, 0.25, id="down since, up to the end"),
        pytest.param([(-9, UP), (900, DOWN)], [], 1200, 0.75, id="down since, up to now"),
        pytest.param([(1800, UP)], [], 3600, 1.0, id="what was before it was made is not known"),
        pytest.param([(-9, UP), (900, UNKNOWN), (1800, DOWN)], [], 3600, 1 / 3, id="unknown is left out"),
        pytest.param([(-9, UP), (900, BLOCKED)], [], 3600, 1.0, id="blocked is left out"),
        pytest.param([(-9, UP), (1800, DOWN)], [(1800, 3600)], 3600, 1.0, id="maintenance is left out"),
        pytest.param([(-9, UP), (1800, DOWN)], [(2700, 9999)], 3600, 2 / 3, id="the part of it before maintenance counts"),
        pytest.param([(-9, UP), (1800, DOWN)], [(1800, 2700), (2000, 2700)], 3600, 2 / 3, id="two windows at once count once"),
        pytest.param([(-9, UP)], [(-99, 9999)], 3600, None, id="all of it is maintenance"),
    ],
)  # fmt: skip
def test_the_share_of_the_time_known(
    moves: list[tuple[float, ProbeState]], left_out: list[tuple[float, float]], now: float, expected: float | None
) -> None:
    away = [(at(start), at(end)) for start, end in left_out]
    assert share(spans(ledger(*moves), HOUR, at(now)), away) == (None if expected is None else pytest.approx(expected))


def test_states_of_heartbeats_read_alike() -> None:
    means = {state: reads(state) for state in HeartbeatState}
    assert [state for state, up in means.items() if up] == [HeartbeatState.UP, HeartbeatState.RUNNING]
    assert [state for state, up in means.items() if up is None] == [HeartbeatState.NEW, HeartbeatState.PAUSED]
    late = [BeatMoved(START, HeartbeatState.UP, ""), BeatMoved(at(1800), HeartbeatState.LATE, ""),
            BeatMoved(at(2700), HeartbeatState.FAILED, "")]  # fmt: skip
    assert spans(late, HOUR, at(3600)) == [Span(START, at(1800), True), Span(at(1800), at(3600), False)]


def test_days_begin_at_midnight_and_hold_what_fell_into_them() -> None:
    # START is nine in the morning: down from eleven at night until one.
    moves = ledger((0, UP), (14 * 3600, DOWN), (16 * 3600, UP))
    found = days(spans(moves, TimeRange(START, at(30 * 3600)), at(30 * 3600)), [], START - timedelta(days=1), 4)
    assert found.at == [datetime(2026, 11, day, tzinfo=START.tzinfo).timestamp() for day in (1, 2, 3, 4)]
    assert found.down == [0.0, 3600.0, 3600.0, 0.0]
    assert math.isnan(found.uptime[0])
    assert found.uptime[1:3] == [pytest.approx(14 / 15), pytest.approx(14 / 15)]
    assert math.isnan(found.uptime[3])


moves = st.dictionaries(st.integers(-20, LATEST), st.sampled_from(list(ProbeState)), max_size=12)
ranges = st.lists(st.tuples(st.integers(-20, LATEST), st.integers(-20, LATEST)), max_size=5)


@given(moves=moves, left_out=ranges, begin=st.integers(0, 200), length=st.integers(1, 200), now=st.integers(0, LATEST))
def test_it_is_exact(
    moves: dict[int, ProbeState], left_out: list[tuple[int, int]], begin: int, length: int, now: int
) -> None:
    rows = sorted(moves.items())
    known: list[bool] = []
    for second in range(begin, min(begin + length, now)):
        state = next((each for when, each in reversed(rows) if when <= second), None)
        up = None if state is None else reads(state)
        if up is not None and not any(start <= second < end for start, end in left_out):
            known.append(up)
    found = spans(ledger(*rows), TimeRange(at(begin), at(begin + length)), at(now))
    away = [(at(start), at(end)) for start, end in left_out]
    told = share(found, away)
    assert told == (pytest.approx(sum(known) / len(known)) if known else None)
    assert sum(each.seconds for each in outside(found, away) if each.up is not None) == len(known)
    assert sum(days(found, away, START, 1).down) == len(known) - sum(known)
    assert all(one.end == two.start and one.up is not two.up for one, two in pairwise(found))
