"""Heartbeats in the schema."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import strawberry

from century.core.actor import Permission
from century.core.errors import Invalid
from century.core.graphql import (
    DeletedPayload,
    IdInput,
    Info,
    Notice,
    PageInfo,
    extends,
    field,
    loaded,
    mutation,
)
from century.core.graphql.attributes import Attribute
from century.core.graphql.ids import id_of, notices
from century.core.work import Work
from century.probes import beat_kept, heartbeats
from century.probes.beat_problems import BeatDraft
from century.probes.cron import BadCron, read_cron
from century.probes.graphql.inputs import AttributeInput
from century.probes.heartbeat import Heartbeat as TheHeartbeat
from century.probes.heartbeat import HeartbeatState, Run, RunState, expected_by, upcoming
from century.probes.heartbeats import SavedBeat
from century.telemetry.graphql.services import Service

TIMES, MOST_TIMES = 5, 20

strawberry.enum(
    HeartbeatState,
    description="NEW: never heard of. RUNNING: it began, and is not over. LATE: not heard of by the end of its grace. "
    "OVERDUE: it runs for longer than it may.",
)
strawberry.enum(RunState, description="OVERDUE is also one that never said that it was over.")


@strawberry.type
class HeartbeatRun:
    run: strawberry.Private[Run]
    id: strawberry.ID
    key: str | None
    state: RunState
    started_at: datetime | None
    ended_at: datetime | None
    duration: float | None
    exit_code: int | None

    @field(requires=Permission.OPERATE, description="The beginning of what it sent along.")
    def output(self) -> str | None:
        return self.run.output

    @classmethod
    def of(cls, run: Run) -> "HeartbeatRun":
        return cls(
            run=run, id=strawberry.ID(str(run.id)), key=run.key, state=run.state, started_at=run.started_at,
            ended_at=run.ended_at, duration=run.duration, exit_code=run.exit_code,
        )  # fmt: skip


@strawberry.type
class HeartbeatRunConnection:
    nodes: list[HeartbeatRun]
    page_info: PageInfo


@strawberry.type(
    description="A job that reports by itself, every `period` or by a `cron` line in its time zone; its silence is noticed "
    "after `grace`."
)
class Heartbeat:
    heartbeat: strawberry.Private[TheHeartbeat]
    id: strawberry.ID
    name: str
    enabled: bool
    service: str | None
    labels: list[Attribute]
    period: timedelta | None
    cron: str | None
    time_zone: str
    grace: timedelta
    longest_run: timedelta | None
    state: HeartbeatState
    since: datetime
    last_ping_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @field(description="The schedule in words.")
    def schedule(self) -> str:
        return self.heartbeat.schedule.sentence

    @field(description="The end of the grace: by then it must have been heard of.")
    def expected_by(self) -> datetime | None:
        return expected_by(self.heartbeat.schedule, self.heartbeat.beat)

    @field(description="How long the newest run took that has a beginning and an end, in seconds.")
    async def last_duration(self, info: Info) -> float | None:
        async def load(work: Work, asked: list[UUID]) -> list[float | None]:
            found = await beat_kept.last_durations(work, set(asked))
            return [found.get(each) for each in asked]

        return await loaded(info, "durations of heartbeats", load).load(self.heartbeat.id)

    @field(description="Where it is pinged; shown to whoever may change it, null to others.")
    def ping_url(self, info: Info) -> str | None:
        if not info.context.actor.may(Permission.CONFIGURE):
            return None
        return heartbeats.ping_url(info.context.settings, self.heartbeat)

    @field(description="The newest first; kept for 30 days.")
    async def runs(self, info: Info, first: int = 30, after: str | None = None) -> HeartbeatRunConnection:
        async with info.context.works.read(info.context.actor) as work:
            page = await beat_kept.runs(work, self.heartbeat.id, first, after)
        return HeartbeatRunConnection(nodes=[HeartbeatRun.of(each) for each in page.nodes], page_info=PageInfo.of(page))

    @field(description="The next times it is expected.")
    async def next(self, info: Info, first: int = TIMES) -> list[datetime]:
        if not 1 <= first <= MOST_TIMES:
            raise Invalid(f"first must lie between 1 and {MOST_TIMES}", field="first")
        known, now = self.heartbeat, info.context.works.clock.now()
        # A line that comes once in a leap year takes milliseconds, and there may be thousands of heartbeats.
        return await asyncio.to_thread(upcoming, known.schedule, known.beat, now, first)

    @classmethod
    def of(cls, known: TheHeartbeat) -> "Heartbeat":
        schedule, beat = known.schedule, known.beat
        return cls(
            heartbeat=known, id=strawberry.ID(str(known.id)), name=known.name, enabled=known.enabled,
            service=known.service, labels=[Attribute(key=key, value=value) for key, value in known.labels.items()],
            period=schedule.period, cron=schedule.cron.line if schedule.cron else None, time_zone=known.time_zone,
            grace=schedule.grace, longest_run=schedule.longest_run, state=beat.state, since=beat.since,
            last_ping_at=beat.last_ping_at, created_at=known.created_at, updated_at=known.updated_at,
        )  # fmt: skip


@strawberry.input(description="One of `period` and `cron` (five fields) must be given.")
class SaveHeartbeatInput:
    name: str
    id: strawberry.ID | None = None
    enabled: bool = True
    service: str | None = None
    labels: list[AttributeInput] = strawberry.field(default_factory=list)
    period: timedelta | None = None
    cron: str | None = None
    time_zone: str = "UTC"
    grace: timedelta = timedelta(minutes=5)
    longest_run: timedelta | None = None

    def draft(self) -> BeatDraft:
        return BeatDraft(
            name=self.name, id=id_of(self.id) if self.id is not None else None, enabled=self.enabled,
            service=self.service, labels={each.key: each.value for each in self.labels}, period=self.period,
            cron=self.cron, time_zone=self.time_zone, grace=self.grace, longest_run=self.longest_run,
        )  # fmt: skip


@strawberry.type(
    description="`pingUrl` holds the token: it can be looked up again by whoever may change the heartbeat."
)
class SaveHeartbeatPayload:
    heartbeat: Heartbeat
    warnings: list[Notice]

    @classmethod
    def of(cls, saved: SavedBeat) -> "SaveHeartbeatPayload":
        return cls(heartbeat=Heartbeat.of(saved.heartbeat), warnings=notices(saved.warnings))


@strawberry.input
class HeartbeatEnabledInput:
    id: strawberry.ID
    enabled: bool


@strawberry.type(description="A cron line in words and its next times, or what is wrong with it.")
class CronPreview:
    sentence: str
    next: list[datetime]
    problem: str | None


@extends(Service)
class ServiceHeartbeats:
    @field(description="The jobs of it that report by themselves.")
    async def heartbeats(self, info: Info, root: strawberry.Parent[Service]) -> list[Heartbeat]:
        async def load(work: Work, asked: list[str]) -> list[list[TheHeartbeat]]:
            found = await beat_kept.by_services(work, set(asked))
            return [found[each] for each in asked]

        return [Heartbeat.of(each) for each in await loaded(info, "heartbeats of services", load).load(root.name)]


@strawberry.type
class HeartbeatQuery:
    @field(requires=Permission.READ, description="Every heartbeat by name.")
    async def heartbeats(self, info: Info) -> list[Heartbeat]:
        async with info.context.works.read(info.context.actor) as work:
            return [Heartbeat.of(each) for each in await beat_kept.heartbeats(work)]

    @field(requires=Permission.READ, description="The heartbeat of this id; NOT_FOUND.")
    async def heartbeat(self, info: Info, id: strawberry.ID) -> Heartbeat:
        async with info.context.works.read(info.context.actor) as work:
            return Heartbeat.of(await beat_kept.heartbeat(work, id_of(id)))

    @field(requires=Permission.READ, description="A cron line in words, and when it would come next.")
    async def preview_cron(self, info: Info, cron: str, time_zone: str = "UTC") -> CronPreview:
        try:
            line = await asyncio.to_thread(read_cron, cron, time_zone)
        except BadCron as error:
            return CronPreview(sentence="", next=[], problem=str(error))
        now = info.context.works.clock.now()
        return CronPreview(sentence=line.sentence, next=line.next(now, TIMES), problem=None)


@strawberry.type
class HeartbeatMutation:
    @mutation(requires=Permission.CONFIGURE, description="Make or change a heartbeat.")
    async def save_heartbeat(self, info: Info, input: SaveHeartbeatInput) -> SaveHeartbeatPayload:
        async with info.context.works.begin(info.context.actor) as work:
            return SaveHeartbeatPayload.of(await heartbeats.save(work, info.context.settings, input.draft()))

    @mutation(requires=Permission.CONFIGURE, description="A new token; the old one stops working at once.")
    async def renew_heartbeat_token(self, info: Info, input: IdInput) -> SaveHeartbeatPayload:
        async with info.context.works.begin(info.context.actor) as work:
            renewed = await heartbeats.renew(work, info.context.settings, id_of(input.id))
            return SaveHeartbeatPayload.of(SavedBeat(renewed))

    @mutation(requires=Permission.OPERATE, description="Pause a heartbeat, or wait for it again.")
    async def set_heartbeat_enabled(self, info: Info, input: HeartbeatEnabledInput) -> SaveHeartbeatPayload:
        async with info.context.works.begin(info.context.actor) as work:
            switched = await heartbeats.set_enabled(work, id_of(input.id), enabled=input.enabled)
            return SaveHeartbeatPayload.of(SavedBeat(switched))

    @mutation(requires=Permission.CONFIGURE, description="Remove a heartbeat with its runs; its open alerts resolve.")
    async def delete_heartbeat(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            await heartbeats.remove(work, id_of(input.id))
        return DeletedPayload(id=input.id)
