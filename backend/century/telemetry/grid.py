"""A grid: the sketches of consecutive slots of time, at one scale, as a matrix.

Ranks: the q-quantile of n values is the one at rank ceil(q·n) in ascending order (numpy's "inverted_cdf"); a grid
answers the geometric middle of the bucket that holds it, so it is off by no more than `relative_error(scale)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from century.telemetry import sketch
from century.telemetry.sketch import Floats, Ints


@dataclass(frozen=True, slots=True)
class Grid:
    """`counts[slots, width]`: bucket `offset + column` at `scale`; `low` and `high` are NaN where unknown."""

    scale: int
    offset: int
    counts: NDArray[np.integer]
    zero: Ints
    count: Ints
    sum: Floats
    low: Floats
    high: Floats
    approximate: bool = False

    @property
    def slots(self) -> int:
        return len(self.count)

    def total(self) -> Grid:
        """All slots merged into one."""
        if not self.slots:
            return empty(1)
        return Grid(
            self.scale,
            self.offset,
            self.counts.sum(axis=0, dtype=np.int64)[None],
            self.zero.sum()[None],
            self.count.sum()[None],
            self.sum.sum()[None],
            np.fmin.reduce(self.low)[None],
            np.fmax.reduce(self.high)[None],
            self.approximate,
        )

    def slice(self, first: int, last: int) -> Grid:
        """The slots from `first` up to, not including, `last`."""
        part = slice(first, last)
        return Grid(
            self.scale, self.offset, self.counts[part], self.zero[part], self.count[part], self.sum[part],
            self.low[part], self.high[part], self.approximate,
        )  # fmt: skip

    def running(self) -> NDArray[np.integer]:
        """How many values lie before each bucket, in its slot and in all slots before; at the end, how many in all."""
        kind = _kind(self.count)
        made = np.zeros(self.counts.size + 1, dtype=kind)
        np.cumsum(self.counts.reshape(-1).astype(kind, copy=False), out=made[1:])
        return made

    def quantiles(self, shares: Sequence[float], running: NDArray[np.integer] | None = None) -> Floats:
        """values[len(shares), slots]; NaN where a slot is empty. `running`: what `running` answers, where it is at hand."""
        before = self.running() if running is None else running
        width = self.counts.shape[1]
        first = np.arange(self.slots) * width
        rank = np.ceil(np.multiply.outer(shares, self.count) - 1e-9).astype(np.int64)
        np.maximum(rank, 1, out=rank)
        # The first bucket up to which as many values lie; there is one, unless all lie at zero.
        wanted = (rank + (before[first] - self.zero)).astype(before.dtype)
        column = np.searchsorted(before, wanted) - (first + 1)
        value = sketch.middle(np.clip(column, 0, max(width - 1, 0)) + self.offset, self.scale)
        value[rank <= self.zero] = 0.0
        value = np.where((rank >= self.count) & np.isfinite(self.high), self.high, value)
        return np.where(self.count > 0, np.fmin(np.fmax(value, self.low), self.high), np.nan)

    def below(self, limit: float) -> Floats:
        """How many values of each slot are at or below a positive limit, the bucket it falls in shared by logarithm."""
        width = self.counts.shape[1]
        place = np.log2(limit) * 2.0**self.scale - self.offset
        whole = int(np.clip(np.floor(place), 0, width))
        result = self.zero + self.counts[:, :whole].sum(axis=1, dtype=np.int64).astype(np.float64)
        if 0 <= whole < width and place > whole:
            result = result + self.counts[:, whole] * (place - whole)
        return np.where(self.high <= limit, self.count.astype(np.float64), result)

    def rescale(self, scale: int) -> Grid:
        """The same at a coarser scale."""
        if scale >= self.scale:
            return self
        offset, counts = sketch.coarser(self.counts, self.offset, self.scale - scale)
        return Grid(
            scale, offset, counts, self.zero, self.count, self.sum, self.low, self.high, self.approximate
        )  # fmt: skip


def empty(slots: int) -> Grid:
    """No values in any slot."""
    nothing = np.full(slots, np.nan)
    return Grid(
        sketch.MAX_SCALE,
        0,
        np.zeros((slots, 0), dtype=np.int64),
        np.zeros(slots, dtype=np.int64),
        np.zeros(slots, dtype=np.int64),
        np.zeros(slots),
        nothing,
        nothing.copy(),
    )


def build(
    slot: Ints, slots: int, *, scale: NDArray[np.integer], offset: NDArray[np.integer], width: NDArray[np.integer],
    counts: NDArray[np.integer], zero: NDArray[np.integer], count: NDArray[np.integer], sum: Floats, low: Floats,
    high: Floats, approximate: bool = False,
) -> Grid:  # fmt: skip
    """Many histograms (columns, with flat bucket counts) merged into the slots they belong to."""
    # Most buckets are empty: what is filled is found first.
    filled = np.flatnonzero(counts)
    ends = np.cumsum(width, dtype=np.int64)
    point = np.searchsorted(ends, filled, side="right")
    common, first, matrix = sketch.align(
        slot[point],
        filled - ends[point] + width[point] + offset[point],
        scale[point].astype(np.int64),
        counts[filled].astype(np.int64),
        slots,
    )
    least, most = np.full(slots, np.nan), np.full(slots, np.nan)
    np.fmin.at(least, slot, low)
    np.fmax.at(most, slot, high)
    return Grid(
        common,
        first,
        matrix,
        np.bincount(slot, weights=zero, minlength=slots).astype(np.int64),
        np.bincount(slot, weights=count, minlength=slots).astype(np.int64),
        np.bincount(slot, weights=sum, minlength=slots).astype(np.float64),
        least,
        most,
        approximate,
    )


def of_values(slot: Ints, slots: int, values: Floats, scale: int = sketch.MAX_SCALE) -> Grid:
    """Raw values (zero or above) as a grid."""
    positive = values > 0
    index = sketch.index_of(values[positive], scale)
    ones = np.ones(len(index), dtype=np.int64)
    common, first, matrix = sketch.align(slot[positive], index, ones * scale, ones, slots, scale)
    least, most = np.full(slots, np.nan), np.full(slots, np.nan)
    np.fmin.at(least, slot, values)
    np.fmax.at(most, slot, values)
    return Grid(
        common,
        first,
        matrix,
        np.bincount(slot[~positive], minlength=slots).astype(np.int64),
        np.bincount(slot, minlength=slots).astype(np.int64),
        np.bincount(slot, weights=values, minlength=slots).astype(np.float64),
        least,
        most,
    )


def pile(parts: Iterable[tuple[Ints, Grid]], slots: int) -> Grid:
    """Grids merged into a grid of `slots`: each part says to which slot each of its own goes, in ascending order.

    Slots told to go below 0 or beyond `slots` are left out.
    """
    given = [part for part in (_within(to, grid, slots) for to, grid in parts) if len(part[0])]
    if not given:
        return empty(slots)
    grids = [grid for _, grid in given]
    to = np.concatenate([place for place, _ in given])

    def added(columns: Sequence[Ints] | Sequence[Floats]) -> Floats:
        return np.bincount(to, weights=np.concatenate(columns), minlength=slots).astype(np.float64)

    count = added([grid.count for grid in grids]).astype(np.int64)
    scale, first, counts = _matrix(given, slots, _kind(count))
    low, high = np.full(slots, np.nan), np.full(slots, np.nan)
    np.fmin.at(low, to, np.concatenate([grid.low for grid in grids]))
    np.fmax.at(high, to, np.concatenate([grid.high for grid in grids]))
    return Grid(
        scale,
        first,
        counts,
        added([grid.zero for grid in grids]).astype(np.int64),
        count,
        added([grid.sum for grid in grids]),
        low,
        high,
        any(grid.approximate for grid in grids),
    )


def _within(to: Ints, grid: Grid, slots: int) -> tuple[Ints, Grid]:
    """The slots of a part that go within bounds."""
    if not len(to) or (to[0] >= 0 and to[-1] < slots):
        return to, grid
    first, last = np.searchsorted(to, [0, slots])
    return to[first:last], grid.slice(int(first), int(last))


def _kind(count: Ints) -> type[np.int32 | np.int64]:
    """The type of integers that holds so many: a day of minutes is a megabyte, and half of it half as long to write."""
    return np.int32 if count.sum() < 2**31 else np.int64


def _matrix(
    given: Sequence[tuple[Ints, Grid]], slots: int, kind: type[np.int32 | np.int64]
) -> tuple[int, int, NDArray[np.integer]]:
    """The counts of parts added up at the finest scale that all of them allow: (scale, offset, counts[slots, width])."""
    filled = [(to, grid) for to, grid in given if grid.counts.shape[1]]
    scale = min((grid.scale for _, grid in filled), default=sketch.MAX_SCALE)
    first = min((grid.offset >> (grid.scale - scale) for _, grid in filled), default=0)
    last = max(((grid.offset + grid.counts.shape[1] - 1) >> (grid.scale - scale) for _, grid in filled), default=-1)
    steps = 0
    while (last >> steps) - (first >> steps) >= sketch.MAX_WIDTH:
        steps += 1
    scale, first, last = scale - steps, first >> steps, last >> steps
    counts = np.zeros((slots, last - first + 1), dtype=kind)
    for to, grid in filled:
        offset, own = grid.offset, grid.counts
        if grid.scale != scale:
            offset, own = sketch.coarser(own, offset, grid.scale - scale)
        target = counts[:, offset - first : offset - first + own.shape[1]]
        begin, end = int(to[0]), int(to[-1]) + 1
        # Each slot at most once in what is added: an index that repeats would add only its last.
        if len(to) == end - begin:
            target[begin:end] += own.astype(kind, copy=False)
        elif end - begin == 1:
            target[begin] += own.sum(axis=0, dtype=kind)
        else:
            starts = np.append(0, np.flatnonzero(to[1:] != to[:-1]) + 1)
            target[to[starts]] += np.add.reduceat(own, starts, axis=0, dtype=kind)
    return scale, first, counts


def together(parts: Sequence[Grid]) -> Grid:
    """Grids of the same slots merged."""
    if len(parts) == 1:
        return parts[0]
    everywhere = np.arange(parts[0].slots if parts else 1, dtype=np.int64)
    return pile([(everywhere, part) for part in parts], len(everywhere))
