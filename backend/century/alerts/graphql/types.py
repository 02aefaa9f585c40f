"""An alert in the schema: its state, its rule, its story, and what to do about it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from century.access.graphql.types import Person
from century.alerts import kept, lists, postmortem
from century.alerts.alert import Alert as TheAlert
from century.alerts.alert import AlertState
from century.alerts.graphql import loaders
from century.alerts.paging import HoldKind
from century.core.graphql import Attribute, Info, Instants, Numbers, PageInfo, field, id_of, loaded
from century.core.graphql.pages import Page
from century.core.work import Work
from century.rules import runbook
from century.rules.graphql.types import Rule, person, rules_by_id
from century.rules.severity import Severity
from century.telemetry.graphql.services import Deployment, Service
from century.telemetry.targets import Comparison

strawberry.enum(AlertState, description="Where an alert stands; suppression stands beside it.")
strawberry.enum(HoldKind, description="Why an alert does not page now.")


@strawberry.type(description="Why an alert does not page now; without `until`, not before what it hangs on is over.")
class Hold:
    kind: HoldKind
    until: datetime | None
    reason: str


@strawberry.type(description="Something that happened to an alert; `number` is its place in the journal.")
class TimelineEntry:
    number: int
    at: datetime
    kind: str
    actor: str
    message: str


@strawberry.type(description="A column of what was seen around the breach.")
class EvidenceSeries:
    name: str
    unit: str
    at: Instants
    values: Numbers


@strawberry.type(description="What was seen when the alert opened, and by which version of its rule it was wrong.")
class Evidence:
    observed_at: datetime
    value: float | None
    reason: str | None
    threshold: float | None
    recovery: float | None
    comparison: Comparison
    window: timedelta
    rule_version: int
    sentence: str
    series: list[EvidenceSeries]


@strawberry.type(description="How many alerts are open, acknowledged ones too.")
class OpenAlerts:
    critical: int = 0
    warning: int = 0
    info: int = 0

    @classmethod
    def of(cls, counted: Mapping[Severity, int]) -> "OpenAlerts":
        return cls(
            critical=counted.get(Severity.CRITICAL, 0), warning=counted.get(Severity.WARNING, 0),
            info=counted.get(Severity.INFO, 0),
        )  # fmt: skip


@strawberry.type(description="Something to do; ticked off by whoever did it.")
class RunbookStep:
    id: strawberry.ID
    text: str
    done_at: datetime | None
    done_by: str | None


@strawberry.type(description="What helps, as it stood on the rule when the alert opened. `text` is Markdown.")
class Runbook:
    url: str | None
    text: str
    steps: list[RunbookStep]


@strawberry.type(description="One rule broken by one subject, from the first breach to its end.")
class Alert:
    known: strawberry.Private[TheAlert]
    id: strawberry.ID
    state: AlertState
    severity: Severity
    summary: str
    subject: str
    attributes: list[Attribute]
    rule_name: str
    value: float | None
    threshold: float | None
    unit: str
    peak: float | None
    opened_at: datetime
    pending_since: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: Person | None
    suppressed_until: datetime | None
    suppressed_by: Person | None
    suppression_reason: str | None
    resolved_at: datetime | None
    resolved_by: Person | None
    response_due_at: datetime | None
    response_breached_at: datetime | None
    reopens_at: datetime | None
    episode: int = strawberry.field(description="Grows with each re-opening.")

    @classmethod
    def of(cls, known: TheAlert) -> "Alert":
        return cls(
            known=known, id=strawberry.ID(str(known.id)), state=known.state, severity=known.severity,
            summary=known.summary, subject=known.subject,
            attributes=[Attribute(key=key, value=value) for key, value in known.attributes],
            rule_name=known.rule_name, value=known.value, threshold=known.threshold, unit=known.unit, peak=known.peak,
            opened_at=known.opened_at, pending_since=known.pending_since, acknowledged_at=known.acknowledged_at,
            acknowledged_by=_person(known.acknowledged_by_id, known.acknowledged_by_name),
            suppressed_until=known.suppressed_until,
            suppressed_by=_person(known.suppressed_by_id, known.suppressed_by_name),
            suppression_reason=known.suppression_reason, resolved_at=known.resolved_at,
            resolved_by=_person(known.resolved_by_id, known.resolved_by_name), response_due_at=known.response_due_at,
            response_breached_at=known.response_breached_at, reopens_at=known.reopens_at, episode=known.episode,
        )  # fmt: skip

    @field(description="Null for a service that is not known any more, and for what concerns none.")
    async def service(self, info: Info) -> Service | None:
        return await loaders.services(info).load(self.known.service) if self.known.service is not None else None

    @field(description="As it is now; null once it was deleted.")
    async def rule(self, info: Info) -> Rule | None:
        return await rules_by_id(info).load(self.known.rule_id)

    @field(description="The open alert, or the one that was, on which it hangs.")
    async def parent(self, info: Info) -> "Alert | None":
        return await alerts_by_id(info).load(self.known.parent_id) if self.known.parent_id else None

    @field(description="The alerts that hang on it, the newest first.")
    async def children(self, info: Info) -> list["Alert"]:
        return [Alert.of(each) for each in await loaders.children(info).load(self.known.id)]

    @field(description="What keeps it from paging now.")
    async def held_by(self, info: Info) -> Hold | None:
        if not self.known.is_told:
            return None
        hold = await loaders.holds(info).load(self.known)
        return Hold(kind=hold.kind, until=hold.until, reason=hold.reason) if hold else None

    @field(description="The oldest first.")
    async def timeline(self, info: Info) -> list[TimelineEntry]:
        return [
            TimelineEntry(number=each.number, at=each.at, kind=each.kind, actor=each.actor, message=each.message)
            for each in await loaders.timelines(info).load(self.known.id)
        ]

    @field()
    async def evidence(self, info: Info) -> Evidence:
        seen = await loaders.evidence(info).load(self.known.id)
        return Evidence(
            observed_at=seen.observed_at, value=seen.value, reason=seen.reason, threshold=seen.threshold, recovery=seen.recovery,
            comparison=seen.comparison, window=seen.window, rule_version=seen.rule_version, sentence=seen.sentence,
            series=[
                EvidenceSeries(name=each.name, unit=each.unit, at=Instants(each.at), values=Numbers(each.values))
                for each in seen.series
            ],
        )  # fmt: skip

    @field()
    async def runbook(self, info: Info) -> Runbook:
        rule = self.known.rule
        done = await loaders.ticks(info).load(self.known.id)
        return Runbook(
            url=rule.runbook_url,
            text=rule.runbook,
            steps=[
                RunbookStep(
                    id=strawberry.ID(step.id), text=step.text,
                    done_at=done[step.id].at if step.id in done else None,
                    done_by=done[step.id].by if step.id in done else None,
                )
                for step in runbook.steps(rule.runbook)
            ],
        )  # fmt: skip

    @field(description="From an hour before it opened until it was over, the oldest first.")
    async def deployments(self, info: Info) -> list[Deployment]:
        return [Deployment.of(each) for each in await loaders.deployments(info).load(self.known)]

    @field(description="Its timeline as Markdown, to begin a post-mortem with.")
    async def post_mortem(self, info: Info) -> str:
        seen = await loaders.evidence(info).load(self.known.id)
        return postmortem.markdown(self.known, seen.sentence, await loaders.timelines(info).load(self.known.id))


@strawberry.input(description="Alerts that fit all that is given; pending ones only where `states` names them.")
class AlertFilter:
    states: list[AlertState] | None = None
    severities: list[Severity] | None = None
    service: str | None = None
    rule: strawberry.ID | None = None
    subject: str | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None
    text: str | None = None
    suppressed: bool | None = None

    def wanted(self, service: str | None = None) -> lists.Wanted:
        return lists.Wanted(
            states=tuple(self.states) if self.states is not None else None,
            severities=tuple(self.severities) if self.severities is not None else None,
            service=service if service is not None else self.service,
            rule=id_of(self.rule, "filter.rule") if self.rule is not None else None,
            subject=self.subject, opened_from=self.opened_from, opened_to=self.opened_to, text=self.text,
            suppressed=self.suppressed,
        )  # fmt: skip


@strawberry.type
class AlertConnection:
    wanted: strawberry.Private[lists.Wanted]
    page: strawberry.Private[Page[TheAlert]]

    @field()
    def nodes(self) -> list[Alert]:
        return [Alert.of(each) for each in self.page.nodes]

    @field()
    def page_info(self) -> PageInfo:
        return PageInfo.of(self.page)

    @field()
    async def total_count(self, info: Info) -> int:
        async with info.context.works.read(info.context.actor) as work:
            return await lists.total(work, self.wanted)

    @classmethod
    async def of(
        cls, info: Info, filter: AlertFilter | None, first: int, after: str | None, service: str | None = None
    ) -> "AlertConnection":
        wanted = (filter or AlertFilter()).wanted(service)
        async with info.context.works.read(info.context.actor) as work:
            return cls(wanted=wanted, page=await lists.page(work, wanted, first, after))


def _person(person_id: UUID | None, name: str | None) -> Person | None:
    return person(person_id, name) if name is not None else None


def alerts_by_id(info: Info) -> "DataLoader[UUID, Alert | None]":
    async def load(work: Work, asked: list[UUID]) -> list[Alert | None]:
        found = await kept.alerts_by_id(work, set(asked))
        return [Alert.of(found[each]) if each in found else None for each in asked]

    return loaded(info, "alerts", load)
