"""A rule tried on history does what it would have done live, and is asked only where it may answer otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from century.rules.backtest import Firing, backtest, firings, shown, standings
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.severity import Severity
from century.rules.signals import Course, History
from century.rules.subject import Subject
from century.rules.verdict import Reading, Standing, judge
from century.telemetry.targets import Comparison

SHOP = Subject("shop", "shop")
NONE = float("nan")
BEGIN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def minutes(*values: float, short: list[float] | None = None) -> tuple[np.ndarray, Course]:
    """One value a minute."""
    at = BEGIN.timestamp() + 60.0 * np.arange(1, len(values) + 1)
    column = np.array(values)
    samples = np.where(np.isnan(column), 0, 10).astype(np.int64)
    return at, Course(column, samples, np.array(short) if short else None)


def minute(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


def condition(**more: object) -> Condition:
    return Condition(Signal.ERROR_RATE, Comparison.ABOVE, 5.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "asked", "values", "expected"),
    [
        ("nothing is wrong", condition(), (1, 2, 3), []),
        ("wrong and well again", condition(), (1, 6, 8, 2), [(None, 2, 4, 8.0)]),
        ("still wrong at the end", condition(), (1, 6, 7), [(None, 2, None, 7.0)]),
        ("it recovers only at its recovery", condition(recovery=3.0), (6, 4, 4, 3), [(None, 1, 4, 6.0)]),
        ("it holds first", condition(hold_for=timedelta(minutes=2)), (6, 6, 6, 7, 1), [(1, 3, 5, 7.0)]),
        ("what does not hold does not fire", condition(hold_for=timedelta(minutes=2)), (6, 6, 1, 6, 6, 1), []),
        ("keep: without data it stays as it was", condition(), (6, NONE, NONE, 1), [(None, 1, 4, 6.0)]),
        ("ok: without data it is well", condition(when_no_data=WhenNoData.OK), (6, NONE, 1), [(None, 1, 2, 6.0)]),
        (
            "alert: without data it is wrong", condition(when_no_data=WhenNoData.ALERT), (1, NONE, 1),
            [(None, 2, 3, 5.0)],
        ),
        ("two firings", condition(), (6, 1, 9, 1), [(None, 1, 2, 6.0), (None, 3, 4, 9.0)]),
    ],
)  # fmt: skip
def test_firings(
    said: str, asked: Condition, values: tuple[float, ...], expected: list[tuple[int | None, int, int | None, float]]
) -> None:
    found = firings(asked, SHOP, *minutes(*values))
    assert found == [
        Firing(
            "shop", None if pending is None else minute(pending), minute(opened),
            None if resolved is None else minute(resolved), peak,
        )
        for pending, opened, resolved, peak in expected
    ], said  # fmt: skip


def test_a_burn_rate_fires_when_both_windows_say_so() -> None:
    asked = Condition(Signal.BURN_RATE, Comparison.ABOVE, 14.4, short_window=timedelta(minutes=5))
    at, course = minutes(20, 20, 20, 10, short=[1, 20, 1, 1])
    assert [(each.opened_at, each.resolved_at) for each in firings(asked, SHOP, at, course)] == [(minute(2), minute(4))]


def test_pages_are_counted_and_those_at_night() -> None:
    at = np.array([datetime(2026, 11, 2, hour, 30, tzinfo=UTC).timestamp() for hour in (5, 6, 12, 13, 21, 22)])
    course = Course(np.array([9.0, 1, 9, 1, 9, 1]), np.full(6, 10))
    history = History(at, timedelta(hours=1), {SHOP: course})
    told = backtest(condition(), Severity.WARNING, history)
    assert (len(told.firings), told.pages, told.pages_at_night) == (3, 3, 1)
    told = backtest(condition(), Severity.WARNING, history, ZoneInfo("Europe/Berlin"))
    assert told.pages_at_night == 2, "06:30 and 22:30 in Berlin"
    assert backtest(condition(), Severity.INFO, history).pages == 0, "what is only mailed wakes nobody"


courses = st.lists(
    st.tuples(st.sampled_from([0.0, 3.0, 4.0, 5.0, 6.0, 9.0, NONE]), st.integers(0, 3), st.integers(1, 6)), max_size=25
)


@given(
    courses,
    st.sampled_from(list(WhenNoData)),
    st.sampled_from([None, 3.0, 5.0]),
    st.integers(0, 5),
    st.integers(1, 2),
    st.booleans(),
)
def test_what_is_skipped_would_have_changed_nothing(
    course: list[tuple[float, int, int]],
    meant: WhenNoData,
    recovery: float | None,
    hold: int,
    least: int,
    burning: bool,
) -> None:
    asked = Condition(
        Signal.BURN_RATE if burning else Signal.ERROR_RATE, Comparison.ABOVE, 5.0, recovery=recovery,
        hold_for=timedelta(minutes=hold), min_samples=least, when_no_data=meant,
        short_window=timedelta(minutes=1) if burning else None,
    )  # fmt: skip
    values = np.array([value for value, _, repeats in course for _ in range(repeats)])
    samples = np.array([count for _, count, repeats in course for _ in range(repeats)], dtype=np.int64)
    short = np.roll(values, 2) if burning else None
    at = BEGIN.timestamp() + 60.0 * np.arange(len(values))
    whole: list[Standing] = []
    verdict = None
    for place in range(len(values)):
        known = not np.isnan(values[place])
        now = datetime.fromtimestamp(at[place], UTC)
        reading = Reading(
            float(values[place]) if known else None, int(samples[place]) if known else 0, now if known else None,
            float(short[place]) if short is not None else None,
        )  # fmt: skip
        verdict = judge(asked, verdict, reading, now)
        whole.append(verdict.standing)
    skipped: list[Standing | None] = [None] * len(values)
    for place, found in standings(asked, at, Course(values, samples, short)):
        skipped[place] = found.standing
    for place in range(1, len(values)):
        skipped[place] = skipped[place] or skipped[place - 1]
    assert skipped == whole


def test_a_chart_shows_the_worst_of_each_stretch() -> None:
    values = np.zeros(10_000)
    values[7_777] = 9.0
    at, seen = shown(np.arange(10_000.0), values, condition())
    assert len(at) == len(seen) <= 1_500
    assert seen.max() == 9.0
