"""The whole server: ready when what it stands on is, the console for browsers, figures for programs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from century.access import keys
from century.core.actor import Scope
from century.pages import Console
from century.server import create_app
from century.worker import CYCLE_KEY
from tests.world import World


@contextlib.asynccontextmanager
async def opened(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A server of this world, started, and a client of it."""
    site = create_app(world.settings)
    transport = httpx.ASGITransport(site)  # type: ignore[arg-type]
    async with site.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


async def bearer(world: World, *scopes: Scope) -> dict[str, str]:
    async with world.works.begin() as work:
        made = await keys.create_key(work, world.settings, "program", scopes)
    return {"Authorization": f"Bearer {made[1]}"}


async def test_ready_says_what_is_missing(world: World) -> None:
    async with opened(world) as client:
        assert (await client.get("/livez")).json() == {"live": True}
        early = await client.get("/readyz")
        assert early.status_code == 503
        assert early.json()["checks"] == {
            "database": "ok",
            "migrations": "ok",
            "redis": "ok",
            "worker": "no cycle seen of late",
        }
        await world.bus.redis.set(CYCLE_KEY, str(time.time()))
        assert (await client.get("/readyz")).json()["ready"] is True
        await world.bus.redis.set(CYCLE_KEY, str(time.time() - 60))
        assert (await client.get("/readyz")).status_code == 503


async def test_figures_for_programs(world: World) -> None:
    async with opened(world) as client:
        assert (await client.get("/monitoring/performance")).status_code == 401
        reader, writer = await bearer(world, Scope.READ), await bearer(world, Scope.INGEST)
        answer = await client.get("/monitoring/performance?last=PT15M", headers=reader)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"]["performance"]["requestCount"] == 0
        assert {each["name"] for each in answer.json()["data"]["performance"]["targets"]} >= {"latency_avg", "cpu"}
        assert (await client.get("/monitoring/performance?service=nobody", headers=reader)).status_code == 404
        assert (await client.get("/monitoring/performance", headers=writer)).status_code == 403
        for wrong in ("last=1h", "from=yesterday", "last=PT1H&to=2026-11-24T00:00:00Z", "last=PT0S"):
            assert (await client.get(f"/monitoring/performance?{wrong}", headers=reader)).status_code == 400, wrong


async def test_nothing_is_where_nothing_is(world: World) -> None:
    async with opened(world) as client:
        html = {"Accept": "text/html"}
        for path in ("/nowhere", "/assets/nothing.js", "/graphql/x", "/assets/../server.py", "/%2e%2e/server.py"):
            assert (await client.get(path)).status_code == 404, path
        for path in ("/assets/nothing.js", "/v1/nothing", "/auth/nothing"):
            assert (await client.get(path, headers=html)).status_code == 404, path


@pytest.fixture
def built(tmp_path: Path) -> Console:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>index</title>" + " " * 2_000)
    (tmp_path / "graphiql.html").write_text("<title>graphiql</title>")
    (tmp_path / "icon.svg").write_text("<svg/>")
    (tmp_path / "assets/index-a1b2.js").write_text("export {};" * 300)
    return Console(tmp_path)


async def test_a_browser_gets_the_console_anywhere(
    world: World, built: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("century.pages.Console", lambda: built)
    transport = httpx.ASGITransport(create_app(world.settings))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        client.headers["Accept"] = "text/html,*/*"
        for path in ("/", "/monitoring/dashboard", "/monitoring/performance", "/sign-in", "/settings/keys"):
            page = await client.get(path)
            assert (page.status_code, "<title>index</title>" in page.text) == (200, True), path
            assert page.headers["cache-control"] == "no-cache"
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["content-encoding"] == "gzip"
            assert "unsafe" not in page.headers["content-security-policy"]
        explorer = await client.get("/graphiql")
        assert "<title>graphiql</title>" in explorer.text
        assert "style-src 'self' 'unsafe-inline'" in explorer.headers["content-security-policy"]
        script = await client.get("/assets/index-a1b2.js")
        assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.text == "export {};" * 300
        assert (await client.get("/icon.svg")).headers["content-type"] == "image/svg+xml"
