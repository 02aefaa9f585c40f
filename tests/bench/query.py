"""How long questions take over 50 services × 5 routes × 30 days at ten seconds, asked of a real server over HTTP.

The data goes through the same functions as compaction does, and is then copied in. Times are of the whole request.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import Any

import asyncpg
import numpy as np

from century.access import keys
from century.core.actor import Scope
from century.core.bus import Bus
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.settings import Settings
from century.core.work import Works
from century.telemetry import block, compaction, sketch, totals
from century.telemetry.block import Block, Numbers, Sketches
from century.telemetry.hour import DAY, REQUESTS
from century.telemetry.instants import instant, nanoseconds
from century.telemetry.plain import Points, Series
from tests.bench import peers
from tests.bench.ingest import Installation, installed
from tests.bench.traffic import DAYS, HOUR, ROUTES, SECOND, SERVICES, STEP, drawn, requests

TEMPLATES = 1
SCALE = 6
RUNS = 15
HOT_MINUTES = 10

TIMELINE = "timeline(maxPoints: %d) { at latencyP95 }"
DASHBOARD = """query Dashboard($service: String!, $range: TimeRange!) { service(name: $service) {
  health
  performance(range: $range) { requestCount throughput errorRate availability apdex latency { avg p50 p95 p99 max }
    cpuUtilization memoryUtilization targets { name objective actual met }
    timeline(maxPoints: 300) { resolution at throughput errorRate availability latencyAvg latencyP50 latencyP95 latencyP99 cpuUtilization memoryUtilization }
    routes(first: 10) { nodes { method route requestCount errorRate latency { avg p95 } } } }
  deployments(range: $range) { at version url } } }"""


@dataclass(frozen=True)
class Question:
    """A document and the milliseconds it may take; `cpu`: of the server's CPU instead of the clock."""

    name: str
    query: str
    goal: float | None
    variables: dict[str, Any]
    cpu: bool = False


def questions() -> list[Question]:
    """What is asked."""
    service = (
        "query($service: String!, $range: TimeRange!) { service(name: $service) { performance(range: $range) { %s } } }"
    )
    everything = "query($range: TimeRange!) { performance(range: $range) { %s } }"
    metric = """query($service: String!, $range: TimeRange!) { service(name: $service) { metric(
      name: "http.server.request.duration", aggregation: P95, groupBy: %s, range: $range, maxPoints: 800) {
      series { at values } } } }"""
    month, day = {"last": "P30D"}, {"last": "P1D"}
    one = {"service": "shop-7", "range": month}
    return [
        Question("the smallest question", "{ __typename }", None, {}),
        Question("p95 an hour, 30 days, one service", service % (TIMELINE % 800), 15, one),
        Question("the same as a metric", metric % "[]", 15, one),
        Question("the same for each route", metric % '["http.route"]', None, one),
        Question("p95 an hour, 30 days, all services", everything % (TIMELINE % 800), 200, {"range": month}),
        Question("p95 a minute, 24 hours, one service", service % (TIMELINE % 1500), 10, {**one, "range": day}),
        Question("a dashboard's whole document, 30 days", DASHBOARD, 25, one, cpu=True),
    ]


def points(series: int, at: np.ndarray, sizes: np.ndarray, values: np.ndarray) -> Sketches:
    """A histogram each ten seconds of so many requests, as an SDK sends it."""
    index = sketch.index_of(values, SCALE)
    first = int(index.min())
    width = int(index.max()) - first + 1
    row = np.repeat(np.arange(len(at)), sizes)
    counts = np.bincount(row * width + index - first, minlength=len(at) * width)
    low, high = np.full(len(at), np.inf), np.zeros(len(at))
    np.minimum.at(low, row, values)
    np.maximum.at(high, row, values)
    return block.section(
        Sketches, series=np.full(len(at), series), at=at, start=at - STEP, count=sizes,
        sum=np.bincount(row, weights=values, minlength=len(at)), low=np.where(sizes > 0, low, np.nan),
        high=np.where(sizes > 0, high, np.nan), scale=np.full(len(at), SCALE), zero=np.zeros(len(at)),
        offset=np.full(len(at), first), width=np.full(len(at), width), counts=counts,
    )  # fmt: skip


def together(parts: list[Sketches]) -> Block:
    """The points of several series as one block."""
    none = block.section(Numbers), block.section(block.Explicits)
    return block.concat([Block(none[0], part, none[1]) for part in parts])


