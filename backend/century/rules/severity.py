"""How bad it is, and how soon somebody is to answer for it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

OFFICE_OPENS = time(9, tzinfo=UTC)
FRIDAY = 4


class Severity(StrEnum):
    """The worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


RESPOND_WITHIN: dict[Severity, timedelta | None] = {
    Severity.CRITICAL: timedelta(minutes=5),
    Severity.WARNING: timedelta(minutes=15),
    Severity.INFO: None,
}
"""None: the next business day."""


def response_due(severity: Severity, opened_at: datetime) -> datetime:
    """When an alert of this severity is to be answered by; a business day begins at 09:00 UTC from Monday to Friday."""
    within = RESPOND_WITHIN[severity]
    if within is not None:
        return opened_at + within
    day = opened_at.astimezone(UTC).date() + timedelta(days=1)
    while day.weekday() > FRIDAY:
        day += timedelta(days=1)
    return datetime.combine(day, OFFICE_OPENS)
