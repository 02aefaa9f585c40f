"""What would go wrong at night: gaps ahead, people who cannot be reached, levels without anyone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from century.core.timerange import TimeRange
from century.escalation.policy import Policy, TargetKind
from century.escalation.reach import Directory, reach
from century.escalation.schedule import Schedule, gaps
from century.rules.problems import Problem
from century.rules.severity import Severity

AHEAD = timedelta(days=14)
SHOWN = 3


def coverage(directory: Directory, policies: Sequence[Policy], now: datetime) -> list[Problem]:
    """Every warning there is, the schedules first."""
    found: list[Problem] = []
    for schedule in sorted(directory.schedules.values(), key=lambda each: each.name):
        found += schedule_warnings(schedule, now)
    found += people_warnings(directory, policies)
    for policy in policies:
        found += policy_warnings(policy, directory, now)
    return found


def schedule_warnings(schedule: Schedule, now: datetime) -> list[Problem]:
    """The gaps of the next 14 days, in a sentence; also, and first of all, for a schedule without anybody."""
    empty = gaps(schedule, TimeRange(now, now + AHEAD))
    field = f"schedule {schedule.name}"
    if not empty:
        return []
    if not schedule.people:
        return [Problem(field, f"'{schedule.name}' has nobody on it: nobody is on call at any time", refused=False)]
    if empty == [TimeRange(now, now + AHEAD)]:
        return [Problem(field, f"nobody is on call in '{schedule.name}' for the next {AHEAD.days} days", refused=False)]
    told = ", ".join(f"{gap.start:%a %d %b %H:%M} to {gap.end:%a %d %b %H:%M} UTC" for gap in empty[:SHOWN])
    more = f", and {len(empty) - SHOWN} more times" if len(empty) > SHOWN else ""
    return [Problem(field, f"nobody is on call in '{schedule.name}' from {told}{more}", refused=False)]


def people_warnings(directory: Directory, policies: Sequence[Policy]) -> list[Problem]:
    """People of a schedule or a policy who cannot be reached."""
    wanted: dict[UUID, None] = {}
    for schedule in directory.schedules.values():
        wanted |= dict.fromkeys(schedule.people)
    for policy in policies:
        for level in policy.levels:
            for target in level.targets:
                if target.kind is TargetKind.PERSON and target.id:
                    wanted[target.id] = None
    found = []
    for person in sorted(wanted, key=directory.name):
        known = directory.people.get(person)
        if known is None or known.disabled:
            found.append(f"{directory.name(person)} is disabled, and still on a schedule or in a policy")
        elif not any(way.hindrance(severity) is None for way in directory.own(person) for severity in Severity):
            found.append(f"{known.name} has no way to be reached: add a channel of theirs, or set up e-mail")
    return [Problem("people", message, refused=False) for message in found]


def policy_warnings(policy: Policy, directory: Directory, now: datetime) -> list[Problem]:
    """Levels that would reach no one if they were due now, and severities that no level carries to anybody."""
    found: list[Problem] = []
    for number, level in enumerate(policy.levels, 1):
        taken = [severity for severity in Severity if level.takes(severity)]
        results = [reach(directory, level, severity, now) for severity in taken]
        if not any(result.receivers for result in results):
            why = "; ".join(dict.fromkeys(problem for result in results for problem in result.problems))
            message = f"level {number} '{level.name}' of '{policy.name}' reaches no one now: {why}"
            found.append(Problem(f"levels.{number - 1}.targets", message, refused=False))
    if policy.levels and len(found) == len(policy.levels):
        found.insert(0, Problem("levels", f"'{policy.name}' reaches nobody at all now", refused=False))
    return found
