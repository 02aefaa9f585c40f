"""`python -m century.demo`: load the past once, then run the watched service and its visitors until a signal."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from century.client import instrument
from century.demo.loading import Refused, load
from century.demo.store import Store
from century.demo.telling import tell
from century.demo.traffic import PAYMENTS, SERVICE
from century.demo.visitors import Visitors
from century.demo.weather import VERSION, Weather, weather
from century.demo.website import payments_api, website


def main() -> int:
    """The exit status; what went wrong is a sentence on stderr."""
    parser = argparse.ArgumentParser(prog="python -m century.demo", description=__doc__)
    parser.add_argument("--endpoint", required=True, help="Century's address")
    parser.add_argument("--data-dir", type=Path, required=True, help="Century's folder; the demo keeps its own in it")
    parser.add_argument("--key", help="an API key with the scope ingest; made and kept if not given")
    parser.add_argument("--port", type=int, default=0, help="where the watched service listens (any free port)")
    arguments = parser.parse_args()
    folder: Path = arguments.data_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return asyncio.run(run(arguments.endpoint, folder, arguments.key, arguments.port))
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1


async def run(endpoint: str, folder: Path, given: str | None, port: int) -> int:
    """Until SIGINT or SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    work = asyncio.create_task(show(endpoint, folder, given, port))
    end = asyncio.create_task(ended.wait())
    await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
    if not work.cancelled():
        work.result()
    return 0


async def show(endpoint: str, folder: Path, given: str | None, port: int) -> None:
    """Load, serve, visit."""
    key = given or await kept_key(endpoint, folder)
    async with httpx.AsyncClient(
        base_url=endpoint, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    ) as century:
        end = (await load(century, folder / "loaded.json")).end
    if given is None:
        await told(folder)

    def sky() -> Weather:
        return weather(time.time(), end)

    with listening(port) as site_socket, listening(0) as payments_socket:
        payments = watched(payments_api(sky), PAYMENTS, endpoint, key)
        async with (
            httpx.AsyncClient(base_url=address(payments_socket), timeout=10, trust_env=False) as payments_client,
            httpx.AsyncClient(base_url=address(site_socket), timeout=20, trust_env=False) as visitors_client,
        ):
            store = Store(folder / "property-tax.sqlite")
            site = watched(website(store, sky, payments_client), SERVICE, endpoint, key, connections=store.connections)
            print(f"The watched service is at {address(site_socket)}.", flush=True)
            servers = [serve(payments, payments_socket), serve(site, site_socket)]
            visiting = asyncio.create_task(Visitors(visitors_client, sky).come())
            try:
                await asyncio.wait({visiting, *(task for _, task in servers)}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                visiting.cancel()
                for server, _ in servers:
                    server.should_exit = True
                await asyncio.gather(*(task for _, task in servers), return_exceptions=True)


async def told(folder: Path) -> None:
    """The alerts of the past; without them there is a service to watch all the same, and the next start tries again."""
    try:
        await tell(folder.parent, folder / "loaded.json")
    except Exception as error:  # noqa: BLE001 (whatever it was, it is a part of the show, and the show goes on)
        print(f"The alerts of the past could not be told: {error!r}", file=sys.stderr, flush=True)


def watched(app: Any, service: str, endpoint: str, key: str, **options: Any) -> Any:
    """Instrumented with the lines any user writes."""
    return instrument(
        app,
        service=service,
        endpoint=endpoint,
        key=key,
        version=VERSION,
        resource={"service.instance.id": "demo-1"},
        **options,
    )


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: two servers and their visitors share the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Left to `run`."""
        yield


def serve(app: Any, listener: socket.socket) -> tuple[Server, asyncio.Task[None]]:
    """A server that is starting, and the task that it is."""
    server = Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2))
    return server, asyncio.create_task(server.serve([listener]))


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on 127.0.0.1."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        yield listener


def address(listener: socket.socket) -> str:
    """Where it answers."""
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def kept_key(endpoint: str, folder: Path) -> str:
    """The demo's own key, made with `century keys create` the first time or after it was revoked."""
    path = folder / "key"
    if path.exists():
        key = path.read_text().strip()
        async with httpx.AsyncClient(base_url=endpoint, timeout=10, trust_env=False) as century:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-protobuf"}
            try:
                if (await century.post("/v1/metrics", content=b"", headers=headers)).status_code != 401:
                    return key
            except httpx.TransportError:
                return key
    command = [sys.executable, "-m", "century.cli", "keys", "create", "demo", "--scope", "ingest"]
    done = await asyncio.to_thread(
        subprocess.run, [*command, "--data-dir", str(folder.parent)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(f"The demo got no key: {done.stderr.strip()[:500]}")
    path.touch(mode=0o600)
    path.write_text(done.stdout.splitlines()[-1].strip())
    return path.read_text()


if __name__ == "__main__":
    sys.exit(main())
