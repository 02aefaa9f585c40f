"""People: who they are, what they may, and the links that let them in for the first time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from century.access.password import HASHING, check_quality
from century.access.person import check_email, check_name, check_remaining_admins, check_role
from century.access.refresh import LINK_LIFETIME, hash_link_token, new_link_token
from century.access.tables import PersonRow, SessionRow, SignInLinkRow
from century.core.actor import Role
from century.core.errors import Conflict, Invalid, NotFound
from century.core.ids import new_id
from century.core.settings import Settings
from century.core.work import Work

FIRST_ADMIN = "admin"
ADMINS_LOCK = 0x41444D49


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in; `invited` while they have no password of their own."""

    id: UUID
    name: str
    email: str
    role: Role
    created_at: datetime
    last_login_at: datetime | None
    disabled_at: datetime | None
    invited: bool


@dataclass(frozen=True, slots=True)
class Created:
    """A new person, and where they sign in once if they were given no password."""

    person: Person
    sign_in_url: str | None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time sign-in link; it is answered here and never again."""

    person: Person
    sign_in_url: str
    expires_at: datetime


async def create_person(
    work: Work, settings: Settings, name: str, email: str, role: Role, password: str | None = None
) -> Created:
    """Add a person; without a password they get a one-time link. Invalid, with the field, for what cannot be taken."""
    name, email, role = check_name(name), check_email(email), check_role(role)
    await _check_unused(work, name=name, email=email)
    hashed = None
    if password is not None:
        check_quality(password, name=name, email=email)
        hashed = await HASHING.hash(password)
    person = new_id(work.now)
    values = {
        "id": person,
        "name": name,
        "email": email,
        "role": role.value,
        "password": hashed,
        "password_set_at": work.now if hashed else None,
        "created_at": work.now,
    }
    with _taken():
        await work.execute(insert(PersonRow).values(**values))
    work.record("user.created", person, subject_name=name, role=role.value, email=email, invited=password is None)
    link = await _new_link(work, settings, person) if password is None else None
    return Created(await get_person(work, person), link[0] if link else None)


async def get_person(work: Work, person: UUID) -> Person:
    """The person of this id, or NotFound."""
    row = await work.one_or_none(_people().where(PersonRow.id == person))
    if row is None:
        raise NotFound(f"no person {person}")
    return _person(row)


async def find_person(work: Work, name_or_email: str) -> Person:
    """The person of this name or email address, or NotFound."""
    row = await work.one_or_none(_people().where(called(name_or_email)))
    if row is None:
        raise NotFound(f"no person is called '{name_or_email}'")
    return _person(row)


async def list_people(work: Work, *, first: int | None = None, after: UUID | None = None) -> list[Person]:
    """People in the order in which they were added, at most `first` of those after `after`."""
    statement = _people().order_by(PersonRow.id).limit(first)
    if after is not None:
        statement = statement.where(PersonRow.id > after)
    return [_person(row) for row in await work.rows(statement)]


async def count_people(work: Work) -> int:
    """How many people there are."""
    return int((await work.rows(select(func.count()).select_from(PersonRow)))[0][0])


async def update_person(
    work: Work, person_id: UUID, *, name: str | None = None, email: str | None = None, role: Role | None = None
) -> Person:
    """Change what is given; Conflict if that would leave no admin. A role counts at once, in open sessions too."""
    if role is not None:
        await _lock_admins(work)
    before = await _lock(work, person_id)
    changes: dict[str, str] = {}
    if name is not None and (name := check_name(name)) != before.name:
        changes["name"] = name
    if email is not None and (email := check_email(email)) != before.email:
        changes["email"] = email
    if role is not None and check_role(role) is not before.role:
        changes["role"] = role.value
        if before.role is Role.ADMIN and before.disabled_at is None:
            await _check_admin_remains(work, without=person_id)
    if not changes:
        return before
    await _check_unused(work, name=changes.get("name"), email=changes.get("email"), but=person_id)
    with _taken():
        await work.execute(update(PersonRow).where(PersonRow.id == person_id).values(**changes))
    told = {key: f"{getattr(before, key)} → {value}" for key, value in changes.items()}
    work.record("user.changed", person_id, subject_name=changes.get("name", before.name), **told)
    return await get_person(work, person_id)


async def set_role(work: Work, person_id: UUID, role: Role) -> Person:
    """Give a person another role."""
    return await update_person(work, person_id, role=role)


async def disable(work: Work, person_id: UUID) -> Person:
    """Shut a person out: their sessions and unused links end. Conflict for the last admin."""
    await _lock_admins(work)
    before = await _lock(work, person_id)
    if before.disabled_at is not None:
        return before
    if before.role is Role.ADMIN:
        await _check_admin_remains(work, without=person_id)
    await work.execute(update(PersonRow).where(PersonRow.id == person_id).values(disabled_at=work.now))
    await work.execute(
        update(SessionRow)
        .where(SessionRow.person_id == person_id, SessionRow.revoked_at.is_(None))
        .values(revoked_at=work.now)
    )
    await _drop_links(work, person_id)
    work.record("user.disabled", person_id, subject_name=before.name)
    return await get_person(work, person_id)


async def enable(work: Work, person_id: UUID) -> Person:
    """Let a disabled person sign in again."""
    before = await _lock(work, person_id)
    if before.disabled_at is None:
        return before
    await work.execute(update(PersonRow).where(PersonRow.id == person_id).values(disabled_at=None))
    work.record("user.enabled", person_id, subject_name=before.name)
    return await get_person(work, person_id)


async def invite(work: Work, settings: Settings, person_id: UUID) -> Invitation:
    """A fresh one-time sign-in link, after which a person may choose a password; earlier links stop working."""
    person = await _lock(work, person_id)
    if person.disabled_at is not None:
        raise Conflict(f"'{person.name}' is disabled: enable them first")
    url, expires_at = await _new_link(work, settings, person_id)
    work.record("user.invited", person_id, subject_name=person.name)
    return Invitation(person, url, expires_at)


async def ensure_admin(work: Work, settings: Settings) -> str | None:
    """See to it that somebody can administer: the sign-in link to print, or `None` where an admin has a way in."""
    # Two servers that start at once must not make two admins.
    await _lock_admins(work)
    admins = (PersonRow.role == Role.ADMIN.value) & PersonRow.disabled_at.is_(None)
    rows = await work.rows(_people().where(admins).order_by(PersonRow.id))
    open_session = select(SessionRow.id).where(
        SessionRow.person_id.in_([row.id for row in rows]),
        SessionRow.revoked_at.is_(None),
        SessionRow.expires_at > work.now,
    )
    if any(row.password is not None for row in rows) or await work.rows(open_session.limit(1)):
        return None
    if rows:
        return (await invite(work, settings, rows[0].id)).sign_in_url
    name = FIRST_ADMIN
    while await work.one_or_none(_people().where(called(name) | called(f"{name}@localhost"))) is not None:
        name += "-admin"
    return (await create_person(work, settings, name, f"{name}@localhost", Role.ADMIN)).sign_in_url


def called(name_or_email: str) -> ColumnElement[bool]:
    """Whether a person goes by this name or email address; no name contains an `@`, so one text never means two."""
    # PostgreSQL has no text with a zero in it.
    wanted = name_or_email.replace("\0", "\ufffd").strip().lower()
    return or_(func.lower(PersonRow.name) == wanted, func.lower(PersonRow.email) == wanted)


def _people() -> Select[PersonRow]:
    return select(*PersonRow.__table__.columns)


def _person(row: Row[PersonRow]) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        role=Role(row.role),
        created_at=row.created_at,
        last_login_at=row.last_login_at,
        disabled_at=row.disabled_at,
        invited=row.password is None,
    )


async def _lock(work: Work, person_id: UUID) -> Person:
    row = await work.one_or_none(_people().where(PersonRow.id == person_id).with_for_update())
    if row is None:
        raise NotFound(f"no person {person_id}")
    return _person(row)


async def _lock_admins(work: Work) -> None:
    # Before any row: two admins who remove each other at once leave one of them, and neither ends as a deadlock.
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADMINS_LOCK})


async def _check_admin_remains(work: Work, *, without: UUID) -> None:
    admins: Sequence[Row[PersonRow]] = await work.rows(
        _people()
        .where(PersonRow.role == Role.ADMIN.value, PersonRow.disabled_at.is_(None))
        .order_by(PersonRow.id)
        .with_for_update()
    )
    check_remaining_admins(sum(row.id != without for row in admins))


async def _check_unused(work: Work, *, name: str | None, email: str | None, but: UUID | None = None) -> None:
    fields: dict[str, str] = {}
    for field, value, column in (("name", name, PersonRow.name), ("email", email, PersonRow.email)):
        if value is None:
            continue
        statement = _people().where(func.lower(column) == value.lower())
        if but is not None:
            statement = statement.where(PersonRow.id != but)
        if await work.one_or_none(statement) is not None:
            fields[field] = f"somebody has the {field} '{value}' already"
    if fields:
        raise Invalid("; ".join(fields.values()), fields=fields)


@contextlib.contextmanager
def _taken() -> Iterator[None]:
    """Two who take the same name at the same moment: the slower one is told what it would have been told earlier."""
    try:
        yield
    except IntegrityError as error:
        field = "email" if "uq_person_email" in str(error.orig) else "name"
        raise Invalid(f"somebody has this {field} already", field=field) from None


async def _new_link(work: Work, settings: Settings, person_id: UUID) -> tuple[str, datetime]:
    await _drop_links(work, person_id)
    token, expires_at = new_link_token(), work.now + LINK_LIFETIME
    await work.execute(
        insert(SignInLinkRow).values(
            id=new_id(work.now),
            person_id=person_id,
            hash=hash_link_token(settings.secret, token),
            created_at=work.now,
            expires_at=expires_at,
        )
    )
    # Behind the '#' a browser keeps the token to itself: no server, proxy or log ever sees it.
    return f"{settings.public_url}/sign-in#token={token}", expires_at


async def _drop_links(work: Work, person_id: UUID) -> None:
    await work.execute(
        delete(SignInLinkRow).where(SignInLinkRow.person_id == person_id, SignInLinkRow.used_at.is_(None))
    )
