"""How a probe stands after each check: a table of cases, and what holds for every sequence of them."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from century.probes.measurement import Measurement, Trouble
from century.probes.probe import Patience, ProbeState
from century.probes.standing import Moved, Now, advance
from tests.world import START

OK = Measurement(True, "200 OK", 0.1)
BAD = Measurement(False, "it answers 500", trouble=Trouble.ANSWER)
GONE = Measurement(False, "it does not answer", trouble=Trouble.TIMEOUT)
EVERY = timedelta(seconds=10)
CHECKS = {"+": OK, "-": BAD, "b": BAD, "n": GONE, "_": None}


def walk(checks: str, failures: int = 3, successes: int = 2) -> tuple[Now, list[Moved]]:
    """A check every ten seconds: + well, - ill, b ill as its parent is, n unreached while we are blind, _ none."""
    now: Now | None = None
    ledger: list[Moved] = []
    for number, sign in enumerate(checks):
        measured = CHECKS[sign]
        if measured is None:
            continue
        now, moves = advance(
            now, measured, Patience(failures, successes), at=START + number * EVERY, interval=EVERY,
            parent_failing=sign == "b", blind=sign == "n",
        )  # fmt: skip
        ledger += moves
    assert now
    return now, ledger


@pytest.mark.parametrize(
    ("checks", "state", "ledger"),
    [
        pytest.param("+", "up", "0 up", id="the first answer makes it up"),
        pytest.param("-", "unknown", "", id="a first failure decides nothing"),
        pytest.param("---", "down", "0 down", id="three failures make it down since the first"),
        pytest.param("+-", "doubtful", "0 up", id="one failure is a doubt"),
        pytest.param("+--+", "up", "0 up", id="a doubt that passes leaves no row"),
        pytest.param("+---", "down", "0 up, 1 down", id="down since the first of the failures"),
        pytest.param("+---+", "down", "0 up, 1 down", id="one answer does not make it up"),
        pytest.param("+---+-+", "down", "0 up, 1 down", id="answers must come in a row"),
        pytest.param("+---++", "up", "0 up, 1 down, 4 up", id="up since the first of the answers"),
        pytest.param("+-b", "blocked", "0 up, 1 blocked", id="blocked since its first failure"),
        pytest.param("+bb+", "up", "0 up, 1 blocked, 3 up", id="up again with its parent"),
        pytest.param("+b---", "down", "0 up, 1 blocked, 2 down", id="its parent recovers and it does not"),
        pytest.param("---b", "down", "0 down", id="down before its parent stays down"),
        pytest.param("+nnn", "up", "0 up", id="our own network's fault counts nothing"),
        pytest.param("+_____+", "up", "0 up", id="a minute unasked is no gap"),
        pytest.param("+______+", "up", "0 up, 1 unknown, 7 up", id="longer unasked is unknown from the first missed"),
        pytest.param("---________-", "unknown", "0 down, 3 unknown", id="a gap ends a failure too"),
        pytest.param("nnn", "unknown", "", id="blind from the start knows nothing"),
    ],
)
def test_a_sequence_of_checks(checks: str, state: str, ledger: str) -> None:
    now, moves = walk(checks)
    assert now.state == state
    told = ", ".join(f"{(each.at - START) // EVERY} {each.state}" for each in moves)
    assert told == ledger


def test_one_failure_is_enough_where_it_is_said_to_be() -> None:
    now, moves = walk("+-+", failures=1, successes=1)
    assert now.state is ProbeState.UP
    assert [each.state for each in moves] == ["up", "down", "up"]


def test_reasons_say_what_was_found() -> None:
    _, moves = walk("+---")
    assert [each.reason for each in moves] == ["200 OK", "it answers 500"]
    _, moves = walk("+b")
    assert moves[-1].reason == "what it depends on fails too: it answers 500"


@given(st.text("+-bn_", min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 4))
def test_the_ledger_ascends_changes_and_agrees_with_the_state(checks: str, failures: int, successes: int) -> None:
    if not checks.strip("_"):
        return
    now, moves = walk(checks, failures, successes)
    times = [each.at for each in moves]
    assert times == sorted(set(times))
    states = [ProbeState.UNKNOWN, *(each.state for each in moves)]
    assert all(one is not other for one, other in itertools.pairwise(states))
    assert ProbeState.DOUBTFUL not in states
    ledgered = ProbeState.UP if now.state is ProbeState.DOUBTFUL else now.state
    assert states[-1] is ledgered
    assert not moves or moves[-1].at == now.since
