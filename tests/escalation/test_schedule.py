"""Rotations and overrides: whose turn it is, also when clocks change, and when it is nobody's."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from century.core.timerange import TimeRange
from century.escalation.rotation import Rotation, RotationKind, turns
from century.escalation.schedule import (
    Override,
    OverrideKind,
    Schedule,
    Shift,
    gaps,
    on_call,
    people_at,
    refusal,
    shifts,
)
from century.escalation.wallclock import instant, zone
from century.notify.quiet import Weekday

ADA, BOB, EVE, MAX = (UUID(int=number) for number in range(1, 5))
NAMES = {ADA: "Ada", BOB: "Bob", EVE: "Eve", MAX: "Max"}
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
WORKDAYS = frozenset({Weekday.MONDAY, Weekday.TUESDAY, Weekday.WEDNESDAY, Weekday.THURSDAY, Weekday.FRIDAY})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> TimeRange:
    return TimeRange(utc(start), utc(end))


def weekly(
    *people: UUID, length: int = 1, day: Weekday | None = Weekday.MONDAY, starts: str = "2026-11-02"
) -> Rotation:
    return Rotation(
        UUID(int=100), "week", RotationKind.WEEKLY, length, time(9), date.fromisoformat(starts), people, day
    )


def daily(*people: UUID, length: int = 1, starts: str = "2026-11-01", at: time = time(9)) -> Rotation:
    return Rotation(UUID(int=101), "day", RotationKind.DAILY, length, at, date.fromisoformat(starts), people)


def hourly(*people: UUID, length: int = 1, starts: str = "2026-03-01", at: time = time(0)) -> Rotation:
    return Rotation(UUID(int=102), "hours", RotationKind.HOURLY, length, at, date.fromisoformat(starts), people)


def schedule(*rotations: Rotation, overrides: tuple[Override, ...] = (), where: str = "UTC") -> Schedule:
    return Schedule(UUID(int=200), "On call", where, rotations, overrides)


def override(
    kind: OverrideKind, person: UUID, start: str, end: str, replaces: UUID | None = None, number: int = 300
) -> Override:
    return Override(UUID(int=number), kind, person, replaces, utc(start), utc(end))


@pytest.mark.parametrize(
    ("why", "rotation", "where", "at", "person"),
    [
        ("the first takes the first week", weekly(ADA, BOB), "UTC", "2026-11-02 09:00", ADA),
        ("before the start date nobody is on call", weekly(ADA, BOB), "UTC", "2026-11-02 08:59", None),
        ("the last minute of a week is still hers", weekly(ADA, BOB), "UTC", "2026-11-09 08:59", ADA),
        ("the hand-off is the next one's", weekly(ADA, BOB), "UTC", "2026-11-09 09:00", BOB),
        ("after the last comes the first again", weekly(ADA, BOB), "UTC", "2026-11-16 09:00", ADA),
        ("two weeks each", weekly(ADA, BOB, length=2), "UTC", "2026-11-16 08:59", ADA),
        ("two weeks each, then the next", weekly(ADA, BOB, length=2), "UTC", "2026-11-16 09:00", BOB),
        ("a start in mid-week is on call at once", weekly(ADA, BOB, starts="2026-11-04"), "UTC", "2026-11-04 09:00", ADA),
        ("and hands off on Monday all the same", weekly(ADA, BOB, starts="2026-11-04"), "UTC", "2026-11-09 09:00", BOB),
        ("not before its start date", weekly(ADA, BOB, starts="2026-11-04"), "UTC", "2026-11-04 08:59", None),
        ("without a day it hands off on the start's", weekly(ADA, BOB, day=None, starts="2026-11-04"), "UTC",
         "2026-11-11 09:00", BOB),
        ("hand-off is in the schedule's time zone", weekly(ADA, BOB), "America/New_York", "2026-11-09 13:59", ADA),
        ("09:00 in New York is 14:00 UTC in winter", weekly(ADA, BOB), "America/New_York", "2026-11-09 14:00", BOB),
        ("a day each", daily(ADA, BOB, EVE), "UTC", "2026-11-03 09:00", EVE),
        ("three days each", daily(ADA, BOB, length=3), "UTC", "2026-11-04 09:00", BOB),
        ("an hour each", hourly(ADA, BOB), "UTC", "2026-03-01 01:00", BOB),
        ("twelve hours each, by night", hourly(ADA, BOB, length=12, at=time(8)), "UTC", "2026-03-01 20:00", BOB),
        ("a rotation without participants has no turns", daily(), "UTC", "2026-11-03 09:00", None),
    ],
)  # fmt: skip
def test_whose_turn_it_is(why: str, rotation: Rotation, where: str, at: str, person: UUID | None) -> None:
    assert people_at(schedule(rotation, where=where), utc(at)) == ((person,) if person else ()), why


@pytest.mark.parametrize(
    ("why", "rotation", "where", "day", "hours"),
    [
        ("an ordinary day", daily(ADA, BOB), "Europe/Berlin", "2026-11-10", 24),
        ("the day before clocks go forward is an hour short", daily(ADA, BOB, starts="2026-03-01"), "Europe/Berlin",
         "2026-03-28", 23),
        ("the day before clocks go back is an hour long", daily(ADA, BOB, starts="2026-10-01"), "Europe/Berlin",
         "2026-10-24", 25),
        ("New York changes on another day", daily(ADA, BOB, starts="2026-03-01"), "America/New_York", "2026-03-07", 23),
        ("and back", daily(ADA, BOB, starts="2026-10-01"), "America/New_York", "2026-10-31", 25),
        ("where the day itself is half an hour longer", daily(ADA, BOB, starts="2026-03-01"), "Australia/Lord_Howe",
         "2026-04-04", 24.5),
    ],
)  # fmt: skip
def test_a_day_is_as_long_as_its_clock_says(why: str, rotation: Rotation, where: str, day: str, hours: float) -> None:
    start = instant(datetime.fromisoformat(f"{day}T09:00"), zone(where))
    (found,) = [
        turn for turn in turns(rotation, zone(where), start, start + timedelta(minutes=1)) if turn.start == start
    ]
    assert found.end - found.start == timedelta(hours=hours), why
    assert found.end.astimezone(zone(where)).time() == time(9), "handed over at nine, whatever the clocks did"


def test_a_night_shift_keeps_its_hours_when_clocks_change() -> None:
    night = hourly(ADA, BOB, length=12, at=time(8), starts="2026-03-01")
    found = list(turns(night, BERLIN, utc("2026-03-28 07:00"), utc("2026-03-30 06:00")))
    lengths = [(turn.end - turn.start) / timedelta(hours=1) for turn in found]
    assert lengths == [12, 11, 12, 12], "the night in which clocks go forward has eleven hours"
    assert {turn.start.astimezone(BERLIN).time() for turn in found} == {time(8), time(20)}


def test_an_hour_that_is_skipped_is_nobodys_and_one_that_is_shown_twice_is_one_persons() -> None:
    spring = list(turns(hourly(ADA, BOB), BERLIN, utc("2026-03-29 00:00"), utc("2026-03-29 02:00")))
    assert [(turn.start, turn.end) for turn in spring] == [
        (utc("2026-03-29 00:00"), utc("2026-03-29 01:00")),
        (utc("2026-03-29 01:00"), utc("2026-03-29 02:00")),
    ]
    autumn = list(turns(hourly(ADA, BOB), BERLIN, utc("2026-10-25 00:00"), utc("2026-10-25 03:00")))
    assert [(turn.end - turn.start) / timedelta(hours=1) for turn in autumn] == [2, 1]


def test_a_hand_off_that_the_clock_skips_happens_when_clocks_change() -> None:
    found = list(
        turns(
            daily(ADA, BOB, starts="2026-03-01", at=time(2, 30)),
            BERLIN,
            utc("2026-03-28 12:00"),
            utc("2026-03-29 12:00"),
        )
    )
    assert [turn.start for turn in found] == [utc("2026-03-28 01:30"), utc("2026-03-29 01:00")]
    assert instant(datetime(2026, 3, 29, 2, 30), BERLIN) == utc("2026-03-29 01:00")
    assert instant(datetime(2026, 10, 25, 2, 30), BERLIN) == utc("2026-10-25 00:30"), "shown twice: the first time"


@pytest.mark.parametrize(
    ("why", "changes", "at", "present"),
    [
        ("office hours, in them", {"from_time": time(9), "to_time": time(17)}, "2026-11-03 10:00", True),
        ("office hours, after them", {"from_time": time(9), "to_time": time(17)}, "2026-11-03 17:00", False),
        ("by night, before midnight", {"from_time": time(22), "to_time": time(6)}, "2026-11-03 23:00", True),
        ("by night, after midnight", {"from_time": time(22), "to_time": time(6)}, "2026-11-04 05:59", True),
        ("by night, by day", {"from_time": time(22), "to_time": time(6)}, "2026-11-04 06:00", False),
        ("workdays, on a Friday", {"days": WORKDAYS}, "2026-11-06 23:59", True),
        ("workdays, on a Saturday", {"days": WORKDAYS}, "2026-11-07 00:00", False),
        ("a night belongs to the day on which it begins",
         {"days": frozenset({Weekday.FRIDAY}), "from_time": time(22), "to_time": time(6)}, "2026-11-07 05:00", True),
        ("and not to the one on which it ends",
         {"days": frozenset({Weekday.FRIDAY}), "from_time": time(22), "to_time": time(6)}, "2026-11-06 05:00", False),
    ],
)  # fmt: skip
def test_duty_has_hours_and_days(why: str, changes: dict[str, object], at: str, present: bool) -> None:
    rotation = replace(weekly(ADA), **changes)  # type: ignore[arg-type]
    assert bool(people_at(schedule(rotation), utc(at))) is present, why


@pytest.mark.parametrize(
    ("why", "overrides", "at", "people"),
    [
        ("without any", (), "2026-11-03 12:00", (ADA,)),
        ("somebody helps", (override(OverrideKind.ADD, EVE, "2026-11-03 10:00", "2026-11-03 14:00"),),
         "2026-11-03 12:00", (ADA, EVE)),
        ("somebody is away", (override(OverrideKind.REMOVE, ADA, "2026-11-03 10:00", "2026-11-03 14:00"),),
         "2026-11-03 12:00", ()),
        ("and back", (override(OverrideKind.REMOVE, ADA, "2026-11-03 10:00", "2026-11-03 14:00"),),
         "2026-11-03 14:00", (ADA,)),
        ("somebody stands in", (override(OverrideKind.REPLACE, EVE, "2026-11-03 10:00", "2026-11-03 14:00", ADA),),
         "2026-11-03 10:00", (EVE,)),
        ("not before", (override(OverrideKind.REPLACE, EVE, "2026-11-03 10:00", "2026-11-03 14:00", ADA),),
         "2026-11-03 09:59", (ADA,)),
        ("standing in for somebody who is not on call changes nothing",
         (override(OverrideKind.REPLACE, EVE, "2026-11-03 10:00", "2026-11-03 14:00", BOB),), "2026-11-03 12:00", (ADA,)),
        ("a replacement reaches over a hand-off only for whom it names",
         (override(OverrideKind.REPLACE, EVE, "2026-11-08 10:00", "2026-11-10 10:00", ADA),), "2026-11-09 12:00", (BOB,)),
    ],
)  # fmt: skip
def test_overrides_come_last(why: str, overrides: tuple[Override, ...], at: str, people: tuple[UUID, ...]) -> None:
    assert people_at(schedule(weekly(ADA, BOB), overrides=overrides), utc(at)) == people, why


def test_who_is_on_call_until_when_and_who_next() -> None:
    at = utc("2026-11-03 12:00")
    now = on_call(schedule(weekly(ADA, BOB)), at)
    assert (now.now, now.until, now.next) == ((ADA,), utc("2026-11-09 09:00"), (BOB,))
    helped = override(OverrideKind.ADD, EVE, "2026-11-04 10:00", "2026-11-04 14:00")
    now = on_call(schedule(weekly(ADA, BOB), overrides=(helped,)), at)
    assert (now.until, now.next) == (utc("2026-11-04 10:00"), (ADA, EVE))
    assert on_call(schedule(weekly(ADA)), at).until is None, "one person hands over to themself"
    late = on_call(schedule(weekly(ADA, starts="2027-02-01", day=None)), at)
    assert (late.now, late.until, late.next) == ((), utc("2027-02-01 09:00"), (ADA,))
    assert on_call(schedule(), at).until is None
    office = replace(weekly(ADA), from_time=time(9), to_time=time(17))
    assert on_call(schedule(office), at).next == (), "after hours nobody is"


def test_several_rotations_stand_side_by_side() -> None:
    both = schedule(weekly(ADA, BOB), daily(EVE, MAX))
    assert people_at(both, utc("2026-11-03 12:00")) == (ADA, EVE)
    assert len(shifts(both, span("2026-11-02 09:00", "2026-11-04 09:00"))) == 3


@pytest.mark.parametrize(
    ("why", "planned", "expected"),
    [
        ("an empty schedule is one gap from end to end", schedule(), [span("2026-11-02 09:00", "2026-11-16 09:00")]),
        ("a rotation without people is as empty", schedule(weekly()), [span("2026-11-02 09:00", "2026-11-16 09:00")]),
        ("a rotation that starts later leaves a gap before", schedule(weekly(ADA, starts="2026-11-09")),
         [span("2026-11-02 09:00", "2026-11-09 09:00")]),
        ("one who is always on call leaves none", schedule(weekly(ADA)), []),
        ("an absence is a gap",
         schedule(weekly(ADA), overrides=(override(OverrideKind.REMOVE, ADA, "2026-11-05 00:00", "2026-11-06 00:00"),)),
         [span("2026-11-05 00:00", "2026-11-06 00:00")]),
        ("a workday rotation leaves weekends", schedule(replace(weekly(ADA), days=WORKDAYS)),
         [span("2026-11-07 00:00", "2026-11-09 00:00"), span("2026-11-14 00:00", "2026-11-16 00:00")]),
        ("a second rotation closes them",
         schedule(replace(weekly(ADA), days=WORKDAYS),
                  replace(weekly(BOB), days=frozenset({Weekday.SATURDAY, Weekday.SUNDAY}))), []),
    ],
)  # fmt: skip
def test_gaps_are_found_ahead(why: str, planned: Schedule, expected: list[TimeRange]) -> None:
    assert gaps(planned, span("2026-11-02 09:00", "2026-11-16 09:00")) == expected, why


STAND_IN = override(OverrideKind.REPLACE, EVE, "2026-11-03 10:00", "2026-11-03 14:00", ADA)


@pytest.mark.parametrize(
    ("why", "wanted", "sentence"),
    [
        ("a stand-in", override(OverrideKind.REPLACE, EVE, "2026-11-04 10:00", "2026-11-04 14:00", ADA), None),
        ("it ends before it starts", override(OverrideKind.ADD, EVE, "2026-11-04 14:00", "2026-11-04 10:00"), "end after"),
        ("it has no length", override(OverrideKind.ADD, EVE, "2026-11-04 14:00", "2026-11-04 14:00"), "end after"),
        ("nobody is replaced", override(OverrideKind.REPLACE, EVE, "2026-11-04 10:00", "2026-11-04 14:00"), "whom"),
        ("themself", override(OverrideKind.REPLACE, ADA, "2026-11-04 10:00", "2026-11-04 14:00", ADA), "themself"),
        ("adding replaces nobody", override(OverrideKind.ADD, EVE, "2026-11-04 10:00", "2026-11-04 14:00", ADA), "only"),
        ("over another of the same person", override(OverrideKind.ADD, EVE, "2026-11-03 13:00", "2026-11-03 15:00"),
         "another override of Eve covers 2026-11-03 10:00"),
        ("over the one who is replaced", override(OverrideKind.REMOVE, ADA, "2026-11-03 13:00", "2026-11-03 15:00"),
         "another override of Ada"),
        ("beside it", override(OverrideKind.REMOVE, ADA, "2026-11-03 14:00", "2026-11-03 15:00"), None),
        ("somebody else at the same time", override(OverrideKind.ADD, MAX, "2026-11-03 10:00", "2026-11-03 14:00"), None),
        ("who is not on call cannot be away", override(OverrideKind.REMOVE, BOB, "2026-11-04 10:00", "2026-11-04 14:00"),
         "Bob is not on call"),
    ],
)  # fmt: skip
def test_an_override_that_overlaps_or_is_empty_is_refused(why: str, wanted: Override, sentence: str | None) -> None:
    said = refusal(schedule(weekly(ADA, BOB), overrides=(STAND_IN,)), wanted, NAMES)
    assert (said is None) if sentence is None else (said is not None and sentence in said), (why, said)


def test_a_rotation_is_stored_and_read_back() -> None:
    rotation = replace(weekly(ADA, BOB), days=WORKDAYS, from_time=time(22), to_time=time(6))
    assert Rotation.from_json(rotation.to_json()) == rotation
    assert Rotation.from_json(hourly(ADA).to_json()) == hourly(ADA)


@given(
    st.sampled_from(list(RotationKind)),
    st.integers(1, 5),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
    ),
    st.times(),
    st.datetimes(datetime(2026, 1, 2), datetime(2026, 12, 30)),
)
def test_turns_follow_each_other_without_a_gap_or_an_overlap(
    kind: RotationKind, length: int, where: str, at: time, middle: datetime
) -> None:
    rotation = Rotation(
        UUID(int=1), "any", kind, length, at.replace(second=0, microsecond=0), date(2025, 12, 1), (ADA, BOB, EVE)
    )
    start = middle.replace(microsecond=0, tzinfo=UTC)
    found = list(turns(rotation, zone(where), start - timedelta(days=2), start + timedelta(days=2)))
    assert found[0].start <= start - timedelta(days=2)
    assert found[-1].end >= start + timedelta(days=2)
    for one, two in itertools.pairwise(found):
        assert one.end == two.start
        assert one.start < one.end
    alone = list(turns(rotation, zone(where), start, start + timedelta(microseconds=1)))
    assert alone == [turn for turn in found if turn.start <= start < turn.end], "asked for alone it is the same turn"


def test_a_shift_is_whole_even_where_the_span_cuts_it() -> None:
    assert shifts(schedule(weekly(ADA, BOB)), span("2026-11-04 00:00", "2026-11-05 00:00")) == [
        Shift(ADA, utc("2026-11-02 09:00"), utc("2026-11-09 09:00"), UUID(int=100))
    ]
