"""A tally: count, sum, extremes and last value of the numbers of consecutive slots of time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from century.telemetry.sketch import Floats, Ints


@dataclass(frozen=True, slots=True)
class Tally:
    """`low`, `high` and `last` are NaN where a slot is empty; `last_at` is the time of `last` in nanoseconds."""

    count: Ints
    sum: Floats
    low: Floats
    high: Floats
    last: Floats
    last_at: Ints

    @property
    def slots(self) -> int:
        return len(self.count)

    def slice(self, first: int, last: int) -> Tally:
        """The slots from `first` up to, not including, `last`."""
        part = slice(first, last)
        return Tally(
            self.count[part], self.sum[part], self.low[part], self.high[part], self.last[part], self.last_at[part]
        )


def empty(slots: int) -> Tally:
    """No numbers in any slot."""
    return Tally(
        np.zeros(slots, dtype=np.int64),
        np.zeros(slots),
        np.full(slots, np.nan),
        np.full(slots, np.nan),
        np.full(slots, np.nan),
        np.zeros(slots, dtype=np.int64),
    )


def build(slot: Ints, slots: int, at: Ints, value: Floats) -> Tally:
    """Numbers, in order of time within their slot, tallied."""
    made = empty(slots)
    np.fmin.at(made.low, slot, value)
    np.fmax.at(made.high, slot, value)
    # Assignment through an index keeps the last one written.
    made.last[slot] = value
    made.last_at[slot] = at
    count = np.bincount(slot, minlength=slots).astype(np.int64)
    total: Floats = np.bincount(slot, weights=value, minlength=slots).astype(np.float64)
    return Tally(count, total, made.low, made.high, made.last, made.last_at)


def pile(parts: Iterable[tuple[Ints, Tally]], slots: int) -> Tally:
    """Tallies merged into `slots`: each part says to which slot each of its own goes; slots out of bounds are left out."""
    made = empty(slots)
    for to, part in parts:
        kept = (to >= 0) & (to < slots) & (part.count > 0)
        place = to[kept]
        np.add.at(made.count, place, part.count[kept])
        np.add.at(made.sum, place, part.sum[kept])
        np.fmin.at(made.low, place, part.low[kept])
        np.fmax.at(made.high, place, part.high[kept])
        last, last_at = part.last[kept], part.last_at[kept]
        newer = last_at >= made.last_at[place]
        made.last[place[newer]] = last[newer]
        made.last_at[place[newer]] = last_at[newer]
    return made


def encode(tally: Tally) -> bytes:
    """A tally as bytes."""
    columns = (tally.count, tally.last_at, tally.sum, tally.low, tally.high, tally.last)
    return zlib.compress(
        b"".join(each.astype("<f8" if each.dtype.kind == "f" else "<i8").tobytes() for each in columns), 1
    )


def decode(data: bytes | memoryview) -> Tally:
    """What `encode` wrote."""
    body = zlib.decompress(data)
    slots = len(body) // 48
    whole = np.frombuffer(body, "<i8", slots * 2)
    real = np.frombuffer(body, "<f8", slots * 4, slots * 16)
    return Tally(
        whole[:slots],
        real[:slots],
        real[slots : slots * 2],
        real[slots * 2 : slots * 3],
        real[slots * 3 :],
        whole[slots:],
    )
