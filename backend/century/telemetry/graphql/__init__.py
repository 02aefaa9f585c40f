"""Services, their performance, metrics, deployments and requests in the schema."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import orjson
import strawberry

from century.core.actor import Permission
from century.core.graphql import Info, TimeRangeInput, field, mutation, subscription
from century.telemetry import deployments, load
from century.telemetry.graphql.performance import Performance
from century.telemetry.graphql.services import Deployment, RequestRecord, Service, span_of
from century.telemetry.performance import Point


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
        return await Performance.load(info, None, span_of(info, range))


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
