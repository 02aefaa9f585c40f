"""A service in the schema: its health, metrics, deployments and requests."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import strawberry
from sqlalchemy import Row
from strawberry.dataloader import DataLoader

from century.core.actor import Permission
from century.core.graphql import (
    Attribute,
    Info,
    Instants,
    Numbers,
    PageInfo,
    TimeRangeInput,
    field,
    together,
)
from century.core.timerange import TimeRange
from century.telemetry import deployments, exemplars, load, requests
from century.telemetry.graphql.performance import DEFAULT_POINTS, Performance
from century.telemetry.health import Health
from century.telemetry.metrics import Aggregation
from century.telemetry.requests import RequestFilter

strawberry.enum(Health, description="How a service is now, from its last five minutes.")
strawberry.enum(Aggregation, description="How the measurements of a slot become one value.")
strawberry.enum(RequestFilter)


@strawberry.enum
class MetricKind(Enum):
    GAUGE = "gauge"
    SUM = "sum"
    HISTOGRAM = "histogram"


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
    def of(cls, service: str, row: Row[Any]) -> "RequestRecord":
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
    async def performance(self, info: Info, range: TimeRangeInput) -> Performance:
        return await Performance.load(info, self.known.id, span_of(info, range))

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
            span_of(info, range), max_points,
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
        found = await deployments.between(info.context.works, self.known.id, span_of(info, range))
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


def span_of(info: Info, range: TimeRangeInput) -> TimeRange:
    return range.resolve(info.context.works.clock.now())


def _health_of(info: Info) -> "DataLoader[load.Service, Health]":
    """One load for all services of a document."""
    works, reader = info.context.works, info.context.app.telemetry.reader
    return together(info, "health", lambda asked: load.healths(works, reader, asked))
