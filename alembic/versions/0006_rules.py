"""Rules: what counts as wrong."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "critical_route",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("service", "pattern", name="pk_critical_route"),
    )
    op.create_table(
        "objective",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("latency", sa.Double(), nullable=True),
        sa.Column("target", sa.Double(), nullable=False),
        sa.Column("window", sa.Interval(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_objective"),
        sa.UniqueConstraint("name", name="uq_objective_name"),
    )
    op.create_table(
        "seed",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("planted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_seed"),
    )
    op.create_table(
        "rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("routes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("critical_routes", sa.Boolean(), nullable=False),
        sa.Column("condition", postgresql.JSONB(), nullable=False),
        sa.Column("runbook", sa.Text(), nullable=False),
        sa.Column("runbook_url", sa.Text(), nullable=True),
        sa.Column("reopen_after", sa.Interval(), nullable=True),
        sa.Column("depends_on", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=True),
        sa.Column("objective_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_by_name", sa.Text(), nullable=False),
        sa.Column("evaluated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("evaluation_seconds", sa.Double(), nullable=True),
        sa.Column("evaluation_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["objective_id"], ["objective.id"], name="fk_rule_objective_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_rule"),
        sa.UniqueConstraint("name", name="uq_rule_name"),
    )
    op.create_index("ix_rule_objective_id", "rule", ["objective_id"], unique=False)
    op.create_table(
        "rule_version",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["rule.id"], name="fk_rule_version_rule_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rule_id", "version", name="pk_rule_version"),
    )
    op.create_table(
        "verdict",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("since", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("look_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["rule.id"], name="fk_verdict_rule_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rule_id", "subject", name="pk_verdict"),
    )
    op.create_index(
        "ix_verdict_look_at", "verdict", ["look_at"], unique=False, postgresql_where=sa.text("look_at IS NOT NULL")
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("verdict")
    op.drop_table("rule_version")
    op.drop_table("rule")
    op.drop_table("seed")
    op.drop_table("objective")
    op.drop_table("critical_route")
