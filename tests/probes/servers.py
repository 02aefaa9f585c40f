"""Servers that answer as they are told to, and the wire that reaches them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import trustme

from century.core.egress import Address
from century.core.guard import Guard
from century.core.outbound import resolve
from century.core.settings import Settings
from century.probes.kind import Config
from century.probes.kinds import Target
from century.probes.measurement import Measurement
from century.probes.wire import TlsContexts, Wire

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LOOPBACK = ("127.0.0.0/8", "::1/128")


def wire_to(*allow: str, resolving: Callable[[str, int], Awaitable[list[Address]]] = resolve) -> Wire:
    """A wire that may reach these networks; without any, loopback."""
    settings = Settings("", "", "", "", Path("/nowhere"), egress_allow=allow or LOOPBACK)
    return Wire(Guard(settings.egress_allow, resolve=resolving), settings, TlsContexts())


def resolver(*addresses: str) -> Callable[[str, int], Awaitable[list[Address]]]:
    """A resolver for which every name has these addresses."""

    async def found(host: str, port: int) -> list[Address]:
        return [ip_address(each) for each in addresses]

    return found


def tls_server(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """What a server speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@dataclass
class Server:
    """A listening server, and the connections that came to it."""

    port: int
    heads: list[bytes] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextlib.asynccontextmanager
async def listening(handle: Handle, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Server]:
    """A server on loopback; what is still open at its end is cut off."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            made.gone.set()
            writer.transport.abort()

    serving = await asyncio.start_server(connected, "127.0.0.1", port, ssl=tls)
    made = Server(serving.sockets[0].getsockname()[1])
    try:
        yield made
    finally:
        serving.close()
        for each in list(tasks):
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*answers: bytes, heads: list[bytes] | None = None) -> Handle:
    """A web server's part: each answer once, the last for ever."""
    left = list(answers)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.write_eof() if writer.can_write_eof() else None
        await reader.read()

    return handle


def answer(body: bytes = b"ok", status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


def redirection(to: str, status: int = 302) -> bytes:
    """A redirection."""
    return answer(b"", f"{status} Redirected", f"Location: {to}")


def aim(
    settings: Mapping[str, str] | None = None,
    timeout: float = 5,
    memory: Mapping[str, Any] | None = None,
    now: datetime = NOW,
    **more: str,
) -> Target:
    """What a check is given."""
    secrets = frozenset({"secretHeaders", "secretBody", "password"})
    config = Config({**(settings or {}), **more}, secrets)
    return Target(UUID(int=7), "orders", config, timeout, 30.0, memory or {}, now, "here")


def values(measured: Measurement) -> dict[str, float]:
    """The facts by name, with the part where there is one."""
    return {f"{each.name} {each.part}".strip(): each.value for each in measured.facts}


def assert_left_after(timeout: float, took: float) -> None:
    """That a target was left when its time was over; this machine may be busy, so not to the millisecond."""
    assert timeout - 0.05 <= took < timeout + 0.7
