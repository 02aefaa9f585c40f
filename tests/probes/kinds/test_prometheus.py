"""Prometheus endpoints, read from real servers."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from century.embedded import _free_port
from century.probes.kinds import prometheus
from century.probes.measurement import Trouble
from century.process import end, spawn
from century.telemetry.samples import Recorder
from tests.probes.asking import NOW, ask, config, facts, wire

PROMETHEUS = shutil.which("prometheus")


@asynccontextmanager
async def exposing(body: bytes, kind: str = "text/plain; version=0.0.4", status: str = "200 OK") -> AsyncIterator[Any]:
    """A server that answers so; yields its address and the questions that it was asked."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics", asked


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
async def test_what_a_client_exposes(accept: str) -> None:
    registry = CollectorRegistry()
    Counter("orders", "Orders.", ["shop"], registry=registry).labels("north").inc(3)
    Gauge("queue_bytes", "Waiting.", registry=registry).set(12)
    Histogram("wait_seconds", "Wait.", registry=registry, buckets=[0.1, 1]).observe(0.5)
    encode, kind = choose_encoder(accept)
    async with exposing(encode(registry), kind) as (url, asked):
        found = await ask(prometheus, {"url": url, "service": "shop", "headers": "X-Team: web"})
    assert found.ok, found.message
    told = {(each.metric, *(value for _, value in each.attributes)): each.value for each in found.samples}
    assert told["orders_total", "north"] == 3
    assert told["queue_bytes",] == 12
    assert told["wait_seconds_bucket", "1.0"] == 1
    assert told["wait_seconds_sum",] == 0.5
    assert not any("_created" in name for name, *_ in told)
    assert {each.service for each in found.samples} == {"shop"}
    assert {each.instance for each in found.samples} == {url.removeprefix("http://").removesuffix("/metrics")}
    assert {each.at for each in found.samples} == {int(NOW.timestamp() * 1e9)}
    assert facts(found)["prometheus.samples"] == len(found.samples)
    assert facts(found)["prometheus.dropped"] == 2 and "2 left out: creation times" in found.message
    assert set(facts(found)) == {each.name for each in prometheus.FACTS}
    assert "Accept: text/plain;version=0.0.4" in asked[0] and "X-Team: web" in asked[0]


@pytest.mark.skipif(not PROMETHEUS, reason="needs Debian's prometheus")
async def test_what_a_real_one_exposes_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text("global: {}\n")
    where = f"127.0.0.1:{_free_port()}"
    command = [
        str(PROMETHEUS), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={where}",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = spawn(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        async with asyncio.timeout(20):
            while not (found := await ask(prometheus, {"url": f"http://{where}/metrics"})).ok:
                assert process.poll() is None, (tmp_path / "log").read_text()
        assert len(found.samples) > 150
        kept = Recorder().batch(found.samples)
        assert not kept.refusals.total and len(kept.block.numbers.at) == len(found.samples)
        rising = {each.metric for each in found.samples if each.monotonic}
        assert rising >= {"process_cpu_seconds_total", "go_gc_duration_seconds_count"}
    finally:
        end(process, signal.SIGTERM, 5)


async def test_without_a_service_it_is_the_probes_name() -> None:
    async with exposing(b"a 1\nb 2\n") as (url, _):
        found = await ask(prometheus, {"url": url, "keep": "b"})
    assert [(each.service, each.metric) for each in found.samples] == [("a probe", "b")]
    assert facts(found)["prometheus.dropped"] == 1


async def test_a_long_one_is_read_too() -> None:
    body = b"".join(b'requests_total{path="/%d"} %d\n' % (n, n) for n in range(5_000))
    async with exposing(body) as (url, _):
        found = await ask(prometheus, {"url": url})
    assert found.ok and len(found.samples) == 5_000


@pytest.mark.parametrize(
    ("body", "kind", "status", "sentence"),
    [
        (b"no", "text/plain", "503 Service Unavailable", "answers 503 Service Unavailable, and no metrics"),
        (b"<html></html>", "text/html", "200 OK", "it answers text/html, and no text of metrics"),
        (b"a 1\nb c\n", "text/plain", "200 OK", "line 2 is none of an exposition"),
        (b"a 1\n" * 3_000_000, "text/plain", "200 OK", "exposes more than 8 MiB"),
    ],
)
async def test_what_is_none(body: bytes, kind: str, status: str, sentence: str) -> None:
    async with exposing(body, kind, status) as (url, _):
        found = await ask(prometheus, {"url": url})
    assert not found.ok and found.trouble is Trouble.ANSWER and found.reached
    assert sentence in found.message
    assert not found.samples and not found.facts


async def test_one_that_takes_long_to_read_is_given_up() -> None:
    line = b'a{b="' + b"\\\\" * 8000 + b'"} 1\n'  # each takes a fifth of a second
    async with exposing(line * 200) as (url, _):
        began = process_time()
        # As the runner does, whose own limit comes a little later.
        measured = await ask(prometheus, {"url": url}, timeout=1.0)
    assert process_time() - began < 5
    assert "it takes too long to read: given up at line" in measured.message


async def test_addresses_that_may_not_be_reached() -> None:
    async with exposing(b"a 1\n") as (url, asked):
        found = await ask(prometheus, {"url": url}, wire("10.0.0.0/8"))
    assert found.trouble is Trouble.REFUSED and not asked


GOOD = {"url": "https://app.example.com/metrics"}


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({}, "url", "give the address"),
        ({"url": "ftp://app.example.com"}, "url", "must begin with http:// or https://"),
        (GOOD | {"keep": "a\n(b"}, "keep", "line 2 is no RE2 expression"),
        (GOOD | {"keep": "a\n" * 51}, "keep", "at most 50 expressions"),
        (GOOD | {"service": "century/probes-0"}, "service", "those of our own parts"),
        (GOOD | {"service": "x" * 256}, "service", "at most 255 characters"),
        (GOOD | {"headers": "no header"}, "headers", "line 1 is no header"),
    ],
)
def test_what_cannot_work_is_told_before(values: dict[str, str], field: str, sentence: str) -> None:
    found = prometheus.problems(config(prometheus, values))
    assert [each.field for each in found] == [field]
    assert sentence in found[0].message


def test_what_can_work_is_taken() -> None:
    assert prometheus.problems(config(prometheus, GOOD)) == []
    assert prometheus.target(config(prometheus, GOOD)) == GOOD["url"]
