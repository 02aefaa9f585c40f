"""Whom to reach next, in the schema."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from century.access.graphql.types import Person
from century.alerts.graphql.types import Alert
from century.core.actor import Permission
from century.core.graphql import (
    DeletedPayload,
    IdInput,
    Info,
    Notice,
    TimeRangeInput,
    extends,
    field,
    id_of,
    loaded,
    mutation,
    notices,
)
from century.core.ids import new_id
from century.core.timerange import TimeRange
from century.core.work import Work
from century.escalation import policies, schedules
from century.escalation.coverage import coverage
from century.escalation.directory import load_directory, load_people, load_policies
from century.escalation.graphql.inputs import (
    CreateOverrideInput,
    PreviewScheduleInput,
    SaveEscalationPolicyInput,
    SaveScheduleInput,
)
from century.escalation.graphql.rosters import PREVIEWED, OnCall, Override, Schedule, SchedulePreview, view_of
from century.escalation.graphql.types import AlertEscalation, EscalationPolicy, Simulation, SimulationStep
from century.escalation.ladder import Ladder
from century.escalation.planning import check_near
from century.escalation.service import ladders_of
from century.escalation.simulation import simulate
from century.rules.graphql.types import Rule
from century.rules.severity import Severity


@strawberry.type(description="`warnings`: what would go wrong if an alert climbed it now.")
class SaveEscalationPolicyPayload:
    policy: EscalationPolicy
    warnings: list[Notice]


@strawberry.type(description="`warnings`: when nobody is on call within the next 14 days.")
class SaveSchedulePayload:
    schedule: Schedule
    warnings: list[Notice]


@strawberry.type
class RenewCalendarAddressPayload:
    schedule: Schedule


@strawberry.type
class OverridePayload:
    override: Override
    schedule: Schedule


@strawberry.type
class Query:
    @field(requires=Permission.READ, description="Every policy, the default one first, then by name.")
    async def escalation_policies(self, info: Info) -> list[EscalationPolicy]:
        async with info.context.works.read(info.context.actor) as work:
            return await _policies(work, info)

    @field(requires=Permission.READ, description="The policy of this id; NOT_FOUND.")
    async def escalation_policy(self, info: Info, id: strawberry.ID) -> EscalationPolicy:
        async with info.context.works.read(info.context.actor) as work:
            saved = await policies.one(work, id_of(id))
            return EscalationPolicy.of(saved, await load_directory(work, info.context.settings))

    @field(requires=Permission.READ, description="Every schedule, by name.")
    async def schedules(self, info: Info) -> list[Schedule]:
        async with info.context.works.read(info.context.actor) as work:
            board = await schedules.board(work)
        return [Schedule.of(each, board) for each in board.schedules.values()]

    @field(requires=Permission.READ, description="The schedule of this id; NOT_FOUND.")
    async def schedule(self, info: Info, id: strawberry.ID) -> Schedule:
        async with info.context.works.read(info.context.actor) as work:
            board = await schedules.board(work)
        return Schedule.of(board.one(id_of(id)), board)

    @field(requires=Permission.READ, description="Who is on call now in each schedule, until when, and who next.")
    async def on_call(self, info: Info) -> list[OnCall]:
        async with info.context.works.read(info.context.actor) as work:
            board, now = await schedules.board(work), work.now
        return [OnCall.of(each, board, now) for each in board.schedules.values()]

    @field(
        requires=Permission.READ,
        description="The turns of a schedule that is not saved, or not as it stands here; without a range those of the "
        "next four weeks.",
    )
    async def preview_schedule(
        self, info: Info, input: PreviewScheduleInput, range: TimeRangeInput | None = None
    ) -> SchedulePreview:
        async with info.context.works.read(info.context.actor) as work:
            rotations = [
                each.rotation(f"rotations.{number}", new_id(work.now)) for number, each in enumerate(input.rotations)
            ]
            schedule_id = id_of(input.id) if input.id else None
            known, people = await schedules.preview_schedule(work, schedule_id, input.time_zone.strip(), rotations)
            span = view_of(range, work.now) if range else TimeRange(work.now, work.now + PREVIEWED)
            return SchedulePreview.of(known, people, span)

    @field(
        requires=Permission.READ,
        description="Who would be told, when, by what, of an alert that opens at `at` and that nobody answers.",
    )
    async def simulate_escalation(
        self, info: Info, policy_id: strawberry.ID, severity: Severity, at: datetime
    ) -> Simulation:
        async with info.context.works.read(info.context.actor) as work:
            check_near(at, work.now, "at")
            saved = await policies.one(work, id_of(policy_id, "policyId"))
            directory = await load_directory(work, info.context.settings, since=min(at, work.now))
        steps = simulate(saved.policy, directory, severity, at)
        return Simulation(steps=[SimulationStep.of(each, directory) for each in steps])

    @field(
        requires=Permission.READ,
        description="Gaps of the next 14 days, people who cannot be reached, levels without anyone.",
    )
    async def coverage(self, info: Info) -> list[Notice]:
        async with info.context.works.read(info.context.actor) as work:
            directory = await load_directory(work, info.context.settings)
            known = {each.id: each for each in (await load_policies(work)).values()}
            return notices(coverage(directory, list(known.values()), work.now))

    @field(requires=Permission.READ, description="Everyone who may be on call, by name.")
    async def people(self, info: Info) -> list[Person]:
        async with info.context.works.read(info.context.actor) as work:
            found = await load_people(work)
        return [Person(id=strawberry.ID(str(each.id)), name=each.name) for each in found.values() if not each.disabled]


@strawberry.type
class Mutation:
    @mutation(
        requires=Permission.CONFIGURE,
        description="Make a policy or change one. Alerts that climb keep the policy as it was when they began.",
    )
    async def save_escalation_policy(self, info: Info, input: SaveEscalationPolicyInput) -> SaveEscalationPolicyPayload:
        levels = [each.level(f"levels.{number}") for number, each in enumerate(input.levels)]
        settings = info.context.settings
        async with info.context.works.begin(info.context.actor) as work:
            saved, warnings = await policies.save_policy(
                work, settings, id_of(input.id) if input.id else None, input.name, levels, is_default=input.is_default
            )
            directory = await load_directory(work, settings)
        return SaveEscalationPolicyPayload(policy=EscalationPolicy.of(saved, directory), warnings=notices(warnings))

    @mutation(
        requires=Permission.CONFIGURE, description="Remove a policy; CONFLICT for the default, and for one in use."
    )
    async def delete_escalation_policy(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            await policies.delete_policy(work, id_of(input.id))
        return DeletedPayload(id=input.id)

    @mutation(requires=Permission.CONFIGURE, description="Make a schedule or change one.")
    async def save_schedule(self, info: Info, input: SaveScheduleInput) -> SaveSchedulePayload:
        async with info.context.works.begin(info.context.actor) as work:
            rotations = [
                each.rotation(f"rotations.{number}", new_id(work.now)) for number, each in enumerate(input.rotations)
            ]
            schedule_id, warnings = await schedules.save_schedule(
                work, id_of(input.id) if input.id else None, input.name, input.time_zone.strip(), rotations
            )
            board = await schedules.board(work)
        return SaveSchedulePayload(schedule=Schedule.of(board.one(schedule_id), board), warnings=notices(warnings))

    @mutation(requires=Permission.CONFIGURE, description="Remove a schedule; CONFLICT for one that a policy tells.")
    async def delete_schedule(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            await schedules.delete_schedule(work, id_of(input.id))
        return DeletedPayload(id=input.id)

    @mutation(
        requires=Permission.OPERATE,
        description="Give a schedule's calendar a new address; the one before is NOT_FOUND from now on.",
    )
    async def renew_calendar_address(self, info: Info, input: IdInput) -> RenewCalendarAddressPayload:
        async with info.context.works.begin(info.context.actor) as work:
            schedule_id = id_of(input.id)
            await schedules.renew_calendar(work, schedule_id)
            board = await schedules.board(work)
        return RenewCalendarAddressPayload(schedule=Schedule.of(board.one(schedule_id), board))

    @mutation(
        requires=Permission.OPERATE,
        description="Put somebody on call, off call, or in another's place for a while; INVALID where it overlaps.",
    )
    async def create_override(self, info: Info, input: CreateOverrideInput) -> OverridePayload:
        async with info.context.works.begin(info.context.actor) as work:
            schedule_id = id_of(input.schedule, "schedule")
            override_id = await schedules.create_override(
                work,
                schedule_id,
                input.kind,
                id_of(input.person, "person"),
                id_of(input.replaces, "replaces") if input.replaces else None,
                input.starts_at,
                input.ends_at,
            )
            board = await schedules.board(work)
        schedule = board.one(schedule_id)
        made = next(each for each in schedule.overrides if each.id == override_id)
        return OverridePayload(override=Override.of(made, board), schedule=Schedule.of(schedule, board))

    @mutation(requires=Permission.OPERATE, description="Take an override back.")
    async def delete_override(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            await schedules.delete_override(work, id_of(input.id))
        return DeletedPayload(id=input.id)


@extends(Rule)
class RuleEscalation:
    @field(description="The policy that its alerts climb; null: the default one.")
    async def escalation_policy(self, info: Info, root: strawberry.Parent[Rule]) -> EscalationPolicy | None:
        policy_id = root.known.rule.policy_id
        return await _policies_by_id(info).load(policy_id) if policy_id is not None else None


@extends(Alert)
class AlertsEscalation:
    @field(description="Where its present episode stands; null before anybody was to be told.")
    async def escalation(self, info: Info, root: strawberry.Parent[Alert]) -> AlertEscalation | None:
        found = (await _ladders(info).load(root.known.id)).get(root.known.episode)
        return AlertEscalation.of(found, root.known) if found is not None else None


def _ladders(info: Info) -> "DataLoader[UUID, dict[int, Ladder]]":
    async def load(work: Work, asked: list[UUID]) -> list[dict[int, Ladder]]:
        found = await ladders_of(work, asked)
        return [found.get(each, {}) for each in asked]

    return loaded(info, "ladders", load)


def _policies_by_id(info: Info) -> "DataLoader[UUID, EscalationPolicy | None]":
    async def load(work: Work, asked: list[UUID]) -> list[EscalationPolicy | None]:
        found = {UUID(each.id): each for each in await _policies(work, info)}
        return [found.get(each) for each in asked]

    return loaded(info, "escalation policies", load)


async def _policies(work: Work, info: Info) -> list[EscalationPolicy]:
    directory = await load_directory(work, info.context.settings)
    return [EscalationPolicy.of(each, directory) for each in await policies.saved(work)]
