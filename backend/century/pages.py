"""The console's files: hashed ones cached for ever, pages for every address that a browser may be at."""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException

from century.core.errors import NotFound, Unavailable
from century.core.http import on_http

FOLDER = Path(__file__).parent / "console"
INDEX = "index.html"
GRAPHIQL = "graphiql.html"
NOT_BUILT = "the console is not built: run `just web`, or install the package"
FOREVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml", "application/manifest+json")
SMALLEST_COMPRESSED = 1024
# Addresses of programs: a browser that strays there is told so, instead of being shown the console.
PROGRAMS = ("auth/", "graphql", "v1/", "api/", "ping/", "livez", "readyz", "metrics", "status/", "assets/")

AnyRequest = Request[Any, Any, Any]


class Console:
    """The built console, looked at once; a file's compressed form is kept after it was first asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            each.relative_to(folder).as_posix(): each for each in sorted(folder.rglob("*")) if each.is_file()
        }
        self._compressed: dict[str, bytes] = {}

    def has(self, name: str) -> bool:
        return name in self._files

    def index(self, request: AnyRequest) -> Response[bytes]:
        """The page itself; small enough to be read and compressed where nothing can be awaited."""
        if INDEX not in self._files:
            raise Unavailable(NOT_BUILT, 60)
        headers = {"Cache-Control": ASK_AGAIN, "Vary": "Accept, Accept-Encoding"}
        body = self._files[INDEX].read_bytes()
        if "gzip" in request.headers.get("accept-encoding", "") and len(body) >= SMALLEST_COMPRESSED:
            if not self._compressed.get(INDEX):
                self._compressed[INDEX] = gzip.compress(body, 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
            body = self._compressed[INDEX]
        return Response(body, media_type="text/html", headers=headers)

    async def respond(self, request: AnyRequest, name: str) -> Response[bytes]:
        """A file by its name within the console; NotFound where there is none."""
        path = self._files.get(name)
        if path is None:
            if name in (INDEX, GRAPHIQL):
                raise Unavailable(NOT_BUILT, 60)
            raise NotFound(f"nothing at /{name[:100]}")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if name.endswith(".js"):
            kind = "text/javascript"
        headers = {"Cache-Control": FOREVER if name.startswith("assets/") else ASK_AGAIN}
        body = None
        try:
            if kind.startswith(COMPRESSIBLE):
                headers["Vary"] = "Accept-Encoding"
                if "gzip" in request.headers.get("accept-encoding", ""):
                    body = await self._compress(name, path)
            if body:
                headers["Content-Encoding"] = "gzip"
            else:
                body = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:  # built anew since the start
            raise NotFound(f"nothing at /{name[:100]} any more: the console was built anew") from None
        return Response(body, media_type=kind, headers=headers)

    async def _compress(self, name: str, path: Path) -> bytes:
        if name not in self._compressed:
            body = await asyncio.to_thread(path.read_bytes)
            small = len(body) < SMALLEST_COMPRESSED
            self._compressed[name] = b"" if small else await asyncio.to_thread(gzip.compress, body, 6, mtime=0)
        return self._compressed[name]


def wants_page(request: AnyRequest) -> bool:
    """Whether a browser asks, rather than a program."""
    return "text/html" in request.headers.get("accept", "")


def astray(console: Console) -> Callable[[AnyRequest, NotFoundException], Response[bytes]]:
    """The console for a browser at an address beside one of a program's: the router finds no way back from those."""

    def show(request: AnyRequest, error: NotFoundException) -> Response[bytes]:
        page = request.method == "GET" and wants_page(request) and not request.url.path.lstrip("/").startswith(PROGRAMS)
        return console.index(request) if page else on_http(request, error)

    return show


def routes(console: Console) -> Router:
    """Every file of the console, GraphiQL, and the console itself at any other address a browser asks for."""

    @get("/graphiql")
    async def graphiql(request: AnyRequest) -> Response[bytes]:
        return await console.respond(request, GRAPHIQL)

    @get("/")
    async def root(request: AnyRequest) -> Response[bytes]:
        return await console.respond(request, INDEX)

    @get("/{path:path}")
    async def anything(request: AnyRequest) -> Response[bytes]:
        name = request.scope["path"].lstrip("/")
        if console.has(name) or not wants_page(request) or name.startswith(PROGRAMS):
            return await console.respond(request, name)
        return await console.respond(request, INDEX)

    return Router("/", route_handlers=[graphiql, root, anything], include_in_schema=False)
