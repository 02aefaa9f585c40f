"""Where exporters send: OTLP over HTTP at `/v1/metrics` and `/v1/traces`, and Prometheus' remote write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response, post

from century.core.actor import Actor, Permission
from century.core.errors import CenturyError, Forbidden
from century.core.http import authenticate, error_headers, read_body
from century.telemetry import answers, receive
from century.telemetry.answers import MOST_WIRE, Media, media_of
from century.telemetry.refusals import Refusals
from century.telemetry.remote_http import routes as remote_routes

Receiver = Callable[[Any, Actor, bytes, Media, str], Awaitable[Refusals]]


@post("/v1/metrics", status_code=200, include_in_schema=False, request_max_body_size=None)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Take in metrics; answered once they are on disk."""
    return await _receive(request, receive.receive_metrics)


@post("/v1/traces", status_code=200, include_in_schema=False, request_max_body_size=None)
async def traces(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Take in spans; those of slow and failed requests are kept."""
    return await _receive(request, receive.receive_traces)


async def _receive(request: Request[Any, Any, Any], receiver: Receiver) -> Response[bytes]:
    media = Media.JSON if "json" in request.headers.get("content-type", "") else Media.PROTOBUF
    try:
        actor = await authenticate(request)
        if not actor.may(Permission.INGEST):
            raise Forbidden("sending telemetry takes a key with the scope ingest")
        media = media_of(request.headers.get("content-type", ""))
        telemetry = request.app.state.century.telemetry
        declared = request.headers.get("content-length", "")
        with telemetry.committer.taking(min(int(declared), MOST_WIRE) if declared.isdecimal() else MOST_WIRE):
            body = await read_body(request, MOST_WIRE)
            refusals = await receiver(telemetry, actor, body, media, request.headers.get("content-encoding", ""))
    except (CenturyError, *receive.UNREACHABLE) as raised:
        error = raised if isinstance(raised, CenturyError) else receive.away()
        return Response(
            answers.failure(media, error), status_code=error.status, media_type=media, headers=error_headers(error)
        )
    return Response(answers.success(media, refusals), media_type=media)


routes = [metrics, traces, *remote_routes]
