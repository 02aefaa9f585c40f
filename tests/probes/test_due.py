"""When a probe is asked next."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from century.probes.due import QUICK, SLOW, lane, next_due, phase
from century.probes.kind import ProbeKind
from century.probes.measurement import Measurement, Trouble
from century.probes.probe import Probe, ProbeState
from century.probes.standing import Now
from tests.world import START

EVERY = timedelta(seconds=30)
PROBE = Probe(uuid4(), "shop", ProbeKind.HTTP, {}, START, START, interval=EVERY, retry=timedelta(seconds=5))


def test_two_thousand_probes_are_spread_evenly_and_keep_their_place() -> None:
    ids = [uuid4() for _ in range(2_000)]
    places = [phase(each, EVERY, START) for each in ids]
    assert all(START < each <= START + EVERY for each in places)
    seconds = [int((each - START).total_seconds()) % 30 for each in places]
    assert max(seconds.count(each) for each in range(30)) < 2_000 / 30 * 1.8
    later = START + timedelta(days=3, seconds=7)
    assert all(
        (phase(each, EVERY, later) - place) % EVERY == timedelta(0) for each, place in zip(ids, places, strict=True)
    )


@pytest.mark.parametrize(
    ("now", "late", "expected"),
    [
        pytest.param(Now(ProbeState.UP, START), 0.1, 30.0, id="an interval after it was due, not after it ended"),
        pytest.param(Now(ProbeState.DOUBTFUL, START, 1, False, START), 0.1, 5.1, id="in doubt, soon again"),
        pytest.param(Now(ProbeState.DOWN, START, 1, True, START), 0.1, 5.1, id="down and an answer, soon again"),
        pytest.param(Now(ProbeState.DOWN, START), 0.1, 30.0, id="down, at its usual pace"),
        pytest.param(Now(ProbeState.BLOCKED, START), 0.1, 30.0, id="blocked, at its usual pace"),
    ],
)
def test_the_next_time(now: Now, late: float, expected: float) -> None:
    due = next_due(PROBE, now, START, START + timedelta(seconds=late))
    assert due - START == timedelta(seconds=expected)


def test_after_its_first_check_it_takes_its_own_place() -> None:
    due = next_due(PROBE, Now(ProbeState.UP, START), START, START, first=True)
    assert due == phase(PROBE.id, EVERY, START)


def test_long_overdue_goes_back_to_its_place_and_never_twice_at_once() -> None:
    late = START + timedelta(minutes=10, seconds=3)
    due = next_due(PROBE, Now(ProbeState.UP, START), START, late)
    assert due == phase(PROBE.id, EVERY, late)


@pytest.mark.parametrize(
    ("measured", "took", "expected"),
    [
        (Measurement(True, "200"), 0.2, QUICK),
        (Measurement(True, "200"), 1.4, SLOW),
        (Measurement(False, "no answer", trouble=Trouble.TIMEOUT), 0.5, SLOW),
        (Measurement(False, "500", trouble=Trouble.ANSWER), 0.1, QUICK),
    ],
)
def test_what_takes_long_is_kept_apart(measured: Measurement, took: float, expected: int) -> None:
    assert lane(measured, took) == expected
