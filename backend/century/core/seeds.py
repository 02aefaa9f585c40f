"""What a new installation begins with, planted once: what somebody removes afterwards stays away."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base
from century.core.work import Work


class SeedRow(Base):
    """Something that was planted, and when."""

    __tablename__ = "seed"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    planted_at: Mapped[datetime]


async def plant(work: Work, name: str) -> bool:
    """Whether `name` is still to be planted, by this transaction; of two that ask at once only one is told so."""
    planted = await work.rows(
        insert(SeedRow).values(name=name, planted_at=work.now).on_conflict_do_nothing().returning(SeedRow.name)
    )
    return bool(planted)
