"""What people without an account are told: how each shown thing stands, how all of them do, and what went wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from century.core.wording import duration
from century.probes.uptime import Days, Ranges, Span, outside, united
from century.rules.severity import Severity
from century.telemetry.health import Health

SHORTEST_OUTAGE = timedelta(minutes=1)
SHOWN_DAYS = 90
WHOLE = "all"
"""The badge of the whole page; no shown thing has this slug."""


class StatusKind(StrEnum):
    """What can be shown."""

    PROBE = "probe"
    HEARTBEAT = "heartbeat"
    SERVICE = "service"


class StatusLevel(StrEnum):
    """How one shown thing, or all of them, stands."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    DOWN = "down"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatusItem:
    """A shown thing, by the name that people read. `source` is the id of a probe or heartbeat, or a service's name."""

    id: UUID
    kind: StatusKind
    source: str
    name: str
    slug: str
    level: StatusLevel
    since: datetime | None
    uptime: float | None
    days: Days


@dataclass(frozen=True, slots=True)
class StatusGroup:
    name: str
    items: tuple[StatusItem, ...]


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something people said; without an end it holds until it is changed or taken back."""

    id: UUID
    title: str
    text: str
    level: StatusLevel
    starts_at: datetime
    ends_at: datetime | None
    updated_at: datetime
    created_by_id: UUID | None = None
    created_by_name: str = ""

    def is_on(self, at: datetime) -> bool:
        """Whether it holds at this instant."""
        return self.starts_at <= at and not self.is_over(at)

    def is_over(self, at: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= at


@dataclass(frozen=True, slots=True)
class StatusIncident:
    """Something that went wrong, in words that tell no secret."""

    name: str
    level: StatusLevel
    started_at: datetime
    ended_at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the page shows; incidents and announcements the newest first."""

    published: bool
    title: str
    text: str
    made_at: datetime
    groups: tuple[StatusGroup, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    incidents: tuple[StatusIncident, ...] = field(default=())

    @property
    def items(self) -> list[StatusItem]:
        return [each for group in self.groups for each in group.items]

    @property
    def level(self) -> StatusLevel:
        """How all of it stands."""
        said = [each.level for each in self.announcements if each.is_on(self.made_at)]
        return whole([each.level for each in self.items], said)

    def since(self, days: int) -> tuple[StatusIncident, ...]:
        """What went wrong, or still does, in so many days."""
        first = self.made_at - timedelta(days=days)
        return tuple(each for each in self.incidents if each.ended_at is None or each.ended_at >= first)


def level_of(up: bool | None, worst: Severity | None, *, maintained: bool = False) -> StatusLevel:
    """How a probe or heartbeat stands, given its open alerts' worst severity and whether a maintenance window holds it."""
    if maintained:
        return StatusLevel.MAINTENANCE
    if up is False:
        return StatusLevel.DOWN
    if up is None:
        return StatusLevel.UNKNOWN
    return StatusLevel.DEGRADED if worst in (Severity.CRITICAL, Severity.WARNING) else StatusLevel.OPERATIONAL


def level_of_service(health: Health, worst: Severity | None, *, maintained: bool = False) -> StatusLevel:
    """How a service stands: down is one that a critical alert is open of while its requests fail, or none come."""
    if maintained:
        return StatusLevel.MAINTENANCE
    failing = health in (Health.UNHEALTHY, Health.SILENT)
    if worst is Severity.CRITICAL and failing:
        return StatusLevel.DOWN
    if worst in (Severity.CRITICAL, Severity.WARNING) or health in (Health.UNHEALTHY, Health.DEGRADED):
        return StatusLevel.DEGRADED
    return StatusLevel.UNKNOWN if health is Health.SILENT else StatusLevel.OPERATIONAL


def whole(levels: Collection[StatusLevel], announced: Iterable[StatusLevel] = ()) -> StatusLevel:
    """How all of them stand: DOWN when all are, DEGRADED when a part is wrong; and what people announce weighs as much."""
    said = set(announced)
    if StatusLevel.DOWN in said or (levels and all(each is StatusLevel.DOWN for each in levels)):
        return StatusLevel.DOWN
    found = {*levels, *said}
    if found & {StatusLevel.DOWN, StatusLevel.DEGRADED}:
        return StatusLevel.DEGRADED
    if StatusLevel.MAINTENANCE in found:
        return StatusLevel.MAINTENANCE
    return StatusLevel.OPERATIONAL if StatusLevel.OPERATIONAL in found else StatusLevel.UNKNOWN


WORDS = {
    StatusLevel.OPERATIONAL: "Operational",
    StatusLevel.DEGRADED: "Degraded",
    StatusLevel.DOWN: "Down",
    StatusLevel.MAINTENANCE: "Maintenance",
    StatusLevel.UNKNOWN: "No data",
}


def headline(shown: Snapshot) -> str:
    """Whether anything is wrong, in a sentence."""
    by_level: dict[StatusLevel, list[str]] = {}
    for each in shown.items:
        by_level.setdefault(each.level, []).append(each.name)
    down, degraded = by_level.get(StatusLevel.DOWN, []), by_level.get(StatusLevel.DEGRADED, [])
    announced = [each for each in shown.announcements if each.is_on(shown.made_at)]
    if down and len(down) == len(shown.items):
        return f"{down[0]} is down" if len(down) == 1 else "Everything is down"
    if down:
        return f"{_named(down)} down"
    if degraded:
        return f"{_named(degraded)} degraded"
    match shown.level:
        case StatusLevel.DOWN | StatusLevel.DEGRADED as level:
            return next(each.title for each in announced if each.level is level)
        case StatusLevel.MAINTENANCE:
            held = by_level.get(StatusLevel.MAINTENANCE, [])
            return f"Maintenance: {_several(held)}" if held else next(
                each.title for each in announced if each.level is StatusLevel.MAINTENANCE
            )  # fmt: skip
        case StatusLevel.UNKNOWN:
            return "Nothing is known at the moment" if shown.items else "Nothing is shown here yet"
        case _:
            unknown = by_level.get(StatusLevel.UNKNOWN, [])
            return f"All that is known works; no data of {_several(unknown)}" if unknown else "Everything works"


def _several(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if len(names) <= 3 else (
        f"{names[0]}, {names[1]} and {len(names) - 2} more"
    )  # fmt: skip


def _named(names: Sequence[str]) -> str:
    return f"{_several(names)} {'is' if len(names) == 1 else 'are'}"


def outages(
    name: str, kind: StatusKind, spans: Sequence[Span], left_out: Ranges, now: datetime
) -> list[StatusIncident]:
    """When a probe was down or a heartbeat wrong for a minute or longer, maintenance left out."""
    return [
        incident(name, kind, each.start, each.end if each.end < now else None, now)
        for each in outside(spans, left_out)
        if each.up is False and each.end - each.start >= SHORTEST_OUTAGE
    ]


def troubles(name: str, alerts: Ranges, left_out: Ranges, now: datetime) -> list[StatusIncident]:
    """When critical alerts of a service were open, each a range up to `now`; those at the same time are one."""
    open_ = [Span(start, end, False) for start, end in united(alerts)]
    return outages(name, StatusKind.SERVICE, open_, left_out, now)


def incident(name: str, kind: StatusKind, start: datetime, end: datetime | None, now: datetime) -> StatusIncident:
    """What went wrong, and for how long."""
    long = duration(timedelta(seconds=round(((end or now) - start).total_seconds())))
    match kind:
        case StatusKind.HEARTBEAT:
            words = "was not heard of as expected" if end else "has not been heard of as expected"
        case StatusKind.SERVICE:
            words = "was disturbed" if end else "has been disturbed"
        case StatusKind.PROBE:
            words = "was down" if end else "has been down"
    level = StatusLevel.DEGRADED if kind is StatusKind.SERVICE else StatusLevel.DOWN
    return StatusIncident(name, level, start, end, f"{name} {words} for {long}.")


def slug_of(name: str, taken: Collection[str]) -> str:
    """A name for an address, which nothing else has."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].rstrip("-") or "status"
    found, number = made, 1
    while found in taken or found == WHOLE:
        number += 1
        found = f"{made}-{number}"
    return found
