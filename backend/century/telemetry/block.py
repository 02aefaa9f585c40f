"""A block: the points of one batch as columns, and the bytes that hold them in the database.

Integers are stored as their distance from the column's least in the narrowest width that fits (none at all when every
one is the same: the times of a live batch), floats as they are. Times are nanoseconds since 1970 in UTC; a start of 0
means that none was given.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

INT8 = np.dtype("<i1")
INT32 = np.dtype("<i4")
INT64 = np.dtype("<i8")
UINT64 = np.dtype("<u8")
FLOAT64 = np.dtype("<f8")

I1 = NDArray[np.int8]
I4 = NDArray[np.int32]
I8 = NDArray[np.int64]
U8 = NDArray[np.uint64]
F8 = NDArray[np.float64]
Mask = NDArray[np.bool_]

HOUR = 3_600_000_000_000
VERSION = 1
_SIZES = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Points of gauges and sums."""

    series: I4
    at: I8
    start: I8
    value: F8


@dataclass(frozen=True, slots=True)
class Sketches:
    """Points of exponential histograms: `width` positive buckets from `offset` on, their counts flat in `counts`.

    `low` and `high` are NaN where the sender did not say.
    """

    series: I4
    at: I8
    start: I8
    count: U8
    sum: F8
    low: F8
    high: F8
    scale: I1
    zero: U8
    offset: I4
    width: I4
    counts: U8


@dataclass(frozen=True, slots=True)
class Explicits:
    """Points of explicit-bucket histograms: `width` counts each, flat in `counts`; the bounds are the series' own."""

    series: I4
    at: I8
    start: I8
    count: U8
    sum: F8
    low: F8
    high: F8
    width: I4
    counts: U8


@dataclass(frozen=True, slots=True)
class Block:
    numbers: Numbers
    sketches: Sketches
    explicits: Explicits

    @property
    def points(self) -> int:
        return len(self.numbers.series) + len(self.sketches.series) + len(self.explicits.series)


DTYPES: dict[str, np.dtype[Any]] = {
    "series": INT32,
    "at": INT64,
    "start": INT64,
    "value": FLOAT64,
    "count": UINT64,
    "sum": FLOAT64,
    "low": FLOAT64,
    "high": FLOAT64,
    "scale": INT8,
    "zero": UINT64,
    "offset": INT32,
    "width": INT32,
    "counts": UINT64,
}
NAMES: dict[type[Any], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind)) for kind in (Numbers, Sketches, Explicits)
}

Section = TypeVar("Section", Numbers, Sketches, Explicits)


def section(kind: type[Section], **columns: Any) -> Section:
    """A section of the given columns, brought to their types; the ones left out are empty."""
    return kind(*(np.asarray(columns.get(name, ()), dtype=DTYPES[name]) for name in NAMES[kind]))


EMPTY = Block(section(Numbers), section(Sketches), section(Explicits))


def encode(block: Block) -> bytes:
    """The block as bytes; `decode` gives back the same columns, bit for bit."""
    parts = [bytes((VERSION,))]
    for each in (block.numbers, block.sketches, block.explicits):
        size = len(each.series)
        flat = len(each.counts) if not isinstance(each, Numbers) else 0
        parts.append(_SIZES.pack(size, flat))
        if size:
            for name in NAMES[type(each)]:
                parts.extend(_pack(getattr(each, name)))
    return b"".join(parts)


def decode(data: bytes | memoryview) -> Block:
    """The block that `encode` wrote."""
    return join([data])


def join(parts: Sequence[bytes | memoryview]) -> Block:
    """The points of all the blocks that `encode` wrote, in order: a column at a time, as blocks are small and many."""
    for data in parts:
        if data[0] != VERSION:
            raise ValueError(f"a block of version {data[0]}; this program reads version {VERSION}")
    places = [1] * len(parts)
    return Block(
        _section(Numbers, parts, places), _section(Sketches, parts, places), _section(Explicits, parts, places)
    )


def concat(blocks: Sequence[Block]) -> Block:
    """The points of all blocks, in order."""
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return EMPTY
    return Block(
        _concat(Numbers, [block.numbers for block in blocks]),
        _concat(Sketches, [block.sketches for block in blocks]),
        _concat(Explicits, [block.explicits for block in blocks]),
    )


def select(block: Block, series: I4) -> Block:
    """The points of the given series (a sorted array of ids)."""
    return Block(
        take(block.numbers, _among(block.numbers.series, series)),
        take(block.sketches, _among(block.sketches.series, series)),
        take(block.explicits, _among(block.explicits.series, series)),
    )


def take(each: Section, mask: Mask) -> Section:
    """The points of a section where the mask is true."""
    if mask.all():
        return each
    columns = {name: getattr(each, name) for name in NAMES[type(each)]}
    # The flat counts belong to points through their widths.
    flat = np.repeat(mask, columns["width"]) if "counts" in columns else mask
    return type(each)(*(column[flat if name == "counts" else mask] for name, column in columns.items()))


