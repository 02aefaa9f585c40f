"""Addresses of the overview that are not GraphQL: `/metrics`, which Prometheus scrapes, dashboards for Grafana, and `/status`,
which anybody sees.
"""

from __future__ import annotations

from typing import Any

import orjson
from litestar import Request, Response, get

from century.core.actor import Permission
from century.core.errors import Forbidden, NotFound, Unavailable
from century.core.http import authenticate
from century.overview import grafana, showing
from century.overview.badge import badge
from century.overview.showing import Document
from century.overview.status import WHOLE
from century.overview.status_page import Shown

AnyRequest = Request[Any, Any, Any]
FOR_A_MOMENT = "public, max-age=30"
FOR_AN_HOUR = "public, max-age=3600"
NO_PAGE = "there is no status page here"


@get("/metrics", include_in_schema=False)
async def metrics(request: AnyRequest) -> Response[bytes]:
    """How Century does, and what it watches; for whoever may read, or for all where the settings say so."""
    app = request.app.state.century
    if not app.settings.metrics_public:
        actor = await authenticate(request)
        if not actor.may(Permission.READ):
            raise Forbidden("reading the metrics takes a key with the scope read")
    body, media = await app.metrics.answer(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media, "Vary": "Accept"})


@get("/monitoring/grafana/dashboards", include_in_schema=False)
async def dashboards(request: AnyRequest) -> Response[bytes]:
    """Which dashboards there are: an index for programs, a list to click on for people."""
    await _reader(request)
    found = grafana.listed(request.app.state.century.settings.public_url)
    if _wants_page(request):
        return Response(grafana.page(found), media_type="text/html", headers={"Vary": "Accept"})
    return Response(orjson.dumps({"dashboards": found}), media_type="application/json", headers={"Vary": "Accept"})


@get("/monitoring/grafana/dashboards/{name:str}", include_in_schema=False)
async def dashboard(request: AnyRequest) -> Response[bytes]:
    """A dashboard as Grafana imports it."""
    await _reader(request)
    name = str(request.path_params["name"])
    content = grafana.content(name)
    if content is None:
        raise NotFound(f"no dashboard {name[:100]!r}")
    return Response(content, media_type="application/json")


async def _reader(request: AnyRequest) -> None:
    actor = await authenticate(request)
    if not actor.may(Permission.READ):
        raise Forbidden("reading dashboards takes a key with the scope read")


@get("/status", include_in_schema=False)
async def status(request: AnyRequest) -> Response[bytes]:
    """How everything stands, for people without an account; nothing while it is not published."""
    try:
        shown = await _shown(request)
    except NotFound:
        if not _wants_page(request):
            raise
        made = showing.notice("There is no status page here", "Nobody has published one.")
        return _sent(request, made, "no-store", status=404)
    except Unavailable as error:
        made = showing.notice(
            "The status cannot be read", "Century does not reach its database. Try again in a minute."
        )
        answer = _sent(request, made, "no-store", status=503)
        answer.headers["Retry-After"] = str(round(error.retry_after))
        return answer
    return _sent(request, await _written(request, shown), FOR_A_MOMENT)


@get("/status/style.css", include_in_schema=False)
async def status_style(request: AnyRequest) -> Response[bytes]:
    """How the status page looks."""
    return _sent(request, showing.style(), FOR_AN_HOUR)


@get("/status/feed.xml", include_in_schema=False)
async def status_feed(request: AnyRequest) -> Response[bytes]:
    """What went wrong and what was announced, as Atom (RFC 4287)."""
    shown = await _shown(request)
    app = request.app.state.century
    url = f"{app.settings.public_url}/status"
    made = await app.status.written("feed", shown, lambda snapshot, _: showing.feed(snapshot, url))
    return _sent(request, made, FOR_A_MOMENT)


@get("/status/badge/{name:str}", include_in_schema=False)
async def status_badge(request: AnyRequest) -> Response[bytes]:
    """How one shown thing stands, or the whole page (`all.svg`), as a drawing for other people's pages."""
    snapshot, name = (await _shown(request)).snapshot, str(request.path_params["name"])
    slug = name.removesuffix(".svg")
    found = next((each for each in snapshot.items if each.slug == slug), None)
    if not name.endswith(".svg") or (found is None and slug != WHOLE):
        raise NotFound(f"no badge {name[:100]!r}")
    drawn = badge(found.name, found.level) if found else badge(snapshot.title, snapshot.level)
    answer = _sent(request, showing.document(drawn, "image/svg+xml"), FOR_A_MOMENT)
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


async def _shown(request: AnyRequest) -> Shown:
    shown: Shown = await request.app.state.century.status.shown()
    if not shown.snapshot.published:
        raise NotFound(NO_PAGE)
    return shown


async def _written(request: AnyRequest, shown: Shown) -> Document:
    made: Document = await request.app.state.century.status.written("page", shown, showing.page)
    return made


def _wants_page(request: AnyRequest) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _sent(request: AnyRequest, made: Document, keep: str, status: int = 200) -> Response[bytes]:
    headers = {"Cache-Control": keep, "ETag": made.tag, "Vary": "Accept-Encoding"}
    if status == 200 and made.tag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    body = made.body
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = made.compressed
    return Response(body, status_code=status, media_type=made.media, headers=headers)


routes: list[Any] = [metrics, dashboards, dashboard, status, status_style, status_feed, status_badge]
