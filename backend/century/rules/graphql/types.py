"""A rule in the schema: its condition, its versions, its health, and what it last found."""

from datetime import datetime, timedelta
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

import century.telemetry.graphql  # noqa: F401 (its enums are ours too)
from century.access.graphql.types import Person
from century.core.graphql import Info, field, loaded
from century.core.work import Work
from century.rules import kept, versions, wording
from century.rules.condition import Signal, WhenNoData
from century.rules.objective import ObjectiveKind
from century.rules.rule import Rule as TheRule
from century.rules.severity import Severity
from century.rules.verdict import Standing
from century.telemetry.metrics import Aggregation
from century.telemetry.targets import Comparison

strawberry.enum(Severity, description="How bad it is; the worst first.")
strawberry.enum(Signal, description="What a rule looks at.")
strawberry.enum(WhenNoData, description="What silence means: all is well, as it was before, or that is what is wrong.")
strawberry.enum(Standing, description="How a subject stands with a rule; pending: wrong, but not yet for long enough.")

strawberry.enum(ObjectiveKind, description="A good request did not fail, or was faster than the objective's `latency`.")


def person(person_id: UUID | None, name: str) -> Person:
    return Person(id=strawberry.ID(str(person_id)) if person_id else None, name=name)


@strawberry.type(description="Series whose attribute is one of these.")
class AttributeMatch:
    key: str
    in_: list[str] = strawberry.field(name="in")


@strawberry.type(
    description="`comparison` is the side of `threshold` that is wrong; what was wrong is well again at `recovery`."
)
class Condition:
    rule: strawberry.Private[TheRule]
    signal: Signal
    metric: str | None
    aggregation: Aggregation | None
    filter: list[AttributeMatch]
    group_by: list[str]
    comparison: Comparison
    threshold: float
    recovery: float | None
    window: timedelta
    short_window: timedelta | None
    hold_for: timedelta
    min_samples: int
    when_no_data: WhenNoData
    sentence: str

    @field(description="Of its values, in UCUM.")
    async def unit(self, info: Info) -> str:
        return await _units(info).load(self.rule)

    @classmethod
    def of(cls, rule: TheRule) -> "Condition":
        given = rule.condition
        return cls(
            rule=rule, signal=given.signal, metric=given.metric, aggregation=given.aggregation,
            filter=[AttributeMatch(key=key, in_=sorted(values)) for key, values in given.filter],
            group_by=list(given.group_by), comparison=given.comparison, threshold=given.threshold,
            recovery=given.recovery, window=given.window, short_window=given.short_window, hold_for=given.hold_for,
            min_samples=given.min_samples, when_no_data=given.when_no_data, sentence=wording.sentence(rule),
        )  # fmt: skip


@strawberry.type(description="The last evaluation: when, how long it took, and what kept it from an answer.")
class RuleHealth:
    evaluated_at: datetime | None
    duration_ms: float | None
    error: str | None


@strawberry.type(description="What a rule last found of a subject.")
class RuleSubject:
    subject: str
    service: str | None
    standing: Standing
    since: datetime
    value: float | None
    observed_at: datetime | None


@strawberry.type
class RuleChange:
    field: str
    before: str | None
    after: str | None


@strawberry.type(description="What somebody changed; the first version has no changes.")
class RuleVersion:
    version: int
    at: datetime
    by: Person | None
    changes: list[RuleChange]


@strawberry.type(
    description="What counts as wrong. Without `service` every service is judged apart; a `version` is kept of each save."
)
class Rule:
    known: strawberry.Private[kept.Saved]
    id: strawberry.ID
    name: str
    enabled: bool
    severity: Severity
    service: str | None
    routes: list[str]
    critical_routes: bool
    condition: Condition
    runbook: str
    runbook_url: str | None
    reopen_after: timedelta | None
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: Person | None
    health: RuleHealth

    @classmethod
    def of(cls, known: kept.Saved) -> "Rule":
        rule = known.rule
        return cls(
            known=known, id=strawberry.ID(str(rule.id)), name=rule.name, enabled=rule.enabled, severity=rule.severity,
            service=rule.service, routes=list(rule.routes), critical_routes=rule.critical_routes,
            condition=Condition.of(rule), runbook=rule.runbook, runbook_url=rule.runbook_url,
            reopen_after=rule.reopen_after, version=rule.version, created_at=known.created_at,
            updated_at=known.updated_at, updated_by=person(known.updated_by_id, known.updated_by_name),
            health=RuleHealth(
                evaluated_at=known.evaluated_at,
                duration_ms=known.duration * 1000 if known.duration is not None else None,
                error=known.error,
            ),
        )  # fmt: skip

    @field(description="Whether anything measures what it looks at; while nothing does it waits.")
    def measured(self, info: Info) -> bool:
        return info.context.app.backtests.sources.of(self.known.rule.condition.signal) is not None

    @field(description="While one of these has an open alert of the same service, this rule's alerts do not page.")
    async def depends_on(self, info: Info) -> list["Rule"]:
        named = self.known.rule.depends_on
        return [found for found in await rules_by_id(info).load_many(named) if found is not None] if named else []

    @field(description="What was last found of each subject, what is wrong first.")
    async def subjects(self, info: Info) -> list[RuleSubject]:
        return [
            RuleSubject(
                subject=each.subject, service=each.service, standing=each.standing, since=each.since,
                value=each.value, observed_at=each.observed_at,
            )
            for each in await _found(info).load(self.known.rule.id)
        ]  # fmt: skip

    @field(description="The newest first.")
    async def versions(self, info: Info) -> list[RuleVersion]:
        saved, names = await _versions(info).load(self.known.rule.id)
        before: list[TheRule | None] = [each.rule for each in saved[1:]]
        return [
            RuleVersion(
                version=each.rule.version,
                at=each.at,
                by=person(each.by_id, each.by_name),
                changes=[
                    RuleChange(field=change.field, before=change.before, after=change.after)
                    for change in (versions.changes(older, each.rule, names) if older is not None else ())
                ],
            )
            for each, older in zip(saved, [*before, None], strict=False)
        ]


def rules_by_id(info: Info) -> "DataLoader[UUID, Rule | None]":
    """Rules by their ids; None for one that is gone."""

    async def load(work: Work, asked: list[UUID]) -> list[Rule | None]:
        found = {each.rule.id: Rule.of(each) for each in await kept.saved(work)}
        return [found.get(each) for each in asked]

    return loaded(info, "rules", load)


def _found(info: Info) -> "DataLoader[UUID, list[kept.Found]]":
    async def load(work: Work, asked: list[UUID]) -> list[list[kept.Found]]:
        found = await kept.found(work, asked)
        return [found[each] for each in asked]

    return loaded(info, "rule subjects", load)


def _versions(info: Info) -> "DataLoader[UUID, tuple[list[kept.Version], dict[UUID, str]]]":
    async def load(work: Work, asked: list[UUID]) -> list[tuple[list[kept.Version], dict[UUID, str]]]:
        found = await kept.versions(work, asked)
        names = await kept.names(work)
        return [(found[each], names) for each in asked]

    return loaded(info, "rule versions", load)


def _units(info: Info) -> "DataLoader[TheRule, str]":
    async def load(work: Work, asked: list[TheRule]) -> list[str]:
        return await kept.units(work, asked)

    return loaded(info, "units", load)
