"""What a live update costs: 1,000 subscribers beside a raw broadcast, and how soon 5,000 clients have it.

Run as `python -m tests.bench.subscribers`. A server in a process of its own carries one subscription through the real
sockets and a plain websocket route for comparison; lean clients in this process only count and time what they hear.
"""

import asyncio
import base64
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
import strawberry
import uvloop

from century.core.actor import Permission
from century.core.graphql import Info, subscription

EVENTS = 40
SUBSCRIBERS = 1_000
CLIENTS = 5_000
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{protocol}"
    "Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
QUERY = "subscription Live { performanceLive { at throughput errorRate latencyAvg latencyP95 } }"


waiting: list[asyncio.Queue["LivePoint"]] = []


@strawberry.type
class LivePoint:
    service: str
    at: datetime
    throughput: float
    error_rate: float | None
    latency_avg: float | None
    latency_p95: float | None = strawberry.field(name="latencyP95")


@strawberry.type
class Subscription:
    @subscription(requires=Permission.READ)
    async def performance_live(self, info: Info) -> AsyncGenerator[LivePoint, None]:
        queue: asyncio.Queue[LivePoint] = asyncio.Queue()
        waiting.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            waiting.remove(queue)


def serve(port: int) -> None:
    """The server: `/graphql` with sockets, `/raw` without, and `/event?to=` that pushes one update."""
    import uvicorn
    from litestar import WebSocket, get, websocket
    from litestar.datastructures import State

    from century.core.graphql.api import Api
    from century.core.graphql.sockets import Sockets
    from century.core.http import ERRORS, Site
    from tests.core.small_schema import Query
    from tests.core.small_site import Rooms

    raw: set[WebSocket[Any, Any, Any]] = set()

    @get("/event")
    async def event(to: str) -> None:
        at = datetime.now(UTC)
        if to == "raw":
            point = {"at": at.isoformat(), "throughput": 12.5, "errorRate": 0.01, "latencyAvg": 0.2, "latencyP95": 0.7}
            text = json.dumps({"id": "1", "type": "next", "payload": {"data": {"performanceLive": point}}})
            for each in list(raw):
                await each.send({"type": "websocket.send", "text": text, "bytes": None})
        else:
            for queue in waiting:
                queue.put_nowait(
                    LivePoint(service="web", at=at, throughput=12.5, error_rate=0.01, latency_avg=0.2, latency_p95=0.7)
                )

    @get("/executions")
    async def executions() -> str:
        joined = sum(len(each.subscribers) for each in sockets.fanout._running.values())
        return f"{len(waiting)} {joined}"

    @websocket("/raw")
    async def raw_socket(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        raw.add(socket)
        try:
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass
        finally:
            raw.discard(socket)

    rooms = Rooms()
    api = Api(Query, None, Subscription)
    sockets = Sockets(api, rooms)
    site = Site(
        [sockets.route(), event, executions, raw_socket],
        state=State({"century": rooms}),
        exception_handlers=ERRORS,
        openapi_config=None,
        logging_config=None,
    )
    uvicorn.run(
        site,
        port=port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="error",
        access_log=False,
        backlog=4096,
        ws_ping_interval=None,
    )


@dataclass
class Count:
    """How many clients have heard the present update, and when each did."""

    wanted: int
    heard: list[float] = field(default_factory=list)
    all_heard: asyncio.Event = field(default_factory=asyncio.Event)


class Client(asyncio.Protocol):
    """A websocket that shakes hands, subscribes, and from then on only notes when bytes come."""

    def __init__(self, host: str, path: str, ready: asyncio.Future[None], counts: list[Count]) -> None:
        self.host, self.path, self.ready, self.counts = host, path, ready, counts
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        protocol = "" if self.path == "/raw" else "Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(HANDSHAKE.format(path=self.path, host=self.host, protocol=protocol, key=key).encode())

    def data_received(self, data: bytes) -> None:
        if self.ready.done():
            count = self.counts[-1]
            count.heard.append(time.perf_counter())
            if len(count.heard) == count.wanted:
                count.all_heard.set()
        elif b"101 Switching" in data and self.path != "/raw":
            self.say({"type": "connection_init", "payload": {"Authorization": "Bearer viewer"}})
        elif b"connection_ack" in data:
            self.say({"type": "subscribe", "id": "1", "payload": {"query": QUERY}})
            self.ready.set_result(None)
        elif self.path == "/raw":
            self.ready.set_result(None)

    def say(self, message: dict[str, Any]) -> None:
        assert self.transport
        body = json.dumps(message).encode()
        length = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0xFE]) + len(body).to_bytes(2, "big")
        self.transport.write(b"\x81" + length + bytes(4) + body)


