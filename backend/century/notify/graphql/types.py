"""Channels, and what became of what they were told, in the schema."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from century.access.graphql.types import Person
from century.alerts.graphql.types import Alert, alerts_by_id
from century.core.actor import Actor, ActorKind, Permission
from century.core.graphql import Info, PageInfo, extends, field, loaded
from century.core.graphql.pages import Page
from century.core.settings import Settings
from century.core.work import Work
from century.notify import kept, lists
from century.notify.channel import Channel as TheChannel
from century.notify.channel import ChannelKind
from century.notify.channels import kind_of
from century.notify.delivery import AttemptOutcome, DeliveryState
from century.notify.event import Event
from century.notify.quiet import WEEK, Weekday
from century.notify.quiet import QuietHours as TheQuietHours
from century.rules.severity import Severity

strawberry.enum(ChannelKind, description="What stands behind a channel.")
strawberry.enum(Weekday)
strawberry.enum(
    DeliveryState, description="DROPPED: nobody needed to hear it any more. SET_ASIDE: it killed its sender."
)
strawberry.enum(AttemptOutcome, description="UNKNOWN: it may have arrived; it is sent again under the same key.")
strawberry.enum(Event, name="NotificationEvent", description="What is told; a NOTICE is news of a channel.")


@strawberry.type(description="A secret's value is null: it is never read back.")
class ChannelSetting:
    name: str
    value: str | None
    secret: bool


@strawberry.type(description="When what is below critical waits; local times, on the days on which they begin.")
class QuietHours:
    from_: str = strawberry.field(name="from")
    to: str
    time_zone: str
    days: list[Weekday]

    @classmethod
    def of(cls, quiet: TheQuietHours) -> "QuietHours":
        return cls(
            from_=f"{quiet.begins:%H:%M}", to=f"{quiet.ends:%H:%M}", time_zone=quiet.time_zone,
            days=[day for day in WEEK if day in quiet.days],
        )  # fmt: skip


@strawberry.type(description="The newest message of a channel, in the receiver's own words.")
class LastDelivery:
    at: datetime
    state: DeliveryState
    detail: str


@strawberry.type(description="One try to deliver a message.")
class Attempt:
    number: int
    at: datetime
    ended_at: datetime | None
    outcome: AttemptOutcome
    detail: str

    @classmethod
    def of(cls, attempt: lists.Attempt) -> "Attempt":
        return cls(
            number=attempt.number, at=attempt.at, ended_at=attempt.ended_at, outcome=attempt.outcome,
            detail=attempt.detail,
        )  # fmt: skip


@strawberry.type(description="One message to a channel: what was due together went as one.")
class Delivery:
    known: strawberry.Private[lists.Delivery]
    id: strawberry.ID
    state: DeliveryState
    level: int
    due_at: datetime

    @field(description="Every try, in order.")
    async def attempts(self, info: Info) -> list[Attempt]:
        return [Attempt.of(each) for each in await attempts_of(info).load(self.known.id)]

    @field(description="The alerts that it tells of.")
    async def alerts(self, info: Info) -> list[Alert]:
        async def load(work: Work, asked: list[UUID]) -> list[list[UUID]]:
            found = await lists.alerts_of(work, set(asked))
            return [found[each] for each in asked]

        ids = await loaded(info, "delivery alerts", load).load(self.known.id)
        return [alert for alert in await alerts_by_id(info).load_many(ids) if alert is not None]

    @classmethod
    def of(cls, delivery: lists.Delivery) -> "Delivery":
        return cls(
            known=delivery, id=strawberry.ID(str(delivery.id)), state=delivery.state, level=delivery.level,
            due_at=delivery.due_at,
        )  # fmt: skip


@strawberry.type
class DeliveryConnection:
    nodes: list[Delivery]
    page_info: PageInfo
    total_count: int

    @classmethod
    def of(cls, page: Page[lists.Delivery], total: int) -> "DeliveryConnection":
        return cls(nodes=[Delivery.of(each) for each in page.nodes], page_info=PageInfo.of(page), total_count=total)


@strawberry.type(
    description="A way to reach people. `stoppedAt`: refused for good, until somebody resumes it; `circuitOpenUntil`: it "
    "does not answer, and is tried again then."
)
class Channel:
    known: strawberry.Private[TheChannel]
    id: strawberry.ID
    name: str
    kind: ChannelKind
    enabled: bool
    severities: list[Severity]
    person: Person | None
    settings: list[ChannelSetting]
    quiet_hours: QuietHours | None
    stopped_at: datetime | None
    stopped_reason: str | None
    circuit_open_until: datetime | None
    created_at: datetime
    updated_at: datetime

    @field(description="How many notifications wait for it.")
    async def waiting(self, info: Info) -> int:
        async def load(work: Work, asked: list[UUID]) -> list[int]:
            found = await lists.waiting(work, asked)
            return [found.get(each, 0) for each in asked]

        return await loaded(info, "channel waiting", load).load(self.known.id)

    @field(description="Its newest message; null before the first.")
    async def last_delivery(self, info: Info) -> LastDelivery | None:
        async def load(work: Work, asked: list[UUID]) -> list[lists.Last | None]:
            found = await lists.last(work, asked)
            return [found.get(each) for each in asked]

        last = await loaded(info, "channel last", load).load(self.known.id)
        return LastDelivery(at=last.at, state=last.state, detail=last.detail) if last else None

    @field(description="Its messages, the newest first.")
    async def deliveries(self, info: Info, first: int = 20, after: str | None = None) -> DeliveryConnection:
        async with info.context.works.read(info.context.actor) as work:
            page, total = await lists.deliveries(work, self.known.id, first, after)
        return DeliveryConnection.of(page, total)

    @classmethod
    def of(cls, channel: TheChannel, actor: Actor) -> "Channel":
        """As somebody may see it: where it leads is shown to those who answer alerts, a person's own to them alone."""
        known = channel
        mine = actor.kind is ActorKind.PERSON and actor.id == known.person_id
        shared = known.person_id is None and actor.may(Permission.OPERATE)
        readable = mine or shared or actor.may(Permission.CONFIGURE)
        return cls(
            known=known, id=strawberry.ID(str(known.id)), name=known.name, kind=known.kind, enabled=known.enabled,
            severities=[each for each in Severity if each in known.severities],
            person=Person(id=strawberry.ID(str(known.person_id)), name=known.person_name or "") if known.person_id else None,
            settings=[
                ChannelSetting(name=each.name, value=known.settings.get(each.name) if readable and not each.secret else None, secret=each.secret)
                for each in kind_of(known.kind).FIELDS
            ],
            quiet_hours=QuietHours.of(known.quiet_hours) if known.quiet_hours else None,
            stopped_at=known.stopped_at, stopped_reason=known.stopped_reason, circuit_open_until=known.open_until,
            created_at=known.created_at, updated_at=known.updated_at,
        )  # fmt: skip


