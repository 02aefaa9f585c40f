"""What happens to the demonstration at a given time: a day's rhythm, and occasional trouble.

The past that is loaded and the live service both ask here, so the charts run on where the past ends.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

HOUR, DAY = 3600, 86_400
PEAK = 5.0
"""Visitors' requests a second at the busiest hour of a working day."""


@dataclass(frozen=True, slots=True)
class Weather:
    """Requests a second; how many times slower the database is; shares of payments and of inquiries that fail."""

    rate: float
    database: float
    payments_failing: float
    inquiries_failing: float

    @property
    def database_failing(self) -> float:
        """Share of the queries that fail: a slow database is a locked one."""
        return 0.0006 + max(0.0, self.database - 2.5) * 0.008


@dataclass(frozen=True, slots=True)
class Release:
    """A deployment of the past, days before the end of it."""

    days_ago: float
    version: str


RELEASES = (
    Release(27.4, "2.3.0"),
    Release(23.6, "2.3.1"),
    Release(19.5, "2.4.0"),
    Release(16.42, "2.5.0"),  # breaks inquiries
    Release(16.17, "2.5.1"),  # mends them
    Release(12.6, "2.6.0"),  # makes searching slow
    Release(11.4, "2.6.1"),
    Release(6.5, "2.7.0"),
    Release(2.45, "2.7.1"),
)
VERSION = RELEASES[-1].version


def rhythm(at: float) -> float:
    """Share of the peak, 0..1: quiet at night, two humps a day, a weekend of half; `at` in Unix seconds."""
    hour = at % DAY / HOUR
    humps = math.exp(-(((hour - 10.5) / 2.6) ** 2)) + 0.85 * math.exp(-(((hour - 15.5) / 2.9) ** 2))
    weekend = int(at // DAY + 3) % 7 >= 5  # 1 January 1970 was a Thursday
    return (0.12 + 0.88 * min(1.0, humps)) * (0.5 if weekend else 1.0)


def weather(at: float, end_of_past: float) -> Weather:
    """At a time in Unix seconds; `end_of_past` is when the live service first started."""
    ago = (end_of_past - at) / DAY
    database, payments, inquiries = 1.0, 0.0005, 0.0004
    if 12.6 >= ago > 11.4:
        database = 2.2
    if 16.42 >= ago > 16.17:
        inquiries = 0.35
    if 8.62 >= ago > 8.585:
        database = 14.0
    if 4.44 >= ago > 4.41:
        payments = 0.6
    hour = at // HOUR
    if within(at, _dice(hour, "database"), one_in=9, longest=540):
        database = max(database, 14.0)
    if within(at, _dice(hour, "payments"), one_in=14, longest=420):
        payments = max(payments, 0.4)
    if 300 <= -ago * DAY < 540:  # soon after the first start, for who came to see trouble: `high_error_rate` fires
        database = max(database, 24.0)
    return Weather(PEAK * rhythm(at), database, payments, inquiries)


def within(at: float, dice: int, *, one_in: int, longest: int) -> bool:
    """Whether an hour's dice give it trouble, and this is its time."""
    if dice % one_in:
        return False
    begin = dice // 64 % (HOUR - longest)
    return begin <= at % HOUR < begin + longest // 3 + dice // 4096 % (longest - longest // 3)


def _dice(hour: float, what: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{what} {int(hour)}".encode(), digest_size=6).digest())
