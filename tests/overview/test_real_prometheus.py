"""A real Prometheus beside us: it scrapes us, writes to us, what it alerts of is an alert here until it is over, and it
understands what the dashboards ask it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from century.alerts.jobs import Watcher
from century.core.bus import Message
from century.core.clock import SystemClock
from century.core.ids import new_id
from century.overview import metrics
from century.rules.outside import TOPIC
from century.rules.sources import sources_of
from tests.overview.test_grafana import each
from tests.telemetry.door import Door, opened
from tests.world import World

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
PATIENCE = 60
ALERT = {
    "alert": "FrontDoorDown",
    "expr": 'century_probe_up{probe="front door"} == 0',
    "labels": {"severity": "critical"},
    "annotations": {"summary": "The front door is shut"},
}


OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TRACE_ID, SPAN_ID = "0123456789abcdef0123456789abcdef", "fedcba9876543210"
TRACED = f"""# TYPE orders counter
orders_total 7 # {{trace_id="{TRACE_ID}",span_id="{SPAN_ID}"}} 1
# TYPE latency_seconds histogram
latency_seconds_bucket{{le="0.5"}} 7 # {{trace_id="{TRACE_ID}"}} 0.25
latency_seconds_bucket{{le="+Inf"}} 9
latency_seconds_sum 3
latency_seconds_count 9
# EOF
""".encode()
DASHBOARDS = sorted((Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards").glob("*.json"))
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")
FILLED = {"$__rate_interval": "1m", "$service": ".*", "$probe": ".*", "$kind": ".*"}


class Prometheus:
    """The program, its address, and its questions."""

    def __init__(self, address: str) -> None:
        self.client = httpx.AsyncClient(base_url=address, trust_env=False)

    async def understands(self, query: str) -> dict[str, Any]:
        """What it answers; whether it has anything to show or not."""
        answer = await self.client.get("/api/v1/query", params={"query": query})
        assert answer.status_code == 200, f"{query}: {answer.text}"
        return dict(answer.json())

    async def value(self, query: str) -> float | None:
        try:
            answer = await self.client.get("/api/v1/query", params={"query": query})
            found = answer.json()["data"]["result"]
        except (httpx.HTTPError, ValueError, KeyError):
            return None
        return float(found[0]["value"][1]) if found else None


async def expose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A service that tells its metrics with exemplars."""
    await reader.readuntil(b"\r\n\r\n")
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: {OPEN_METRICS}\r\nContent-Length: {len(TRACED)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + TRACED)
    await writer.drain()
    writer.close()


def config(door: Door, own: str, folder: Path, traced: str) -> dict[str, Any]:
    key = {"type": "Bearer", "credentials": door.secret}
    host = door.address.removeprefix("http://")
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [
            {"job_name": "century", "authorization": key, "static_configs": [{"targets": [host]}]},
            {"job_name": "itself", "static_configs": [{"targets": [own]}]},
            {"job_name": "traced", "static_configs": [{"targets": [traced]}]},
        ],
        "remote_write": [
            {
                "url": f"{door.address}/api/v1/write",
                "authorization": key,
                "send_exemplars": True,
                "write_relabel_configs": [{"source_labels": ["job"], "regex": "century", "action": "drop"}],
                "queue_config": {"batch_send_deadline": "1s"},
            }
        ],
        "alerting": {
            "alertmanagers": [
                {"api_version": "v2", "authorization": key, "static_configs": [{"targets": [host]}]},
            ]
        },
    }


@pytest_asyncio.fixture
async def door(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setattr(metrics, "FIGURES_KEPT_SECONDS", 0.0)
    async with opened(world.settings, world) as door:
        yield door


@pytest_asyncio.fixture
async def prometheus(door: Door, tmp_path: Path) -> AsyncIterator[Prometheus]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": [ALERT]}]}))
    traced = await asyncio.start_server(expose, "127.0.0.1", 0)
    at = f"127.0.0.1:{traced.sockets[0].getsockname()[1]}"
    (tmp_path / "prometheus.yml").write_text(json.dumps(config(door, own, tmp_path, at)))
    running = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={own}",
        "--rules.alert.resend-delay=1s",
        "--enable-feature=exemplar-storage",
        "--log.level=error",
        cwd=tmp_path,
    )
    beside = Prometheus(f"http://{own}")
    try:
        yield beside
    finally:
        traced.close()
        await beside.client.aclose()
        running.terminate()
        try:
            async with asyncio.timeout(10):
                await running.wait()
        except TimeoutError:
            running.kill()
            await running.wait()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.2)


async def stand(door: Door, state: str) -> None:
    """Let the probe of the front door stand like this."""
    async with door.app.works.begin() as work:
        await work.execute(text("UPDATE probe_now SET state = :state"), {"state": state})


