"""A real Prometheus beside us: it scrapes us, writes to us, and what it alerts of is an alert here until it is over."""

from __future__ import annotations

import asyncio
import json
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


class Prometheus:
    """The program, its address, and its questions."""

    def __init__(self, address: str) -> None:
        self.client = httpx.AsyncClient(base_url=address, trust_env=False)

    async def value(self, query: str) -> float | None:
        try:
            answer = await self.client.get("/api/v1/query", params={"query": query})
            found = answer.json()["data"]["result"]
        except (httpx.HTTPError, ValueError, KeyError):
            return None
        return float(found[0]["value"][1]) if found else None


def config(door: Door, own: str, folder: Path) -> dict[str, Any]:
    key = {"type": "Bearer", "credentials": door.secret}
    host = door.address.removeprefix("http://")
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [
            {"job_name": "century", "authorization": key, "static_configs": [{"targets": [host]}]},
            {"job_name": "itself", "static_configs": [{"targets": [own]}]},
        ],
        "remote_write": [
            {
                "url": f"{door.address}/api/v1/write",
                "authorization": key,
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
    (tmp_path / "prometheus.yml").write_text(json.dumps(config(door, own, tmp_path)))
    running = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={tmp_path / 'prometheus.yml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address={own}",
        "--rules.alert.resend-delay=1s",
        "--log.level=error",
        cwd=tmp_path,
    )
    beside = Prometheus(f"http://{own}")
    try:
        yield beside
    finally:
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
        return any(each.metric == "prometheus_build_info" for each in (await door.series()).values())

    await until(written)
    found = {each.metric: each for each in (await door.series()).values()}
    assert {each.service for each in found.values()} == {"itself"}
    assert found["prometheus_http_requests_total"].form == "cumulative"
    assert found["process_resident_memory_bytes"].unit == "By"

    async def confirmed() -> bool:
        return (await prometheus.value("sum(prometheus_remote_storage_samples_total)") or 0) > 500

    await until(confirmed)
    assert await prometheus.value("sum(prometheus_remote_storage_samples_failed_total)") == 0

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
