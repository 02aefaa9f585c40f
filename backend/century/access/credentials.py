"""What a request proves itself with: a session's access token or an API key, known as it was at most a second ago."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import literal, or_, select, union_all, update
from sqlalchemy.exc import SQLAlchemyError

from century.access import token
from century.access.key import PREFIX, KeyText, hash_key, matches, read_key
from century.access.tables import ApiKeyRow, PersonRow, SessionRow
from century.core.actor import Actor, ActorKind, Role, Scope, permissions_of
from century.core.errors import Unauthenticated, Unavailable
from century.core.settings import Settings
from century.core.work import Works

logger = logging.getLogger(__name__)

# A change must count within a second; the rest of that second is for asking.
REMEMBERED = 0.5
MOST_REMEMBERED = 10_000
NOTED_EVERY = timedelta(minutes=1)
UNREACHABLE = (OSError, TimeoutError, SQLAlchemyError)

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@contextlib.contextmanager
def reached() -> Iterator[None]:
    """A database that does not answer is Unavailable: whoever asks may come again, and an exporter does."""
    try:
        yield
    except UNREACHABLE as error:
        logger.warning("credentials could not be read: %s", type(error).__name__)
        raise Unavailable("the database does not answer: try again in a moment") from error


class Remembered(Generic[Key, Value]):
    """Answers that are kept for a moment; many who ask the same thing at once ask it together."""

    def __init__(self, ask: Callable[[Key], Awaitable[Value]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._answers: dict[Key, tuple[float, asyncio.Future[Value]]] = {}

    async def get(self, key: Key) -> Value:
        """The answer, as it was at most `seconds` ago."""
        now = asyncio.get_running_loop().time()
        asked = self._answers.get(key)
        if asked is None or now - asked[0] > self._seconds or _useless(asked[1]):
            if len(self._answers) >= MOST_REMEMBERED:
                self._answers.clear()
            asked = self._answers[key] = (now, asyncio.ensure_future(self._ask(key)))
        # One caller who gives up must not take the answer from the others.
        return await asyncio.shield(asked[1])

    def forget(self, key: Key | None = None) -> None:
        """Ask again the next time, about one thing or about all."""
        if key is None:
            self._answers.clear()
        else:
            self._answers.pop(key, None)


def _useless(answer: asyncio.Future[Value]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)


@dataclass(frozen=True, slots=True)
class KnownSession:
    """What is known of an open session."""

    actor: Actor
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What is known of a key that is not revoked."""

    actor: Actor
    hash: bytes
    last_used_at: datetime | None


