"""What a clock on the wall shows, as an instant: decided in local time first, and only then in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The time zone of this name; ValueError for a name that nobody knows."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"'{name}' is not a time zone: write one like Europe/Berlin, or UTC") from None


def instant(local: datetime, where: ZoneInfo) -> datetime:
    """When a clock in this zone first shows `local` (naive), in UTC.

    A time that is shown twice means its first time; one that is skipped means the moment at which clocks skip it. So a
    later time never means an earlier instant.
    """
    before = local.replace(tzinfo=where).astimezone(UTC)
    if before.astimezone(where).replace(tzinfo=None) == local:
        return before
    # Skipped. The clocks change somewhere between what either offset makes of it.
    low, high = local.replace(tzinfo=where, fold=1).astimezone(UTC), before
    offset = low.astimezone(where).utcoffset()
    while high - low > SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            break
        if middle.astimezone(where).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def shown(at: datetime, where: ZoneInfo) -> datetime:
    """What a clock in this zone shows at an instant (naive)."""
    return at.astimezone(where).replace(tzinfo=None)
