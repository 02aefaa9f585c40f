"""A grid as few bytes, in the database."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from century.telemetry import sketch
from century.telemetry.grid import Grid
from century.telemetry.sketch import Floats, Ints

_HEAD = struct.Struct("<BbBBiHHI")
_APPROXIMATE, _PACKED, _ZEROS, _PLACED, _SHARES = 1, 2, 4, 8, 16
_TYPES: tuple[str, ...] = ("u1", "<u2", "<u4", "<u8")
_WHOLE = 2.0**32 - 1
_PACK_FROM = 160
_PLACE_FROM = 25
"""Grids of as many slots (an hour's minutes) tell their extremes as places in their buckets."""


def encode(grid: Grid) -> bytes:
    """A grid in few bytes: counts in the smallest type that holds them, deflated; sums to 36 bits, extremes to 15 and
    rounded outwards."""
    counts, offset = grid.counts, grid.offset
    used = np.flatnonzero(counts.any(axis=0)) if counts.shape[1] else np.zeros(0, dtype=np.int64)
    first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
    counts = counts[:, first:last]
    kind, zero_kind = _smallest(counts), _smallest(grid.zero)
    body = np.ascontiguousarray(counts, dtype=_TYPES[kind]).tobytes()
    flags = _APPROXIMATE if grid.approximate else 0
    if len(body) >= _PACK_FROM:
        # Runs of zeros and the shares of small numbers are all there is to find: quicker so, and smaller.
        packer = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zlib.Z_RLE)
        body = packer.compress(body) + packer.flush()
        flags |= _PACKED
    zero = b""
    if grid.zero.any():
        zero = grid.zero.astype(_TYPES[zero_kind]).tobytes()
        flags |= _ZEROS
    sums = _rounded(grid.sum.astype("<f8"), 16).view(np.uint8).reshape(-1, 8)[:, 2:].tobytes()
    if (shares := _shares(counts, offset + first, grid.scale, grid.sum)) is not None:
        sums = shares.tobytes()
        flags |= _SHARES
    extremes = None
    if grid.slots >= _PLACE_FROM:
        extremes = _places(replace(grid, counts=counts, offset=offset + first))
    if extremes is not None:
        flags |= _PLACED
    else:
        short = np.concatenate([_single(grid.low, -np.inf), _single(grid.high, np.inf)])
        extremes = short.view(np.uint8).reshape(-1, 4)[:, 1:]
    head = _HEAD.pack(flags, grid.scale, kind, zero_kind, offset + first, grid.slots, counts.shape[1], len(body))
    return b"".join((head, body, zero, sums, extremes.tobytes()))


def decode(data: bytes | memoryview) -> Grid:
    """What `encode` wrote. Counts keep their small type."""
    flags, scale, kind, zero_kind, offset, slots, width, length = _HEAD.unpack_from(data)
    at = _HEAD.size + length
    if flags & _PACKED:
        body = zlib.decompress(data[_HEAD.size : at], -15, slots * width << kind)
        counts = np.frombuffer(body, _TYPES[kind]).reshape(slots, width)
    else:
        counts = np.frombuffer(data, _TYPES[kind], slots * width, _HEAD.size).reshape(slots, width)
    zero = np.zeros(slots, dtype=np.int64)
    count = np.add.reduce(counts, axis=1, dtype=np.int64)
    if flags & _ZEROS:
        zero += np.frombuffer(data, _TYPES[zero_kind], slots, at)
        count += zero
        at += slots << zero_kind
    if flags & _SHARES:
        least, room = _room(counts, offset, scale)
        sums = least + room * (np.frombuffer(data, "<u4", slots, at) / _WHOLE)
        at += slots * 4
    else:
        bits = np.zeros((slots, 8), dtype=np.uint8)
        bits[:, 2:] = np.frombuffer(data, np.uint8, slots * 6, at).reshape(slots, 6)
        sums = bits.view("<f8").reshape(-1)
        at += slots * 6
    if flags & _PLACED:
        low, high = _placed(counts, count, offset, scale, np.frombuffer(data, np.uint8, slots * 2, at))
    else:
        short = np.zeros((slots * 2, 4), dtype=np.uint8)
        short[:, 1:] = np.frombuffer(data, np.uint8, slots * 6, at).reshape(slots * 2, 3)
        extremes = short.view("<f4").reshape(-1).astype(np.float64)
        low, high = extremes[:slots], extremes[slots:]
    return Grid(
        scale, offset, counts, zero, count, sums, low, high,
        bool(flags & _APPROXIMATE),
    )  # fmt: skip


