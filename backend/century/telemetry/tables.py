"""What telemetry stores: who sends (services), what (metrics, series), the numbers themselves (blocks, chunks, rollups).

A stored batch is one `block` row holding columns of numbers, not a row a point; the worker turns the blocks of a closed
hour into one `chunk` a series. Reading unites both and drops repeats by (series, time).
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base


class ServiceRow(Base):
    """A watched service, known by its name; born with its first telemetry or deployment."""

    __tablename__ = "service"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    uid: Mapped[UUID] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    refused_series: Mapped[int] = mapped_column(Integer, server_default="0", default=0)


class MetricRow(Base):
    """One instrument of a service; `kind` is gauge, sum or histogram."""

    __tablename__ = "metric"
    __table_args__ = (UniqueConstraint("service_id", "name"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    monotonic: Mapped[bool] = mapped_column(default=False)
    description: Mapped[str] = mapped_column(Text, default="")


class SeriesRow(Base):
    """One metric with one set of attributes from one instance.

    `form` says how its points read: number, delta, cumulative, sketch, cumulative_sketch, explicit or
    cumulative_explicit (`identity.Form`).
    `bounds` are the buckets of an explicit form. `carry` is the last cumulative point compacted.
    """

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("service_id", "fingerprint"), Index(None, "metric_id"), Index(None, "key_id"))

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"))
    metric_id: Mapped[int] = mapped_column(ForeignKey("metric.id", ondelete="CASCADE"))
    key_id: Mapped[UUID | None]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    attributes: Mapped[dict[str, str]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    form: Mapped[str] = mapped_column(Text)
    bounds: Mapped[list[float] | None] = mapped_column(ARRAY(Double))
    carry: Mapped[bytes | None] = mapped_column(LargeBinary)


class BlockRow(Base):
    """The points of one request, one service and one hour, as `block.encode` writes them.

    `digest` recognises an exporter that repeats itself.
    """

    __tablename__ = "block"
    __table_args__ = (UniqueConstraint("digest"), Index(None, "service_id", "first_at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    service_id: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    hour: Mapped[datetime]
    points: Mapped[int]
    columns: Mapped[bytes] = mapped_column(LargeBinary)


class ChunkRow(Base):
    """A closed hour of one series: exact times and numbers, or times and one-minute sketches."""

    __tablename__ = "chunk"

    series_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    points: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class RollupRow(Base):
    """A day of one series in 24 one-hour cells."""

    __tablename__ = "rollup"

    series_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class SummaryRow(Base):
    """All requests and the resources of one service together: an hour in minutes (`step` 60) or a day in hours (3600).

    `times` are the distinct instants of that hour's points, to which the hour's chunks point.
    """

    __tablename__ = "summary"

    service_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    times: Mapped[bytes | None] = mapped_column(LargeBinary)


class TotalRow(Base):
    """The summaries of all services that begin together as one. `made_of` names their rows, as `totals` does."""

    __tablename__ = "total"

    step: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    start: Mapped[datetime] = mapped_column(primary_key=True)
    made_of: Mapped[bytes] = mapped_column(LargeBinary)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class DeploymentRow(Base):
    """A version of a service that went live."""

    __tablename__ = "deployment"
    __table_args__ = (Index(None, "service_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    version: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    recorded_by: Mapped[UUID | None]


class ExemplarRow(Base):
    """A measurement of a series that names its trace (hexadecimal digits); an empty `span_id` was not given."""

    __tablename__ = "exemplar"
    __table_args__ = (Index(None, "at"),)

    series_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    trace_id: Mapped[str] = mapped_column(Text, primary_key=True)
    span_id: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float] = mapped_column(Double)


class RequestRow(Base):
    """A slow or failed request, from its server span. It alone holds personal fields."""

    __tablename__ = "request_record"
    __table_args__ = (UniqueConstraint("service_id", "trace_id", "span_id"), Index(None, "service_id", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    method: Mapped[str] = mapped_column(Text)
    route: Mapped[str] = mapped_column(Text)
    path: Mapped[str | None] = mapped_column(Text)
    status: Mapped[int | None]
    duration: Mapped[float] = mapped_column(Double)
    error_type: Mapped[str | None] = mapped_column(Text)
    message: Mapped[str | None] = mapped_column(Text)
    trace_id: Mapped[str] = mapped_column(Text)
    span_id: Mapped[str] = mapped_column(Text)
    client_address: Mapped[str | None] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(Text)
    failed: Mapped[bool]
    slow: Mapped[bool]
