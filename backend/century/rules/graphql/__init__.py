"""What counts as wrong, in the schema."""

import strawberry

from century.core.actor import Permission
from century.core.graphql import DeletedPayload, IdInput, Info, Notice, TimeRangeInput, field, id_of, mutation, notices
from century.core.ids import new_id
from century.core.work import Work
from century.rules import editing, kept, objectives, wording
from century.rules.graphql.backtest import Backtest, tried
from century.rules.graphql.inputs import (
    RestoreRuleInput,
    SaveObjectiveInput,
    SaveRuleInput,
    SetCriticalRoutesInput,
    SetRuleEnabledInput,
)
from century.rules.graphql.objective import Objective
from century.rules.graphql.types import Rule


@strawberry.type(
    description="What would be said about a rule if it were saved: `problems` refuse it, `warnings` do not."
)
class RuleCheck:
    sentence: str
    unit: str
    warnings: list[Notice]
    problems: list[Notice]


@strawberry.type
class SaveRulePayload:
    rule: Rule
    warnings: list[Notice]

    @classmethod
    async def of(cls, work: Work, checked: editing.Checked) -> "SaveRulePayload":
        saved = await kept.one_saved(work, checked.rule.id)
        return cls(rule=Rule.of(saved), warnings=notices(checked.warnings))


@strawberry.type
class SaveObjectivePayload:
    objective: Objective


@strawberry.type
class SetCriticalRoutesPayload:
    routes: list[str]


@strawberry.type
class Query:
    @field(requires=Permission.READ, description="Every rule, by name.")
    async def rules(self, info: Info) -> list[Rule]:
        async with info.context.works.read(info.context.actor) as work:
            return [Rule.of(each) for each in await kept.saved(work)]

    @field(requires=Permission.READ, description="The rule of this id; NOT_FOUND.")
    async def rule(self, info: Info, id: strawberry.ID) -> Rule:
        async with info.context.works.read(info.context.actor) as work:
            return Rule.of(await kept.one_saved(work, id_of(id)))

    @field(requires=Permission.READ, description="What would be said about a rule, without saving it.")
    async def check_rule(self, info: Info, input: SaveRuleInput) -> RuleCheck:
        async with info.context.works.read(info.context.actor) as work:
            checked = await editing.check(work, input.rule(new_id(work.now)))
        return RuleCheck(
            sentence=wording.sentence(checked.rule), unit=checked.unit, warnings=notices(checked.warnings),
            problems=notices(checked.refused),
        )  # fmt: skip

    @field(
        requires=Permission.READ,
        description="What a rule would have done in a range, without saving it; nights are those of `timeZone`.",
    )
    async def backtest_rule(
        self, info: Info, input: SaveRuleInput, range: TimeRangeInput, time_zone: str = "UTC"
    ) -> Backtest:
        return await tried(info, input, range, time_zone)

    @field(requires=Permission.READ, description="Every objective, by name.")
    async def objectives(self, info: Info) -> list[Objective]:
        async with info.context.works.read(info.context.actor) as work:
            return [Objective.of(each) for each in await objectives.saved(work)]

    @field(requires=Permission.READ, description="The patterns of routes that a service calls critical.")
    async def critical_routes(self, info: Info, service: str) -> list[str]:
        async with info.context.works.read(info.context.actor) as work:
            return list((await kept.critical_routes(work)).get(service, ()))


@strawberry.type
class Mutation:
    @mutation(
        requires=Permission.CONFIGURE,
        description="Make a rule, or save a version of it. INVALID with every field that cannot be taken.",
    )
    async def save_rule(self, info: Info, input: SaveRuleInput) -> SaveRulePayload:
        async with info.context.works.begin(info.context.actor) as work:
            draft = input.rule(new_id(work.now))
            checked = await editing.save_rule(work, draft, read=input.version, new=input.id is None)
            return await SaveRulePayload.of(work, checked)

    @mutation(requires=Permission.CONFIGURE, description="Save a rule again as it was in an earlier version.")
    async def restore_rule(self, info: Info, input: RestoreRuleInput) -> SaveRulePayload:
        async with info.context.works.begin(info.context.actor) as work:
            checked = await editing.restore_rule(work, id_of(input.id), input.version)
            return await SaveRulePayload.of(work, checked)

    @mutation(requires=Permission.CONFIGURE, description="Switch a rule on or off.")
    async def set_rule_enabled(self, info: Info, input: SetRuleEnabledInput) -> SaveRulePayload:
        async with info.context.works.begin(info.context.actor) as work:
            rule = await editing.set_enabled(work, id_of(input.id), enabled=input.enabled)
            return await SaveRulePayload.of(work, editing.Checked(rule, ()))

    @mutation(requires=Permission.CONFIGURE, description="Remove a rule with its versions; its open alerts resolve.")
    async def delete_rule(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            await editing.delete_rule(work, id_of(input.id))
        return DeletedPayload(id=input.id)

    @mutation(
        requires=Permission.CONFIGURE,
        description="Save an objective; it makes, or renews, the two rules that watch its error budget.",
    )
    async def save_objective(self, info: Info, input: SaveObjectiveInput) -> SaveObjectivePayload:
        async with info.context.works.begin(info.context.actor) as work:
            saved = await objectives.save_objective(
                work, id_of(input.id) if input.id else None, input.name, input.service, input.kind, input.latency,
                input.target, input.window,
            )  # fmt: skip
        return SaveObjectivePayload(objective=Objective.of(saved))

    @mutation(requires=Permission.CONFIGURE, description="Remove an objective with its rules.")
    async def delete_objective(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            await objectives.delete_objective(work, id_of(input.id))
        return DeletedPayload(id=input.id)

    @mutation(requires=Permission.CONFIGURE, description="Say which routes of a service are critical; answers them.")
    async def set_critical_routes(self, info: Info, input: SetCriticalRoutesInput) -> SetCriticalRoutesPayload:
        async with info.context.works.begin(info.context.actor) as work:
            routes = await editing.set_critical_routes(work, input.service.strip(), input.routes)
        return SetCriticalRoutesPayload(routes=list(routes))
