"""A small web server for probes to ask: it answers at once, and costs little itself."""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n"
HANGS = 1
"""Ports beyond the first are open and never answer."""


class Answers(asyncio.Protocol):
    """Answers whatever it is asked, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER)
        self.transport.close()


class Hangs(asyncio.Protocol):
    """Takes connections and says nothing."""


async def serve(ports: int) -> None:
    """Say the ports on a line: one that answers, the rest hang."""
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(Hangs if number else Answers, "127.0.0.1", 0, backlog=1024) for number in range(ports)
    ]
    print(*(each.sockets[0].getsockname()[1] for each in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
