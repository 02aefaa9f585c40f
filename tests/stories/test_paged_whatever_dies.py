"""`century up`, and while a rule breaks, PostgreSQL, Valkey, the worker or the server is killed: the page comes, once."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import httpx
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tests.bench.paging import Installation, installed
from tests.stories.reports import report

ROUNDS = int(os.environ.get("KILL_ROUNDS", "1"))
VICTIMS = ("postgres", "valkey-server", "century.supervised worker", "century.supervised server")
WITHIN = 15.0
"""The receiver knows within ten seconds (see the guarantees), and the killed is back within five."""


async def insist(it: Installation, body: bytes) -> None:
    """Send as an exporter does, until it is acknowledged."""
    while True:
        try:
            answer = await it.http.post(
                "/v1/metrics", content=body, headers={"content-type": "application/x-protobuf"}, timeout=5
            )
            if answer.status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)


async def test_a_page_comes_once_whatever_dies() -> None:
    async with installed() as it:
        await insist(it, report("warm", good=10, bad=90))
        assert await it.heard(lambda: "warm" in it.came, WITHIN)
        broken = []
        for number in range(ROUNDS):
            for place, victim in enumerate(VICTIMS):
                service = f"{victim.rpartition(' ')[2]}-{number}"
                broken.append(service)
                sending = asyncio.create_task(insist(it, report(service, good=10, bad=90)))
                # The later the kill, the further the alert has come.
                await asyncio.sleep((place + number) % 4 * 0.02)
                it.up.find(victim).send_signal(signal.SIGKILL)
                began = time.monotonic()
                await sending
                assert await it.heard(lambda service=service: service in it.came, WITHIN), service
                print(f"{service}: {time.monotonic() - began:.2f} s after the kill")
                await asyncio.to_thread(ready, it)
        keys: dict[str, set[str]] = {}
        for each in it.receiver.received:
            for alert in each.json["data"]["alerts"]:
                keys.setdefault(alert["service"], set()).add(each.headers["webhook-id"])
        opened = await alerts(it)
        for service in ("warm", *broken):
            assert len(keys[service]) == 1, f"{service}: {keys[service]}"
            assert opened[service] == 1


def ready(it: Installation) -> None:
    """Wait until the killed is back."""
    began = time.monotonic()
    while not it.up.ready():
        assert time.monotonic() - began < WITHIN, it.up.said
        time.sleep(0.05)


async def alerts(it: Installation) -> dict[str, int]:
    """How many alerts each service had."""
    while True:
        try:
            async with it.works.read() as work:
                rows = await work.rows(text("SELECT service, count(*) AS opened FROM alert GROUP BY service"))
            return {row.service: row.opened for row in rows}
        except (SQLAlchemyError, OSError):
            # The pool's connections died with PostgreSQL.
            await asyncio.sleep(0.1)
