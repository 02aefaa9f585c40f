"""Base-2 exponential histograms as columns: bringing many to one scale, and what their buckets stand for.

A bucket with index i at scale s holds the values in (2^(i / 2^s), 2^((i+1) / 2^s)], as the OpenTelemetry data model says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_SCALE = 4
"""The finest scale that is kept beyond the hot hours: quantiles within 2.2 %."""
MAX_WIDTH = 512
"""The most buckets of one grid: a wider spread of values is kept at a coarser scale."""
LEAST_EXPLICIT = 6
"""Octaves below the first bound over which an explicit histogram's first bucket is spread."""


def relative_error(scale: int) -> float:
    """The bound on a quantile's relative error at this scale: half a bucket, geometrically."""
    return float(2.0 ** (2.0**-scale / 2) - 1)


def upper_bound(index: NDArray[np.integer] | Floats, scale: int) -> Floats:
    """The greatest value that the bucket holds."""
    return np.exp2(np.clip((np.asarray(index, dtype=np.float64) + 1) * 2.0**-scale, -1073.0, 1023.999))


def middle(index: NDArray[np.integer] | Floats, scale: int) -> Floats:
    """The value that stands for a bucket: its geometric middle."""
    return np.exp2(np.clip((np.asarray(index, dtype=np.float64) + 0.5) * 2.0**-scale, -1073.0, 1023.999))


def index_of(values: Floats, scale: int) -> Ints:
    """The bucket of each positive value."""
    return (np.ceil(np.log2(values) * 2.0**scale) - 1).astype(np.int64)


def spread(offset: Ints, width: Ints) -> Ints:
    """The bucket index of every entry of the flat counts of many histograms."""
    total = int(width.sum())
    first = np.cumsum(width) - width
    entries: Ints = np.arange(total, dtype=np.int64)
    entries += np.repeat(offset - first, width)
    return entries


def align(
    row: Ints, index: Ints, scale: Ints, counts: Ints, rows: int, finest: int = MAX_SCALE
) -> tuple[int, int, Ints]:
    """Buckets of many histograms at their own scales as one matrix: (scale, offset, counts[rows, width]).

    `row`, `index`, `scale` and `counts` have one entry a bucket. The scale is the coarsest given, no finer than
    `finest`, and coarser still where the spread of values asks for more than MAX_WIDTH buckets.
    """
    kept = counts > 0
    if not kept.all():
        row, index, scale, counts = row[kept], index[kept], scale[kept], counts[kept]
    if not len(row):
        return finest, 0, np.zeros((rows, 0), dtype=np.int64)
    common = min(finest, int(scale.min()))
    index = index >> (scale - common)
    low, high = int(index.min()), int(index.max())
    while high - low >= MAX_WIDTH:
        index, low, high, common = index >> 1, low >> 1, high >> 1, common - 1
    width = high - low + 1
    flat = np.bincount(row * width + (index - low), weights=counts, minlength=rows * width)
    return common, low, flat.astype(np.int64).reshape(rows, width)


def coarser(counts: NDArray[np.integer], offset: int, steps: int) -> tuple[int, Ints]:
    """The same matrix of counts at a scale lower by `steps`: (offset, counts)."""
    width = counts.shape[1]
    if steps <= 0 or not width:
        return offset >> max(steps, 0), counts.astype(np.int64, copy=False)
    index = np.arange(offset, offset + width) >> steps
    starts = np.flatnonzero(np.diff(index, prepend=index[0] - 1))
    return offset >> steps, np.add.reduceat(counts, starts, axis=1, dtype=np.int64)


def from_explicit(
    bounds: Floats, counts: Ints, low: Floats, high: Floats, scale: int = MAX_SCALE
) -> tuple[Ints, int, Ints]:
    """Histograms with explicit buckets, counts[n, len(bounds) + 1], as (zero[n], offset, counts[n, width]).

    What lies in a bucket is taken as evenly spread over it, the last one up to the greatest value seen; totals are kept
    exactly. Values at or below zero become the zero count. An approximation, since nobody knows where inside a bucket.
    """
    counts = np.asarray(counts, dtype=np.int64)
    positive = int(np.searchsorted(bounds, 0.0, side="right"))
    zero: Ints = counts[:, :positive].sum(axis=1) if positive else np.zeros(len(counts), dtype=np.int64)
    rest, edges = counts[:, positive:], bounds[positive:]
    if not len(edges):
        top = np.fmax(high, low)
        top = np.where(np.isfinite(top) & (top > 0), top, 1.0)
        edges, rest = np.array([float(top.max())]), np.hstack([rest, np.zeros((len(rest), 1), dtype=np.int64)])
    floor = edges[0] * 2.0**-LEAST_EXPLICIT
    known = high[np.isfinite(high)]
    ceiling = max(float(known.max()) if len(known) else 0.0, float(edges[-1]))
    first = int(index_of(np.array([floor]), scale)[0])
    last = int(index_of(np.array([ceiling]), scale)[0])
    if last - first >= MAX_WIDTH * 4:
        first = last - MAX_WIDTH * 4 + 1
    limits = upper_bound(np.arange(first, last + 1), scale)
    limits[-1] = np.inf
    points = np.concatenate([[0.0], edges, [max(ceiling, float(edges[-1]))]])
    share = _shares(points, limits)
    running = np.rint(np.cumsum(rest, axis=1, dtype=np.int64)[:, share[0]] - rest[:, share[0]] * (1.0 - share[1]))
    steps = running.astype(np.int64)
    steps[:, 1:] -= running[:, :-1].astype(np.int64)
    return zero, first, steps


def _shares(points: Floats, limits: Floats) -> tuple[Ints, Floats]:
    """For each limit: the explicit bucket it falls in, and the share of that bucket at or below it."""
    bucket = np.clip(np.searchsorted(points, limits, side="left") - 1, 0, len(points) - 2)
    below, above = points[bucket], points[bucket + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(above > below, (limits - below) / (above - below), 1.0)
    return bucket, np.clip(share, 0.0, 1.0)
