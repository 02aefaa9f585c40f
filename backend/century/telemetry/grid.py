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

    def reduce(self, starts: Ints) -> Grid:
        """Neighbouring slots merged: one slot for each run beginning at `starts`."""
        return Grid(
            self.scale,
            self.offset,
            np.add.reduceat(self.counts, starts, axis=0, dtype=np.int64)
            if self.counts.shape[1]
            else np.zeros((len(starts), 0), dtype=np.int64),
            np.add.reduceat(self.zero, starts, dtype=np.int64),
            np.add.reduceat(self.count, starts, dtype=np.int64),
            np.add.reduceat(self.sum, starts),
            np.fmin.reduceat(self.low, starts),
            np.fmax.reduceat(self.high, starts),
            self.approximate,
        )

    def slice(self, first: int, last: int) -> Grid:
        """The slots from `first` up to, not including, `last`."""
        part = slice(first, last)
        return Grid(
            self.scale, self.offset, self.counts[part], self.zero[part], self.count[part], self.sum[part],
            self.low[part], self.high[part], self.approximate,
        )  # fmt: skip

    def running(self) -> Ints:
        """How many values of each slot lie in a bucket or below it."""
        made: Ints = np.cumsum(self.counts, axis=1, dtype=np.int64)
        if self.zero.any():
            made += self.zero[:, None]
        return made

    def quantiles(self, shares: Sequence[float], running: Ints | None = None) -> Floats:
        """values[len(shares), slots]; NaN where a slot is empty. `running`: what `running` answers, where it is at hand."""
        out = np.full((len(shares), self.slots), np.nan)
        filled = np.flatnonzero(self.count > 0)
        if not len(filled):
            return out
        count, low, high = self.count[filled], self.low[filled], self.high[filled]
        below = self.running() if running is None else running
        if len(filled) < self.slots:
            below = below[filled]
        for number, share in enumerate(shares):
            rank = np.maximum(np.ceil(share * count - 1e-9), 1)
            # The first bucket up to which as many values lie; there is one, unless all lie at zero.
            column: Ints = np.zeros(len(filled), dtype=np.int64)
            if below.shape[1]:
                column = (below >= rank[:, None]).argmax(axis=1)
            value = sketch.middle(column + self.offset, self.scale)
            value = np.where(rank <= self.zero[filled], 0.0, value)
            value = np.where((rank >= count) & np.isfinite(high), high, value)
            out[number, filled] = np.fmin(np.fmax(value, low), high)
        return out

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
    wide = width.astype(np.int64, copy=False)
    index = sketch.spread(offset.astype(np.int64, copy=False), wide)
    common, first, matrix = sketch.align(
        np.repeat(slot, wide),
        index,
        np.repeat(scale.astype(np.int64), wide),
        counts.astype(np.int64, copy=False),
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
    ready = [part for part in (_cut(to, grid, slots) for to, grid in parts) if part is not None]
    if not ready:
        return empty(slots)
    filled = [grid for _, grid in ready if grid.counts.shape[1]]
    scale = min((grid.scale for grid in filled), default=sketch.MAX_SCALE)
    first = min((grid.offset >> (grid.scale - scale) for grid in filled), default=0)
    last = max(((grid.offset + grid.counts.shape[1] - 1) >> (grid.scale - scale) for grid in filled), default=-1)
    steps = 0
    while (last >> steps) - (first >> steps) >= sketch.MAX_WIDTH:
        steps += 1
    scale, first, last = scale - steps, first >> steps, last >> steps
    counts = np.zeros((slots, last - first + 1), dtype=np.int64)
    zero, count, total = np.zeros(slots, dtype=np.int64), np.zeros(slots, dtype=np.int64), np.zeros(slots)
    low, high = np.full(slots, np.nan), np.full(slots, np.nan)
    approximate = False
    for to, grid in ready:
        if grid.counts.shape[1]:
            offset, own = grid.offset, grid.counts
            if grid.scale != scale:
                offset, own = sketch.coarser(own, offset, grid.scale - scale)
            counts[to, offset - first : offset - first + own.shape[1]] += own.astype(np.int64, copy=False)
        zero[to] += grid.zero
        count[to] += grid.count
        total[to] += grid.sum
        low[to] = np.fmin(low[to], grid.low)
        high[to] = np.fmax(high[to], grid.high)
        approximate = approximate or grid.approximate
    return Grid(scale, first, counts, zero, count, total, low, high, approximate)


def together(parts: Sequence[Grid]) -> Grid:
    """Grids of the same slots merged."""
    if len(parts) == 1:
        return parts[0]
    everywhere = np.arange(parts[0].slots if parts else 1, dtype=np.int64)
    return pile([(everywhere, part) for part in parts], len(everywhere))


def _cut(to: Ints, grid: Grid, slots: int) -> tuple[slice | Ints, Grid] | None:
    """A part within its bounds, with at most one of its slots for each target."""
    if not len(to):
        return None
    if to[0] < 0 or to[-1] >= slots:
        first, last = np.searchsorted(to, [0, slots])
        if first >= last:
            return None
        to, grid = to[first:last], grid.slice(int(first), int(last))
    if len(to) == to[-1] - to[0] + 1:
        return slice(int(to[0]), int(to[-1]) + 1), grid
    if to[0] == to[-1]:
        return slice(int(to[0]), int(to[0]) + 1), grid.total()
    starts = np.concatenate([[0], np.flatnonzero(to[1:] != to[:-1]) + 1])
    return to[starts], grid.reduce(starts) if len(starts) != len(to) else grid
