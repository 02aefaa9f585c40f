"""Who acts, and what they may: four roles, six permissions, one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What a person or a key is; `system` is for keys alone."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    SYSTEM = "system"


class Scope(StrEnum):
    """What a key was made for."""

    INGEST = "ingest"
    READ = "read"
    CONFIGURE = "configure"


class Permission(StrEnum):
    """What a field of the schema can require."""

    READ = "read"
    OPERATE = "operate"
    CONFIGURE = "configure"
    ADMINISTER = "administer"
    INGEST = "ingest"
    APPLY = "apply"


class ActorKind(StrEnum):
    """Whether a person, an API key or the product itself acts."""

    PERSON = "person"
    KEY = "key"
    INTERNAL = "internal"


ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ}),
    Role.OPERATOR: frozenset({Permission.READ, Permission.OPERATE}),
    Role.ADMIN: frozenset({Permission.READ, Permission.OPERATE, Permission.CONFIGURE, Permission.ADMINISTER}),
    Role.SYSTEM: frozenset(),
}
SCOPE_PERMISSIONS: dict[Scope, Permission] = {
    Scope.INGEST: Permission.INGEST,
    Scope.READ: Permission.READ,
    Scope.CONFIGURE: Permission.APPLY,
}


def permissions_of(role: Role, scopes: frozenset[Scope] = frozenset()) -> frozenset[Permission]:
    """What a role may do; a key's scopes count only for `system`."""
    if role is Role.SYSTEM:
        return frozenset(SCOPE_PERMISSIONS[scope] for scope in scopes)
    return ROLE_PERMISSIONS[role]


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever is behind a request; `credential` is the session or key that proved it."""

    id: UUID | None
    name: str
    kind: ActorKind
    role: Role
    permissions: frozenset[Permission]
    scopes: frozenset[Scope] = frozenset()
    credential: UUID | None = None
    expires_at: datetime | None = None
    address: str | None = None
    email: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether this permission is among the actor's."""
        return permission in self.permissions


INTERNAL = Actor(id=None, name="century", kind=ActorKind.INTERNAL, role=Role.SYSTEM, permissions=frozenset(Permission))
