"""Protocol Buffers' wire format, read by slices: lengths are walked, nothing is copied before it is wanted.

The general classes cost three times as much for telemetry, where nearly every byte was seen ten seconds ago.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from century.telemetry.block import I4, U8

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# A field can be two bytes: without a bound, 32 MiB of them would be gigabytes of what they are read into.
MOST_FIELDS = 10_000


class Malformed(Exception):
    """Bytes that are no message of the protocol: truncated, or of another kind."""


class TooMany(Exception):
    """More parts in one message than are taken."""


class Field(NamedTuple):
    """One field of a message: its number, wire type, value (of a varint) and the slice it lies in."""

    number: int
    kind: int
    value: int
    start: int
    stop: int


def varint(body: bytes, position: int) -> tuple[int, int]:
    """The number at a position, and the position behind it."""
    value = shift = 0
    while True:
        if position >= len(body) or shift > 63:
            raise Malformed("a number is cut off")
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
        shift += 7


def fields(body: bytes, start: int, stop: int) -> Iterator[Field]:
    """The fields of the message in a slice, in order; raises `Malformed`, and `TooMany` after 10,000."""
    position = start
    count = 0
    while position < stop:
        count += 1
        if count > MOST_FIELDS:
            raise TooMany(f"one message may hold {MOST_FIELDS} fields")
        tag, position = varint(body, position)
        number, kind = tag >> 3, tag & 7
        value, begin = 0, position
        if kind == VARINT:
            value, position = varint(body, position)
        elif kind == BYTES:
            length, begin = varint(body, position)
            position = begin + length
        elif kind == FIXED64:
            position += 8
        elif kind == FIXED32:
            position += 4
        else:
            raise Malformed(f"wire type {kind} is not used by the protocol")
        if position > stop or not number:
            raise Malformed("a field is cut off")
        yield Field(number, kind, value, begin, position)


def repeated(
    body: bytes, start: int, stop: int, what: str, most: int, tag: int = 0x0A
) -> tuple[list[int], list[int], list[Field]]:
    """A message that is mostly one repeated message (field 1 unless the tag says otherwise): where each begins and
    ends, and the fields beside them. Raises `TooMany` when there are more than `most` of `what`.
    """
    begins: list[int] = []
    ends: list[int] = []
    others: list[Field] = []
    begin_at, end_at = begins.append, ends.append
    position = start
    try:
        for _ in range(most):
            if position >= stop:
                break
            if body[position] == tag:
                length = body[position + 1]
                position += 2
                if length > 127:
                    more = body[position]
                    if more > 127:
                        length, position = varint(body, position - 1)
                    else:
                        length += (more << 7) - 128
                        position += 1
                begin_at(position)
                position += length
                end_at(position)
            elif body[position + 1] < 0x80 and not body[position] & 7 and 0x07 < body[position] < 0x80:
                # A small number in a small field.
                others.append(Field(body[position] >> 3, VARINT, body[position + 1], position + 1, position + 2))
                position += 2
            else:
                others.append(next(fields(body, position, stop)))
                position = others[-1].stop
    except IndexError:
        raise Malformed("a message is cut off") from None
    if position < stop:
        raise TooMany(f"one request may hold {most} {what}")
    if position != stop:
        raise Malformed("a message is cut off")
    return begins, ends, others


def packed(raw: NDArray[np.uint8], lengths: I4) -> tuple[U8, I4]:
    """The varints in slices that lie one after another: the numbers, and how many each slice holds."""
    if not len(raw) or raw.max() < 0x80:
        return raw.astype(np.uint64), lengths
    last = raw < 0x80
    stops = np.cumsum(lengths)
    if not last[stops[lengths > 0] - 1].all():
        raise Malformed("a number is cut off")
    before = np.concatenate(([0], np.cumsum(last)))
    widths = (before[stops] - before[stops - lengths]).astype(np.int32)
    begins = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1))
    sizes = np.diff(np.concatenate((begins, [len(raw)])))
    if sizes.max() > 10:
        raise Malformed("a number is too long")
    place = np.arange(len(raw)) - np.repeat(begins, sizes)
    parts = (raw & 0x7F).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(parts, begins), widths


def zigzag(value: int) -> int:
    """A signed number out of its varint."""
    return (value >> 1) ^ -(value & 1)


# Writing: what JSON says goes on as the same bytes, so that there is one way in.


def write_varint(value: int) -> bytes:
    """A number (negative ones as the protocol has them, in ten bytes)."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_number(number: int, value: int) -> bytes:
    """A varint field; nothing for zero, as the protocol has it."""
    return write_varint(number << 3) + write_varint(value) if value else b""


def write_fixed(number: int, value: int) -> bytes:
    """A fixed64 field."""
    return write_varint(number << 3 | FIXED64) + (value & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little")


def write_double(number: int, value: float) -> bytes:
    """A double field."""
    return write_varint(number << 3 | FIXED64) + struct.pack("<d", value)


def write_bytes(number: int, value: bytes) -> bytes:
    """A field of bytes, text or a message."""
    return write_varint(number << 3 | BYTES) + write_varint(len(value)) + value
