"""`/monitoring/infrastructure`, as programs read it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.overview.test_metrics import plant, probe
from tests.telemetry.door import Door, opened
from tests.telemetry.messages import Metrics
from tests.world import World

ADDRESS = "/monitoring/infrastructure"


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world) as door:
        yield door


async def test_it_tells_how_everything_watched_from_outside_is(door: Door) -> None:
    await probe(door, "front door", "up", latency=0.25)
    await probe(door, "back door", "down")
    await plant(door, "UPDATE probe_now SET message = 'nobody answers' WHERE state = 'down'")
    answer = await door.client.get(f"{ADDRESS}?last=P1D")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert "errors" not in said
    assert [(each["name"], each["state"], each["reason"]) for each in said["data"]["probes"]] == [
        ("back door", "DOWN", "nobody answers"),
        ("front door", "UP", None),
    ]
    assert said["data"]["heartbeats"] == []
    assert said["data"]["probeWorkers"] == []


async def test_it_tells_of_one_service(door: Door) -> None:
    await door.send(Metrics().gauge("water", 1.0).message.SerializeToString())
    await probe(door, "front door", "up")
    await probe(door, "elsewhere", "up")
    await plant(door, "UPDATE probe SET service = 'other' WHERE name = 'elsewhere'")
    said = (await door.client.get(f"{ADDRESS}?service=shop")).json()["data"]["service"]
    assert [each["name"] for each in said["probes"]] == ["front door"]
    assert (await door.client.get(f"{ADDRESS}?service=nobody")).status_code == 404


async def test_it_is_for_whoever_may_read_and_says_what_is_wrong(door: Door) -> None:
    assert (await door.client.get(ADDRESS, headers={"authorization": ""})).status_code == 401
    answer = await door.client.get(f"{ADDRESS}?last=yesterday")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "last"
