"""One HTTP question and its answer, over a connection of its own: what a probe asks with, in a fifth of a millisecond.

Nothing is taken on trust: every address is looked at before it is connected to, also each one that a redirection leads
to; the head, the body, the time and the number of redirections are bounded, and what comes packed stays packed.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from time import perf_counter
from urllib.parse import urljoin

import httpx

from century.core.outbound import MAX_URL, REDIRECTS, SECRET_HEADERS, USER_AGENT, redact
from century.probes.answer import AnswerReader, Progress
from century.probes.measurement import Step, Trouble
from century.probes.wire import Failed, Wire, dial, place

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_BODY = 1024 * 1024
MAX_REDIRECTS = 5
# What frames the question is ours to say.
OURS = frozenset({"content-length", "transfer-encoding", "connection", "accept-encoding", "expect", "te", "upgrade"})
ALPN = ("http/1.1",)

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: `target` is what is asked for there, `host` an ASCII name or an address."""

    scheme: str
    host: str
    port: int
    target: str
    authority: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


@dataclass(frozen=True, slots=True)
class Ask:
    """A question. `secret_headers` and `secret_body`, which takes the place of `body`, go to the origin of `url` alone.

    A body of the answer longer than `max_body` is cut there.
    """

    url: str
    method: str = "GET"
    headers: Headers = ()
    secret_headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    secret_body: bytes = field(default=b"", repr=False)
    max_body: int = MAX_BODY
    follow: bool = True
    verify: bool = True
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: headers by lowercase name, as they came; `latency` in seconds, of all hops; `certificate` of the last."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    url: str
    address: str
    steps: tuple[Step, ...]
    latency: float
    truncated: bool = False
    redirects: int = 0
    certificate: bytes | None = None

    def header(self, name: str) -> str | None:
        """A header's values by lowercase name, joined as HTTP joins them."""
        values = [value for each, value in self.headers if each == name]
        return ", ".join(values) if values else None

    def seconds(self, step: str) -> float:
        """The seconds that all steps of a name took."""
        return sum(each.seconds for each in self.steps if each.name == step)

    @property
    def words(self) -> str:
        """The status as people say it: "404 Not Found"."""
        return status_words(self.status, self.reason)


