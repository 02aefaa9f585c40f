"""Cumulative points as the increments between them.

A cumulative stream counts from its start, and begins anew when its process does. For each start the last point that
was counted is carried along; a point later than it adds what came since, an earlier one adds nothing, since the later
one has counted it already. So totals stay exact whatever order the points come in.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from century.telemetry import block
from century.telemetry.block import Explicits, Numbers, Sketches
from century.telemetry.sketch import Ints

FRESH = 3_600_000_000_000
"""A stream first seen within an hour of its start counts from its start; an older one from its first point on."""
REMEMBERED = 4
"""How many starts a carry remembers."""


@dataclass(slots=True)
class Mark:
    """The last counted point of one start: numbers keep `value`, histograms also their buckets."""

    at: int
    value: float = 0.0
    count: int = 0
    zero: int = 0
    scale: int = 0
    offset: int = 0
    counts: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


Carry = dict[int, Mark]


def numbers(points: Numbers, carries: Mapping[int, Carry]) -> Numbers:
    """Points of cumulative sums, ordered by series and time, as increments. `carries` are moved on."""
    value = np.zeros(len(points.at))
    for first, last in runs(points.series):
        carry = carries[int(points.series[first])]
        for place in range(first, last):
            at, start, now = int(points.at[place]), int(points.start[place]), float(points.value[place])
            mark = carry.get(start)
            if mark is None:
                value[place] = now if fresh(start, at, carry) else 0.0
                carry[start] = Mark(at, now)
            elif at > mark.at:
                value[place] = now - mark.value if now >= mark.value else now
                carry[start] = Mark(at, now)
        forget(carry)
    return Numbers(points.series, points.at, points.start, value)


def sketches(points: Sketches, carries: Mapping[int, Carry]) -> Sketches:
    """Points of cumulative exponential histograms, ordered by series and time, as increments. `carries` are moved on."""
    count, zero = points.count.astype(np.int64), points.zero.astype(np.int64)
    total, scale = points.sum.copy(), points.scale.astype(np.int64)
    offset, width = points.offset.astype(np.int64), points.width.astype(np.int64)
    bounds = np.concatenate([[0], np.cumsum(width)])
    counts: list[Ints] = []
    low, high = points.low.copy(), points.high.copy()
    for first, last in runs(points.series):
        carry = carries[int(points.series[first])]
        for place in range(first, last):
            own = points.counts[bounds[place] : bounds[place + 1]].astype(np.int64)
            now = Mark(
                int(points.at[place]), float(points.sum[place]), int(count[place]), int(zero[place]), int(scale[place]),
                int(offset[place]), own,
            )  # fmt: skip
            start = int(points.start[place])
            mark = carry.get(start)
            made: Mark | None = None
            if mark is None:
                made = now if fresh(start, now.at, carry) else None
                carry[start] = now
            elif now.at > mark.at:
                made = _since(mark, now)
                carry[start] = now
            if made is not now:
                # The extremes of a cumulative point are those since its start, not since the point before.
                low[place] = high[place] = np.nan
            if made is None:
                made = Mark(now.at)
            count[place], zero[place], total[place] = made.count, made.zero, made.value
            scale[place], offset[place], width[place] = made.scale, made.offset, len(made.counts)
            counts.append(made.counts)
        forget(carry)
    return block.section(
        Sketches, series=points.series, at=points.at, start=points.start, count=count, sum=total, low=low, high=high,
        scale=scale, zero=zero, offset=offset, width=width, counts=np.concatenate(counts) if counts else (),
    )  # fmt: skip


def explicits(points: Explicits, carries: Mapping[int, Carry]) -> Explicits:
    """Points of cumulative explicit-bucket histograms, ordered by series and time, as increments."""
    same = block.section(
        Sketches, series=points.series, at=points.at, start=points.start, count=points.count, sum=points.sum,
        low=points.low, high=points.high, scale=np.zeros(len(points.at)), zero=np.zeros(len(points.at)),
        offset=np.zeros(len(points.at)), width=points.width, counts=points.counts,
    )  # fmt: skip
    made = sketches(same, carries)
    # Points that add nothing have no buckets there; here each keeps as many as its series has bounds.
    width = points.width.astype(np.int64)
    counts = np.zeros(int(width.sum()), dtype=np.uint64)
    place = np.repeat(made.width.astype(np.int64) > 0, width)
    counts[place] = made.counts
    return Explicits(
        points.series, points.at, points.start, made.count, made.sum, made.low, made.high, points.width, counts
    )  # fmt: skip


def _since(mark: Mark, now: Mark) -> Mark:
    """What came between two points of one start; a count that fell means that the stream began anew."""
    if now.count < mark.count or now.zero < mark.zero:
        return now
    steps_back, steps = max(mark.scale - now.scale, 0), max(now.scale - mark.scale, 0)
    scale = min(mark.scale, now.scale)
    old, new = _at_scale(mark, steps_back), _at_scale(now, steps)
    low = min(old[0], new[0]) if len(old[1]) else new[0]
    high = max(old[0] + len(old[1]), new[0] + len(new[1])) if len(old[1]) else new[0] + len(new[1])
    counts = np.zeros(high - low, dtype=np.int64)
    counts[new[0] - low : new[0] - low + len(new[1])] += new[1]
    counts[old[0] - low : old[0] - low + len(old[1])] -= old[1]
    if (counts < 0).any():
        return now
    return Mark(now.at, now.value - mark.value, now.count - mark.count, now.zero - mark.zero, scale, low, counts)


def _at_scale(mark: Mark, steps: int) -> tuple[int, Ints]:
    if not steps or not len(mark.counts):
        return mark.offset >> steps, mark.counts
    index = np.arange(mark.offset, mark.offset + len(mark.counts)) >> steps
    return int(index[0]), np.bincount(index - index[0], weights=mark.counts).astype(np.int64)


def fresh(start: int, at: int, carry: Carry) -> bool:
    """Whether a start that was not seen before counts from zero."""
    return bool(start) and (at - start <= FRESH or (bool(carry) and start > max(carry)))


def forget(carry: Carry) -> None:
    """Keep the latest starts only."""
    for start in sorted(carry)[:-REMEMBERED]:
        del carry[start]


def runs(series: np.ndarray[tuple[int], np.dtype[np.int32]] | Ints) -> list[tuple[int, int]]:
    """Where each series begins and ends in a column ordered by series."""
    if not len(series):
        return []
    starts = np.flatnonzero(np.diff(series, prepend=series[0] - 1))
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(series)], strict=True))


_MARK = struct.Struct("<qqdqqbii")


def encode_carry(carry: Carry) -> bytes:
    """A carry as bytes."""
    return zlib.compress(
        b"".join(
            _MARK.pack(start, m.at, m.value, m.count, m.zero, m.scale, m.offset, len(m.counts))
            + m.counts.astype("<i8").tobytes()
            for start, m in carry.items()
        ),
        1,
    )


def decode_carry(data: bytes | None) -> Carry:
    """What `encode_carry` wrote; none: nothing was counted yet."""
    carry: Carry = {}
    body = zlib.decompress(data) if data else b""
    place = 0
    while place < len(body):
        start, at, value, count, zero, scale, offset, width = _MARK.unpack_from(body, place)
        place += _MARK.size
        carry[start] = Mark(
            at, value, count, zero, scale, offset, np.frombuffer(body, "<i8", width, place).astype(np.int64)
        )
        place += width * 8
    return carry
