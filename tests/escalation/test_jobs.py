"""The loop that climbs: woken by the journal, swept by the clock, and not stopped by anything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from century.core import journal
from century.core.bus import Message
from century.escalation import jobs
from tests.escalation.conftest import Tower

ADA = "E-mail of ada"


@contextlib.asynccontextmanager
async def climbing(tower: Tower) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(jobs.climb(tower.settings, tower.world.works))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_told(tower: Tower) -> int:
    """How many messages are wanted, as soon as there are any."""
    async with asyncio.timeout(5):
        while True:
            async with tower.world.works.read() as work:
                if count := (await work.rows(text("SELECT count(*) AS n FROM notification")))[0].n:
                    return int(count)
            await asyncio.sleep(0.005)


async def test_an_alert_is_looked_at_as_soon_as_the_journal_tells_of_it(
    tower: Tower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "SWEEP_SECONDS", 60.0)
    climb_all, looked = jobs.climb_all, asyncio.Event()

    async def first(*given: Any) -> int:
        found = await climb_all(*given)
        looked.set()
        return found

    monkeypatch.setattr(jobs, "climb_all", first)
    async with climbing(tower):
        await asyncio.wait_for(looked.wait(), 5)
        async with tower.world.works.begin() as work:
            work.record("alert.opened", None, message="")
        await tower.alert()
        async with tower.world.works.begin() as work:
            work.record("alert.opened", None, message="")
        assert await until_told(tower) == 1


async def test_what_nobody_rang_for_is_found_by_the_sweep(tower: Tower) -> None:
    async with climbing(tower):
        await tower.alert()
        assert await until_told(tower) == 1


async def test_a_loop_that_starts_finds_what_was_left(tower: Tower) -> None:
    await tower.alert()
    await tower.world.bus.redis.flushall()
    async with climbing(tower):
        assert await until_told(tower) == 1


@pytest.mark.parametrize(
    ("why", "message", "concerns"),
    [
        ("an alert opened", {"kind": "alert.opened"}, True),
        ("what the ladder did itself wakes it not again", {"kind": "alert.escalated"}, False),
        ("a message failed: the next level may be due", {"kind": "notification.failed"}, True),
        ("a user was made", {"kind": "user.created"}, False),
        ("something was missed", None, True),
    ],
)
def test_what_wakes_the_loop(why: str, message: dict[str, str] | None, concerns: bool) -> None:
    data = orjson.dumps(message) if message else b""
    assert jobs.concerns(Message(journal.TOPIC, data)) is concerns, why


async def test_many_alerts_are_looked_at_batch_by_batch(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.service, "BATCH", 10)
    many = await tower.alerts(35)
    assert await jobs.climb_all(tower.settings, tower.world.works) == len(many)
    assert await until_told(tower) == len(many)
