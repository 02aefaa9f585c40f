"""Exemplars: the real SDK's arrive and are shown, both encodings, repeats change nothing, wrong ones cost no point."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from century.access.attempts import Caller
from century.access.people import create_person
from century.core.actor import Role
from century.core.settings import Settings
from century.telemetry import exemplar, exemplars, otlp, otlp_json
from century.telemetry.batch import Batch
from tests.telemetry.door import JSON, Door, opened
from tests.telemetry.messages import SECOND, Metrics
from tests.world import World

TRACE, SPAN = bytes(range(16)), bytes(range(8))
NOW = 1_790_000_000 * SECOND
SHOWN = """query E($metric: String!, $first: Int!) { service(name: "shop") {
  exemplars(metric: $metric, range: {last: "PT1H"}, first: $first) { at value traceId spanId attributes { key value } } } }"""


@pytest_asyncio.fixture
async def door(settings: Settings, world: World) -> AsyncIterator[Door]:
    async with opened(settings, world) as made:
        yield made


async def operator(door: Door) -> dict[str, str]:
    """The headers of somebody who may see single requests."""
    async with door.world.works.begin() as work:
        await create_person(work, door.world.settings, "olive", "olive@example.com", Role.OPERATOR, "four walnut trees")
    grant = await door.app.access.login("olive", "four walnut trees", Caller("192.0.2.1", "a browser", "d" * 32))
    return {"authorization": f"Bearer {grant.access_token}"}


async def shown(door: Door, headers: dict[str, str], metric: str, first: int = 50) -> Any:
    variables = {"metric": metric, "first": first}
    answer = await door.client.post("/graphql", json={"query": SHOWN, "variables": variables}, headers=headers)
    return answer.json()


def exemplified(now: int | None = None, **said: Any) -> Metrics:
    """A request whose points of every kind have an exemplar."""
    request = Metrics(now=now)
    request.gauge("gauge", 0.5).sum("sum", 7).histogram("explicit", [1, 2, 3], [0.1, 0.5]).sketch("sketch", [5])
    for metric in request.scope.metrics:
        for data in (metric.gauge, metric.sum, metric.histogram, metric.exponential_histogram):
            for point in data.data_points:
                fields = {"as_double": 0.25, "trace_id": TRACE, "span_id": SPAN, "time_unix_nano": request.now - SECOND}
                point.exemplars.add(**fields | said)
    return request


def read(body: bytes, catalogue: otlp.Catalogue | None = None) -> Batch:
    return otlp.read(body, catalogue or otlp.Catalogue(), NOW)


async def test_the_sdks_exemplars_lead_from_a_metric_to_its_traces(door: Door) -> None:
    exporter = OTLPMetricExporter(f"{door.address}/v1/metrics", headers={"authorization": f"Bearer {door.secret}"})
    view = View(instrument_name="*.exponential", aggregation=ExponentialBucketHistogramAggregation())
    made = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)],
        resource=Resource.create({"service.name": "shop", "service.instance.id": "one"}),
        exemplar_filter=TraceBasedExemplarFilter(),
        views=[view],
    )
    meter = made.get_meter("tests")
    instruments = {
        "explicit": meter.create_histogram("explicit").record,
        "latency.exponential": meter.create_histogram("latency.exponential", "s").record,
        "orders": meter.create_counter("orders").add,
    }
    spans = {}
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    for number, (name, tell) in enumerate(instruments.items()):
        tell(9.0, {"http.route": "/none"})
        with tracer.start_as_current_span("GET /orders") as span:
            tell(0.25 + number, {"http.route": "/orders"})
        spans[name] = span.get_span_context()
    assert await asyncio.to_thread(made.force_flush)
    await asyncio.to_thread(made.shutdown)
    headers = await operator(door)
    for number, (name, span) in enumerate(spans.items()):
        (one,) = (await shown(door, headers, name))["data"]["service"]["exemplars"]
        assert one["value"] == 0.25 + number
        assert (one["traceId"], one["spanId"]) == (f"{span.trace_id:032x}", f"{span.span_id:016x}")
        route = {"key": "http.route", "value": "/orders"}
        assert one["attributes"] == [route, {"key": "service.instance.id", "value": "one"}]
    assert (await door.block()).points == 2 * 2 * len(instruments)

    # Whoever may not see requests may not see these; what is not there is said.
    assert (await shown(door, {}, "orders"))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await shown(door, headers, "nothing"))["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await shown(door, headers, "orders", 0))["errors"][0]["extensions"]["code"] == "INVALID"


async def test_a_repeat_changes_nothing_whatever_its_encoding(door: Door) -> None:
    request = exemplified()
    said = MessageToDict(request.message, use_integers_for_enums=True)
    for answer in (await door.send(bytes(request)), await door.send(bytes(request))):
        assert (answer.status_code, answer.content) == (200, b"")
    first = await door.rows("SELECT * FROM exemplar ORDER BY series_id")
    again = await door.send(orjson.dumps(said), **JSON)
    assert again.json() == {}
    # Sent with others, the digest is another one.
    assert (await door.send(bytes(request.gauge("more", 1.0)))).status_code == 200
    assert await door.rows("SELECT * FROM exemplar ORDER BY series_id") == first
    assert [(row.trace_id, row.span_id, row.value) for row in first] == [(TRACE.hex(), SPAN.hex(), 0.25)] * 4
    assert {row.metric for row in (await door.series()).values()} == {"gauge", "sum", "explicit", "sketch", "more"}


async def test_exemplars_are_stored_with_their_block_or_not_at_all(door: Door) -> None:
    async with door.world.works.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE exemplar ADD CONSTRAINT never CHECK (value < 0)")
    assert (await door.send(bytes(exemplified()))).status_code == 503
    assert not await door.rows("SELECT 1 FROM block WHERE service_id = (SELECT id FROM service WHERE name = 'shop')")
    async with door.world.works.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE exemplar DROP CONSTRAINT never")
    assert (await door.send(bytes(exemplified()))).status_code == 200
    assert len(await door.rows("SELECT 1 FROM exemplar")) == 4


async def test_wrong_exemplars_are_told_and_their_points_kept(door: Door) -> None:
    request = exemplified(as_double=math.nan)
    answer = await door.send(bytes(request))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_data_points) == (200, 0)
    assert "1 exemplar of gauge not kept: its value must be a finite number" in partial.error_message
    said = MessageToDict(exemplified().message, use_integers_for_enums=True)
    metrics = said["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    metrics[0]["gauge"]["dataPoints"][0]["exemplars"][0]["traceId"] = "no digits!"
    metrics[1]["sum"]["dataPoints"][0]["exemplars"][0]["asInt"] = "many"
    told = (await door.send(orjson.dumps(said), **JSON)).json()["partialSuccess"]
    assert told["rejectedDataPoints"] == "0"
    assert "1 exemplar of sum not kept: a trace id has 16 bytes" in told["errorMessage"]
    assert sum(row.points for row in await door.rows("SELECT points FROM block JOIN service ON name = 'shop'")) >= 8
    assert len(await door.rows("SELECT 1 FROM exemplar")) == 2


@pytest.mark.parametrize(
    ("said", "remark"),
    [
        ({"trace_id": b""}, None),
        ({"trace_id": bytes(16)}, None),
        ({"trace_id": TRACE[:15]}, exemplar.IDS),
        ({"trace_id": TRACE * 9}, exemplar.IDS),
        ({"span_id": SPAN * 2}, exemplar.IDS),
        ({"as_double": math.inf}, exemplar.NO_VALUE),
        ({"time_unix_nano": 0}, exemplar.TIME),
        ({"time_unix_nano": NOW + 3600 * SECOND}, exemplar.TIME),
        ({"time_unix_nano": 2**64 - 1}, exemplar.TIME),
    ],
)
def test_what_leads_nowhere_is_passed_over_and_what_is_wrong_remarked(said: dict[str, Any], remark: str | None) -> None:
    batch = read(bytes(exemplified(NOW, **said)))
    assert (batch.block.points, batch.refusals.total, list(batch.exemplars)) == (4, 0, [])
    assert {reason for _, reason in batch.refusals.remarks} == ({remark} if remark else set())


def test_an_exemplar_that_does_not_parse_costs_no_point() -> None:
    whole = exemplified(NOW, filtered_attributes=[], span_id=b"\xaa" * 8)
    # A length that leads beyond the exemplar, in place of its span's.
    body = bytes(whole).replace(b"\x08" + b"\xaa" * 8, b"\x7f" + b"\xaa" * 8)
    batch = read(body)
    assert (batch.block.points, batch.refusals.total, list(batch.exemplars)) == (4, 0, [])
    assert {reason for _, reason in batch.refusals.remarks} == {exemplar.BROKEN}


def test_no_more_are_kept_than_there_is_room_for_and_the_greatest_of_a_point() -> None:
    request = Metrics(now=NOW).gauge("gauge", *range(200))
    for point in request.scope.metrics[0].gauge.data_points:
        for number in range(20):
            point.exemplars.add(as_int=number, trace_id=TRACE, time_unix_nano=NOW)
    batch = read(bytes(request))
    assert batch.block.points == 200
    assert [each.value for each in batch.exemplars[:5]] == [19.0, 18.0, 17.0, 16.0, 15.0]
    assert {each.span_id for each in batch.exemplars} == {""}
    assert len(batch.exemplars) == exemplar.MOST_OF_A_REQUEST


def test_a_refused_point_takes_its_exemplars_along() -> None:
    request = exemplified(NOW).gauge("late", 1.0, at=SECOND)
    metrics = request.scope.metrics
    metrics[0].gauge.data_points[0].as_double = math.nan
    metrics[2].histogram.data_points[0].count += 1
    metrics[3].exponential_histogram.data_points[0].count += 1
    batch = read(bytes(request))
    assert (batch.refusals.total, batch.block.points) == (4, 1)
    (kept,) = batch.exemplars
    assert batch.discoveries[-kept.series - 1].stream.metric == "sum"
    refused = batch.settle([0] * len(batch.discoveries))
    assert (refused.block.points, list(refused.exemplars)) == (0, [])


def test_what_is_read_from_memory_has_no_exemplars_to_lose() -> None:
    catalogue = otlp.Catalogue()
    plain, with_one = Metrics(now=NOW).gauge("gauge", 0.5), Metrics(now=NOW).gauge("gauge", 0.5)
    point = with_one.scope.metrics[0].gauge.data_points[0]
    point.exemplars.add(as_double=0.25, trace_id=TRACE, span_id=SPAN, time_unix_nano=NOW)
    for number, each in enumerate(read(bytes(plain), catalogue).discoveries):
        each.stream.ids[each.key] = number + 1
    for _ in range(4):
        for body, size in ((bytes(plain), 0), (bytes(with_one), 1)):
            batch = read(body, catalogue)
            assert (batch.block.points, len(batch.exemplars), batch.discoveries) == (1, size, [])
    assert catalogue.memory.find(bytes(plain)) and not catalogue.memory.find(bytes(with_one))


def test_each_service_of_a_request_has_its_own_and_json_says_the_same() -> None:
    request = exemplified(NOW)
    other = exemplified(NOW, as_int=3)
    other.message.resource_metrics[0].resource.attributes[0].value.string_value = "pay"
    request.message.resource_metrics.extend(other.message.resource_metrics)
    batch = read(bytes(request))
    assert sorted((each.service, each.value) for each in batch.exemplars) == [("pay", 3.0)] * 4 + [("shop", 0.25)] * 4
    said = orjson.dumps(MessageToDict(request.message, use_integers_for_enums=True))
    assert list(read(otlp_json.metrics(said)).exemplars) == list(batch.exemplars)
    assert {each.series for each in batch.settle(range(1, 9)).exemplars} == set(range(1, 9))


async def test_they_are_forgotten_after_a_week(world: World) -> None:
    insert = "INSERT INTO exemplar (series_id, at, trace_id, span_id, value) VALUES ($1, $2, 'a', '', 1)"
    async with world.works.engine.begin() as connection:
        for series, days in ((1, 6), (2, 8)):
            await connection.exec_driver_sql(insert, (series, world.clock.now() - timedelta(days=days)))
    assert await exemplars.forget(world.works) == 1
    assert await exemplars.forget(world.works) == 0
