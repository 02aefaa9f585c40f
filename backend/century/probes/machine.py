"""What a machine says of itself, as facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from century.probes.measurement import Fact

# What is mounted as if it were a disk, and can never fill or never be emptied.
NO_DISKS = frozenset({"squashfs", "overlay", "iso9660", "erofs", "udf", "autofs", "tracefs"})
MOST_DISKS = 20


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system: bytes that ordinary users have, and have left."""

    path: str
    used: int
    free: int

    @property
    def share(self) -> float:
        """The share of what ordinary users may have that is used, as df tells it."""
        return self.used / (self.used + self.free) if self.used + self.free else 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """One look. `busy` and `idle` are seconds of all processors since the start; bytes."""

    busy: float
    idle: float
    memory: int
    available: int
    swap: int
    swap_used: int
    load: float | None
    processors: int
    uptime: float
    disks: Sequence[Disk] = ()


def facts(seen: Machine, memory: Mapping[str, Any]) -> list[Fact]:
    """The facts of a look; `memory` is what `remembered` kept of the last one."""
    found = []
    if (share := cpu_share(seen, memory)) is not None:
        found.append(Fact("host.cpu_share", share))
    if seen.memory:
        found.append(Fact("host.memory_used_share", 1 - seen.available / seen.memory))
        found.append(Fact("host.memory_available", float(seen.available)))
    if seen.swap:
        found.append(Fact("host.swap_used_share", seen.swap_used / seen.swap))
    if seen.load is not None and seen.processors:
        found.append(Fact("host.load_per_cpu", seen.load / seen.processors))
    found.append(Fact("host.uptime", seen.uptime))
    for disk in seen.disks:
        found += [
            Fact("host.disk_used_share", disk.share, disk.path),
            Fact("host.disk_free", float(disk.free), disk.path),
        ]
    return found


def cpu_share(seen: Machine, memory: Mapping[str, Any]) -> float | None:
    """The share of the time since the last look that the processors worked; None where there was none."""
    busy, idle = memory.get("busy"), memory.get("idle")
    if not isinstance(busy, int | float) or not isinstance(idle, int | float):
        return None
    # A counter of idle time may go back by a little; after a restart both begin anew.
    worked, rested = seen.busy - busy, max(0.0, seen.idle - idle)
    return worked / (worked + rested) if worked >= 0 and worked + rested > 0 else None


def remembered(seen: Machine) -> dict[str, Any]:
    """What the next look needs."""
    return {"busy": seen.busy, "idle": seen.idle}


def chosen(mounts: Iterable[tuple[str, str, str]]) -> list[str]:
    """The paths worth watching of (device, path, type): each device once, by its shortest path."""
    found: dict[str, str] = {}
    for device, path, kind in mounts:
        if kind in NO_DISKS or device.startswith("/dev/loop"):
            continue
        if device not in found or len(path) < len(found[device]):
            found[device] = path
    return sorted(found.values())[:MOST_DISKS] or ["/"]


def sentence(facts: Iterable[Fact]) -> str:
    """How the machine is, for people."""
    told = list(facts)
    said = [
        f"{label} {each.value:.0%}"
        for name, label in (("host.cpu_share", "CPU"), ("host.memory_used_share", "memory"))
        for each in told
        if each.name == name
    ]
    disks = [each for each in told if each.name == "host.disk_used_share"]
    if disks:
        fullest = max(disks, key=lambda each: each.value)
        said.append(f"the fullest disk is {fullest.part} with {fullest.value:.0%}")
    return ", ".join(said) or "it runs"