async def plant(door: Door) -> None:
    now = SystemClock().now()
    number = {"id": new_id(now), "at": now}
    async with door.app.works.begin() as work:
        await work.execute(
            text(
                "INSERT INTO probe (id, name, kind, enabled, settings, labels, interval_s, timeout_s, retry_s, failures,"
                " successes, shard, version, created_at, updated_at, updated_by_name) VALUES"
                " (:id, 'front door', 'http', true, '{}', '{}', 60, 10, 5, 3, 2, 0, 1, :at, :at, 'nobody')"
            ),
            number,
        )
        await work.execute(
            text(
                "INSERT INTO probe_now (probe_id, state, since, streak, streak_ok, message, facts, memory, recent,"
                " updated_at) VALUES (:id, 'up', :at, 1, true, '', '[]', '{}', '', :at)"
            ),
            number,
        )


async def test_it_scrapes_and_writes_and_its_alerts_open_and_end_here(door: Door, prometheus: Prometheus) -> None:
    await plant(door)

    async def scraped() -> bool:
        return await prometheus.value('up{job="century"}') == 1

    await until(scraped)
    assert await prometheus.value('century_up{part="database"}') == 1

    async def written() -> bool:
        return any(known.metric == "prometheus_build_info" for known in (await door.series()).values())

    await until(written)
    found = {known.metric: known for known in (await door.series()).values()}
    assert {known.service for known in found.values()} <= {"itself", "traced"}
    assert found["prometheus_http_requests_total"].form == "cumulative"
    assert found["process_resident_memory_bytes"].unit == "By"

    async def confirmed() -> bool:
        return (await prometheus.value("sum(prometheus_remote_storage_samples_total)") or 0) > 500

    await until(confirmed)
    assert await prometheus.value("sum(prometheus_remote_storage_samples_failed_total)") == 0

    async def traced() -> bool:
        rows = await door.rows(
            """SELECT DISTINCT metric.name, value, trace_id, span_id FROM exemplar
            JOIN series ON series.id = series_id JOIN metric ON metric.id = metric_id"""
        )
        return {tuple(row) for row in rows} == {
            ("orders_total", 1.0, TRACE_ID, SPAN_ID), ("latency_seconds_bucket", 0.25, TRACE_ID, ""),
        }  # fmt: skip

    await until(traced)
    assert await prometheus.value("sum(prometheus_remote_storage_exemplars_failed_total)") == 0

    watcher = Watcher(door.app.works, sources_of(door.app.works, door.app.telemetry.reader))

    async def states() -> list[str]:
        await watcher.turn([Message(TOPIC, b'{"alerts": 1}')])
        return [row.state for row in await door.rows("SELECT state FROM alert WHERE rule_name = 'FrontDoorDown'")]

    assert await states() == []
    await stand(door, "down")

    async def opened_here() -> bool:
        return await states() == ["firing"]

    await until(opened_here)
    [alert] = await door.rows("SELECT * FROM alert")
    assert (alert.severity, alert.service) == ("critical", "century")
    assert alert.summary.startswith("FrontDoorDown of century")
    await stand(door, "up")

    async def over_here() -> bool:
        return await states() == ["resolved"]

    await until(over_here)
    assert await prometheus.value("sum(prometheus_notifications_errors_total)") == 0


async def test_it_understands_what_the_dashboards_ask(door: Door, prometheus: Prometheus) -> None:
    await plant(door)

    async def scraped() -> bool:
        return await prometheus.value('century_probe_up{probe="front door"}') == 1

    await until(scraped)
    asked = {(path.stem, each_) for path in DASHBOARDS for each_ in each(json.loads(path.read_text()), "expr")}
    offered = [each_ for path in DASHBOARDS for each_ in each(json.loads(path.read_text()), "query")]
    shown = {}
    for name, expr in sorted(asked):
        for variable, value in FILLED.items():
            expr = expr.replace(variable, value)
        assert "$" not in expr, f"{name} asks with a variable that is not known here: {expr}"
        shown[name, expr] = (await prometheus.understands(expr))["data"]["result"]
    assert len(shown) > 40
    # Some show what did not happen here; each dashboard shows something.
    assert {name for name, _ in shown} == {name for (name, _), result in shown.items() if result}
    choices = [found for said in offered if isinstance(said, str) and (found := LABEL_VALUES.fullmatch(said))]
    assert choices
    for query in choices:
        selected = query[1]
        for variable, value in FILLED.items():
            selected = selected.replace(variable, value)
        assert (await prometheus.understands(f"count by ({query[2]}) ({selected})"))["status"] == "success"