def history(template: int, end: int) -> Iterator[tuple[int, compaction.Closed]]:
    """Each hour of thirty days of one service, whose series are numbered from 0, as compaction closes it."""
    series = {n: Series(n, 0, REQUESTS, "histogram", "sketch", attributes(n)) for n in range(ROUTES)}
    kept = compaction.NOTHING
    for start, at, drawings in requests(template, end):
        if start % DAY == 0:
            kept = compaction.NOTHING
        given = together([points(n, at, *drawing) for n, drawing in enumerate(drawings)])
        plain = Points(given.numbers, given.sketches, np.zeros(len(given.sketches.at), dtype=bool))
        closed = compaction.close(plain, series, kept, start)
        kept = replace(kept, rollups=dict(zip(closed.changed, closed.rollups, strict=True)), day=closed.day)
        yield start, closed


def attributes(number: int) -> dict[str, str]:
    """What tells a route's series apart."""
    return {
        "http.request.method": "GET",
        "http.route": f"/route/{number}",
        "http.response.status_code": "200",
        "service.instance.id": "1",
    }


async def load(settings: Settings) -> tuple[str, int]:
    """Fill the database; the secret of a key that may read, and the end of the last closed hour."""
    engine = connect(settings.database_url)
    bus = Bus(settings.redis_url)
    async with Works(engine, SystemClock(), bus).begin() as work:
        _, secret = await keys.create_key(work, settings, "bench", [Scope.READ])
    await bus.close()
    await engine.dispose()
    raw = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    now = datetime.now(UTC)
    end = nanoseconds(now) // HOUR * HOUR
    first = instant(end - DAYS * DAY)
    services = await raw.fetch(
        "INSERT INTO service (uid, name, first_seen_at, last_seen_at) SELECT gen_random_uuid(), 'shop-' || n, $1, $2"
        " FROM generate_series(0, $3::int - 1) n RETURNING id",
        first, now, SERVICES,
    )  # fmt: skip
    numbers = [number for (number,) in services]
    await raw.execute(
        "INSERT INTO metric (service_id, name, unit, kind, monotonic, description)"
        " SELECT id, $1, 's', 'histogram', false, '' FROM service WHERE id = ANY($2)",
        REQUESTS, numbers,
    )  # fmt: skip
    series: dict[int, list[int]] = {number: [] for number in numbers}
    for number in range(ROUTES):
        rows = await raw.fetch(
            "INSERT INTO series (service_id, metric_id, fingerprint, attributes, created_at, last_seen_at, form)"
            " SELECT service_id, id, $1, $2, $3, $4, 'sketch' FROM metric WHERE service_id = ANY($5)"
            " RETURNING service_id, id",
            number.to_bytes(16, "big"), json.dumps(attributes(number)), first, now, numbers,
        )  # fmt: skip
        for service, made in rows:
            series[service].append(made)
    for template in range(TEMPLATES):
        await _copy(
            raw, [series[n] for n in numbers[template::TEMPLATES]], numbers[template::TEMPLATES], history(template, end)
        )
    for step, start in await raw.fetch("SELECT DISTINCT step, start FROM summary"):
        await totals.make(raw, step, start)
    await _hot(raw, series, nanoseconds(now))
    for table in ("chunk", "rollup", "summary", "total", "block", "series", "metric", "service"):
        await raw.execute(f"VACUUM ANALYZE {table}")
    await raw.close()
    return secret, end