class Credentials:
    """One a process: turns credentials into actors."""

    def __init__(self, settings: Settings, works: Works) -> None:
        self.settings = settings
        self.works = works
        self._sessions = Remembered(self._read_session, REMEMBERED)
        self._keys = Remembered(self._read_key, REMEMBERED)
        self._claims: dict[str, token.Claims] = {}

    async def authenticate(self, authorization: str | None, address: str | None) -> Actor:
        """The actor behind an `Authorization` header; Unauthenticated, with a sentence, where there is none."""
        if not authorization:
            raise Unauthenticated("sign in, or send an API key, in the Authorization header")
        scheme, _, credential = authorization.partition(" ")
        credential = credential.strip()
        if scheme.lower() != "bearer" or not credential:
            raise Unauthenticated("the Authorization header must be 'Bearer' and a token")
        prove = self._by_key if credential.startswith(PREFIX) else self._by_token
        with contextlib.suppress(*UNREACHABLE):
            return replace(await prove(credential), address=address)
        # Once more: after a restart of the database the first to take an old connection finds it broken.
        with reached():
            return replace(await prove(credential), address=address)

    async def still_valid(self, actors: Iterable[Actor]) -> set[UUID]:
        """The credentials among these that still hold, in one query; not one that is held with a role it no longer has."""
        now = self.works.clock.now()
        held: dict[UUID, set[Role]] = {}
        for actor in actors:
            if actor.credential is not None and (actor.expires_at is None or actor.expires_at > now):
                held.setdefault(actor.credential, set()).add(actor.role)
        wanted = list(held)
        if not wanted:
            return set()
        statement = union_all(
            select(SessionRow.id, PersonRow.role)
            .join(PersonRow, PersonRow.id == SessionRow.person_id)
            .where(
                SessionRow.id.in_(wanted),
                SessionRow.revoked_at.is_(None),
                SessionRow.expires_at > now,
                PersonRow.disabled_at.is_(None),
            ),
            select(ApiKeyRow.id, literal(Role.SYSTEM.value)).where(
                ApiKeyRow.id.in_(wanted),
                ApiKeyRow.revoked_at.is_(None),
                or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > now),
            ),
        )
        async with self.works.read() as work:
            return {row.id for row in await work.rows(statement) if held[row.id] == {row.role}}

    def forget(self) -> None:
        """Somebody's credentials changed here: know it at once, not in a second."""
        self._sessions.forget()
        self._keys.forget()

    async def _by_token(self, credential: str) -> Actor:
        now = self.works.clock.now()
        claims = self._claims.get(credential)
        # What a token says never changes, so its signature is checked once; whether it still holds, every time.
        if claims is None or claims.expires_at <= now:
            claims = token.read(self.settings.jwt_secret, credential, now)
            if len(self._claims) >= MOST_REMEMBERED:
                self._claims.clear()
            self._claims[credential] = claims
        known = await self._sessions.get(claims.session)
        if known is None or known.ends_at <= now or known.actor.id != claims.person:
            raise Unauthenticated("the session is over: sign in again")
        return replace(known.actor, expires_at=min(claims.expires_at, known.ends_at))

    async def _by_key(self, credential: str) -> Actor:
        shown = read_key(credential)
        known = await self._keys.get(shown.handle) if shown else None
        if (
            shown is None
            or known is None
            or not any(matches(each, shown, known.hash) for each in self.settings.secrets)
        ):
            raise Unauthenticated("the API key is not valid")
        now = self.works.clock.now()
        if known.actor.expires_at is not None and known.actor.expires_at <= now:
            raise Unauthenticated("the API key has expired")
        if known.last_used_at is None or now - known.last_used_at >= NOTED_EVERY:
            await self._note_key(shown.handle, now)
        if not matches(self.settings.secret, shown, known.hash):
            await self._hash_anew(shown)
        return known.actor

    async def _read_session(self, session: UUID) -> KnownSession | None:
        async with self.works.read() as work:
            now = work.now
            row = await work.one_or_none(
                select(SessionRow.expires_at, SessionRow.last_used_at, PersonRow.id, PersonRow.name, PersonRow.email,
                       PersonRow.role)
                .join(PersonRow, PersonRow.id == SessionRow.person_id)
                .where(SessionRow.id == session, SessionRow.revoked_at.is_(None), PersonRow.disabled_at.is_(None))
            )  # fmt: skip
        if row is None:
            return None
        if now - row.last_used_at >= NOTED_EVERY:
            async with self.works.begin() as work:
                unnoted = SessionRow.last_used_at <= now - NOTED_EVERY
                await work.execute(update(SessionRow).where(SessionRow.id == session, unnoted).values(last_used_at=now))
        role = Role(row.role)
        actor = Actor(
            id=row.id,
            name=row.name,
            kind=ActorKind.PERSON,
            role=role,
            permissions=permissions_of(role),
            credential=session,
            email=row.email,
        )
        return KnownSession(actor, row.expires_at)

    async def _read_key(self, handle: str) -> KnownKey | None:
        async with self.works.read() as work:
            row = await work.one_or_none(
                select(*ApiKeyRow.__table__.columns).where(ApiKeyRow.handle == handle, ApiKeyRow.revoked_at.is_(None))
            )
        if row is None:
            return None
        scopes = frozenset(Scope(scope) for scope in row.scopes)
        actor = Actor(
            id=row.id,
            name=row.name,
            kind=ActorKind.KEY,
            role=Role.SYSTEM,
            permissions=permissions_of(Role.SYSTEM, scopes),
            scopes=scopes,
            credential=row.id,
            expires_at=row.expires_at,
        )
        return KnownKey(actor, row.hash, row.last_used_at)

    async def _hash_anew(self, key: KeyText) -> None:
        """Keep the hash of the secret of today: the key holds when the one before it is no longer named."""
        self._keys.forget(key.handle)
        async with self.works.begin() as work:
            values = {"hash": hash_key(self.settings.secret, key)}
            await work.execute(update(ApiKeyRow).where(ApiKeyRow.handle == key.handle).values(values))

    async def _note_key(self, handle: str, now: datetime) -> None:
        self._keys.forget(handle)
        async with self.works.begin() as work:
            unnoted = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at <= now - NOTED_EVERY)
            await work.execute(update(ApiKeyRow).where(ApiKeyRow.handle == handle, unnoted).values(last_used_at=now))
