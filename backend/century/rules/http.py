"""Addresses of rules that are not GraphQL: where a Prometheus sends its alerts, as to an Alertmanager."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from century.core.actor import Permission
from century.core.errors import Forbidden
from century.core.http import authenticate, read_body
from century.rules import outside, outside_alert

LARGEST = 1 << 20
PATH = "/api/v2"


@post(f"{PATH}/alerts", status_code=200, include_in_schema=False)
async def alerts(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Take in alerts, of Alertmanager's API or as its webhook tells them; answered once they are kept."""
    actor = await authenticate(request)
    if not actor.may(Permission.INGEST):
        raise Forbidden("telling alerts takes a key with the scope ingest")
    body = await read_body(request, LARGEST)
    works = request.app.state.century.works
    told = outside_alert.read(body, works.clock.now())
    refused = told.refused
    if told.alerts:
        async with works.begin(actor) as work:
            refused = [*refused, *await outside.take(work, told.alerts)]
    if refused:
        return Response({"error": "; ".join(refused[:5])}, status_code=400)
    return Response({})


@get(f"{PATH}/status", include_in_schema=False)
async def status(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Enough for whoever asks first what answers here."""
    await authenticate(request)
    return {
        "cluster": {"status": "disabled", "peers": []},
        "config": {"original": ""},
        "versionInfo": {
            "version": "century", "branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": "",
        },
        "uptime": "1970-01-01T00:00:00Z",
    }  # fmt: skip


routes: list[Any] = [alerts, status]
