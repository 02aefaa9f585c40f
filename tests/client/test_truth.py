"""A known load, sent by OpenTelemetry's own SDK as the guides say, comes back as it was."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from century.client.door import HttpDoor, Outcome, Verdict
from century.client.watch import Watch
from century.core.settings import Settings
from tests.telemetry.door import Door, opened
from tests.world import World

BOUND = 2 ** (2**-4 / 2) - 1
"""A quantile's relative error at the scale that is kept."""
QUESTION = """
query Question($service: String!) {
  service(name: $service) {
    performance(range: { last: "PT15M" }) {
      requestCount errorCount latency { avg p50 p95 p99 max approximate }
    }
  }
}
"""


@pytest.fixture
async def door(settings: Settings, world: World) -> AsyncIterator[Door]:
    async with opened(settings, world) as door:
        yield door


def load(count: int) -> list[float]:
    dice = random.Random(7)
    return [dice.lognormvariate(-2.5, 0.9) for _ in range(count)]


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


async def latency(door: Door, service: str) -> dict[str, Any]:
    answer = await door.client.post("/graphql", json={"query": QUESTION, "variables": {"service": service}})
    assert "errors" not in answer.json(), answer.text
    found: dict[str, Any] = answer.json()["data"]["service"]["performance"]
    return found


def attributes(place: int) -> dict[str, str | int]:
    failed = place % 20 == 0
    told: dict[str, str | int] = {
        "http.request.method": "GET",
        "http.route": f"/{place % 3}",
        "http.response.status_code": 500 if failed else 200,
    }
    return told | ({"error.type": "500"} if failed else {})


async def test_the_clients_numbers(door: Door) -> None:
    watch = Watch(HttpDoor(door.address, door.secret), {"service.name": "shop"}, interval=3600.0)
    pipeline = watch.start()
    assert pipeline is not None
    values = load(3000)
    for place, value in enumerate(values):
        pipeline.durations.record(value, attributes(place))
        if place % 1000 == 999:
            await asyncio.to_thread(watch.flush)
    await asyncio.to_thread(watch.stop)

    found = await latency(door, "shop")
    assert (found["requestCount"], found["errorCount"]) == (3000, 150)
    assert found["latency"]["avg"] == pytest.approx(sum(values) / len(values), rel=1e-9)
    assert found["latency"]["max"] == pytest.approx(max(values), rel=1e-9)
    assert not found["latency"]["approximate"]
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert found["latency"][name] == pytest.approx(quantile(values, share), rel=BOUND * 1.02), name


async def test_an_answer_that_was_lost_counts_once(door: Door) -> None:
    century, lost = HttpDoor(door.address, door.secret), 2

    def deliver(path: str, body: bytes, seconds: float) -> Outcome:
        nonlocal lost
        outcome = century(path, body, seconds)
        if path == "/v1/metrics" and lost:
            lost -= 1
            return Outcome(Verdict.AGAIN, "does not answer (cut off)")
        return outcome

    watch = Watch(deliver, {"service.name": "shop"}, interval=3600.0)
    pipeline = watch.start()
    assert pipeline is not None
    for place in range(100):
        pipeline.durations.record(0.1, attributes(place))
        if place % 25 == 24:
            await asyncio.to_thread(watch.flush)
    await asyncio.to_thread(watch.stop)
    found = await latency(door, "shop")
    assert (found["requestCount"], found["errorCount"]) == (100, 5)


@pytest.mark.parametrize(
    ("aggregation", "temporality", "exact"),
    [
        ("base2_exponential_bucket_histogram", "delta", True),
        ("base2_exponential_bucket_histogram", "cumulative", True),
        ("explicit_bucket_histogram", "delta", False),
        ("explicit_bucket_histogram", "cumulative", False),
    ],
)
async def test_the_plain_sdks_numbers(
    door: Door, monkeypatch: pytest.MonkeyPatch, aggregation: str, temporality: str, exact: bool
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", door.address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"Authorization=Bearer%20{door.secret}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", aggregation)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=3_600_000)
    provider = MeterProvider([reader], Resource.create({"service.name": "plain"}), shutdown_on_exit=False)
    durations = provider.get_meter("shop").create_histogram(
        "http.server.request.duration",
        "s",
        explicit_bucket_boundaries_advisory=[0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    )
    values = load(600)
    for place, value in enumerate(values):
        durations.record(value, attributes(place))
        if place % 200 == 199:
            await asyncio.to_thread(provider.force_flush)
    await asyncio.to_thread(provider.shutdown)

    found = await latency(door, "plain")
    assert (found["requestCount"], found["errorCount"]) == (600, 30)
    assert found["latency"]["avg"] == pytest.approx(sum(values) / len(values), rel=1e-9)
    assert found["latency"]["approximate"] is not exact
    bound = BOUND * 1.02 if exact else 0.75
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        assert found["latency"][name] == pytest.approx(quantile(values, share), rel=bound), name
