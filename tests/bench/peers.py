"""Prometheus and VictoriaMetrics, where they are installed, with the days that Century has, asked what Century is asked.

Both hold the very same requests as classic histograms in the buckets that OpenTelemetry advises, their cheapest form and
the one they are fed with most. Both get them once a minute, since every ten seconds would take twenty minutes to load:
they read a sixth of the moments that Century has. How far the answers are from the truth is printed beside the times.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import product
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from tests.bench import traffic
from tests.platform.installation import free_port

MINUTE, HOUR, DAY = 60, 3600, 86400
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
METRIC = "http_server_request_duration_seconds"
RUNS, PATIENCE = 5, 20_000.0
"""How often each question is asked again, and after how many milliseconds in all no more."""
SAMPLE = np.dtype(
    [("sample", "u1"), ("length", "u1"), ("value", "u1"), ("number", "<f8"), ("time", "u1"), ("at", "u1", 6)]
)
"""A sample in Prometheus' remote write; the milliseconds of these years take six bytes as a varint."""


@dataclass(frozen=True)
class Peer:
    """A program, how it is started in a folder at a port, what says that it is ready, the shortest window in which it sees
    a minute's change, what makes it write down, and the ways to ask it, by what is added to the address."""

    name: str
    command: Callable[[Path, int], list[str]]
    ready: str
    window: str
    flush: str | None = None
    ways: tuple[tuple[str, str], ...] = (("", ""),)


def prometheus(folder: Path, port: int) -> list[str]:
    """Prometheus with a door to write through."""
    (folder / "empty.yml").write_text("")
    return [
        "prometheus", f"--config.file={folder}/empty.yml", f"--storage.tsdb.path={folder}/data",
        "--storage.tsdb.retention.time=60d", f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver", "--query.timeout=10m",
    ]  # fmt: skip


def victoria(folder: Path, port: int) -> list[str]:
    """VictoriaMetrics."""
    return [
        "victoria-metrics", f"-storageDataPath={folder}/data", "-retentionPeriod=2", f"-httpListenAddr=127.0.0.1:{port}",
        "-search.maxQueryDuration=10m",
    ]  # fmt: skip


PEERS = (
    # Prometheus sees a change only between two moments of a window, VictoriaMetrics also from the one before it.
    Peer("prometheus", prometheus, "/-/ready", window="2m"),
    Peer(
        "victoria-metrics",
        victoria,
        "/health",
        window="1m",
        flush="/internal/force_flush",
        ways=(("", ""), (", its cache off", "&nocache=1")),
    ),
)


@dataclass(frozen=True)
class Question:
    """A name among Century's questions, and the same in PromQL: whom of, every so many seconds, for how many."""

    name: str
    service: int | None
    step: int
    span: int

    def promql(self, peer: Peer) -> str:
        """The 95th percentile in each step."""
        chosen = "" if self.service is None else f'{{service="shop-{self.service}"}}'
        window = "1h" if self.step == HOUR else peer.window
        return f"histogram_quantile(0.95, sum by (le) (rate({METRIC}_bucket{chosen}[{window}])))"


QUESTIONS = (
    Question("p95 an hour, 30 days, one service", 7, HOUR, traffic.DAYS * DAY),
    Question("p95 a minute, 24 hours, one service", 7, MINUTE, DAY),
    Question("p95 an hour, 30 days, all services", None, HOUR, traffic.DAYS * DAY),
)


