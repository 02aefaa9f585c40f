"""`/metrics`, asked as Prometheus asks."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from century.access import keys
from century.core.actor import Scope
from century.core.bus import PREFIX
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.ids import new_id
from century.core.work import Works
from century.overview import metrics
from century.overview.self_metrics import KEY, Telling
from century.telemetry.query import Reader
from tests.telemetry.door import Door, opened
from tests.telemetry.messages import Metrics
from tests.world import World


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world) as door:
        yield door


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each scrape asks anew, unless a test says otherwise."""
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "FIGURES_KEPT_SECONDS", 0.0)
    yield


async def scraped(door: Door) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every series that is shown, by its name and labels but for the process."""
    answer = await door.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (each.name, frozenset((key, value) for key, value in each.labels.items() if key != "process")): each.value
        for family in text_string_to_metric_families(answer.text)
        for each in family.samples
    }


def one(found: dict[tuple[str, frozenset[tuple[str, str]]], float], series: str, /, **labels: str) -> float | None:
    return found.get((series, frozenset(labels.items())))


async def plant(door: Door, statement: str, **parameters: Any) -> None:
    async with door.world.works.begin() as work:
        await work.execute(text(statement), parameters)


async def probe(door: Door, name: str, state: str, **now: Any) -> None:
    """A probe that stands like this, due an hour from now."""
    at = door.world.clock.now()
    number = new_id(at)
    await plant(
        door,
        "INSERT INTO probe (id, name, kind, enabled, settings, service, labels, interval_s, timeout_s, retry_s, failures,"
        " successes, shard, version, created_at, updated_at, updated_by_name) VALUES"
        " (:id, :name, 'http', true, '{}', 'shop', '{}', 60, 10, 5, 3, 2, 0, 1, :at, :at, 'nobody')",
        id=number, name=name, at=at,
    )  # fmt: skip
    await plant(
        door,
        "INSERT INTO probe_now (probe_id, state, since, streak, streak_ok, latency, message, facts, memory, recent,"
        " updated_at) VALUES (:id, :state, :at, 1, true, :latency, '', CAST(:facts AS jsonb), '{}', '', :at)",
        id=number, state=state, at=at, latency=now.get("latency"), facts=orjson.dumps(now.get("facts", [])).decode(),
    )  # fmt: skip
    await plant(
        door,
        "INSERT INTO probe_due (probe_id, due_at, lane, fence, claims) VALUES (:id, :due, 0, 0, 0)",
        id=number, due=now.get("due", at.replace(year=2100)),
    )  # fmt: skip


class TestWhoMayRead:
    async def test_a_key_that_may_read(self, door: Door) -> None:
        answer = await door.client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"

    async def test_nobody_without_a_key(self, door: Door) -> None:
        answer = await door.client.get("/metrics", headers={"authorization": ""})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_no_key_that_may_only_send(self, door: Door) -> None:
        async with door.world.works.begin() as work:
            _, secret = await keys.create_key(work, door.world.settings, "sender", [Scope.INGEST])
        answer = await door.client.get("/metrics", headers={"authorization": f"Bearer {secret}"})
        assert answer.status_code == 403
        assert "scope read" in answer.text

    async def test_everybody_where_the_settings_say_so(self, world: World) -> None:
        async with opened(replace(world.settings, metrics_public=True), world) as door:
            assert (await door.client.get("/metrics", headers={"authorization": ""})).status_code == 200


async def test_what_is_stored_and_what_is_refused_is_counted(door: Door) -> None:
    sent = Metrics(now=int(SystemClock().now().timestamp() * 1e9)).gauge("water", 1.0, 2.0).gauge("no", float("nan"))
    assert (await door.send(sent.message.SerializeToString())).status_code == 200
    found = await scraped(door)
    assert one(found, "century_ingest_points_total") == 2
    assert one(found, "century_ingest_refused_total") == 1
    assert one(found, "century_ingest_commit_seconds_count") == 1
    assert one(found, "century_ingest_waiting_bytes") == 0
    assert one(found, "century_service_health", service="shop") == 3


async def test_other_processes_are_shown_while_they_tell(door: Door) -> None:
    worker = Telling(door.world.works, "worker")
    door.world.works.meters.verdicts.inc(5)
    await worker.tell()
    assert one(await scraped(door), "century_verdicts_total") in (0, 5)
    answer = (await door.client.get("/metrics")).text
    assert f'century_verdicts_total{{process="{worker.name}"}} 5.0' in answer
    said = orjson.loads(await door.world.bus.redis.hget(KEY, worker.name))  # type: ignore[misc]
    said["at"] -= 11
    await door.world.bus.redis.hset(KEY, worker.name, orjson.dumps(said))  # type: ignore[misc]
    assert worker.name not in (await door.client.get("/metrics")).text
    await worker.tell()
    await worker.stop()
    assert worker.name not in (await door.client.get("/metrics")).text


async def test_a_worker_is_up_while_it_says_so(door: Door) -> None:
    assert one(await scraped(door), "century_up", part="worker") == 0
    now = SystemClock().now().timestamp()
    await door.world.bus.redis.set(f"{PREFIX}worker:cycle", str(now))
    found = await scraped(door)
    assert one(found, "century_up", part="worker") == 1
    assert one(found, "century_worker_cycle_timestamp_seconds") == pytest.approx(now)


async def test_probes_are_shown_as_they_stand(door: Door) -> None:
    facts = [{"name": "http.status", "value": 200, "part": ""}, {"name": "disk.used", "value": 0.5, "part": "/var"}]
    await probe(door, "front door", "up", latency=0.25, facts=facts)
    await probe(door, "in doubt", "doubtful")
    await probe(door, "back door", "down")
    await probe(door, "behind it", "blocked")
    found = await scraped(door)
    assert one(found, "century_probe_up", probe="front door", kind="http", service="shop") == 1
    assert one(found, "century_probe_up", probe="in doubt", kind="http", service="shop") == 1
    assert one(found, "century_probe_up", probe="back door", kind="http", service="shop") == 0
    assert one(found, "century_probe_up", probe="behind it", kind="http", service="shop") is None
    assert one(found, "century_probe_latency_seconds", probe="front door", kind="http", service="shop") == 0.25
    assert one(found, "century_probe_fact", probe="front door", name="http.status", part="") == 200
    assert one(found, "century_probe_fact", probe="front door", name="disk.used", part="/var") == 0.5


async def test_what_is_late_is_counted_with_the_age_of_its_oldest(world: World) -> None:
    async with opened(world.settings, world, world.clock) as door:
        found = await scraped(door)
        assert one(found, "century_queue_waiting", queue="probes") == 0
        assert one(found, "century_queue_oldest_seconds", queue="probes") == 0
        await probe(door, "late", "up", due=world.clock.now())
        await probe(door, "not yet", "up")
        world.advance(seconds=30)
        found = await scraped(door)
        assert one(found, "century_queue_waiting", queue="probes") == 1
        assert one(found, "century_queue_oldest_seconds", queue="probes") == 30
        for queue in ("notifications", "ladder", "heartbeats"):
            assert one(found, "century_queue_waiting", queue=queue) == 0


async def test_every_number_of_alerts_is_shown_also_none(door: Door) -> None:
    found = await scraped(door)
    assert one(found, "century_alerts", state="firing", severity="critical") == 0
    assert one(found, "century_rules_failing") == 0


async def test_figures_that_do_not_come_in_time_are_missing_and_the_rest_is_there(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "PATIENCE", 0.3)
    async with door.world.works.begin() as work:
        await work.execute(text("LOCK TABLE alert IN ACCESS EXCLUSIVE MODE"))
        found = await scraped(door)
    assert one(found, "century_alerts", state="firing", severity="critical") is None
    assert one(found, "century_figures_failed", figures="alerts") == 1
    assert one(found, "century_figures_failed", figures="services") == 0
    assert one(found, "century_up", part="database") == 1


async def test_without_a_database_it_says_so(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    works = Works(connect(f"postgresql+asyncpg://nobody@127.0.0.1:{port}/nothing"), world.clock, world.bus)
    body, _ = await metrics.Metrics(works, Reader(works.engine)).answer("")
    assert 'century_up{part="database"} 0.0' in body.decode()
    assert 'century_up{part="redis"} 1.0' in body.decode()
    assert "century_alerts" not in body.decode()


async def test_an_answer_is_kept_for_a_second(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "KEPT_SECONDS", 60.0)
    before = (await door.client.get("/metrics")).text
    door.app.works.meters.verdicts.inc()
    assert (await door.client.get("/metrics")).text == before
    other = await door.client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert other.headers["content-type"].startswith("application/openmetrics-text")
    assert other.text.endswith("# EOF\n")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
async def test_promtool_finds_nothing_to_say_of_it(door: Door) -> None:
    await probe(door, "front door", "up", latency=0.25)
    body = (await door.client.get("/metrics")).content
    checked = await asyncio.to_thread(
        subprocess.run, ["promtool", "check", "metrics"], input=body, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
