"""When a maintenance window holds, and what; what may be planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from century.alerts.plan import Planned, check
from century.alerts.window import Matcher, MatcherField, MatcherOperator, Occurrence, Window
from century.core.errors import Invalid
from tests.alerts.examples import an_alert

HOUR = timedelta(hours=1)
ONCE = Window(UUID(int=1), (), datetime(2026, 11, 24, 2, tzinfo=UTC), datetime(2026, 11, 24, 4, tzinfo=UTC), "disks")
# Every Sunday from 01:00 to 05:00 in Vienna: the night in which the clocks change.
SUNDAYS = Window(
    UUID(int=2), (), datetime(2026, 3, 21, 23, tzinfo=UTC) + HOUR, datetime(2026, 3, 22, 4, tzinfo=UTC), "backups",
    "FREQ=WEEKLY;BYDAY=SU", "Europe/Vienna",
)  # fmt: skip


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_a_single_window_holds_from_its_start_until_just_before_its_end() -> None:
    assert ONCE.active(ONCE.starts_at - timedelta(seconds=1)) is None
    assert ONCE.active(ONCE.starts_at) == Occurrence(ONCE.starts_at, ONCE.ends_at)
    assert ONCE.active(ONCE.ends_at) is None
    assert ONCE.next(ONCE.starts_at - HOUR) == Occurrence(ONCE.starts_at, ONCE.ends_at)
    assert ONCE.next(ONCE.starts_at) is None
    assert ONCE.occurrences(ONCE.starts_at, 5) == [Occurrence(ONCE.starts_at, ONCE.ends_at)]
    assert ONCE.last_end(ONCE.ends_at - HOUR) is None
    assert ONCE.last_end(ONCE.ends_at) == ONCE.ends_at


def test_a_recurring_window_keeps_to_the_wall_clock() -> None:
    winter, spring, summer = SUNDAYS.occurrences(at(20, 0), 3)
    assert winter == Occurrence(at(22, 0), at(22, 4)), "01:00 to 05:00 at +01:00"
    assert spring == Occurrence(at(29, 0), at(29, 3)), "an hour is missing that night: 01:00+01:00 to 05:00+02:00"
    assert summer == Occurrence(at(4, 23, month=4), at(5, 3, month=4)), "01:00 to 05:00 at +02:00"
    assert SUNDAYS.active(at(29, 2, 59)) == spring
    assert SUNDAYS.active(at(29, 3)) is None
    (autumn,) = SUNDAYS.occurrences(at(24, 12, month=10), 1)
    assert autumn == Occurrence(at(24, 23, month=10), at(25, 4, month=10)), "an hour comes twice: it lasts five"
    assert SUNDAYS.next(at(25, 3, month=10)) == Occurrence(at(1, 0, month=11), at(1, 4, month=11))
    assert SUNDAYS.last_end(at(29, 2)) == at(22, 4)
    assert SUNDAYS.last_end(at(29, 3)) == at(29, 3)
    assert SUNDAYS.last_end(at(21, 0)) is None


def test_what_ends_in_the_hour_that_comes_twice_holds_both_times() -> None:
    window = replace(SUNDAYS, ends_at=at(22, 1, 30))
    (autumn,) = window.occurrences(at(24, 12, month=10), 1)
    assert autumn == Occurrence(at(24, 23, month=10), at(25, 1, 30, month=10)), "until the second 02:30"


def test_a_rule_ends_by_count_and_by_date() -> None:
    assert len(replace(SUNDAYS, recurrence="FREQ=WEEKLY;COUNT=3").occurrences(at(1, 0), 9)) == 3
    until = replace(SUNDAYS, recurrence="FREQ=WEEKLY;UNTIL=20260404T235959Z")
    assert len(until.occurrences(at(1, 0), 9)) == 3, "the third begins at 23:00Z, before it ends"
    assert len(replace(SUNDAYS, recurrence="FREQ=WEEKLY;UNTIL=20260404T220000Z").occurrences(at(1, 0), 9)) == 2


def test_a_window_that_was_ended_holds_nothing_from_then_on() -> None:
    ended = replace(SUNDAYS, ended_at=at(29, 1))
    assert ended.occurrences(at(20, 0), 9) == [Occurrence(at(22, 0), at(22, 4)), Occurrence(at(29, 0), at(29, 1))]
    assert ended.active(at(29, 1)) is None
    assert ended.next(at(29, 2)) is None
    assert ended.last_end(at(1, 0, month=6)) == at(29, 1)
    assert replace(ONCE, ended_at=ONCE.starts_at + HOUR).active(ONCE.starts_at + HOUR) is None


IS, IS_NOT, MATCHES = MatcherOperator.IS, MatcherOperator.IS_NOT, MatcherOperator.MATCHES


@pytest.mark.parametrize(
    ("matcher", "fits"),
    [
        (Matcher(MatcherField.SERVICE, IS, "checkout"), True),
        (Matcher(MatcherField.SERVICE, IS, "check"), False),
        (Matcher(MatcherField.SERVICE, IS_NOT, "billing"), True),
        (Matcher(MatcherField.SERVICE, MATCHES, "check.*|billing"), True),
        (Matcher(MatcherField.SERVICE, MATCHES, "heck"), False),
        (Matcher(MatcherField.RULE, IS, "high_error_rate"), True),
        (Matcher(MatcherField.RULE, MATCHES, "high_.*"), True),
        (Matcher(MatcherField.SEVERITY, IS, "critical"), True),
        (Matcher(MatcherField.SEVERITY, IS_NOT, "critical"), False),
        (Matcher(MatcherField.SUBJECT, IS, "checkout"), True),
        (Matcher(MatcherField.ATTRIBUTE, IS, "eu", "region"), True),
        (Matcher(MatcherField.ATTRIBUTE, IS, "", "zone"), True),
        (Matcher(MatcherField.ATTRIBUTE, MATCHES, ".+", "zone"), False),
    ],
)
def test_a_matcher_looks_at_one_thing(matcher: Matcher, fits: bool) -> None:
    assert replace(ONCE, matchers=(matcher,)).covers(an_alert()) is fits
    assert Matcher.from_json(matcher.to_json()) == matcher


def test_all_matchers_must_fit_and_none_means_everything() -> None:
    one, other = Matcher(MatcherField.SERVICE, IS, "checkout"), Matcher(MatcherField.RULE, IS, "other")
    assert not replace(ONCE, matchers=(one, other)).covers(an_alert())
    assert ONCE.covers(an_alert())


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GOOD = Planned((), ONCE.starts_at, ONCE.ends_at, "new disks")
WEEKLY = replace(GOOD, recurrence="FREQ=WEEKLY;BYDAY=TU", time_zone="Europe/Vienna")


@pytest.mark.parametrize(
    ("told", "planned", "field"),
    [
        ("no reason", replace(GOOD, reason=" "), "reason"),
        ("a reason that cannot be kept", replace(GOOD, reason="a\0b"), "reason"),
        ("an end before its start", replace(GOOD, ends_at=GOOD.starts_at - HOUR), "endsAt"),
        ("no length", replace(GOOD, ends_at=GOOD.starts_at), "endsAt"),
        ("too long", replace(GOOD, ends_at=GOOD.starts_at + timedelta(days=32)), "endsAt"),
        ("over already", replace(GOOD, starts_at=NOW - 2 * HOUR, ends_at=NOW - HOUR), "endsAt"),
        ("no such zone", replace(GOOD, time_zone="Vienna"), "timeZone"),
        ("too many matchers", replace(GOOD, matchers=(Matcher(MatcherField.SERVICE, IS, "x"),) * 21), "matchers"),
        ("a broken expression", replace(GOOD, matchers=(Matcher(MatcherField.SERVICE, MATCHES, "("),)), "matchers.0"),
        ("a backreference", replace(GOOD, matchers=(Matcher(MatcherField.SERVICE, MATCHES, r"(a)\1"),)), "matchers.0"),
        ("no key", replace(GOOD, matchers=(Matcher(MatcherField.ATTRIBUTE, IS, "x"),)), "matchers.0"),
        ("a key of nothing", replace(GOOD, matchers=(Matcher(MatcherField.RULE, IS, "x", "y"),)), "matchers.0"),
        ("no such severity", replace(GOOD, matchers=(Matcher(MatcherField.SEVERITY, IS, "bad"),)), "matchers.0"),
        *(
            (rule, replace(WEEKLY, recurrence=rule), "recurrence")
            for rule in (
                "weekly", "FREQ=SECONDLY", "FREQ=WEEKLY;FREQ=DAILY", "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYMONTH=2",
                "FREQ=WEEKLY;INTERVAL=0", "FREQ=DAILY;INTERVAL=7;BYDAY=MO", "FREQ=WEEKLY;UNTIL=yesterday",
                "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=HOURLY", "FREQ=WEEKLY\nFREQ=DAILY", "BYDAY=TU", "",
            )
        ),
        ("from another age", replace(
            WEEKLY, starts_at=datetime(1, 1, 2, tzinfo=UTC), ends_at=datetime(1, 1, 2, 0, 30, tzinfo=UTC),
            recurrence="FREQ=HOURLY"), "startsAt"),
        ("for another age", replace(
            GOOD, starts_at=datetime(9999, 12, 31, tzinfo=UTC), ends_at=datetime(9999, 12, 31, 23, tzinfo=UTC)),
            "startsAt"),
        ("none of it lies ahead", replace(
            WEEKLY, starts_at=NOW - timedelta(days=90), ends_at=NOW - timedelta(days=90) + HOUR,
            recurrence="FREQ=WEEKLY;COUNT=2"), "recurrence"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused_with_a_sentence(told: str, planned: Planned, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(planned, NOW)
    assert set(refused.value.fields) == {field}, told


@pytest.mark.parametrize(
    "recurrence",
    ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=TU,TH;WKST=SU", "FREQ=MONTHLY;BYDAY=1SU", "FREQ=MONTHLY;BYMONTHDAY=-1",
     "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24", "FREQ=HOURLY;INTERVAL=6"],
)  # fmt: skip
def test_what_people_plan_can_be_planned(recurrence: str) -> None:
    check(GOOD, NOW)
    check(replace(WEEKLY, recurrence=recurrence), NOW)
