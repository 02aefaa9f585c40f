"""What probes reach the world with: every connection goes to an address that the guard has looked at."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter
from typing import Any, Generic, Self, TypeVar

from century.core.egress import Address
from century.core.errors import Unavailable
from century.core.guard import AddressRefused, Guard
from century.core.settings import Settings
from century.probes.measurement import Trouble

MOST_CONTEXTS = 64
MOST_ADDRESSES = 4
# So long an address is waited for while the name has another one.
ADDRESS_SECONDS = 2.0
HANDSHAKE_SECONDS = 600.0
# What OpenSSL calls the ways in which a certificate is not trusted.
EXPIRED = 10
NOT_YET_VALID = 9
WRONG_NAMES = frozenset({62, 64})
UNKNOWN_ISSUERS = frozenset({2, 18, 19, 20, 21})

LastGood = Callable[[str], Awaitable[datetime | None]]
ProtocolT = TypeVar("ProtocolT", bound=asyncio.Protocol)


class Failed(Exception):
    """A check that came to nothing; `reached`: the target was there, and did not do what it should."""

    def __init__(self, trouble: Trouble, message: str, *, reached: bool = False) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.message = message
        self.reached = reached


class Distrusted(Failed):
    """A certificate that is not trusted; `code` is OpenSSL's reason, which hides any other."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(Trouble.ANSWER, message, reached=True)
        self.code = code


class TlsContexts:
    """One context for each way of trusting: making one takes as long as ten checks."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[bool, str, tuple[str, ...]], ssl.SSLContext] = OrderedDict()

    def context(self, *, verify: bool = True, ca: str = "", alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """The context that trusts the machine's authorities, or with `ca` (PEM) those alone; ValueError if it holds none."""
        key = (verify, ca if verify else "", alpn)
        if (found := self._made.get(key)) is None:
            found = self._made[key] = trusting(ca, alpn) if verify else unverified(alpn)
            if len(self._made) > MOST_CONTEXTS:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return found


