"""Services, metrics, series, blocks of points, chunks, rollups, deployments, request records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "service",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("refused_series", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service"),
        sa.UniqueConstraint("uid", name="uq_service_uid"),
        sa.UniqueConstraint("name", name="uq_service_name"),
    )
    op.create_table(
        "metric",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("monotonic", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_metric"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_metric_service_id", ondelete="CASCADE"),
        sa.UniqueConstraint("service_id", "name", name="uq_metric_service_id_name"),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("metric_id", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("attributes", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("bounds", postgresql.ARRAY(sa.Double()), nullable=True),
        sa.Column("carry", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_series_service_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["metric_id"], ["metric.id"], name="fk_series_metric_id", ondelete="CASCADE"),
        sa.UniqueConstraint("service_id", "fingerprint", name="uq_series_service_id_fingerprint"),
    )
    op.create_index("ix_series_metric_id", "series", ["metric_id"])
    op.create_index("ix_series_key_id", "series", ["key_id"])
    op.create_table(
        "block",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("hour", INSTANT, nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("columns", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_block"),
        sa.UniqueConstraint("digest", name="uq_block_digest"),
    )
    op.create_index("ix_block_service_id_first_at", "block", ["service_id", "first_at"])
    op.create_table(
        "chunk",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("hour", INSTANT, nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "hour", name="pk_chunk"),
    )
    op.create_table(
        "rollup",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "day", name="pk_rollup"),
    )
    op.create_table(
        "summary",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("start", INSTANT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("times", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("service_id", "step", "start", name="pk_summary"),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deployment"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_deployment_service_id", ondelete="CASCADE"),
    )
    op.create_index("ix_deployment_service_id_at", "deployment", ["service_id", "at"])
    op.create_table(
        "request_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("duration", sa.Double(), nullable=False),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("span_id", sa.Text(), nullable=False),
        sa.Column("client_address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("slow", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_request_record"),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name="fk_request_record_service_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("service_id", "trace_id", "span_id", name="uq_request_record_service_id_trace_id_span_id"),
    )
    op.create_index("ix_request_record_service_id_at", "request_record", ["service_id", "at"])
    # The columns are packed already: compressing them again would only cost time.
    for table, column in (
        ("block", "columns"),
        ("chunk", "data"),
        ("rollup", "data"),
        ("summary", "data"),
        ("summary", "times"),
    ):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    # Blocks live for an hour or two: vacuum keeps pace with the compaction that deletes them.
    op.execute("ALTER TABLE block SET (autovacuum_vacuum_scale_factor = 0.05)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in (
        "request_record",
        "deployment",
        "summary",
        "rollup",
        "chunk",
        "block",
        "series",
        "metric",
        "service",
    ):
        op.drop_table(table)
