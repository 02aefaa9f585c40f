"""Probes in the schema: how each stands and stood, and the workers that ask."""

from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import strawberry
from strawberry.dataloader import DataLoader

import century.probes.graphql.inputs  # noqa: F401 (its enums are ours too)
from century.core.actor import Permission
from century.core.errors import Invalid, NotFound
from century.core.graphql import (
    Attribute,
    Info,
    Instants,
    Numbers,
    PageInfo,
    TimeRangeInput,
    extends,
    field,
    loaded,
)
from century.core.outbound import redact
from century.core.work import Work
from century.probes import facts, kept, lately, lists
from century.probes.graphql.checks import (
    Beats,
    Check,
    CheckConnection,
    Fact,
    FactName,
    ProbeAnswer,
    StateChange,
    StateChangeConnection,
)
from century.probes.kept import Standing
from century.probes.kind import ProbeKind
from century.probes.kinds import kind_of
from century.probes.probe import Probe as TheProbe
from century.probes.probe import ProbeState
from century.probes.problems import config_of
from century.telemetry import load
from century.telemetry.graphql.services import MetricResult, MetricSeries, Service, span_of
from century.telemetry.metrics import Aggregation

MOST_BEATS = lately.MOST
URLS = frozenset({"url", "fallbackUrl"})
"""Some ask for a key in an address: only whoever may change it reads that."""
NOT_YET = "nobody has asked it yet"
PAUSED = "it is paused"


@strawberry.type(description="A secret's value is null: it is never read back.")
class ProbeSetting:
    name: str
    value: str | None
    secret: bool


@strawberry.type(
    description="Something asked every `interval`; while in doubt every `retryInterval`. `since` is when it really changed: "
    "the first failure of those that made it DOWN."
)
class Probe:
    probe: strawberry.Private[TheProbe]
    id: strawberry.ID
    name: str
    kind: ProbeKind
    enabled: bool
    service: str | None
    labels: list[Attribute]
    interval: timedelta
    timeout: timedelta
    retry_interval: timedelta
    failures_before_down: int
    successes_before_up: int
    runs_on: str | None = strawberry.field(description="The machine whose worker alone may run it.")
    created_at: datetime
    updated_at: datetime
    version: int

    @field(description="What is asked, without its secrets.")
    def target(self) -> str:
        return kind_of(self.probe.kind).target(config_of(self.probe.kind, self.probe.settings))

    @field()
    async def settings(self, info: Info) -> list[ProbeSetting]:
        whole = info.context.actor.may(Permission.CONFIGURE)
        known = []
        for each in kind_of(self.probe.kind).FIELDS:
            value = None if each.secret else self.probe.settings.get(each.name)
            if value and each.name in URLS and not whole:
                value = redact(value)
            known.append(ProbeSetting(name=each.name, value=value, secret=each.secret))
        # A form has no field for it, and must know that it may ask for no address.
        return [*known, ProbeSetting(name="own", value="true", secret=False)] if self.probe.is_own else known

    @field()
    async def state(self, info: Info) -> ProbeState:
        return (await standing(info, self.probe.id)).now.state

    @field()
    async def since(self, info: Info) -> datetime:
        now = (await standing(info, self.probe.id)).now
        return now.streak_since if now.state is ProbeState.DOUBTFUL and now.streak_since else now.since

    @field(description="Why it is not up; null while it is.")
    async def reason(self, info: Info) -> str | None:
        known = await standing(info, self.probe.id)
        match known.now.state:
            case ProbeState.UP:
                return None
            case ProbeState.PAUSED:
                return PAUSED
        return known.message or NOT_YET

    @field()
    async def next_check_at(self, info: Info) -> datetime | None:
        return (await standing(info, self.probe.id)).due_at

    @field(description="What it depends on.")
    async def parent(self, info: Info) -> "Probe | None":
        if self.probe.parent_id is None:
            return None
        found = await probes_by_id(info).load(self.probe.parent_id)
        return Probe.of(found) if found else None

    @field()
    async def children(self, info: Info) -> list["Probe"]:
        async def read(work: Work, asked: list[UUID]) -> list[list[TheProbe]]:
            found = await lists.children(work, set(asked))
            return [found[each] for each in asked]

        return [Probe.of(each) for each in await loaded(info, "children of probes", read).load(self.probe.id)]

    @field()
    async def last_check(self, info: Info) -> Check | None:
        known = await standing(info, self.probe.id)
        if known.ok is None or known.now.checked_at is None:
            return None
        return Check(
            at=known.now.checked_at, ok=known.ok, state=known.now.state, latency=known.latency, message=known.message,
            facts=[Fact.of(each) for each in known.facts],
        )  # fmt: skip

    @field(description="The name and unit of every fact it ever told.")
    def facts(self) -> list[FactName]:
        return [FactName.of(each) for each in facts.facts_of(self.probe.kind)]

    @field(description="A fact over time, as one column for each of its parts (`disk used` of each file system).")
    async def fact(
        self, info: Info, name: str, range: TimeRangeInput, aggregation: Aggregation = Aggregation.AVG,
        max_points: int = 300,
    ) -> MetricResult:  # fmt: skip
        return await _over_time(info, self.probe, name, aggregation, range, max_points)

    @field(description="The newest checks as bars: state and latency, the oldest first.")
    async def beats(self, info: Info, last: int = 30) -> Beats:
        if not 1 <= last <= MOST_BEATS:
            raise Invalid(f"last must lie between 1 and {MOST_BEATS}", field="last")
        found = lately.read((await standing(info, self.probe.id)).recent)[-last:]
        return Beats(
            at=Instants(np.array([each.at for each in found], np.float64)),
            up=Numbers(np.array([float(each.ok) for each in found])),
            latency=Numbers(np.array([each.latency for each in found])),
        )

    @field(description="When it changed, the newest first.")
    async def changes(
        self, info: Info, range: TimeRangeInput, first: int = 50, after: str | None = None
    ) -> StateChangeConnection:
        async with info.context.works.read(info.context.actor) as work:
            page = await lists.changes(work, self.probe.id, range.resolve(work.now), first, after)
        nodes = [StateChange(at=each.at, state=each.state, until=each.until, reason=each.reason) for each in page.nodes]
        return StateChangeConnection(nodes=nodes, page_info=PageInfo.of(page))

    @field(
        description="The checks that tell something (failed, changed, or the first of an hour), the newest first; kept for "
        "7 days."
    )
    async def checks(self, info: Info, first: int = 50, after: str | None = None) -> CheckConnection:
        async with info.context.works.read(info.context.actor) as work:
            page = await lists.checks(work, self.probe.id, first, after)
        return CheckConnection(nodes=[Check.of(each) for each in page.nodes], page_info=PageInfo.of(page))

    @field(
        requires=Permission.OPERATE,
        description="What the last answer said: status, headers, the beginning of its body; secrets are left out.",
    )
    async def last_answer(self, info: Info) -> ProbeAnswer | None:
        answer = (await standing(info, self.probe.id)).answer
        return ProbeAnswer.of(answer) if answer else None

    @classmethod
    def of(cls, probe: TheProbe) -> "Probe":
        return cls(
            probe=probe, id=strawberry.ID(str(probe.id)), name=probe.name, kind=probe.kind, enabled=probe.enabled,
            service=probe.service, labels=[Attribute(key=key, value=value) for key, value in probe.labels.items()],
            interval=probe.interval, timeout=probe.timeout, retry_interval=probe.retry,
            failures_before_down=probe.patience.failures, successes_before_up=probe.patience.successes,
            runs_on=probe.runs_on, created_at=probe.created_at, updated_at=probe.updated_at, version=probe.version,
        )  # fmt: skip


