"""What is wrong now and whose it is: alerts, their ticked runbook steps, and maintenance windows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Double, ForeignKey, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base

OPEN = text("state <> 'resolved'")


class AlertRow(Base):
    """One rule broken by one subject, from the first breach to its end. One of them is open per rule and subject.

    `rule` is the rule as it was when the alert opened; `evidence` what was seen. `due_at` is when the ladder looks at it
    next (a level, or the news that it was acknowledged or resolved), `attention_at` when the lifecycle does (a breached
    response time, the end of a suppression, an idle acknowledgement). `episode` grows with each re-opening.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index("uq_alert_open", "rule_id", "subject", unique=True, postgresql_where=OPEN),
        Index(None, "opened_at"),
        Index(None, "rule_id", "opened_at"),
        Index(None, "service", "opened_at"),
        Index("ix_alert_resolved_at", "resolved_at"),
        Index("ix_alert_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ix_alert_attention_at", "attention_at", postgresql_where=text("attention_at IS NOT NULL")),
        Index("ix_alert_suppressed_until", "suppressed_until", postgresql_where=text("suppressed_until IS NOT NULL")),
        Index("ix_alert_parent_id", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID]
    rule_name: Mapped[str] = mapped_column(Text)
    rule: Mapped[dict[str, Any]]
    subject: Mapped[str] = mapped_column(Text)
    service: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[dict[str, Any]]
    severity: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    episode: Mapped[int] = mapped_column(Integer)
    summary: Mapped[str] = mapped_column(Text)
    value: Mapped[float | None] = mapped_column(Double)
    peak: Mapped[float | None] = mapped_column(Double)
    threshold: Mapped[float | None] = mapped_column(Double)
    unit: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]]
    pending_since: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by_id: Mapped[UUID | None]
    acknowledged_by_name: Mapped[str | None] = mapped_column(Text)
    suppressed_until: Mapped[datetime | None]
    suppressed_by_id: Mapped[UUID | None]
    suppressed_by_name: Mapped[str | None] = mapped_column(Text)
    suppression_reason: Mapped[str | None] = mapped_column(Text)
    resolved_at: Mapped[datetime | None]
    resolved_by_id: Mapped[UUID | None]
    resolved_by_name: Mapped[str | None] = mapped_column(Text)
    response_due_at: Mapped[datetime | None]
    response_breached_at: Mapped[datetime | None]
    reopens_at: Mapped[datetime | None]
    damped_until: Mapped[datetime | None]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("alert.id", ondelete="SET NULL"))
    level: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime | None]
    attention_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class TickRow(Base):
    """A step of an alert's runbook that somebody did; `step` is the step's id."""

    __tablename__ = "runbook_tick"

    alert_id: Mapped[UUID] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[str] = mapped_column(Text, primary_key=True)
    done_at: Mapped[datetime]
    done_by_id: Mapped[UUID | None]
    done_by_name: Mapped[str] = mapped_column(Text)


class MaintenanceWindowRow(Base):
    """When what is held, and why. `recurrence` is an iCalendar RRULE in local time of `time_zone`; no matchers: everything.

    `released_at` is the end of the last occurrence after which what was still wrong has been released.
    """

    __tablename__ = "maintenance_window"
    __table_args__ = (Index(None, "ends_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    matchers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    recurrence: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]
    created_by_name: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
