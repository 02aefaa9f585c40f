"""Services, their performance, metrics, deployments and requests in the schema."""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import Any, cast

import orjson
import strawberry
from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, IntValueNode, SelectionSetNode, VariableNode
from strawberry.dataloader import DataLoader

from century.core.actor import Permission
from century.core.errors import Invalid
from century.core.graphql import (
    Attribute,
    Count,
    Info,
    Instants,
    Numbers,
    PageInfo,
    TimeRangeInput,
    check_first,
    decode_cursor,
    encode_cursor,
    field,
    mutation,
    subscription,
)
from century.core.timerange import TimeRange
from century.telemetry import deployments, exemplars, load, performance, requests
from century.telemetry.health import Health
from century.telemetry.load import Loaded
from century.telemetry.metrics import Aggregation
from century.telemetry.performance import Columns, Point, RouteOrder, Totals
from century.telemetry.requests import RequestFilter
from century.telemetry.tables import RequestRow
from century.telemetry.targets import Comparison

DEFAULT_POINTS = 300

strawberry.enum(Health, description="How a service is now, from its last five minutes.")
strawberry.enum(Aggregation, description="How the measurements of a slot become one value.")
strawberry.enum(RouteOrder, description="By what a table of routes is ordered, the greatest first.")
strawberry.enum(RequestFilter)
strawberry.enum(Comparison)


@strawberry.enum
class MetricKind(Enum):
    GAUGE = "gauge"
    SUM = "sum"
    HISTOGRAM = "histogram"


@strawberry.type(description="Seconds. `approximate`: histograms with explicit buckets took part.")
class Latency:
    avg: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    approximate: bool

    @classmethod
    def of(cls, made: performance.Latency) -> "Latency":
        return cls(
            avg=made.avg, p50=made.p50, p95=made.p95, p99=made.p99, max=made.max, approximate=made.approximate
        )  # fmt: skip


@strawberry.type(description="What a service is expected to keep; `met` is null where nothing was measured.")
class Target:
    name: str
    objective: float
    comparison: Comparison
    unit: str
    actual: float | None
    met: bool | None


@strawberry.type(description="A range over time: columns with one entry a slot, null where there is none.")
class Timeline:
    columns: strawberry.Private[Columns]
    resolution: timedelta

    @field()
    def at(self) -> Instants:
        return Instants(self.columns.at)

    @field()
    def request_count(self) -> Numbers:
        return Numbers(self.columns.request_count)

    @field(description="Requests per second.")
    def throughput(self) -> Numbers:
        return Numbers(self.columns.throughput)

    @field()
    def error_rate(self) -> Numbers:
        return Numbers(self.columns.error_rate)

    @field()
    def availability(self) -> Numbers:
        return Numbers(self.columns.availability)

    @field()
    def latency_avg(self) -> Numbers:
        return Numbers(self.columns.latency_avg)

    @field(name="latencyP50")
    def latency_p50(self) -> Numbers:
        return Numbers(self.columns.quantile(0.5))

    @field(name="latencyP95")
    def latency_p95(self) -> Numbers:
        return Numbers(self.columns.quantile(0.95))

    @field(name="latencyP99")
    def latency_p99(self) -> Numbers:
        return Numbers(self.columns.quantile(0.99))

    @field()
    def cpu_utilization(self) -> Numbers:
        return Numbers(self.columns.cpu)

    @field()
    def memory_utilization(self) -> Numbers:
        return Numbers(self.columns.memory)


@strawberry.type
class Route:
    method: str
    route: str
    request_count: Count
    error_rate: float | None
    throughput: float | None
    latency: Latency


@strawberry.type
class RouteConnection:
    nodes: list[Route]
    page_info: PageInfo
    total_count: int


