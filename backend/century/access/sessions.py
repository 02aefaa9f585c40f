"""Sessions: begun by a password or a link, kept alive by refresh tokens that rotate, ended by logging out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, insert, select, update

from century.access.attempts import Caller
from century.access.people import Person
from century.access.refresh import Refresh, Step, decide, hash_link_token, read_refresh, session_ends, write_refresh
from century.access.tables import PersonRow, SessionRow, SignInLinkRow
from century.access.token import LIFETIME, issue
from century.core.actor import Actor, ActorKind, Role, permissions_of
from century.core.errors import NotFound
from century.core.ids import new_id
from century.core.settings import Settings
from century.core.work import Work

LONGEST_USER_AGENT = 300


@dataclass(frozen=True, slots=True)
class Grant:
    """What a browser is handed: an access token for its memory, a refresh token for its cookie."""

    access_token: str
    expires_in: timedelta
    role: Role
    refresh_token: str
    refresh_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """One of a person's sign-ins."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    address: str | None
    user_agent: str | None
    current: bool


async def open_session(work: Work, settings: Settings, person: Person, caller: Caller, *, by_link: bool) -> Grant:
    """Begin a session for somebody who has just proved who they are."""
    session, ends_at = new_id(work.now), session_ends(work.now, work.now)
    await work.execute(
        insert(SessionRow).values(
            id=session,
            person_id=person.id,
            by_link=by_link,
            generation=0,
            created_at=work.now,
            rotated_at=work.now,
            last_used_at=work.now,
            expires_at=ends_at,
            address=caller.address,
            user_agent=caller.user_agent[:LONGEST_USER_AGENT] if caller.user_agent else None,
        )
    )
    await work.execute(update(PersonRow).where(PersonRow.id == person.id).values(last_login_at=work.now))
    work.record("session.opened", person.id, subject_name=person.name, by="link" if by_link else "password")
    return _grant(work, settings, person.id, person.role, Refresh(session, 0), ends_at)


async def refresh_session(work: Work, settings: Settings, token: str, caller: Caller) -> Grant | None:
    """A fresh access token for a refresh token, which is replaced by its successor.

    `None` where it does not hold; an old one that turns up again ends its whole family, so commit what was done here.
    """
    shown = read_refresh(settings.secrets, token)
    row = await _lock(work, shown.session) if shown else None
    if shown is None or row is None or not _holds(row, work.now):
        return None
    match decide(shown.generation, row.generation, row.rotated_at, work.now):
        case Step.REVOKE:
            await _revoke(work, shown.session)
            work.record("session.revoked", row.person_id, subject_name=row.name, outcome="denied", because="replay")
            return None
        case Step.REPEAT:
            refresh, ends_at = Refresh(shown.session, row.generation), row.expires_at
        case Step.ROTATE:
            refresh, ends_at = Refresh(shown.session, row.generation + 1), session_ends(row.created_at, work.now)
            values = {
                "generation": refresh.generation,
                "rotated_at": work.now,
                "last_used_at": work.now,
                "expires_at": ends_at,
                "address": caller.address or row.address,
            }
            await work.execute(update(SessionRow).where(SessionRow.id == shown.session).values(**values))
    return _grant(work, settings, row.person_id, Role(row.role), refresh, ends_at)


async def close_session(work: Work, settings: Settings, token: str) -> None:
    """Log out: the session of this refresh token ends. A token that is not ours or holds no longer changes nothing."""
    shown = read_refresh(settings.secrets, token)
    row = await _lock(work, shown.session) if shown else None
    if shown is None or row is None or not _holds(row, work.now):
        return
    await _revoke(work, shown.session)
    work.record("session.closed", row.person_id, subject_name=row.name)


async def use_link(work: Work, settings: Settings, token: str) -> UUID | None:
    """Use up a one-time sign-in link: whose it was, or `None` where it was used, is over, or never was."""
    used = await work.one_or_none(
        update(SignInLinkRow)
        .where(
            SignInLinkRow.hash.in_([hash_link_token(each, token) for each in settings.secrets]),
            SignInLinkRow.used_at.is_(None),
            SignInLinkRow.expires_at > work.now,
        )
        .values(used_at=work.now)
        .returning(SignInLinkRow.person_id)
    )
    return used.person_id if used else None


async def list_sessions(work: Work, actor: Actor) -> list[Session]:
    """A person's open sessions, the newest first; a key has none."""
    if actor.kind is not ActorKind.PERSON:
        return []
    rows = await work.rows(
        _sessions()
        .where(SessionRow.person_id == actor.id, SessionRow.revoked_at.is_(None), SessionRow.expires_at > work.now)
        .order_by(SessionRow.id.desc())
    )
    return [_session(row, actor) for row in rows]


async def revoke_session(work: Work, session_id: UUID) -> Session:
    """End one of the actor's own sessions; NotFound for anybody else's."""
    row = await _lock(work, session_id)
    if row is None or row.person_id != work.actor.id or not _holds(row, work.now):
        raise NotFound(f"no session {session_id}")
    await _revoke(work, session_id)
    work.record("session.revoked", row.person_id, subject_name=row.name, because="asked")
    return _session(row, work.actor)


async def revoke_other_sessions(work: Work, person: UUID, *, but: UUID | None) -> int:
    """End every session of a person except one."""
    statement = update(SessionRow).where(SessionRow.person_id == person, SessionRow.revoked_at.is_(None))
    if but is not None:
        statement = statement.where(SessionRow.id != but)
    return int((await work.execute(statement.values(revoked_at=work.now))).rowcount)


def actor_of(person: Person, address: str | None) -> Actor:
    """The person as the actor of their own sign-in."""
    return Actor(
        id=person.id,
        name=person.name,
        kind=ActorKind.PERSON,
        role=person.role,
        permissions=permissions_of(person.role),
        address=address,
        email=person.email,
    )


def _sessions() -> Select[Any]:
    return select(*SessionRow.__table__.columns, PersonRow.name, PersonRow.role, PersonRow.disabled_at).join(
        PersonRow, PersonRow.id == SessionRow.person_id
    )


async def _lock(work: Work, session: UUID) -> Row[Any] | None:
    return await work.one_or_none(_sessions().where(SessionRow.id == session).with_for_update(of=SessionRow))


def _holds(row: Row[Any], now: datetime) -> bool:
    return row.revoked_at is None and row.expires_at > now and row.disabled_at is None


async def _revoke(work: Work, session: UUID) -> None:
    await work.execute(update(SessionRow).where(SessionRow.id == session).values(revoked_at=work.now))


def _session(row: Row[Any], actor: Actor) -> Session:
    return Session(row.id, row.created_at, row.last_used_at, row.address, row.user_agent, row.id == actor.credential)


def _grant(work: Work, settings: Settings, person: UUID, role: Role, refresh: Refresh, ends_at: datetime) -> Grant:
    token, _ = issue(settings.jwt_secret, person=person, session=refresh.session, role=role, now=work.now)
    return Grant(token, LIFETIME, role, write_refresh(settings.secret, refresh), ends_at)
