"""An alert in the schema: its state, its rule, its story, and what to do about it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from century.access.graphql import Person
from century.alerts import evidence, feed, kept, lists, nearby, postmortem, ticks
from century.alerts.alert import Alert as TheAlert
from century.alerts.alert import AlertState
from century.alerts.paging import Hold as TheHold
from century.alerts.paging import HoldKind
from century.core.graphql import Attribute, Info, Instants, Numbers, PageInfo, field
from century.core.graphql.pages import Page
from century.core.work import Work
from century.rules import runbook
from century.rules.graphql.types import Rule, id_of, person, rules_by_id
from century.rules.severity import Severity
from century.telemetry import load
from century.telemetry.deployments import Deployment as TheDeployment
from century.telemetry.graphql.services import Deployment, Service
from century.telemetry.targets import Comparison

strawberry.enum(AlertState, description="Where an alert stands; suppression stands beside it.")
strawberry.enum(HoldKind, description="Why an alert does not page now.")

Key = TypeVar("Key")
Value = TypeVar("Value")


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
    threshold: float | None
    recovery: float | None
    comparison: Comparison
    window: timedelta
    rule_version: int
    sentence: str
    series: list[EvidenceSeries]


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
        return await _services(info).load(self.known.service) if self.known.service is not None else None

    @field(description="As it is now; null once it was deleted.")
    async def rule(self, info: Info) -> Rule | None:
        return await rules_by_id(info).load(self.known.rule_id)

    @field(description="The open alert, or the one that was, on which it hangs.")
    async def parent(self, info: Info) -> "Alert | None":
        return await alerts_by_id(info).load(self.known.parent_id) if self.known.parent_id else None

    @field(description="The alerts that hang on it, the newest first.")
    async def children(self, info: Info) -> list["Alert"]:
        return [Alert.of(each) for each in await _children(info).load(self.known.id)]

    @field(description="What keeps it from paging now.")
    async def held_by(self, info: Info) -> Hold | None:
        if not self.known.is_told:
            return None
        hold = await _holds(info).load(self.known)
        return Hold(kind=hold.kind, until=hold.until, reason=hold.reason) if hold else None

    @field(description="The oldest first.")
    async def timeline(self, info: Info) -> list[TimelineEntry]:
        return [
            TimelineEntry(number=each.number, at=each.at, kind=each.kind, actor=each.actor, message=each.message)
            for each in await _timelines(info).load(self.known.id)
        ]

    @field()
    async def evidence(self, info: Info) -> Evidence:
        seen = await _evidence(info).load(self.known.id)
        return Evidence(
            observed_at=seen.observed_at, value=seen.value, threshold=seen.threshold, recovery=seen.recovery,
            comparison=seen.comparison, window=seen.window, rule_version=seen.rule_version, sentence=seen.sentence,
            series=[
                EvidenceSeries(name=each.name, unit=each.unit, at=Instants(each.at), values=Numbers(each.values))
                for each in seen.series
            ],
        )  # fmt: skip

    @field()
    async def runbook(self, info: Info) -> Runbook:
        rule = self.known.rule
        done = await _ticks(info).load(self.known.id)
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
        return [Deployment.of(each) for each in await _deployments(info).load(self.known)]

    @field(description="Its timeline as Markdown, to begin a post-mortem with.")
    async def post_mortem(self, info: Info) -> str:
        seen = await _evidence(info).load(self.known.id)
        return postmortem.markdown(self.known, seen.sentence, await _timelines(info).load(self.known.id))


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


def loaded(
    info: Info, name: str, load: Callable[[Work, list[Key]], Awaitable[Sequence[Value]]]
) -> "DataLoader[Key, Value]":
    """A loader of this operation; nothing is remembered, so that a subscription sees what is new."""

    async def batch(asked: list[Key]) -> Sequence[Value]:
        async with info.context.works.read(info.context.actor) as work:
            return await load(work, asked)

    loaders = info.context.loaders
    if name not in loaders:
        loaders[name] = DataLoader(load_fn=cast(Any, batch), cache=False)
    return cast("DataLoader[Key, Value]", loaders[name])


def alerts_by_id(info: Info) -> "DataLoader[UUID, Alert | None]":
    async def load(work: Work, asked: list[UUID]) -> list[Alert | None]:
        found = await kept.alerts_by_id(work, set(asked))
        return [Alert.of(found[each]) if each in found else None for each in asked]

    return loaded(info, "alerts", load)


def _services(info: Info) -> "DataLoader[str, Service | None]":
    async def load_all(work: Work, asked: list[str]) -> list[Service | None]:
        found = {each.name: Service.of(each) for each in await load.services(info.context.works)}
        return [found.get(each) for each in asked]

    return loaded(info, "alert services", load_all)


def _holds(info: Info) -> "DataLoader[TheAlert, TheHold | None]":
    async def load(work: Work, asked: list[TheAlert]) -> list[TheHold | None]:
        found = await kept.holds(work, asked)
        return [found.get(each.id) for each in asked]

    return loaded(info, "alert holds", load)


def _children(info: Info) -> "DataLoader[UUID, list[TheAlert]]":
    async def load(work: Work, asked: list[UUID]) -> list[list[TheAlert]]:
        found = await lists.children(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert children", load)


def _timelines(info: Info) -> "DataLoader[UUID, list[feed.Entry]]":
    async def load(work: Work, asked: list[UUID]) -> list[list[feed.Entry]]:
        found = await feed.timelines(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert timelines", load)


def _evidence(info: Info) -> "DataLoader[UUID, evidence.Evidence]":
    async def load(work: Work, asked: list[UUID]) -> list[evidence.Evidence]:
        found = await evidence.evidence(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert evidence", load)


def _ticks(info: Info) -> "DataLoader[UUID, dict[str, ticks.Tick]]":
    async def load(work: Work, asked: list[UUID]) -> list[dict[str, ticks.Tick]]:
        found = await ticks.of_alerts(work, set(asked))
        return [found[each] for each in asked]

    return loaded(info, "alert ticks", load)


def _deployments(info: Info) -> "DataLoader[TheAlert, list[TheDeployment]]":
    async def load(work: Work, asked: list[TheAlert]) -> list[list[TheDeployment]]:
        found = await nearby.of_alerts(work, asked)
        return [found[each.id] for each in asked]

    return loaded(info, "alert deployments", load)
