"""A rehearsal of a policy: the ladder itself, climbed by an alert that nobody answers, over what is stored now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from century.alerts.alert import AlertState
from century.escalation.ladder import Case, Ladder, Tell, Unreachable, step
from century.escalation.policy import Level, Policy
from century.escalation.reach import Directory, Outcome, Reached, reach, reach_admins
from century.notify.channel import ChannelKind
from century.rules.severity import Severity


@dataclass(frozen=True, slots=True)
class Told:
    """A channel that would be used, and when: later than its level in quiet hours; or why it would not."""

    channel: UUID | None
    name: str
    kind: ChannelKind
    at: datetime
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What one target of a level would come to."""

    at: datetime
    level: int
    name: str
    target: str
    person: UUID | None
    channels: tuple[Told, ...]
    problem: str | None


def simulate(policy: Policy, directory: Directory, severity: Severity, at: datetime) -> list[Rehearsed]:
    """Who would be told, when, by what, of an alert of this severity that opens at `at` and is never answered."""
    found: list[Rehearsed] = []
    ladder, now, case = Ladder(policy, at), at, Case(AlertState.FIRING, severity)
    for _ in range(len(policy.levels) + 1):
        looked: dict[int, Reached] = {}

        def reached(level: Level | None, now: datetime = now, looked: dict[int, Reached] = looked) -> Reached:
            number = policy.levels.index(level) + 1 if level else len(policy.levels) + 1
            looked[number] = reach(directory, level, severity, now) if level else reach_admins(directory, severity)
            return looked[number]

        decision = step(case, ladder, reached, now)
        for said in decision.said:
            if isinstance(said, Tell | Unreachable):
                made = said.step
                outcomes = looked[made.level].outcomes or (Outcome("admins", problem="there is nobody to tell"),)
                found += [_rehearsed(each, made.level, made.name, severity, now) for each in outcomes]
        if decision.due_at is None or decision.ladder.level > len(policy.levels):
            break
        ladder, now = decision.ladder, decision.due_at
    return found


def _rehearsed(outcome: Outcome, level: int, name: str, severity: Severity, now: datetime) -> Rehearsed:
    channels = []
    for way in outcome.ways:
        goes = way.at(now, severity)
        quiet = f"quiet hours hold it until {goes:%Y-%m-%d %H:%M} UTC" if goes > now else None
        channels.append(Told(way.id, way.name, way.kind, goes, quiet))
    channels += [Told(way.id, way.name, way.kind, now, problem) for way, problem in outcome.hindered]
    return Rehearsed(now, level, name, outcome.target, outcome.person, tuple(channels), outcome.problem)
