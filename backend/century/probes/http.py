"""Where jobs report: `/ping/<token>`, and what a run came to behind it. The token is all that is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, get, post

from century.core.errors import Invalid, NotFound, Unavailable
from century.core.http import BODY_SECONDS
from century.probes.beats import Pings
from century.probes.heartbeat import PingKind

AnyRequest = Request[Any, Any, Any]
LONGEST_OUTPUT = 10 * 1024
LONGEST_KEY = 100
LONGEST_TOKEN = 64
TAKEN = "ok\n"


@get(["/ping/{token:str}", "/ping/{token:str}/{said:str}"])
async def seen(request: AnyRequest) -> Response[str]:
    """A ping without anything along."""
    return await _take(request, None)


@post(["/ping/{token:str}", "/ping/{token:str}/{said:str}"], status_code=200)
async def told(request: AnyRequest) -> Response[str]:
    """A ping; the beginning of what is sent along is kept as the run's output."""
    return await _take(request, await _output(request))


routes: list[Any] = [seen, told]


async def _take(request: AnyRequest, output: str | None) -> Response[str]:
    token, said = str(request.path_params["token"]), str(request.path_params.get("said", ""))
    kind, exit_code = _meaning(said)
    key = request.query_params.get("run") or None
    if key is not None and (len(key) > LONGEST_KEY or not key.isprintable()):
        raise Invalid(f"run has 1 to {LONGEST_KEY} printable characters", field="run")
    pings: Pings = request.app.state.century.pings
    await pings.take(token[:LONGEST_TOKEN], kind, key, exit_code, output)
    return Response(TAKEN, media_type="text/plain")


def _meaning(said: str) -> tuple[PingKind, int | None]:
    match said:
        case "":
            return PingKind.OK, None
        case "start":
            return PingKind.START, None
        case "fail":
            return PingKind.FAIL, None
    if said.isascii() and said.isdecimal() and len(said) <= 3 and int(said) <= 255:
        return (PingKind.OK if int(said) == 0 else PingKind.FAIL), int(said)
    raise NotFound("behind a heartbeat's address stands start, fail, an exit code from 0 to 255, or nothing")


async def _output(request: AnyRequest) -> str | None:
    """The beginning of the body: a job that says more has reported, too."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                if len(body) < LONGEST_OUTPUT:
                    body += part[: LONGEST_OUTPUT - len(body)]
    except TimeoutError:
        raise Unavailable("the body came too slowly; send it again") from None
    return bytes(body).decode(errors="replace").replace("\0", "") or None
