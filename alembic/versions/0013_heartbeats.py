"""Heartbeats: jobs that report by themselves, their runs, and how they stood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("token_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("token_sealed", postgresql.BYTEA(), nullable=False),
        sa.Column("period_s", sa.Double(), nullable=True),
        sa.Column("cron", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("grace_s", sa.Double(), nullable=False),
        sa.Column("longest_run_s", sa.Double(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("last_ping_at", INSTANT, nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("run_key", sa.Text(), nullable=True),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat"),
        sa.UniqueConstraint("name", name="uq_heartbeat_name"),
        sa.UniqueConstraint("token_hash", name="uq_heartbeat_token_hash"),
    )
    op.create_index(
        "ix_heartbeat_due_at", "heartbeat", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL AND enabled")
    )
    op.create_index("ix_heartbeat_service", "heartbeat", ["service"])
    op.create_table(
        "heartbeat_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("heartbeat_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("output", sa.Text(), nullable=True),
        sa.Column("at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["heartbeat_id"], ["heartbeat.id"], name="fk_heartbeat_run_heartbeat_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat_run"),
    )
    op.create_index("ix_heartbeat_run_heartbeat_id_at", "heartbeat_run", ["heartbeat_id", "at"])
    op.create_index("ix_heartbeat_run_at", "heartbeat_run", ["at"])
    op.create_index(
        "uq_heartbeat_run_key",
        "heartbeat_run",
        ["heartbeat_id", "key"],
        unique=True,
        postgresql_where=sa.text("state = 'running' AND key IS NOT NULL"),
    )
    op.create_table(
        "heartbeat_change",
        sa.Column("heartbeat_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["heartbeat_id"], ["heartbeat.id"], name="fk_heartbeat_change_heartbeat_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("heartbeat_id", "at", name="pk_heartbeat_change"),
    )
    op.create_index("ix_heartbeat_change_at", "heartbeat_change", ["at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("heartbeat_change")
    op.drop_table("heartbeat_run")
    op.drop_table("heartbeat")
