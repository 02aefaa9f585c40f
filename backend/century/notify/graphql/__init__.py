"""How people are reached, in the schema."""

from uuid import UUID

import orjson
import strawberry

from century.core.actor import Actor, ActorKind, Permission
from century.core.graphql import DeletedPayload, IdInput, Info, Notice, field, id_of, mutation, notices
from century.notify import editing, kept, previews, trying
from century.notify.channel import ChannelKind
from century.notify.editing import Draft, Saved
from century.notify.graphql.types import Channel, ChannelKindInfo, MessagePreview
from century.notify.quiet import WEEK, Weekday, read_quiet_hours
from century.rules.severity import Severity


@strawberry.input(description="Local times like 22:00; past midnight where `to` is not after `from`.")
class QuietHoursInput:
    from_: str = strawberry.field(name="from")
    to: str
    time_zone: str
    days: list[Weekday] = strawberry.field(default_factory=lambda: list(WEEK))


@strawberry.input(description="Left out or null, a setting keeps what is stored; empty, it is cleared.")
class ChannelSettingInput:
    name: str
    value: str | None = None


@strawberry.input(description="A channel as it is to be; with an `id`, the one that is changed.")
class SaveChannelInput:
    name: str
    kind: ChannelKind
    settings: list[ChannelSettingInput]
    id: strawberry.ID | None = None
    enabled: bool = True
    severities: list[Severity] = strawberry.field(default_factory=lambda: list(Severity))
    person: strawberry.ID | None = None
    quiet_hours: QuietHoursInput | None = None

    def draft(self) -> Draft:
        quiet = self.quiet_hours
        return Draft(
            name=self.name, kind=self.kind, settings={each.name: each.value for each in self.settings},
            id=id_of(self.id) if self.id else None, enabled=self.enabled, severities=frozenset(self.severities),
            person_id=id_of(self.person, "person") if self.person else None,
            quiet_hours=read_quiet_hours(quiet.from_, quiet.to, quiet.time_zone, frozenset(quiet.days)) if quiet else None,
        )  # fmt: skip


@strawberry.type(description="`signingSecret`: one that was made just now. It is shown here, and never again.")
class SaveChannelPayload:
    channel: Channel
    warnings: list[Notice]
    signing_secret: str | None

    @classmethod
    def of(cls, saved: Saved, actor: Actor) -> "SaveChannelPayload":
        return cls(
            channel=Channel.of(saved.channel, actor), warnings=notices(saved.warnings), signing_secret=saved.secret
        )


@strawberry.type(description="Whether the test was taken, and what the receiver said.")
class TestChannelPayload:
    delivered: bool
    detail: str


@strawberry.type
class Query:
    @field(requires=Permission.READ, description="Every channel by name, people's own too.")
    async def channels(self, info: Info) -> list[Channel]:
        async with info.context.works.read(info.context.actor) as work:
            return [Channel.of(each, work.actor) for each in await kept.list_channels(work)]

    @field(requires=Permission.READ, description="The channel of this id; NOT_FOUND.")
    async def channel(self, info: Info, id: strawberry.ID) -> Channel:
        async with info.context.works.read(info.context.actor) as work:
            return Channel.of(await kept.get_channel(work, id_of(id)), work.actor)

    @field(requires=Permission.READ, description="The ways of the person who asks to be reached.")
    async def my_channels(self, info: Info) -> list[Channel]:
        actor = info.context.actor
        if actor.kind is not ActorKind.PERSON or actor.id is None:
            return []
        async with info.context.works.read(actor) as work:
            return [Channel.of(each, actor) for each in await kept.own_channels(work, [actor.id])]

    @field(requires=Permission.READ, description="What a channel can be, and what its form asks for.")
    async def channel_kinds(self, info: Info) -> list[ChannelKindInfo]:
        return [ChannelKindInfo.of(kind, info.context.settings) for kind in ChannelKind]

    @field(requires=Permission.READ, description="What a channel, or one of a kind, would be told of an alert.")
    async def preview_message(
        self, info: Info, alert_id: strawberry.ID, channel_id: strawberry.ID | None = None,
        kind: ChannelKind | None = None,
    ) -> MessagePreview:  # fmt: skip
        channel = id_of(channel_id, "channelId") if channel_id else None
        async with info.context.works.read(info.context.actor) as work:
            made = await previews.preview(work, info.context.settings, id_of(alert_id, "alertId"), channel, kind)
        slack = orjson.dumps(made.slack, option=orjson.OPT_INDENT_2).decode() if made.slack else None
        return MessagePreview(subject=made.subject, text=made.text, html=made.html, slack=slack)


@strawberry.type
class Mutation:
    @mutation(requires=Permission.CONFIGURE, description="Make or change a channel.")
    async def save_channel(self, info: Info, input: SaveChannelInput) -> SaveChannelPayload:
        return await _save(info, input, own=False)

    @mutation(requires=Permission.OPERATE, description="Make or change a way of one's own to be reached.")
    async def save_my_channel(self, info: Info, input: SaveChannelInput) -> SaveChannelPayload:
        return await _save(info, input, own=True)

    @mutation(requires=Permission.CONFIGURE, description="Remove a channel, and what it was told.")
    async def delete_channel(self, info: Info, input: IdInput) -> DeletedPayload:
        return await _delete(info, id_of(input.id), own=False)

    @mutation(requires=Permission.OPERATE, description="Remove a way of one's own to be reached.")
    async def delete_my_channel(self, info: Info, input: IdInput) -> DeletedPayload:
        return await _delete(info, id_of(input.id), own=True)

    @mutation(requires=Permission.CONFIGURE, description="Send a test now, also of a channel that is not saved yet.")
    async def test_channel(self, info: Info, input: SaveChannelInput) -> TestChannelPayload:
        return await _try(info, input, own=False)

    @mutation(requires=Permission.OPERATE, description="Send a test now by a way of one's own, saved or not.")
    async def test_my_channel(self, info: Info, input: SaveChannelInput) -> TestChannelPayload:
        return await _try(info, input, own=True)

    @mutation(requires=Permission.CONFIGURE, description="Use a channel again that was refused for good.")
    async def resume_channel(self, info: Info, input: IdInput) -> SaveChannelPayload:
        async with info.context.works.begin(info.context.actor) as work:
            channel = await editing.resume(work, id_of(input.id))
        return SaveChannelPayload(channel=Channel.of(channel, info.context.actor), warnings=[], signing_secret=None)


async def _save(info: Info, input: SaveChannelInput, *, own: bool) -> SaveChannelPayload:
    async with info.context.works.begin(info.context.actor) as work:
        return SaveChannelPayload.of(
            await editing.save(work, info.context.settings, input.draft(), own=own), work.actor
        )


async def _delete(info: Info, channel_id: UUID, *, own: bool) -> DeletedPayload:
    async with info.context.works.begin(info.context.actor) as work:
        await editing.remove(work, channel_id, own=own)
    return DeletedPayload(id=strawberry.ID(str(channel_id)))


async def _try(info: Info, input: SaveChannelInput, *, own: bool) -> TestChannelPayload:
    context = info.context
    tried = await trying.try_channel(context.works, context.settings, context.actor, input.draft(), own=own)
    return TestChannelPayload(delivered=tried.delivered, detail=tried.detail)