@strawberry.type(
    description="A worker that asks; while `connected` is false its own network is gone, and it reports nobody down."
)
class ProbeWorker:
    host: str
    seen_at: datetime
    connected: bool
    since: datetime
    reason: str | None
    checks_per_second: float
    lateness: float = strawberry.field(
        description="Seconds after they were due at which checks began, of the last minute."
    )

    @classmethod
    def of(cls, known: lists.Worker) -> "ProbeWorker":
        return cls(
            host=known.host, seen_at=known.seen_at, connected=known.connected, since=known.since, reason=known.reason,
            checks_per_second=known.checks_per_second, lateness=known.lateness,
        )  # fmt: skip


@extends(Service)
class ServiceProbes:
    @field(description="The probes of it.")
    async def probes(self, info: Info, root: strawberry.Parent[Service]) -> list[Probe]:
        async def read(work: Work, asked: list[str]) -> list[list[TheProbe]]:
            found = await lists.of_services(work, set(asked))
            return [found[each] for each in asked]

        return [Probe.of(each) for each in await loaded(info, "probes of services", read).load(root.name)]


def probes_by_id(info: Info) -> "DataLoader[UUID, TheProbe | None]":
    """The probes of a document, read once."""

    async def read(work: Work, asked: list[UUID]) -> list[TheProbe | None]:
        found = await kept.by_ids(work, set(asked))
        return [found.get(each) for each in asked]

    return loaded(info, "probes", read)


async def standing(info: Info, probe_id: UUID) -> Standing:
    """How a probe stands; NotFound if it was removed meanwhile."""

    async def read(work: Work, asked: list[UUID]) -> list[Standing | None]:
        found = await kept.now_of(work, set(asked))
        return [found.get(each) for each in asked]

    found = await loaded(info, "standing of probes", read).load(probe_id)
    if found is None:
        raise NotFound(f"no probe {probe_id}")
    return found


async def _over_time(
    info: Info, probe: TheProbe, name: str, aggregation: Aggregation, range: TimeRangeInput, max_points: int
) -> MetricResult:
    if name not in facts.known_facts():
        raise NotFound(f"there is no fact '{name[:80]}'")
    works, span = info.context.works, span_of(info, range)
    try:
        kept_under = await load.service(works, probe.keeps)
        answer = await load.metric(
            works, info.context.app.telemetry.reader, kept_under.id, name, aggregation, ["part"],
            {"probe.id": frozenset({str(probe.id)})}, span, max_points,
        )  # fmt: skip
    except NotFound:
        # It never told it yet.
        return MetricResult(unit=facts.unit_of(name), resolution=span.length / max(1, max_points), series=[])
    at = Instants(answer.slots.starts / 1e9)
    return MetricResult(
        unit=answer.unit,
        resolution=timedelta(microseconds=answer.slots.step // 1000),
        series=[
            MetricSeries(
                attributes=[Attribute(key=key, value=value) for key, value in group.attributes if value],
                at=at,
                values=Numbers(values),
            )
            for group, values in answer.series
        ],
    )
