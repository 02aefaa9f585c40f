"""What counts as wrong: rules with every version of theirs, objectives, and what was last found of each subject."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Double, ForeignKey, Index, Integer, Interval, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base


class ObjectiveRow(Base):
    """What share of a service's requests is to be good over a window; `latency` in seconds, of kind latency alone."""

    __tablename__ = "objective"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    service: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    latency: Mapped[float | None] = mapped_column(Double)
    target: Mapped[float] = mapped_column(Double)
    window: Mapped[timedelta] = mapped_column(Interval)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RuleRow(Base):
    """A rule as it holds now. `condition` is `condition.Condition` as JSON, durations in seconds.

    Without `service` it judges each service apart; without `policy_id` the default policy tells people.
    `evaluated_at`, `evaluation_seconds` and `evaluation_error` are its health.
    """

    __tablename__ = "rule"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    severity: Mapped[str] = mapped_column(Text)
    service: Mapped[str | None] = mapped_column(Text)
    routes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    critical_routes: Mapped[bool]
    condition: Mapped[dict[str, Any]]
    runbook: Mapped[str] = mapped_column(Text)
    runbook_url: Mapped[str | None] = mapped_column(Text)
    reopen_after: Mapped[timedelta | None] = mapped_column(Interval)
    depends_on: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    policy_id: Mapped[UUID | None]
    objective_id: Mapped[UUID | None] = mapped_column(ForeignKey("objective.id", ondelete="CASCADE"), index=True)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by_id: Mapped[UUID | None]
    updated_by_name: Mapped[str] = mapped_column(Text)
    evaluated_at: Mapped[datetime | None]
    evaluation_seconds: Mapped[float | None] = mapped_column(Double)
    evaluation_error: Mapped[str | None] = mapped_column(Text)


class RuleVersionRow(Base):
    """A rule as it was saved: the whole of it, by whom and when."""

    __tablename__ = "rule_version"

    rule_id: Mapped[UUID] = mapped_column(ForeignKey("rule.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    by_id: Mapped[UUID | None]
    by_name: Mapped[str] = mapped_column(Text)
    rule: Mapped[dict[str, Any]]


class VerdictRow(Base):
    """What a rule found of one subject: its standing since when, and when it must be looked at again without new data."""

    __tablename__ = "verdict"
    __table_args__ = (Index(None, "look_at", postgresql_where=text("look_at IS NOT NULL")),)

    rule_id: Mapped[UUID] = mapped_column(ForeignKey("rule.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    service: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[dict[str, Any]]
    standing: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    value: Mapped[float | None] = mapped_column(Double)
    samples: Mapped[int] = mapped_column(Integer)
    observed_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]


class CriticalRouteRow(Base):
    """A route pattern that a service calls critical."""

    __tablename__ = "critical_route"

    service: Mapped[str] = mapped_column(Text, primary_key=True)
    pattern: Mapped[str] = mapped_column(Text, primary_key=True)


class OutsideAlertRow(Base):
    """An alert that somebody else's Prometheus decided, until `ends_at`; `fingerprint` is that of its labels."""

    __tablename__ = "outside_alert"
    __table_args__ = (Index(None, "rule_id"), Index(None, "ends_at"))

    fingerprint: Mapped[str] = mapped_column(Text, primary_key=True)
    rule_id: Mapped[UUID]
    subject: Mapped[str] = mapped_column(Text)
    labels: Mapped[dict[str, Any]]
    annotations: Mapped[dict[str, Any]]
    generator_url: Mapped[str | None] = mapped_column(Text)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    received_at: Mapped[datetime]
    key_id: Mapped[UUID | None]
