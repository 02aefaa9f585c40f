"""A real Alertmanager beside us: what it passes on by its webhook is an alert here, until it tells that it is over."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from century.alerts.jobs import Watcher
from century.core.bus import Message
from century.core.clock import SystemClock
from century.rules.outside import TOPIC
from century.rules.sources import sources_of
from tests.overview.test_real_prometheus import until
from tests.telemetry.door import Door, opened
from tests.world import World

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="alertmanager is not installed")


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world) as door:
        yield door


def config(door: Door) -> dict[str, Any]:
    webhook = {
        "url": f"{door.address}/api/v2/alerts",
        "send_resolved": True,
        "http_config": {"authorization": {"type": "Bearer", "credentials": door.secret}},
    }
    waits = {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"}
    return {
        "route": {"receiver": "century", "group_by": ["alertname"], **waits},
        "receivers": [{"name": "century", "webhook_configs": [webhook]}],
    }


@pytest_asyncio.fixture
async def alertmanager(door: Door, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The program's own API, ready."""
    assert PROGRAM
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = f"127.0.0.1:{free.getsockname()[1]}"
    # JSON is YAML as well.
    (tmp_path / "alertmanager.yml").write_text(json.dumps(config(door)))
    running = await asyncio.create_subprocess_exec(
        PROGRAM,
        f"--config.file={tmp_path / 'alertmanager.yml'}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address={own}",
        "--cluster.listen-address=",
        "--log.level=warn",
        cwd=tmp_path,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{own}", trust_env=False) as client:

            async def ready() -> bool:
                try:
                    return (await client.get("/-/ready")).status_code == 200
                except httpx.HTTPError:
                    return False

            await until(ready)
            yield client
    finally:
        running.terminate()
        try:
            async with asyncio.timeout(10):
                await running.wait()
        except TimeoutError:
            running.kill()
            await running.wait()


def told(instance: str, ends: datetime) -> dict[str, Any]:
    """As a Prometheus tells it of an alert."""
    return {
        "labels": {"alertname": "DiskFull", "job": "node", "instance": instance, "severity": "critical"},
        "annotations": {"summary": f"The disk of {instance} is full"},
        "startsAt": (SystemClock().now() - timedelta(minutes=5)).isoformat(),
        "endsAt": ends.isoformat(),
        "generatorURL": "http://prometheus.example/graph?g0.expr=x",
    }


async def test_what_its_webhook_tells_opens_and_ends_here(door: Door, alertmanager: httpx.AsyncClient) -> None:
    watcher = Watcher(door.app.works, sources_of(door.app.works, door.app.telemetry.reader))

    async def states() -> dict[str, str]:
        await watcher.turn([Message(TOPIC, b'{"alerts": 1}')])
        rows = await door.rows("SELECT subject, state FROM alert WHERE rule_name = 'DiskFull'")
        return {row.subject: row.state for row in rows}

    async def tell(*alerts: dict[str, Any]) -> None:
        assert (await alertmanager.post("/api/v2/alerts", json=list(alerts))).status_code == 200

    later = SystemClock().now() + timedelta(hours=1)
    await tell(told("db-1", later), told("db-2", later))

    async def both_fire() -> bool:
        return sorted((await states()).values()) == ["firing", "firing"]

    await until(both_fire)
    alerts = await door.rows("SELECT severity, service, summary FROM alert ORDER BY summary")
    assert {(each.severity, each.service) for each in alerts} == {("critical", "node")}
    assert "db-1" in alerts[0].summary and "db-2" in alerts[1].summary

    # One of a group ends: Alertmanager tells of both, as one message with two alerts.
    await tell(told("db-1", SystemClock().now()))

    async def one_is_over() -> bool:
        return sorted((await states()).values()) == ["firing", "resolved"]

    await until(one_is_over)
    assert [state for subject, state in (await states()).items() if "db-1" in subject] == ["resolved"]
    await tell(told("db-2", SystemClock().now()))

    async def both_are_over() -> bool:
        return sorted((await states()).values()) == ["resolved", "resolved"]

    await until(both_are_over)
    metrics = (await alertmanager.get("/metrics")).text
    failed = [line for line in metrics.splitlines() if "notifications_failed_total" in line and "webhook" in line]
    assert failed and all(line.endswith(" 0") for line in failed)
