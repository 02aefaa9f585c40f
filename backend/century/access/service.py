"""The door: authenticates requests, signs people in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select, update

from century.access import attempts, password, people, sessions
from century.access.attempts import Caller
from century.access.credentials import Credentials
from century.access.key import keyed_hash
from century.access.sessions import Grant
from century.access.tables import PersonRow, SessionRow
from century.core.actor import INTERNAL, Actor, ActorKind
from century.core.errors import Conflict, Forbidden, Invalid, Unauthenticated, Unavailable
from century.core.settings import Settings
from century.core.work import Works

# Tries that are counted at once. They wait for each other anyway, and must not take every connection for that.
COUNTED_AT_ONCE = 4


class Access:
    """One a process: what the server asks of this stage."""

    def __init__(self, settings: Settings, works: Works) -> None:
        self.settings = settings
        self.works = works
        self._credentials = Credentials(settings, works)
        self._strangers = asyncio.Semaphore(COUNTED_AT_ONCE)
        self._returning = asyncio.Semaphore(COUNTED_AT_ONCE)

    async def authenticate(self, authorization: str | None, address: str | None) -> Actor:
        """The actor behind an `Authorization` header; Unauthenticated, with a sentence, where there is none."""
        return await self._credentials.authenticate(authorization, address)

    async def still_valid(self, actors: Iterable[Actor]) -> set[UUID]:
        """The credentials among these that still hold, with the same role, in one query."""
        return await self._credentials.still_valid(actors)

    async def login(self, username: str, secret_word: str, caller: Caller) -> Grant:
        """Sign in by name or email; Unauthenticated in the same words, after the same time, whoever it is."""
        settings, secret = self.settings, self.settings.secret
        lane = self._returning if caller.returning else self._strangers
        async with lane, self.works.begin() as work:
            row = await work.one_or_none(
                select(PersonRow.id, PersonRow.password, PersonRow.disabled_at).where(people.called(username[:320]))
            )
            account = str(row.id) if row else keyed_hash(secret, "account", username.strip().lower()).hex()
            attempt = await attempts.count(work, secret, account, caller)
        stored = row.password if row and row.disabled_at is None else None
        try:
            right = await password.HASHING.verify(stored, secret_word, trusted=attempt.trusted)
        except Unavailable:
            async with self.works.begin() as work:
                await attempts.uncount(work, attempt)
            raise
        renewed = await password.HASHING.hash(secret_word) if right and password.outdated(stored or "") else None
        if right and row:
            async with self.works.read() as work:
                person = await people.get_person(work, row.id)
            async with self.works.begin(sessions.actor_of(person, caller.address)) as work:
                # The password may have been changed, or the person disabled, while it was being verified.
                same = [PersonRow.id == person.id, PersonRow.password == stored, PersonRow.disabled_at.is_(None)]
                kept = await work.execute(update(PersonRow).where(*same).values(password=renewed or stored))
                if kept.rowcount:
                    await attempts.succeed(work, attempt, secret, caller)
                    return await sessions.open_session(work, settings, person, caller, by_link=False)
        async with self.works.begin(replace(INTERNAL, address=caller.address)) as work:
            work.record("sign_in.refused", row.id if row else None, outcome="denied")
        raise Unauthenticated("the name or the password is wrong")

    async def use_link(self, link_token: str, caller: Caller) -> Grant:
        """Sign in by a one-time link, which is used up by it; Unauthenticated where it does not hold."""
        refused = Unauthenticated("this sign-in link was used already or is over: ask for a new one")
        async with self.works.begin() as work:
            person_id = await sessions.use_link(work, self.settings, link_token)
            if person_id is None:
                raise refused
            person = await people.get_person(work, person_id)
            if person.disabled_at is not None:
                raise refused
            work.actor = sessions.actor_of(person, caller.address)
            await attempts.remember(work, self.settings.secret, str(person.id), caller)
            return await sessions.open_session(work, self.settings, person, caller, by_link=True)

    async def refresh(self, refresh_token: str | None, caller: Caller) -> Grant:
        """A new access token and the refresh token's successor; Unauthenticated where the session is over."""
        grant = None
        if refresh_token:
            async with self.works.begin(replace(INTERNAL, address=caller.address)) as work:
                grant = await sessions.refresh_session(work, self.settings, refresh_token, caller)
        if grant is None:
            self.forget()
            raise Unauthenticated("the session is over: sign in again")
        return grant

    async def logout(self, refresh_token: str | None, caller: Caller) -> None:
        """End the session of a refresh token, if there is one."""
        if refresh_token:
            async with self.works.begin(replace(INTERNAL, address=caller.address)) as work:
                await sessions.close_session(work, self.settings, refresh_token)
            self.forget()

    async def change_password(self, actor: Actor, current: str | None, new: str) -> None:
        """Choose a new password; every other session of the person ends.

        `current` may be left out only in a session that a one-time link began and that has not chosen one yet.
        """
        if actor.kind is not ActorKind.PERSON or actor.id is None:
            raise Forbidden("an API key has no password")
        async with self.works.read() as work:
            row = await work.one_or_none(
                select(
                    PersonRow.name,
                    PersonRow.email,
                    PersonRow.password,
                    PersonRow.password_set_at,
                    SessionRow.by_link,
                    SessionRow.created_at,
                )
                .join(SessionRow, SessionRow.person_id == PersonRow.id)
                .where(SessionRow.id == actor.credential)
            )
        if row is None:
            raise Unauthenticated("the session is over: sign in again")
        password.check_quality(new, name=row.name, email=row.email, field="new")
        if current is not None:
            await self._check_current(actor, actor.id, row.password, current)
        elif not row.by_link or (row.password_set_at is not None and row.password_set_at >= row.created_at):
            raise Invalid("give the current password too", field="current")
        hashed = await password.HASHING.hash(new)
        async with self.works.begin(actor) as work:
            # Somebody may have chosen another one, and ended this session with it, while this one was being hashed.
            session = select(SessionRow.id).where(SessionRow.id == actor.credential, SessionRow.revoked_at.is_(None))
            same = [PersonRow.id == actor.id, PersonRow.password.is_not_distinct_from(row.password), session.exists()]
            chosen = update(PersonRow).where(*same).values(password=hashed, password_set_at=work.now)
            if not (await work.execute(chosen)).rowcount:
                raise Conflict("the password was changed meanwhile: sign in with the new one")
            ended = await sessions.revoke_other_sessions(work, actor.id, but=actor.credential)
            work.record("password.changed", actor.id, subject_name=row.name, sessions_ended=ended)
        self.forget()

    def forget(self) -> None:
        """Somebody's credentials changed here: know it at once, not in a second."""
        self._credentials.forget()

    async def _check_current(self, actor: Actor, person_id: UUID, stored: str | None, current: str) -> None:
        # Counted like a sign-in: a stolen access token must not become a place to guess the password from.
        secret, caller = self.settings.secret, Caller(address=actor.address)
        async with self._returning, self.works.begin(actor) as work:
            attempt = await attempts.count(work, secret, f"password {person_id}", caller)
        if not await password.HASHING.verify(stored, current, trusted=True):
            raise Invalid("the current password is wrong", field="current")
        async with self.works.begin(actor) as work:
            await attempts.uncount(work, attempt)
