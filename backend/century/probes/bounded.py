"""A loop for a driver that opens its own connections: each takes in so many bytes in all, and is cut off there.

A driver keeps what it has of a message until the rest of it has come, and a stranger may announce two gigabytes.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any


class Bounded:
    """The running loop, as far as a driver asks it for connections; `exceeded` once one of them took in too much."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self.exceeded = False
        self._loop = asyncio.get_running_loop()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], *place: Any, **options: Any
    ) -> tuple[Any, asyncio.Protocol]:
        """As the loop's own."""
        transport, counted = await self._loop.create_connection(lambda: _Counted(self, factory()), *place, **options)
        counted.transport = transport
        return _Transport(self, transport), counted.inner

    async def start_tls(
        self, transport: _Transport, protocol: asyncio.Protocol, context: ssl.SSLContext, **options: Any
    ) -> _Transport | None:
        """As the loop's own; what is counted is what was sealed, and the handshake has bounds of its own."""
        counted = _Counted(self, protocol)
        made = await self._loop.start_tls(transport.inner, counted, context, **options)
        counted.transport = made
        return None if made is None else _Transport(self, made)


class _Transport:
    """A transport whose protocol is counted, whichever it is given later."""

    def __init__(self, bounds: Bounded, inner: Any) -> None:
        self.inner = inner
        self._bounds = bounds

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def set_protocol(self, protocol: asyncio.Protocol) -> None:
        """As the transport's own."""
        counted = _Counted(self._bounds, protocol)
        counted.transport = self.inner
        self.inner.set_protocol(counted)


class _Counted(asyncio.Protocol):
    """A protocol that hears nothing any more once too much was said."""

    def __init__(self, bounds: Bounded, inner: Any) -> None:
        self.inner = inner
        self.transport: Any = None
        self._bounds = bounds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.inner.connection_made(_Transport(self._bounds, transport))

    def data_received(self, data: bytes) -> None:
        bounds = self._bounds
        bounds.taken += len(data)
        if bounds.taken <= bounds.most:
            self.inner.data_received(data)
        else:
            bounds.exceeded = True
            self.transport.abort()

    def eof_received(self) -> Any:
        return self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()