async def _copy(
    raw: Any, series: list[list[int]], services: list[int], hours: Iterator[tuple[int, compaction.Closed]]
) -> None:
    chunks: list[tuple[Any, ...]] = []
    minutes: list[tuple[Any, ...]] = []
    days: dict[int, compaction.Closed] = {}
    for start, closed in hours:
        at = instant(start)
        days[start // DAY * DAY] = closed
        for mine, service in zip(series, services, strict=True):
            chunks += [(mine[n], at, closed.points[n], closed.chunks[n]) for n in range(ROUTES)]
            minutes.append((service, 60, at, closed.minutes, closed.times))
        if len(chunks) > 20_000:
            # In order of series, as a table is that was written over thirty days and then clustered.
            await raw.copy_records_to_table("chunk", records=chunks, columns=["series_id", "hour", "points", "data"])
            chunks = []
    await raw.copy_records_to_table("chunk", records=chunks, columns=["series_id", "hour", "points", "data"])
    columns = ["service_id", "step", "start", "data", "times"]
    await raw.copy_records_to_table("summary", records=minutes, columns=columns)
    for start, closed in days.items():
        at = instant(start)
        rows = [(service, 3600, at, closed.day, None) for service in services]
        await raw.copy_records_to_table("summary", records=rows, columns=columns)
        cells = [(mine[n], at.date(), closed.rollups[n]) for mine in series for n in range(ROUTES)]
        await raw.copy_records_to_table("rollup", records=cells, columns=["series_id", "day", "data"])


async def _hot(raw: Any, series: dict[int, list[int]], now: int) -> None:
    """The last minutes as the ingest stores them: a block for each service every ten seconds."""
    generator = np.random.default_rng(99)
    begin = max(now - HOT_MINUTES * 60 * SECOND, now // HOUR * HOUR)
    records = []
    for service, mine in series.items():
        at = np.arange(begin, now, STEP)
        parts = [points(number, at, *drawn(generator, number, at)) for number in mine] if len(at) else []
        for place, time_at in enumerate(at.tolist()):
            chosen = together([block.take(part, np.arange(len(at)) == place) for part in parts])
            hour = instant(time_at // HOUR * HOUR)
            digest = service.to_bytes(8, "big") + time_at.to_bytes(8, "big")
            moment = instant(time_at)
            records.append((service, digest, moment, moment, moment, hour, chosen.points, block.encode(chosen)))
    columns = ["service_id", "digest", "received_at", "first_at", "last_at", "hour", "points", "columns"]
    await raw.copy_records_to_table("block", records=records, columns=columns)


async def sizes(settings: Settings) -> dict[str, float]:
    """MB by table, indexes included."""
    raw = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    tables = ("chunk", "rollup", "summary", "total")
    made = {table: await raw.fetchval("SELECT pg_total_relation_size($1::regclass)", table) / 1e6 for table in tables}
    await raw.close()
    return made


def ask(connection: HTTPConnection, secret: str, question: Question) -> float:
    """Milliseconds until the answer is there."""
    body = json.dumps({"query": question.query, "variables": question.variables})
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
    began = time.perf_counter()
    connection.request("POST", "/graphql", body, headers)
    answer = connection.getresponse()
    said = answer.read()
    spent = (time.perf_counter() - began) * 1000
    if answer.status != 200 or b'"errors"' in said:
        raise SystemExit(f"{answer.status} {said[:400]!r}")
    return spent


def measure(installation: Installation, secret: str) -> tuple[bool, dict[str, float]]:
    """Ask, print, and tell whether every goal was reached, and the median (ms) of each question."""
    reached, medians = True, {}
    connection = HTTPConnection("127.0.0.1", installation.port)
    print(f"{'':40}{'first':>9}{'median':>9}{'best':>9}{'server CPU':>12}{'postgres CPU':>14}{'goal':>10}")
    for question in questions():
        first = ask(connection, secret, question)
        ask(connection, secret, question)
        before = installation.cost()
        times = [ask(connection, secret, question) for _ in range(RUNS)]
        server, postgres = ((b - a) / RUNS * 1000 for a, b in zip(before, installation.cost(), strict=True))
        medians[question.name] = median = statistics.median(times)
        goal = f"{question.goal} ms{' CPU' if question.cpu else ''}" if question.goal else ""
        print(
            f"{question.name:40}{first:7.1f}ms{median:7.1f}ms{min(times):7.1f}ms{server:10.1f}ms{postgres:12.1f}ms{goal:>10}",
            flush=True,
        )
        reached &= question.goal is None or (server if question.cpu else median) <= question.goal
    return reached, medians


def main() -> None:
    """Print the figures; exit 1 where a goal is missed."""
    with installed() as installation:
        began = time.monotonic()
        secret, end = asyncio.run(load(installation.settings))
        series, days = SERVICES * ROUTES, DAYS
        print(f"{series} series × {days} days at 10 s, loaded in {time.monotonic() - began:.0f} s")
        size = asyncio.run(sizes(installation.settings))
        total = sum(size.values())
        print(f"on disk {total:.0f} MB of 500: " + ", ".join(f"{name} {mb:.0f}" for name, mb in size.items()))
        reached, medians = measure(installation, secret)
    peers.beside(end, medians)
    if not reached or total > 500:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
