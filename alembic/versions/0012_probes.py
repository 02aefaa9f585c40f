"""Probes: what is asked, when it is due, how it stands, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "probe",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("secrets", postgresql.BYTEA(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("interval_s", sa.Double(), nullable=False),
        sa.Column("timeout_s", sa.Double(), nullable=False),
        sa.Column("retry_s", sa.Double(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("runs_on", sa.Text(), nullable=True),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["probe.id"], name="fk_probe_parent_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_probe"),
        sa.UniqueConstraint("name", name="uq_probe_name"),
    )
    op.create_index("ix_probe_parent_id", "probe", ["parent_id"])
    op.create_index("ix_probe_service", "probe", ["service"])
    op.create_table(
        "probe_due",
        sa.Column("probe_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("leased_until", INSTANT, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("runs_on", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["probe_id"], ["probe.id"], name="fk_probe_due_probe_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("probe_id", name="pk_probe_due"),
    )
    op.create_index("ix_probe_due_lane_due_at", "probe_due", ["lane", "due_at"])
    op.create_table(
        "probe_now",
        sa.Column("probe_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("streak", sa.Integer(), nullable=False),
        sa.Column("streak_ok", sa.Boolean(), nullable=False),
        sa.Column("streak_since", INSTANT, nullable=True),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.Column("ok", sa.Boolean(), nullable=True),
        sa.Column("latency", sa.Double(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("memory", postgresql.JSONB(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=True),
        sa.Column("recent", postgresql.BYTEA(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["probe_id"], ["probe.id"], name="fk_probe_now_probe_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("probe_id", name="pk_probe_now"),
    )
    op.create_index("ix_probe_now_updated_at", "probe_now", ["updated_at"])
    # Written at every check: room on each page for the next version of a row, so that its index entry can stay.
    op.execute("ALTER TABLE probe_due SET (fillfactor = 50)")
    op.execute("ALTER TABLE probe_now SET (fillfactor = 50)")
    op.create_table(
        "probe_change",
        sa.Column("probe_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["probe_id"], ["probe.id"], name="fk_probe_change_probe_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("probe_id", "at", name="pk_probe_change"),
    )
    op.create_index("ix_probe_change_at", "probe_change", ["at"])
    op.create_table(
        "probe_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("probe_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("latency", sa.Double(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["probe_id"], ["probe.id"], name="fk_probe_check_probe_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_probe_check"),
    )
    op.create_index("ix_probe_check_probe_id_at", "probe_check", ["probe_id", "at"])
    op.create_index("ix_probe_check_at", "probe_check", ["at"])
    op.create_table(
        "probe_worker",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("checks_per_second", sa.Double(), nullable=False),
        sa.Column("lateness", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_probe_worker"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("probe_worker")
    op.drop_table("probe_check")
    op.drop_table("probe_change")
    op.drop_table("probe_now")
    op.drop_table("probe_due")
    op.drop_table("probe")
