"""What the process and its machine use, measured when the SDK collects, by the semantic conventions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping

import psutil
from opentelemetry.metrics import CallbackOptions, Meter, Observation

Callback = Callable[[CallbackOptions], Iterable[Observation]]


class Host:
    """CPU shares since the last collection, and memory now."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._cores = _cores()
        self._mine = self._my_seconds(), time.monotonic()
        self._all = _busy_and_total()

    def _my_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def process_cpu(self, _: CallbackOptions) -> Iterable[Observation]:
        """Share of the processors this process may use, 0..1."""
        used, at = self._mine
        self._mine = now_used, now = self._my_seconds(), time.monotonic()
        if now > at:
            yield Observation(min(1.0, max(0.0, (now_used - used) / (now - at) / self._cores)))

    def system_cpu(self, _: CallbackOptions) -> Iterable[Observation]:
        """Share of the machine's processors that were busy, 0..1."""
        busy, total = self._all
        self._all = now_busy, now_total = _busy_and_total()
        if now_total > total:
            yield Observation(min(1.0, max(0.0, (now_busy - busy) / (now_total - total))))

    def system_memory(self, _: CallbackOptions) -> Iterable[Observation]:
        """Share of the machine's memory that is not available, 0..1."""
        yield Observation(psutil.virtual_memory().percent / 100)

    def resident(self, _: CallbackOptions) -> Iterable[Observation]:
        """Bytes of physical memory."""
        yield Observation(self._process.memory_info().rss)

    def virtual(self, _: CallbackOptions) -> Iterable[Observation]:
        """Bytes of address space."""
        yield Observation(self._process.memory_info().vms)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def _busy_and_total() -> tuple[float, float]:
    times = psutil.cpu_times()._asdict()
    total = sum(seconds for name, seconds in times.items() if name not in ("guest", "guest_nice"))
    return total - times["idle"] - times.get("iowait", 0.0), total


def observe_host(meter: Meter) -> None:
    """Register the gauges of process and machine."""
    host = Host()
    gauge, counter = meter.create_observable_gauge, meter.create_observable_up_down_counter
    gauge("process.cpu.utilization", [host.process_cpu], "1", "Share of the available processors used by the process")
    counter("process.memory.usage", [host.resident], "By", "Physical memory of the process")
    counter("process.memory.virtual", [host.virtual], "By", "Address space of the process")
    gauge("system.cpu.utilization", [host.system_cpu], "1", "Share of the machine's processors that were busy")
    gauge("system.memory.utilization", [host.system_memory], "1", "Share of the machine's memory that was in use")


def observe_connections(meter: Meter, connections: Callable[[], Mapping[str, int]]) -> None:
    """Register `db.client.connection.count`, by state."""

    def read(_: CallbackOptions) -> Iterable[Observation]:
        for state, count in connections().items():
            yield Observation(count, {"db.client.connection.state": state})

    meter.create_observable_up_down_counter(
        "db.client.connection.count", [read], "{connection}", "Connections of the database pool, by state"
    )
