"""What may be planned: rotations as people give them, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from century.core.errors import Invalid
from century.escalation.rotation import LONGEST, MOST_PARTICIPANTS, Rotation, RotationKind
from century.escalation.wallclock import zone
from century.rules.problems import Problem

MOST_ROTATIONS = 20
HORIZON = timedelta(days=3650)
LONGEST_NAME = 64
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
UNIT_NAMES = {RotationKind.HOURLY: "hours", RotationKind.DAILY: "days", RotationKind.WEEKLY: "weeks"}


def read_clock(text: str, field: str) -> time:
    """A time of day like 09:00; Invalid for anything else."""
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        raise Invalid("write a time of day like 09:00", field=field)
    return time(int(found[1]), int(found[2]))


def read_day(text: str, field: str) -> date:
    """A day like 2026-11-24; Invalid for anything else."""
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("write a day like 2026-11-24", field=field) from None
    if not 2000 <= found.year <= 2200:
        raise Invalid("a rotation starts between 2000 and 2200", field=field)
    return found


def check_near(at: datetime, now: datetime, field: str) -> datetime:
    """An instant about which something can be said: within ten years of now; Invalid otherwise."""
    if abs(at - now) > HORIZON:
        raise Invalid(f"choose a time within {HORIZON.days // 365} years of now", field=field)
    return at


def problems(time_zone: str, rotations: Sequence[Rotation], people: Collection[UUID]) -> list[Problem]:
    """What is wrong with a schedule in itself; `people` are those who may be on call."""
    found: list[Problem] = []
    try:
        zone(time_zone)
    except ValueError as error:
        found.append(Problem("timeZone", str(error)))
    if len(rotations) > MOST_ROTATIONS:
        found.append(Problem("rotations", f"a schedule may have {MOST_ROTATIONS} rotations at most"))
    for number, rotation in enumerate(rotations):
        found += _rotation_problems(rotation, f"rotations.{number}", people)
    return found


def _rotation_problems(rotation: Rotation, at: str, people: Collection[UUID]) -> list[Problem]:
    found: list[Problem] = []
    name = rotation.name
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        found.append(Problem(f"{at}.name", f"name the rotation with 1 to {LONGEST_NAME} printable characters"))
    longest, unit = LONGEST[rotation.kind], UNIT_NAMES[rotation.kind]
    if not 1 <= rotation.length <= longest:
        found.append(Problem(f"{at}.length", f"a turn of '{name}' has 1 to {longest} {unit}"))
    if not rotation.participants:
        found.append(Problem(f"{at}.participants", f"nobody takes part in '{name}': add at least one person"))
    if len(rotation.participants) > MOST_PARTICIPANTS:
        found.append(Problem(f"{at}.participants", f"a rotation may have {MOST_PARTICIPANTS} participants at most"))
    if not set(rotation.participants) <= set(people):
        found.append(
            Problem(f"{at}.participants", f"somebody in '{name}' is gone or disabled: choose people who may sign in")
        )
    if (rotation.from_time is None) != (rotation.to_time is None):
        missing = "to" if rotation.to_time is None else "from"
        found.append(Problem(f"{at}.{missing}", "hours of duty need both from and to; leave both out for all day"))
    elif rotation.from_time is not None and rotation.from_time == rotation.to_time:
        found.append(Problem(f"{at}.to", "hours of duty must end at another time; leave both out for all day"))
    if rotation.hand_off_day is not None and rotation.kind is not RotationKind.WEEKLY:
        found.append(Problem(f"{at}.handOffDay", "only a weekly rotation hands off on a day: leave it out"))
    return found
