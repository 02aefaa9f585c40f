"""Points read by themselves, field by field: those of explicit buckets, and those of a layout that is not usual."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from century.telemetry.identity import Refused
from century.telemetry.wire import BYTES, FIXED64, Field, fields, varint, zigzag

NO_RECORDED_VALUE = 1
NAN = float("nan")
NEGATIVE = "a distribution of negative values is not kept"

Exemplars = Sequence[Field]
# attributes and bounds as they lie on the wire, start, time, count, sum, counts (fixed64), least, greatest, exemplars
Explicit = tuple[bytes, bytes, int, int, int, float, bytes, float, float, Exemplars]
_FRONT = struct.Struct("<xqxqxq").unpack_from
_DOUBLE = struct.Struct("<xd").unpack_from
_LONG = struct.Struct("<xq").unpack_from


@dataclass(frozen=True, slots=True)
class OddSketch:
    """A point of an exponential histogram; `counts` are packed varints, `exemplars` where they lie."""

    at: int
    start: int
    count: int
    sum: float
    low: float
    high: float
    scale: int
    zero: int
    offset: int
    counts: bytes
    exemplars: Exemplars = ()


def odd_number(body: bytes, begin: int, end: int) -> tuple[bytes, int, int, float, Exemplars] | None:
    """Attributes, time, start, value and exemplars of a number point; none when no value was recorded."""
    start = at = flags = 0
    value: float | None = None
    said: list[bytes] = []
    exemplars: list[Field] = []
    before = begin
    for part in fields(body, begin, end):
        if part.number == 7 and part.kind == BYTES:
            said.append(body[before : part.stop])
        elif part.number == 5:
            exemplars.append(part)
        elif part.kind == FIXED64:
            (bits,) = _LONG(body, part.start - 1)
            if part.number == 2:
                start = bits
            elif part.number == 3:
                at = bits
            elif part.number == 4:
                (value,) = _DOUBLE(body, part.start - 1)
            elif part.number == 6:
                value = float(bits)
        elif part.number == 8:
            flags = part.value
        before = part.stop
    if flags & NO_RECORDED_VALUE:
        return None
    if value is None:
        raise Refused("a point has no value")
    return b"".join(said), at, start, value, exemplars


def odd_sketch(body: bytes, begin: int, end: int) -> tuple[bytes, OddSketch] | None:
    """Attributes and content of an exponential histogram's point; none when no value was recorded."""
    said, key = _collect(body, begin, end, attributes_field=1)
    if _number(said, 10) & NO_RECORDED_VALUE:
        return None
    offset, counts = _buckets(body, said.get(8))
    if _buckets(body, said.get(9))[1].strip(b"\x00"):
        raise Refused(NEGATIVE)
    return key, OddSketch(
        at=_long(said, 3, body),
        start=_long(said, 2, body),
        count=_long(said, 4, body),
        sum=_double(said, 5, body),
        low=_double(said, 12, body),
        high=_double(said, 13, body),
        scale=max(-128, min(127, zigzag(_number(said, 6)))),
        zero=_long(said, 7, body),
        offset=offset,
        counts=counts,
        exemplars=said.get(11, ()),
    )


def usual_explicit(body: bytes, position: int, end: int) -> Explicit | None:
    """A point in the order and with the fields that SDKs write; none when it is of another layout."""
    if end - position < 27 or body[position] != 0x11 or body[position + 9] != 0x19 or body[position + 18] != 0x21:
        return None
    start, at, count = _FRONT(body, position)
    position += 27
    total = low = high = NAN
    if body[position] == 0x29:
        (total,) = _DOUBLE(body, position)
        position += 9
    slices = []
    for tag in (0x32, 0x3A):
        first = position
        if body[position] == tag:
            length, first = varint(body, position + 1)
            position = first + length
            if position > end:
                return None
        slices.append(body[first:position])
    first = position
    while position < end and body[position] == 0x4A:
        length, position = varint(body, position + 1)
        position += length
    key = body[first:position]
    if position < end and body[position] == 0x59:
        (low,) = _DOUBLE(body, position)
        position += 9
    if position < end and body[position] == 0x61:
        (high,) = _DOUBLE(body, position)
        position += 9
    return (key, slices[1], start, at, count, total, slices[0], low, high, ()) if position == end else None


def odd_explicit(body: bytes, begin: int, end: int) -> Explicit | None:
    """A point of any layout; none when it says that no value was recorded."""
    said, key = _collect(body, begin, end, attributes_field=9)
    if _number(said, 10) & NO_RECORDED_VALUE:
        return None
    counts, bounds = (b"".join(body[each.start : each.stop] for each in said.get(number, ())) for number in (6, 7))
    start, at, count = (_long(said, number, body) for number in (2, 3, 4))
    total, low, high = (_double(said, number, body) for number in (5, 11, 12))
    return key, bounds, start, at, count, total, counts, low, high, said.get(8, ())


def alone(
    body: bytes, begin: int, end: int, attributes_field: int, exemplars_field: int
) -> tuple[bytes, bytes, Exemplars]:
    """Attributes, bounds (of a histogram) and exemplars of a point that says that no value was recorded."""
    said, key = _collect(body, begin, end, attributes_field)
    bounds = b"".join(body[each.start : each.stop] for each in said.get(7, ())) if attributes_field == 9 else b""
    return key, bounds, said.get(exemplars_field, ())


def _buckets(body: bytes, message: list[Field] | None) -> tuple[int, bytes]:
    """Offset and packed counts of a bucket message."""
    offset, counts = 0, []
    for each in message or ():
        for part in fields(body, each.start, each.stop):
            if part.number == 1:
                offset = max(-(2**31), min(2**31 - 1, zigzag(part.value)))
            elif part.number == 2:
                counts.append(body[part.start : part.stop])
    return offset, b"".join(counts)


def _collect(body: bytes, begin: int, end: int, attributes_field: int) -> tuple[dict[int, list[Field]], bytes]:
    """The fields of a point by number, and its attributes as they lie on the wire."""
    said: dict[int, list[Field]] = {}
    keys: list[bytes] = []
    before = begin
    for part in fields(body, begin, end):
        if part.number == attributes_field and part.kind == BYTES:
            keys.append(body[before : part.stop])
        elif part.number in said:
            said[part.number].append(part)
        else:
            said[part.number] = [part]
        before = part.stop
    return said, b"".join(keys)


def _number(said: dict[int, list[Field]], number: int) -> int:
    return said[number][-1].value if number in said else 0


def _long(said: dict[int, list[Field]], number: int, body: bytes) -> int:
    if number not in said or said[number][-1].kind != FIXED64:
        return 0
    return int(_LONG(body, said[number][-1].start - 1)[0])


def _double(said: dict[int, list[Field]], number: int, body: bytes) -> float:
    """A double that may be missing: then NaN."""
    if number not in said or said[number][-1].kind != FIXED64:
        return NAN
    (value,) = struct.unpack_from("<d", body, said[number][-1].start)
    return float(value)
