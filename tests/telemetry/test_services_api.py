"""What clients ask of services, over HTTP and the websocket, against a real server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pytest
import pytest_asyncio
import websockets

from century.core.settings import Settings
from century.telemetry import block, compaction, sketch
from tests.telemetry import feed
from tests.telemetry.door import Door, opened
from tests.telemetry.feed import Feed
from tests.world import World

BEGIN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
BOUND = sketch.relative_error(sketch.MAX_SCALE) * (1 + 1e-6)
DASHBOARD = """
query Dashboard($service: String!, $range: TimeRange!) {
  service(name: $service) {
    id name health firstSeenAt lastSeenAt refusedSeries openAlerts { critical warning info }
    performance(range: $range) {
      from to requestCount errorCount throughput errorRate availability apdex
      latency { avg p50 p95 p99 max approximate }
      cpuUtilization memoryUtilization
      targets { name objective comparison unit actual met }
      timeline(maxPoints: 300) { resolution at requestCount throughput errorRate availability latencyAvg latencyP50 latencyP95 latencyP99 cpuUtilization memoryUtilization }
      routes(first: 10, orderBy: LATENCY_P95) { totalCount pageInfo { endCursor hasNextPage } nodes { method route requestCount errorRate throughput latency { avg p95 } } }
      previous { requestCount errorRate latency { p95 } }
    }
    deployments(range: $range) { id at version url service }
    metrics { name unit kind description attributes }
  }
}"""


@pytest_asyncio.fixture
async def door(settings: Settings, world: World) -> AsyncIterator[Door]:
    async with opened(settings, world, world.clock) as made:
        yield made


async def ask(door: Door, query: str, **variables: Any) -> dict[str, Any]:
    answer = await door.client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert "errors" not in said, said
    return said["data"]  # type: ignore[no-any-return]


async def refusal(door: Door, query: str, **variables: Any) -> str:
    answer = await door.client.post("/graphql", json={"query": query, "variables": variables})
    return str(answer.json()["errors"][0]["extensions"]["code"])


async def shop(world: World) -> tuple[np.ndarray, int]:
    """Three hours of a service with two routes; the raw latencies, and how many failed."""
    made = await Feed.new(world.works)
    home = await made.series(http__request__method="GET", http__route="/", http__response__status_code="200")
    pay = await made.series(http__request__method="POST", http__route="/pay", http__response__status_code="200")
    bad = await made.series(http__request__method="POST", http__route="/pay", http__response__status_code="500")
    user = await made.series("process.cpu.utilization", form="number", kind="gauge", unit="1", cpu__mode="user")
    system = await made.series("process.cpu.utilization", form="number", kind="gauge", unit="1", cpu__mode="system")
    used = await made.series("system.memory.utilization", form="number", kind="gauge", unit="1", state="used")
    generator = np.random.default_rng(7)
    at = feed.times(BEGIN, timedelta(hours=3))
    parts, raw, failures = [], [], 0
    for series, mean, count in ((home, -3.0, 5), (pay, -1.0, 2), (bad, 0.5, 1)):
        values = [generator.lognormal(mean, 0.6, generator.integers(0, count + 1)) for _ in at]
        parts.append(feed.sketches(series, at, values))
        raw += values
        failures += sum(len(each) for each in values) if series == bad else 0
    parts.append(feed.numbers(user, at, [0.25] * len(at)))
    parts.append(feed.numbers(system, at, [0.05] * len(at)))
    parts.append(feed.numbers(used, at, [0.625] * len(at)))
    await made.send(block.concat(parts))
    await made.seen_from(BEGIN)
    world.clock.instant = BEGIN + timedelta(hours=3)
    return np.sort(np.concatenate(raw)), failures


@pytest.mark.parametrize("compacted", [False, True], ids=["hot", "compacted"])
async def test_a_dashboard_is_answered_from_one_document(door: Door, world: World, compacted: bool) -> None:
    raw, failures = await shop(world)
    if compacted:
        world.advance(minutes=6)
        assert await compaction.compact(world.works) == 3
        world.advance(minutes=-6)
    data = (await ask(door, DASHBOARD, service="shop", range={"last": "PT3H"}))["service"]
    made = data["performance"]
    assert made["requestCount"] == len(raw) and made["errorCount"] == failures
    assert made["errorRate"] == pytest.approx(failures / len(raw))
    assert made["throughput"] == pytest.approx(len(raw) / 10_800)
    assert made["latency"]["avg"] == pytest.approx(raw.mean())
    assert made["latency"]["max"] == pytest.approx(raw.max(), rel=1e-4)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert made["latency"][name] == pytest.approx(raw[math.ceil(share * len(raw) - 1e-9) - 1], rel=BOUND)
    assert made["cpuUtilization"] == pytest.approx(0.3) and made["memoryUtilization"] == pytest.approx(0.625)
    apdex = ((raw <= 0.5).sum() + (raw <= 2.0).sum()) / 2 / len(raw)
    assert made["apdex"] == pytest.approx(apdex, abs=0.01)
    targets = {each["name"]: each for each in made["targets"]}
    assert targets["cpu"]["met"] is True and targets["error_rate"]["met"] is False
    assert targets["latency_p95"]["actual"] == made["latency"]["p95"]
    timeline = made["timeline"]
    assert timeline["resolution"] == "PT1M" and len(timeline["at"]) == 180
    assert sum(timeline["requestCount"]) == len(raw)
    assert timeline["at"][0] == BEGIN.timestamp()
    assert made["routes"]["totalCount"] == 2
    table = {each["route"]: each for each in made["routes"]["nodes"]}
    assert list(table) == ["/pay", "/"]
    assert table["/pay"]["errorRate"] == pytest.approx(failures / table["/pay"]["requestCount"])
    assert table["/"]["errorRate"] == 0 and sum(each["requestCount"] for each in table.values()) == len(raw)
    assert made["previous"]["requestCount"] == 0 and made["previous"]["latency"]["p95"] is None
    assert {each["name"]: each["attributes"] for each in data["metrics"]} == {
        "http.server.request.duration": ["http.request.method", "http.response.status_code", "http.route"],
        "process.cpu.utilization": ["cpu.mode"],
        "system.memory.utilization": ["state"],
    }


async def test_health_is_told_of_all_services_at_once(door: Door, world: World) -> None:
    now = world.clock.now()
    at = [time - 60 * feed.SECOND for time in feed.times(now - timedelta(minutes=2), timedelta(minutes=2))]
    for name, good, bad in (("fine", 20, 0), ("broken", 5, 5), ("so-so", 100, 2)):
        made = await Feed.new(world.works, name)
        for status, count in (("200", good), ("500", bad)):
            series = await made.series(http__route="/", http__response__status_code=status)
            await made.send(feed.sketches(series, at, [np.full(count, 0.1)] * len(at)))
    world.clock.instant -= timedelta(minutes=30)
    await Feed.new(world.works, "gone")
    world.clock.instant = now
    data = await ask(door, '{ services { name health } performance(range: {last: "PT1H"}) { requestCount } }')
    assert {each["name"]: each["health"] for each in data["services"] if each["name"] != "century"} == {
        "fine": "HEALTHY", "broken": "UNHEALTHY", "so-so": "DEGRADED", "gone": "SILENT",
    }  # fmt: skip
    assert data["performance"]["requestCount"] == 132 * 12


async def test_a_metric_is_grouped_filtered_and_aggregated(door: Door, world: World) -> None:
    made = await Feed.new(world.works)
    at = feed.times(BEGIN, timedelta(hours=2), 60)
    for pool, value in (("a", 2.0), ("b", 5.0)):
        series = await made.series("db.client.connection.count", form="number", kind="sum", monotonic=False, unit="{connection}", pool=pool, state="used")  # fmt: skip
        await made.send(feed.numbers(series, at, [value] * len(at)))
    jobs = await made.series("jobs", form="number", kind="sum", unit="1")
    await made.send(feed.numbers(jobs, at, [3.0] * len(at)))
    # The increments of a total that falls as well: two in, one out, each minute.
    for direction, value in (("in", 2.0), ("out", -1.0)):
        series = await made.series("moved", form="delta", kind="sum", monotonic=False, unit="1", direction=direction)
        await made.send(feed.numbers(series, at, [value] * len(at)))
    world.clock.instant = BEGIN + timedelta(hours=2)
    query = """query M($name: String!, $how: Aggregation!, $by: [String!]!, $in: [AttributeFilter!]!, $points: Int!) {
      service(name: "shop") { metric(name: $name, aggregation: $how, groupBy: $by, filter: $in, range: {last: "PT2H"}, maxPoints: $points) {
        unit resolution series { attributes { key value } at values } } } }"""

    async def metric(name: str, how: str, by: tuple[str, ...] = (), points: int = 300, **wanted: str) -> Any:
        filters = [{"key": key, "in": [value]} for key, value in wanted.items()]
        data = await ask(door, query, name=name, how=how, by=list(by), **{"in": filters}, points=points)
        return data["service"]["metric"]

    for _ in range(2):
        grouped = await metric("db.client.connection.count", "LAST", ("pool",), 120)
        assert grouped["resolution"] == "PT1M" and grouped["unit"] == "{connection}"
        assert [each["attributes"] for each in grouped["series"]] == [
            [{"key": "pool", "value": "a"}],
            [{"key": "pool", "value": "b"}],
        ]
        assert grouped["series"][1]["values"] == [5.0] * 120
        assert (await metric("db.client.connection.count", "SUM"))["series"][0]["values"][0] == 7.0
        assert (await metric("db.client.connection.count", "LAST", points=2))["series"][0]["values"] == [7.0, 7.0]
        assert (await metric("db.client.connection.count", "MAX", pool="a"))["series"][0]["values"][0] == 2.0
        assert (await metric("db.client.connection.count", "P95", points=2))["series"][0]["values"] == [5.0, 5.0]
        assert (await metric("db.client.connection.count", "AVG", pool="none"))["series"] == []
        rate = await metric("jobs", "RATE", points=2)
        assert rate["series"][0]["values"] == [0.05, 0.05] and rate["unit"] == "1/s" and rate["resolution"] == "PT1H"
        assert sum((await metric("jobs", "SUM", points=24))["series"][0]["values"]) == 360
        assert (await metric("jobs", "COUNT", points=2))["series"][0]["values"] == [60, 60]
        assert (await metric("moved", "SUM", points=2))["series"][0]["values"] == [60.0, 60.0]
        assert (await metric("moved", "SUM", points=2, direction="out"))["series"][0]["values"] == [-60.0, -60.0]
        rate = await metric("moved", "RATE", points=2)
        assert rate["series"][0]["values"] == [60 / 3600] * 2 and rate["unit"] == "1/s"
        world.advance(minutes=6)
        await compaction.compact(world.works)
        world.advance(minutes=-6)
    assert await refusal(door, query, name="no", how="AVG", by=[], **{"in": []}, points=9) == "NOT_FOUND"
    assert await refusal(door, query, name="jobs", how="AVG", by=[], **{"in": []}, points=0) == "INVALID"
    assert (
        await refusal(door, query, name="db.client.connection.count", how="RATE", by=[], **{"in": []}, points=9)
        == "INVALID"
    )


async def test_a_deployment_is_recorded_shown_and_told(door: Door, world: World) -> None:
    async with asyncio.timeout(20):
        await _a_deployment_is_recorded_shown_and_told(door, world)


async def _a_deployment_is_recorded_shown_and_told(door: Door, world: World) -> None:
    await Feed.new(world.works)
    mutation = """mutation R($input: RecordDeploymentInput!) { recordDeployment(input: $input) {
      deployment { id at version url service } } }"""
    address = door.address.replace("http", "ws") + "/graphql"
    async with websockets.connect(address, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        await socket.send(
            orjson.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {door.secret}"}}).decode()
        )
        assert orjson.loads(await socket.recv())["type"] == "connection_ack"
        subscription = 'subscription { deploymentRecorded(service: "shop") { version service } }'
        await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": {"query": subscription}}).decode())
        said = {"service": "shop", "version": "1.2.3", "url": "https://ci.example/42"}
        while not world_listens(door, "deployments.shop"):
            await asyncio.sleep(0.01)
        made = (await ask(door, mutation, input=said))["recordDeployment"]["deployment"]
        pushed = orjson.loads(await socket.recv())
        assert pushed["payload"]["data"] == {"deploymentRecorded": {"version": "1.2.3", "service": "shop"}}
    world.advance(seconds=1)
    query = '{ service(name: "shop") { deployments(range: {last: "PT1H"}) { id at version url service } } }'
    assert (await ask(door, query))["service"]["deployments"] == [made]
    for wrong in ({"url": "javascript:alert(1)"}, {"version": ""}, {"at": "2030-01-01T00:00:00Z"}, {"service": "a\0"}):
        assert await refusal(door, mutation, input={**said, **wrong}) == "INVALID"
    assert await refusal(door, 'query { service(name: "nobody") { id } }') == "NOT_FOUND"


def world_listens(door: Door, topic: str) -> bool:
    return topic in door.app.bus._queues


async def test_live_points_are_pushed_as_data_comes_in(door: Door, world: World) -> None:
    async with asyncio.timeout(20):
        await _live_points_are_pushed_as_data_comes_in(door, world)


async def _live_points_are_pushed_as_data_comes_in(door: Door, world: World) -> None:
    made = await Feed.new(world.works)
    series = await made.series(http__route="/", http__response__status_code="200")
    live = door.app.telemetry.live.points("shop")
    first = anext(live)
    waiting = asyncio.ensure_future(first)
    while not world_listens(door, "telemetry.stored"):
        await asyncio.sleep(0.01)
    at = feed.times(world.clock.now(), timedelta(seconds=20))
    for number, values in enumerate(([0.1, 0.2], [0.4])):
        await made.send(feed.sketches(series, [at[number]], [np.array(values)]))
        slot = at[number] // feed.SECOND
        message = {"service": "shop", "service_id": made.service, "slots": [slot]}
        await door.app.bus.publish("telemetry.stored", orjson.dumps(message))
        point = await (waiting if number == 0 else anext(live))
        assert (point.at, point.request_count, point.throughput) == (slot, len(values), len(values) / 10)
        assert point.latency_p95 == pytest.approx(max(values), rel=BOUND) and point.error_rate == 0
    await live.aclose()
