"""What the status page shows, and what is announced on it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, SmallInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base


class StatusPageRow(Base):
    """The one page, whose id is 1."""

    __tablename__ = "status_page"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    published: Mapped[bool]
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]


class StatusItemRow(Base):
    """One shown thing: `source` is the id of a probe or heartbeat, or the name of a service; `slug` its badge's."""

    __tablename__ = "status_item"
    __table_args__ = (UniqueConstraint("slug"), Index(None, "position"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    group_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text)


class AnnouncementRow(Base):
    """Something people said on the status page."""

    __tablename__ = "announcement"
    __table_args__ = (Index(None, "starts_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    created_by_id: Mapped[UUID | None]
    created_by_name: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]
