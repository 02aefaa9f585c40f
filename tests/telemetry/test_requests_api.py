"""Request records: pages of them, and each as it comes in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import insert

from century.core.errors import Invalid
from century.core.ids import new_id
from century.core.timerange import TimeRange
from century.telemetry import requests
from century.telemetry.graphql import RequestRecord
from century.telemetry.requests import RequestFilter
from century.telemetry.tables import RequestRow
from tests.telemetry.feed import Feed
from tests.world import World


@pytest_asyncio.fixture
async def shop(world: World) -> AsyncIterator[Feed]:
    made = await Feed.new(world.works)
    async with world.works.begin() as work:
        for number in range(7):
            await work.execute(
                insert(RequestRow).values(
                    id=new_id(work.now), service_id=made.service, at=work.now - timedelta(minutes=number // 2),
                    method="GET", route="/", duration=3.0, trace_id=f"{number:032x}", span_id="0" * 16,
                    failed=number % 2 == 0, slow=number > 3, status=500,
                )
            )  # fmt: skip
    yield made


async def test_pages_follow_one_another_without_gap_or_repeat(world: World, shop: Feed) -> None:
    now = world.clock.now()
    span = TimeRange(now - timedelta(hours=1), now + timedelta(seconds=1))
    async with world.works.read() as work:
        seen, after = [], None
        while True:
            page = await requests.page(work, shop.service, span, RequestFilter.ALL, 3, after)
            seen += [row.trace_id for row in page.nodes]
            if not page.has_next_page:
                break
            after = page.end_cursor
        assert sorted(seen) == [f"{number:032x}" for number in range(7)] and len(seen) == 7
        failed = await requests.page(work, shop.service, span, RequestFilter.FAILED, 50, None)
        slow = await requests.page(work, shop.service, span, RequestFilter.SLOW, 50, None)
        assert (len(failed.nodes), len(slow.nodes)) == (4, 3)
        with pytest.raises(Invalid):
            await requests.page(work, shop.service, span, RequestFilter.ALL, 3, "bm8")


async def test_a_record_is_told_as_the_bus_carries_it() -> None:
    said = {
        "id": "0193", "at": "2026-11-02T09:00:00+00:00", "service": "shop", "method": "GET", "route": "/", "path": None,
        "status": 500, "duration": 0.5, "error_type": None, "message": None, "trace_id": "a", "span_id": "b",
        "client_address": None, "user_agent": None, "failed": True, "slow": False, "service_id": 1,
    }  # fmt: skip
    record = RequestRecord.told(orjson.loads(orjson.dumps(said)))
    assert (record.service, record.status, record.at.hour) == ("shop", 500, 9)
