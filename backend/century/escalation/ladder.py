"""The ladder that an unanswered alert climbs: whom to tell next, and when to look again.

The clock of a ladder counts the time in which the alert was unanswered and nothing held it: after a maintenance window
the next level is as far away as it was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from century.alerts.alert import AlertState
from century.alerts.paging import Hold, HoldKind
from century.escalation.policy import Level, Policy
from century.escalation.reach import Reached, Receiver
from century.rules.severity import Severity

# Holds end by being looked at again; this often at the latest, should nobody say so.
LOOK_AGAIN = timedelta(minutes=5)
LAST_RESORT = "Last resort"

Reach = Callable[[Level | None], Reached]
"""Whom a level reaches now; None is the last resort, the admins."""


class News(StrEnum):
    """What those who were told hear afterwards."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Step:
    """A level that was reached: whom it told by which channels, or `reason` why nobody; or why it came early."""

    level: int
    name: str
    at: datetime
    told: tuple[str, ...]
    receivers: tuple[Receiver, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where an alert's episode stands. `begun_at` moves on by the time in which it was held or answered.

    `level` is the last one reached, 0 before the first. `told` is the state of which people were last told.
    """

    policy: Policy
    begun_at: datetime
    level: int = 0
    steps: tuple[Step, ...] = ()
    told: AlertState | None = None
    held_since: datetime | None = None
    held_by: HoldKind | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What of an alert the ladder looks at.

    `failing` are the levels all of whose channels fail, `earlier` those who were told in episodes before this one.
    """

    state: AlertState
    severity: Severity
    hold: Hold | None = None
    failing: frozenset[int] = frozenset()
    earlier: tuple[Receiver, ...] = ()


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell a level's receivers that it fires."""

    step: Step


@dataclass(frozen=True, slots=True)
class LevelFailed:
    """All channels of the level reached last fail."""

    level: int
    name: str


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Nothing goes out as long as this holds."""

    hold: Hold


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No level reached anybody; `step` is the last resort."""

    step: Step


@dataclass(frozen=True, slots=True)
class Answered:
    """Those who were told hear that it was acknowledged or resolved."""

    news: News
    receivers: tuple[Receiver, ...]


Said = Tell | LevelFailed | HeldBack | Unreachable | Answered


@dataclass(frozen=True, slots=True)
class Decision:
    """What is said, where the ladder stands then, and when to look again (None: when something happens)."""

    ladder: Ladder
    due_at: datetime | None
    said: tuple[Said, ...] = ()


def step(case: Case, ladder: Ladder, reach: Reach, now: datetime) -> Decision:
    """What is to be done about an alert now."""
    match case.state:
        case AlertState.PENDING:
            return Decision(ladder, None)
        case AlertState.ACKNOWLEDGED:
            return _answered(case, ladder, News.ACKNOWLEDGED, (), now)
        case AlertState.RESOLVED:
            return _answered(case, ladder, News.RESOLVED, case.earlier, now)
        case AlertState.FIRING:
            return _held(ladder, case.hold, now) if case.hold else _climb(case, _resumed(ladder, now), reach, now)


def levels_for(policy: Policy, severity: Severity) -> Iterator[tuple[int, Level]]:
    """The levels that an alert of this severity climbs, with their numbers."""
    return ((number, level) for number, level in enumerate(policy.levels, 1) if level.takes(severity))


@dataclass(frozen=True, slots=True)
class Rung:
    """A level as it is shown: reached at `at`, or planned for then (None: not while it is held or answered)."""

    level: int
    name: str
    at: datetime | None
    reached: bool
    told: tuple[str, ...] = ()
    reason: str | None = None


def rungs(ladder: Ladder, severity: Severity, *, firing: bool) -> list[Rung]:
    """The levels that were reached, in order, and those that are still ahead."""
    found = [Rung(each.level, each.name, each.at, True, each.told, each.reason) for each in ladder.steps]
    climbing = firing and ladder.held_since is None
    found += [
        Rung(number, level.name, ladder.begun_at + level.delay if climbing else None, reached=False)
        for number, level in levels_for(ladder.policy, severity)
        if number > ladder.level
    ]
    return found


def _answered(case: Case, ladder: Ladder, news: News, earlier: tuple[Receiver, ...], now: datetime) -> Decision:
    after = replace(ladder, held_since=ladder.held_since or now, held_by=None)
    told = (*earlier, *(each for one in ladder.steps for each in one.receivers))
    if ladder.told is case.state or not told:
        return Decision(after, None)
    receivers = {each.key: each for each in told}
    # Whether each of them really heard of it is seen when the message leaves.
    return Decision(replace(after, told=case.state), None, (Answered(news, tuple(receivers.values())),))


def _held(ladder: Ladder, hold: Hold, now: datetime) -> Decision:
    latest = now + LOOK_AGAIN
    due_at = min(hold.until, latest) if hold.until and hold.until > now else latest
    # It may have begun before anybody had to look.
    since = min(max(hold.since, ladder.begun_at), now) if hold.since else now
    after = replace(ladder, held_since=ladder.held_since or since, held_by=hold.kind)
    return Decision(after, due_at, () if ladder.held_by is hold.kind else (HeldBack(hold),))


def _resumed(ladder: Ladder, now: datetime) -> Ladder:
    if ladder.held_since is None:
        return ladder
    begun_at = ladder.begun_at + (now - ladder.held_since)
    told = AlertState.FIRING if ladder.told else None
    return replace(ladder, begun_at=begun_at, told=told, held_since=None, held_by=None)


def _climb(case: Case, ladder: Ladder, reach: Reach, now: datetime) -> Decision:
    said: list[Said] = []
    failed: list[Said] = []
    hurry: str | None = None
    if ladder.level > len(ladder.policy.levels):
        lost = not ladder.steps[-1].receivers
        return _try_again(case, ladder, reach, now) if lost else Decision(ladder, None)
    if ladder.level in case.failing and ladder.steps:
        last = ladder.steps[-1]
        hurry = f"every channel of level {last.level} '{last.name}' fails"
        # Said with what follows from it: a last level fails again with every try, and nothing does.
        failed = [LevelFailed(last.level, last.name)]
    for number, level in levels_for(ladder.policy, case.severity):
        if number <= ladder.level:
            continue
        due_at = ladder.begun_at + level.delay
        if due_at > now and hurry is None:
            return Decision(ladder, due_at, tuple(said))
        reached = reach(level)
        made = _step(number, level.name, reached, now, hurry)
        ladder = _with(ladder, made)
        said += [*failed, Tell(made)]
        failed = []
        hurry = None if reached.receivers else f"level {number} '{level.name}' reached no one"
    if all(not each.receivers or each.level in case.failing for each in ladder.steps):
        made = _step(len(ladder.policy.levels) + 1, LAST_RESORT, reach(None), now, None)
        ladder = _with(ladder, made)
        said += [*failed, Unreachable(made)]
        if not made.receivers:
            return Decision(ladder, now + LOOK_AGAIN, tuple(said))
    return Decision(ladder, None, tuple(said))


def _try_again(case: Case, ladder: Ladder, reach: Reach, now: datetime) -> Decision:
    """Nobody could be reached at all: whoever can be by now is told, by the first level that reaches somebody."""
    for number, level in levels_for(ladder.policy, case.severity):
        if (reached := reach(level)).receivers:
            made = _step(number, level.name, reached, now, "nobody could be reached before")
            following = [each for each in levels_for(ladder.policy, case.severity) if each[0] > number]
            due_at = max(now, ladder.begun_at + following[0][1].delay) if following else None
            return Decision(replace(_with(ladder, made), level=number), due_at, (Tell(made),))
    made = _step(len(ladder.policy.levels) + 1, LAST_RESORT, reach(None), now, None)
    if made.receivers:
        return Decision(_with(ladder, made), None, (Unreachable(made),))
    return Decision(ladder, now + LOOK_AGAIN)


def _step(number: int, name: str, reached: Reached, now: datetime, hurry: str | None) -> Step:
    reasons = [] if hurry is None else [hurry]
    if not reached.receivers:
        reasons += reached.problems or ["there is nobody to tell"]
    return Step(number, name, now, reached.names, reached.receivers, "; ".join(reasons) or None)


def _with(ladder: Ladder, made: Step) -> Ladder:
    told = AlertState.FIRING if made.receivers else ladder.told
    return replace(ladder, level=made.level, steps=(*ladder.steps, made), told=told)


def steps_to_json(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    """Steps as they are stored."""
    return [
        {
            "level": each.level,
            "name": each.name,
            "at": each.at.isoformat(),
            "told": list(each.told),
            "receivers": [
                [str(one.channel), str(one.person) if one.person else None] for one in each.receivers if one.channel
            ],
            "reason": each.reason,
        }
        for each in steps
    ]


def steps_from_json(stored: list[Mapping[str, Any]]) -> tuple[Step, ...]:
    """What `steps_to_json` wrote."""
    return tuple(
        Step(
            level=each["level"],
            name=each["name"],
            at=datetime.fromisoformat(each["at"]),
            told=tuple(each["told"]),
            receivers=tuple(
                Receiver(UUID(channel), UUID(person) if person else None) for channel, person in each["receivers"]
            ),
            reason=each["reason"],
        )
        for each in stored
    )
