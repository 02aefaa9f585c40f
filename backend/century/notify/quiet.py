"""Quiet hours: when a channel is left alone, on which days, in which time zone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from century.core.errors import Invalid
from century.rules.severity import Severity

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


class Weekday(StrEnum):
    """A day of the week, in the order of `date.weekday()`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WEEK = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one local time to another, on the days on which they begin; past midnight where `to` is not after `from`."""

    begins: time
    ends: time
    time_zone: str
    days: frozenset[Weekday] = frozenset(Weekday)

    def until(self, at: datetime) -> datetime | None:
        """When the quiet hours that hold at `at` end; None where none do."""
        zone = ZoneInfo(self.time_zone)
        local = at.astimezone(zone)
        for back in (1, 0):
            day = local.date() - timedelta(days=back)
            if WEEK[day.weekday()] not in self.days:
                continue
            begin = datetime.combine(day, self.begins, zone)
            last = day if self.ends > self.begins else day + timedelta(days=1)
            end = datetime.combine(last, self.ends, zone)
            if begin.astimezone(UTC) <= at < end.astimezone(UTC):
                return end.astimezone(UTC)
        return None

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "from": f"{self.begins:%H:%M}",
            "to": f"{self.ends:%H:%M}",
            "time_zone": self.time_zone,
            "days": [day.value for day in WEEK if day in self.days],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> QuietHours:
        """What `to_json` wrote."""
        return cls(
            time.fromisoformat(stored["from"]),
            time.fromisoformat(stored["to"]),
            stored["time_zone"],
            frozenset(Weekday(day) for day in stored["days"]),
        )


def free_at(quiet: QuietHours | None, severity: Severity, due_at: datetime) -> datetime:
    """When a message that is due may go: quiet hours hold back what is below critical."""
    if quiet is None or severity is Severity.CRITICAL:
        return due_at
    for _ in WEEK:
        # One night may end where the next begins.
        end = quiet.until(due_at)
        if end is None:
            break
        due_at = end
    return due_at


def read_quiet_hours(begins: str, ends: str, time_zone: str, days: frozenset[Weekday]) -> QuietHours:
    """Quiet hours as somebody wrote them; Invalid names the part that is none, and what would be right."""
    fields: dict[str, str] = {}
    for name, text in (("quietHours.from", begins), ("quietHours.to", ends)):
        if not _CLOCK.fullmatch(text):
            fields[name] = f"'{text[:20]}' is not a time of day; write it like 22:00"
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        # An unknown name is a KeyError, one like "../x" a ValueError, a folder's an OSError.
        fields["quietHours.timeZone"] = f"'{time_zone[:60]}' is not a time zone; write one like Europe/Berlin"
    if not fields and begins.zfill(5) == ends.zfill(5):
        fields["quietHours.to"] = "quiet hours must end at another time than they begin"
    if not days:
        fields["quietHours.days"] = "name at least one day on which the quiet hours begin"
    if fields:
        raise Invalid("; ".join(fields.values()), fields=fields)
    return QuietHours(time.fromisoformat(begins.zfill(5)), time.fromisoformat(ends.zfill(5)), time_zone, days)