@strawberry.type(description="A field of a kind's form.")
class ChannelKindField:
    name: str
    label: str
    help: str
    required: bool
    secret: bool
    placeholder: str


@strawberry.type(description="A kind of channel, and what its form asks for.")
class ChannelKindInfo:
    kind: ChannelKind
    label: str
    help: str
    available: bool
    unavailable_reason: str | None
    fields: list[ChannelKindField]

    @classmethod
    def of(cls, kind: ChannelKind, settings: Settings) -> "ChannelKindInfo":
        known = kind_of(kind)
        reason = known.unavailable(settings)
        return cls(
            kind=kind, label=known.LABEL, help=known.HELP, available=reason is None, unavailable_reason=reason,
            fields=[
                ChannelKindField(
                    name=each.name, label=each.label, help=each.help, required=each.required, secret=each.secret,
                    placeholder=each.placeholder,
                )
                for each in known.FIELDS
            ],
        )  # fmt: skip


@strawberry.type(
    description="A message about an alert as it would go out; `slack` is JSON, as Slack's own preview takes it."
)
class MessagePreview:
    subject: str
    text: str
    html: str | None
    slack: str | None


@strawberry.type(description="One alert told to one channel at one level.")
class Notification:
    known: strawberry.Private[lists.Notification]
    id: strawberry.ID
    event: Event
    level: int
    episode: int
    state: DeliveryState
    reason: str | None
    due_at: datetime
    created_at: datetime
    person: Person | None

    @field(description="The channel it goes to.")
    async def channel(self, info: Info) -> Channel:
        return Channel.of(await channels_of(info).load(self.known.channel_id), info.context.actor)

    @field(description="Every try of the message it went in.")
    async def attempts(self, info: Info) -> list[Attempt]:
        if self.known.delivery_id is None:
            return []
        return [Attempt.of(each) for each in await attempts_of(info).load(self.known.delivery_id)]

    @classmethod
    def of(cls, known: lists.Notification) -> "Notification":
        person = Person(id=strawberry.ID(str(known.person_id)), name=known.person or "") if known.person_id else None
        return cls(
            known=known, id=strawberry.ID(str(known.id)), event=known.event, level=known.level, episode=known.episode,
            state=known.state, reason=known.reason, due_at=known.due_at, created_at=known.created_at, person=person,
        )  # fmt: skip


@extends(Alert)
class AlertNotifications:
    @field(description="Everybody who was told, or is to be, in the order in which it was wanted.")
    async def notifications(self, info: Info, alert: strawberry.Parent[Alert]) -> list[Notification]:
        return [Notification.of(each) for each in await notifications_of(info).load(alert.known.id)]


def channels_of(info: Info) -> "DataLoader[UUID, TheChannel]":
    async def load(work: Work, asked: list[UUID]) -> list[TheChannel]:
        found = await kept.channels_by_id(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "channels", load)


def attempts_of(info: Info) -> "DataLoader[UUID, list[lists.Attempt]]":
    async def load(work: Work, asked: list[UUID]) -> list[list[lists.Attempt]]:
        found = await lists.attempts(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "attempts", load)


def notifications_of(info: Info) -> "DataLoader[UUID, list[lists.Notification]]":
    async def load(work: Work, asked: list[UUID]) -> list[list[lists.Notification]]:
        found = await lists.of_alerts(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "notifications", load)
