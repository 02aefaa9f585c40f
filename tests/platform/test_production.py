"""`century serve` and `century worker` over servers of one's own."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from century.core.settings import Settings
from tests.platform.installation import free_port, until
from tests.platform.test_cli import SAFE


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "century.cli", *arguments], env={"PATH": "/usr/bin:/bin", **environment}
    )


async def test_server_and_worker_become_ready_together_and_end_on_sigterm(
    settings: Settings, processes: list[subprocess.Popen[bytes]]
) -> None:
    port = free_port()
    environment = {
        "DATABASE_URL": settings.database_url.replace("+asyncpg", ""),
        "REDIS_URL": settings.redis_url,
        "MONITORING_DATA_DIR": str(settings.data_dir),
        **SAFE,
    }

    def status(path: str) -> int:
        with (
            suppress(OSError, http.client.HTTPException),
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection,
        ):
            connection.request("GET", path)
            return connection.getresponse().status
        return 0

    server = start("serve", "--port", str(port), **environment)
    processes.append(server)
    until(lambda: status("/livez") == 200, "the server lives")
    assert status("/readyz") == 503  # nobody works
    worker = start("worker", **environment)
    processes.append(worker)
    until(lambda: status("/readyz") == 200, "ready, once a worker works")

    for process in (worker, server):
        process.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert server.wait(10) in (0, -signal.SIGTERM)
