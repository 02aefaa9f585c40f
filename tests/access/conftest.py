"""People and a door for the tests of this stage, and the whole server around them on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn

from century.access.attempts import Caller
from century.access.keys import create_key
from century.access.people import Person, create_person
from century.access.service import Access
from century.core.actor import Role, Scope
from century.core.bus import Bus
from century.core.settings import Settings
from century.server import create_app
from tests.world import World

PASSWORD = "four walnut trees, one goat"
DESK = Caller(address="192.0.2.10", user_agent="a browser", device="d" * 32)


@dataclass(frozen=True, slots=True)
class House:
    """An installation with one person of each role, who share a password, and the door to it."""

    world: World
    access: Access
    viewer: Person
    operator: Person
    admin: Person

    async def bearer(self, name: str) -> str:
        """The Authorization header of somebody who signs in."""
        return f"Bearer {(await self.access.login(name, PASSWORD, DESK)).access_token}"


@pytest.fixture
async def house(world: World) -> House:
    people = []
    async with world.works.begin() as work:
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
            made = await create_person(work, world.settings, role.value, f"{role.value}@example.com", role, PASSWORD)
            people.append(made.person)
    return House(world, Access(world.settings, world.works), *people)


@dataclass(frozen=True, slots=True)
class Site:
    """A running server, and how to reach it."""

    address: str
    http: httpx.AsyncClient
    house: House
    bus: Bus

    async def listens(self, topic: str, listeners: int = 1) -> None:
        """Until so many in the server hear what is said on a topic."""
        async with asyncio.timeout(10):
            while len(self.bus._queues.get(topic, ())) < listeners or not self.bus._listening.is_set():
                await asyncio.sleep(0.005)

    async def ask(self, authorization: str, query: str, **variables: Any) -> dict[str, Any]:
        """The answer to a GraphQL operation sent by POST."""
        body = {"query": query, "variables": variables}
        response = await self.http.post("/graphql", json=body, headers={"Authorization": authorization})
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, authorization: str, query: str, **variables: Any) -> Any:
        """The data of an answer that must have no errors."""
        answer = await self.ask(authorization, query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    async def code(self, authorization: str, query: str, **variables: Any) -> str:
        """The code of an answer's only error."""
        (error,) = (await self.ask(authorization, query, **variables))["errors"]
        return str(error["extensions"]["code"])

    async def key(self, *scopes: Scope) -> str:
        """The Authorization header of a new key."""
        async with self.house.world.works.begin() as work:
            return f"Bearer {(await create_key(work, self.house.world.settings, 'pipeline', scopes))[1]}"


@contextlib.asynccontextmanager
async def serving(settings: Settings, house: House) -> AsyncIterator[Site]:
    """The whole server on a free port of this machine."""
    app = create_app(settings, clock=house.world.clock)
    config = uvicorn.Config(app, port=0, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.result()
        await asyncio.sleep(0.01)
    address = f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with httpx.AsyncClient(base_url=f"http://{address}") as http:
        yield Site(address, http, house, app.state.century.bus)
    server.should_exit = True
    await task


@pytest.fixture
async def site(settings: Settings, house: House) -> AsyncIterator[Site]:
    async with serving(settings, house) as site:
        yield site
