"""People, keys, sessions and the audit log, as the schema shows them."""

from datetime import datetime

import strawberry

from century.access import keys, people, sessions
from century.core.actor import Actor, Permission, Role, Scope
from century.core.graphql import Attribute, PageInfo


@strawberry.type(description="Whoever asks: a person, or the key a program uses.")
class Me:
    id: strawberry.ID
    name: str
    email: str | None
    role: Role
    permissions: list[Permission]
    scopes: list[Scope]

    @classmethod
    def of(cls, actor: Actor) -> "Me":
        return cls(
            id=strawberry.ID(str(actor.id)),
            name=actor.name,
            email=actor.email,
            role=actor.role,
            permissions=[permission for permission in Permission if actor.may(permission)],
            scopes=[scope for scope in Scope if scope in actor.scopes],
        )


@strawberry.type(description="Somebody who may sign in. `invited`: they have not chosen a password yet.")
class User:
    id: strawberry.ID
    name: str
    email: str
    role: Role
    created_at: datetime
    last_login_at: datetime | None
    disabled_at: datetime | None
    invited: bool

    @classmethod
    def of(cls, person: people.Person) -> "User":
        return cls(
            id=strawberry.ID(str(person.id)),
            name=person.name,
            email=person.email,
            role=person.role,
            created_at=person.created_at,
            last_login_at=person.last_login_at,
            disabled_at=person.disabled_at,
            invited=person.invited,
        )


@strawberry.type
class UserConnection:
    nodes: list[User]
    page_info: PageInfo
    total_count: int


@strawberry.type(description="Whose name stands on something.")
class Person:
    id: strawberry.ID | None
    name: str


@strawberry.type(description="A program's credential; `prefix` is the part of it that may be shown.")
class ApiKey:
    id: strawberry.ID
    name: str
    prefix: str
    role: Role
    scopes: list[Scope]
    created_by: Person | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: keys.ApiKey) -> "ApiKey":
        creator = key.created_by
        return cls(
            id=strawberry.ID(str(key.id)),
            name=key.name,
            prefix=key.prefix,
            role=Role.SYSTEM,
            scopes=list(key.scopes),
            created_by=Person(id=strawberry.ID(str(creator.id)), name=creator.name) if creator else None,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
            revoked_at=key.revoked_at,
        )


@strawberry.type(description="A place where one is signed in; `current` is the one that asks.")
class Session:
    id: strawberry.ID
    created_at: datetime
    last_used_at: datetime
    address: str | None
    user_agent: str | None
    current: bool

    @classmethod
    def of(cls, session: sessions.Session) -> "Session":
        return cls(
            id=strawberry.ID(str(session.id)),
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            address=session.address,
            user_agent=session.user_agent,
            current=session.current,
        )


@strawberry.input(description="`action` is a kind like `user.created` or its first word, `actor` a part of a name.")
class AuditFilter:
    action: str | None = None
    actor: str | None = None
    from_: datetime | None = strawberry.field(name="from", default=None)
    to: datetime | None = None


@strawberry.type
class AuditActor:
    name: str
    kind: str


@strawberry.type(description="Something that happened; entries are numbered without gaps.")
class AuditEntry:
    number: int
    at: datetime
    actor: AuditActor
    action: str
    subject: str
    ip: str | None
    outcome: str
    details: list[Attribute]


@strawberry.type
class AuditConnection:
    nodes: list[AuditEntry]
    page_info: PageInfo


@strawberry.type(description="Whether the log's chain of hashes holds, and from when on it does not.")
class AuditVerification:
    ok: bool
    entries: int
    first_broken_at: datetime | None


@strawberry.input(description="Without a password a one-time sign-in link is answered.")
class CreateUserInput:
    name: str
    email: str
    role: Role
    password: str | None = None


@strawberry.type
class CreateUserPayload:
    user: User
    sign_in_url: str | None


@strawberry.input
class UpdateUserInput:
    id: strawberry.ID
    name: str | None = None
    email: str | None = None
    role: Role | None = None


@strawberry.type
class UpdateUserPayload:
    user: User


@strawberry.input
class UserIdInput:
    id: strawberry.ID


@strawberry.type
class InvitePayload:
    user: User
    sign_in_url: str
    expires_at: datetime


@strawberry.input(description="`current` may be left out only in a session that a one-time link began.")
class ChangePasswordInput:
    new: str
    current: str | None = None


@strawberry.type
class ChangePasswordPayload:
    ok: bool


@strawberry.input
class CreateApiKeyInput:
    name: str
    scopes: list[Scope]
    expires_at: datetime | None = None


@strawberry.type(description="The secret is answered here and never again.")
class CreateApiKeyPayload:
    api_key: ApiKey
    secret: str


@strawberry.input
class ApiKeyIdInput:
    id: strawberry.ID


@strawberry.type
class RevokeApiKeyPayload:
    api_key: ApiKey


@strawberry.input
class SessionIdInput:
    id: strawberry.ID


@strawberry.type
class RevokeSessionPayload:
    session: Session
