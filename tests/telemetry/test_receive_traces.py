"""Server spans that failed or were slow become request records, once each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from sqlalchemy import text

from century.core.settings import Settings
from century.telemetry import receive
from tests.telemetry.door import JSON, Door, opened
from tests.telemetry.messages import span, traces
from tests.world import World

OLD = {
    "http__method": "POST",
    "http__target": "/orders/7?token=secret",
    "http__route": "/orders/{id}",
    "http__status_code": 503,
    "http__client_ip": "192.0.2.7",
    "http__user_agent": "curl/8",
}
NEW = {
    "http__request__method": "POST",
    "url__path": "/orders/7",
    "http__route": "/orders/{id}",
    "http__response__status_code": 503,
    "client__address": "192.0.2.7",
    "user_agent__original": "curl/8",
    "error__type": "503",
}
RECORDS = "SELECT request_record.*, service.name AS service FROM request_record JOIN service ON service.id = service_id ORDER BY span_id"


@pytest_asyncio.fixture
async def door(settings: Settings, world: World) -> AsyncIterator[Door]:
    async with opened(settings, world) as door:
        yield door


async def test_failed_and_slow_requests_are_kept_and_no_others(door: Door) -> None:
    request = traces(
        span(1, http__response__status_code=200),
        span(2, 2.5, http__response__status_code=200),
        span(3, http__response__status_code=500),
        span(4, error="no stock", http__response__status_code=409),
        span(5, 9, kind=Span.SPAN_KIND_CLIENT, http__response__status_code=500),
        span(6, http__response__status_code=404),
    )
    answer = await door.send(request.SerializeToString(), "traces")
    assert (answer.status_code, answer.content) == (200, b"")
    rows = await door.rows(RECORDS)
    assert [(int(row.span_id, 16), row.failed, row.slow, row.status, row.message) for row in rows] == [
        (2, False, True, 200, None),
        (3, True, False, 500, None),
        (4, True, False, 409, "no stock"),
    ]
    assert rows[0].duration == 2.5
    assert rows[0].service == "shop"


async def test_old_and_new_names_of_the_conventions_say_the_same(door: Door) -> None:
    await door.send(traces(span(1, **OLD), span(2, **NEW)).SerializeToString(), "traces")
    old, new = await door.rows(RECORDS)
    for row in (old, new):
        assert (row.method, row.path, row.route, row.status) == ("POST", "/orders/7", "/orders/{id}", 503)
        assert (row.client_address, row.user_agent) == ("192.0.2.7", "curl/8")
    assert new.error_type == "503"


async def test_a_repeat_is_one_record_and_one_message(door: Door) -> None:
    request = traces(span(1, 3, **NEW))
    body = orjson.dumps(as_json(request))
    async with door.world.bus.subscribe("requests.shop") as messages:
        await door.send(request.SerializeToString(), "traces")
        assert (await door.send(body, "traces", **JSON)).json() == {}
        await door.send(traces(span(2, 3)).SerializeToString(), "traces")
        told = [orjson.loads((await asyncio.wait_for(anext(messages), 5)).data) for _ in range(2)]
    rows = await door.rows(RECORDS)
    assert [each["id"] for each in told] == [str(row.id) for row in rows]
    assert told[0]["service"] == "shop"
    assert told[0]["trace_id"] == f"{1:032x}"


def as_json(request: object) -> dict[str, object]:
    """OTLP's own JSON: ids as hexadecimal digits."""
    said = MessageToDict(request, use_integers_for_enums=True)  # type: ignore[arg-type]
    for resource in said["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for number, each in enumerate(scope["spans"], 1):
                each["traceId"], each["spanId"] = f"{number:032x}", f"{number:016x}"
    return said


async def test_wrong_spans_are_refused_and_the_rest_is_kept(door: Door) -> None:
    wrong, early = span(2, 3), span(3, 3)
    wrong.trace_id = b"short"
    early.start_time_unix_nano = early.end_time_unix_nano = 1
    answer = await door.send(traces(span(1, 3), wrong, early).SerializeToString(), "traces")
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 2
    assert "trace id must have 16 bytes" in partial.error_message
    assert [int(row.span_id, 16) for row in await door.rows(RECORDS)] == [1]
    whole = traces(span(1, 3), span(2, 3)).SerializeToString()
    assert (await door.send(whole[:-3], "traces")).status_code == 400


async def test_the_sdk_sends_an_exception(door: Door) -> None:
    made = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    exporter = OTLPSpanExporter(f"{door.address}/v1/traces", headers={"authorization": f"Bearer {door.secret}"})
    made.add_span_processor(SimpleSpanProcessor(exporter))

    def fail() -> None:
        with made.get_tracer("tests").start_as_current_span("GET /orders", kind=SpanKind.SERVER):
            raise LookupError("no such order")

    try:
        await asyncio.to_thread(fail)
    except LookupError:
        pass
    await asyncio.to_thread(made.shutdown)
    (row,) = await door.rows(RECORDS)
    assert (row.error_type, row.message, row.route) == ("LookupError", "no such order", "GET /orders")


async def test_a_flood_of_failures_is_kept_whole_and_told_in_part(door: Door, world: World) -> None:
    request = traces(*(span(number, http__response__status_code=500) for number in range(1, 3001)))
    async with world.bus.subscribe("requests.shop") as heard, world.bus.subscribe("end") as ended:
        assert (await door.send(request.SerializeToString(), "traces")).status_code == 200
        await world.bus.publish("end", b"")
        await asyncio.wait_for(anext(ended), 5)
        told = 0
        while True:
            try:
                await asyncio.wait_for(anext(heard), 0.05)
            except TimeoutError:
                break
            told += 1
    assert told == receive.TOLD
    async with world.works.read() as work:
        kept = await work.one_or_none(text("SELECT count(*) AS number FROM request_record"))
    assert kept and kept.number == 3000
