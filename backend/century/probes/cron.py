"""Cron lines: five fields on the wall of a time zone, in words, and when they come."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

LONGEST = 100
USUAL = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
MAY_BE = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, and a day that its months have",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 or SUN to SAT",
}
FROM = datetime(2000, 1, 1, tzinfo=UTC)


class BadCron(ValueError):
    """Why a line cannot be taken, and what would be right; `field` is `cron` or `timeZone`."""

    def __init__(self, message: str, field: str = "cron") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Cron:
    """A line as it was written, and the zone whose wall clock it reads."""

    line: str
    time_zone: str = "UTC"

    def after(self, at: datetime) -> datetime:
        """When it comes next after an instant, in UTC.

        What falls into the hour that daylight saving leaves out comes at its end, what falls into the doubled one comes
        once.
        """
        return next(self._times(at))

    def next(self, at: datetime, first: int) -> list[datetime]:
        """When it comes the next times."""
        return list(itertools.islice(self._times(at), first))

    @property
    def sentence(self) -> str:
        """When it comes, in words: "At 02:00 every day"."""
        said = _explained(_fields(self.line))
        return said if self.time_zone == "UTC" else f"{said} ({self.time_zone})"

    def _times(self, at: datetime) -> Iterator[datetime]:
        for each in CronSim(_fields(self.line), at.astimezone(ZoneInfo(self.time_zone))):
            yield each.astimezone(UTC)


@lru_cache(maxsize=4096)
def read_cron(line: str, time_zone: str = "UTC") -> Cron:
    """A line that comes now and then; raises BadCron, with a sentence. It may look decades ahead: in a thread."""
    if not is_zone(time_zone):
        raise BadCron("the time zone must be a name like Europe/Vienna", "timeZone")
    line = " ".join(line.split())
    if len(line) > LONGEST:
        raise BadCron(f"a cron line has {LONGEST} characters at most")
    if line.startswith("@") and line not in USUAL:
        raise BadCron(f"{line} is not among {', '.join(USUAL)}")
    fields = _fields(line).split(" ")
    if len(fields) != len(FIELDS):
        more = ": seconds have no place in it" if len(fields) == len(FIELDS) + 1 else ""
        raise BadCron(
            f"a cron line has five fields (minute, hour, day of the month, month, day of the week), not {len(fields) if line else 0}{more}"
        )
    try:
        begin = CronSim(" ".join(fields), FROM)
    except CronSimError as error:
        raise BadCron(_wrong(str(error), fields)) from None
    try:
        next(begin)
    except StopIteration:
        raise BadCron(f"{line!r} never comes: no day is all that it asks for") from None
    return Cron(line, time_zone)


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    return name in available_timezones()


@lru_cache(maxsize=4096)
def _explained(fields: str) -> str:
    said: str = CronSim(fields, FROM).explain()
    return said


def _fields(line: str) -> str:
    return USUAL.get(line, line)


def _wrong(said: str, fields: list[str]) -> str:
    named = said.removeprefix("Bad ")
    if named not in MAY_BE:
        return f"this is no cron line: write five fields, like 30 2 * * 1-5 ({said})"
    return f"the {named.replace('-', ' ')} {fields[FIELDS.index(named)]!r} cannot be: it is {MAY_BE[named]}"
