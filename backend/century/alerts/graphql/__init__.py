"""What is wrong now, in the schema."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import cast

import strawberry
from strawberry.dataloader import DataLoader

import century.alerts.graphql.infrastructure  # noqa: F401 (it gives probes, heartbeats and alerts their fields)
from century.alerts import feed, lists, review, service, windows
from century.alerts.graphql.inputs import (
    AcknowledgeRuleInput,
    AlertNoteInput,
    AlertPayload,
    AlertsNoteInput,
    AlertsPayload,
    CommentOnAlertInput,
    SuppressAlertInput,
    TickRunbookStepInput,
)
from century.alerts.graphql.maintenance import MaintenanceWindow, MaintenanceWindowInput, MaintenanceWindowPayload
from century.alerts.graphql.reviewing import AlertReview
from century.alerts.graphql.types import Alert, AlertConnection, AlertFilter, OpenAlerts
from century.core.actor import Permission
from century.core.errors import Invalid
from century.core.graphql import (
    IdInput,
    Info,
    TimeRangeInput,
    encode_cursor,
    extends,
    field,
    id_of,
    loaded,
    mutation,
    subscription,
)
from century.core.work import Work
from century.rules.graphql.types import Rule
from century.rules.severity import Severity
from century.telemetry.graphql.services import Service


@extends(Service)
class ServiceAlerts:
    @field()
    async def open_alerts(self, info: Info, root: strawberry.Parent[Service]) -> OpenAlerts:
        return OpenAlerts.of(await _open_by_service(info).load(root.name))

    @field(description="The newest first; of open ones alone, the most severe first.")
    async def alerts(
        self, info: Info, root: strawberry.Parent[Service], filter: AlertFilter | None = None, first: int = 50,
        after: str | None = None,
    ) -> AlertConnection:  # fmt: skip
        return await AlertConnection.of(info, filter, first, after, service=root.name)


@extends(Rule)
class RuleAlerts:
    @field(description="How many alerts of it are open.")
    async def open_alerts(self, info: Info, root: strawberry.Parent[Rule]) -> int:
        async def load(work: Work, asked: list[object]) -> list[int]:
            ids = [id_of(str(each)) for each in asked]
            found = await lists.open_by_rule(work, set(ids))
            return [found.get(each, 0) for each in ids]

        return await loaded(info, "open alerts of rules", load).load(root.id)


def _open_by_service(info: Info) -> "DataLoader[str, dict[Severity, int]]":
    async def load(work: Work, asked: list[str]) -> list[dict[Severity, int]]:
        found = await lists.open_by_service(work, set(asked))
        return [found.get(each, {}) for each in asked]

    return loaded(info, "open alerts of services", load)


@strawberry.type(
    description="Something that happened to an alert, in the order of `cursor`; `alert` as it is when this is told."
)
class AlertChange:
    cursor: str
    at: datetime
    kind: str
    actor: str
    message: str
    alert: Alert

    @classmethod
    def of(cls, event: feed.Event) -> "AlertChange":
        return cls(
            cursor=event.cursor, at=event.at, kind=event.kind, actor=event.actor, message=event.message,
            alert=Alert.of(event.alert),
        )  # fmt: skip


@strawberry.type
class Query:
    @field(requires=Permission.READ, description="The newest first; of open ones alone, the most severe first.")
    async def alerts(
        self, info: Info, filter: AlertFilter | None = None, first: int = 50, after: str | None = None
    ) -> AlertConnection:
        return await AlertConnection.of(info, filter, first, after)

    @field(requires=Permission.READ, description="The alert of this id; NOT_FOUND.")
    async def alert(self, info: Info, id: strawberry.ID) -> Alert:
        async with info.context.works.read(info.context.actor) as work:
            return Alert.of(await service.alert(work, id_of(id)))

    @field(
        requires=Permission.READ,
        description="What holds now or will, the next first; with `past` also what held within the last 30 days.",
    )
    async def maintenance_windows(self, info: Info, past: bool = False) -> list[MaintenanceWindow]:
        async with info.context.works.read(info.context.actor) as work:
            return [MaintenanceWindow.of(each, work.now) for each in await windows.listed(work, past=past)]

    @field(requires=Permission.READ, description="What was noisy, how soon people answered, how soon it was over.")
    async def alert_review(self, info: Info, range: TimeRangeInput) -> AlertReview:
        async with info.context.works.read(info.context.actor) as work:
            return AlertReview.of(await review.of_range(work, range.resolve(work.now)))

    @field(
        requires=Permission.READ,
        description="Where `alertChanges` is now: query first, subscribe after this, and nothing is missed.",
    )
    async def alert_cursor(self, info: Info) -> str:
        async with info.context.works.read(info.context.actor) as work:
            return encode_cursor(await feed.end(work))


@strawberry.type
class Mutation:
    @mutation(
        requires=Permission.OPERATE, description="Answer for an alert: nobody else is told. CONFLICT unless it fires."
    )
    async def acknowledge_alert(self, info: Info, input: AlertNoteInput) -> AlertPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertPayload.of(await service.acknowledge(work, id_of(input.id), input.note))

    @mutation(requires=Permission.OPERATE, description="Give an acknowledged alert back: its ladder goes on.")
    async def unacknowledge_alert(self, info: Info, input: AlertNoteInput) -> AlertPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertPayload.of(await service.unacknowledge(work, id_of(input.id), input.note))

    @mutation(
        requires=Permission.OPERATE,
        description="Say that it is over. What its rule still finds wrong some 15 minutes later opens anew.",
    )
    async def resolve_alert(self, info: Info, input: AlertNoteInput) -> AlertPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertPayload.of(await service.resolve(work, id_of(input.id), input.note))

    @mutation(
        requires=Permission.OPERATE,
        description="Hide its paging for a while; it goes on being watched, and what is wrong at the end pages again.",
    )
    async def suppress_alert(self, info: Info, input: SuppressAlertInput) -> AlertPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertPayload.of(await service.suppress(work, id_of(input.id), input.duration, input.reason))

    @mutation(requires=Permission.OPERATE, description="End its suppression now.")
    async def unsuppress_alert(self, info: Info, input: IdInput) -> AlertPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertPayload.of(await service.unsuppress(work, id_of(input.id)))

    @mutation(requires=Permission.OPERATE, description="Write something on its timeline.")
    async def comment_on_alert(self, info: Info, input: CommentOnAlertInput) -> AlertPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertPayload.of(await service.comment(work, id_of(input.id), input.text))

    @mutation(
        requires=Permission.OPERATE, description="Note that a step of its runbook was done, or was not after all."
    )
    async def tick_runbook_step(self, info: Info, input: TickRunbookStepInput) -> AlertPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertPayload.of(await service.tick(work, id_of(input.id), input.step, done=input.done))

    @mutation(requires=Permission.OPERATE, description="Answer for all of these that fire.")
    async def acknowledge_alerts(self, info: Info, input: AlertsNoteInput) -> AlertsPayload:
        ids = [id_of(each, "ids") for each in input.ids]
        async with info.context.works.begin(info.context.actor) as work:
            return AlertsPayload.of(*await service.acknowledge_many(work, ids, input.note))

    @mutation(
        requires=Permission.OPERATE,
        description="Answer for every firing alert of the rule of this name; NOT_FOUND without such a rule.",
    )
    async def acknowledge_alerts_of_rule(self, info: Info, input: AcknowledgeRuleInput) -> AlertsPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return AlertsPayload.of(await service.acknowledge_rule(work, input.rule, input.note), [])

    @mutation(requires=Permission.OPERATE, description="End all of these that are open.")
    async def resolve_alerts(self, info: Info, input: AlertsNoteInput) -> AlertsPayload:
        ids = [id_of(each, "ids") for each in input.ids]
        async with info.context.works.begin(info.context.actor) as work:
            return AlertsPayload.of(*await service.resolve_many(work, ids, input.note))

    @mutation(requires=Permission.OPERATE, description="Plan when what does not page. INVALID with every field.")
    async def create_maintenance_window(self, info: Info, input: MaintenanceWindowInput) -> MaintenanceWindowPayload:
        async with info.context.works.begin(info.context.actor) as work:
            made = await windows.plan(work, input.planned())
            return MaintenanceWindowPayload(maintenance_window=MaintenanceWindow.of(made, work.now))

    @mutation(requires=Permission.OPERATE, description="Change a window that is not over.")
    async def update_maintenance_window(self, info: Info, input: MaintenanceWindowInput) -> MaintenanceWindowPayload:
        if input.id is None:
            raise Invalid("id must name the window to change", field="id")
        async with info.context.works.begin(info.context.actor) as work:
            made = await windows.change(work, id_of(input.id), input.planned())
            return MaintenanceWindowPayload(maintenance_window=MaintenanceWindow.of(made, work.now))

    @mutation(requires=Permission.OPERATE, description="End a window now; what is still wrong pages again.")
    async def end_maintenance_window(self, info: Info, input: IdInput) -> MaintenanceWindowPayload:
        async with info.context.works.begin(info.context.actor) as work:
            made = await windows.end(work, id_of(input.id))
            return MaintenanceWindowPayload(maintenance_window=MaintenanceWindow.of(made, work.now))


@strawberry.type
class Subscription:
    @subscription(
        requires=Permission.READ,
        description="Everything that happens to alerts, each once and in order: after a cursor, else from now on.",
        cursor="after",
    )
    async def alert_changes(self, info: Info, after: str | None = None) -> AsyncGenerator[AlertChange, None]:
        cursor = feed.read_cursor(after) if after is not None else None
        following = cast("feed.Feed", info.context.app.alert_feed)
        async for event in following.after(cursor):
            if not info.context.actor.may(Permission.READ):
                return
            info.context.loaders.clear()
            info.context.place = event.number
            yield AlertChange.of(event)
