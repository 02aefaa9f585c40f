"""From a broken rule to the receiver: how soon, and where the time goes; and a storm.

Everything is on this machine: `century up` with its PostgreSQL, Valkey, server and worker, the service that reports, and
the receiver of the webhook. Printed by `python -m tests.bench alerts`.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import text

from century.access.keys import create_key
from century.core.actor import Scope
from century.core.bus import Bus
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.ids import new_id
from century.core.settings import read_settings
from century.core.work import Works
from century.installation import reach
from century.rules import editing
from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.telemetry.targets import Comparison
from tests.notify.receivers import Received, Receiver, http_receiver
from tests.platform.installation import Up, until, up
from tests.stories.reports import report
from tests.stories.setting_up import add_webhook
from tests.telemetry.messages import Metrics

ALERTS = int(os.environ.get("BENCH_PAGES", "200"))
STORM_SECONDS = float(os.environ.get("BENCH_STORM_SECONDS", "60"))
STORM_SERVICES, STORM_QUEUES = 100, int(os.environ.get("BENCH_STORM_QUEUES", "100"))
PAUSE = 0.15
OPEN_ALERTS = """query OpenAlerts { alerts(filter: { states: [FIRING, ACKNOWLEDGED] }, first: 50) { totalCount
    pageInfo { endCursor hasNextPage } nodes { id state severity summary subject service { name } rule { name runbookUrl }
    value threshold openedAt acknowledgedAt acknowledgedBy { name } suppressedUntil resolvedAt responseDueAt
    escalation { level nextLevelAt } } } }"""
STEPS = text(
    """SELECT a.subject, a.opened_at, n.created_at AS told_at, t.at AS sent_at FROM alert a
    JOIN notification n ON n.alert_id = a.id AND n.event = 'firing'
    JOIN attempt t ON t.delivery_id = n.delivery_id AND t.number = 1"""
)


@dataclass
class Installation:
    """A running `century up` with a webhook, and an exporter."""

    up: Up
    works: Works
    http: httpx.AsyncClient
    receiver: Receiver
    came: dict[str, float] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    messages: int = 0

    def received(self, request: Received) -> None:
        now = time.time()
        data = request.json["data"]
        if data["event"] == "firing":
            self.messages += 1
            for alert in data["alerts"]:
                self.came.setdefault(alert["subject"], now)
            self.changed.set()

    async def send(self, body: bytes) -> None:
        answer = await self.http.post("/v1/metrics", content=body, headers={"content-type": "application/x-protobuf"})
        assert answer.status_code == 200, answer.text

    async def heard(self, happens: Any, within: float) -> bool:
        """Wait for the receiver; whether it heard."""
        try:
            async with asyncio.timeout(within):
                while not happens():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def installed() -> AsyncIterator[Installation]:
    """A new installation, ready."""
    with tempfile.TemporaryDirectory(prefix="century-bench-") as folder:
        os.chmod(folder, 0o755)
        data_dir = Path(folder) / "installation"
        with up(data_dir, MONITORING_EGRESS_ALLOW="127.0.0.0/8") as running, reach(data_dir, {}) as environment:
            until(running.ready, "ready")
            settings = read_settings(environment, data_dir=data_dir)
            bus, engine = Bus(settings.redis_url), connect(settings.database_url)
            works = Works(engine, SystemClock(), bus)
            async with http_receiver() as receiver:
                async with works.begin() as work:
                    key = (await create_key(work, settings, "bench", [Scope.INGEST, Scope.READ]))[1]
                    await add_webhook(work, settings, "Bench", receiver.url)
                address, headers = f"http://127.0.0.1:{running.port}", {"authorization": f"Bearer {key}"}
                async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=30) as http:
                    made = Installation(running, works, http, receiver)
                    receiver.on_received = made.received
                    yield made
            await bus.close()
            await engine.dispose()


async def latency() -> bool:
    """Break a rule for one service after the other, and see when the receiver knows; whether that is soon enough."""
    async with installed() as it:
        services = [f"shop-{number:03}" for number in range(ALERTS)]
        for service in services:
            await it.send(report(service, good=200))
        await asyncio.sleep(3)
        sent: dict[str, tuple[float, float]] = {}
        lost = []
        before = _cpu(it.up)
        for service in services:
            body = report(service, good=50, bad=150)
            began = time.time()
            await it.send(body)
            sent[service] = began, time.time()
            if not await it.heard(lambda service=service: service in it.came, 15):
                lost.append(service)
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(1)
        used = {name: (seconds - before.get(name, 0.0)) / ALERTS for name, seconds in _cpu(it.up).items()}
        async with it.works.read() as work:
            rows = {row.subject: row for row in await work.rows(STEPS)}
        known = [service for service in services if service in it.came and service in rows]
        took: dict[str, list[float]] = {}
        for service in known:
            began, stored = sent[service]
            row, came = rows[service], it.came[service]
            moments = [began, stored, *(_seconds(at) for at in (row.opened_at, row.told_at, row.sent_at)), came]
            names = (
                "sent → answered",
                "answered → verdict",
                "verdict → ladder",
                "ladder → claimed",
                "claimed → receiver",
            )
            for name, one, other in zip(names, moments, moments[1:], strict=False):
                took.setdefault(name, []).append(other - one)
            took.setdefault("rule broken → receiver", []).append(came - began)
        print(f"{len(known)} alerts, {len(lost)} lost; milliseconds        p50     p99     max")
        for name, seconds in took.items():
            print(f"  {name:42}{_table(seconds)}{_goal(name)}")
        print("  CPU ms an alert: " + ", ".join(f"{name} {each * 1000:.0f}" for name, each in sorted(used.items())))
        whole = sorted(took["rule broken → receiver"])
        return not lost and statistics.median(whole) <= 0.05 and whole[int(len(whole) * 0.99)] <= 0.5


async def storm() -> bool:
    """Ten thousand subjects of a hundred services break a rule within a minute; whether nothing is dropped meanwhile."""
    async with installed() as it:
        condition = Condition(
            Signal.METRIC,
            Comparison.ABOVE,
            100.0,
            metric="queue.depth",
            group_by=("queue",),
            window=timedelta(minutes=5),
        )
        rule = Rule(
            new_id(it.works.clock.now()), "queue_too_long", enabled=True, severity=Severity.CRITICAL,
            condition=condition, runbook="1. **Look** at the consumers.\n",
        )  # fmt: skip
        async with it.works.begin() as work:
            await editing.save_rule(work, rule, new=True)
        wanted = STORM_SERVICES * STORM_QUEUES
        asked: list[float] = []
        done = asyncio.Event()

        async def look() -> None:
            while not done.is_set():
                began = time.perf_counter()
                answer = (await it.http.post("/graphql", json={"query": OPEN_ALERTS})).json()
                assert "errors" not in answer, answer
                asked.append(time.perf_counter() - began)
                await asyncio.sleep(0.5)

        stored: dict[str, float] = {}
        before = _cpu(it.up)
        looking = asyncio.create_task(look())
        began = time.time()
        for number in range(STORM_SERVICES):
            message = Metrics(f"plant-{number:03}")
            for queue in range(STORM_QUEUES):
                message.gauge("queue.depth", 500.0, queue=f"q{queue:03}")
            await it.send(bytes(message))
            stored[f"plant-{number:03}"] = time.time()
            await asyncio.sleep(max(0.0, began + (number + 1) * STORM_SECONDS / STORM_SERVICES - time.time()))
        ended = time.time()
        whole = await it.heard(lambda: len(it.came) >= wanted, 120)
        last = max(it.came.values(), default=ended)
        done.set()
        await looking
        async with it.works.read() as work:
            rows = await work.rows(text("SELECT service, opened_at FROM alert WHERE rule_name = 'queue_too_long'"))
            opened, seen = len(rows), [_seconds(row.opened_at) - stored[row.service] for row in rows]
            states = await work.rows(text("SELECT state, count(*) FROM notification GROUP BY state ORDER BY state"))
            waits = await work.rows(
                text("SELECT extract(epoch FROM min(t.at) - a.opened_at) AS late FROM alert a JOIN notification n"
                     " ON n.alert_id = a.id JOIN attempt t ON t.delivery_id = n.delivery_id GROUP BY a.id")
            )  # fmt: skip
        late = [float(row.late) for row in waits]
        used = {name: seconds - before.get(name, 0.0) for name, seconds in _cpu(it.up).items()}
        print(f"a storm: {wanted} broken within {ended - began:.0f} s")
        print(f"  opened {opened}, told {len(it.came)} in {it.messages} messages, {dict(map(tuple, states))}")
        print(f"  all told {last - ended:+.1f} s after the last sample" if whole else "  NOT ALL WERE TOLD")
        if seen:
            print(f"  stored → opened, ms (p50, p99, max)  {_table(seen)}")
        if late:
            print(f"  opened → claimed, ms (p50, p99, max){_table(late)}")
        print(f"  OpenAlerts, ms (p50, p99, max)      {_table(asked)}   (promised: 2000)")
        print("  CPU seconds: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(used.items())))
        return whole and opened == wanted and max(asked) <= 2.0


def _seconds(at: datetime) -> float:
    return at.timestamp()


def _table(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    at = min(len(ordered) - 1, int(len(ordered) * 0.99))
    return "".join(f"{each * 1000:8.1f}" for each in (statistics.median(ordered), ordered[at], ordered[-1]))


def _goal(name: str) -> str:
    return "   (promised: 50, 500)" if name.startswith("rule") else ""


def _cpu(running: Up) -> dict[str, float]:
    used: dict[str, float] = {}
    for process in running.family:
        try:
            line = " ".join(process.cmdline())
            times = process.cpu_times()
        except psutil.Error:
            continue
        name = next((each for each in ("server", "worker", "valkey", "postgres") if each in line), "other")
        used[name] = used.get(name, 0.0) + times.user + times.system
    return used
