"""What is told of an alert: audit entry, timeline entry and live event in one."""

from __future__ import annotations

from typing import Any

from century.alerts.alert import Alert
from century.core.work import Work


def record(work: Work, kind: str, alert: Alert, message: str, **details: Any) -> None:
    """Put an entry about an alert into the journal; `message` is its sentence on the timeline."""
    work.record(
        kind,
        alert.id,
        subject_name=f"{alert.rule_name} {alert.subject}",
        message=message,
        severity=alert.severity.value,
        rule=alert.rule_name,
        **details,
    )
