"""`kill -9` at every step between a stored sample and the receiver, Redis emptied meanwhile: nothing is lost.

The steps are the writes of a process to its sockets: each statement to PostgreSQL, each word to Redis, each message to the
receiver. The walk kills the worker, and the server, in place of the first write, of the second, and so on; what comes
after it must bring the alert to the receiver, under one key. `KILL_STEPS=all` walks every step, else a few are taken.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from century import worker
from century.access.keys import create_key
from century.core.actor import Scope
from century.core.bus import Bus
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.settings import Settings, read_settings
from century.core.work import Works
from tests.conftest import SECRETS
from tests.notify.receivers import Answer
from tests.nursery import Child, Nursery, nursery
from tests.platform.installation import free_port
from tests.stories.reports import report
from tests.stories.setting_up import add_webhook
from tests.stories.telling import Receiver, http_receiver

FEW = 8
BACK_WITHIN = 12.0
WITHOUT_FAULT = 3.0
PROTOBUF = {"content-type": "application/x-protobuf"}


@dataclass
class Path:
    """A server, a worker, a receiver, and an exporter that repeats what is not acknowledged."""

    nursery: Nursery
    works: Works
    bus: Bus
    receiver: Receiver
    http: httpx.AsyncClient
    port: int
    server: Child
    worker: Child
    broken: list[str] = field(default_factory=list)

    async def break_rule(self, service: str) -> None:
        """Send what breaks the rule, until it is acknowledged."""
        body = report(service, good=10, bad=90)
        self.broken.append(service)
        while True:
            try:
                answer = await self.http.post("/v1/metrics", content=body, headers=PROTOBUF)
                if answer.status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if not self.server.lives:
                self.server = self.nursery.server(self.port)
            await asyncio.sleep(0.05)

    def pages(self, service: str) -> list[str]:
        """The keys of the messages that told of a service, one for each time."""
        return [
            each.headers["webhook-id"]
            for each in self.receiver.received
            if any(alert["service"] == service for alert in each.json["data"]["alerts"])
        ]

    async def paged(self, service: str, within: float) -> float:
        """Wait until the receiver knows of it; the seconds that took."""
        return await until(lambda: bool(self.pages(service)), f"the page of {service}", within)

    async def at_rest(self) -> None:
        """Wait until everything that was told is noted as told."""
        while True:
            async with self.works.read() as work:
                open_ = await work.rows(
                    text("SELECT 1 FROM notification WHERE state IN ('waiting', 'sending') LIMIT 1")
                )
            if not open_:
                return
            await asyncio.sleep(0.02)

    async def ready(self) -> None:
        """Wait until the server answers, and the worker listens."""

        async def listens() -> bool:
            return bool(await self.bus.redis.pubsub_numpat() >= 1)

        async def answers() -> bool:
            try:
                return (await self.http.get("/livez")).status_code == 200
            except httpx.TransportError:
                return False

        while not (await listens() and await answers()):
            await asyncio.sleep(0.02)


async def until(happens: Callable[[], bool], what: str, within: float) -> float:
    began = time.monotonic()
    while not happens():
        assert time.monotonic() - began < within, f"{what}: not within {within} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


@pytest.fixture
async def path(settings: Settings) -> AsyncIterator[Path]:
    environment = {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "MONITORING_EGRESS_ALLOW": "127.0.0.0/8",
        **SECRETS,
    }
    mine = read_settings(environment, data_dir=settings.data_dir)
    engine, bus = connect(mine.database_url), Bus(mine.redis_url)
    works = Works(engine, SystemClock(), bus)
    await bus.redis.flushall()
    port = free_port()
    async with http_receiver() as receiver:
        await worker.plant_seeds(works)
        async with works.begin() as work:
            key = (await create_key(work, mine, "exporter", [Scope.INGEST]))[1]
            await add_webhook(work, mine, "Pager", receiver.url)
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=10
        ) as http:
            with nursery(environment) as children:
                made = Path(children, works, bus, receiver, http, port, children.server(port), children.worker())
                await made.ready()
                yield made
    await bus.close()
    await engine.dispose()


def steps(count: int) -> list[int]:
    """The writes in place of which a process is killed."""
    if os.environ.get("KILL_STEPS") == "all":
        return list(range(1, count + 1))
    return sorted({1 + round(each * (count - 1) / (FEW - 1)) for each in range(FEW)})


async def walk(path: Path, victim: Callable[[], Child], revive: Callable[[], Awaitable[None]]) -> list[float]:
    """Kill at each step; the seconds from the death until the receiver knew."""
    await path.break_rule("warm")
    await path.paged("warm", BACK_WITHIN)
    await path.at_rest()
    victim().count()
    await path.break_rule("unharmed")
    await path.paged("unharmed", WITHOUT_FAULT)
    await path.at_rest()
    count = victim().writes
    assert count > 3
    late = []
    for step in steps(count):
        service, doomed = f"step-{step}", victim()
        doomed.count(dies_at=step)
        await path.break_rule(service)
        await until(lambda doomed=doomed: not doomed.lives, f"the death at step {step} of {count}", 5)
        if step % 2:
            await path.bus.redis.flushall()
        await revive()
        late.append(await path.paged(service, BACK_WITHIN))
        await path.at_rest()
    return late


async def told_once(path: Path) -> None:
    """Nothing lost, and no second key."""
    for service in path.broken:
        assert len(set(path.pages(service))) == 1, f"{service}: {path.pages(service)}"
    alerts: Any
    async with path.works.read() as work:
        alerts = await work.rows(
            text(
                """SELECT service, count(*) AS opened, (SELECT count(*) FROM notification n WHERE n.alert_id = any(
                    array_agg(alert.id)) AND n.event = 'firing') AS told FROM alert GROUP BY service"""
            )
        )
    assert {row.service: (row.opened, row.told) for row in alerts} == dict.fromkeys(path.broken, (1, 1))


async def test_a_worker_that_is_killed_at_any_step_loses_nothing(path: Path) -> None:
    async def revive() -> None:
        path.worker = path.nursery.worker()

    late = await walk(path, lambda: path.worker, revive)
    await told_once(path)
    print("seconds after the death:", ", ".join(f"{each:.2f}" for each in late))


async def test_a_server_that_is_killed_at_any_step_loses_nothing(path: Path) -> None:
    async def revive() -> None:
        """The exporter saw to it."""

    await walk(path, lambda: path.server, revive)
    await told_once(path)


async def test_a_worker_that_dies_while_it_tells_is_followed_by_one_that_repeats_the_key(path: Path) -> None:
    path.receiver.will(Answer(never=True))
    path.receiver.on_received = lambda _: path.worker.kill() if path.worker.lives else None
    await path.break_rule("cut off")
    await path.paged("cut off", WITHOUT_FAULT)
    path.receiver.on_received = None
    path.worker = path.nursery.worker()
    await until(lambda: len(path.pages("cut off")) == 2, "the repeat", BACK_WITHIN)
    await path.at_rest()
    await told_once(path)
    async with path.works.read() as work:
        tries = await work.rows(text("SELECT outcome FROM attempt ORDER BY number"))
    assert [each.outcome for each in tries] == ["unknown", "delivered"]


async def test_two_workers_tell_once_though_one_of_them_dies(path: Path) -> None:
    other = path.nursery.worker()
    services = [f"shop-{number}" for number in range(30)]
    for number, service in enumerate(services):
        if number == 15:
            path.worker.kill()
        await path.break_rule(service)
    for service in services:
        await path.paged(service, BACK_WITHIN)
    await path.at_rest()
    await told_once(path)
    assert other.lives
