"""People, keys, sessions and the audit log in the schema."""

from uuid import UUID

import orjson
import strawberry

from century.access import audit, keys, people, sessions
from century.access.graphql.types import (
    ApiKey,
    ApiKeyIdInput,
    AuditActor,
    AuditConnection,
    AuditEntry,
    AuditFilter,
    AuditVerification,
    ChangePasswordInput,
    ChangePasswordPayload,
    CreateApiKeyInput,
    CreateApiKeyPayload,
    CreateUserInput,
    CreateUserPayload,
    InvitePayload,
    Me,
    RevokeApiKeyPayload,
    RevokeSessionPayload,
    Session,
    SessionIdInput,
    UpdateUserInput,
    UpdateUserPayload,
    User,
    UserConnection,
    UserIdInput,
)
from century.core.actor import Permission
from century.core.errors import Invalid, NotFound
from century.core.graphql import Attribute, Info, Page, PageInfo, check_first, decode_cursor, field, mutation


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