def by_hour(block: Block) -> list[tuple[int, Block]]:
    """A block that is not empty, split so that each part lies in one hour, with the hour's start in nanoseconds."""
    first, last = span(block)
    if first // HOUR == last // HOUR:
        return [(first // HOUR * HOUR, block)]
    hours = [each.at // HOUR for each in (block.numbers, block.sketches, block.explicits)]
    return [
        (
            int(hour) * HOUR,
            Block(
                take(block.numbers, hours[0] == hour),
                take(block.sketches, hours[1] == hour),
                take(block.explicits, hours[2] == hour),
            ),
        )
        for hour in np.unique(np.concatenate(hours))
    ]


def span(block: Block) -> tuple[int, int]:
    """The first and the last time of a block that is not empty."""
    times = [each for each in (block.numbers.at, block.sketches.at, block.explicits.at) if len(each)]
    return min(int(each.min()) for each in times), max(int(each.max()) for each in times)


def _among(column: I4, series: I4) -> Mask:
    if not len(series):
        return np.zeros(len(column), bool)
    place = np.searchsorted(series, column)
    place[place == len(series)] = 0
    found: Mask = series[place] == column
    return found


def _concat(kind: type[Section], sections: Sequence[Section]) -> Section:
    filled = [each for each in sections if len(each.series)]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        return sections[0]
    return kind(*(np.concatenate([getattr(each, name) for each in filled]) for name in NAMES[kind]))


# A column's first byte: bytes an integer takes (0 to 8), or one of these.
_FLOATS = 16
_ONE_FLOAT = 17
_WIDTHS = ((0xFF, 1), (0xFFFF, 2), (0xFFFF_FFFF, 4))
_UNSIGNED: dict[int, np.dtype[Any]] = {1: np.dtype("<u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<u8")}


def _pack(column: NDArray[Any]) -> tuple[bytes, bytes]:
    if not len(column):
        return struct.pack("<Bq", 0, 0), b""
    if column.dtype.kind == "f":
        bits = column.view(UINT64)
        if bits[0] == bits[-1] and (bits == bits[0]).all():
            return bytes((_ONE_FLOAT,)), column[:1].tobytes()
        return bytes((_FLOATS,)), column.tobytes()
    least = column.min()
    most = column.max()
    # In arithmetic modulo 2**64 the distance fits whatever the signs.
    distance = (int(most) - int(least)) & 0xFFFF_FFFF_FFFF_FFFF
    base = struct.pack("<Q", int(least) & 0xFFFF_FFFF_FFFF_FFFF)
    if not distance:
        return b"\x00" + base, b""
    width = next((width for limit, width in _WIDTHS if distance <= limit), 8)
    wide = column.astype(INT64).view(UINT64) if column.dtype != UINT64 else column
    rest = (wide - np.uint64(int(least) & 0xFFFF_FFFF_FFFF_FFFF)).astype(_UNSIGNED[width])
    return bytes((width,)) + base, rest.tobytes()


def _section(kind: type[Section], parts: Sequence[bytes | memoryview], places: list[int]) -> Section:
    """A section of all parts, each read from its place on; the places are moved behind it."""
    filled = []
    for number, data in enumerate(parts):
        size, flat = _SIZES.unpack_from(data, places[number])
        places[number] += _SIZES.size
        if size:
            filled.append((number, size, flat))
    if not filled:
        return getattr(EMPTY, kind.__name__.lower())  # type: ignore[no-any-return]
    columns = []
    points, counts = np.array([size for _, size, _ in filled]), np.array([flat for _, _, flat in filled])
    for name in NAMES[kind]:
        sizes = counts if name == "counts" else points
        cells = []
        for (number, _, _), size in zip(filled, sizes.tolist(), strict=True):
            cell, places[number] = _cell(parts[number], places[number], size)
            cells.append(cell)
        columns.append(_column(cells, sizes, DTYPES[name]))
    return kind(*columns)


Cell = tuple[int, bytes | memoryview, bytes | memoryview]
"""One column of one block: the bytes that each of its values takes, what is to be added to them, and those bytes."""


def _cell(data: bytes | memoryview, position: int, size: int) -> tuple[Cell, int]:
    """The cell at a position, and the position behind it. Floats are their bits: added to nothing, or nothing to them."""
    width = data[position]
    position += 1
    if width == _FLOATS:
        end = position + 8 * size
        return (8, b"\0" * 8, data[position:end]), end
    if width == _ONE_FLOAT:
        return (0, data[position : position + 8], b""), position + 8
    begin = position + 8
    end = begin + width * size
    return (width, data[position:begin], data[begin:end]), end


def _column(cells: Sequence[Cell], sizes: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    bits = np.frombuffer(b"".join([base for _, base, _ in cells]), UINT64).repeat(sizes)
    widths = [width for width, _, _ in cells]
    kinds = set(widths)
    for kind in kinds - {0}:
        rest = np.frombuffer(b"".join([rest for width, _, rest in cells if width == kind]), _UNSIGNED[kind])
        if len(kinds) == 1:
            bits += rest
        else:
            bits[(np.array(widths) == kind).repeat(sizes)] += rest
    return bits.view(dtype) if dtype.itemsize == 8 else bits.view(INT64).astype(dtype)
