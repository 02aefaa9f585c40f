"""Addresses of the overview that are not GraphQL: `/metrics`, which Prometheus scrapes."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from century.core.actor import Permission
from century.core.errors import Forbidden
from century.core.http import authenticate


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """How Century does, and what it watches; for whoever may read, or for all where the settings say so."""
    app = request.app.state.century
    if not app.settings.metrics_public:
        actor = await authenticate(request)
        if not actor.may(Permission.READ):
            raise Forbidden("reading the metrics takes a key with the scope read")
    body, media = await app.metrics.answer(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media, "Vary": "Accept"})


routes: list[Any] = [metrics]
