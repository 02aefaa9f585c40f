"""How readings move a verdict: a story a row, minute by minute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.verdict import SOON, Reading, Standing, Verdict, judge
from century.telemetry.targets import Comparison

START = datetime(2026, 11, 24, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ERRORS = Condition(Signal.ERROR_RATE, Comparison.ABOVE, 0.05)
AVAILABILITY = Condition(Signal.AVAILABILITY, Comparison.BELOW, 0.999)
STEADY = replace(ERRORS, recovery=0.02)
PATIENT = replace(ERRORS, hold_for=2 * MINUTE)
SURE = replace(ERRORS, min_samples=20)
BURN = Condition(Signal.BURN_RATE, Comparison.ABOVE, 14.4, window=timedelta(hours=1), short_window=timedelta(minutes=5))
OK, PENDING, FIRING, UNKNOWN = "ok", "pending", "firing", "unknown"
NOTHING = (None, 0)


@dataclass(frozen=True)
class Story:
    told: str
    condition: Condition
    readings: list[float | tuple[float | None, int] | tuple[float, int, float | None]]
    standings: list[str]


def quiet(condition: Condition, meaning: WhenNoData) -> Condition:
    return replace(condition, when_no_data=meaning)


STORIES = [
    Story("what is below stays well", ERRORS, [0.0, 0.04], [OK, OK]),
    Story("exactly at the threshold is not above it", ERRORS, [0.05], [OK]),
    Story("above fires at once where nothing is to be held", ERRORS, [0.06], [FIRING]),
    Story("back at the threshold is well again", ERRORS, [0.06, 0.05], [FIRING, OK]),
    Story("below is wrong for what must stay above", AVAILABILITY, [1.0, 0.99, 0.999], [OK, FIRING, OK]),
    Story("not a number is no data", ERRORS, [0.06, float("nan"), 0.0], [FIRING, FIRING, OK]),
    Story("with a recovery it keeps firing in between", STEADY, [0.06, 0.04, 0.03, 0.02], [FIRING, FIRING, FIRING, OK]),
    Story("in between it does not begin to fire", STEADY, [0.04, 0.03], [OK, OK]),
    Story("recovered and in between again it stays well", STEADY, [0.06, 0.01, 0.04], [FIRING, OK, OK]),
    Story(
        "a recovery above, for what must stay above",
        replace(AVAILABILITY, recovery=1.0), [0.99, 0.9995, 1.0], [FIRING, FIRING, OK],
    ),
    Story("wrong for as long as it holds", PATIENT, [0.06, 0.06, 0.06], [PENDING, PENDING, FIRING]),
    Story("well in time is forgotten", PATIENT, [0.06, 0.0, 0.06, 0.06], [PENDING, OK, PENDING, PENDING]),
    Story(
        "in between is well while it waits: the recovery is for what fires",
        replace(PATIENT, recovery=0.02), [0.06, 0.04], [PENDING, OK],
    ),
    Story("firing ends at once", PATIENT, [0.06, 0.06, 0.06, 0.0], [PENDING, PENDING, FIRING, OK]),
    Story("too few samples say nothing", SURE, [(1.0, 19)], [UNKNOWN]),
    Story("as many as are wanted are enough", SURE, [(1.0, 20)], [FIRING]),
    Story("too few samples change nothing", SURE, [(1.0, 20), (0.0, 19), (0.0, 20)], [FIRING, FIRING, OK]),
    Story("too few samples are well where silence is", quiet(SURE, WhenNoData.OK), [(1.0, 19)], [OK]),
    Story(
        "too few samples are no silence where silence alerts",
        quiet(SURE, WhenNoData.ALERT), [(1.0, 19), (0.0, 20), (1.0, 19)], [UNKNOWN, OK, OK],
    ),
    Story("nothing was ever measured", ERRORS, [NOTHING], [UNKNOWN]),
    Story("keep: well stays well", ERRORS, [0.0, NOTHING, NOTHING], [OK, OK, OK]),
    Story("keep: firing stays firing", ERRORS, [0.06, NOTHING, 0.0], [FIRING, FIRING, OK]),
    Story(
        "keep: what was waiting starts over, for it was not seen throughout",
        PATIENT, [0.06, NOTHING, 0.06, 0.06, 0.06], [PENDING, UNKNOWN, PENDING, PENDING, FIRING],
    ),
    Story("ok: silence from the start", quiet(ERRORS, WhenNoData.OK), [NOTHING], [OK]),
    Story("ok: silence ends it", quiet(ERRORS, WhenNoData.OK), [0.06, NOTHING], [FIRING, OK]),
    Story("ok: silence ends the wait", quiet(PATIENT, WhenNoData.OK), [0.06, NOTHING], [PENDING, OK]),
    Story("alert: silence is wrong", quiet(ERRORS, WhenNoData.ALERT), [0.0, NOTHING, 0.0], [OK, FIRING, OK]),
    Story(
        "alert: silence is held for too",
        quiet(PATIENT, WhenNoData.ALERT), [0.0, NOTHING, NOTHING, NOTHING, 0.0], [OK, PENDING, PENDING, FIRING, OK],
    ),
    Story(
        "alert: silence after a breach goes on waiting",
        quiet(PATIENT, WhenNoData.ALERT), [0.06, NOTHING, 0.06], [PENDING, PENDING, FIRING],
    ),
    Story("a burn rate fires when both windows burn", BURN, [(20.0, 9, 20.0)], [FIRING]),
    Story("the long window alone does not fire: it is over", BURN, [(20.0, 9, 1.0)], [OK]),
    Story("the short window alone does not fire: it is little", BURN, [(1.0, 9, 20.0)], [OK]),
    Story("nothing in the short window does not burn", BURN, [(20.0, 9, None)], [OK]),
    Story("once it burns, the short window does not end it", BURN, [(20.0, 9, 20.0), (20.0, 9, 0.0)], [FIRING, FIRING]),
    Story("the long window ends it", BURN, [(20.0, 9, 20.0), (14.4, 9, 20.0)], [FIRING, OK]),
]  # fmt: skip


def reading(given: float | tuple[float | None, int] | tuple[float, int, float | None], now: datetime) -> Reading:
    match given:
        case (value, samples, short):
            return Reading(value, samples, now, short)
        case (value, samples):
            return Reading(value, samples, now if samples else None)
        case value:
            return Reading(value, 100, now)


@pytest.mark.parametrize("story", STORIES, ids=[story.told for story in STORIES])
def test_a_story(story: Story) -> None:
    verdict: Verdict | None = None
    found = []
    for minute, one in enumerate(story.readings):
        now = START + minute * MINUTE
        verdict = judge(story.condition, verdict, reading(one, now), now)
        found.append(verdict.standing.value)
    assert found == story.standings


def test_a_standing_is_since_it_changed() -> None:
    first = judge(PATIENT, None, Reading(0.06, 100, START), START)
    later = judge(PATIENT, first, Reading(0.07, 100, START + MINUTE), START + MINUTE)
    fired = judge(PATIENT, later, Reading(0.08, 100, START + 2 * MINUTE), START + 2 * MINUTE)
    assert (first.since, later.since, fired.since) == (START, START, START + 2 * MINUTE)
    assert {each.pending_since for each in (first, later, fired)} == {START}
    assert (later.value, fired.value) == (0.07, 0.08)
    over = judge(PATIENT, fired, Reading(0.0, 100, START + 3 * MINUTE), START + 3 * MINUTE)
    assert (over.standing, over.pending_since) == (Standing.OK, None)


def test_what_is_kept_shows_the_last_that_was_seen() -> None:
    seen = judge(ERRORS, None, Reading(0.06, 100, START), START)
    kept = judge(ERRORS, seen, Reading(None, 0, None), START + 9 * MINUTE)
    assert (kept.value, kept.observed_at, kept.since) == (0.06, START, START)


FIVE = 5 * MINUTE
LOOKS = [
    ("a breach that waits is looked at when it has waited long enough", PATIENT, None, 0.06, START + 2 * MINUTE),
    (
        "or sooner, when its window runs empty before that",
        replace(PATIENT, hold_for=9 * MINUTE), None, 0.06, START + FIVE,
    ),
    ("nothing to wait for where silence keeps what is", ERRORS, None, 0.06, None),
    ("what fires ends when its window runs empty, where silence is well", quiet(ERRORS, WhenNoData.OK), None, 0.06,
     START + FIVE),
    ("what is well is not looked at for silence that is well", quiet(ERRORS, WhenNoData.OK), None, 0.0, None),
    ("what is well is looked at for silence that alerts", quiet(ERRORS, WhenNoData.ALERT), None, 0.0, START + FIVE),
    ("what fires needs no second look for silence that alerts", quiet(ERRORS, WhenNoData.ALERT), None, 0.06, None),
]  # fmt: skip


@pytest.mark.parametrize(("told", "condition", "before", "value", "expected"), LOOKS, ids=[row[0] for row in LOOKS])
def test_when_it_is_looked_at_without_new_data(
    told: str, condition: Condition, before: Verdict | None, value: float, expected: datetime | None
) -> None:
    assert judge(condition, before, Reading(value, 100, START), START).look_at == expected


def test_what_did_not_change_when_expected_is_looked_at_again_soon_but_not_at_once() -> None:
    now = START + FIVE
    late = judge(quiet(ERRORS, WhenNoData.ALERT), None, Reading(0.0, 100, START), now)
    assert late.look_at == now + SOON


def test_silence_grows_by_itself() -> None:
    condition = Condition(Signal.SILENCE, Comparison.ABOVE, 120.0)
    heard = judge(condition, None, Reading(3.0, 1, START - timedelta(seconds=3)), START)
    assert heard.standing is Standing.OK
    assert heard.look_at is not None
    at = heard.look_at
    silent = judge(condition, heard, Reading((at - START).total_seconds() + 3.0, 1, heard.observed_at), at)
    assert (silent.standing, silent.look_at) == (Standing.FIRING, None)
    back = judge(condition, silent, Reading(0.1, 1, at), at)
    assert back.standing is Standing.OK


VALUES = st.one_of(st.none(), st.sampled_from([0.0, 0.03, 0.05, 0.06, 1.0]))
CONDITIONS = st.builds(
    replace,
    st.just(ERRORS),
    recovery=st.sampled_from([None, 0.02]),
    hold_for=st.sampled_from([timedelta(0), 2 * MINUTE, 9 * MINUTE]),
    min_samples=st.sampled_from([1, 20]),
    when_no_data=st.sampled_from(WhenNoData),
)


@given(CONDITIONS, st.lists(st.tuples(VALUES, st.sampled_from([1, 20])), min_size=1, max_size=12))
def test_whatever_comes(condition: Condition, course: list[tuple[float | None, int]]) -> None:
    verdict: Verdict | None = None
    wrong_since: datetime | None = None
    for minute, (value, samples) in enumerate(course):
        now = START + minute * MINUTE
        said = Reading(value, samples if value is not None else 0, now if value is not None else None)
        after = judge(condition, verdict, said, now)
        assert after.look_at is None or after.look_at > now, "nothing is looked at again at once"
        assert judge(condition, after, said, now).standing is after.standing, "the same reading says the same"
        wrong = after.standing in (Standing.PENDING, Standing.FIRING)
        assert (after.pending_since is not None) == wrong, "what is wrong is so since a moment"
        wrong_since = (wrong_since or now) if wrong else None
        assert after.pending_since == wrong_since
        if after.standing is Standing.PENDING:
            assert now - (wrong_since or now) < condition.hold_for, "nothing waits for longer than it is held"
        if after.standing is Standing.FIRING:
            assert now - (wrong_since or now) >= condition.hold_for, "nothing fires before it was held"
        verdict = after
