"""An ASGI 3 application, watched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from century.client.failure import noted
from century.client.route import AsgiRoutes, Find, bounded
from century.client.watch import Request, Watch

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Asgi:
    """Stands in for the application: measures each HTTP request until the last byte of its answer is sent."""

    def __init__(self, app: Any, watch: Watch, route: Find | None) -> None:
        self.app = app
        self.watch = watch
        self._find = route or AsgiRoutes()

    def __getattr__(self, name: str) -> Any:
        if name == "app":  # not set yet, as when it is copied
            raise AttributeError(name)
        return getattr(self.app, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        pipeline = self.watch.start()
        if pipeline is None:
            await self.app(scope, receive, send)
            return
        path = scope["path"]  # routers of mounted applications change it
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(pipeline, scope["method"], headers)
        status: int | None = None

        def tell() -> dict[str, Any]:
            return _about(scope, path, headers)

        def finish() -> None:
            if status is not None:
                request.finish(status, bounded(self._find, scope), noted(scope) if status >= 500 else None, tell)

        async def watched(message: Message) -> None:
            nonlocal status
            await send(message)
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body" and not message.get("more_body", False):
                request.sent()
                if status is not None and status < 500:
                    finish()  # not after the background tasks that some frameworks run; of a failure they tell more

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            request.finish(status or 500, bounded(self._find, scope), error, tell)
            raise
        else:
            finish()
        finally:
            request.leave()

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start and end with the application; where it knows no lifespan, take its part.

        The rest is sent before the server hears that the end is complete: some servers then end the process.
        """
        self.watch.start()
        heard = False

        async def hear() -> Message:
            nonlocal heard
            heard = True
            return await receive()

        async def tell(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                await asyncio.to_thread(self.watch.stop)
            await send(message)

        try:
            await self.app(scope, hear, tell)
        except Exception:
            if heard:
                raise
        if not heard:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await tell({"type": "lifespan.shutdown.complete"})


def _about(scope: Scope, path: str, headers: dict[str, str]) -> dict[str, Any]:
    about: dict[str, Any] = {"url.path": path, "url.scheme": scope.get("scheme", "http")}
    if client := scope.get("client"):
        about["client.address"] = client[0]
    if agent := headers.get("user-agent"):
        about["user_agent.original"] = agent[:500]
    if version := scope.get("http_version"):
        about["network.protocol.version"] = version
    return about