@strawberry.type(
    description="What services did in a range: ratios 0..1, seconds, requests per second; null where there is no data."
)
class Performance:
    loaded: strawberry.Private[Loaded]
    from_: datetime = strawberry.field(name="from")
    to: datetime

    @classmethod
    async def load(cls, info: Info, service: int | None, span: TimeRange) -> "Performance":
        loaded = await _ranges_of(info).load(load.Asked(service, span, _timeline_points(info)))
        return cls(loaded=loaded, from_=span.start, to=span.end)

    @cached_property
    def totals(self) -> Totals:
        return self.loaded.totals()

    @field()
    def request_count(self) -> Count:
        return Count(self.totals.request_count)

    @field()
    def error_count(self) -> Count:
        return Count(self.totals.error_count)

    @field(description="Requests per second, of the time since the first data.")
    def throughput(self) -> float | None:
        return self.totals.throughput

    @field()
    def error_rate(self) -> float | None:
        return self.totals.error_rate

    @field(description="Of the minutes with requests, the share in which fewer than half failed.")
    def availability(self) -> float | None:
        return self.totals.availability

    @field(description="Satisfied within half a second, tolerated within two.")
    def apdex(self) -> float | None:
        return self.totals.apdex

    @field()
    def latency(self) -> Latency:
        return Latency.of(self.totals.latency)

    @field()
    def cpu_utilization(self) -> float | None:
        return self.totals.cpu

    @field()
    def memory_utilization(self) -> float | None:
        return self.totals.memory

    @field()
    def targets(self) -> list[Target]:
        return [
            Target(
                name=each.name, objective=each.objective, comparison=each.comparison, unit=each.unit,
                actual=each.actual, met=each.met,
            )
            for each in self.totals.targets()
        ]  # fmt: skip

    @field(
        description="The finest resolution of 10, 30 s, 1, 5, 15, 30 min, 1, 3, 6 h, 1 d that keeps within `maxPoints`, and"
        " within the interval of exports up to a minute."
    )
    async def timeline(self, info: Info, max_points: int = DEFAULT_POINTS) -> Timeline:
        loaded = self.loaded
        if loaded.asked.max_points != load.check_points(max_points):
            # The document asked for a finer timeline as well, and that is the one that was loaded.
            loaded = await _ranges_of(info).load(replace(loaded.asked, max_points=max_points))
        return Timeline(columns=loaded.columns(), resolution=timedelta(microseconds=loaded.slots.step // 1000))

    @field()
    async def routes(
        self, info: Info, first: int = 10, after: str | None = None, order_by: RouteOrder = RouteOrder.LATENCY_P95
    ) -> RouteConnection:
        check_first(first)
        skipped = _skipped(after)
        reader = info.context.app.telemetry.reader
        made = await load.routes(info.context.works, reader, self.loaded, order_by)
        shown = made[skipped : skipped + first]
        return RouteConnection(
            nodes=[
                Route(
                    method=each.method, route=each.route, request_count=Count(each.request_count),
                    error_rate=each.error_rate, throughput=each.throughput, latency=Latency.of(each.latency),
                )
                for each in shown
            ],
            page_info=PageInfo(
                end_cursor=encode_cursor(skipped + len(shown)) if shown else None,
                has_next_page=skipped + len(shown) < len(made),
            ),
            total_count=len(made),
        )  # fmt: skip

    @field(description="The period of equal length just before.")
    async def previous(self, info: Info) -> "Performance":
        asked = self.loaded.asked
        return await Performance.load(info, asked.service, asked.range.previous())


@strawberry.type(description="A metric and the attributes by which its series differ.")
class Metric:
    name: str
    unit: str
    kind: MetricKind
    description: str
    attributes: list[str]


@strawberry.type
class MetricSeries:
    attributes: list[Attribute]
    at: Instants
    values: Numbers


@strawberry.type
class MetricResult:
    unit: str
    resolution: timedelta
    series: list[MetricSeries]


@strawberry.input(description="Series whose attribute is one of these; an empty text also means: not given.")
class AttributeFilter:
    key: str
    in_: list[str] = strawberry.field(name="in")


@strawberry.type(description="A version of a service that went live.")
class Deployment:
    id: strawberry.ID
    at: datetime
    version: str
    url: str | None
    service: str

    @classmethod
    def of(cls, made: deployments.Deployment) -> "Deployment":
        return cls(id=strawberry.ID(str(made.id)), at=made.at, version=made.version, url=made.url, service=made.service)


@strawberry.type(description="A slow or failed request. It alone holds personal fields, and loses them after 7 days.")
class RequestRecord:
    id: strawberry.ID
    at: datetime
    service: str
    method: str
    route: str
    path: str | None
    status: int | None
    duration: float
    error_type: str | None
    message: str | None
    trace_id: str
    span_id: str
    client_address: str | None
    user_agent: str | None

    @classmethod
    def of(cls, service: str, row: RequestRow) -> "RequestRecord":
        return cls(
            id=strawberry.ID(str(row.id)),
            at=row.at,
            service=service,
            **{name: getattr(row, name) for name in _RECORDED},
        )

    @classmethod
    def told(cls, said: dict[str, Any]) -> "RequestRecord":
        at = datetime.fromisoformat(said["at"])
        return cls(
            id=strawberry.ID(said["id"]), at=at, service=said["service"], **{name: said[name] for name in _RECORDED}
        )


_RECORDED = (
    "method", "route", "path", "status", "duration", "error_type", "message", "trace_id", "span_id", "client_address",
    "user_agent",
)  # fmt: skip


@strawberry.type(
    description="A single measurement and the trace it was made in; `attributes` are those of its series. Kept for 7 days."
)
class Exemplar:
    at: datetime
    value: float
    trace_id: str
    span_id: str | None
    attributes: list[Attribute]


@strawberry.type
class RequestConnection:
    nodes: list[RequestRecord]
    page_info: PageInfo


@strawberry.type(description="How many alerts are open.")
class OpenAlerts:
    critical: int = 0
    warning: int = 0
    info: int = 0


@strawberry.type(description="A watched service.")
class Service:
    known: strawberry.Private[load.Service]
    id: strawberry.ID
    name: str
    first_seen_at: datetime
    last_seen_at: datetime
    refused_series: int = strawberry.field(description="Series over the bound, refused so far.")

    @classmethod
    def of(cls, known: load.Service) -> "Service":
        return cls(
            known=known, id=strawberry.ID(str(known.uid)), name=known.name, first_seen_at=known.first_seen_at,
            last_seen_at=known.last_seen_at, refused_series=known.refused_series,
        )  # fmt: skip

    @field()
    async def health(self, info: Info) -> Health:
        return await _health_of(info).load(self.known)

    @field()
    def open_alerts(self) -> OpenAlerts:
        return OpenAlerts()

    @field()
    async def performance(self, info: Info, range: TimeRangeInput) -> Performance:
        return await Performance.load(info, self.known.id, _span(info, range))

    @field()
    async def metrics(self, info: Info) -> list[Metric]:
        return [
            Metric(
                name=each.name, unit=each.unit, kind=MetricKind(each.kind), description=each.description,
                attributes=list(each.attributes),
            )
            for each in await load.metrics_of(info.context.works, self.known.id)
        ]  # fmt: skip

    @field(description="A metric over time, as one column for each group of its series.")
    async def metric(
        self, info: Info, name: str, aggregation: Aggregation, range: TimeRangeInput,
        group_by: list[str] = [],  # noqa: B006
        filter: list[AttributeFilter] = [],  # noqa: B006
        max_points: int = DEFAULT_POINTS,
    ) -> MetricResult:  # fmt: skip
        wanted = {each.key: frozenset(each.in_) for each in filter}
        reader = info.context.app.telemetry.reader
        answer = await load.metric(
            info.context.works, reader, self.known.id, name, aggregation, group_by, wanted,
            _span(info, range), max_points,
        )  # fmt: skip
        at = Instants(answer.slots.starts / 1e9)
        return MetricResult(
            unit=answer.unit,
            resolution=timedelta(microseconds=answer.slots.step // 1000),
            series=[
                MetricSeries(
                    attributes=[Attribute(key=key, value=value) for key, value in group.attributes],
                    at=at,
                    values=Numbers(values),
                )
                for group, values in answer.series
            ],
        )

    @field(description="Oldest first.")
    async def deployments(self, info: Info, range: TimeRangeInput) -> list[Deployment]:
        found = await deployments.between(info.context.works, self.known.id, _span(info, range))
        return [Deployment.of(each) for each in found]

    @field(requires=Permission.OPERATE, description="Slow and failed requests, newest first.")
    async def requests(
        self, info: Info, range: TimeRangeInput, filter: RequestFilter = RequestFilter.ALL, first: int = 50,
        after: str | None = None,
    ) -> RequestConnection:  # fmt: skip
        async with info.context.works.read(info.context.actor) as work:
            page = await requests.page(work, self.known.id, range.resolve(work.now), filter, first, after)
        nodes = [RequestRecord.of(self.known.name, row) for row in page.nodes]
        return RequestConnection(nodes=nodes, page_info=PageInfo.of(page))

    @field(requires=Permission.OPERATE, description="Measurements of a metric that name their trace, newest first.")
    async def exemplars(self, info: Info, metric: str, range: TimeRangeInput, first: int = 50) -> list[Exemplar]:
        async with info.context.works.read(info.context.actor) as work:
            found = await exemplars.newest(work, self.known.id, metric, range.resolve(work.now), first)
        return [
            Exemplar(
                at=each.at, value=each.value, trace_id=each.trace_id, span_id=each.span_id,
                attributes=[Attribute(key=key, value=value) for key, value in sorted(each.attributes.items())],
            )
            for each in found
        ]  # fmt: skip


@strawberry.input
class RecordDeploymentInput:
    service: str
    version: str
    url: str | None = None
    at: datetime | None = None


@strawberry.type
class RecordDeploymentPayload:
    deployment: Deployment


@strawberry.type(
    description="One ten-second slot, pushed again (same service and at) when more of it arrives: upsert by (service, at)."
)
class LivePoint:
    service: str
    at: datetime
    request_count: int
    throughput: float
    error_rate: float | None
    latency_avg: float | None
    latency_p50: float | None = strawberry.field(name="latencyP50")
    latency_p95: float | None = strawberry.field(name="latencyP95")
    latency_p99: float | None = strawberry.field(name="latencyP99")
    cpu_utilization: float | None
    memory_utilization: float | None

    @classmethod
    def of(cls, made: Point) -> "LivePoint":
        return cls(
            service=made.service, at=datetime.fromtimestamp(made.at, UTC), request_count=made.request_count,
            throughput=made.throughput, error_rate=made.error_rate, latency_avg=made.latency_avg,
            latency_p50=made.latency_p50, latency_p95=made.latency_p95, latency_p99=made.latency_p99,
            cpu_utilization=made.cpu, memory_utilization=made.memory,
        )  # fmt: skip


@strawberry.type
class Query:
    @field(requires=Permission.READ, description="Every watched service, by name.")
    async def services(self, info: Info) -> list[Service]:
        return [Service.of(each) for each in await load.services(info.context.works)]

    @field(requires=Permission.READ, description="The service of that name; NOT_FOUND.")
    async def service(self, info: Info, name: str) -> Service:
        return Service.of(await load.service(info.context.works, name))

    @field(requires=Permission.READ, description="All services in total.")
    async def performance(self, info: Info, range: TimeRangeInput) -> Performance:
        return await Performance.load(info, None, _span(info, range))


@strawberry.type
class Mutation:
    @mutation(requires=Permission.INGEST, description="Note that a version went live, by default now.")
    async def record_deployment(self, info: Info, input: RecordDeploymentInput) -> RecordDeploymentPayload:
        registry = info.context.app.telemetry.registry
        async with info.context.works.begin(info.context.actor) as work:
            made = await deployments.record(work, registry, input.service, input.version, input.url, input.at)
        return RecordDeploymentPayload(deployment=Deployment.of(made))


@strawberry.type
class Subscription:
    @subscription(
        requires=Permission.READ, description="Slots of ten seconds as they change; of every service by default."
    )
    async def performance_live(self, info: Info, service: str | None = None) -> AsyncGenerator[LivePoint, None]:
        if service is not None:
            await load.service(info.context.works, service)
        async for point in info.context.app.telemetry.live.points(service):
            yield LivePoint.of(point)

    @subscription(requires=Permission.OPERATE, description="Slow and failed requests as they come in.")
    async def request_recorded(self, info: Info, service: str) -> AsyncGenerator[RequestRecord, None]:
        await load.service(info.context.works, service)
        async with info.context.works.bus.subscribe(f"requests.{service}") as messages:
            async for message in messages:
                if message.data:
                    yield RequestRecord.told(orjson.loads(message.data))

    @subscription(requires=Permission.READ, description="Versions as they go live.")
    async def deployment_recorded(self, info: Info, service: str) -> AsyncGenerator[Deployment, None]:
        await load.service(info.context.works, service)
        async with info.context.works.bus.subscribe(f"deployments.{service}") as messages:
            async for message in messages:
                if message.data:
                    said = orjson.loads(message.data)
                    yield Deployment(**{**said, "at": datetime.fromisoformat(said["at"])})


def _span(info: Info, range: TimeRangeInput) -> TimeRange:
    return range.resolve(info.context.works.clock.now())


def _health_of(info: Info) -> DataLoader[load.Service, Health]:
    """One load for all services of a document."""
    loaders = info.context.loaders
    if "health" not in loaders:
        works, reader = info.context.works, info.context.app.telemetry.reader

        async def healths(asked: list[load.Service]) -> list[Health]:
            return await load.healths(works, reader, asked)

        loaders["health"] = DataLoader(load_fn=healths, cache=False)
    return cast("DataLoader[load.Service, Health]", loaders["health"])


def _ranges_of(info: Info) -> DataLoader[load.Asked, Loaded]:
    """One transaction for what is asked at once."""
    loaders = info.context.loaders
    if "ranges" not in loaders:
        works, reader = info.context.works, info.context.app.telemetry.reader

        async def ranges(asked: list[load.Asked]) -> list[Loaded]:
            return await load.load(works, reader, asked)

        loaders["ranges"] = DataLoader(load_fn=ranges, cache=False)
    return cast("DataLoader[load.Asked, Loaded]", loaders["ranges"])


def _skipped(after: str | None) -> int:
    if after is None:
        return 0
    parts = decode_cursor(after)
    if len(parts) != 1 or not isinstance(parts[0], int) or parts[0] < 0:
        raise Invalid("after is not a cursor of this list", field="after")
    return parts[0]


def _timeline_points(info: Info) -> int | None:
    """How many points the timelines right below this field ask for (the most); none: there is no timeline."""
    raw = info._raw_info
    asked: list[int] = []

    def look(selections: Iterable[SelectionSetNode | None]) -> None:
        for selection in (each for chosen in selections if chosen for each in chosen.selections):
            if isinstance(selection, FieldNode):
                if selection.name.value == "timeline":
                    asked.append(_points(selection, info.variable_values))
            elif isinstance(selection, InlineFragmentNode):
                look([selection.selection_set])
            elif isinstance(selection, FragmentSpreadNode):
                look([raw.fragments[selection.name.value].selection_set])

    look([node.selection_set for node in raw.field_nodes])
    return load.check_points(max(asked)) if asked else None


def _points(timeline: FieldNode, variables: dict[str, Any]) -> int:
    for argument in timeline.arguments or ():
        if argument.name.value == "maxPoints":
            if isinstance(argument.value, IntValueNode):
                return int(argument.value.value)
            if isinstance(argument.value, VariableNode):
                return int(variables.get(argument.value.name.value, DEFAULT_POINTS))
    return DEFAULT_POINTS
