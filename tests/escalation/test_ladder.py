"""The ladder: whom an unanswered alert reaches next, what holds it, and what happens where nobody is to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from century.alerts.alert import AlertState
from century.alerts.paging import Hold, HoldKind
from century.escalation.ladder import (
    LAST_RESORT,
    LOOK_AGAIN,
    Answered,
    Case,
    HeldBack,
    Ladder,
    LevelFailed,
    News,
    Said,
    Step,
    Tell,
    Unreachable,
    rungs,
    step,
    steps_from_json,
    steps_to_json,
)
from century.escalation.policy import Level, Policy, Target, TargetKind
from century.escalation.reach import Outcome, Reached, Receiver
from century.rules.severity import Severity

OPENED = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
EVERYBODY = (Target(TargetKind.CHANNELS_OF_SEVERITY),)
LEVELS = (
    Level("Initial responder", timedelta(0), EVERYBODY),
    Level("Senior engineer", timedelta(minutes=15), EVERYBODY),
    Level("Engineering manager", timedelta(minutes=30), EVERYBODY),
    Level("Executives", timedelta(minutes=60), EVERYBODY, frozenset({Severity.CRITICAL})),
)
POLICY = Policy(UUID(int=1), "Default", LEVELS)
WINDOW = Hold(HoldKind.MAINTENANCE, OPENED + timedelta(minutes=40), "database upgrade")


def minutes(number: float) -> datetime:
    return OPENED + timedelta(minutes=number)


@dataclass
class Climb:
    """An alert on its ladder; `reachable` are the names of levels that reach somebody, and "admins"."""

    reachable: set[str] = field(default_factory=lambda: {level.name for level in LEVELS} | {"admins"})
    severity: Severity = Severity.CRITICAL
    ladder: Ladder = field(default_factory=lambda: Ladder(POLICY, OPENED))
    due_at: datetime | None = OPENED

    def reach(self, level: Level | None) -> Reached:
        name = level.name if level else "admins"
        if name not in self.reachable:
            return Reached((Outcome(name, problem=f"nobody is on call in '{name}'"),), (), ())
        return Reached((Outcome(name),), (name,), (Receiver(UUID(int=len(name)), None),))

    def look(
        self,
        at: float,
        state: AlertState = AlertState.FIRING,
        hold: Hold | None = None,
        failing: Sequence[int] = (),
        earlier: tuple[Receiver, ...] = (),
    ) -> list[str]:
        """What is said at so many minutes, in short."""
        case = Case(state, self.severity, hold, frozenset(failing), earlier)
        decision = step(case, self.ladder, self.reach, minutes(at))
        self.ladder, self.due_at = decision.ladder, decision.due_at
        return [short(said) for said in decision.said]

    def walk(self, until: float) -> list[tuple[float, str]]:
        """Look whenever it is due, and answer what was said when."""
        found = []
        while self.due_at is not None and self.due_at <= minutes(until):
            at = (self.due_at - OPENED) / timedelta(minutes=1)
            found += [(at, said) for said in self.look(at)]
        return found


def short(said: Said) -> str:
    match said:
        case Tell(made):
            return f"tell {made.level}" if made.receivers else f"miss {made.level}"
        case LevelFailed(level):
            return f"failed {level}"
        case HeldBack(hold):
            return f"held by {hold.kind.value}"
        case Unreachable(made):
            return "last resort" if made.receivers else "unreachable"
        case Answered(news, receivers):
            return f"{news.value} to {len(receivers)}"


def test_nobody_answers_and_all_four_levels_follow() -> None:
    assert Climb().walk(24 * 60) == [(0, "tell 1"), (15, "tell 2"), (30, "tell 3"), (60, "tell 4")]


ANSWERED, RESOLVED, FIRING = AlertState.ACKNOWLEDGED, AlertState.RESOLVED, AlertState.FIRING


@dataclass(frozen=True)
class Row:
    """A case: looks at (minutes, what is so), and all that is said."""

    why: str
    looks: tuple[tuple[float, dict[str, object]], ...]
    said: list[str]
    due: float | None
    unreachable: frozenset[str] = frozenset()
    severity: Severity = Severity.CRITICAL


CASES = [
    Row("level 1 is told at once, level 2 is due at its delay", ((0, {}),), ["tell 1"], 15),
    Row("looked at early, nothing is said", ((0, {}), (7, {})), ["tell 1"], 15),
    Row("looked at late, what is due is told at once", ((0, {}), (31, {})), ["tell 1", "tell 2", "tell 3"], 60),
    Row("a pending alert climbs nothing", ((0, {"state": AlertState.PENDING}),), [], None),
    Row("acknowledged stops it and tells who was told", ((0, {}), (5, {"state": ANSWERED})),
        ["tell 1", "acknowledged to 1"], None),
    Row("acknowledged before anybody was told is no news", ((0, {"state": ANSWERED}),), [], None),
    Row("resolved before anybody was told is no news", ((0, {"state": RESOLVED}),), [], None),
    Row("acknowledged, told once", ((0, {}), (5, {"state": ANSWERED}), (6, {"state": ANSWERED})),
        ["tell 1", "acknowledged to 1"], None),
    Row("resolved tells who was told", ((0, {}), (15, {}), (20, {"state": RESOLVED})),
        ["tell 1", "tell 2", "resolved to 2"], None),
    Row("acknowledged and later resolved are two pieces of news",
        ((0, {}), (5, {"state": ANSWERED}), (50, {"state": RESOLVED})),
        ["tell 1", "acknowledged to 1", "resolved to 1"], None),
    Row("the acknowledgement taken back: it goes on, and the time in between does not count",
        ((0, {}), (5, {"state": ANSWERED}), (45, {})), ["tell 1", "acknowledged to 1"], 55),
    Row("a window holds the first step, which follows when it ends",
        ((0, {"hold": WINDOW}), (40, {})), ["held by maintenance", "tell 1"], 55),
    Row("a window holds every step, not just the first",
        ((0, {}), (15, {"hold": WINDOW}), (40, {})), ["tell 1", "held by maintenance", "tell 2"], 55),
    Row("held time counts from when the window began, not from when somebody looked",
        ((0, {}), (15, {"hold": replace(WINDOW, since=minutes(10))}), (40, {})), ["tell 1", "held by maintenance"], 45),
    Row("a window that began before the alert holds no longer than the alert is there",
        ((0, {"hold": replace(WINDOW, since=minutes(-60))}), (40, {})), ["held by maintenance", "tell 1"], 55),
    Row("a hold is told once", ((0, {"hold": WINDOW}), (5, {"hold": WINDOW})), ["held by maintenance"], 10),
    Row("a hold of another kind is told too",
        ((0, {"hold": WINDOW}), (5, {"hold": Hold(HoldKind.DEPENDENCY, None, "database_connection_failure is open")})),
        ["held by maintenance", "held by dependency"], 10),
    Row("a second window is told again",
        ((0, {"hold": WINDOW}), (40, {}), (55, {"hold": replace(WINDOW, until=minutes(57))})),
        ["held by maintenance", "tell 1", "held by maintenance"], 57),
    Row("suppression holds", ((0, {}), (15, {"hold": Hold(HoldKind.SUPPRESSED, minutes(16), "known")})),
        ["tell 1", "held by suppressed"], 16),
    Row("flap damping holds", ((0, {"hold": Hold(HoldKind.FLAPPING, minutes(2), "it flaps")}), (2, {})),
        ["held by flapping", "tell 1"], 17),
    Row("an open parent holds until it is looked at again",
        ((0, {"hold": Hold(HoldKind.DEPENDENCY, None, "its parent is open")}),), ["held by dependency"], 5),
    Row("resolution passes a hold", ((0, {}), (15, {"hold": WINDOW}), (20, {"state": RESOLVED, "hold": WINDOW})),
        ["tell 1", "held by maintenance", "resolved to 1"], None),
    Row("a failing level calls the next at once", ((0, {}), (1, {"failing": (1,)})), ["tell 1", "failed 1", "tell 2"], 30),
    Row("a failing level is of no interest once the next was told",
        ((0, {}), (15, {}), (16, {"failing": (1,)})), ["tell 1", "tell 2"], 30),
    Row("held, a failing level calls nobody", ((0, {}), (1, {"failing": (1,), "hold": WINDOW})),
        ["tell 1", "held by maintenance"], 6),
    Row("a level that reaches no one calls the next at once", ((0, {}),), ["miss 1", "tell 2"], 30,
        frozenset({"Initial responder"})),
    Row("several of them", ((0, {}),), ["miss 1", "miss 2", "tell 3"], 60,
        frozenset({"Initial responder", "Senior engineer"})),
    Row("a level that excludes the severity is passed over", ((0, {}), (15, {}), (30, {})),
        ["tell 1", "tell 2", "tell 3"], None, severity=Severity.WARNING),
    Row("nobody at all: the admins, as the last resort", ((0, {}),), ["miss 1", "miss 2", "miss 3", "miss 4", "last resort"],
        None, frozenset(level.name for level in LEVELS)),
    Row("not even the admins: it is looked at again",
        ((0, {}),), ["miss 1", "miss 2", "miss 3", "miss 4", "unreachable"], 5,
        frozenset({*(level.name for level in LEVELS), "admins"})),
    Row("the last level fails and others before it did not: nothing more",
        ((0, {}), (15, {}), (30, {}), (60, {}), (61, {"failing": (4,)}), (66, {"failing": (4,)})),
        ["tell 1", "tell 2", "tell 3", "tell 4"], None),
    Row("every level fails: the admins",
        ((0, {}), (1, {"failing": (1,)}), (2, {"failing": (1, 2)}), (3, {"failing": (1, 2, 3)}),
         (4, {"failing": (1, 2, 3, 4)})),
        ["tell 1", "failed 1", "tell 2", "failed 2", "tell 3", "failed 3", "tell 4", "failed 4", "last resort"], None),
    Row("the last resort is told once",
        ((0, {}), (9, {})), ["miss 1", "miss 2", "miss 3", "miss 4", "last resort"], None,
        frozenset(level.name for level in LEVELS)),
    Row("a re-opened alert that is resolved tells who was told before",
        ((0, {"state": RESOLVED, "earlier": (Receiver(UUID(int=9), None),)}),), ["resolved to 1"], None),
]  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=[row.why for row in CASES])
def test_what_is_said(row: Row) -> None:
    climb = Climb(severity=row.severity)
    climb.reachable -= row.unreachable
    said = [each for at, so in row.looks for each in climb.look(at, **so)]  # type: ignore[arg-type]
    assert said == row.said
    assert climb.due_at == (None if row.due is None else minutes(row.due))


def test_a_step_says_why_it_came_early_and_why_it_reached_no_one() -> None:
    climb = Climb()
    climb.reachable -= {"Senior engineer"}
    climb.look(0)
    climb.look(1, failing=(1,))
    assert [(each.level, each.told, each.reason) for each in climb.ladder.steps] == [
        (1, ("Initial responder",), None),
        (2, (), "every channel of level 1 'Initial responder' fails; nobody is on call in 'Senior engineer'"),
        (3, ("Engineering manager",), "level 2 'Senior engineer' reached no one"),
    ]


def test_whoever_can_be_reached_later_is_told_later() -> None:
    climb = Climb(reachable=set())
    assert climb.look(0)[-1] == "unreachable"
    assert climb.look(5) == []
    assert climb.due_at == minutes(5) + LOOK_AGAIN
    climb.reachable = {"Senior engineer", "Engineering manager"}
    assert climb.look(10) == ["tell 2"]
    assert climb.ladder.steps[-1].reason == "nobody could be reached before"
    assert climb.due_at == minutes(30)
    assert climb.look(30) == ["tell 3"]
    climb = Climb(reachable=set())
    climb.look(0)
    climb.reachable = {"admins"}
    assert climb.look(5) == ["last resort"]
    assert climb.ladder.steps[-1].name == LAST_RESORT
    assert climb.due_at is None


def test_a_policy_without_levels_for_the_severity_goes_to_the_admins() -> None:
    only = Policy(None, "Only critical", (replace(LEVELS[0], only_severities=frozenset({Severity.CRITICAL})),))
    climb = Climb(severity=Severity.INFO, ladder=Ladder(only, OPENED))
    assert climb.look(0) == ["last resort"]


def test_steps_are_stored_and_read_back() -> None:
    steps = (
        Step(
            1,
            "Initial responder",
            OPENED,
            ("Ada", "#ops"),
            (Receiver(UUID(int=1), UUID(int=2)), Receiver(UUID(int=3), None)),
        ),
        Step(2, "Senior engineer", minutes(15), (), (), "nobody is on call in 'Senior engineer'"),
    )
    assert steps_from_json(steps_to_json(steps)) == steps


def test_levels_are_shown_those_reached_and_those_ahead() -> None:
    climb = Climb()
    climb.reachable -= {"Senior engineer"}
    climb.look(0)
    climb.look(15)
    shown = rungs(climb.ladder, Severity.CRITICAL, firing=True)
    assert [(each.level, each.at, each.reached, each.told) for each in shown] == [
        (1, OPENED, True, ("Initial responder",)),
        (2, minutes(15), True, ()),
        (3, minutes(15), True, ("Engineering manager",)),
        (4, minutes(60), False, ()),
    ]
    assert rungs(climb.ladder, Severity.WARNING, firing=True)[3:] == [], "executives are for critical alerts"
    climb.look(20, hold=WINDOW)
    assert rungs(climb.ladder, Severity.CRITICAL, firing=True)[3].at is None, "held, nobody knows when"
    assert rungs(climb.ladder, Severity.CRITICAL, firing=False)[3].at is None


def test_news_has_its_name() -> None:
    assert [each.value for each in News] == ["acknowledged", "resolved"]
