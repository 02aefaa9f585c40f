"""How many data points a second of CPU takes in: through HTTP until committed, server and PostgreSQL together.

Beside it the limit: COPY of the same points, a row each, into a table without an index.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from random import Random

import asyncpg
import numpy as np
import psutil
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from century import migrations
from century.access import keys
from century.core.actor import Scope
from century.core.bus import Bus
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.settings import Settings, read_settings
from century.core.work import Works
from century.embedded import Embedded
from century.serving import listen

SECRETS = {"MONITORING_SECRET": "a" * 15 + "secret-of-the-bench", "MONITORING_JWT_SECRET": "b" * 15 + "another-of-them"}
SECOND = 1_000_000_000
SERIES = 10_000
SENDERS = 4
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
SERVE = """
import os, sys
from pathlib import Path
from century import serving
from century.core.settings import read_settings
settings = read_settings(os.environ, data_dir=Path(sys.argv[1]))
serving.preload()
listener = serving.listen("127.0.0.1", int(sys.argv[2]))
print("listening", flush=True)
serving.run(settings, listener)
"""


@dataclass(frozen=True)
class Result:
    """What one run measured."""

    points: int
    seconds: float
    server: float
    postgres: float

    @property
    def rate(self) -> float:
        """Points a CPU second of both."""
        return self.points / (self.server + self.postgres)


def numbers(service: str, size: int, now: int) -> bytes:
    """A live batch of gauges and sums: one point a series, ten series a metric."""
    request, scope = _request(service)
    random = Random(service)
    for number in range(size // 10):
        metric = scope.metrics.add(name=f"app.metric.{number}", unit="1")
        points = metric.gauge.data_points if number % 2 else metric.sum.data_points
        if not number % 2:
            metric.sum.aggregation_temporality = 1  # type: ignore[assignment]
            metric.sum.is_monotonic = True
        for route in range(10):
            point = points.add(time_unix_nano=now)
            if not number % 2:
                point.start_time_unix_nano = now - 10 * SECOND
            if number % 3:
                point.as_double = random.random()
            else:
                point.as_int = random.randrange(1_000_000)
            point.attributes.extend(_pairs(method="GET", route=f"/orders/{route}", status="200"))
    return request.SerializeToString()


def sketches(service: str, size: int, now: int) -> bytes:
    """A live batch of exponential histograms, 40 buckets each."""
    request, scope = _request(service)
    random = Random(service)
    metric = scope.metrics.add(name="http.server.request.duration", unit="s")
    metric.exponential_histogram.aggregation_temporality = 1  # type: ignore[assignment]
    for route in range(size):
        counts = [random.randrange(30) for _ in range(40)]
        point = metric.exponential_histogram.data_points.add(
            time_unix_nano=now,
            start_time_unix_nano=now - 10 * SECOND,
            count=sum(counts),
            sum=random.random() * 10,
            scale=3,
            min=0.001,
            max=2.0,
        )
        point.attributes.extend(_pairs(method="GET", route=f"/orders/{route}", status="200"))
        point.positive.offset = -30
        point.positive.bucket_counts.extend(counts)
    return request.SerializeToString()


def _request(service: str) -> tuple[ExportMetricsServiceRequest, object]:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.extend(_pairs(**{"service.name": service, "service.instance.id": "1"}))
    scope = resource.scope_metrics.add()
    scope.scope.name = "bench"
    return request, scope


def _pairs(**said: str) -> list[KeyValue]:
    made = [KeyValue(key=key) for key in said]
    for pair, value in zip(made, said.values(), strict=True):
        pair.value.string_value = value
    return made


def unlike(service: str, size: int, now: int) -> bytes:
    """The same, for batches of which each differs from the last in more than its times and numbers."""
    return numbers(service, size, now)


def batches(make: Callable[[str, int, int], bytes], size: int) -> Iterator[bytes]:
    """Batches without end: every series in turn, then later again."""
    now = time.time_ns() // SECOND * SECOND - 1800 * SECOND
    template = [make(f"{make.__name__}-{size}-{number}", size, now) for number in range(SERIES // size // 2 or 1)]
    at, start = struct.pack("<q", now), struct.pack("<q", now - 10 * SECOND)
    step = 0
    while True:
        instant = now + step * 10 * SECOND // 64
        fresh = struct.pack("<q", instant), struct.pack("<q", instant - 10 * SECOND)
        for body in template:
            later = body.replace(at, fresh[0]).replace(start, fresh[1])
            # Another number of points is whole each time: nothing of an earlier batch helps to read this one.
            yield later if make is not unlike else later.replace(fresh[0] + b"\x21", fresh[0] + b"\x31", step % 50)
        step += 1


class Installation:
    """PostgreSQL, Valkey and a server process, and what they have cost."""

    def __init__(self, folder: Path, embedded: Embedded) -> None:
        self.embedded = embedded
        environ = {"DATABASE_URL": embedded.database_url, "REDIS_URL": embedded.redis_url, **SECRETS}
        self.settings = read_settings(environ, data_dir=folder)
        self.key = ""
        asyncio.run(migrate(self.settings))
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        listener.close()
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(folder), str(self.port)],
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
        )
        assert self.server.stdout is not None
        self.server.stdout.readline()

    def cost(self) -> tuple[float, float]:
        """CPU seconds of the server and of PostgreSQL so far, children that ended included."""
        assert self.embedded.postgres is not None
        return _cpu(self.server.pid), _cpu(self.embedded.postgres.pid)

    def send(self, source: Iterator[bytes], seconds: float, lock: threading.Lock) -> list[int]:
        """Send for a while over one connection; the sizes of what was acknowledged."""
        sent = []
        connection = HTTPConnection("127.0.0.1", self.port)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with lock:
                body = next(source)
            headers = {"content-type": "application/x-protobuf", "authorization": f"Bearer {self.key}"}
            connection.request("POST", "/v1/metrics", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200 or said:
                raise SystemExit(f"{answer.status} {said!r}")
            sent.append(len(body))
        return sent


async def migrate(settings: Settings) -> None:
    """Make the tables."""
    engine = connect(settings.database_url)
    await migrations.migrate(engine)
    await engine.dispose()


async def new_key(settings: Settings, name: str) -> str:
    """A key of its own for each run: the bound on series is a key's."""
    engine = connect(settings.database_url)
    bus = Bus(settings.redis_url)
    async with Works(engine, SystemClock(), bus).begin() as work:
        _, secret = await keys.create_key(work, settings, name, [Scope.INGEST])
    await bus.close()
    await engine.dispose()
    return secret


