"""The journal: what happened, append only.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "journal",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject_id", sa.Uuid),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("actor_kind", sa.String, nullable=False),
        sa.Column("actor_name", sa.String, nullable=False),
        sa.Column("address", sa.String),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("details", postgresql.JSONB, nullable=False),
        sa.Column("salt", postgresql.BYTEA),
        sa.Column("commitment", postgresql.BYTEA, nullable=False),
        sa.Column("hash", postgresql.BYTEA, nullable=False),
    )
    op.create_index("ix_journal_subject_id_number", "journal", ["subject_id", "number"])
    op.create_index("ix_journal_kind_number", "journal", ["kind", "number"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("journal")
