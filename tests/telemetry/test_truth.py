"""What OpenTelemetry's own SDK sends comes back: counts, sums and errors exactly, every quantile within its bound."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource

from century.core.settings import Settings
from century.telemetry import compaction, grid, sketch
from century.telemetry.instants import nanoseconds
from tests.telemetry.door import Door, opened
from tests.world import World

BEGIN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
SPAN = timedelta(hours=2)
STEP = 60
BOUND = sketch.relative_error(sketch.MAX_SCALE) * (1 + 1e-6)
QUERY = """query Q($range: TimeRange!, $points: Int!) { service(name: "shop") { performance(range: $range) {
  requestCount errorCount latency { avg p50 p95 p99 }
  timeline(maxPoints: $points) { resolution at requestCount errorRate latencyAvg latencyP50 latencyP95 latencyP99 }
  routes { nodes { route requestCount errorRate latency { p95 } } } } } }"""
QUANTILES = (("P50", 0.5), ("P95", 0.95), ("P99", 0.99))


@dataclass
class Shop:
    """A service that measures itself with the SDK, and remembers the raw values."""

    generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(11))
    raw: list[tuple[int, str, bool, float]] = field(default_factory=list)

    def exports(self, begin: datetime, span: timedelta) -> Iterator[ExportMetricsServiceRequest]:
        """One export each step; the times of its points are moved to where the load is said to have been."""
        reader = InMemoryMetricReader(
            preferred_temporality={Histogram: AggregationTemporality.DELTA},
            preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()},
        )
        resource = Resource({"service.name": "shop", "service.instance.id": "one"})
        provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
        histogram = provider.get_meter("shop").create_histogram("http.server.request.duration", "s")
        for number in range(int(span.total_seconds()) // STEP):
            at = nanoseconds(begin) + number * STEP * 1_000_000_000 + 5_000_000_000
            for route, mean in (("/", -3.0), ("/pay", -0.5)):
                for value in self.generator.lognormal(mean, 0.7, self.generator.integers(1, 12)).tolist():
                    failed = bool(self.generator.random() < 0.05)
                    self.raw.append((at, route, failed, value))
                    histogram.record(
                        value,
                        {
                            "http.request.method": "GET",
                            "http.route": route,
                            "http.response.status_code": 500 if failed else 200,
                        },
                    )
            collected = reader.get_metrics_data()
            assert collected is not None
            yield moved(encode_metrics(collected), at)
        provider.shutdown()


def moved(request: ExportMetricsServiceRequest, at: int) -> ExportMetricsServiceRequest:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.exponential_histogram.data_points:
                    point.time_unix_nano, point.start_time_unix_nano = at, at - STEP * 1_000_000_000
    return request


async def ask(door: Door, start: datetime, end: datetime, points: int) -> dict[str, Any]:
    variables = {"range": {"from": start.isoformat(), "to": end.isoformat()}, "points": points}
    answer = await door.client.post("/graphql", json={"query": QUERY, "variables": variables})
    said = answer.json()
    assert "errors" not in said, said
    return said["data"]["service"]["performance"]  # type: ignore[no-any-return]


def true_quantile(values: list[float], share: float) -> float:
    return sorted(values)[max(math.ceil(share * len(values) - 1e-9), 1) - 1]


async def check(door: Door, shop: Shop, start: datetime, end: datetime) -> None:
    """The whole range and each of its slots, at each resolution, against the raw values."""
    inside = [each for each in shop.raw if nanoseconds(start) <= each[0] < nanoseconds(end)]
    for points in (3, 30, 300):
        made = await ask(door, start, end, points)
        assert made["requestCount"] == len(inside)
        assert made["errorCount"] == sum(failed for _, _, failed, _ in inside)
        values = [value for *_, value in inside]
        assert made["latency"]["avg"] * len(inside) == pytest.approx(math.fsum(values), rel=1e-9)
        for name, share in QUANTILES:
            assert made["latency"][name.lower()] == pytest.approx(true_quantile(values, share), rel=BOUND)
        timeline = made["timeline"]
        ends = [*timeline["at"][1:], math.inf]
        for place, (low, high) in enumerate(zip(timeline["at"], ends, strict=True)):
            slot = [each for each in inside if low <= each[0] / 1e9 < high]
            assert timeline["requestCount"][place] == len(slot)
            if slot:
                values = [value for *_, value in slot]
                assert timeline["errorRate"][place] == pytest.approx(sum(each[2] for each in slot) / len(slot))
                assert timeline["latencyAvg"][place] == pytest.approx(math.fsum(values) / len(slot), rel=1e-9)
                for name, share in QUANTILES:
                    true = true_quantile(values, share)
                    assert timeline[f"latency{name}"][place] == pytest.approx(true, rel=BOUND)
        for route in made["routes"]["nodes"]:
            mine = [each for each in inside if each[1] == route["route"]]
            assert route["requestCount"] == len(mine)
            assert route["errorRate"] == pytest.approx(sum(each[2] for each in mine) / len(mine))
            true = true_quantile([value for *_, value in mine], 0.95)
            assert route["latency"]["p95"] == pytest.approx(true, rel=BOUND)


async def test_the_sdk_is_answered_truly_through_all_that_happens_to_data(settings: Settings, world: World) -> None:
    shop = Shop()
    bodies = list(shop.exports(BEGIN, SPAN))
    packed = [body.SerializeToString() for body in bodies]
    order = list(range(len(packed)))
    random.Random(1).shuffle(order)
    world.clock.instant = BEGIN + SPAN
    late = set(order[::10])
    async with opened(settings, world, world.clock) as door:
        for place in order:
            if place not in late:
                assert (await door.send(packed[place])).status_code == 200
        # An exporter that was killed before it heard the answer sends again, alone and in other company.
        for place in order[1::7]:
            if place not in late:
                assert (await door.send(packed[place])).status_code == 200
                both = ExportMetricsServiceRequest()
                both.MergeFrom(bodies[place])
                both.MergeFrom(
                    bodies[(place + 1) % len(bodies)] if (place + 1) % len(bodies) not in late else bodies[place]
                )
                assert (await door.send(both.SerializeToString())).status_code == 200
        there = Shop(raw=[each for each in shop.raw if (each[0] - nanoseconds(BEGIN)) // (STEP * 10**9) not in late])
        await check(door, there, BEGIN, BEGIN + SPAN)
        world.clock.instant = BEGIN + timedelta(hours=1, minutes=6)
        assert await compaction.compact(world.works) == 1
        world.clock.instant = BEGIN + SPAN
        await check(door, there, BEGIN, BEGIN + SPAN)
    async with opened(settings, world, world.clock) as door:
        await check(door, there, BEGIN, BEGIN + SPAN)
        for place in sorted(late):
            assert (await door.send(packed[place])).status_code == 200
        for place in order[::13]:
            assert (await door.send(packed[place])).status_code == 200
        await check(door, shop, BEGIN, BEGIN + SPAN)
        world.clock.instant = BEGIN + timedelta(hours=4)
        assert await compaction.compact(world.works) == 2
        await check(door, shop, BEGIN, BEGIN + SPAN)
        await check(door, shop, BEGIN + timedelta(minutes=21), BEGIN + timedelta(hours=1, minutes=43))


@given(
    st.lists(st.lists(st.floats(1e-4, 1e3), min_size=1, max_size=40), min_size=1, max_size=12),
    st.integers(0, 11),
    st.integers(1, 12),
)
@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_percentiles_over_a_range_are_those_of_its_raw_values(
    slots: list[list[float]], start: int, length: int
) -> None:
    whole = grid.of_values(
        np.repeat(np.arange(len(slots)), [len(each) for each in slots]), len(slots), np.concatenate(slots)
    )
    chosen = slots[start : start + length]
    part = whole.slice(start, start + length).total() if chosen else grid.empty(1)
    values = [value for each in chosen for value in each]
    assert part.count[0] == len(values)
    for share in (0.5, 0.9, 0.95, 0.99):
        if values:
            assert part.quantiles([share])[0, 0] == pytest.approx(true_quantile(values, share), rel=BOUND)