def _cpu(pid: int) -> float:
    process = psutil.Process(pid)
    spent = 0.0
    for each in (process, *process.children(recursive=True)):
        # A parent's own figure has the children that ended; the living ones stand beside it.
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return spent


def measure(installation: Installation, make: Callable[[str, int, int], bytes], size: int) -> Result:
    """One run; the series are known before it begins."""
    installation.key = asyncio.run(new_key(installation.settings, f"{make.__name__} {size}"))
    source, lock = batches(make, size), threading.Lock()
    for _ in range(SERIES // size // 2 or 1):
        installation.send(source, 0.001, lock)
    sent: list[int] = []
    before, began = installation.cost(), time.monotonic()
    threads = [
        threading.Thread(target=lambda: sent.extend(installation.send(source, SECONDS, lock))) for _ in range(SENDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, after = time.monotonic() - began, installation.cost()
    return Result(len(sent) * size, seconds, after[0] - before[0], after[1] - before[1])


async def copy(url: str, pid: int, points: int) -> float:
    """Points a CPU second of PostgreSQL when they are copied in, a row (series, time, value) each."""
    row = np.dtype(
        [("n", ">i2"), ("l1", ">i4"), ("s", ">i4"), ("l2", ">i4"), ("t", ">i8"), ("l3", ">i4"), ("v", ">f8")]
    )
    rows = np.zeros(points, row)
    rows["n"], rows["l1"], rows["l2"], rows["l3"] = 3, 4, 8, 8
    rows["s"] = np.arange(points) % SERIES
    rows["t"] = np.arange(points) // SERIES * 10_000_000
    rows["v"] = np.random.default_rng(1).random(points)
    data = b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE copied (series int, at timestamptz, value float8)")
    before = _cpu(pid)

    async def parts() -> object:
        for start in range(0, len(data), 1 << 20):
            yield data[start : start + (1 << 20)]

    await connection.copy_to_table("copied", source=parts(), format="binary")
    spent = _cpu(pid) - before
    await connection.execute("DROP TABLE copied")
    await connection.close()
    return points / spent


@contextmanager
def installed() -> Iterator[Installation]:
    """An installation in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        embedded = Embedded.start(Path(folder) / "data")
        try:
            installation = Installation(Path(folder) / "data", embedded)
            try:
                yield installation
            finally:
                installation.server.terminate()
                installation.server.wait()
        finally:
            embedded.stop()


def main() -> None:
    """Print the figures."""
    with installed() as installation:
        assert installation.embedded.postgres is not None
        limit = statistics.median(
            asyncio.run(copy(installation.embedded.database_url, installation.embedded.postgres.pid, 1_000_000))
            for _ in range(3)
        )
        print(f"{'':34}{'points/CPU s':>13}{'points/s':>10}{'server':>8}{'postgres':>9}{'of COPY':>9}{'goal':>9}")
        print(f"{'COPY, a row a point':34}{limit:13,.0f}")
        for name, make, size, goal in (
            ("gauges and sums, 2,000 a batch", numbers, 2_000, 150_000),
            ("gauges and sums, 500 a batch", numbers, 500, 150_000),
            ("gauges and sums, 100 a batch", numbers, 100, 0),
            ("the same, no two alike, 2,000", unlike, 2_000, 150_000),
            ("exponential histograms, 500", sketches, 500, 60_000),
        ):
            result = measure(installation, make, size)
            print(
                f"{name:34}{result.rate:13,.0f}{result.points / result.seconds:10,.0f}{result.server:7.2f}s"
                f"{result.postgres:8.2f}s{result.rate / limit:9.0%}{f'{goal:,}' if goal else '':>9}",
                flush=True,
            )


if __name__ == "__main__":
    main()
