"""What probes cost one worker: 2,000 over HTTP at 200 a second, then 300 that hang beside them, then heartbeats' pings.

Everything is on this machine: `century up`, and a small server that all probes ask. `BENCH_PROBES_SECONDS` and
`BENCH_PROBES` make it shorter. Where Debian's blackbox_exporter is installed, it asks the same server at the same
rate, and a check of ours, stored and evaluated, may not cost more than one of its own, which is neither.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
from sqlalchemy import text

from century.core.bus import Bus
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.settings import read_settings
from century.core.work import Works
from century.installation import reach
from century.probes import editing, heartbeats
from century.probes.beat_problems import BeatDraft
from century.probes.editing import Checked
from century.probes.kind import ProbeKind
from century.probes.problems import Draft
from tests.bench import blackbox
from tests.platform.installation import Up, until, up

PROBES = int(os.environ.get("BENCH_PROBES", "2000"))
HANGING = PROBES * 3 // 20
SECONDS = float(os.environ.get("BENCH_PROBES_SECONDS", "60"))
EVERY = timedelta(seconds=10)
PINGS, PINGED = 1_000, 20
PING_MS, LATE_P99 = 1.5, 1.0
PORTS = 40
LATE = text("SELECT lateness, checks_per_second FROM probe_worker ORDER BY seen_at DESC LIMIT 1")
SEEN = text("SELECT count(*) FROM probe_now WHERE checked_at > :since")


@contextmanager
def targets() -> Iterator[list[int]]:
    """Ports of a server of their own process: the first answers, the others hang."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.target", str(PORTS)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout
        yield [int(each) for each in server.stdout.readline().split()]
    finally:
        server.kill()
        server.wait()
        if server.stdout:
            server.stdout.close()


def cpu(running: Up, name: str) -> float:
    """CPU seconds of a process of the installation."""
    times = next(each for each in running.family if name in " ".join(each.cmdline()[-3:])).cpu_times()
    return float(times.user + times.system)


async def plant(works: Works, settings: object, ports: Sequence[int], first: int, count: int) -> None:
    """Make probes of these ports."""
    for begin in range(first, first + count, 100):
        async with works.begin() as work:
            for number in range(begin, min(begin + 100, first + count)):
                values = {"url": f"http://127.0.0.1:{ports[number % len(ports)]}/health/{number}"}
                draft = Draft(f"shop {number}", ProbeKind.HTTP, {}, interval=EVERY, timeout=timedelta(seconds=5))
                await editing.make(work, settings, Checked(draft, None, values, ()))  # type: ignore[arg-type]
            work.announce("probes.changed", [])


async def checks(running: Up, works: Works, ports: Sequence[int], settings: object, theirs: float | None) -> bool:
    """A worker's CPU a check, and how late checks begin; the same with others that hang beside them.

    `theirs` is what blackbox_exporter needed, in milliseconds.
    """
    await plant(works, settings, ports[:1], 0, PROBES)
    await asyncio.sleep(2 * EVERY.total_seconds())
    well = True
    print(f"{'':34}{'checks/s':>10}{'CPU a check':>13}{'late p99':>10}{'due by then':>13}")
    for name in (f"{PROBES:,} that answer", f"and {HANGING:,} that hang"):
        if name.startswith("and"):
            await plant(works, settings, ports[1:], PROBES, HANGING)
            await asyncio.sleep(2 * EVERY.total_seconds())
        before, counted, began = cpu(running, "worker"), await made(running), time.monotonic()
        await asyncio.sleep(SECONDS)
        spent = cpu(running, "worker") - before
        count, passed = await made(running) - counted, time.monotonic() - began
        async with works.read() as work:
            late, _ = (await work.rows(LATE))[0]
            seen = await work.scalar(SEEN, {"since": work.now - EVERY - timedelta(seconds=1)})
        each = spent / count * 1000
        print(f"{name:34}{count / passed:10,.0f}{each:10.2f} ms{late:9.3f} s{seen / PROBES:12.0%}", flush=True)
        well = well and late <= LATE_P99 and (theirs is None or each <= theirs or name.startswith("and"))
        if theirs is not None and not name.startswith("and"):
            print(f"{'  of blackbox_exporter':34}{'':10}{each / theirs:10.2f} ×")
    print(f"{'held to':34}{'':10}{'not known' if theirs is None else f'{theirs:.2f} ms':>13}{LATE_P99:9.3f} s")
    return well


async def made(running: Up) -> float:
    """How many checks the installation counts."""
    status, body = await asyncio.to_thread(running.get, "/metrics")
    assert status == 200, body
    lines = [line for line in body.decode().splitlines() if line.startswith("century_probe_checks_total")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def pings(running: Up, works: Works, settings: object) -> bool:
    """The server's CPU a ping."""
    async with works.begin() as work:
        saved = [
            await heartbeats.save(work, settings, BeatDraft(f"bench {number}", period=timedelta(hours=1)))  # type: ignore[arg-type]
            for number in range(PINGED)
        ]
    paths = ["/ping/" + str(heartbeats.ping_url(settings, each.heartbeat)).rpartition("/")[2] for each in saved]  # type: ignore[arg-type]
    took = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}", trust_env=False) as http:
        before = cpu(running, "server")
        for number in range(PINGS):
            began = time.monotonic()
            answer = await http.post(paths[number % PINGED])
            took.append(time.monotonic() - began)
            assert answer.status_code == 200, answer.text
        each = (cpu(running, "server") - before) / len(took) * 1000
    print(f"{'a ping of a heartbeat':34}{'':10}{each:10.2f} ms{statistics.median(took):9.3f} s")
    return each <= PING_MS


async def measure() -> bool:
    """Everything, in one installation."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, targets() as ports:
        data_dir = Path(folder) / "data"
        more = {"MONITORING_EGRESS_ALLOW": "127.0.0.0/8", "MONITORING_METRICS_PUBLIC": "1"}
        with up(data_dir, **more) as running, reach(data_dir, {}) as environment:
            until(running.ready, "ready")
            settings = replace(read_settings(environment, data_dir=data_dir), egress_allow=("127.0.0.0/8",))
            rate = PROBES / EVERY.total_seconds()
            theirs = await blackbox.cpu_a_check(ports[0], rate, SECONDS / 2) * 1000 if blackbox.installed() else None
            bus, engine = Bus(settings.redis_url), connect(settings.database_url)
            works = Works(engine, SystemClock(), bus)
            try:
                return all(
                    [await checks(running, works, ports, settings, theirs), await pings(running, works, settings)]
                )
            finally:
                await bus.close()
                await engine.dispose()


def main() -> None:
    """Print the figures beside what they are held to; exit 1 where one is missed."""
    if not asyncio.run(measure()):
        raise SystemExit(1)


if __name__ == "__main__":
    print(psutil.cpu_count(), "cores")
    main()
