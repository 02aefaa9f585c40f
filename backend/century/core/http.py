"""HTTP for every route: who asks and from where, how much is read, how errors and headers look."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from litestar import Litestar, Request, Response
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap, Message, Receive, Scope, Send

from century.core.actor import Actor
from century.core.constraints import broken
from century.core.errors import CenturyError, Invalid, RateLimited, TooLarge, Unauthenticated, Unavailable

logger = logging.getLogger("century.http")

GRAPHIQL_PATH = "/graphiql"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{style}; img-src 'self' data: blob:; font-src 'self'{font}; "
    "connect-src 'self'; worker-src 'self'{worker}; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
PAGE_POLICY = POLICY.format(style="", font="", worker="").encode()
# GraphiQL's editor writes style elements; its path alone may.
GRAPHIQL_POLICY = POLICY.format(style=" 'unsafe-inline'", font=" data:", worker=" blob:").encode()
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
# Whoever died in the middle of a body must not hold its place for ever.
BODY_SECONDS = 30.0
NO_STORE = (b"cache-control", b"no-store")


def client_address(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The client's address: the peer's, or what trusted proxies say of it, read from the right."""
    peer = connection.client.host if connection.client else None
    trusted: tuple[str, ...] = connection.app.state.century.settings.trusted_proxies
    if not trusted or peer is None or not _is_within(peer, trusted):
        return peer
    said = ",".join(connection.headers.getall("x-forwarded-for", []))
    for hop in reversed([each.strip() for each in said.split(",") if each.strip()]):
        if not _is_address(hop):
            return peer
        if not _is_within(hop, trusted):
            return hop
        peer = hop
    return peer


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_within(address: str, networks: Iterable[str]) -> bool:
    if not _is_address(address):
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in ipaddress.ip_network(each, strict=False) for each in networks)


async def authenticate(request: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    """Who asks, by the Authorization header alone; raises Unauthenticated."""
    access = request.app.state.century.access
    actor: Actor = await access.authenticate(request.headers.get("authorization"), client_address(request))
    return actor


async def read_body(request: Request[Any, Any, Any], limit: int) -> bytes:
    """The body, counted while it comes in; TooLarge as soon as it has more than `limit` bytes, Unavailable if it stalls."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge(f"a body may have {limit} bytes at most")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise TooLarge(f"a body may have {limit} bytes at most")
    except TimeoutError:
        raise Unavailable("the body came too slowly; send it again") from None
    return bytes(body)


def error_headers(error: CenturyError) -> dict[str, str]:
    """The headers that an error's status wants."""
    match error:
        case Unauthenticated():
            return {"WWW-Authenticate": 'Bearer realm="century"'}
        case RateLimited(retry_after=seconds) | Unavailable(retry_after=seconds):
            return {"Retry-After": str(max(1, round(seconds)))}
    return {}


def problem(error: CenturyError) -> Response[bytes]:
    """An expected error as problem JSON (RFC 9457)."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(error.status),
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    if isinstance(error, Invalid) and error.fields:
        body["errors"] = [{"field": name, "message": message} for name, message in error.fields.items()]
    return _problem(body, error_headers(error))


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _problem(body: dict[str, Any], headers: Mapping[str, str]) -> Response[bytes]:
    return Response(
        orjson.dumps(body), status_code=body["status"], media_type="application/problem+json", headers=dict(headers)
    )


def _on_expected(_: Request[Any, Any, Any], error: CenturyError) -> Response[bytes]:
    return problem(error)


def on_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the router refuses, as problem JSON."""
    title = _title(error.status_code)
    body = {"type": "about:blank", "title": title, "status": error.status_code, "detail": error.detail or title}
    return _problem(body, error.headers or {})


def _on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    if expected := broken(error):
        return problem(expected)
    number = secrets.token_hex(6)
    logger.error("error %s at %s %s", number, request.method, request.url.path[:200], exc_info=error)
    title = HTTPStatus.INTERNAL_SERVER_ERROR.phrase
    detail = f"something went wrong, quote {number}"
    body = {"type": "about:blank", "title": title, "status": 500, "detail": detail, "code": "INTERNAL", "id": number}
    return _problem(body, {})


ERRORS: ExceptionHandlersMap = {CenturyError: _on_expected, HTTPException: on_http, Exception: _on_unexpected}


class Site(Litestar):
    """An application whose every answer, errors too, carries the usual headers and a request id."""

    secure = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] != ScopeType.HTTP:
            await super().__call__(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # Answered as GET is; the server that carries us leaves the body out.
            scope = {**scope, "method": "GET"}
        request_id = secrets.token_hex(8)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        added = list(HEADERS)
        is_graphiql = scope["path"].rstrip("/") == GRAPHIQL_PATH
        added.append((b"content-security-policy", GRAPHIQL_POLICY if is_graphiql else PAGE_POLICY))
        added.append((b"x-request-id", request_id.encode()))
        if self.secure:
            added.append(STRICT_TRANSPORT)

        async def send_fortified(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                present = {name.lower() for name, _ in headers}
                headers += [each for each in (*added, NO_STORE) if each[0] not in present]
                message["headers"] = headers
            await send(message)

        await super().__call__(scope, receive, send_fortified)
