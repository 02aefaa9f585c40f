"""How people are reached: channels, and the outbox of notifications, deliveries and attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base


class ChannelRow(Base):
    """A way to reach people: everybody's, or one person's own. `secrets` are sealed and bound to this row.

    `failures` counts the tries that failed in a row, `open_until` holds an open circuit back, and `stopped_at` ends a
    channel that was refused for good until somebody resumes it.
    """

    __tablename__ = "channel"
    __table_args__ = (UniqueConstraint("name"), Index(None, "person_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    severities: Mapped[list[str]] = mapped_column(ARRAY(Text))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    settings: Mapped[dict[str, Any]]
    secrets: Mapped[bytes | None]
    quiet_hours: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    failures: Mapped[int] = mapped_column(Integer)
    open_until: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    stopped_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DeliveryRow(Base):
    """One message to one channel: the notifications that were due together, under one key.

    `owner` and `fence` say who may finish it until `leased_until`; `claims` counts how often it was begun.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_delivery_due_at", "due_at", postgresql_where=text("state IN ('waiting', 'sending')")),
        Index(None, "channel_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("channel.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(Text)
    level: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime]
    first_due_at: Mapped[datetime]
    claims: Mapped[int] = mapped_column(Integer)
    fence: Mapped[int] = mapped_column(Integer)
    owner: Mapped[str | None] = mapped_column(Text)
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class NotificationRow(Base):
    """One alert to be told to one channel (or person) at one level. `key` is stable: told twice, it is the same one.

    It waits without a delivery until the channel's next message is put together.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("key"),
        Index("ix_notification_due_at", "due_at", postgresql_where=text("delivery_id IS NULL AND state = 'waiting'")),
        Index(None, "alert_id", "created_at"),
        Index(None, "delivery_id"),
        Index(None, "channel_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    alert_id: Mapped[UUID] = mapped_column(ForeignKey("alert.id", ondelete="CASCADE"))
    episode: Mapped[int] = mapped_column(Integer)
    event: Mapped[str] = mapped_column(Text)
    level: Mapped[int] = mapped_column(Integer)
    policy_id: Mapped[UUID | None]
    channel_id: Mapped[UUID] = mapped_column(ForeignKey("channel.id", ondelete="CASCADE"))
    person_id: Mapped[UUID | None]
    severity: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime]
    delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey("delivery.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class AttemptRow(Base):
    """One try to deliver, stored as `sending` before the wire is touched."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("delivery.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
