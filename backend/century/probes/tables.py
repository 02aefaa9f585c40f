"""What is watched from outside: probes that ask, heartbeats that report, and how each of them stood."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base


class ProbeRow(Base):
    """Something that is asked every interval. `secrets` are sealed and bound to this row.

    Its own samples are kept under the service `century/probes-<shard>`; `runs_on` is the machine that alone may run it.
    """

    __tablename__ = "probe"
    __table_args__ = (UniqueConstraint("name"), Index(None, "parent_id"), Index(None, "service"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    settings: Mapped[dict[str, Any]]
    secrets: Mapped[bytes | None]
    service: Mapped[str | None] = mapped_column(Text)
    labels: Mapped[dict[str, Any]]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("probe.id", ondelete="SET NULL"))
    interval_s: Mapped[float] = mapped_column(Double)
    timeout_s: Mapped[float] = mapped_column(Double)
    retry_s: Mapped[float] = mapped_column(Double)
    failures: Mapped[int] = mapped_column(Integer)
    successes: Mapped[int] = mapped_column(Integer)
    runs_on: Mapped[str | None] = mapped_column(Text)
    shard: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by_id: Mapped[UUID | None]
    updated_by_name: Mapped[str] = mapped_column(Text)


class DueRow(Base):
    """When a probe is asked next, and who asks it just now.

    `owner` and `fence` say who may settle it until `leased_until`; `claims` counts how often it was begun since it was
    last settled; lane 1 is for those that take long.
    """

    __tablename__ = "probe_due"
    __table_args__ = (Index(None, "lane", "due_at"),)

    probe_id: Mapped[UUID] = mapped_column(ForeignKey("probe.id", ondelete="CASCADE"), primary_key=True)
    due_at: Mapped[datetime]
    lane: Mapped[int] = mapped_column(SmallInteger)
    owner: Mapped[str | None] = mapped_column(Text)
    leased_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(Integer)
    claims: Mapped[int] = mapped_column(Integer)
    runs_on: Mapped[str | None] = mapped_column(Text)


class NowRow(Base):
    """How a probe stands, and what its last check found.

    `facts` are [{name, value, part}]; `memory` is what its kind keeps from check to check; `recent` the last checks, 8
    bytes each (`beats`).
    """

    __tablename__ = "probe_now"
    __table_args__ = (Index(None, "updated_at"),)

    probe_id: Mapped[UUID] = mapped_column(ForeignKey("probe.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    streak: Mapped[int] = mapped_column(Integer)
    streak_ok: Mapped[bool]
    streak_since: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    ok: Mapped[bool | None]
    latency: Mapped[float | None] = mapped_column(Double)
    message: Mapped[str] = mapped_column(Text)
    facts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    memory: Mapped[dict[str, Any]]
    answer: Mapped[dict[str, Any] | None]
    recent: Mapped[bytes]
    updated_at: Mapped[datetime]


class ChangeRow(Base):
    """The ledger: from `at` on a probe stood like this, until its next row."""

    __tablename__ = "probe_change"
    __table_args__ = (Index(None, "at"),)

    probe_id: Mapped[UUID] = mapped_column(ForeignKey("probe.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class CheckRow(Base):
    """A check that tells something: it failed, it changed a state, or it was the first of an hour."""

    __tablename__ = "probe_check"
    __table_args__ = (Index(None, "probe_id", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    probe_id: Mapped[UUID] = mapped_column(ForeignKey("probe.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    ok: Mapped[bool]
    state: Mapped[str] = mapped_column(Text)
    latency: Mapped[float | None] = mapped_column(Double)
    message: Mapped[str] = mapped_column(Text)
    facts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class WorkerRow(Base):
    """A worker that asks, and whether its own network is there."""

    __tablename__ = "probe_worker"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    seen_at: Mapped[datetime]
    connected: Mapped[bool]
    since: Mapped[datetime]
    reason: Mapped[str | None] = mapped_column(Text)
    checks_per_second: Mapped[float] = mapped_column(Double)
    lateness: Mapped[float] = mapped_column(Double)


class HeartbeatRow(Base):
    """A job that reports by itself, every period or by a cron line.

    Its token is kept twice: hashed to find it by, sealed to show its address again. `due_at` is when its silence is
    noticed: the end of its grace, or of its longest run.
    """

    __tablename__ = "heartbeat"
    __table_args__ = (
        UniqueConstraint("name"),
        UniqueConstraint("token_hash"),
        Index("ix_heartbeat_due_at", "due_at", postgresql_where=text("due_at IS NOT NULL AND enabled")),
        Index(None, "service"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool]
    service: Mapped[str | None] = mapped_column(Text)
    labels: Mapped[dict[str, Any]]
    token_hash: Mapped[bytes]
    token_sealed: Mapped[bytes]
    period_s: Mapped[float | None] = mapped_column(Double)
    cron: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    grace_s: Mapped[float] = mapped_column(Double)
    longest_run_s: Mapped[float | None] = mapped_column(Double)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    last_ping_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    run_key: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by_id: Mapped[UUID | None]
    updated_by_name: Mapped[str] = mapped_column(Text)


class RunRow(Base):
    """One run of a heartbeat's job; `key` pairs its end with its beginning."""

    __tablename__ = "heartbeat_run"
    __table_args__ = (
        Index(None, "heartbeat_id", "at"),
        Index(None, "at"),
        Index(
            "uq_heartbeat_run_key",
            "heartbeat_id",
            "key",
            unique=True,
            postgresql_where=text("state = 'running' AND key IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    heartbeat_id: Mapped[UUID] = mapped_column(ForeignKey("heartbeat.id", ondelete="CASCADE"))
    key: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    exit_code: Mapped[int | None] = mapped_column(Integer)
    output: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class BeatChangeRow(Base):
    """The ledger of heartbeats, as that of probes."""

    __tablename__ = "heartbeat_change"
    __table_args__ = (Index(None, "at"),)

    heartbeat_id: Mapped[UUID] = mapped_column(ForeignKey("heartbeat.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