async def ask(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    if b" 200 " not in answer[:20]:
        raise RuntimeError(answer.decode())
    return answer.rpartition(b"\r\n\r\n")[2].decode()


async def connect(port: int, path: str, number: int, counts: list[Count]) -> list[Client]:
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for start in range(0, number, 100):
        futures = [loop.create_future() for _ in range(min(100, number - start))]
        made = await asyncio.gather(
            *(
                loop.create_connection(lambda f=f: Client(f"127.0.0.1:{port}", path, f, counts), "127.0.0.1", port)
                for f in futures
            )
        )
        await asyncio.gather(*futures)
        clients += [protocol for _, protocol in made]
    while path == "/graphql" and not (await ask(port, "/executions")).endswith(f" {number}"):
        await asyncio.sleep(0.05)
    return clients


async def measure(
    server: psutil.Process, port: int, to: str, number: int, counts: list[Count], events: int
) -> tuple[float, list[float]]:
    """CPU seconds of the server an update, and for each client the seconds until it had it."""
    waits: list[float] = []
    before = server.cpu_times()
    for _ in range(events):
        count = Count(number)
        counts.append(count)
        started = time.perf_counter()
        await asyncio.gather(ask(port, f"/event?to={to}"), asyncio.wait_for(count.all_heard.wait(), 30))
        waits += [heard - started for heard in count.heard]
    after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) / events, waits


async def bench(port: int, server: psutil.Process) -> None:
    while True:
        try:
            await ask(port, "/executions")
            break
        except OSError:
            if not server.is_running() or server.status() == psutil.STATUS_ZOMBIE:
                raise
            await asyncio.sleep(0.1)
    cost: dict[str, list[float]] = {"raw": [], "graphql": []}
    for to in ("raw", "graphql"):
        counts: list[Count] = [Count(1)]
        clients = await connect(port, f"/{to}", SUBSCRIBERS, counts)
        await measure(server, port, to, SUBSCRIBERS, counts, 5)
        for _ in range(3):
            cost[to].append((await measure(server, port, to, SUBSCRIBERS, counts, EVENTS))[0])
        if to == "graphql":
            print(f"executions and subscribers: {await ask(port, '/executions')}")
        for client in clients:
            assert client.transport
            client.transport.abort()
        while to == "graphql" and (await ask(port, "/executions")).split()[1] != "0":
            await asyncio.sleep(0.05)
    raw, shared = min(cost["raw"]), min(cost["graphql"])
    print(f"raw broadcast to {SUBSCRIBERS}: {raw * 1000:.1f} ms of CPU")
    print(f"subscription to {SUBSCRIBERS}: {shared * 1000:.1f} ms of CPU, {shared / raw:.2f} x raw (promised: 1.5)")
    counts = [Count(1)]
    started = time.perf_counter()
    await connect(port, "/graphql", CLIENTS, counts)
    print(f"{CLIENTS} clients are back after {time.perf_counter() - started:.0f} s (promised: 60)")
    await measure(server, port, "graphql", CLIENTS, counts, 2)
    _, waits = await measure(server, port, "graphql", CLIENTS, counts, 20)
    waits.sort()
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99)]
    print(f"{CLIENTS} clients: p50 {p50 * 1000:.0f} ms (promised: 100), p99 {p99 * 1000:.0f} ms")


def main() -> None:
    gc.disable()  # the clients only measure
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 16_384)), hard))
    port = 18_765
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.subscribers", "serve", str(port)])
    try:
        uvloop.run(bench(port, psutil.Process(process.pid)))
    finally:
        gc.enable()
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    else:
        main()
