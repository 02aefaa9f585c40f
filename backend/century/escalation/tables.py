"""Whom to reach next: policies, on-call schedules, and where each alert stands on its ladder."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base
from century.rules.tables import RuleRow


class PolicyRow(Base):
    """Levels as data: [{name, delay (seconds), targets: [{kind, id}], only_severities}]. One policy is the default."""

    __tablename__ = "escalation_policy"
    __table_args__ = (
        UniqueConstraint("name"),
        Index("uq_escalation_policy_default", "is_default", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    is_default: Mapped[bool]
    levels: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


# A rule names the policy that follows its alerts; rules know no policies, so the bond is tied from here.
RuleRow.__table__.append_constraint(  # type: ignore[attr-defined]
    ForeignKeyConstraint(["policy_id"], ["escalation_policy.id"], name="fk_rule_policy_id", use_alter=True)
)


class ScheduleRow(Base):
    """Who is on call when: rotations in a time zone, as `rotation.Rotation` has them in JSON.

    `calendar_number` is in the address of its calendar: an older number's address is none any more.
    """

    __tablename__ = "schedule"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    rotations: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    calendar_number: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class OverrideRow(Base):
    """For a while somebody is on call besides the others (add), not (remove), or in another's place (replace)."""

    __tablename__ = "schedule_override"
    __table_args__ = (Index(None, "schedule_id", "ends_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("schedule.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by_id: Mapped[UUID | None]
    created_by_name: Mapped[str] = mapped_column(Text)


class LadderRow(Base):
    """Where an alert's episode stands: the policy as it was when it began, and the levels that were reached.

    `steps` are `ladder.Step`s as JSON in the order in which they were reached. `begun_at` moves on by the time in which
    the alert was held (by `held_by`) or answered, which is so since `held_since`. `told_state` is what people were told
    last, empty before that.
    """

    __tablename__ = "ladder"

    alert_id: Mapped[UUID] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True)
    episode: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    policy_id: Mapped[UUID | None]
    policy: Mapped[dict[str, Any]]
    begun_at: Mapped[datetime]
    level: Mapped[int] = mapped_column(Integer)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    told_state: Mapped[str] = mapped_column(Text)
    held_since: Mapped[datetime | None]
    held_by: Mapped[str | None] = mapped_column(Text)
