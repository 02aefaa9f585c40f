"""An alert: one rule broken by one subject, from the first breach to its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from century.rules.rule import Rule
from century.rules.severity import Severity


class AlertState(StrEnum):
    """Where an alert stands. Suppression stands beside the state, not in it."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Alert:
    """The alert as it is stored, with its rule as it was when the alert opened; without its evidence.

    `episode` grows with each re-opening, `level` is the last one the ladder reached. `due_at` is when the ladder looks
    next, `attention_at` when the lifecycle does. `damped_until` delays the paging of what flaps.
    """

    id: UUID
    rule: Rule
    subject: str
    service: str | None
    attributes: tuple[tuple[str, str], ...]
    severity: Severity
    state: AlertState
    episode: int
    summary: str
    value: float | None
    peak: float | None
    threshold: float | None
    unit: str
    pending_since: datetime | None
    opened_at: datetime
    updated_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by_id: UUID | None = None
    acknowledged_by_name: str | None = None
    suppressed_until: datetime | None = None
    suppressed_by_id: UUID | None = None
    suppressed_by_name: str | None = None
    suppression_reason: str | None = None
    resolved_at: datetime | None = None
    resolved_by_id: UUID | None = None
    resolved_by_name: str | None = None
    response_due_at: datetime | None = None
    response_breached_at: datetime | None = None
    reopens_at: datetime | None = None
    damped_until: datetime | None = None
    parent_id: UUID | None = None
    level: int = 0
    due_at: datetime | None = None
    attention_at: datetime | None = None

    @property
    def rule_id(self) -> UUID:
        return self.rule.id

    @property
    def rule_name(self) -> str:
        return self.rule.name

    @property
    def is_open(self) -> bool:
        """Whether it still is, or is to be, somebody's."""
        return self.state is not AlertState.RESOLVED

    @property
    def is_told(self) -> bool:
        """Whether it has fired and is not over: what can be acknowledged, suppressed or resolved."""
        return self.state in (AlertState.FIRING, AlertState.ACKNOWLEDGED)
