"""The review of a range's alerts in the schema."""

from datetime import datetime, timedelta

import strawberry

from century.alerts import statistics
from century.core.graphql import Info, Instants, Numbers, field
from century.rules.graphql.types import Rule, rules_by_id
from century.rules.severity import Severity


@strawberry.type(description="The middle, and what nine of ten stay within.")
class Spread:
    median: timedelta | None
    p90: timedelta | None = strawberry.field(name="p90")

    @classmethod
    def of(cls, made: statistics.Spread) -> "Spread":
        return cls(median=made.median, p90=made.p90)


@strawberry.type(description="What a rule caused; `openFor` is the sum over its alerts.")
class RuleReview:
    known: strawberry.Private[statistics.RuleReview]
    rule_name: str
    opened: int
    acknowledged_share: float | None
    escalated_share: float | None
    median_duration: timedelta | None
    open_for: timedelta
    flapping: bool

    @classmethod
    def of(cls, made: statistics.RuleReview) -> "RuleReview":
        return cls(
            known=made, rule_name=made.rule_name, opened=made.opened, acknowledged_share=made.acknowledged_share,
            escalated_share=made.escalated_share, median_duration=made.median_duration, open_for=made.open_for,
            flapping=made.flapping,
        )  # fmt: skip

    @field(description="Null once it was deleted.")
    async def rule(self, info: Info) -> Rule | None:
        return await rules_by_id(info).load(self.known.rule_id)


@strawberry.type(description="How many alerts opened on each day (UTC), by severity.")
class ReviewDays:
    at: Instants
    critical: Numbers
    warning: Numbers
    info: Numbers

    @classmethod
    def of(cls, days: list[statistics.Day]) -> "ReviewDays":
        def column(severity: Severity) -> Numbers:
            return Numbers([each.opened[severity] for each in days])

        return cls(
            at=Instants([_seconds(each.at) for each in days]), critical=column(Severity.CRITICAL),
            warning=column(Severity.WARNING), info=column(Severity.INFO),
        )  # fmt: skip


def _seconds(at: datetime) -> float:
    return at.timestamp()


@strawberry.type(
    description="The alerts that opened in a range. Shares are of those; night is from 22:00 to 07:00 (UTC)."
)
class AlertReview:
    opened: int
    resolved: int
    escalated_share: float | None
    acknowledged_share: float | None
    breached_share: float | None
    time_to_acknowledge: Spread
    time_to_resolve: Spread
    pages: int
    pages_at_night: int
    rules: list[RuleReview]
    by_day: ReviewDays

    @classmethod
    def of(cls, made: statistics.Review) -> "AlertReview":
        return cls(
            opened=made.opened, resolved=made.resolved, escalated_share=made.escalated_share,
            acknowledged_share=made.acknowledged_share, breached_share=made.breached_share,
            time_to_acknowledge=Spread.of(made.to_acknowledge), time_to_resolve=Spread.of(made.to_resolve),
            pages=made.pages, pages_at_night=made.pages_at_night, rules=[RuleReview.of(each) for each in made.rules],
            by_day=ReviewDays.of(made.days),
        )  # fmt: skip
