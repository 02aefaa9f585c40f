"""What alerts cost: rules evaluated as services report, a rule tried on a month of a service, the way to a receiver, a storm.

Evaluations go the way they go in the worker: a service reported, its rules read what is stored, what changed is settled. `BENCH_ALERTS=evaluations`, `month`, `latency` or `storm` measures one of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np

from century.core.bus import Bus
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.ids import new_id
from century.core.settings import Settings
from century.core.timerange import TimeRange
from century.core.work import Works
from century.rules import editing
from century.rules.condition import Condition, Signal, WhenNoData
from century.rules.rule import Rule
from century.rules.service import Rulebook
from century.rules.severity import Severity
from century.rules.signals import Sources
from century.rules.telemetry_source import TelemetrySource
from century.rules.trying import Backtests
from century.telemetry import block, compaction
from century.telemetry.block import Block, Numbers
from century.telemetry.hour import DAY, REQUESTS
from century.telemetry.instants import instant, nanoseconds
from century.telemetry.query import Reader
from century.telemetry.targets import Comparison
from tests.bench import paging, query
from tests.bench.ingest import Installation, installed
from tests.bench.traffic import DAYS, HOUR, ROUTES, SECOND, STEP, drawn

SERVICES, RULES = 100, 1_000
HOT = 330 * SECOND
ROUNDS = 5
SHARE_GOAL, MONTH_GOAL = 0.20, 2.0
CPU = "process.cpu.utilization"


@dataclass
class Fleet:
    """Services that report every ten seconds: requests of five routes and a gauge."""

    raw: Any
    names: list[str]
    series: dict[int, list[int]]
    gauges: dict[int, int]

    @classmethod
    async def new(cls, settings: Settings, since: datetime) -> Fleet:
        raw = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
        rows = await raw.fetch(
            "INSERT INTO service (uid, name, first_seen_at, last_seen_at) SELECT gen_random_uuid(), 'fleet-' || n, $1, $1"
            " FROM generate_series(0, $2::int - 1) n RETURNING id, name",
            since, SERVICES,
        )  # fmt: skip
        numbers = [number for number, _ in rows]
        for metric, unit, kind in ((REQUESTS, "s", "histogram"), (CPU, "1", "gauge")):
            await raw.execute(
                "INSERT INTO metric (service_id, name, unit, kind, monotonic, description)"
                " SELECT n, $1, $2, $3, false, '' FROM unnest($4::int[]) n",
                metric, unit, kind, numbers,
            )  # fmt: skip
        series: dict[int, list[int]] = {number: [] for number in numbers}
        gauges = {}
        for number in range(ROUTES + 1):
            gauge = number == ROUTES
            made = await raw.fetch(
                "INSERT INTO series (service_id, metric_id, fingerprint, attributes, created_at, last_seen_at, form)"
                " SELECT service_id, id, $1, $2, $3, $3, $4 FROM metric WHERE name = $5 AND service_id = ANY($6)"
                " RETURNING service_id, id",
                number.to_bytes(16, "big"), json.dumps({} if gauge else query.attributes(number)), since,
                "number" if gauge else "sketch", CPU if gauge else REQUESTS, numbers,
            )  # fmt: skip
            for service, one in made:
                if gauge:
                    gauges[service] = one
                else:
                    series[service].append(one)
        return cls(raw, [name for _, name in rows], series, gauges)

    async def report(self, service: int, at: int) -> None:
        """Store one export, as the ingest does."""
        generator = np.random.default_rng(at % 2**32)
        when = np.array([at])
        parts = [query.points(number, when, *_some(generator, number, when)) for number in self.series[service]]
        gauge = block.section(Numbers, series=[self.gauges[service]], at=[at], start=[0], value=[0.4])
        given = block.concat([query.together(parts), Block(gauge, block.EMPTY.sketches, block.EMPTY.explicits)])
        moment = instant(at)
        await self.raw.execute(
            "INSERT INTO block (service_id, digest, received_at, first_at, last_at, hour, points, columns)"
            " VALUES ($1, $2, $3, $3, $3, $4, $5, $6)",
            service, service.to_bytes(8, "big") + at.to_bytes(8, "big"), moment, instant(at // HOUR * HOUR), given.points,
            block.encode(given),
        )  # fmt: skip


def _some(generator: np.random.Generator, series: int, when: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sizes, values = drawn(generator, series, when)
    return (sizes, values) if len(values) else (np.array([1]), np.array([0.1]))


def conditions() -> list[Condition]:
    """Ten rules of a service: what people ask for, most over five minutes, some longer, one of a metric."""
    above, five, quarter = Comparison.ABOVE, timedelta(minutes=5), timedelta(minutes=15)
    well = WhenNoData.OK
    return [
        Condition(Signal.ERROR_RATE, above, 0.05, window=five, recovery=0.04, min_samples=20, when_no_data=well),
        Condition(Signal.LATENCY_P95, above, 5.0, window=five, hold_for=timedelta(minutes=1), when_no_data=well),
        Condition(Signal.LATENCY_P99, above, 8.0, window=timedelta(minutes=1), when_no_data=well),
        Condition(Signal.LATENCY_AVG, above, 2.0, window=five, when_no_data=well),
        Condition(Signal.APDEX, Comparison.BELOW, 0.5, window=five),
        Condition(Signal.AVAILABILITY, Comparison.BELOW, 0.5, window=quarter),
        Condition(Signal.CPU, above, 0.9, window=five),
        Condition(Signal.THROUGHPUT, Comparison.BELOW, 0.01, window=timedelta(hours=1)),
        Condition(Signal.METRIC, above, 0.95, window=five, metric=CPU),
        Condition(Signal.SILENCE, above, 300.0),
    ]


async def save(works: Works, names: list[str]) -> None:
    """A thousand rules, ten a service."""
    async with works.begin() as work:
        for name in names:
            for number, condition in enumerate(conditions()):
                rule = Rule(
                    new_id(work.now), f"{name} {number}", enabled=True, severity=Severity.WARNING, condition=condition,
                    service=name,
                )  # fmt: skip
                await editing.write(work, None, rule)


async def evaluate(installation: Installation) -> bool:
    """Let a hundred services report for a while; print what judging them costs."""
    settings = installation.settings
    engine, bus = connect(settings.database_url), Bus(settings.redis_url)
    works = Works(engine, SystemClock(), bus)
    now = nanoseconds(datetime.now(UTC))
    fleet = await Fleet.new(settings, instant(now - 2 * HOUR))
    services = list(fleet.series)
    for at in range(now - HOT, now, STEP):
        for number, service in enumerate(services):
            await fleet.report(service, at + number * STEP // SERVICES)
    await fleet.raw.execute("VACUUM ANALYZE block, series, metric, service")
    await save(works, fleet.names)
    rulebook = Rulebook(works, Sources([TelemetrySource(works, Reader(engine))]))
    began, cpu = time.monotonic(), time.process_time()
    await settle(rulebook, works, await rulebook.verdicts(None, works.clock.now()))
    print(f"first look at {RULES:,} rules: {time.monotonic() - began:.1f} s, {time.process_time() - cpu:.1f} s of CPU")
    spent, postgres, looks, times = 0.0, 0.0, 0, []
    for _ in range(ROUNDS):
        for service in services:
            await fleet.report(service, nanoseconds(works.clock.now()))
        before, cpu = installation.cost()[1], time.process_time()
        for name in fleet.names:
            began = time.perf_counter()
            changes = await rulebook.verdicts(name, works.clock.now())
            times.append((time.perf_counter() - began) * 1000)
            await settle(rulebook, works, changes)
            looks += 1
        await settle(rulebook, works, await rulebook.due(works.clock.now()))
        spent += time.process_time() - cpu
        postgres += installation.cost()[1] - before
    await bus.close()
    await engine.dispose()
    await fleet.raw.close()
    rate, share = looks * RULES / SERVICES / spent, spent / looks * SERVICES / 10
    times.sort()
    print(f"evaluations per CPU second{rate:14,.0f}")
    print(
        f"a report until its verdicts, p50 / p99{times[len(times) // 2]:10.1f} / {times[len(times) * 99 // 100]:.1f} ms"
    )
    print(
        f"{RULES:,} rules over {SERVICES} services at 10 s{share:12.1%} of a core (goal {SHARE_GOAL:.0%}),"
        f" PostgreSQL {postgres / looks * SERVICES / 10:.1%}"
    )
    return share < SHARE_GOAL


async def settle(rulebook: Rulebook, works: Works, changes: list[Any]) -> None:
    """Keep what changed."""
    if changes:
        async with works.begin() as work:
            await rulebook.settle(work, changes)


async def month(settings: Settings) -> bool:
    """Try a rule on thirty days of a service; print how long that takes."""
    raw = await asyncpg.connect(settings.database_url.replace("+asyncpg", ""))
    now = datetime.now(UTC)
    end = nanoseconds(now) // HOUR * HOUR
    first = instant(end - DAYS * DAY)
    service = await raw.fetchval(
        "INSERT INTO service (uid, name, first_seen_at, last_seen_at) VALUES (gen_random_uuid(), 'month', $1, $2)"
        " RETURNING id",
        first, now,
    )  # fmt: skip
    metric = await raw.fetchval(
        "INSERT INTO metric (service_id, name, unit, kind, monotonic, description)"
        " VALUES ($1, $2, 's', 'histogram', false, '') RETURNING id",
        service, REQUESTS,
    )  # fmt: skip
    series = [
        await raw.fetchval(
            "INSERT INTO series (service_id, metric_id, fingerprint, attributes, created_at, last_seen_at, form)"
            " VALUES ($1, $2, $3, $4, $5, $6, 'sketch') RETURNING id",
            service, metric, number.to_bytes(16, "big"), json.dumps(query.attributes(number)), first, now,
        )
        for number in range(ROUTES)
    ]  # fmt: skip
    hours: list[tuple[int, compaction.Closed]] = list(query.history(0, end))
    await query._copy(raw, [series], [service], iter(hours))
    await raw.execute("VACUUM ANALYZE chunk, rollup, summary")
    await raw.close()
    engine, bus = connect(settings.database_url), Bus(settings.redis_url)
    works = Works(engine, SystemClock(), bus)
    reached = True
    span = TimeRange(instant(end - DAYS * DAY), instant(end))
    print(f"{'30 days of a service, at a minute':42}{'first':>9}{'dragged':>9}{'goal':>8}")
    for name, condition, routes in (
        ("p95 over 5 min", Condition(Signal.LATENCY_P95, Comparison.ABOVE, 0.5), ()),
        ("error rate over 5 min", Condition(Signal.ERROR_RATE, Comparison.ABOVE, 0.05), ()),
        ("p99 over 1 h", Condition(Signal.LATENCY_P99, Comparison.ABOVE, 0.5, window=timedelta(hours=1)), ()),
        ("p95 over 5 min of one route", Condition(Signal.LATENCY_P95, Comparison.ABOVE, 0.5), ("/route/1",)),
    ):
        tries = Backtests(works, Sources([TelemetrySource(works, Reader(engine))]))
        rule = Rule(
            new_id(now), name, enabled=True, severity=Severity.WARNING, condition=condition, service="month", routes=routes
        )  # fmt: skip
        took = []
        for _ in range(2):
            began = time.perf_counter()
            history, outcome = await tries.run(rule, span)
            took.append(time.perf_counter() - began)
        print(
            f"{name:42}{took[0]:8.2f}s{took[1]:8.3f}s{MONTH_GOAL:7.0f}s"
            f"  ({len(history.at):,} moments, {len(outcome.firings)} firings)"
        )
        reached &= took[0] < MONTH_GOAL
    await bus.close()
    await engine.dispose()
    return reached


def main() -> None:
    """Print the figures; exit 1 where a goal is missed."""
    only = os.environ.get("BENCH_ALERTS", "")
    reached = True
    if only in ("", "evaluations", "month"):
        with installed() as installation:
            if only in ("", "evaluations"):
                reached &= asyncio.run(evaluate(installation))
            if only in ("", "month"):
                reached &= asyncio.run(month(installation.settings))
    if only in ("", "latency"):
        reached &= asyncio.run(paging.latency())
    if only in ("", "storm"):
        reached &= asyncio.run(paging.storm())
    if not reached:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
