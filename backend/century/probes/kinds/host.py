"""The machine that a worker runs on: processors, memory, disks, load."""

from __future__ import annotations

import asyncio
import os
from time import perf_counter

import psutil

from century.core.settings import Settings
from century.probes.aside import StillBusy, aside
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target
from century.probes.machine import MOST_DISKS, Disk, Machine, chosen, facts, remembered, sentence
from century.probes.measurement import Measurement, Step

LABEL = "Host"
HELP = "Watches the machine that a worker runs on: processors, memory, disks, load."
PREFIX = "host"
REMOTE = False
INTERVAL, TIMEOUT, SHORTEST = 30.0, 5.0, 5.0
FIELDS = (
    Field(
        "paths",
        "Disks",
        "Folders whose file systems are watched, one a line; empty: every local one.",
        FieldType.LINES,
        placeholder="/var/lib/postgresql",
        advanced=True,
    ),
)
FACTS = (
    FactName("host.cpu_share", "Processors in use", "1"),
    FactName("host.memory_used_share", "Memory used", "1"),
    FactName("host.memory_available", "Memory available", "By"),
    FactName("host.swap_used_share", "Swap used", "1"),
    FactName("host.disk_used_share", "Disk used", "1"),
    FactName("host.disk_free", "Disk space left", "By"),
    FactName("host.load_per_cpu", "Load for each processor", "1"),
    FactName("host.uptime", "Time since it started", "s"),
)


def unavailable(settings: Settings) -> str | None:
    """Where psutil runs, it can be asked."""
    return None


def target(config: Config) -> str:
    """What is watched; the machine is the probe's own setting."""
    return ", ".join(config.lines("paths"))[:200] or "every local disk"


def problems(config: Config) -> list[Problem]:
    """Paths that are none."""
    paths = config.lines("paths")
    if len(paths) > MOST_DISKS:
        return [Problem("paths", f"{MOST_DISKS} folders at most, there are {len(paths)}")]
    for number, path in enumerate(paths, 1):
        if not path.startswith("/") or "\0" in path or len(path) > 1024:
            return [Problem("paths", f"line {number}: a folder must begin with /, like /var/lib/postgresql")]
    return []


async def check(target: Target, wire: object) -> Measurement:
    """Look at the machine; it is always well, its facts say how well."""
    clock = perf_counter
    began = clock()
    lines: list[str] = []
    disks: list[Disk] = []
    paths = target.config.lines("paths") or chosen(
        (each.device, each.mountpoint, each.fstype) for each in psutil.disk_partitions(all=False)
    )
    # Together, since each that hangs takes all the time there is.
    answers = await asyncio.gather(*(_disk(path, target.timeout) for path in paths[:MOST_DISKS]))
    for answer in answers:
        if isinstance(answer, Disk):
            disks.append(answer)
        else:
            lines.append(answer)
    seen = _look(disks, target.now.timestamp())
    told = facts(seen, target.memory)
    took = clock() - began
    return Measurement(
        True,
        sentence(told),
        took,
        tuple(told),
        steps=(Step("look", took),),
        lines=tuple(lines),
        memory=remembered(seen),
        reached=True,
        remote=False,
    )


def _look(disks: list[Disk], now: float) -> Machine:
    times, memory, swap = psutil.cpu_times(), psutil.virtual_memory(), psutil.swap_memory()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # What guests take is told twice: as theirs, and as the user's.
    busy = sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return Machine(
        busy=busy,
        idle=idle,
        memory=memory.total,
        available=memory.available,
        swap=swap.total,
        swap_used=swap.used,
        load=os.getloadavg()[0],
        processors=psutil.cpu_count() or 1,
        uptime=max(0.0, now - psutil.boot_time()),
        disks=disks,
    )


async def _disk(path: str, seconds: float) -> Disk | str:
    def usage() -> Disk:
        found = psutil.disk_usage(path)
        return Disk(path, found.used, found.free)

    try:
        return await aside(f"disk {path}", usage, seconds)
    except StillBusy:
        return f"{path[:100]} still does not answer"
    except TimeoutError:
        return f"{path[:100]} did not answer within {seconds:g} s"
    except OSError as error:
        return f"{path[:100]}: {(error.strerror or type(error).__name__).lower()}"
