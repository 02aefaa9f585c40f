"""What OpenTelemetry's own SDK sends arrives as it was measured; both encodings mean the same."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import time
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import numpy as np
import orjson
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from century.core.settings import Settings
from century.telemetry import otlp, otlp_json
from century.telemetry.block import Block
from century.telemetry.wire import Malformed
from tests.telemetry.door import JSON, Door, opened
from tests.telemetry.messages import SECOND, Metrics
from tests.world import World

DELTA = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)


@pytest_asyncio.fixture
async def door(settings: Settings, world: World) -> AsyncIterator[Door]:
    async with opened(settings, world) as door:
        yield door


def same(one: Block, other: Block) -> None:
    for name in ("numbers", "sketches", "explicits"):
        for each in fields(getattr(one, name)):
            left, right = getattr(getattr(one, name), each.name), getattr(getattr(other, name), each.name)
            assert left.tobytes() == right.tobytes(), (name, each.name, left, right)


def provider(door: Door, temporality: Any = None, compression: Compression = Compression.NoCompression) -> Any:
    exporter = OTLPMetricExporter(
        endpoint=f"{door.address}/v1/metrics",
        headers={"authorization": f"Bearer {door.secret}"},
        preferred_temporality=temporality,
        compression=compression,
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    view = View(instrument_name="*.exponential", aggregation=ExponentialBucketHistogramAggregation())
    resource = Resource.create({"service.name": "shop", "service.instance.id": "one"})
    return MeterProvider([reader], resource=resource, views=[view])


async def flush(made: Any) -> None:
    assert await asyncio.to_thread(made.force_flush)


async def test_the_sdk_sends_every_kind_of_instrument(door: Door) -> None:
    made = provider(door, DELTA, Compression.Gzip)
    meter = made.get_meter("tests")
    orders = meter.create_counter("orders", unit="{order}", description="Orders placed")
    open_orders = meter.create_up_down_counter("orders.open")
    meter.create_observable_gauge("queue.length", [lambda _: [Observation(7, {"queue": "mail"})]])
    plain = meter.create_histogram("explicit", explicit_bucket_boundaries_advisory=[0.1, 0.5, 1.0])
    exponential = meter.create_histogram("latency.exponential", unit="s")
    values = np.random.default_rng(7).lognormal(-3, 1, 500)
    for value in values:
        plain.record(float(value), {"http.route": "/orders"})
        exponential.record(float(value), {"http.route": "/orders"})
    orders.add(5, {"paid": True})
    open_orders.add(3)
    open_orders.add(-1)
    await flush(made)
    orders.add(2, {"paid": True})
    await flush(made)
    await asyncio.to_thread(made.shutdown)

    series = await door.series()
    assert {row.service for row in series.values()} == {"shop"}
    forms = {row.metric: (row.kind, row.form, row.monotonic, row.unit) for row in series.values()}
    assert forms == {
        "orders": ("sum", "number", True, "{order}"),
        "orders.open": ("sum", "number", False, ""),
        "queue.length": ("gauge", "number", False, ""),
        "explicit": ("histogram", "explicit", False, ""),
        "latency.exponential": ("histogram", "sketch", False, "s"),
    }
    attributes = {row.metric: row.attributes for row in series.values()}
    assert attributes["orders"] == {"paid": "true", "service.instance.id": "one"}
    assert attributes["explicit"] == {"http.route": "/orders", "service.instance.id": "one"}
    assert next(row.bounds for row in series.values() if row.metric == "explicit") == [0.1, 0.5, 1.0]

    block = await door.block()
    told = {
        name: block.numbers.value[block.numbers.series == number].tolist()
        for number, name in ((number, row.metric) for number, row in series.items())
    }
    assert told["orders"] == [5.0, 2.0]
    assert set(told["orders.open"]) == {2.0}
    assert told["queue.length"][0] == 7.0
    explicit, sketch = block.explicits, block.sketches
    assert explicit.count.tolist() == [500]
    assert explicit.counts.tolist() == [int(each) for each in np.histogram(values, [0, 0.1, 0.5, 1.0, np.inf])[0]]
    assert sketch.count.tolist() == [500]
    assert int(sketch.counts.sum() + sketch.zero.sum()) == 500
    assert np.isclose(sketch.sum[0], values.sum())
    assert (sketch.low[0], sketch.high[0]) == (values.min(), values.max())
    # Each value lies in the bucket that counts it: its index is the logarithm at the sketch's scale.
    index = np.ceil(np.log2(values) * 2.0 ** int(sketch.scale[0])).astype(int) - 1
    expected = np.bincount(index - int(sketch.offset[0]), minlength=int(sketch.width[0]))
    assert sketch.counts.tolist() == expected.tolist()


async def test_a_total_that_may_fall_reads_as_increments_or_as_a_level(door: Door) -> None:
    for name, temporality in (("increments", AggregationTemporality.DELTA), ("level", None)):
        made = provider(door, None if temporality is None else {UpDownCounter: temporality})
        moved = made.get_meter("tests").create_up_down_counter(name)
        for amount in (5, -2):
            moved.add(amount)
            await flush(made)
        await asyncio.to_thread(made.shutdown)
    series = await door.series()
    assert {row.metric: row.form for row in series.values()} == {"increments": "delta", "level": "number"}
    numbers = (await door.block()).numbers
    told = {row.metric: numbers.value[numbers.series == number].tolist() for number, row in series.items()}
    assert told["increments"] == [5.0, -2.0]
    assert told["level"][:2] == [5.0, 3.0]


async def test_cumulative_instruments_come_as_they_are_sent_and_are_marked(door: Door) -> None:
    made = provider(door)
    meter = made.get_meter("tests")
    orders = meter.create_counter("orders")
    latency = meter.create_histogram("latency.exponential")
    explicit = meter.create_histogram("explicit", explicit_bucket_boundaries_advisory=[0.5])
    for _ in range(2):
        orders.add(5)
        latency.record(0.25)
        explicit.record(0.25)
        await flush(made)
    await asyncio.to_thread(made.shutdown)
    forms = {row.metric: row.form for row in (await door.series()).values()}
    assert forms == {
        "orders": "cumulative",
        "latency.exponential": "cumulative_sketch",
        "explicit": "cumulative_explicit",
    }
    block = await door.block()
    assert block.numbers.value.tolist()[:2] == [5.0, 10.0]
    assert block.sketches.count.tolist()[:2] == [1, 2]
    assert block.explicits.counts.tolist()[:4] == [1, 0, 2, 0]
    assert len(set(block.numbers.start.tolist())) == 1


async def test_an_exporter_that_repeats_itself_changes_nothing(door: Door) -> None:
    body = bytes(Metrics().gauge("queue", 1.0, 2.0).sketch("latency", [1, 2, 3]))
    answers = await asyncio.gather(*(door.send(body) for _ in range(5)))
    packed = await door.send(gzip.compress(body), content_encoding="gzip")
    assert {answer.status_code for answer in (*answers, packed)} == {200}
    assert (await door.block()).points == 3
    assert len(await door.series()) == 3


async def test_a_batch_across_hours_lies_in_one_block_an_hour(door: Door) -> None:
    hour = 3600 * SECOND
    start = time.time_ns() // hour * hour
    request = Metrics()
    for back in range(3):
        request.gauge("queue", float(back), at=start - back * hour)
    await door.send(bytes(request))
    rows = await door.rows("SELECT hour, first_at, last_at, points FROM block ORDER BY hour")
    assert [row.points for row in rows] == [1, 1, 1]
    assert all(row.hour == row.first_at == row.last_at for row in rows)


async def test_many_services_in_one_request_are_kept_apart(door: Door) -> None:
    request = Metrics("shop").gauge("queue", 1.0, 2.0).resource("bank").gauge("queue", 3.0).sketch("latency", [1])
    request.resource(None).gauge("queue", 4.0)
    await door.send(bytes(request))
    rows = await door.rows(
        "SELECT service.name, points FROM block JOIN service ON service.id = service_id ORDER BY name"
    )
    assert [tuple(row) for row in rows] == [("bank", 2), ("shop", 2), ("unknown_service", 1)]
    assert (await door.send(bytes(request))).content == b""
    assert len(await door.rows("SELECT 1 FROM block")) == 3


async def test_two_instances_without_a_name_of_their_own_do_not_mix(door: Door) -> None:
    for host in ("a", "b"):
        await door.send(bytes(Metrics(host__name=host).sum("orders", 1, temporality=2)))
    instances = {row.attributes["service.instance.id"] for row in (await door.series()).values()}
    assert instances == {"a", "b"}


async def test_a_restart_finds_its_series_again(settings: Settings, world: World) -> None:
    request = everything()
    async with opened(settings, world) as door:
        await door.send(bytes(request))
        before = await door.series()
    request = everything(request.now + SECOND)
    async with opened(settings, world) as door:
        await door.send(bytes(request))
        after = await door.series()
        block = await door.block()
    assert set(after) == set(before)
    assert block.points == 2 * len(before)


async def test_two_servers_give_a_new_series_one_number(settings: Settings, world: World) -> None:
    async with opened(settings, world) as one, opened(settings, world) as other:
        bodies = [bytes(Metrics(now=time.time_ns() - place).gauge("queue", *range(50))) for place in range(6)]
        answers = await asyncio.gather(*((one, other)[place % 2].send(body) for place, body in enumerate(bodies)))
        assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"")}
        assert len(await one.series()) == 50
        assert (await one.block()).points == 300
        assert len(set((await one.block()).numbers.series.tolist())) == 50


async def test_what_was_stored_is_told_after_the_commit(door: Door) -> None:
    async with door.world.bus.subscribe("telemetry.stored") as messages:
        request = Metrics().gauge("queue", 1.0)
        await door.send(bytes(request))
        message = orjson.loads((await asyncio.wait_for(anext(messages), 5)).data)
    assert message["service"] == "shop"
    assert message["slots"] == [request.now // (10 * SECOND) * 10]
    assert [row.id for row in await door.rows("SELECT id FROM service")] == [message["service_id"]]


async def test_json_and_protobuf_of_one_request_are_one_request(door: Door) -> None:
    request = everything()
    first = await door.send(bytes(request))
    blocks = await door.block()
    # The official JSON writes enums as names; OTLP's JSON has them as numbers.
    body = orjson.dumps(MessageToDict(request.message, use_integers_for_enums=True))
    second = await door.send(body, **JSON)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == {}
    same(await door.block(), blocks)


def everything(now: int | None = None) -> Metrics:
    request = Metrics(now=now, service__instance__id="one", numbers=3, ratio=0.5, listed=["a", "b"], true=True)
    request.gauge("queue", 1.0, -2.5, 0.0, text="ü").sum("orders", 7, paid=True, tries=3)
    request.sum("open", -4, temporality=2, monotonic=False).histogram("old", [1, 2, 3], [0.1, 0.5])
    return request.sketch("latency", [1, 200, 0, 70_000]).sketch("cumulative", [5], temporality=2, scale=-2)


def stored(body: bytes, now: int) -> tuple[Block, list[Any]]:
    batch = otlp.read(body, otlp.Catalogue(), now)
    assert not batch.refusals.total, batch.refusals.sentence()
    return batch.block, [(each.stream.metric, each.stream.fingerprint(each.attributes)) for each in batch.discoveries]


def test_json_says_the_same_as_protobuf() -> None:
    now = 1_790_000_000 * SECOND
    request = everything(now)
    said = MessageToDict(request.message, use_integers_for_enums=True)
    blocks, series = stored(bytes(request), now)
    again, others = stored(otlp_json.metrics(orjson.dumps(said)), now)
    same(blocks, again)
    assert series == others


@given(
    values=st.lists(
        st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)), max_size=8
    ),
    started=st.booleans(),
    flags=st.booleans(),
    exemplars=st.booleans(),
    counts=st.lists(st.integers(0, 2**40), max_size=20),
    offset=st.integers(-1000, 1000),
    scale=st.integers(-10, 20),
    zero=st.integers(0, 300),
)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_layout_a_point_can_have_reads_alike_at_first_and_from_memory(
    values: list[float],
    started: bool,
    flags: bool,
    exemplars: bool,
    counts: list[int],
    offset: int,
    scale: int,
    zero: int,
) -> None:
    now = 1_790_000_000 * SECOND
    request = Metrics(now=now)
    total = request.metric("numbers").sum
    total.aggregation_temporality = 1  # type: ignore[assignment]
    for place, value in enumerate(values):
        point = total.data_points.add(time_unix_nano=now, flags=2 if flags else 0)
        if started:
            point.start_time_unix_nano = now - SECOND
        if isinstance(value, int):
            point.as_int = value
        else:
            point.as_double = value
        point.attributes.add(key="place").value.int_value = place
        if exemplars:
            point.exemplars.add(time_unix_nano=now, as_double=1.0, span_id=bytes(8))
    request.sketch("sketch", counts, scale=scale, zero_count=zero)
    sketch = request.scope.metrics[-1].exponential_histogram.data_points[0]
    sketch.positive.offset = offset
    if exemplars:
        sketch.exemplars.add(time_unix_nano=now, as_double=1.0)
    if not started:
        sketch.ClearField("min")
        sketch.negative.SetInParent()
    catalogue = otlp.Catalogue()
    first = otlp.read(bytes(request), catalogue, now)
    assert not first.refusals.total, first.refusals.sentence()
    for number, each in enumerate(first.discoveries):
        each.stream.ids[each.key] = number + 1
    second = otlp.read(bytes(request), catalogue, now)
    assert not second.discoveries
    settled = first.settle(range(1, len(first.discoveries) + 1)).block
    same(settled, second.block)
    assert settled.numbers.value.tolist() == [float(value) for value in values]
    assert settled.sketches.counts.tolist() == counts
    assert settled.sketches.offset.tolist() == [offset]
    assert settled.sketches.scale.tolist() == [scale]
    assert settled.sketches.zero.tolist() == [zero]
    assert settled.sketches.count.tolist() == [sum(counts) + zero]
    assert np.isnan(settled.sketches.low[0]) == (not started)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 400),
    st.booleans(),
)
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_broken_bytes_are_told_as_such_and_nothing_else_happens(
    changes: list[tuple[int, int]], cut: int, known: bool
) -> None:
    now = 1_790_000_000 * SECOND
    whole = bytes(everything(now))
    body = bytearray(whole[: len(whole) - cut] if cut < 100 else whole)
    for place, octet in changes:
        body[place % len(body)] = octet
    catalogue = otlp.Catalogue()
    if known:
        for number, each in enumerate(otlp.read(whole, catalogue, now).discoveries):
            each.stream.ids[each.key] = number + 1
    with contextlib.suppress(Malformed):
        batch = otlp.read(bytes(body), catalogue, now)
        assert batch.block.points <= 20
        assert np.isfinite(batch.block.numbers.value).all()
        assert len(batch.block.sketches.counts) == batch.block.sketches.width.sum()
        assert (np.abs(batch.block.numbers.at - now) < 33 * 86_400 * SECOND).all()
