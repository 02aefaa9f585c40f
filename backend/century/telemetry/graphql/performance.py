"""What services did in a range, in the schema."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import strawberry
from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, IntValueNode, SelectionSetNode, VariableNode
from strawberry.dataloader import DataLoader

from century.core.errors import Invalid
from century.core.graphql import (
    Count,
    Info,
    Instants,
    Numbers,
    PageInfo,
    check_first,
    decode_cursor,
    encode_cursor,
    field,
    together,
)
from century.core.timerange import TimeRange
from century.telemetry import load, performance
from century.telemetry.load import Loaded
from century.telemetry.performance import Columns, RouteOrder, Totals
from century.telemetry.targets import Comparison

DEFAULT_POINTS = 300

strawberry.enum(RouteOrder, description="By what a table of routes is ordered, the greatest first.")
strawberry.enum(Comparison)


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


def _ranges_of(info: Info) -> "DataLoader[load.Asked, Loaded]":
    """One transaction for what is asked at once."""
    works, reader = info.context.works, info.context.app.telemetry.reader
    return together(info, "ranges", lambda asked: load.load(works, reader, asked))


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