@dataclass(frozen=True)
class Days:
    """What the routes of one service counted until each minute, and the seconds that each minute's requests took."""

    end: int
    at: np.ndarray
    columns: list[dict[tuple[str, str], np.ndarray]]
    minute: np.ndarray
    values: np.ndarray

    def truth(self, question: Question) -> np.ndarray:
        """The percentile of the raw values in each step; services are alike, so it is that of all of them too."""
        step = self.minute * MINUTE // question.step
        order = np.argsort(step, kind="stable")
        parts = np.split(self.values[order], np.searchsorted(step[order], np.arange(1, step[order[-1]] + 1)))
        return np.array([np.quantile(part, 0.95) for part in parts[-question.span // question.step :]])


def days(end: int) -> Days:
    """The requests that Century was given for one service until `end` (ns)."""
    hours = list(traffic.requests(0, end))
    every = MINUTE * traffic.SECOND // traffic.STEP
    at = np.concatenate([times for _, times, _ in hours])[every - 1 :: every] // 1_000_000
    columns, minutes, seconds = [], [], []
    for route in range(traffic.ROUTES):
        sizes = np.concatenate([drawn[route][0] for _, _, drawn in hours])
        values = np.concatenate([drawn[route][1] for _, _, drawn in hours])
        minute = np.repeat(np.arange(len(sizes)) // every, sizes)
        width = len(BOUNDS) + 1
        flat = np.bincount(minute * width + np.searchsorted(BOUNDS, values), minlength=len(at) * width)
        buckets = flat.reshape(-1, width).cumsum(axis=1).cumsum(axis=0)
        made = {("_bucket", str(bound)): buckets[:, n] for n, bound in enumerate((*BOUNDS, "+Inf"))}
        made["_count", ""] = buckets[:, -1]
        made["_sum", ""] = np.bincount(minute, values, len(at)).cumsum()
        columns.append(made)
        minutes.append(minute)
        seconds.append(values)
    return Days(end // traffic.SECOND, at, columns, np.concatenate(minutes), np.concatenate(seconds))


def writes(given: Days) -> Iterator[bytes]:
    """Prometheus' remote write, a request an hour with all services in it."""
    hour = HOUR // MINUTE
    heads = [
        [
            [head(route, suffix, bound, service, hour) for service in range(traffic.SERVICES)]
            for suffix, bound in columns
        ]
        for route, columns in enumerate(given.columns)
    ]
    for start in range(0, len(given.at), hour):
        parts = []
        for mine, columns in zip(heads, given.columns, strict=True):
            for services, numbers in zip(mine, columns.values(), strict=True):
                points = samples(given.at[start : start + hour], numbers[start : start + hour])
                parts += [part for begin in services for part in (begin, points)]
        body = b"".join(parts)
        # Snappy's block format, as one literal: nothing compressed.
        yield varint(len(body)) + b"\xfc" + (len(body) - 1).to_bytes(4, "little") + body


def head(route: int, suffix: str, bound: str, service: int, points: int) -> bytes:
    """What precedes the samples of a series: its labels, in order of their names, and how long all of it is."""
    labels = {"__name__": METRIC + suffix, "http_route": f"/route/{route}"} | ({"le": bound} if bound else {})
    said = b"".join(
        field(1, field(1, name.encode()) + field(2, text.encode()))
        for name, text in (labels | {"service": f"shop-{service}"}).items()
    )
    return b"\x0a" + varint(len(said) + points * SAMPLE.itemsize) + said


def samples(at: np.ndarray, numbers: np.ndarray) -> bytes:
    """The samples of one series, in time."""
    made = np.empty(len(at), SAMPLE)
    made["sample"], made["length"], made["value"], made["time"] = 0x12, SAMPLE.itemsize - 2, 0x09, 0x10
    made["number"] = numbers
    made["at"] = at[:, None] >> np.arange(0, 42, 7) & 0x7F | np.array([0x80] * 5 + [0])
    return made.tobytes()


def field(number: int, content: bytes) -> bytes:
    """A protobuf field with a length."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(number: int) -> bytes:
    """A number as protobuf and Snappy write it."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(made + bytes([number]))


@contextmanager
def running(peer: Peer, folder: Path) -> Iterator[HTTPConnection]:
    """The peer until the end of the block, and a connection to it."""
    port = free_port()
    command = peer.command(folder, port)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        connection = HTTPConnection("127.0.0.1", port, timeout=600)
        try:
            began = time.monotonic()
            while not answers(connection, peer.ready):
                if process.poll() is not None or time.monotonic() - began > 60:
                    raise SystemExit(f"{peer.name} does not start")
                time.sleep(0.1)
            yield connection
        finally:
            connection.close()
            process.terminate()


def answers(connection: HTTPConnection, path: str) -> bool:
    """Whether somebody is there."""
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except OSError:
        connection.close()
        return False
    return answer.status == 200


def call(connection: HTTPConnection, method: str, path: str, body: bytes = b"") -> bytes:
    """The answer's body."""
    headers = {"content-encoding": "snappy", "content-type": "application/x-protobuf"} if body else {}
    connection.request(method, path, body, headers | {"x-prometheus-remote-write-version": "0.1.0"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{answer.status} to {path}: {said[:400].decode(errors='replace')}")
    return said


def ask(connection: HTTPConnection, peer: Peer, question: Question, way: str, end: int) -> tuple[float, np.ndarray]:
    """Milliseconds until the answer is there, and the answer."""
    said = {
        "query": question.promql(peer),
        "start": end - question.span + question.step,
        "end": end,
        "step": question.step,
    }
    began = time.perf_counter()
    body = call(connection, "GET", f"/api/v1/query_range?{urlencode(said)}{way}")
    spent = (time.perf_counter() - began) * 1000
    (series,) = json.loads(body)["data"]["result"]
    return spent, np.array([float(number) for _, number in series["values"]])


def beside(end: int, century: Mapping[str, float]) -> None:
    """Load, ask and print; `century` has its own medians (ms) by question, measured a moment ago."""
    installed = []
    for peer in PEERS:
        if shutil.which(peer.name) is None:
            print(f"{peer.name} is not installed: nothing to compare with")
        else:
            installed.append(peer)
    if not installed:
        return
    given = days(end)
    for peer in installed:
        with tempfile.TemporaryDirectory() as folder, running(peer, Path(folder)) as connection:
            compare(peer, connection, given, Path(folder), century)


def compare(peer: Peer, connection: HTTPConnection, given: Days, folder: Path, century: Mapping[str, float]) -> None:
    """The table of one peer."""
    began = time.monotonic()
    for body in writes(given):
        call(connection, "POST", "/api/v1/write", body)
    if peer.flush:
        call(connection, "GET", peer.flush)
    spent = time.monotonic() - began
    title = f"{peer.name}, every 60 s (Century: 10 s), classic buckets"
    print(f"\n{title:60}{'first':>9}{'median':>9}{'Century':>9}{'times':>8}{'off by':>8}")
    for question, (way, address) in product(QUESTIONS, peer.ways):
        times: list[float] = []
        while not times or (len(times) <= RUNS and sum(times) < PATIENCE):
            took, answer = ask(connection, peer, question, address, given.end)
            times.append(took)
        median, own = statistics.median(times[1:] or times), century[question.name]
        off = float(np.median(np.abs(answer / given.truth(question)[-len(answer) :] - 1)))
        print(
            f"{question.name + way:60}{times[0]:7.0f}ms{median:7.1f}ms{own:7.1f}ms{median / own:6.1f} ×{off:8.1%}",
            flush=True,
        )
    kept = (
        sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file() and "wal" not in path.parts)
        / 1e6
    )
    print(f"loaded in {spent:.0f} s; on disk {kept:.0f} MB")
