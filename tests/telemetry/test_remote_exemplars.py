"""Exemplars of remote write: kept with their traces as those of OTLP are, whichever request brings them, at no sample's cost."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from century.telemetry import labelled_exemplar
from century.telemetry.exemplar import SPAN, TRACE
from century.telemetry.remote_write import NOT_KNOWN
from tests.telemetry.door import Door, opened
from tests.telemetry.prompb import ONE, TWO, Told, message, packed, told
from tests.telemetry.test_remote_write import exponential, now, written
from tests.world import World

NAMES = {"instance": "10.0.0.7:9100", "job": "node"}
BUCKET = {"__name__": "latency_seconds_bucket", "le": "0.5", **NAMES}
NATIVE = {"__name__": "size_bytes", **NAMES}
CUSTOM = {"__name__": "wait_seconds", **NAMES}
GAUGE = {"__name__": "up", **NAMES}
TRACE_ID, SPAN_ID = "0123456789abcdef0123456789abcdef", "fedcba9876543210"
TRACED = {"trace_id": TRACE_ID, "span_id": SPAN_ID}
VERSIONS = pytest.mark.parametrize("version", [1, 2], ids=["1.0", "2.0"])


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world) as door:
        yield door


def custom(at: int) -> Any:
    made = message("Histogram", timestamp=at, count_int=3, sum=1.0, schema=-53, custom_values=[0.1, 0.5])
    made.positive_spans.add(offset=0, length=2)
    made.positive_deltas.extend([1, 1])
    return made


async def send(door: Door, version: int, *series: Told) -> Any:
    headers = ONE if version == 1 else TWO
    return await door.client.post("/api/v1/write", content=packed(told(version, *series)), headers=headers)


async def kept(door: Door) -> dict[str, list[tuple[float, str, str]]]:
    """Every exemplar by its metric: value, trace, span."""
    statement = """SELECT metric.name, exemplar.* FROM exemplar JOIN series ON series.id = series_id
        JOIN metric ON metric.id = metric_id ORDER BY metric.name, at"""
    rows = [(row.name, (row.value, row.trace_id, row.span_id)) for row in await door.rows(statement)]
    return {name: [each for _, each in found] for name, found in itertools.groupby(rows, key=lambda row: row[0])}


@VERSIONS
async def test_they_are_kept_with_their_samples(door: Door, version: int) -> None:
    at = now()
    answer = await send(
        door,
        version,
        Told(BUCKET, [(7.0, at)], [(TRACED, 0.4, at - 3)]),
        Told(NATIVE, (), [({"traceID": TRACE_ID}, 0.9, at - 2)], [exponential(at)]),
        Told(CUSTOM, (), [(TRACED, 0.3, at - 1)], [custom(at)]),
        Told(GAUGE, [(1.0, at)], [(TRACED, 1.0, at)]),
    )
    assert (answer.status_code, written(answer), answer.text) == (204, ("2", "2", "4"), "")
    assert await kept(door) == {
        "latency_seconds_bucket": [(0.4, TRACE_ID, SPAN_ID)],
        "size_bytes": [(0.9, TRACE_ID, "")],
        "wait_seconds": [(0.3, TRACE_ID, SPAN_ID)],
        "up": [(1.0, TRACE_ID, SPAN_ID)],
    }
    series = (await door.series()).values()
    forms = {each.metric: each.form for each in series}
    assert forms == {
        "latency_seconds_bucket": "cumulative", "size_bytes": "cumulative_sketch",
        "wait_seconds": "cumulative_explicit", "up": "number",
    }  # fmt: skip
    assert len(series) == 4, "an exemplar opens no series beside that of its samples"
    block = await door.block()
    assert (block.numbers.value.tolist(), block.points) == ([7.0, 1.0], 4)
    [stored] = await door.rows("SELECT at FROM exemplar WHERE value = 0.4")
    assert int(stored.at.timestamp() * 1000) == at - 3


@VERSIONS
async def test_they_may_come_in_a_series_of_their_own_before_or_after_the_samples(door: Door, version: int) -> None:
    # So a Prometheus sends them: each is an entry by itself, behind the samples, perhaps in the next request.
    at = now()
    answer = await send(
        door,
        version,
        Told(NATIVE, (), [(TRACED, 0.9, at)]),
        Told(BUCKET, (), [(TRACED, 0.4, at)]),
        Told(NATIVE, histograms=[exponential(at)]),
        Told(CUSTOM, histograms=[custom(at)]),
    )
    assert (answer.status_code, written(answer)) == (204, ("0", "2", "2"))
    answer = await send(
        door, version, Told(NATIVE, (), [(TRACED, 0.8, at + 1)]), Told(CUSTOM, (), [(TRACED, 0.2, at + 1)])
    )
    assert (answer.status_code, written(answer)) == (204, ("0", "0", "2"))
    assert {name: [value for value, _, _ in found] for name, found in (await kept(door)).items()} == {
        "latency_seconds_bucket": [0.4], "size_bytes": [0.9, 0.8], "wait_seconds": [0.2],
    }  # fmt: skip
    assert len(await door.series()) == 3
    assert (await door.block()).points == 2


@VERSIONS
async def test_the_same_ones_again_are_kept_once(door: Door, version: int) -> None:
    said = Told(BUCKET, (), [(TRACED, 0.4, now())])
    for _ in range(2):
        assert written(await send(door, version, said)) == ("0", "0", "1")
    assert await kept(door) == {"latency_seconds_bucket": [(0.4, TRACE_ID, SPAN_ID)]}


@VERSIONS
async def test_those_that_lead_nowhere_or_are_wrong_cost_no_sample(door: Door, version: int) -> None:
    at = now()
    answer = await send(
        door,
        version,
        Told(
            BUCKET,
            [(7.0, at)],
            [({"user": "7"}, 0.1, at), ({"trace_id": "none"}, 0.2, at), (TRACED, float("nan"), at), (TRACED, 0.4, 5)],
        ),
        Told(NATIVE, (), [(TRACED, 0.9, at)]),
    )
    # Without a trace it was taken, and there is nothing to keep.
    assert (answer.status_code, written(answer)) == (204, ("1", "0", "1"))
    assert await kept(door) == {}
    assert (await door.block()).numbers.value.tolist() == [7.0]


async def test_what_is_wrong_is_said_where_something_is_refused(door: Door) -> None:
    at = now()
    series = [Told(BUCKET, [(1.0, 5)], [({"trace_id": "none"}, 0.2, at)]), Told(NATIVE, (), [(TRACED, 0.9, at)])]
    answer = await send(door, 2, *series)
    assert answer.status_code == 400
    assert "1 exemplar of latency_seconds_bucket not kept: a trace id has 16 bytes" in answer.text
    assert f"1 exemplar of size_bytes not kept: {NOT_KNOWN}" in answer.text


async def test_labels_that_lead_nowhere_lose_their_exemplar_alone(door: Door) -> None:
    request = message("Request2", symbols=["", "__name__", "orders_total"])
    series = request.timeseries.add(labels_refs=[1, 2])
    series.samples.add(value=1.0, timestamp=now())
    series.exemplars.add(labels_refs=[9, 1], value=1.0, timestamp=now())
    answer = await door.client.post("/api/v1/write", content=packed(request.SerializeToString()), headers=TWO)
    assert (answer.status_code, written(answer)) == (204, ("1", "0", "0"))


IDS = [
    pytest.param(TRACE_ID, TRACE, bytes.fromhex(TRACE_ID), id="a trace's 32 digits"),
    pytest.param(TRACE_ID.upper(), TRACE, bytes.fromhex(TRACE_ID), id="in capitals"),
    pytest.param("0123456789abcdef", TRACE, bytes(8) + bytes.fromhex("0123456789abcdef"), id="its lower half alone"),
    pytest.param(SPAN_ID, SPAN, bytes.fromhex(SPAN_ID), id="a span's 16 digits"),
    pytest.param("", SPAN, b"", id="no span is told"),
    pytest.param("01234567", SPAN, labelled_exemplar.NO_ID, id="half a span is none"),
    pytest.param("0123 4567 89abcd", TRACE, labelled_exemplar.NO_ID, id="no digits"),
    pytest.param(TRACE_ID + "00", TRACE, labelled_exemplar.NO_ID, id="too many digits"),
]


@pytest.mark.parametrize(("said", "size", "expected"), IDS)
def test_an_id_by_its_digits(said: str, size: int, expected: bytes) -> None:
    assert labelled_exemplar.identity(said.encode(), size) == expected
