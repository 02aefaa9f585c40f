"""How a connection to Redis is opened: to an address that was looked at, also where a sentinel names it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from redis._parsers import _AsyncRESP2Parser
from redis.asyncio.connection import Connection, UnixDomainSocketConnection, parse_url
from redis.exceptions import AuthenticationError, BusyLoadingError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from century.probes.address import ServerAddress, host_and_port, server_address
from century.probes.kind import Config
from century.probes.measurement import Trouble
from century.probes.wire import Failed, Wire, distrust, guarded, named, place, unreachable

PORT, SENTINEL_PORT = 6379, 26379
LIKE, LIKE_SENTINEL = "redis://cache.example.com:6379", "sentinel1.example.com:26379"
SCHEMES = ("redis", "rediss")
OWN = "our own Redis"
# INFO takes some ten thousand bytes; whoever sends more is no Redis.
LARGEST_ANSWER = 1024 * 1024
# What a part costs beside its bytes: a million of one byte each would keep everybody waiting.
COST = 64


def redis_address(config: Config) -> ServerAddress:
    address = server_address(config["url"].strip(), SCHEMES, PORT, LIKE)
    if address.options:
        raise ValueError(f"leave out what follows the ?: an address looks like {LIKE}")
    if address.path and not (address.path.isascii() and address.path.isdecimal()):
        raise ValueError(f"the database must be a number, like {LIKE}/0")
    return address


class _Bounded(_AsyncRESP2Parser):
    """Reads no answer that is longer than one can be: a stranger may say that a terabyte follows, in one part or in many."""

    _taken = 0

    def _clear(self) -> None:
        super()._clear()  # type: ignore[no-untyped-call]
        self._taken = 0

    async def _read(self, length: int) -> bytes:
        self._count(length)
        return await super()._read(length)

    async def _readline(self) -> bytes:
        line = await super()._readline()
        self._count(len(line))
        return line

    def _count(self, length: int) -> None:
        self._taken += length + COST
        if self._taken > LARGEST_ANSWER:
            raise ResponseError(f"an answer of more than {LARGEST_ANSWER >> 20} MiB")


class _Pinned(Connection):
    """A connection to an address that was looked at; over TLS by the name that it was given for."""

    secure: ssl.SSLContext | None = None

    def _connection_arguments(self) -> Mapping[str, Any]:
        arguments: dict[str, Any] = {"host": self.host, "port": self.port}
        return arguments | {"ssl": self.secure} if self.secure else arguments


class Door:
    """The connections of one check: where to, and what was said of it; `close` ends them all."""

    def __init__(self, wire: Wire, config: Config, timeout: float) -> None:
        self.wire, self.config, self.timeout = wire, config, timeout
        self.lines: list[str] = []
        self._open: list[Any] = []

    async def close(self) -> None:
        """End every connection that was opened."""
        for each in self._open:
            with contextlib.suppress(RedisError, OSError, asyncio.CancelledError):
                await each.disconnect(nowait=True)

    async def server(self) -> tuple[Any, str]:
        if self.config.flag("own"):
            return await self._own(), OWN
        password, user = self.config["password"], self.config["user"]
        if sentinels := self.config.lines("sentinels"):
            host, port = await self._primary(sentinels)
            secure = self.config.flag("tls")
            return await self._reach(host, port, secure, user, password), place(host, port)
        try:
            address = redis_address(self.config)
        except ValueError as error:
            raise Failed(Trouble.SETUP, f"the address: {error}") from None
        number = int(address.path or 0)
        opened = await self._reach(
            address.host, address.port, address.scheme == "rediss", user or address.user, password, number
        )
        return opened, place(address.host, address.port)

    async def _primary(self, sentinels: list[str]) -> tuple[str, int]:
        """Where the sentinels say that the primary is: the first that knows."""
        name, failure = self.config["master"], Failed(Trouble.SETUP, "no sentinel is named")
        seconds = max(0.2, self.timeout / (len(sentinels) + 1))
        for line in sentinels:
            try:
                host, port = host_and_port(line, SENTINEL_PORT, LIKE_SENTINEL)
                async with asyncio.timeout(seconds):
                    secret = self.config["sentinelPassword"]
                    opened = await self._reach(host, port, self.config.flag("tls"), "", secret)
                    answer = await self.ask(opened, place(host, port), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
            except TimeoutError:
                failure = Failed(Trouble.TIMEOUT, f"the sentinel {line} did not answer within {seconds:.1f} s")
                continue
            except ValueError as error:
                failure = Failed(Trouble.SETUP, f"the sentinels: {error}")
                continue
            except Failed as error:
                failure = Failed(error.trouble, f"the sentinel {line}: {error.message}", reached=error.reached)
                continue
            match answer:
                case [bytes() | str() as at, bytes() | str() as number] if text_of(number).isdecimal():
                    self.lines.append(
                        f"{line} says that {name} is at {place(text_of(at)[:100], int(text_of(number)[:6]))}"
                    )
                    return text_of(at), int(text_of(number)[:6])
            failure = Failed(Trouble.ANSWER, f"the sentinel {line} knows no '{name[:40]}'", reached=True)
        raise failure

    async def _reach(self, host: str, port: int, secure: bool, user: str, password: str, number: int = 0) -> Any:
        context = None
        if secure:
            try:
                trusted = self.wire.tls.context(verify=self.config.flag("verifyTls"), ca=self.config["ca"])
            except ValueError as error:
                raise Failed(Trouble.SETUP, f"the certificate authority: {error}") from None
            context = named(trusted, host)
        failure = Failed(Trouble.NETWORK, f"{host} has no address")
        for address in await guarded(self.wire, host, port):
            connection = _Pinned(host=str(address), port=port, **_arguments(user, password, number))
            connection.secure = context
            try:
                return await self._connected(connection, place(str(address), port), host)
            except Failed as error:
                failure = error
                if error.reached:
                    break
        raise failure

    async def _own(self) -> Any:
        """Our own Redis, as we reach it ourselves: its address comes from whoever runs the installation."""
        url = self.wire.settings.redis_url
        given: dict[str, Any] = dict(parse_url(url))
        arguments = _arguments(given.get("username", ""), given.get("password", ""), int(given.get("db", 0)))
        if path := given.get("path"):
            return await self._connected(UnixDomainSocketConnection(path=path, **arguments), OWN, OWN)
        host = given.get("host", "localhost")
        connection = _Pinned(host=host, port=given.get("port", PORT), **arguments)
        if urlsplit(url).scheme == "rediss":
            connection.secure = named(self.wire.tls.context(), host)
        return await self._connected(connection, OWN, host)

    async def _connected(self, connection: Any, where: str, name: str) -> Any:
        self._open.append(connection)
        try:
            await connection.connect()
        except (RedisError, OSError, ValueError, RecursionError) as error:
            cause = error.__cause__ or error.__context__
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise Failed(Trouble.ANSWER, distrust(name, cause), reached=True) from None
            raise _failure(where, cause if isinstance(cause, OSError) else error) from None
        return connection

    async def ask(self, connection: Any, where: str, *command: str) -> Any:
        try:
            await connection.send_command(*command, check_health=False)
            answer = await connection.read_response()
        except (RedisError, OSError, ValueError, RecursionError) as error:
            raise _failure(where, error) from None
        return answer


class Said(Failed):
    """An error that the server answered with, in its words."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(Trouble.ANSWER, f"{where} says: {text}", reached=True)
        self.text = text