@lru_cache(maxsize=1024)
def status_words(status: int, reason: str = "") -> str:
    """A status with its name, the usual one where there is one."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} {reason[:40]}".strip()


@lru_cache(maxsize=4096)
def place_of(url: str) -> Place:
    """Where a URL leads; ValueError with a sentence that says why it is none."""
    if len(url) > MAX_URL:
        raise ValueError(f"a URL must not be longer than {MAX_URL} characters")
    if any(ord(each) <= 32 or ord(each) == 127 for each in url) or "\\" in url:
        raise ValueError("not a URL: it must not hold spaces or backslashes")
    try:
        parts = httpx.URL(url)
        host, port = parts.raw_host.decode("ascii"), parts.port
        target = parts.raw_path.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        raise ValueError("not a URL: it should look like https://host/path") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("a URL must begin with http:// or https://")
    if port is not None and not 1 <= port <= 65_535:
        raise ValueError("a port must lie between 1 and 65535")
    if parts.userinfo:
        raise ValueError("a URL must not hold a user or a password: give them as a secret header")
    usual = 443 if parts.scheme == "https" else 80
    named = f"[{host}]" if ":" in host else host
    authority = named if port in (None, usual) else f"{named}:{port}"
    return Place(parts.scheme, host, port or usual, target, authority)


async def exchange(wire: Wire, ask: Ask, timeout: float) -> Reply:
    """Ask and read the answer within `timeout` seconds. Raises Failed, whose sentence says how far it came."""
    progress = Progress()
    try:
        async with asyncio.timeout(timeout):
            return await _follow(wire, ask, progress)
    except TimeoutError:
        raise Failed(
            Trouble.TIMEOUT, f"no answer within {timeout:g} s: {progress.doing}", reached=progress.connected
        ) from None


async def _follow(wire: Wire, ask: Ask, progress: Progress) -> Reply:
    method, body, headers, secrets = ask.method, ask.secret_body or ask.body, ask.headers, ask.secret_headers
    url, latency, seen = ask.url, 0.0, {ask.url}
    steps: list[Step] = []
    for hop in range(MAX_REDIRECTS + 1):
        try:
            where = place_of(url)
        except ValueError as error:
            trouble = Trouble.ANSWER if hop else Trouble.SETUP
            raise Failed(trouble, _led(hop, url, str(error)), reached=bool(hop)) from None
        tls = _tls(wire, ask) if where.scheme == "https" else None
        try:
            answer = await _ask_once(wire, where, method, (*headers, *secrets), body, ask.max_body, tls, progress)
        except Failed as failed:
            raise Failed(failed.trouble, _led(hop, url, failed.message), reached=failed.reached or hop > 0) from None
        steps += answer.steps
        latency += answer.latency
        location = answer.header("location")
        if not ask.follow or answer.status not in REDIRECTS or not location:
            return Reply(
                answer.status, answer.reason, answer.headers, answer.body, url, answer.address, tuple(steps), latency,
                answer.truncated, hop, answer.certificate,
            )  # fmt: skip
        try:
            target = urljoin(url, location)
            there = place_of(target)
        except ValueError as error:
            raise Failed(Trouble.ANSWER, f"it redirects to {redact(location[:200])}: {error}", reached=True) from None
        if target in seen:
            raise Failed(Trouble.ANSWER, f"it redirects in a circle, by way of {redact(target)}", reached=True)
        seen.add(target)
        if (answer.status == 303 and method != "HEAD") or (answer.status in (301, 302) and method == "POST"):
            method, body = "GET", b""
            headers = tuple(each for each in headers if not each[0].lower().startswith("content-"))
        if there.origin != where.origin:
            if body and ask.secret_body:
                raise Failed(
                    Trouble.ANSWER, f"it redirects to {redact(target)}, where its secret body must not go", reached=True
                )
            private = secrets or any(name.lower() in SECRET_HEADERS for name, _ in headers)
            if where.scheme == "https" and there.scheme == "http" and private:
                raise Failed(
                    Trouble.ANSWER, f"it redirects to {redact(target)}, where its secret headers could be read on the way",
                    reached=True,
                )  # fmt: skip
            secrets = ()
            headers = tuple(each for each in headers if each[0].lower() not in (*SECRET_HEADERS, "host"))
        url = target
    raise Failed(Trouble.ANSWER, f"it redirects more than {MAX_REDIRECTS} times", reached=True)


def _led(hop: int, url: str, message: str) -> str:
    return f"after {hop} redirection{'s' if hop > 1 else ''} to {redact(url)}: {message}" if hop else message


def _tls(wire: Wire, ask: Ask) -> ssl.SSLContext:
    try:
        return wire.tls.context(verify=ask.verify, ca=ask.ca, alpn=ALPN)
    except ValueError as error:
        raise Failed(Trouble.SETUP, f"the certificate authority: {error}") from None


async def _ask_once(
    wire: Wire,
    where: Place,
    method: str,
    headers: Headers,
    body: bytes,
    max_body: int,
    tls: ssl.SSLContext | None,
    progress: Progress,
) -> Reply:
    loop = asyncio.get_running_loop()
    dialled = await dial(
        wire, where.host, where.port, lambda: AnswerReader(loop, method, max_body), tls=tls, progress=progress
    )
    transport, answer = dialled.transport, dialled.protocol
    peer = place(dialled.address, where.port)
    progress(f"connected to {peer}, which says nothing")
    answer.progress = progress
    try:
        answer.began = perf_counter()
        transport.write(_written(where, method, headers, body))
        await answer.done
        secure = transport.get_extra_info("ssl_object")
        certificate = secure.getpeercert(True) if secure else None
    finally:
        transport.abort()
    ended = perf_counter()
    heard = answer.heard or ended
    steps = [
        Step("resolve", dialled.resolve_s, where.host),
        Step("connect", dialled.connect_s, peer),
        *([Step("tls", dialled.tls_s, secure.version() or "")] if secure else []),
        Step("first byte", heard - answer.began, status_words(answer.status)),
        Step("body", ended - heard, f"{len(answer.body)} bytes"),
    ]
    return Reply(
        answer.status, answer.reason, tuple(answer.headers), bytes(answer.body), "", dialled.address, tuple(steps),
        sum(each.seconds for each in steps), answer.truncated, 0, certificate,
    )  # fmt: skip


def _written(where: Place, method: str, headers: Headers, body: bytes) -> bytes:
    named = {name.lower() for name, _ in headers}
    lines = [f"{method} {where.target} HTTP/1.1"]
    if "host" not in named:
        lines.append(f"Host: {where.authority}")
    if "user-agent" not in named:
        lines.append(f"User-Agent: {USER_AGENT}")
    if "accept" not in named:
        lines.append("Accept: */*")
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in OURS]
    lines += ["Accept-Encoding: identity", "Connection: close"]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    if any(bad in line for line in lines for bad in "\r\n\0"):
        raise Failed(Trouble.SETUP, "a header must be one line")
    return "\r\n".join((*lines, "", "")).encode("utf-8") + body
