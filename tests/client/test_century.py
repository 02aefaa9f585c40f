"""The client against the real Century: what an application did comes back as numbers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.params import FromPath

from century import selfwatch
from century.client import instrument
from century.client.asgi import Asgi
from century.client.watch import Watch
from century.core.settings import Settings
from tests.client.test_asgi import ask, litestar
from tests.telemetry.door import Door, opened
from tests.world import World

NUMBERS = """
query Numbers($service: String!) {
  service(name: $service) {
    health
    metrics { name unit kind }
    performance(range: { last: "PT1H" }) {
      requestCount errorCount errorRate cpuUtilization memoryUtilization
      latency { avg p50 p95 approximate }
      routes { nodes { method route requestCount errorRate } }
    }
  }
}
"""


@pytest.fixture
async def door(settings: Settings, world: World) -> AsyncIterator[Door]:
    async with opened(settings, world) as door:
        yield door


async def numbers(door: Door, service: str) -> dict[str, Any]:
    answer = (await door.client.post("/graphql", json={"query": NUMBERS, "variables": {"service": service}})).json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["service"]
    return found


async def test_what_an_application_did_comes_back(door: Door) -> None:
    app: Any = instrument(litestar(), service="shop", endpoint=door.address, key=door.secret, interval=3600.0)
    await ask(app, *[("GET", f"/accounts/{number}") for number in range(95)], *[("POST", "/payments")] * 5)
    await asyncio.to_thread(app.watch.flush)
    new_among_known = [("GET", f"/accounts/{number}") for number in range(95)] + [("GET", "/gone")] * 5
    await ask(app, *new_among_known)
    await asyncio.to_thread(app.watch.stop)

    shop = await numbers(door, "shop")
    performance = shop["performance"]
    assert (performance["requestCount"], performance["errorCount"]) == (200, 10)
    assert performance["errorRate"] == pytest.approx(0.05)
    assert 0 < performance["latency"]["p50"] <= performance["latency"]["p95"] < 1
    assert not performance["latency"]["approximate"]
    assert 0 < performance["cpuUtilization"] <= 1
    assert 0 < performance["memoryUtilization"] <= 1
    routes = {(route["method"], route["route"]): route for route in performance["routes"]["nodes"]}
    assert routes["GET", "/accounts/{number}"]["requestCount"] == 190
    assert routes["POST", "/payments"]["errorRate"] == 1
    assert {"name": "http.server.request.duration", "unit": "s", "kind": "HISTOGRAM"} in shop["metrics"]


async def test_failed_requests_are_kept_to_be_read(door: Door) -> None:
    app: Any = instrument(litestar(), service="shop", endpoint=door.address, key=door.secret, interval=3600.0)
    await ask(app, ("GET", "/accounts/7"), ("POST", "/payments"))
    await asyncio.to_thread(app.watch.stop)
    (record,) = await door.rows("SELECT * FROM request_record")
    assert (record.method, record.route, record.path, record.status) == ("POST", "/payments", "/payments", 500)
    assert (record.error_type, record.message) == ("LookupError", "card 4711 is unknown")
    assert record.failed


async def test_a_wrong_key_costs_the_application_nothing(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "cpt_monitor_" + "x" * 40
    app: Any = instrument(litestar(), service="shop", endpoint=door.address, key=wrong, interval=3600.0)
    assert await ask(app, ("GET", "/accounts/7")) == [200]
    await asyncio.to_thread(app.watch.stop)
    assert "refuses the key (401)" in caplog.text
    assert not await door.rows("SELECT 1 FROM block")


async def test_century_watches_itself(door: Door) -> None:
    @get("/pages/{name:str}")
    async def page(name: FromPath[str]) -> str:
        return name

    @get("/readyz", status_code=503)
    async def readyz() -> str:
        return "not yet"

    site = Litestar([page, readyz], openapi_config=None, logging_config=None)
    async with selfwatch.watching(site, door.app.telemetry, interval=3600.0):
        transport = httpx.ASGITransport(site)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://century.test") as client:
            for name in ("one", "two", "three"):
                assert (await client.get(f"/pages/{name}")).status_code == 200
            assert (await client.get("/readyz")).status_code == 503
    century = await numbers(door, "century")
    assert century["performance"]["requestCount"] == 3
    assert [route["route"] for route in century["performance"]["routes"]["nodes"]] == ["/pages/{name}"]
    assert century["performance"]["cpuUtilization"] is not None
    assert "db.client.connection.count" in {metric["name"] for metric in century["metrics"]}


async def test_century_keeps_its_own_telemetry_while_its_database_is_away(door: Door) -> None:
    away = True

    class Telemetry:
        """The real one, behind a database that comes and goes."""

        def __getattr__(self, name: str) -> Any:
            if away:
                raise ConnectionRefusedError("the database does not answer")
            return getattr(door.app.telemetry, name)

    deliver = selfwatch.hand_over(Telemetry(), asyncio.get_running_loop())  # type: ignore[arg-type]
    watch = Watch(deliver, {"service.name": "century"}, interval=3600.0)
    site = Litestar([], openapi_config=None, logging_config=None)
    site.asgi_handler = Asgi(site.asgi_handler, watch, None)  # type: ignore[assignment]
    await ask(site, ("GET", "/one"))
    await asyncio.to_thread(watch.flush)
    away = False
    await ask(site, ("GET", "/two"))
    await asyncio.to_thread(watch.stop)
    assert (await numbers(door, "century"))["performance"]["requestCount"] == 2
