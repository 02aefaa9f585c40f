"""Whom a level reaches, what is wrong with a policy, what is warned of ahead, and a rehearsal of it all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from icalendar import Calendar

from century.escalation.coverage import coverage, policy_warnings, schedule_warnings
from century.escalation.feed import feed
from century.escalation.policy import Level, Policy, Target, TargetKind, problems
from century.escalation.reach import Directory, Receiver, Someone, Way, reach, reach_admins
from century.escalation.schedule import OverrideKind
from century.escalation.simulation import simulate
from century.notify.channel import ChannelKind
from century.notify.quiet import QuietHours
from century.rules.severity import Severity
from tests.escalation.test_schedule import ADA, BOB, EVE, MAX, NAMES, WORKDAYS, daily, override, schedule, weekly

NIGHT = datetime(2026, 11, 3, 3, 0, tzinfo=UTC)
ALL = frozenset(Severity)
OPS = Way(UUID(int=11), "#ops", ChannelKind.SLACK, ALL)
PAGER = Way(UUID(int=12), "pager", ChannelKind.PAGERDUTY, frozenset({Severity.CRITICAL}))
STOPPED = Way(UUID(int=13), "old hook", ChannelKind.WEBHOOK, ALL, problem="the channel 'old hook' is stopped: 410 Gone")
ADAS = Way(UUID(int=14), "ada's phone", ChannelKind.APPRISE, ALL, ADA, quiet=QuietHours(time(22), time(7), "UTC"))
BOBS = Way(None, "E-mail of Bob", ChannelKind.EMAIL, ALL, BOB)
MAXS = replace(STOPPED, id=UUID(int=15), person=MAX)
ROTA = replace(schedule(weekly(ADA, BOB, starts="2026-10-26")), id=UUID(int=21), name="Rota")
EMPTY = replace(schedule(), id=UUID(int=22), name="Empty")
PEOPLE = {
    ADA: Someone(ADA, "Ada", admin=True),
    BOB: Someone(BOB, "Bob"),
    EVE: Someone(EVE, "Eve", disabled=True),
    MAX: Someone(MAX, "Max"),
}
DIRECTORY = Directory(PEOPLE, {ROTA.id: ROTA, EMPTY.id: EMPTY}, [OPS, PAGER, STOPPED, ADAS, BOBS, MAXS])

PERSON, SCHEDULE, CHANNEL = TargetKind.PERSON, TargetKind.SCHEDULE, TargetKind.CHANNEL
EVERY = Target(TargetKind.CHANNELS_OF_SEVERITY)
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def level(*targets: Target, minutes: float = 0, only: frozenset[Severity] = frozenset(), name: str = "Level") -> Level:
    return Level(name, timedelta(minutes=minutes), targets, only)


@pytest.mark.parametrize(
    ("why", "targets", "severity", "names", "problems"),
    [
        ("a person by their own channel", (Target(PERSON, ADA),), CRITICAL, ("Ada",), ()),
        ("a person by the e-mail of their account", (Target(PERSON, BOB),), CRITICAL, ("Bob",), ()),
        ("whoever is on call", (Target(SCHEDULE, ROTA.id),), CRITICAL, ("Bob",), ()),
        ("an empty schedule reaches no one", (Target(SCHEDULE, EMPTY.id),), CRITICAL, (),
         ("nobody is on call in 'Empty'",)),
        ("a schedule that is gone", (Target(SCHEDULE, UUID(int=99)),), CRITICAL, (), ("the schedule is gone",)),
        ("a channel", (Target(CHANNEL, OPS.id),), CRITICAL, ("#ops",), ()),
        ("a channel that takes no such alerts", (Target(CHANNEL, PAGER.id),), WARNING, (),
         ("the channel 'pager' takes no warning alerts",)),
        ("a channel that was stopped", (Target(CHANNEL, STOPPED.id),), CRITICAL, (),
         ("the channel 'old hook' is stopped: 410 Gone",)),
        ("a channel that is gone", (Target(CHANNEL, UUID(int=99)),), CRITICAL, (), ("the channel is gone",)),
        ("every channel of the severity, those that work", (EVERY,), CRITICAL, ("#ops", "pager"), ()),
        ("and not those for other severities", (EVERY,), INFO, ("#ops",), ()),
        ("somebody who is disabled", (Target(PERSON, EVE),), CRITICAL, (), ("Eve is disabled",)),
        ("somebody whose only channel was stopped", (Target(PERSON, MAX),), CRITICAL, (),
         ("Max cannot be reached: the channel 'old hook' is stopped: 410 Gone",)),
        ("somebody nobody knows", (Target(PERSON, UUID(int=99)),), CRITICAL, (), ("the person is disabled",)),
        ("each channel once, whoever names it", (EVERY, Target(CHANNEL, OPS.id)), INFO, ("#ops",), ()),
        ("one is reached and another is not", (Target(PERSON, BOB), Target(PERSON, EVE)), CRITICAL, ("Bob",),
         ("Eve is disabled",)),
    ],
)  # fmt: skip
def test_whom_a_level_reaches(
    why: str, targets: tuple[Target, ...], severity: Severity, names: tuple[str, ...], problems: tuple[str, ...]
) -> None:
    reached = reach(DIRECTORY, level(*targets), severity, NIGHT)
    assert (reached.names, reached.problems) == (names, problems), why
    assert len(reached.receivers) == len(names)


def test_the_last_resort_are_the_admins() -> None:
    assert reach_admins(DIRECTORY, CRITICAL).receivers == (Receiver(ADAS.id, ADA),)
    assert reach_admins(replace(DIRECTORY, people={}), CRITICAL).receivers == ()


@pytest.mark.parametrize(
    ("why", "levels", "field", "sentence"),
    [
        ("sound", (level(EVERY), level(EVERY, minutes=15)), None, ""),
        ("none", (), "levels", "add at least one level"),
        ("too many", tuple(level(EVERY, minutes=each) for each in range(21)), "levels", "20 levels at most"),
        ("the same delay twice", (level(EVERY), level(EVERY)), "levels.1.delay", "later than level 1: give it a delay above"),
        ("falling delays", (level(EVERY, minutes=30), level(EVERY, minutes=15)), "levels.1.delay", "above 30 minutes"),
        ("a delay below zero", (level(EVERY, minutes=-1),), "levels.0.delay", "between 0 and 7 days"),
        ("a delay of a month", (level(EVERY, minutes=60 * 24 * 30),), "levels.0.delay", "between 0 and 7 days"),
        ("nobody to tell", (level(),), "levels.0.targets", "level 1 tells nobody"),
        ("somebody twice", (level(EVERY, EVERY),), "levels.0.targets", "twice"),
        ("no name", (level(EVERY, name=""),), "levels.0.name", "name level 1"),
        ("a person without an id", (level(Target(PERSON)),), "levels.0.targets.0.id", "which person"),
        ("every channel, and an id", (level(Target(EVERY.kind, ADA)),), "levels.0.targets.0.id", "leave the id out"),
    ],
)  # fmt: skip
def test_levels_that_are_wrong_are_refused_in_a_sentence(
    why: str, levels: tuple[Level, ...], field: str | None, sentence: str
) -> None:
    refused = [each for each in problems(levels) if each.refused]
    assert [each.field for each in refused] == ([] if field is None else [field]), why
    assert all(sentence in each.message for each in refused), refused


def test_a_severity_that_no_level_takes_is_warned_of() -> None:
    (warned,) = problems((level(EVERY, only=frozenset({CRITICAL, WARNING})),))
    assert (warned.refused, warned.message) == (False, "no level takes info alerts: nobody would be told of one")


def test_levels_are_stored_and_read_back() -> None:
    policy = Policy(
        UUID(int=1), "Ours", (level(EVERY), level(Target(PERSON, ADA), minutes=1.5, only=frozenset({INFO})))
    )
    assert Policy.from_json(policy.to_json()) == policy


def test_levels_that_reach_no_one_are_warned_of() -> None:
    policy = Policy(UUID(int=1), "Ours", (level(EVERY), level(Target(SCHEDULE, EMPTY.id), minutes=5, name="Second")))
    (warned,) = policy_warnings(policy, DIRECTORY, NIGHT)
    assert warned.field == "levels.1.targets"
    assert warned.message == "level 2 'Second' of 'Ours' reaches no one now: nobody is on call in 'Empty'"
    nobody = policy_warnings(replace(policy, levels=policy.levels[1:]), DIRECTORY, NIGHT)
    assert nobody[0].message == "'Ours' reaches nobody at all now"


def test_coverage_tells_of_gaps_people_and_levels() -> None:
    policy = Policy(UUID(int=1), "Ours", (level(EVERY), level(Target(PERSON, MAX), Target(PERSON, EVE), minutes=5)))
    said = [each.message for each in coverage(DIRECTORY, [policy], NIGHT)]
    assert said == [
        "'Empty' has nobody on it: nobody is on call at any time",
        "Eve is disabled, and still on a schedule or in a policy",
        "Max has no way to be reached: add a channel of theirs, or set up e-mail",
        f"level 2 'Level' of 'Ours' reaches no one now: Max cannot be reached: {STOPPED.problem}; Eve is disabled",
    ]


def test_gaps_are_told_in_a_sentence() -> None:
    office = schedule(replace(weekly(ADA, starts="2026-10-26"), days=WORKDAYS))
    (warned,) = schedule_warnings(office, NIGHT)
    assert warned.message == (
        "nobody is on call in 'On call' from Sat 07 Nov 00:00 to Mon 09 Nov 00:00 UTC, "
        "Sat 14 Nov 00:00 to Mon 16 Nov 00:00 UTC"
    )
    (warned,) = schedule_warnings(schedule(daily(ADA, starts="2027-01-01")), NIGHT)
    assert warned.message == "nobody is on call in 'On call' for the next 14 days"
    assert schedule_warnings(ROTA, NIGHT) == []


GUIDE = Policy(
    UUID(int=1),
    "Guide",
    (
        level(EVERY, Target(SCHEDULE, ROTA.id), name="Initial responder"),
        level(Target(SCHEDULE, EMPTY.id), minutes=15, name="Senior engineer"),
        level(Target(PERSON, ADA), minutes=30, name="Engineering manager"),
        level(Target(PERSON, BOB), minutes=60, only=frozenset({CRITICAL}), name="Executives"),
    ),
)


def test_a_rehearsal_says_who_would_be_told_when_and_by_what() -> None:
    found = simulate(GUIDE, DIRECTORY, CRITICAL, NIGHT)
    said = [((each.at - NIGHT) / timedelta(minutes=1), each.level, each.target, [one.name for one in each.channels])
            for each in found]  # fmt: skip
    assert said == [
        (0, 1, "every channel that takes critical alerts", ["#ops", "pager", "old hook"]),
        (0, 1, "Rota", ["E-mail of Bob"]),
        (15, 2, "Empty", []),
        (15, 3, "Ada", ["ada's phone"]),
        (60, 4, "Bob", ["E-mail of Bob"]),
    ], "the level after one that reaches no one comes at once"
    assert found[0].channels[2].problem == "the channel 'old hook' is stopped: 410 Gone"
    assert found[2].problem == "nobody is on call in 'Empty'"
    assert found[3].channels[0].at == found[3].at, "quiet hours are for what is below critical"


def test_a_rehearsal_knows_quiet_hours_and_who_will_be_on_call() -> None:
    found = simulate(GUIDE, DIRECTORY, WARNING, NIGHT)
    (ada,) = found[3].channels
    assert ada.at == NIGHT.replace(hour=7)
    assert ada.problem == "quiet hours hold it until 2026-11-03 07:00 UTC"
    assert [each.level for each in found] == [1, 1, 2, 3], "executives hear of critical alerts alone"
    handed = simulate(GUIDE, DIRECTORY, WARNING, datetime(2026, 11, 9, 9, 0, tzinfo=UTC))
    assert handed[1].person == ADA, "by then the week is hers"


def test_a_rehearsal_ends_with_the_last_resort() -> None:
    lost = replace(GUIDE, levels=(level(Target(SCHEDULE, EMPTY.id)),))
    found = simulate(lost, DIRECTORY, CRITICAL, NIGHT)
    assert [(each.name, each.target, [one.name for one in each.channels]) for each in found] == [
        ("Level", "Empty", []),
        ("Last resort", "admins", ["ada's phone"]),
    ]
    found = simulate(lost, replace(DIRECTORY, people={}), CRITICAL, NIGHT)
    assert found[-1].problem == "there is nobody to tell"


def test_a_schedule_is_a_calendar() -> None:
    away = override(OverrideKind.REPLACE, EVE, "2026-11-03 10:00", "2026-11-03 14:00", BOB)
    rota = replace(ROTA, name="Rota; with, odd\nletters", overrides=(away,))
    body = feed(rota, NAMES, NIGHT, NIGHT)
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    calendar = Calendar.from_ical(body)
    assert calendar["VERSION"] == "2.0"
    assert b"\r\nX-WR-CALNAME:On call: Rota\\; with\\, odd\\nletters\r\n" in body
    assert calendar["PRODID"]
    events = calendar.walk("VEVENT")
    assert all(each["UID"] and each["DTSTAMP"] and each["DTSTART"].dt < each["DTEND"].dt for each in events)
    stand_in = next(each for each in events if each["DTSTART"].dt == away.start)
    assert str(stand_in["SUMMARY"]).startswith("Eve on call (Rota; with, odd")
    assert stand_in["DTEND"].dt == away.end
    uids = [str(each["UID"]) for each in events]
    assert len(set(uids)) == len(uids)
    later = Calendar.from_ical(feed(rota, NAMES, NIGHT, NIGHT + timedelta(days=3))).walk("VEVENT")
    assert {str(each["UID"]) for each in later} >= set(uids[1:]), "an event keeps its UID"


def test_an_empty_schedule_is_an_empty_calendar() -> None:
    assert Calendar.from_ical(feed(EMPTY, {}, NIGHT, NIGHT)).walk("VEVENT") == []
