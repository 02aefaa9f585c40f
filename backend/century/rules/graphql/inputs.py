"""What is given to change a rule."""

from datetime import timedelta
from uuid import UUID

import strawberry

import century.rules.graphql.types  # noqa: F401 (its enums are ours too)
from century.core.errors import Invalid
from century.core.graphql import id_of
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.objective import ObjectiveKind
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.graphql.services import AttributeFilter
from century.telemetry.metrics import Aggregation
from century.telemetry.targets import Comparison


@strawberry.input(
    description="Wrong is: `signal` on the `comparison` side of `threshold` over `window`, for `holdFor`. Ratios 0..1, seconds."
)
class ConditionInput:
    signal: Signal
    metric: str | None = None
    aggregation: Aggregation | None = None
    filter: list[AttributeFilter] = strawberry.field(default_factory=list)
    group_by: list[str] = strawberry.field(default_factory=list)
    comparison: Comparison
    threshold: float
    recovery: float | None = None
    window: timedelta = timedelta(minutes=5)
    hold_for: timedelta = timedelta(0)
    min_samples: int = 1
    when_no_data: WhenNoData = WhenNoData.KEEP

    def condition(self) -> Condition:
        """As the rules know it."""
        if len({each.key for each in self.filter}) < len(self.filter):
            raise Invalid("name each attribute once, with all its values", field="condition.filter")
        aggregation = self.aggregation
        if self.signal is Signal.METRIC and aggregation is None:
            aggregation = Aggregation.AVG
        return Condition(
            signal=self.signal,
            comparison=self.comparison,
            threshold=self.threshold,
            metric=(self.metric or "").strip() or None,
            aggregation=aggregation,
            filter=tuple((each.key, frozenset(each.in_)) for each in self.filter),
            group_by=tuple(self.group_by),
            recovery=self.recovery,
            window=self.window,
            hold_for=self.hold_for,
            min_samples=self.min_samples,
            when_no_data=self.when_no_data,
        )


@strawberry.input(
    description="Without `id` a new rule. `version` is the one that was read: another in between is a CONFLICT."
)
class SaveRuleInput:
    id: strawberry.ID | None = None
    name: str
    enabled: bool = True
    severity: Severity
    service: str | None = None
    routes: list[str] = strawberry.field(default_factory=list)
    critical_routes: bool = False
    condition: ConditionInput
    runbook: str = ""
    runbook_url: str | None = None
    reopen_after: timedelta | None = None
    depends_on: list[strawberry.ID] = strawberry.field(default_factory=list)
    escalation_policy: strawberry.ID | None = None
    version: int | None = None

    def rule(self, fresh: UUID) -> Rule:
        """As the rules know it; `fresh` is its id where it is new."""
        return Rule(
            id=id_of(self.id) if self.id else fresh,
            name=self.name.strip(),
            enabled=self.enabled,
            severity=self.severity,
            condition=self.condition.condition(),
            service=(self.service or "").strip() or None,
            routes=tuple(dict.fromkeys(each.strip() for each in self.routes)),
            critical_routes=self.critical_routes,
            runbook=self.runbook,
            runbook_url=(self.runbook_url or "").strip() or None,
            reopen_after=self.reopen_after,
            depends_on=tuple(dict.fromkeys(id_of(each, "dependsOn") for each in self.depends_on)),
            policy_id=id_of(self.escalation_policy, "escalationPolicy") if self.escalation_policy else None,
        )


@strawberry.input(description="The rule is saved again as it was in that version.")
class RestoreRuleInput:
    id: strawberry.ID
    version: int


@strawberry.input
class SetRuleEnabledInput:
    id: strawberry.ID
    enabled: bool


@strawberry.input(description="Without `id` a new objective. `latency` in seconds, for the kind LATENCY alone.")
class SaveObjectiveInput:
    id: strawberry.ID | None = None
    name: str
    service: str
    kind: ObjectiveKind
    latency: float | None = None
    target: float
    window: timedelta = timedelta(days=30)


@strawberry.input
class SetCriticalRoutesInput:
    service: str
    routes: list[str]
