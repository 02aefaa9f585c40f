"""A request known but for its times and numbers is read as if it came for the first time."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from century.telemetry import otlp
from century.telemetry.block import Block
from tests.telemetry.messages import SECOND, Metrics
from tests.telemetry.test_otlp import same

NOW = 1_790_000_000 * SECOND


def request(seed: int, now: int, metrics: int = 4, points: int = 5, services: int = 2) -> Metrics:
    """Gauges and sums, with and without a start, of doubles and whole numbers."""
    chance, made = random.Random(seed), Metrics(now=now)
    for service in range(services):
        made.resource(f"service-{service}")
        for number in range(metrics):
            metric = made.metric(f"metric.{number}")
            data = metric.sum if number % 2 else metric.gauge
            if number % 2:
                metric.sum.aggregation_temporality = 2  # type: ignore[assignment]
                metric.sum.is_monotonic = True
            for place in range(points):
                point = data.data_points.add(time_unix_nano=now)
                if number % 2:
                    point.start_time_unix_nano = now - chance.randrange(SECOND)
                if number % 3:
                    point.as_double = chance.random()
                else:
                    point.as_int = chance.randrange(-(10**6), 10**6)
                point.attributes.add(key="place").value.int_value = place
    return made


def learned(first: bytes) -> otlp.Catalogue:
    """A catalogue that has seen a request often enough to remember it."""
    catalogue = otlp.Catalogue()
    for number, each in enumerate(otlp.read(first, catalogue, NOW).discoveries):
        each.stream.ids[each.key] = number + 1
    otlp.read(first, catalogue, NOW)
    otlp.read(first, catalogue, NOW)
    return catalogue


def afresh(body: bytes) -> Block:
    batch = otlp.read(body, otlp.Catalogue(), NOW)
    return batch.settle(range(1, len(batch.discoveries) + 1)).block


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(0, 600), st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))
def test_the_next_export_reads_the_same_from_memory_as_afresh(
    seed: int, later: int, metrics: int, points: int, services: int
) -> None:
    catalogue = learned(bytes(request(1, NOW, metrics, points, services)))
    body = bytes(request(seed, NOW + later * SECOND, metrics, points, services))
    assert catalogue.memory.find(body) is not None
    batch = otlp.read(body, catalogue, NOW)
    same(batch.block, afresh(body))
    assert [name for name, _ in batch.by_service()] == [f"service-{number}" for number in range(services)]
    assert sum(block.points for _, block in batch.by_service()) == batch.block.points


def test_a_request_of_the_same_length_that_says_something_else_is_read_afresh() -> None:
    first = bytes(request(1, NOW))
    catalogue = learned(first)
    other = first.replace(b"metric.1", b"metric.9")
    assert catalogue.memory.find(other) is None
    assert {each.stream.metric for each in otlp.read(other, catalogue, NOW).discoveries} == {"metric.9"}
    whole = first.replace(b"place", b"plaza")
    assert len(otlp.read(whole, catalogue, NOW).discoveries) == 40


def test_what_is_wrong_is_refused_from_memory_too() -> None:
    made = request(1, NOW)
    catalogue = learned(bytes(made))
    points = made.message.resource_metrics[1].scope_metrics[0].metrics[1].sum.data_points
    points[0].as_double, points[1].time_unix_nano = math.nan, SECOND
    batch = otlp.read(bytes(made), catalogue, NOW)
    assert batch.block.points == 38
    assert batch.refusals.total == 2
    assert "finite number" in batch.refusals.sentence()
    assert "32 days ago" in batch.refusals.sentence()


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    catalogue = otlp.Catalogue()
    for number in range(20):
        body = bytes(request(1, NOW).gauge(f"own.{number:04}", 1.0))
        for _ in range(3):
            for each in otlp.read(body, catalogue, NOW).discoveries:
                each.stream.ids[each.key] = 1
    (alike,) = catalogue.memory.requests.values()
    assert len(alike) == 4
