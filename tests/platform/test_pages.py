"""A browser is shown the console wherever it may be; a program is told that nothing is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient, RequestFactory

from century.core.errors import NotFound
from century.core.settings import Settings
from century.pages import Console
from century.server import create_app

PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/monitoring/dashboard",
        "/monitoring/performance",
        "/monitoring/infrastructure",
        "/monitoring/alerts",
        "/monitoring/alerts/history",
        "/monitoring/alerts/0198a001-0000-7000-8000-000000000000",
        "/monitoring/schedules/of-mine",
    ],
)
async def test_a_browser_is_shown_the_console(settings: Settings, path: str) -> None:
    async with AsyncTestClient(create_app(settings)) as client:
        page = await client.get(path, headers=PAGE)
        assert page.status_code == 200, page.text
        assert 'id="app"' in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/nowhere", "/monitoring/dashboard", "/monitoring/alerts/0198a001"])
async def test_a_program_is_told_that_nothing_is_there(settings: Settings, path: str) -> None:
    async with AsyncTestClient(create_app(settings)) as client:
        answer = await client.get(path, headers={"accept": "application/json"})
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("application/problem+json")


async def test_an_address_of_programs_shows_no_page(settings: Settings) -> None:
    async with AsyncTestClient(create_app(settings)) as client:
        assert (await client.get("/v1/nothing", headers=PAGE)).status_code == 404


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_file_that_a_new_build_took_away_is_not_found(tmp_path: Path, encoding: str) -> None:
    (script := tmp_path / "assets" / "old-1234.js").parent.mkdir()
    script.write_text("export {}")
    console = Console(tmp_path)
    script.unlink()
    with pytest.raises(NotFound, match="built anew"):
        await console.respond(RequestFactory().get("/", headers={"accept-encoding": encoding}), "assets/old-1234.js")
