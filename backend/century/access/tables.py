"""What is stored of people, their sessions and sign-in links, API keys, and tries to sign in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from century.core.db import Base


class PersonRow(Base):
    """Somebody who signs in. Without a password they were invited and have not chosen one yet."""

    __tablename__ = "person"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    role: Mapped[str]
    password: Mapped[str | None]
    password_set_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]


# Upper and lower case make no two people.
Index("uq_person_name", func.lower(PersonRow.name), unique=True)
Index("uq_person_email", func.lower(PersonRow.email), unique=True)


class SessionRow(Base):
    """One sign-in and the family of refresh tokens that grew from it; `generation` is the one that holds now."""

    __tablename__ = "session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    by_link: Mapped[bool]
    generation: Mapped[int]
    created_at: Mapped[datetime]
    rotated_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    revoked_at: Mapped[datetime | None]


class ApiKeyRow(Base):
    """A program's credential: its handle is shown, its secret is kept as a keyed hash."""

    __tablename__ = "api_key"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    handle: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[bytes]
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInLinkRow(Base):
    """A link that signs one person in, once."""

    __tablename__ = "sign_in_link"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInAttemptRow(Base):
    """A try to sign in, stored before the password is looked at: failed unless it says otherwise.

    `account` is a person's id or the hash of a name nobody has; `trusted` means it came from a place the account knew.
    """

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index(None, "account", "at"), Index(None, "network", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    account: Mapped[str]
    network: Mapped[str]
    device: Mapped[bytes | None]
    trusted: Mapped[bool]
    succeeded: Mapped[bool]
