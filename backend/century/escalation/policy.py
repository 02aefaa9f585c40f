"""An escalation policy: levels, each with the age at which an unanswered alert reaches it and whom it tells then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from century.rules.problems import Problem
from century.rules.severity import Severity

MOST_LEVELS = 20
MOST_TARGETS = 50
LONGEST_DELAY = timedelta(days=7)
LONGEST_NAME = 64


class TargetKind(StrEnum):
    """What a level tells; the last is every shared channel that takes the alert's severity."""

    PERSON = "person"
    SCHEDULE = "schedule"
    CHANNEL = "channel"
    CHANNELS_OF_SEVERITY = "channels_of_severity"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom or what a level tells; `id` is None for channels of the severity alone."""

    kind: TargetKind
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """Reached when an unanswered alert is `delay` old; `only_severities` without any means all of them."""

    name: str
    delay: timedelta
    targets: tuple[Target, ...]
    only_severities: frozenset[Severity] = frozenset()

    def takes(self, severity: Severity) -> bool:
        """Whether alerts of this severity reach the level at all."""
        return not self.only_severities or severity in self.only_severities


@dataclass(frozen=True, slots=True)
class Policy:
    """Levels in the order in which they are reached, numbered from 1."""

    id: UUID | None
    name: str
    levels: tuple[Level, ...]

    def to_json(self) -> dict[str, Any]:
        """The whole of it: the snapshot that an alert's ladder keeps."""
        return {"id": str(self.id) if self.id else None, "name": self.name, "levels": levels_to_json(self.levels)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Policy:
        """What `to_json` wrote."""
        return cls(UUID(stored["id"]) if stored["id"] else None, stored["name"], levels_from_json(stored["levels"]))


def levels_to_json(levels: Sequence[Level]) -> list[dict[str, Any]]:
    """Levels as they are stored; delays in seconds."""
    return [
        {
            "name": level.name,
            "delay": level.delay.total_seconds(),
            "targets": [
                {"kind": target.kind.value, "id": str(target.id) if target.id else None} for target in level.targets
            ],
            "only_severities": [each.value for each in Severity if each in level.only_severities],
        }
        for level in levels
    ]


def levels_from_json(stored: Sequence[Mapping[str, Any]]) -> tuple[Level, ...]:
    """What `levels_to_json` wrote."""
    return tuple(
        Level(
            name=level["name"],
            delay=timedelta(seconds=level["delay"]),
            targets=tuple(
                Target(TargetKind(target["kind"]), UUID(target["id"]) if target["id"] else None)
                for target in level["targets"]
            ),
            only_severities=frozenset(Severity(each) for each in level["only_severities"]),
        )
        for level in stored
    )


def problems(levels: Sequence[Level]) -> list[Problem]:
    """What is wrong with levels in themselves, whoever they reach."""
    if not levels:
        return [Problem("levels", "add at least one level, with somebody to tell")]
    if len(levels) > MOST_LEVELS:
        return [Problem("levels", f"a policy may have {MOST_LEVELS} levels at most")]
    found: list[Problem] = []
    for number, level in enumerate(levels, 1):
        at = f"levels.{number - 1}"
        found += _level_problems(level, number, at)
        before = levels[number - 2].delay if number > 1 else None
        if before is not None and level.delay <= before:
            found.append(
                Problem(
                    f"{at}.delay",
                    f"level {number} must come later than level {number - 1}: give it a delay above {_minutes(before)}",
                )
            )
    found += [
        Problem("levels", f"no level takes {severity.value} alerts: nobody would be told of one", refused=False)
        for severity in Severity
        if not any(level.takes(severity) for level in levels)
    ]
    return found


def _level_problems(level: Level, number: int, at: str) -> list[Problem]:
    found: list[Problem] = []
    if not 1 <= len(level.name) <= LONGEST_NAME or not level.name.isprintable():
        found.append(
            Problem(f"{at}.name", f"name level {number} with 1 to {LONGEST_NAME} characters, like Senior engineer")
        )
    if not timedelta(0) <= level.delay <= LONGEST_DELAY:
        found.append(
            Problem(f"{at}.delay", f"the delay of level {number} must lie between 0 and {LONGEST_DELAY.days} days")
        )
    if not level.targets:
        found.append(
            Problem(
                f"{at}.targets", f"level {number} tells nobody: add a person, a schedule, a channel, or all channels"
            )
        )
    if len(level.targets) > MOST_TARGETS:
        found.append(Problem(f"{at}.targets", f"level {number} may have {MOST_TARGETS} targets at most"))
    if len(set(level.targets)) < len(level.targets):
        found.append(Problem(f"{at}.targets", f"level {number} names the same target twice: name it once"))
    for place, target in enumerate(level.targets):
        everybody = target.kind is TargetKind.CHANNELS_OF_SEVERITY
        if everybody and target.id is not None:
            found.append(
                Problem(f"{at}.targets.{place}.id", "all channels of the severity are meant: leave the id out")
            )
        if not everybody and target.id is None:
            found.append(Problem(f"{at}.targets.{place}.id", f"say which {target.kind.value} is meant by its id"))
    return found


def _minutes(delay: timedelta) -> str:
    seconds = delay.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 60 or seconds == 0 else f"{seconds:g} seconds"
