"""What is wrong is refused with a sentence in the protocol's own answer; the rest of its batch is kept."""

from __future__ import annotations

import asyncio
import gzip
import math
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from century.core.settings import Settings
from century.telemetry import committer, otlp, receive, series, spans, wire
from tests.telemetry.door import JSON, Door, opened
from tests.telemetry.messages import SECOND, Metrics
from tests.world import World

DAY = 86_400 * SECOND
IN_1970 = 1 * SECOND
IN_2099 = 4_070_908_800 * SECOND


@pytest_asyncio.fixture
async def door(settings: Settings, world: World) -> AsyncIterator[Door]:
    async with opened(settings, world) as door:
        yield door


@dataclass(frozen=True)
class Case:
    """Something wrong put beside a good gauge: how many points are refused, and what is said."""

    name: str
    spoil: Callable[[Metrics], object]
    refused: int
    says: str


def negative_buckets(request: Metrics) -> None:
    request.sketch("bad", [1, 2])
    request.scope.metrics[-1].exponential_histogram.data_points[0].negative.bucket_counts.extend([1])


def summary(request: Metrics) -> None:
    request.metric("bad").summary.data_points.add(time_unix_nano=request.now, count=1, sum=2)


def nothing_in_it(request: Metrics) -> None:
    request.metric("bad").gauge.data_points.add(time_unix_nano=request.now)


