"""API keys: what programs prove themselves with. A key has the role `system` and no other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, insert, select, update

from century.access.key import hash_key, new_key, shown
from century.access.person import check_name
from century.access.tables import ApiKeyRow, PersonRow
from century.core.actor import ActorKind, Scope
from century.core.errors import Conflict, Invalid, NotFound
from century.core.ids import new_id
from century.core.settings import Settings
from century.core.work import Work


@dataclass(frozen=True, slots=True)
class Creator:
    """The person who made a key."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown; `created_by` is none for one made on the command line."""

    id: UUID
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_by: Creator | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


async def create_key(
    work: Work, settings: Settings, name: str, scopes: Iterable[Scope], expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key; its secret is answered here and never again."""
    name = check_name(name)
    wanted = sorted(set(scopes), key=list(Scope).index)
    if not wanted:
        raise Invalid("a key needs at least one scope: ingest, read or configure", field="scopes")
    if expires_at is not None and expires_at <= work.now:
        raise Invalid("a key cannot have expired before it is made", field="expiresAt")
    key, secret = new_id(work.now), new_key()
    await work.execute(
        insert(ApiKeyRow).values(
            id=key,
            handle=secret.handle,
            hash=hash_key(settings.secret, secret),
            name=name,
            scopes=[scope.value for scope in wanted],
            created_by=work.actor.id if work.actor.kind is ActorKind.PERSON else None,
            created_at=work.now,
            expires_at=expires_at,
        )
    )
    work.record(
        "key.created", key, subject_name=name, prefix=shown(secret.handle), scopes=wanted, expires_at=expires_at
    )
    return await get_key(work, key), secret.whole


async def get_key(work: Work, key_id: UUID) -> ApiKey:
    """The key of this id, or NotFound."""
    row = await work.one_or_none(_keys().where(ApiKeyRow.id == key_id))
    if row is None:
        raise NotFound(f"no API key {key_id}")
    return _key(row)


async def find_key(work: Work, wanted: str) -> ApiKey:
    """The one key of this name or prefix that is not revoked; NotFound, or Conflict where the name means several."""
    handle = wanted.removeprefix(shown(""))
    statement = _keys().where((ApiKeyRow.name == wanted) | (ApiKeyRow.handle == handle), ApiKeyRow.revoked_at.is_(None))
    rows = await work.rows(statement)
    if not rows:
        raise NotFound(f"no API key is called '{wanted}'")
    if len(rows) > 1:
        prefixes = ", ".join(shown(row.handle) for row in rows)
        raise Conflict(f"several API keys are called '{wanted}': name one by its prefix ({prefixes})")
    return _key(rows[0])


async def list_keys(work: Work) -> list[ApiKey]:
    """Every key, the newest first."""
    return [_key(row) for row in await work.rows(_keys().order_by(ApiKeyRow.id.desc()))]


async def revoke_key(work: Work, key_id: UUID) -> ApiKey:
    """End a key for good; NotFound, or Conflict where it was revoked before."""
    before = await get_key(work, key_id)
    revoked = await work.execute(
        update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None)).values(revoked_at=work.now)
    )
    if not revoked.rowcount:
        raise Conflict(f"the API key '{before.name}' is revoked already")
    work.record("key.revoked", key_id, subject_name=before.name, prefix=before.prefix)
    return await get_key(work, key_id)


def _keys() -> Select[Any]:
    return select(*ApiKeyRow.__table__.columns, PersonRow.name.label("creator_name")).outerjoin(
        PersonRow, PersonRow.id == ApiKeyRow.created_by
    )


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        prefix=shown(row.handle),
        scopes=tuple(Scope(scope) for scope in row.scopes),
        created_by=Creator(row.created_by, row.creator_name) if row.created_by else None,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
