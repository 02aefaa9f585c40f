"""People, keys, sessions and the audit log in the schema."""

from datetime import datetime
from uuid import UUID

import orjson
import strawberry

from century.access import audit, keys, people, sessions
from century.core.actor import Actor, Permission, Role, Scope
from century.core.errors import Invalid, NotFound
from century.core.graphql import Attribute, Info, Page, PageInfo, check_first, decode_cursor, field, mutation


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


@strawberry.type
class Query:
    @field(requires=Permission.READ)
    async def me(self, info: Info) -> Me:
        """Whoever asks, and what they may."""
        return Me.of(info.context.actor)

    @field(requires=Permission.ADMINISTER)
    async def users(self, info: Info, first: int = 50, after: str | None = None) -> UserConnection:
        """Everybody who may sign in, in the order in which they were added."""
        last = _id(_cursor(after), "person", "after") if after is not None else None
        async with info.context.works.read() as work:
            rows = await people.list_people(work, first=check_first(first) + 1, after=last)
            total = await people.count_people(work)
        page = Page.cut(rows, first, lambda person: (str(person.id),))
        return UserConnection(
            nodes=[User.of(row) for row in page.nodes], page_info=PageInfo.of(page), total_count=total
        )

    @field(requires=Permission.ADMINISTER)
    async def api_keys(self, info: Info) -> list[ApiKey]:
        """Every key, the newest first, revoked ones too."""
        async with info.context.works.read() as work:
            return [ApiKey.of(key) for key in await keys.list_keys(work)]

    @field(requires=Permission.READ)
    async def sessions(self, info: Info) -> list[Session]:
        """Where the one who asks is signed in."""
        async with info.context.works.read() as work:
            return [Session.of(each) for each in await sessions.list_sessions(work, info.context.actor)]

    @field(requires=Permission.ADMINISTER)
    async def audit_log(
        self, info: Info, first: int = 50, after: str | None = None, filter: AuditFilter | None = None
    ) -> AuditConnection:
        """What happened, the newest first."""
        wanted = audit.Wanted(filter.action, filter.actor, filter.from_, filter.to) if filter else audit.Wanted()
        before = int(_cursor(after, int)) if after is not None else None
        async with info.context.works.read() as work:
            rows = await audit.read_entries(work, wanted, first=check_first(first) + 1, before=before)
        page = Page.cut(rows, first, lambda row: (row.number,))
        nodes = [
            AuditEntry(
                number=row.number,
                at=row.at,
                actor=AuditActor(name=row.actor_name, kind=row.actor_kind),
                action=row.kind,
                subject=row.subject or str(row.subject_id or ""),
                ip=row.address,
                outcome=row.outcome,
                details=[Attribute(key=key, value=_said(value)) for key, value in row.details.items()],
            )
            for row in page.nodes
        ]
        return AuditConnection(nodes=nodes, page_info=PageInfo.of(page))

    @field(requires=Permission.ADMINISTER)
    async def audit_verification(self, info: Info) -> AuditVerification:
        """Check every entry of the log against the one before it."""
        async with info.context.works.read() as work:
            found = await audit.verify(work)
        return AuditVerification(ok=found.ok, entries=found.entries, first_broken_at=found.first_broken_at)


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


@strawberry.type
class Mutation:
    @mutation(requires=Permission.ADMINISTER)
    async def create_user(self, info: Info, input: CreateUserInput) -> CreateUserPayload:
        """Add a person, with a password or with a one-time sign-in link."""
        settings = info.context.settings
        async with info.context.works.begin(info.context.actor) as work:
            made = await people.create_person(work, settings, input.name, input.email, input.role, input.password)
        return CreateUserPayload(user=User.of(made.person), sign_in_url=made.sign_in_url)

    @mutation(requires=Permission.ADMINISTER)
    async def update_user(self, info: Info, input: UpdateUserInput) -> UpdateUserPayload:
        """Change a person's name, email or role; a role counts at once. The last admin stays one."""
        async with info.context.works.begin(info.context.actor) as work:
            person = await people.update_person(
                work, _id(input.id, "person"), name=input.name, email=input.email, role=input.role
            )
        info.context.app.access.forget()
        return UpdateUserPayload(user=User.of(person))

    @mutation(requires=Permission.ADMINISTER)
    async def disable_user(self, info: Info, input: UserIdInput) -> UpdateUserPayload:
        """Shut a person out; their sessions end."""
        async with info.context.works.begin(info.context.actor) as work:
            person = await people.disable(work, _id(input.id, "person"))
        info.context.app.access.forget()
        return UpdateUserPayload(user=User.of(person))

    @mutation(requires=Permission.ADMINISTER)
    async def enable_user(self, info: Info, input: UserIdInput) -> UpdateUserPayload:
        """Let a disabled person sign in again."""
        async with info.context.works.begin(info.context.actor) as work:
            return UpdateUserPayload(user=User.of(await people.enable(work, _id(input.id, "person"))))

    @mutation(requires=Permission.ADMINISTER)
    async def invite_user(self, info: Info, input: UserIdInput) -> InvitePayload:
        """A new one-time sign-in link; earlier ones stop working."""
        async with info.context.works.begin(info.context.actor) as work:
            made = await people.invite(work, info.context.settings, _id(input.id, "person"))
        return InvitePayload(user=User.of(made.person), sign_in_url=made.sign_in_url, expires_at=made.expires_at)

    @mutation(requires=Permission.READ)
    async def change_password(self, info: Info, input: ChangePasswordInput) -> ChangePasswordPayload:
        """Choose a new password of one's own; one's other sessions end."""
        await info.context.app.access.change_password(info.context.actor, input.current, input.new)
        return ChangePasswordPayload(ok=True)

    @mutation(requires=Permission.ADMINISTER)
    async def create_api_key(self, info: Info, input: CreateApiKeyInput) -> CreateApiKeyPayload:
        """Make a key for a program; its secret is answered once."""
        settings = info.context.settings
        async with info.context.works.begin(info.context.actor) as work:
            key, secret = await keys.create_key(work, settings, input.name, input.scopes, input.expires_at)
        return CreateApiKeyPayload(api_key=ApiKey.of(key), secret=secret)

    @mutation(requires=Permission.ADMINISTER)
    async def revoke_api_key(self, info: Info, input: ApiKeyIdInput) -> RevokeApiKeyPayload:
        """End a key for good, within a second."""
        async with info.context.works.begin(info.context.actor) as work:
            key = await keys.revoke_key(work, _id(input.id, "API key"))
        info.context.app.access.forget()
        return RevokeApiKeyPayload(api_key=ApiKey.of(key))

    @mutation(requires=Permission.READ)
    async def revoke_session(self, info: Info, input: SessionIdInput) -> RevokeSessionPayload:
        """Sign oneself out somewhere else."""
        async with info.context.works.begin(info.context.actor) as work:
            session = await sessions.revoke_session(work, _id(input.id, "session"))
        info.context.app.access.forget()
        return RevokeSessionPayload(session=Session.of(session))


def _id(text: str, what: str, field: str | None = None) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        if field:
            raise Invalid(f"{field} is not a cursor of this list", field=field) from None
        raise NotFound(f"no {what} {text[:64]}") from None


def _cursor(after: str, kind: type = str) -> str:
    parts = decode_cursor(after)
    if len(parts) != 1 or type(parts[0]) is not kind or (isinstance(parts[0], int) and not 0 < parts[0] < 1 << 63):
        raise Invalid("after is not a cursor of this list", field="after")
    return str(parts[0])


def _said(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
