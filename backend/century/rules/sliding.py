"""Windows that slide over slots: each slot is given what the `width` slots up to and with it come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from century.telemetry.grid import Grid
from century.telemetry.sketch import Floats, Ints
from century.telemetry.summary import Summary
from century.telemetry.tally import Tally


def added(column: NDArray[Any], width: int) -> NDArray[Any]:
    """The sums over the last `width` rows."""
    made = np.cumsum(column, axis=0)
    if width < len(made):
        made[width:] -= made[:-width].copy()
    return made


def lowest(column: Floats, width: int) -> Floats:
    """The least of the last `width` values that are not NaN."""
    return _extreme(column, width, np.fmin)


def highest(column: Floats, width: int) -> Floats:
    """The greatest of the last `width` values that are not NaN."""
    return _extreme(column, width, np.fmax)


def grid(given: Grid, width: int, *, buckets: bool = True) -> Grid:
    """A grid of windows; without `buckets` it knows counts, sums and extremes alone."""
    counts = given.counts if buckets else given.counts[:, :0]
    return Grid(
        given.scale, given.offset, added(counts, width), added(given.zero, width), added(given.count, width),
        added(given.sum, width), lowest(given.low, width), highest(given.high, width), given.approximate,
    )  # fmt: skip


def summary(given: Summary, width: int, *, buckets: bool = True) -> Summary:
    """A summary of windows."""
    cpu, cpu_weight = _mean(given.cpu, given.cpu_weight, width)
    memory, memory_weight = _mean(given.memory, given.memory_weight, width)
    return replace(
        given, requests=grid(given.requests, width, buckets=buckets), errors=added(given.errors, width),
        observed=added(given.observed, width), up=added(given.up, width), cpu=cpu, cpu_weight=cpu_weight,
        memory=memory, memory_weight=memory_weight,
    )  # fmt: skip


def tally(given: Tally, width: int) -> Tally:
    """A tally of windows."""
    place = np.where(given.count > 0, np.arange(given.slots), -1)
    newest = np.maximum.accumulate(place)
    inside = (newest >= 0) & (newest > np.arange(given.slots) - width)
    chosen = np.maximum(newest, 0)
    return Tally(
        added(given.count, width), added(given.sum, width), lowest(given.low, width), highest(given.high, width),
        np.where(inside, given.last[chosen], np.nan), np.where(inside, given.last_at[chosen], 0),
    )  # fmt: skip


def quantiles(at: Ints, value: Floats, ends: Ints, length: int, share: float) -> tuple[Floats, Ints]:
    """The exact quantile of the values from each end - length up to, not including, each end, and how many they are; `at` ascends."""
    first, last = np.searchsorted(at, ends - length), np.searchsorted(at, ends)
    count = (last - first).astype(np.int64)
    made = np.full(len(ends), np.nan)
    rank = np.maximum(np.ceil(share * count - 1e-9), 1).astype(np.int64) - 1
    # Windows that hold equally many are sorted together.
    for size in np.unique(count[count > 0]).tolist():
        mine = np.flatnonzero(count == size)
        for part in np.array_split(mine, max(len(mine) * size // 4_000_000, 1)):
            values = value[first[part][:, None] + np.arange(size)]
            made[part] = np.partition(values, rank[part[0]], axis=1)[:, rank[part[0]]]
    return made, count


def _mean(mean: Floats, weight: Ints, width: int) -> tuple[Floats, Ints]:
    whole: Ints = added(weight, width)
    weighted = added(np.where(weight > 0, mean * weight, 0.0), width)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, weighted / whole, np.nan), whole


def _extreme(column: Floats, width: int, better: np.ufunc) -> Floats:
    made, covered = column.copy(), 1
    width = min(width, max(len(column), 1))
    # Windows of twice the length are made of two: each step covers as much again.
    while covered < width:
        step = min(covered, width - covered)
        later = made.copy()
        later[step:] = better(made[step:], made[:-step])
        made, covered = later, covered + step
    return made
