"""Every open websocket of this process: their handshake, and the watch over their credentials."""

import asyncio
import contextlib
import logging
from typing import Any
from urllib.parse import urlsplit

from litestar import WebSocket, websocket
from litestar.handlers import WebsocketRouteHandler

from century.core.actor import Actor
from century.core.graphql.api import Api
from century.core.graphql.fanout import FanOut
from century.core.graphql.socket import FORBIDDEN, PROTOCOL, Socket
from century.core.graphql.transport import PATH

logger = logging.getLogger("century.graphql")

WATCH_SECONDS = 2.0
SUBPROTOCOL_NOT_ACCEPTABLE = 4406
POLICY_VIOLATION = 1008
GOING_AWAY = 1001


class Sockets:
    """The sockets of an application. `start` begins the watch, `stop` closes them all."""

    def __init__(self, api: Api, app: Any, *, watch_seconds: float = WATCH_SECONDS, init_seconds: float = 3.0) -> None:
        self.fanout = FanOut(api)
        self._api = api
        self._app = app
        self._watch_seconds = watch_seconds
        self._init_seconds = init_seconds
        self._open: set[Socket] = set()
        self._watching: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def route(self) -> WebsocketRouteHandler:
        """The websocket beside `/graphql`."""

        @websocket(PATH)
        async def graphql_socket(socket: WebSocket[Any, Any, Any]) -> None:
            await self.serve(socket)

        return graphql_socket

    async def serve(self, websocket: WebSocket[Any, Any, Any]) -> None:
        """One connection, from its handshake on."""
        if not is_own_origin(websocket, self._app.settings.public_url):
            # Closed before it is accepted, the handshake is answered 403.
            await websocket.close(code=POLICY_VIOLATION)
            return
        offered: list[str] = websocket.scope.get("subprotocols", [])
        if PROTOCOL not in offered:
            await websocket.accept()
            await websocket.close(code=SUBPROTOCOL_NOT_ACCEPTABLE, reason="Subprotocol not acceptable")
            return
        await websocket.accept(subprotocols=PROTOCOL)
        socket = Socket(websocket, self._api, self.fanout, init_seconds=self._init_seconds)
        self._open.add(socket)
        try:
            await socket.serve()
        finally:
            self._open.discard(socket)

    def start(self) -> None:
        self._watching = asyncio.create_task(self._watch(), name="sockets")

    async def stop(self) -> None:
        if self._watching:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        for socket in list(self._open):
            socket.close(GOING_AWAY, "the server is stopping")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._watch_seconds)
            try:
                await self.close_ended()
            except Exception as error:  # noqa: BLE001 the watch must outlive a database that is away
                logger.warning("credentials of open sockets could not be checked: %s", type(error).__name__)

    async def close_ended(self) -> None:
        """Close the sockets whose credential has expired, was revoked, or lost a role."""
        now = self._app.works.clock.now()
        asked: list[tuple[Socket, Actor]] = []
        for socket in self._open:
            actor = socket.actor
            if actor and actor.expires_at is not None and actor.expires_at <= now:
                # Known without asking: a database that is away does not keep it open.
                socket.close(FORBIDDEN, "Forbidden: credentials expired")
            elif actor and actor.credential:
                asked.append((socket, actor))
        valid = await self._app.access.still_valid([actor for _, actor in asked]) if asked else set()
        for socket, actor in asked:
            if actor.credential not in valid:
                socket.close(FORBIDDEN, "Forbidden: credentials hold no longer")


def is_own_origin(websocket: WebSocket[Any, Any, Any], public_url: str) -> bool:
    """Whether no page, or one of our own, opens this socket."""
    origin = websocket.headers.get("origin")
    if origin is None:
        return True
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    host = websocket.headers.get("host", "")
    ours = urlsplit(public_url)
    return page.scheme in ("http", "https") and page.netloc in (host, ours.netloc) and bool(page.netloc)