def trusting(ca: str = "", alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A context that asks for a certificate in the right name. (`create_default_context` would write keys to SSLKEYLOGFILE.)"""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca:
        try:
            made.load_verify_locations(cadata=ca)
        except (ssl.SSLError, ValueError):
            raise ValueError("it must hold certificates in PEM form (-----BEGIN CERTIFICATE-----)") from None
    else:
        made.load_default_certs()
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


def unverified(alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A context that takes any certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


@lru_cache(maxsize=256)
def named(context: ssl.SSLContext, name: str) -> ssl.SSLContext:
    """A context that asks for `name`, whatever address a client connects to: for clients that cannot be told the two apart."""
    return _Named(context, name)


class _Named(ssl.SSLContext):
    _inner: ssl.SSLContext
    _name: str

    def __new__(cls, inner: ssl.SSLContext, name: str) -> Self:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made._inner, made._name = inner, name
        made.check_hostname = inner.check_hostname
        made.verify_mode = inner.verify_mode
        return made

    def __init__(self, inner: ssl.SSLContext, name: str) -> None:
        super().__init__()

    def wrap_bio(self, incoming: Any, outgoing: Any, *_: Any, **__: Any) -> ssl.SSLObject:
        return self._inner.wrap_bio(incoming, outgoing, server_side=False, server_hostname=self._name)

    def wrap_socket(self, sock: socket.socket, *_: Any, **__: Any) -> ssl.SSLSocket:
        return self._inner.wrap_socket(sock, server_hostname=self._name)


@dataclass(frozen=True, slots=True)
class Wire:
    """What a probe asks with; `last_good` says when the last good run of the heartbeat of a name ended."""

    guard: Guard
    settings: Settings
    tls: TlsContexts
    last_good: LastGood | None = None


@dataclass(frozen=True, slots=True)
class Dialled(Generic[ProtocolT]):
    """An open connection, and the seconds that each part of opening it took."""

    transport: asyncio.Transport
    protocol: ProtocolT
    address: str
    resolve_s: float
    connect_s: float
    tls_s: float


async def dial(
    wire: Wire,
    host: str,
    port: int,
    protocol_factory: Callable[[], ProtocolT],
    *,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Dialled[ProtocolT]:
    """Connect to the first address of `host` that takes the connection; over TLS the certificate must be `server_name`'s.

    `progress` hears what is being done, for the sentence of whoever runs out of time. Raises Failed.
    """
    loop = asyncio.get_running_loop()
    began = perf_counter()
    progress(f"looking up {host}")
    addresses = await guarded(wire, host, port)
    resolved = perf_counter()
    failure = Failed(Trouble.NETWORK, f"{host} has no address")
    for number, address in enumerate(addresses):
        more = number + 1 < len(addresses)
        text = str(address)
        where = place(text, port)
        progress(f"connecting to {where}")
        try:
            async with asyncio.timeout(ADDRESS_SECONDS) if more else contextlib.nullcontext():
                if tls is None:
                    transport, protocol = await loop.create_connection(protocol_factory, text, port)
                    return Dialled(transport, protocol, text, resolved - began, perf_counter() - resolved, 0.0)
                sock = await _connect(loop, address, port)
        except TimeoutError:
            if not more:
                raise
            failure = Failed(Trouble.TIMEOUT, f"{where} took no connection within {ADDRESS_SECONDS:g} s")
            continue
        except OSError as error:
            failure = Failed(Trouble.NETWORK, unreachable(where, error))
            continue
        connected = perf_counter()
        progress(f"connected to {where}, waiting for its TLS")
        name = server_name or host
        transport, protocol = await _secure(loop, protocol_factory, sock, tls, name, where)
        return Dialled(transport, protocol, text, resolved - began, connected - resolved, perf_counter() - connected)
    raise failure


async def guarded(wire: Wire, host: str, port: int) -> list[Address]:
    """The addresses of a host that may be reached; Failed if there is none, or a single one may not."""
    try:
        return (await wire.guard.addresses(host, port))[:MOST_ADDRESSES]
    except AddressRefused as error:
        raise Failed(Trouble.REFUSED, error.message) from None
    except Unavailable as error:
        raise Failed(Trouble.NETWORK, error.message) from None


async def _connect(loop: asyncio.AbstractEventLoop, address: Address, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, (str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _secure(
    loop: asyncio.AbstractEventLoop,
    protocol_factory: Callable[[], ProtocolT],
    sock: socket.socket,
    tls: ssl.SSLContext,
    name: str,
    where: str,
) -> tuple[asyncio.Transport, ProtocolT]:
    with explained(name, where):
        # Whoever waits is the one who gives up: the handshake's own limit is out of the way.
        return await loop.create_connection(
            protocol_factory,
            sock=sock,
            ssl=tls,
            server_hostname=name.rstrip("."),
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )


async def secured(
    transport: asyncio.Transport, protocol: asyncio.Protocol, tls: ssl.SSLContext, name: str, where: str
) -> asyncio.Transport:
    """The same connection, over TLS from now on; the certificate must be `name`'s. Raises Failed."""
    loop = asyncio.get_running_loop()
    with explained(name, where):
        made = await loop.start_tls(
            transport, protocol, tls, server_hostname=name.rstrip("."), ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
    if made is None:
        raise Failed(Trouble.NETWORK, f"{where} ended the TLS handshake", reached=True)
    return made


@contextlib.contextmanager
def explained(name: str, where: str) -> Iterator[None]:
    """What can go wrong with a handshake becomes Failed, in a sentence."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Distrusted(distrust(name, error), error.verify_code) from None
    except ssl.SSLError as error:
        reason = (error.reason or "no reason given").lower().replace("_", " ")
        raise Failed(Trouble.ANSWER, f"{where} does not speak TLS as it should: {reason}", reached=True) from None
    except OSError as error:
        raise Failed(Trouble.NETWORK, f"{where} ended the TLS handshake: {said(error)}", reached=True) from None
    except ValueError:
        raise Failed(Trouble.SETUP, f"{name[:100]} is no name that a certificate can have") from None


def place(address: str, port: int) -> str:
    """An address with its port, as people write it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def unreachable(where: str, error: OSError) -> str:
    """Why nothing could connect, in a sentence."""
    match error.errno:
        case errno.ECONNREFUSED:
            return f"{where} refuses connections: nothing listens there, or a firewall answers"
        case errno.ENETUNREACH | errno.EHOSTUNREACH:
            return f"there is no route to {where}"
        case errno.ETIMEDOUT:
            return f"{where} does not answer"
    return f"{where} cannot be reached: {said(error)}"


def said(error: OSError) -> str:
    """What the system calls an error."""
    if isinstance(error, ConnectionResetError):
        return "the connection was reset"
    return (error.strerror or type(error).__name__).lower()


def distrust(name: str, error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate is not trusted, in a sentence."""
    if error.verify_code == EXPIRED:
        return f"the certificate of {name} has expired"
    if error.verify_code == NOT_YET_VALID:
        return f"the certificate of {name} is not valid yet"
    if error.verify_code in WRONG_NAMES:
        return f"the certificate is not one of {name}"
    if error.verify_code in UNKNOWN_ISSUERS:
        return f"the certificate of {name} is from an issuer that is not trusted"
    return f"the certificate of {name} is not trusted: {error.verify_message}"
