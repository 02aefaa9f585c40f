"""A browser is shown the console wherever it may be; a program is told that nothing is there."""

from __future__ import annotations

import pytest
from litestar.testing import AsyncTestClient

from century.core.settings import Settings
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