def _shares(counts: NDArray[np.integer], offset: int, scale: int, sums: Floats) -> NDArray[np.uint32] | None:
    """Where sums lie between the least and the most that their buckets allow; none if they do not, or it is too wide."""
    if scale < sketch.MAX_SCALE:
        return None
    least, room = _room(counts, offset, scale)
    share = (sums - least) / np.where(room > 0, room, 1.0)
    if not (share >= -1e-10).all() or not (share <= 1 + 1e-10).all():
        return None
    return np.rint(np.clip(share, 0, 1) * _WHOLE).astype("<u4")


def _room(counts: NDArray[np.integer], offset: int, scale: int) -> tuple[Floats, Floats]:
    """The least that the values of each slot can sum up to, and how much more it may be."""
    per = 2.0**-scale
    with np.errstate(over="ignore", invalid="ignore"):
        least = counts.astype(np.float64) @ np.exp2(np.arange(offset, offset + counts.shape[1]) * per)
        return least, least * (2.0**per - 1)


def _places(grid: Grid) -> NDArray[np.uint8] | None:
    """Where in their buckets the extremes lie, in 255 parts, rounded outwards; none if they do not lie in them."""
    filled = grid.count > 0
    low, high = grid.low[filled], grid.high[filled]
    if not len(low) or grid.zero.any() or not (low > 0).all() or not np.isfinite(high).all():
        return None
    least, most = _ends(grid.counts)
    per = 2.0**grid.scale
    first = (np.log2(low) * per - grid.offset - least[filled]) * 255
    last = (np.log2(high) * per - grid.offset - most[filled]) * 255
    if min(first.min(), last.min()) < -1e-6 or max(first.max(), last.max()) > 255 + 1e-6:
        return None
    made = np.zeros((2, grid.slots), dtype=np.uint8)
    made[0, filled] = np.clip(np.floor(first), 0, 255)
    made[1, filled] = np.clip(np.ceil(last), 0, 255)
    return made.reshape(-1)


def _placed(
    counts: NDArray[np.integer], count: Ints, offset: int, scale: int, places: NDArray[np.uint8]
) -> tuple[Floats, Floats]:
    least, most = _ends(counts)
    parts = places.reshape(2, -1) / 255
    per = 2.0**-scale
    low, high = np.exp2((offset + least + parts[0]) * per), np.exp2((offset + most + parts[1]) * per)
    none = count == 0
    low[none] = high[none] = np.nan
    return low, high


def _ends(counts: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """The first and the last filled column of each row."""
    filled = counts != 0
    return np.argmax(filled, axis=1), counts.shape[1] - 1 - np.argmax(filled[:, ::-1], axis=1)


def _rounded(values: Floats, bits: int) -> Floats:
    """Values with so many bits of the mantissa rounded away."""
    whole = values.view(np.int64)
    return ((whole + (1 << (bits - 1))) >> bits << bits).view(np.float64)


def _single(values: Floats, away: float) -> NDArray[np.float32]:
    """Values with 15 bits of mantissa, rounded towards `away`; what is not a number stays so."""
    short = values.astype("<f4")
    bits = short.view("<i4")
    cut = ((bits >> 8) << 8).view("<f4")
    beyond = (cut > values) if away < 0 else (cut < values)
    # The next one in size; below zero sizes grow the other way, but latencies do not.
    stepped = (((bits >> 8) + (1 if away > 0 else -1)) << 8).view("<f4")
    made = np.where(beyond, stepped, cut)
    return np.where(np.isnan(values), np.float32(np.nan), made).astype("<f4")


def _smallest(values: NDArray[np.integer]) -> int:
    most = int(values.max()) if values.size else 0
    return 0 if most < 1 << 8 else 1 if most < 1 << 16 else 2 if most < 1 << 32 else 3