CASES = [
    Case("not a number", lambda r: r.gauge("bad", math.nan), 1, "must be a finite number"),
    Case("infinities", lambda r: r.gauge("bad", math.inf, -math.inf), 2, "must be a finite number"),
    Case("a time in 1970", lambda r: r.gauge("bad", 1.0, at=IN_1970), 1, "more than 32 days ago"),
    Case("no time", lambda r: r.gauge("bad", 1.0, at=0), 1, "more than 32 days ago"),
    Case("a time in 2099", lambda r: r.gauge("bad", 1.0, at=IN_2099), 1, "more than 10 minutes ahead"),
    Case("a time past 2554", lambda r: r.gauge("bad", 1.0, at=2**64 - 1), 1, "more than 32 days ago"),
    Case("a name of 10 kB", lambda r: r.gauge("n" * 10_240, 1.0), 1, "1 to 255 characters"),
    Case("no name", lambda r: r.gauge("", 1.0), 1, "1 to 255 characters"),
    Case("an attribute's name of 10 kB", lambda r: r.gauge("bad", 1.0, **{"n" * 10_240: "x"}), 1, "1,024 characters"),
    Case("an attribute's name of 300", lambda r: r.gauge("bad", 1.0, **{"n" * 300: "x"}), 1, "1 to 255 characters"),
    Case("a value of 10 kB", lambda r: r.gauge("bad", 1.0, long="x" * 10_240), 1, "1,024 characters"),
    Case("31 attributes", lambda r: r.gauge("bad", 1.0, **{f"a{n}": "x" for n in range(30)}), 1, "30 attributes"),
    Case("no value", nothing_in_it, 1, "no value"),
    Case("a summary", summary, 1, "send a histogram"),
    Case("no temporality", lambda r: r.sum("bad", 1, temporality=0), 1, "delta or cumulative"),
    Case("counts that do not add up", lambda r: r.histogram("bad", [1, 2], [0.5], count=4), 1, "do not add up"),
    Case("bounds that fall", lambda r: r.histogram("bad", [1, 2, 3], [0.5, 0.2]), 1, "must be finite and rise"),
    Case("bounds that are no numbers", lambda r: r.histogram("bad", [1, 2], [math.nan]), 1, "must be finite and rise"),
    Case("too few counts", lambda r: r.histogram("bad", [3], [0.5]), 1, "one bucket count more"),
    Case("a negative count", lambda r: r.histogram("bad", [2**64 - 1, 2], [0.5], count=1), 1, "negative or too large"),
    Case("an infinite sum", lambda r: r.histogram("bad", [1, 2], [0.5], sum=math.inf), 1, "must be a finite number"),
    Case("a sketch that does not add up", lambda r: r.sketch("bad", [1, 2], count=4), 1, "do not add up"),
    Case("a sketch of negative values", negative_buckets, 1, "negative values"),
    Case("a scale of 40", lambda r: r.sketch("bad", [1, 2], scale=40), 1, "scale must lie between"),
    Case("buckets without end", lambda r: r.sketch("bad", [1] * 2000), 1, "1024 buckets"),
    Case("a service of 10 kB", lambda r: r.resource("s" * 10_240).gauge("bad", 1.0), 1, "service.name is longer"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_wrong_points_are_refused_and_the_rest_is_kept(door: Door, case: Case) -> None:
    request = Metrics().gauge("good", 1.0, 2.0)
    case.spoil(request)
    answer = await door.send(bytes(request))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == case.refused
    assert case.says.replace("1,024", "1024") in partial.error_message
    assert len(partial.error_message) < 500
    assert partial.error_message.isprintable()
    stored = await door.block()
    assert sorted(stored.numbers.value.tolist()) == [1.0, 2.0]
    assert stored.points == 2
    assert {row.metric for row in (await door.series()).values()} == {"good"}


async def test_the_same_answer_in_json(door: Door) -> None:
    request = Metrics().gauge("good", 1.0).gauge("bad", math.nan)
    body = orjson.dumps(MessageToDict(request.message))
    answer = await door.send(body, **JSON)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedDataPoints"] == "1"
    assert "bad refused: a value must be a finite number" in partial["errorMessage"]


async def test_a_point_without_a_recorded_value_is_passed_over_in_silence(door: Door) -> None:
    request = Metrics().gauge("good", 1.0)
    request.metric("gone").gauge.data_points.add(time_unix_nano=request.now, as_double=math.nan, flags=1)
    answer = await door.send(bytes(request))
    assert answer.content == b""
    assert (await door.block()).points == 1


async def test_a_truncated_request_is_answered_400_and_leaves_nothing(door: Door) -> None:
    whole = bytes(Metrics().gauge("good", *range(20)).sketch("distribution", [1, 2, 3]).histogram("old", [1, 2], [0.5]))
    for length in range(1, len(whole), 7):
        answer = await door.send(whole[:length])
        if answer.status_code == 200:
            # Cut between two messages the rest is a whole request.
            continue
        assert answer.status_code == 400, length
        status = Status.FromString(answer.content)
        assert status.code == 3
        assert status.message.startswith("this is no OTLP metrics request")
    assert (await door.send(b"\xff" * 100)).status_code == 400
    assert (await door.send(b"<html>")).status_code == 400
    assert (await door.send(b'{"resourceMetrics": [', **JSON)).status_code == 400
    assert (await door.send(b'{"resourceMetrics": 7}', **JSON)).json()["message"].startswith("this is no OTLP")
    assert not await door.rows("SELECT 1 FROM block")


async def test_a_gzip_bomb_is_refused_while_it_unpacks(door: Door) -> None:
    bomb = gzip.compress(bytes(200 << 20), 9)
    assert len(bomb) < 1 << 20
    answer = await door.send(bomb, content_encoding="gzip")
    assert answer.status_code == 413
    assert Status.FromString(answer.content).message == "a request may unpack to 33554432 bytes at most"
    cut = await door.send(gzip.compress(bytes(Metrics().gauge("good", 1.0)))[:-4], content_encoding="gzip")
    assert cut.status_code == 400
    assert (await door.send(b"no gzip", content_encoding="gzip")).status_code == 400
    assert not await door.rows("SELECT 1 FROM block")


async def test_a_little_that_unpacks_to_much_is_read_aside(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Metrics()
    for number in range(40):
        request.gauge(f"metric.{number}", *range(100), padding="x" * 100)
    packed = gzip.compress(bytes(request), 9)
    assert len(packed) * 8 < receive.LARGE < len(bytes(request))
    aside: list[bool] = []
    read = receive.read_metrics

    def reading(*arguments: Any) -> Any:
        aside.append(threading.current_thread() is not threading.main_thread())
        return read(*arguments)

    monkeypatch.setattr(receive, "read_metrics", reading)
    assert (await door.send(packed, content_encoding="gzip")).status_code == 200
    assert (await door.send(bytes(Metrics().gauge("good", 1.0)))).status_code == 200
    assert aside == [True, False]


async def test_a_refused_request_leaves_room_for_the_next(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MOST_STREAMS", 5)
    flood = Metrics()
    for number in range(20):
        flood.gauge(f"metric.{number}", 1.0)
    assert (await door.send(bytes(flood))).status_code == 413
    assert (await door.send(bytes(Metrics().gauge("good", 1.0)))).status_code == 200


async def test_a_chain_of_empty_gzip_members_is_refused_at_once(door: Door) -> None:
    answer = await door.send(gzip.compress(b"") * 50_000, content_encoding="gzip")
    assert answer.status_code == 400
    assert "members" in Status.FromString(answer.content).message
    parts = gzip.compress(bytes(Metrics().gauge("good", 1.0))) + gzip.compress(b"")
    assert (await door.send(parts, content_encoding="gzip")).status_code == 200


async def test_more_than_eight_megabytes_are_not_read(door: Door) -> None:
    answer = await door.send(bytes(9 << 20))
    assert answer.status_code == 413
    assert "8388608 bytes" in Status.FromString(answer.content).message


async def test_a_flood_of_points_or_metrics_is_refused_as_a_whole(door: Door) -> None:
    points = b"\x0a\x00" * 300_000

    def wrap(number: int, inner: bytes) -> bytes:
        size, tag = len(inner), bytes((number << 3 | 2,))
        length = b""
        while size > 127:
            length += bytes((size & 127 | 128,))
            size >>= 7
        return tag + length + bytes((size,)) + inner

    answer = await door.send(wrap(1, wrap(2, wrap(2, wrap(5, points)))))
    assert answer.status_code == 413
    assert "200000 data points" in Status.FromString(answer.content).message
    answer = await door.send(wrap(1, wrap(2, b"\x12\x00" * 300_000)))
    assert "50000 metrics" in Status.FromString(answer.content).message


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/grpc", "application/xml"])
async def test_another_content_type_is_answered_415(door: Door, content_type: str) -> None:
    answer = await door.client.post("/v1/metrics", content=b"", headers={"content-type": content_type})
    assert answer.status_code == 415
    assert "application/x-protobuf" in Status.FromString(answer.content).message
    assert (await door.send(b"", content_encoding="br")).status_code == 415


async def test_without_a_key_that_may_send_nothing_is_read(door: Door) -> None:
    answer = await door.send(b"", authorization="")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert Status.FromString(answer.content).code == 16


async def test_series_over_the_bound_are_refused_counted_and_the_rest_kept(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MOST_SERIES", 10)
    await door.send(bytes(Metrics().gauge("flood", *range(8))))
    flood = Metrics().gauge("flood", *range(30))
    answer = await door.send(bytes(flood))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 20
    assert "active series" in partial.error_message
    assert len(await door.series()) == 10
    assert (await door.block()).points == 18
    assert [row.refused_series for row in await door.rows("SELECT refused_series FROM service")] == [20]
    again = await door.send(bytes(Metrics().gauge("flood", *range(30))))
    assert ExportMetricsServiceResponse.FromString(again.content).partial_success.rejected_data_points == 20
    assert [row.refused_series for row in await door.rows("SELECT refused_series FROM service")] == [20]


async def test_services_over_the_bound_are_refused_and_the_others_kept(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MOST_SERVICES", 1)
    request = Metrics("first").gauge("queue", 1.0).resource("second").gauge("queue", 2.0)
    answer = await door.send(bytes(request))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 1
    assert "services already" in partial.error_message
    assert (await door.block()).points == 1


async def test_a_metric_keeps_its_kind(door: Door) -> None:
    await door.send(bytes(Metrics().gauge("queue", 1.0)))
    answer = await door.send(bytes(Metrics().sum("queue", 1).gauge("other", 2.0)))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.error_message == (
        "1 data point of queue refused: it was a gauge when first seen and cannot become a sum."
    )
    assert (await door.block()).numbers.value.tolist() == [1.0, 2.0]


async def test_a_full_queue_asks_to_wait_before_anything_is_read(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "MOST_WAITING", 0)
    answer = await door.send(bytes(Metrics().gauge("good", 1.0)))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert Status.FromString(answer.content).code == 14
    monkeypatch.undo()
    assert (await door.send(bytes(Metrics().gauge("good", 1.0)))).status_code == 200


async def test_too_many_large_requests_at_once_are_asked_to_wait(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "MOST_INCOMING_BYTES", 10)
    answer = await door.send(bytes(Metrics().gauge("good", 1.0)))
    assert answer.status_code == 503
    assert "too many large requests" in Status.FromString(answer.content).message


async def test_a_large_request_is_read_aside_and_says_the_same(door: Door) -> None:
    request = Metrics()
    for number in range(40):
        request.gauge(f"metric.{number}", *range(100), padding="x" * 100)
    body = bytes(request)
    assert len(body) > receive.LARGE
    answers = await asyncio.gather(door.send(body), door.send(gzip.compress(body), content_encoding="gzip"))
    assert [(answer.status_code, answer.content) for answer in answers] == [(200, b""), (200, b"")]
    assert (await door.block()).points == 4000


def wrapped(*numbers: int, inner: bytes) -> bytes:
    """Messages in messages."""
    for number in reversed(numbers):
        inner = wire.write_bytes(number, inner)
    return inner


EMPTY_FIELDS = b"\x0a\x00" * 2_000_000
HOSTILE = {
    "resources": EMPTY_FIELDS,
    "scopes": wrapped(1, inner=b"\x12\x00" * 2_000_000),
    "names of a metric": wrapped(1, 2, 2, inner=EMPTY_FIELDS + b"\x2a\x00"),
    "attributes of a point": wrapped(1, 2, 2, 5, 1, inner=b"\x3a\x00" * 2_000_000),
    "attributes of a sketch": wrapped(1, 2, 2, inner=wrapped(10, 1, inner=EMPTY_FIELDS) + b"\x52\x02\x10\x01"),
    "buckets of a sketch": wrapped(1, 2, 2, 10, 1, 8, inner=b"\x12\x00" * 2_000_000),
    "buckets of a histogram": wrapped(1, 2, 2, 9, 1, inner=b"\x32\x00" * 2_000_000),
    "numbers beside the points": wrapped(1, 2, 2, 7, inner=b"\x10\x01" * 2_000_000),
    "attributes of a resource": wrapped(1, 1, inner=EMPTY_FIELDS),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_four_megabytes_of_nothing_are_refused_in_time_and_space(what: str) -> None:
    tracemalloc.start()
    began = time.process_time()
    try:
        batch = otlp.read(HOSTILE[what], otlp.Catalogue(), 1_790_000_000 * SECOND)
        assert not batch.block.points
    except wire.TooMany as error:
        assert "may hold" in str(error)
    spent, (_, most) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 80 << 20
    assert spent < 20


def test_four_megabytes_of_empty_spans_are_refused() -> None:
    for body in (EMPTY_FIELDS, wrapped(1, inner=b"\x12\x00" * 2_000_000), wrapped(1, 2, inner=b"\x12\x00" * 2_000_000)):
        with pytest.raises(wire.TooMany):
            spans.read(body, 1_790_000_000 * SECOND)
