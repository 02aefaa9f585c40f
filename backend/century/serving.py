"""Running the server process: one listening socket, bounded frames, an end within seconds."""

from __future__ import annotations

import errno
import gc
import socket

from century.core.settings import Settings
from century.process import SpawnError

FRAME_LIMIT = 64 * 1024
GRACE_SECONDS = 4
STALLED_MILLISECONDS = 20_000


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; SpawnError with a sentence that says who holds the port and what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections inherit it: a peer that takes nothing more is dropped by the kernel, buffers and all.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MILLISECONDS)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SpawnError(_taken(host, port)) from None
        raise SpawnError(f"Cannot listen on {host} port {port}: {error.strerror}.") from None
    listener.set_inheritable(True)
    return listener


def _taken(host: str, port: int) -> str:
    import psutil

    holder = "another process"
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listens and listens.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                module = process.cmdline()[1:3]
                name = process.name() + (f" {' '.join(module)}" if module[:1] == ["-m"] else "")
                holder = f"{name} (process {process.pid}, of {process.username()})"
                break
    except psutil.Error:
        holder = "another user's process"
    return f"Port {port} is taken by {holder}. End that, or choose another port: --port {_next_free(host, port)}."


def _next_free(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port + 1, min(port + 100, 65535)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return candidate
    return 0


def preload() -> None:
    """Import what serving needs, before the settings are known."""
    import uvicorn.protocols.http.httptools_impl
    import uvicorn.protocols.websockets.websockets_sansio_impl  # noqa: F401
    import uvloop  # noqa: F401

    import century.server  # noqa: F401


def run(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get a few seconds."""
    import uvicorn

    from century.server import create_app

    config = uvicorn.Config(
        create_app(settings, watches_itself=True),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",  # a send that finds the socket writable never suspends: see Outbox
        ws_max_size=FRAME_LIMIT,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=65,
        h11_max_incomplete_event_size=FRAME_LIMIT,
    )
    gc.collect()
    gc.freeze()  # what is imported lives as long as we do: never look at it again
    uvicorn.Server(config).run(sockets=[listener])
