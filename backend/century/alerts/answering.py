"""What may be done with an alert as it stands, and what must be said with it."""

from __future__ import annotations

from datetime import timedelta

from century.alerts.alert import Alert, AlertState
from century.core.errors import Invalid

LONGEST_TEXT = 4_000
LONGEST_SUPPRESSION = timedelta(days=30)
MOST_AT_ONCE = 500


def refused_acknowledgement(alert: Alert) -> str | None:
    """Why it cannot be acknowledged."""
    match alert.state:
        case AlertState.FIRING:
            return None
        case AlertState.ACKNOWLEDGED:
            return f"already acknowledged by {alert.acknowledged_by_name or 'somebody'}"
    return _refused(alert)


def refused_withdrawal(alert: Alert) -> str | None:
    """Why its acknowledgement cannot be taken back."""
    return None if alert.state is AlertState.ACKNOWLEDGED else _refused(alert) or "it is not acknowledged"


def refused_resolution(alert: Alert) -> str | None:
    """Why it cannot be resolved."""
    return _refused(alert)


def refused_suppression(alert: Alert) -> str | None:
    """Why it cannot be suppressed."""
    return _refused(alert)


def _refused(alert: Alert) -> str | None:
    match alert.state:
        case AlertState.PENDING:
            return "it is only pending: it does not fire yet"
        case AlertState.RESOLVED:
            return "it is resolved already"
    return None


def check_note(note: str | None) -> None:
    """Invalid unless a note can be kept."""
    if note is not None and (len(note) > LONGEST_TEXT or "\0" in note):
        raise Invalid(f"a note has {LONGEST_TEXT} characters at most", field="note")


def check_suppression(duration: timedelta, reason: str) -> None:
    """Invalid unless a suppression ends, and says why."""
    if not timedelta(0) < duration <= LONGEST_SUPPRESSION:
        raise Invalid(
            f"duration must be longer than nothing and at most {LONGEST_SUPPRESSION.days} days", field="duration"
        )
    if not reason.strip() or len(reason) > LONGEST_TEXT or "\0" in reason:
        raise Invalid(f"reason must say why, in 1 to {LONGEST_TEXT} characters", field="reason")


def said(what: str, note: str | None) -> str:
    """What was done, with the note that was left."""
    return f"{what}: {note.strip()}" if note and note.strip() else what
