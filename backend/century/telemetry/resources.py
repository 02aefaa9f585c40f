"""How busy a service's machine is: CPU and memory in use, from the gauges of the semantic conventions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from century.telemetry.plain import Series
from century.telemetry.sketch import Floats, Ints

PROCESS_CPU, SYSTEM_CPU = "process.cpu.utilization", "system.cpu.utilization"
SYSTEM_MEMORY, PROCESS_MEMORY = "system.memory.utilization", "process.memory.utilization"
METRICS = frozenset((PROCESS_CPU, SYSTEM_CPU, SYSTEM_MEMORY, PROCESS_MEMORY))

_STATES = ("cpu.mode", "state", "system.cpu.state", "process.cpu.state", "system.memory.state", "cpu.state")
_CPUS = ("cpu", "cpu.logical_number", "system.cpu.logical_number")
_IDLE = frozenset(("idle", "iowait", "wait"))
_INSTANCES = ("service.instance.id", "host.name")

Column = tuple[Series, Ints, Floats]
"""A series with the slot and the value of each of its points."""


def state(attributes: Mapping[str, str]) -> str | None:
    """Which of its states a measurement is about; none: all together."""
    return next((attributes[name] for name in _STATES if name in attributes), None)


def cpu(columns: Iterable[Column], slots: int) -> tuple[Floats, Ints]:
    """(mean, weight) of the CPU's use in each slot: the process's own where it is told, else the machine's."""
    given = list(columns)
    return _first_known(
        [
            _used(
                [each for each in given if each[0].metric == metric and state(each[0].attributes) not in _IDLE], slots
            )
            for metric in (PROCESS_CPU, SYSTEM_CPU)
        ]
    )


def memory(columns: Iterable[Column], slots: int) -> tuple[Floats, Ints]:
    """(mean, weight) of the memory in use in each slot: the machine's where it is told, else the process's own."""
    given = list(columns)
    machine = [
        each for each in given if each[0].metric == SYSTEM_MEMORY and state(each[0].attributes) in (None, "used")
    ]
    process = [each for each in given if each[0].metric == PROCESS_MEMORY]
    return _first_known([_used(machine, slots), _used(process, slots)])


def _used(columns: Sequence[Column], slots: int) -> tuple[Floats, Ints]:
    """States of a processor add up, processors of a machine are averaged, and so are machines."""
    machines: dict[tuple[int, str], list[Column]] = {}
    for column in columns:
        attributes = column[0].attributes
        instance = "/".join(attributes[name] for name in _INSTANCES if name in attributes)
        machines.setdefault((column[0].service_id, instance), []).append(column)
    total, weight = np.zeros(slots), np.zeros(slots, dtype=np.int64)
    for mine in machines.values():
        used, most = np.zeros(slots), np.zeros(slots, dtype=np.int64)
        for _, slot, value in mine:
            count = np.bincount(slot, minlength=slots)
            used += np.bincount(slot, weights=value, minlength=slots) / np.maximum(count, 1)
            most = np.maximum(most, count)
        processors = {next((c[0].attributes[name] for name in _CPUS if name in c[0].attributes), "") for c in mine}
        total += used / len(processors) * most
        weight += most
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / weight, weight


def _first_known(choices: Sequence[tuple[Floats, Ints]]) -> tuple[Floats, Ints]:
    mean, weight = choices[-1]
    for better, its_weight in reversed(choices[:-1]):
        mean, weight = np.where(its_weight > 0, better, mean), np.where(its_weight > 0, its_weight, weight)
    return mean, weight
