"""Remote write, knocked at as Prometheus does."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import cramjam
import httpx
import pytest
import pytest_asyncio
from sqlalchemy.exc import OperationalError

from century.access import keys
from century.core.actor import Scope
from century.core.clock import SystemClock
from tests.telemetry.door import Door, opened
from tests.telemetry.prompb import ONE, STALE, TWO, message, one, packed, two
from tests.world import World

UP = {"__name__": "up", "instance": "10.0.0.7:9100", "job": "node"}
SENT = {"__name__": "http_sent_bytes_total", "instance": "10.0.0.7:9100", "job": "node", "device": "eth0"}
VERSIONS = [pytest.param(one, ONE, id="1.0"), pytest.param(two, TWO, id="2.0")]
Made = Callable[..., bytes]


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world) as door:
        yield door


def now() -> int:
    """Milliseconds."""
    return int(SystemClock().now().timestamp() * 1000)


async def write(door: Door, body: bytes, headers: dict[str, str] = ONE) -> httpx.Response:
    return await door.client.post("/api/v1/write", content=packed(body), headers=headers)


def written(answer: httpx.Response) -> tuple[str, ...]:
    return tuple(
        answer.headers[f"x-prometheus-remote-write-{each}-written"] for each in ("samples", "histograms", "exemplars")
    )


def exponential(at: int, **said: Any) -> Any:
    made = message("Histogram", timestamp=at, count_int=6, sum=12.5, schema=3, zero_count_int=1, zero_threshold=1e-9)
    made.positive_spans.add(offset=2, length=1)
    made.positive_spans.add(offset=1, length=1)
    made.positive_deltas.extend([2, 1])
    made.MergeFrom(message("Histogram", **said))
    return made


@pytest.mark.parametrize(("made", "headers"), VERSIONS)
async def test_samples_are_kept_under_their_service_and_instance(
    door: Door, made: Made, headers: dict[str, str]
) -> None:
    at = now()
    answer = await write(door, made((UP, [(1.0, at)]), (SENT, [(10.0, at - 5), (12.0, at)])), headers)
    assert answer.status_code == 204, answer.text
    assert answer.content == b""
    assert written(answer) == ("3", "0", "0")
    series = await door.series()
    shown = {
        each.metric: (each.service, each.form, each.monotonic, each.unit, each.attributes) for each in series.values()
    }
    instance = {"service.instance.id": "10.0.0.7:9100"}
    assert shown == {
        "up": ("node", "number", False, "", instance),
        "http_sent_bytes_total": ("node", "cumulative", True, "By", {**instance, "device": "eth0"}),
    }
    numbers = (await door.block()).numbers
    found = {
        (series[number].metric, moment // 1_000_000): value
        for number, moment, value in zip(numbers.series, numbers.at.tolist(), numbers.value.tolist(), strict=True)
    }
    assert found == {
        ("up", at): 1.0,
        ("http_sent_bytes_total", at - 5): 10.0,
        ("http_sent_bytes_total", at): 12.0,
    }


@pytest.mark.parametrize(("made", "headers"), VERSIONS)
async def test_a_native_histogram_is_kept_as_a_sketch(door: Door, made: Made, headers: dict[str, str]) -> None:
    answer = await write(door, made(latency_seconds=exponential(now())), headers)
    assert (answer.status_code, written(answer)) == (204, ("0", "1", "0")), answer.text
    [series] = (await door.series()).values()
    assert (series.service, series.form, series.unit) == ("prometheus", "cumulative_sketch", "s")
    sketches = (await door.block()).sketches
    # Prometheus counts a bucket by its upper end: its bucket 2 is our bucket 1.
    assert (sketches.scale.tolist(), sketches.offset.tolist(), sketches.counts.tolist()) == ([3], [1], [2, 0, 3])
    assert (sketches.count.tolist(), sketches.zero.tolist(), sketches.sum.tolist()) == ([6], [1], [12.5])


async def test_custom_bounds_are_kept_as_they_are(door: Door) -> None:
    custom = message("Histogram", timestamp=now(), count_int=3, sum=1.0, schema=-53, custom_values=[0.1, 0.5])
    custom.positive_spans.add(offset=0, length=2)
    custom.positive_deltas.extend([1, 1])
    answer = await write(door, two(latency_seconds=custom), TWO)
    assert (answer.status_code, written(answer)) == (204, ("0", "1", "0")), answer.text
    [series] = (await door.series()).values()
    assert (series.form, series.bounds) == ("cumulative_explicit", [0.1, 0.5])
    assert (await door.block()).explicits.counts.tolist() == [1, 2, 0]


async def test_a_counter_of_2_0_brings_when_it_began(door: Door) -> None:
    at = now()
    assert (await write(door, two((SENT, [(7.0, at)]), (UP, [(1.0, at)]), created=at - 9_000), TWO)).status_code == 204
    numbers, series = (await door.block()).numbers, await door.series()
    starts = {
        series[number].metric: start for number, start in zip(numbers.series, numbers.start.tolist(), strict=True)
    }
    assert starts == {"http_sent_bytes_total": (at - 9_000) * 1_000_000, "up": 0}


@pytest.mark.parametrize("value", [STALE, math.nan], ids=["its series ended", "nothing was measured"])
async def test_what_is_no_number_is_passed_over(door: Door, value: float) -> None:
    answer = await write(door, one((UP, [(value, now())])))
    assert (answer.status_code, written(answer)) == (204, ("1", "0", "0")), "it was taken, and there is nothing to keep"
    assert await door.series() == {}


async def test_the_same_request_again_is_kept_once(door: Door) -> None:
    body = one((UP, [(1.0, now())]))
    for _ in range(2):
        answer = await write(door, body)
        assert (answer.status_code, written(answer)) == (204, ("1", "0", "0"))
    assert (await door.block()).points == 1


@pytest.mark.parametrize(("made", "headers"), VERSIONS)
async def test_what_is_wrong_is_refused_with_a_sentence_and_the_rest_is_kept(
    door: Door, made: Made, headers: dict[str, str]
) -> None:
    at = now()
    body = made(
        (UP, [(1.0, at)]), (SENT, [(math.inf, at)]), ({"job": "nameless"}, [(1.0, at)]), ({"__name__": "old"}, [(1.0, 5)])
    )  # fmt: skip
    answer = await write(door, body, headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")
    assert "1 sample of http_sent_bytes_total refused" in answer.text
    assert "1 sample of a series refused: a series must have a name (__name__)" in answer.text
    assert "1 sample of old refused: its time is more than" in answer.text
    assert written(answer) == ("1", "0", "0")
    assert [each.metric for each in (await door.series()).values()] == ["up"]


async def test_labels_that_lead_nowhere_refuse_their_series_alone(door: Door) -> None:
    request = message("Request2", symbols=["", "__name__", "good", "odd"])
    for refs in ([1, 2], [1, 9], [1, 3, 1]):
        request.timeseries.add(labels_refs=refs).samples.add(value=1.0, timestamp=now())
    answer = await write(door, request.SerializeToString(), TWO)
    assert answer.status_code == 400
    assert "2 samples of a series refused: its labels must be pairs of symbols" in answer.text
    assert [each.metric for each in (await door.series()).values()] == ["good"]


async def test_a_label_that_stands_there_twice_is_refused(door: Door) -> None:
    request = message("Request")
    series = request.timeseries.add()
    for name, value in (("__name__", "up"), ("a", "1"), ("a", "2")):
        series.labels.add(name=name, value=value)
    series.samples.add(value=1.0, timestamp=now())
    for _ in range(2):
        answer = await write(door, request.SerializeToString())
        assert (answer.status_code, answer.text.split(": ")[1]) == (400, "the label a stands there twice.")


async def test_a_first_symbol_that_says_something_is_refused(door: Door) -> None:
    request = message("Request2", symbols=["__name__", "up"])
    request.timeseries.add(labels_refs=[0, 1]).samples.add(value=1.0, timestamp=now())
    answer = await write(door, request.SerializeToString(), TWO)
    assert (answer.status_code, answer.text) == (
        400,
        "this is no io.prometheus.write.v2.Request: the first symbol must be empty",
    )


async def test_names_of_our_own_are_refused(door: Door) -> None:
    answer = await write(door, one(({"__name__": "up", "job": "century/probes-0"}, [(1.0, now())])))
    assert answer.status_code == 400
    assert "the installation's own" in answer.text


async def test_a_request_without_samples_is_taken(door: Door) -> None:
    # Prometheus sends metadata so.
    assert (await write(door, b"")).status_code == 204


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"content-type": "application/json"}, 415, "send application/x-protobuf"),
        ({"content-type": "application/x-protobuf;proto=other.Request"}, 415, "proto must be prometheus.WriteRequest"),
        ({"content-encoding": "gzip"}, 415, "Content-Encoding: snappy"),
        ({"content-encoding": ""}, 415, "Content-Encoding: snappy"),
        ({"authorization": ""}, 401, ""),
    ],
)
async def test_what_we_do_not_speak_is_told(door: Door, headers: dict[str, str], status: int, said: str) -> None:
    answer = await write(door, one((UP, [(1.0, now())])), {**ONE, **headers})
    assert answer.status_code == status
    assert said in answer.text


@pytest.mark.parametrize(
    ("content_type", "made"),
    [
        ("application/x-protobuf;proto=prometheus.WriteRequest", one),
        ("application/x-protobuf; proto=io.prometheus.write.v2.Request", two),
    ],
)
async def test_the_message_may_be_named(door: Door, content_type: str, made: Made) -> None:
    answer = await write(door, made((UP, [(1.0, now())])), {**ONE, "content-type": content_type})
    assert answer.status_code == 204


async def test_only_a_key_that_may_send(door: Door) -> None:
    async with door.world.works.begin() as work:
        _, secret = await keys.create_key(work, door.world.settings, "reader", [Scope.READ])
    answer = await write(door, one((UP, [(1.0, now())])), {**ONE, "authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.text) == (403, "writing samples takes a key with the scope ingest")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"\xff\xff\xff\xff\xff\xff", 400, "is not snappy data"),
        # A head that promises four gigabytes, and nothing behind it.
        (b"\xff\xff\xff\xff\x0f\x00", 413, "may unpack to"),
        (packed(b"\x0a\xff"), 400, "this is no prometheus.WriteRequest"),
        (
            packed(b"\x0a\x14\x0a\x0d\x0a\x08__name__\x12\x01a\x12\x03\x09\x01\x02"),
            400,
            "this is no prometheus.WriteRequest",
        ),
        (bytes(cramjam.snappy.compress(b"framed")), 400, ""),
    ],
)
async def test_what_is_no_request_is_refused_before_it_costs_anything(
    door: Door, body: bytes, status: int, said: str
) -> None:
    answer = await door.client.post("/api/v1/write", content=body, headers=ONE)
    assert answer.status_code == status, answer.text
    assert said in answer.text


async def test_while_the_database_is_away_it_may_come_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise OperationalError("", {}, OSError())

    monkeypatch.setattr(door.app.telemetry.registry, "settle", away)
    answer = await write(door, one((UP, [(1.0, now())])))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"


async def test_a_large_request_is_read_aside_and_kept_whole(door: Door) -> None:
    at = now()
    many = [({"__name__": "many", "n": "x" * 300 + str(number)}, [(1.0, at)]) for number in range(1_000)]
    answer = await write(door, one(*many))
    assert (answer.status_code, written(answer)) == (204, ("1000", "0", "0")), answer.text
    assert (await door.block()).points == 1_000
