"""Signing in and out: small routes beside the schema, since nobody may ask the schema anything before.

The refresh token travels in a cookie that no script can read; the access token is answered, for the page's memory.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, post
from litestar.datastructures import Cookie

from century.access.attempts import Caller
from century.access.credentials import reached
from century.access.key import keyed_hash
from century.access.limits import KNOWN_FOR
from century.access.refresh import LONGEST_IDLE
from century.access.service import Access
from century.access.sessions import Grant
from century.core.errors import Forbidden, Invalid
from century.core.http import client_address, read_body
from century.core.settings import Settings

LARGEST = 16 * 1024

AnyRequest = Request[Any, Any, Any]
Form = TypeVar("Form", bound=msgspec.Struct)


class Login(msgspec.Struct):
    """A name or an email address, and the password."""

    username: str
    password: str


class Link(msgspec.Struct):
    """The token of a one-time sign-in link."""

    token: str


@post("/auth/login", status_code=200)
async def login(request: AnyRequest) -> Response[dict[str, Any]]:
    """Sign in by password."""
    check_origin(request)
    form = await _read(request, Login)
    caller = _caller(request)
    with reached():
        return _granted(request, await _access(request).login(form.username, form.password, caller), caller)


@post("/auth/link", status_code=200)
async def link(request: AnyRequest) -> Response[dict[str, Any]]:
    """Sign in by a one-time link. Only this uses the link up: a mail scanner that opens its page does not."""
    check_origin(request)
    form = await _read(request, Link)
    caller = _caller(request)
    with reached():
        return _granted(request, await _access(request).use_link(form.token, caller), caller)


@post("/auth/refresh", status_code=200)
async def refresh(request: AnyRequest) -> Response[dict[str, Any]]:
    """A new access token for the session in the cookie."""
    check_origin(request)
    cookie = request.cookies.get(_name(_settings(request), "refresh"))
    caller = _caller(request)
    with reached():
        return _granted(request, await _access(request).refresh(cookie, caller), caller)


@post("/auth/logout", status_code=204)
async def logout(request: AnyRequest) -> Response[None]:
    """End the session in the cookie; whoever has none is signed out already."""
    check_origin(request)
    settings = _settings(request)
    with reached():
        await _access(request).logout(request.cookies.get(_name(settings, "refresh")), _caller(request))
    return Response(None, status_code=204, cookies=[_cookie(settings, "refresh", "", timedelta(0))])


routes = [login, link, refresh, logout]


def check_origin(request: AnyRequest) -> None:
    """Refuse what another site's page sent: a cookie must not act for somebody who did not ask.

    A browser says whose page it is in `Sec-Fetch-Site`, or at least in `Origin`; neither can be set by the page. A
    program sends neither, and brings no cookie that it was not given.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        own = origin is None or _origin(origin) in (
            _origin(_settings(request).public_url),
            _origin(str(request.base_url)),
        )
    if not own:
        raise Forbidden("this address answers only its own pages")


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname.lower(), port) if parts.hostname else None


def _name(settings: Settings, which: str) -> str:
    # Browsers take `__Host-` only together with Secure, which plain http cannot have. There the port is in the name
    # instead, because cookies do not tell one port of a host from another.
    public = urlsplit(settings.public_url)
    return f"__Host-century_{which}" if public.scheme == "https" else f"century_{which}_{public.port or 80}"


def _cookie(settings: Settings, which: str, value: str, age: timedelta) -> Cookie:
    return Cookie(
        key=_name(settings, which),
        value=value,
        max_age=int(age.total_seconds()),
        path="/",
        secure=settings.public_url.startswith("https:"),
        httponly=True,
        samesite="strict",
    )


def _granted(request: AnyRequest, grant: Grant, caller: Caller) -> Response[dict[str, Any]]:
    settings = _settings(request)
    answer = {
        "access_token": grant.access_token,
        "token_type": "bearer",
        "expires_in": int(grant.expires_in.total_seconds()),
        "role": grant.role.value,
    }
    cookies = [
        _cookie(settings, "refresh", grant.refresh_token, LONGEST_IDLE),
        _cookie(settings, "device", _sign(settings.secret, caller.device or ""), KNOWN_FOR),
    ]
    return Response(answer, status_code=200, headers={"Cache-Control": "no-store"}, cookies=cookies)


def _caller(request: AnyRequest) -> Caller:
    said = request.cookies.get(_name(_settings(request), "device"), "")
    device = said.partition(".")[0]
    # Signed, because who comes with one of ours does not queue behind a flood of strangers.
    ours = (_sign(each, device) for each in _settings(request).secrets)
    returning = any(hmac.compare_digest(said.encode(), each.encode()) for each in ours)
    agent = "".join(letter for letter in request.headers.get("user-agent", "") if letter.isprintable())
    return Caller(
        address=client_address(request),
        user_agent=agent or None,
        device=device if returning else secrets.token_hex(16),
        returning=returning,
    )


def _sign(secret: str, device: str) -> str:
    return f"{device}.{keyed_hash(secret, 'device cookie', device).hex()}"


async def _read(request: AnyRequest, form: type[Form]) -> Form:
    # A form of another site can send text, but no JSON without the browser asking us first.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Invalid("send JSON, with Content-Type: application/json")
    body = await read_body(request, LARGEST)
    try:
        return msgspec.json.decode(body, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError):
        expected = ", ".join(f'"{field}": "…"' for field in form.__struct_fields__)
        raise Invalid(f"the body must be JSON like {{{expected}}}") from None


def _access(request: AnyRequest) -> Access:
    access: Access = request.app.state.century.access
    return access


def _settings(request: AnyRequest) -> Settings:
    return _access(request).settings
