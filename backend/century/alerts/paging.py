"""What keeps an alert from paging. Nothing here touches its state: monitoring and resolution go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from century.alerts.alert import Alert
from century.alerts.window import Window

COUNTED = timedelta(hours=1)
FREE_OPENINGS = 3
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(minutes=30)


class HoldKind(StrEnum):
    """Why an alert does not page now."""

    SUPPRESSED = "suppressed"
    MAINTENANCE = "maintenance"
    DEPENDENCY = "dependency"
    FLAPPING = "flapping"


@dataclass(frozen=True, slots=True)
class Hold:
    """It does not page before `until`; None: not before somebody says so (its parent resolves). `since`: if that is known."""

    kind: HoldKind
    until: datetime | None
    reason: str
    since: datetime | None = None


def held(alert: Alert, windows: Sequence[Window], parent_open: Alert | None, now: datetime) -> Hold | None:
    """What holds an alert now: what people decided before what we found ourselves; the longest of several windows."""
    if alert.suppressed_until is not None and alert.suppressed_until > now:
        by = alert.suppressed_by_name or "somebody"
        why = f": {alert.suppression_reason}" if alert.suppression_reason else ""
        return Hold(HoldKind.SUPPRESSED, alert.suppressed_until, f"suppressed by {by}{why}")
    covering = [
        (occurrence.ends_at, window.reason, occurrence.starts_at)
        for window in windows
        if window.covers(alert) and (occurrence := window.active(now)) is not None
    ]
    if covering:
        until, reason, _ = max(covering)
        return Hold(HoldKind.MAINTENANCE, until, f"maintenance: {reason}", min(since for _, _, since in covering))
    if parent_open is not None:
        said = f"{parent_open.rule_name} is open: {parent_open.summary}"
        return Hold(HoldKind.DEPENDENCY, None, said, parent_open.opened_at)
    if alert.damped_until is not None and alert.damped_until > now:
        return Hold(HoldKind.FLAPPING, alert.damped_until, "it opened several times within the last hour")
    return None


def damped_until(openings: int, now: datetime) -> datetime | None:
    """When what opened so often within the last hour (this time too) may page: at once for the first few."""
    over = openings - FREE_OPENINGS
    if over <= 0:
        return None
    doubled: timedelta = FIRST_DELAY * 2 ** min(over - 1, 10)
    return now + min(doubled, LONGEST_DELAY)
