"""A summary: what one service did in consecutive slots of time, all its routes together, and the resources it used."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from century.telemetry import grid, packed
from century.telemetry.grid import Grid
from century.telemetry.sketch import Floats, Ints

_HEAD = struct.Struct("<qqIH")
UNPACKED = 24
"""So few slots are not worth deflating."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Slots of `step` nanoseconds from `start` on.

    `observed` and `up` are minutes with requests, and those in which fewer than half failed. A resource is its
    mean (NaN: none) with the number of measurements behind it.
    """

    start: int
    step: int
    requests: Grid
    errors: Ints
    observed: Ints
    up: Ints
    cpu: Floats
    cpu_weight: Ints
    memory: Floats
    memory_weight: Ints

    @property
    def slots(self) -> int:
        return len(self.errors)

    @property
    def starts(self) -> Ints:
        """When each slot begins, in nanoseconds."""
        return self.start + np.arange(self.slots, dtype=np.int64) * self.step

    def slice(self, first: int, last: int) -> Summary:
        """The slots from `first` up to, not including, `last`."""
        part = slice(first, last)
        return Summary(
            self.start + first * self.step, self.step, self.requests.slice(first, last), self.errors[part],
            self.observed[part], self.up[part], self.cpu[part], self.cpu_weight[part], self.memory[part],
            self.memory_weight[part],
        )  # fmt: skip

    def between(self, start: int, end: int) -> Summary:
        """The slots that begin from `start` up to, not including, `end`."""
        first = min(max(-((self.start - start) // self.step), 0), self.slots)
        last = min(max(-((self.start - end) // self.step), first), self.slots)
        return self if (first, last) == (0, self.slots) else self.slice(first, last)


def availability(count: Ints, errors: Ints) -> tuple[Ints, Ints]:
    """For slots of a minute: (observed, up), each 0 or 1."""
    observed = count > 0
    return observed.astype(np.int64), (observed & (errors * 2 < count)).astype(np.int64)


def empty(start: int, step: int, slots: int) -> Summary:
    """Nothing in any slot."""
    none = np.zeros(slots, dtype=np.int64)
    nan = np.full(slots, np.nan)
    return Summary(start, step, grid.empty(slots), none, none, none, nan, none, nan, none)


def pile(parts: Iterable[Summary], start: int, step: int, slots: int) -> Summary:
    """Summaries merged into slots that are as long as theirs or longer; what begins outside is left out."""
    given = [(_place(part, start, step), part) for part in parts]
    if not given:
        return empty(start, step, slots)
    to = np.concatenate([place for place, _ in given])
    inside = (to >= 0) & (to < slots)
    to = to[inside]

    def added(columns: Sequence[Ints]) -> Ints:
        return np.bincount(to, weights=np.concatenate(columns)[inside], minlength=slots).astype(np.int64)

    def averaged(means: Sequence[Floats], weights: Sequence[Ints]) -> tuple[Floats, Ints]:
        weight = np.concatenate(weights)[inside]
        weighted = np.where(weight > 0, np.concatenate(means)[inside] * weight, 0.0)
        whole = np.bincount(to, weights=weight, minlength=slots).astype(np.int64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.bincount(to, weights=weighted, minlength=slots) / whole, whole

    cpu, cpu_weight = averaged([part.cpu for _, part in given], [part.cpu_weight for _, part in given])
    memory, memory_weight = averaged([part.memory for _, part in given], [part.memory_weight for _, part in given])
    return Summary(
        start,
        step,
        grid.pile([(place, part.requests) for place, part in given if part.requests.count.any()], slots),
        added([part.errors for _, part in given]),
        added([part.observed for _, part in given]),
        added([part.up for _, part in given]),
        cpu,
        cpu_weight,
        memory,
        memory_weight,
    )


def together(parts: Sequence[Summary]) -> Summary:
    """Summaries of the same slots merged."""
    first = parts[0]
    return first if len(parts) == 1 else pile(parts, first.start, first.step, first.slots)


def total(summary: Summary) -> Summary:
    """All slots merged into one."""
    length = max(summary.step * summary.slots, 1)
    return pile([summary], summary.start, length, 1)


def _place(part: Summary, start: int, step: int) -> Ints:
    return (part.starts - start) // step


_COLUMNS: Sequence[tuple[str, str]] = (
    ("errors", "<u4"),
    ("cpu_weight", "<u4"),
    ("memory_weight", "<u4"),
    ("observed", "u1"),
    ("up", "u1"),
    ("cpu", "<f4"),
    ("memory", "<f4"),
)
_WIDE = 1 << 15
"""Among the number of slots: minutes observed and up take four bytes, as those of many services together may."""


def encode(summary: Summary) -> bytes:
    """A summary as bytes."""
    requests = packed.encode(summary.requests)
    wide = _WIDE if (summary.observed > 0xFF).any() else 0
    columns = b"".join(
        getattr(summary, name).astype("<u4" if wide and kind == "u1" else kind).tobytes() for name, kind in _COLUMNS
    )
    head = _HEAD.pack(summary.start, summary.step, len(requests), summary.slots | wide)
    return head + requests + (columns if summary.slots <= UNPACKED else zlib.compress(columns, 1))


def decode(data: bytes | memoryview) -> Summary:
    """What `encode` wrote."""
    start, step, length, slots = _HEAD.unpack_from(data)
    wide, slots = slots & _WIDE, slots & ~_WIDE
    view = memoryview(data)
    requests = packed.decode(view[_HEAD.size : _HEAD.size + length])
    body = view[_HEAD.size + length :]
    if slots > UNPACKED:
        body = memoryview(zlib.decompress(body))
    whole = np.frombuffer(body, "<u4", slots * 3).astype(np.int64)
    minutes = np.frombuffer(body, "<u4" if wide else "u1", slots * 2, slots * 12).astype(np.int64)
    real = np.frombuffer(body, "<f4", slots * 2, len(body) - slots * 8).astype(np.float64)
    return Summary(
        start, step, requests, whole[:slots], minutes[:slots], minutes[slots:], real[:slots], whole[slots : slots * 2],
        real[slots:], whole[slots * 2 :],
    )  # fmt: skip
