"""Refresh tokens: one that was ours is told from one that never was, and an old one from the one that holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from century.access.refresh import (
    GRACE,
    LONGEST_SESSION,
    Refresh,
    Step,
    decide,
    read_refresh,
    session_ends,
    write_refresh,
)

SECRET = "an installation's secret"
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
OURS = Refresh(UUID(int=7), 3)
TEXT = write_refresh(SECRET, OURS)


def test_ours_is_read_back() -> None:
    assert read_refresh([SECRET], TEXT) == OURS
    assert write_refresh(SECRET, OURS) == TEXT


@pytest.mark.parametrize("at", range(len(TEXT) - 1))
def test_a_token_changed_anywhere_is_not_ours(at: int) -> None:
    other = "A" if TEXT[at] != "A" else "B"
    assert read_refresh([SECRET], TEXT[:at] + other + TEXT[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", "x", TEXT[:-1], TEXT + "A", "é" * 70, "!" * 70, "A" * 70, TEXT[:-1] + "\n"])
def test_what_was_never_ours(text: str) -> None:
    assert read_refresh([SECRET], text) is None


def test_another_installation_does_not_know_it() -> None:
    assert read_refresh(["another secret"], TEXT) is None


@pytest.mark.parametrize(
    ("presented", "current", "ago", "step", "why"),
    [
        (3, 3, timedelta(days=1), Step.ROTATE, "the one that holds"),
        (2, 3, timedelta(0), Step.REPEAT, "the other tab, in the same moment"),
        (2, 3, GRACE, Step.REPEAT, "an answer that was lost on the way"),
        (2, 3, GRACE + timedelta(milliseconds=1), Step.REVOKE, "somebody has kept the old one"),
        (1, 3, timedelta(0), Step.REVOKE, "two behind is nobody's other tab"),
        (4, 3, timedelta(0), Step.REVOKE, "from a database that was put back"),
    ],
)
def test_what_is_done_with_it(presented: int, current: int, ago: timedelta, step: Step, why: str) -> None:
    assert decide(presented, current, NOW - ago, NOW) is step, why


def test_a_session_ends_when_idle_and_in_the_end_anyway() -> None:
    assert session_ends(NOW, NOW) == NOW + timedelta(days=30)
    assert session_ends(NOW - timedelta(days=89), NOW) == NOW - timedelta(days=89) + LONGEST_SESSION
