"""A chunk: a closed hour of one series. Exact times; numbers as they came, histograms as sixty one-minute sketches.

The instants of a service's hour are shared by its series (one export stamps them all), so they are kept once, and a
chunk points into them. The list only grows at its end: late data never moves what older chunks point to.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from century.telemetry import grid, packed, tally
from century.telemetry.grid import Grid
from century.telemetry.sketch import Floats, Ints
from century.telemetry.tally import Tally

MINUTE = 60_000_000_000
HOUR = 3_600_000_000_000
MINUTES = 60

_HEAD = struct.Struct("<BIIB")
_TIMES = struct.Struct("<IqqB")
_NUMBERS, _GRID = 0, 1
_WHOLE, _REAL = 0, 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """Either numbers (`value`, one for each of `at`, in order of time) or a `grid` of sixty minutes."""

    at: Ints
    value: Floats | None = None
    grid: Grid | None = None

    def tally(self, hour: int) -> Tally:
        """A chunk of numbers as the one slot of its hour."""
        assert self.value is not None
        return tally.build(np.zeros(len(self.at), dtype=np.int64), 1, self.at, self.value)


def merge(old: Chunk, new: Chunk) -> Chunk:
    """Late points added to a chunk; they must not repeat what it holds."""
    at = np.concatenate([old.at, new.at])
    order = np.argsort(at, kind="stable")
    if old.grid is not None and new.grid is not None:
        minutes = np.arange(MINUTES)
        return Chunk(at[order], grid=grid.pile([(minutes, old.grid), (minutes, new.grid)], MINUTES))
    assert old.value is not None and new.value is not None
    return Chunk(at[order], value=np.concatenate([old.value, new.value])[order])


def united(times: Ints, new: Ints) -> Ints:
    """The instants of an hour with those of new points added at the end; `new` is ascending."""
    return np.concatenate([times, np.setdiff1d(new, times)]) if len(times) else np.unique(new)


def encode_times(times: Ints) -> bytes:
    """Instants as bytes: the steps between them in as few bits as they need."""
    if not len(times):
        return b""
    steps = np.diff(times)
    least = int(steps.min()) if len(steps) else 0
    bits = int(steps.max() - least).bit_length() if len(steps) else 0
    wide = np.unpackbits((steps - least).astype(">u8").view(np.uint8)).reshape(-1, 64)[:, 64 - bits :]
    return _TIMES.pack(len(times), int(times[0]), least, bits) + np.packbits(wide).tobytes()


def decode_times(data: bytes | memoryview | None) -> Ints:
    """What `encode_times` wrote; none: no instants."""
    if not data:
        return np.zeros(0, dtype=np.int64)
    number, first, least, bits = _TIMES.unpack_from(data)
    wide = np.zeros((number - 1, 64), dtype=np.uint8)
    flat = np.unpackbits(np.frombuffer(data, np.uint8, offset=_TIMES.size), count=(number - 1) * bits)
    wide[:, 64 - bits :] = flat.reshape(number - 1, bits)
    steps = np.packbits(wide, axis=1).view(">u8").reshape(-1).astype(np.int64) + least
    return np.concatenate([[first], first + np.cumsum(steps)])


def encode(chunk: Chunk, times: Ints, order: Ints | None = None) -> bytes:
    """A chunk as bytes, its instants as places in `times` (`order`: `np.argsort(times)`, where it is at hand)."""
    sorter = np.argsort(times, kind="stable") if order is None else order
    places = sorter[np.searchsorted(times, chunk.at, sorter=sorter)]
    index = b""
    if len(places) != len(times) or (places != np.arange(len(places))).any():
        index = zlib.compress(_planes(np.diff(places, prepend=0)), 1)
    if chunk.grid is not None:
        return _HEAD.pack(_GRID, len(places), len(index), 0) + index + packed.encode(chunk.grid)
    assert chunk.value is not None
    kind, body = _encode_values(chunk.value)
    return _HEAD.pack(_NUMBERS, len(places), len(index), kind) + index + body


def decode(data: bytes | memoryview, times: Ints | None) -> Chunk:
    """What `encode` wrote. Without `times` its instants are left empty: enough to read a grid."""
    kind, points, length, form = _HEAD.unpack_from(data)
    view = memoryview(data)
    at = np.zeros(0, dtype=np.int64)
    if times is not None:
        index = view[_HEAD.size : _HEAD.size + length]
        at = times[np.cumsum(_joined(zlib.decompress(index)))] if length else times[:points]
    body = view[_HEAD.size + length :]
    if kind == _GRID:
        return Chunk(at, grid=packed.decode(body))
    planes = _joined(zlib.decompress(body))
    return Chunk(at, value=np.cumsum(planes).astype(np.float64) if form == _WHOLE else planes.view(np.float64))


def within(chunk: Chunk, start: int, end: int) -> Chunk:
    """The numbers from `start` up to, not including, `end`."""
    first, last = np.searchsorted(chunk.at, [start, end])
    value = chunk.value[first:last] if chunk.value is not None else None
    return replace(chunk, at=chunk.at[first:last], value=value)


def _encode_values(value: Floats) -> tuple[int, bytes]:
    whole = value.size and np.isfinite(value).all() and np.abs(value).max() < 2**53
    if whole and (value == np.trunc(value)).all() and not (np.signbit(value) & (value == 0)).any():
        steps = value.astype(np.int64)
        steps[1:] -= steps[:-1].copy()
        return _WHOLE, zlib.compress(_planes(steps), 1)
    return _REAL, zlib.compress(_planes(value.view(np.int64)), 1)


def _planes(values: Ints) -> bytes:
    """The first bytes of all values, then the second bytes, and so on: what they share lies together."""
    column = np.ascontiguousarray(values, dtype="<i8")
    return column.view(np.uint8).reshape(-1, 8).T.tobytes()


def _joined(data: bytes) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(8, -1).T).view("<i8").reshape(-1)