def _arguments(user: str, password: str, number: int) -> dict[str, Any]:
    return {
        "db": number,
        "username": user or None,
        "password": password or None,
        "parser_class": _Bounded,
        "client_name": None,
        "lib_name": None,
        "lib_version": None,
    }


def _failure(where: str, error: BaseException) -> Failed:
    match error:
        case AuthenticationError() | NoPermissionError():
            return Failed(Trouble.SETUP, f"{where} does not let us in: {error}", reached=True)
        case BusyLoadingError():
            return Failed(Trouble.ANSWER, f"{where} is still loading its data", reached=True)
        case ResponseError():
            return Said(where, str(error))
        case ssl.SSLError():
            reason = (error.reason or "no reason given").lower().replace("_", " ")
            return Failed(Trouble.ANSWER, f"{where} does not speak TLS as it should: {reason}", reached=True)
        case RedisTimeout() | TimeoutError():
            return Failed(Trouble.TIMEOUT, f"{where} does not answer")
        case ConnectionResetError() | BrokenPipeError():
            return Failed(Trouble.NETWORK, f"{where} ended the connection", reached=True)
        case OSError():
            return Failed(Trouble.NETWORK, unreachable(where, error))
        case RedisError() if "max number of clients" in str(error):
            return Failed(Trouble.ANSWER, f"{where} takes no more clients: {error}", reached=True)
        case RedisError() if "closed" in str(error).lower():
            return Failed(Trouble.NETWORK, f"{where} ended the connection: is it Redis?", reached=True)
    return Failed(Trouble.ANSWER, f"{where} does not speak Redis' protocol", reached=True)


def text_of(answer: Any) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
