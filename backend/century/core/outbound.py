"""The one HTTP client that leaves this machine: it connects only to addresses it has looked at, and reads only so much."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from century.core.egress import Address
from century.core.errors import Invalid, TooLarge, Unavailable
from century.core.guard import AddressRefused, Guard, Resolve, resolve

TIMEOUT_SECONDS = 10.0
MAX_BODY = 1024 * 1024
MAX_REDIRECTS = 5
MAX_URL = 2_048
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key", "webhook-signature"})
SECRET_PARAMETERS = re.compile(r"(?i)([?&](?:[^=&]*(?:token|key|secret|password|signature|sig|auth)[^=&]*)=)[^&#]*")
USER_AGENT = "Century-Monitoring"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers by lowercase name, and the body up to its bound."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    address: str


def redact(url: str) -> str:
    """A URL that may be shown: without user, password, and the values of parameters that look like secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    host = parts.netloc.rpartition("@")[2]
    shown = parts._replace(netloc=f"…@{host}" if "@" in parts.netloc else host, fragment="").geturl()
    return SECRET_PARAMETERS.sub(r"\1…", shown)


class Outbound:
    """The client. `allow` are the networks of `MONITORING_EGRESS_ALLOW`; without them only public addresses are reached."""

    def __init__(
        self, allow: Iterable[str] = (), *, resolve: Resolve = resolve, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.guard = Guard(allow, resolve)
        self._ssl = ssl_context or ssl.create_default_context()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = TIMEOUT_SECONDS,
        max_body: int = MAX_BODY,
        follow_redirects: bool = False,
    ) -> Answer:
        """Ask and read the answer within `timeout` seconds and `max_body` bytes.

        Raises Invalid for a URL that is none, AddressRefused, TooLarge, and Unavailable where nothing answers.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._follow(method, url, dict(headers or {}), content, max_body, follow_redirects)
        except TimeoutError:
            raise Unavailable(f"{redact(url)} did not answer within {timeout:g} s") from None

    async def _follow(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None, max_body: int, follow: bool
    ) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._ask(method, url, headers, content, max_body)
            location = answer.headers.get("location")
            if not follow or answer.status not in REDIRECTS or not location:
                return answer
            target = urljoin(url, location)
            if _origin(target) != _origin(url):
                headers = {name: value for name, value in headers.items() if name.lower() not in SECRET_HEADERS}
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, content = "GET", None
            url = target
        raise Unavailable(f"{redact(url)} redirects without end")

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, max_body: int
    ) -> Answer:
        host, port = _check(url)
        addresses = await self.guard.addresses(host, port)
        async with self._client(addresses) as client:
            try:
                said = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
                async with client.stream(method, url, headers=said, content=content) as response:
                    body = bytearray()
                    # As it came: unpacking could make gigabytes of one packet.
                    async for part in response.aiter_raw():
                        body += part
                        if len(body) > max_body:
                            raise TooLarge(f"{redact(url)} answers with more than {max_body} bytes")
                    heard = {name.lower(): value for name, value in response.headers.items()}
                    return Answer(response.status_code, heard, bytes(body), url, str(addresses[0]))
            except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
                raise Unavailable(f"{redact(url)} cannot be reached: {type(error).__name__}") from None

    async def check(self, url: str, *, field: str = "url") -> None:
        """Whether a URL may be asked for, before anybody does; Invalid says why not, Unavailable if it has no address."""
        try:
            await self.guard.addresses(*_check(url))
        except Invalid as error:
            raise Invalid(error.message, field=field) from None
        except AddressRefused as error:
            raise Invalid(error.message, field=field) from None

    @contextlib.asynccontextmanager
    async def _client(self, addresses: list[Address]) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.AsyncHTTPTransport(verify=self._ssl, trust_env=False, retries=0)
        transport._pool._network_backend = _Pinned(addresses)
        async with httpx.AsyncClient(
            transport=transport, follow_redirects=False, trust_env=False, timeout=None
        ) as client:
            yield client


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that were checked, whatever the name says by now; TLS still asks for the name."""

    def __init__(self, addresses: list[Address]) -> None:
        self._addresses = addresses
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(self, host: str, port: int, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                return await self._backend.connect_tcp(str(address), port, *arguments, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, path: str, *arguments: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("unix sockets are not reached from here")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def _check(url: str) -> tuple[str, int]:
    if len(url) > MAX_URL or any(ord(each) <= 32 or ord(each) == 127 for each in url) or "\\" in url:
        raise Invalid("not a URL", field="url")
    try:
        parts = httpx.URL(url)
        host, port = parts.host, parts.port
    except (httpx.InvalidURL, ValueError):
        raise Invalid("not a URL", field="url") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Invalid("a URL must begin with http:// or https://", field="url")
    if port is not None and not 1 <= port <= 65_535:
        raise Invalid("a port must lie between 1 and 65535", field="url")
    if parts.userinfo:
        raise Invalid("a URL must not hold a password", field="url")
    return host, port or (443 if parts.scheme == "https" else 80)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
