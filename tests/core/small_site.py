"""The small schema behind a real server on a real port, with an access of three tokens."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from litestar import get
from litestar.datastructures import State

from century.core.actor import Actor, Role
from century.core.errors import Conflict, Unauthenticated
from century.core.graphql.api import Api
from century.core.graphql.sockets import Sockets
from century.core.graphql.transport import routes
from century.core.http import ERRORS, Site
from tests.core.small_schema import Recorder, actor, make_api


class Tokens:
    """An access that knows `viewer`, `operator` and `admin`, until one is revoked."""

    def __init__(self) -> None:
        self.actors = {
            role.value: dataclasses.replace(
                actor(role, role.value), credential=uuid4(), expires_at=datetime.now(UTC) + timedelta(minutes=10)
            )
            for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
        }

    async def authenticate(self, authorization: str | None, address: str | None) -> Actor:
        token = (authorization or "").removeprefix("Bearer ")
        if token not in self.actors:
            raise Unauthenticated("sign in first")
        return dataclasses.replace(self.actors[token], address=address)

    async def still_valid(self, actors: Iterable[Actor]) -> set[UUID]:
        valid = {each.credential for each in self.actors.values()}
        return {each.credential for each in actors if each.credential and each.credential in valid}


class RealTime:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Rooms:
    """What a site has at hand, as far as the carriers of GraphQL look at it."""

    access: Tokens = field(default_factory=Tokens)
    recorder: Recorder = field(default_factory=Recorder)
    clock: RealTime = field(default_factory=RealTime)
    public_url: str = "http://127.0.0.1:8000"
    trusted_proxies: tuple[str, ...] = ()

    @property
    def settings(self) -> "Rooms":
        return self

    @property
    def works(self) -> "Rooms":
        return self

    @property
    def calls(self) -> list[str]:
        return self.recorder.calls

    @property
    def queues(self) -> list[asyncio.Queue[int]]:
        return self.recorder.queues

    @property
    def executions(self) -> int:
        return self.recorder.executions

    @executions.setter
    def executions(self, count: int) -> None:
        self.recorder.executions = count


@get("/conflict")
async def conflict() -> None:
    raise Conflict("already there")


@get("/broken")
async def broken() -> None:
    raise KeyError("swordfish")


def make_site(rooms: Rooms, api: Api | None = None, **options: Any) -> tuple[Site, Sockets]:
    api = api or make_api()
    sockets = Sockets(api, rooms, **options)
    site = Site(
        [routes(api), sockets.route(), conflict, broken],
        state=State({"century": rooms}),
        exception_handlers=ERRORS,
        openapi_config=None,
        logging_config=None,
    )
    return site, sockets


@contextlib.asynccontextmanager
async def serving(site: Site, sockets: Sockets) -> AsyncIterator[str]:
    """The site on a free port; yields `127.0.0.1:port`."""
    config = uvicorn.Config(
        site,
        port=0,
        log_config=None,
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    sockets.start()
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        await sockets.stop()
        server.should_exit = True
        await task
