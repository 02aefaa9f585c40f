"""Objectives in the schema, with what is left of their error budgets."""

from datetime import timedelta
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from century.core.graphql import Count, Info, extends, field, loaded, together
from century.core.work import Work
from century.rules import budgets, objectives
from century.rules.graphql.types import Rule, rules_by_id
from century.rules.objective import Budget, ObjectiveKind
from century.rules.objective import Objective as TheObjective

strawberry.enum(ObjectiveKind, description="A good request did not fail, or was faster than the objective's `latency`.")


@strawberry.type(
    description="What may fail in a window and what did: counts of requests; `left` is a share of the budget, negative when "
    "it is overspent, `leftDuration` for how long every request could still fail; a `burnRate` of 1 spends it exactly in "
    "one window."
)
class ErrorBudget:
    allowed: float
    spent: float
    left: float
    left_duration: timedelta
    good: Count
    bad: Count
    actual: float | None
    burn_rate: float | None

    @classmethod
    def of(cls, budget: Budget) -> "ErrorBudget":
        return cls(
            allowed=budget.allowed, spent=budget.spent, left=budget.left, left_duration=budget.left_duration,
            good=Count(budget.good), bad=Count(budget.bad), actual=budget.actual, burn_rate=budget.burn_rate,
        )  # fmt: skip


@strawberry.type(description="What share of a service's requests is to be good over a rolling window.")
class Objective:
    known: strawberry.Private[TheObjective]
    rule_ids: strawberry.Private[list[UUID]]
    id: strawberry.ID
    name: str
    service: str
    kind: ObjectiveKind
    latency: float | None
    target: float
    window: timedelta

    @classmethod
    def of(cls, saved: objectives.SavedObjective) -> "Objective":
        known = saved.objective
        return cls(
            known=known, rule_ids=[each.id for each in saved.rules], id=strawberry.ID(str(known.id)), name=known.name,
            service=known.service, kind=known.kind, latency=known.latency, target=known.target, window=known.window,
        )  # fmt: skip

    @field(description="Of the window that ends now.")
    async def budget(self, info: Info) -> ErrorBudget:
        return ErrorBudget.of(await _budgets(info).load(self.known))

    @field(description="The rules that watch how fast the budget is spent, the urgent one first.")
    async def rules(self, info: Info) -> list[Rule]:
        return [found for found in await rules_by_id(info).load_many(self.rule_ids) if found is not None]


@extends(Rule)
class RuleObjective:
    @field(description="The objective whose error budget the rule watches.")
    async def objective(self, info: Info, rule: strawberry.Parent[Rule]) -> Objective | None:
        objective_id = rule.known.rule.objective_id
        return await _objectives(info).load(objective_id) if objective_id else None


def _budgets(info: Info) -> "DataLoader[TheObjective, Budget]":
    works, reader = info.context.works, info.context.app.telemetry.reader
    return together(info, "budgets", lambda asked: budgets.budgets(works, reader, asked, works.clock.now()))


def _objectives(info: Info) -> "DataLoader[UUID, Objective | None]":
    async def load(work: Work, asked: list[UUID]) -> list[Objective | None]:
        found = {each.objective.id: Objective.of(each) for each in await objectives.saved(work)}
        return [found.get(each) for each in asked]

    return loaded(info, "objectives", load)
