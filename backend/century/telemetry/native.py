"""Prometheus' native histograms, as points of OTLP: what is exponential there is so here, custom bounds are explicit ones.

https://prometheus.io/docs/specs/native_histograms/: bucket i of schema s ends at 2^(i / 2^s), ours begin there.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from century.telemetry.identity import MOST_BUCKETS, Refused
from century.telemetry.judge import TOO_WIDE
from century.telemetry.pointwise import NEGATIVE
from century.telemetry.wire import (
    BYTES,
    FIXED64,
    VARINT,
    Field,
    Malformed,
    fields,
    varint,
    write_bytes,
    write_double,
    write_fixed,
    write_number,
    write_varint,
    zigzag,
)

CUSTOM = -53
SCHEMAS = range(-4, 9)
GAUGE_HINT = 3
STALE = 0x7FF0000000000002
MILLISECOND = 1_000_000
"""Nanoseconds."""


@dataclass(frozen=True, slots=True)
class Native:
    """A histogram as it lies on the wire, its buckets side by side from `first` on; `bounds` where they are custom."""

    at: int
    start: int
    count: int
    sum: float
    schema: int
    zero: int
    first: int
    counts: tuple[int, ...]
    bounds: tuple[float, ...] | None

    def point(self, labels: list[bytes]) -> bytes:
        """The point of OTLP with these attributes, each a KeyValue."""
        times = (write_fixed(2, self.start) if self.start else b"") + write_fixed(3, self.at)
        front = times + write_fixed(4, self.count) + write_double(5, self.sum)
        if self.bounds is not None:
            counts = struct.pack(f"<{len(self.counts)}Q", *self.counts)
            bounds = struct.pack(f"<{len(self.bounds)}d", *self.bounds)
            said = front + write_bytes(6, counts) + write_bytes(7, bounds)
            return said + b"".join(write_bytes(9, each) for each in labels)
        counts = b"".join(write_varint(each) for each in self.counts)
        buckets = write_number(1, unsigned(self.first - 1)) + write_bytes(2, counts)
        named = b"".join(write_bytes(1, each) for each in labels)
        return (
            named + front + write_number(6, unsigned(self.schema)) + write_fixed(7, self.zero) + write_bytes(8, buckets)
        )


def unsigned(value: int) -> int:
    """A signed number as its varint (zigzag)."""
    return value << 1 if value >= 0 else (-value << 1) - 1


def signed(value: int) -> int:
    """A plain int64 out of its varint."""
    return value - (1 << 64) if value >> 63 else value


def nanoseconds(milliseconds: int) -> int:
    """An instant in nanoseconds; 0, which is too long ago, for one that no clock shows."""
    found = milliseconds * MILLISECOND
    return found if 0 <= found < 1 << 63 else 0


def read(body: bytes, begin: int, end: int, start: int) -> Native | None:
    """A histogram message; none for one that says its series ended. Raises `Refused` and `Malformed`."""
    said: dict[int, list[Field]] = {}
    for part in fields(body, begin, end):
        said.setdefault(part.number, []).append(part)
    total = _double(body, said, 3)
    if struct.pack("<d", total) == STALE.to_bytes(8, "little"):
        return None
    if 2 in said or 7 in said or 10 in said or 13 in said:
        raise Refused("a histogram whose counts are no integers is not kept")
    if _number(said, 14) == GAUGE_HINT:
        raise Refused("a histogram that is a gauge is not kept")
    schema = zigzag(_number(said, 4))
    if schema not in SCHEMAS and schema != CUSTOM:
        raise Refused(f"a native histogram's schema may be {SCHEMAS[0]} to {SCHEMAS[-1]}, or {CUSTOM}")
    if any(_deltas(body, said, 9)):
        raise Refused(NEGATIVE)
    first, counts = _side_by_side(_spans(body, said, 11), _deltas(body, said, 12))
    bounds: tuple[float, ...] | None = None
    if schema == CUSTOM:
        bounds = _doubles(body, said, 16)
        first, counts = _from_the_first(first, counts, len(bounds) + 1)
    return Native(
        at=nanoseconds(signed(_number(said, 15))),
        start=nanoseconds(signed(_number(said, 17))) or start,
        count=_number(said, 1),
        sum=total,
        schema=schema,
        zero=_number(said, 6),
        first=first,
        counts=tuple(counts),
        bounds=bounds,
    )


def _side_by_side(spans: list[tuple[int, int]], deltas: list[int]) -> tuple[int, list[int]]:
    """Buckets that lie in spans, each count told as the difference from the one before: the first's index, and all."""
    if sum(length for _, length in spans) != len(deltas):
        raise Refused("a histogram's spans and buckets do not agree")
    counts: list[int] = []
    count = place = 0
    for number, (offset, length) in enumerate(spans):
        if number:
            if offset < 0 or len(counts) + offset + length > MOST_BUCKETS:
                raise Refused(TOO_WIDE)
            counts += [0] * offset
        for delta in deltas[place : place + length]:
            count += delta
            if not 0 <= count < 1 << 63:
                raise Refused("a bucket of a histogram counts less than nothing")
            counts.append(count)
        place += length
    if len(counts) > MOST_BUCKETS:
        raise Refused(TOO_WIDE)
    return (spans[0][0] if spans else 1), counts


def _from_the_first(first: int, counts: list[int], width: int) -> tuple[int, list[int]]:
    """Buckets of custom bounds: one for each bound, and one behind them."""
    if counts and (first < 0 or first + len(counts) > width):
        raise Refused("a histogram has more buckets than bounds")
    if width > MOST_BUCKETS:
        raise Refused(TOO_WIDE)
    before = [0] * first if counts else []
    return 0, before + counts + [0] * (width - len(before) - len(counts))


def _number(said: dict[int, list[Field]], number: int) -> int:
    return said[number][-1].value if number in said and said[number][-1].kind == VARINT else 0


def _double(body: bytes, said: dict[int, list[Field]], number: int) -> float:
    if number not in said or said[number][-1].kind != FIXED64:
        return 0.0
    (value,) = struct.unpack_from("<d", body, said[number][-1].start)
    return float(value)


def _doubles(body: bytes, said: dict[int, list[Field]], number: int) -> tuple[float, ...]:
    raw = b"".join(body[each.start : each.stop] for each in said.get(number, ()))
    if len(raw) % 8:
        raise Malformed("bounds are cut off")
    bounds = struct.unpack(f"<{len(raw) // 8}d", raw)
    # The one behind the last is never said elsewhere.
    return bounds[:-1] if bounds and math.isinf(bounds[-1]) else bounds


def _deltas(body: bytes, said: dict[int, list[Field]], number: int) -> list[int]:
    found: list[int] = []
    for each in said.get(number, ()):
        if each.kind == VARINT:
            found.append(zigzag(each.value))
            continue
        position = each.start
        while position < each.stop:
            value, position = varint(body, position)
            found.append(zigzag(value))
            if len(found) > MOST_BUCKETS:
                raise Refused(TOO_WIDE)
    return found


def _spans(body: bytes, said: dict[int, list[Field]], number: int) -> list[tuple[int, int]]:
    found = []
    for each in said.get(number, ()):
        if each.kind != BYTES:
            raise Malformed("a span does not parse")
        parts = {part.number: part.value for part in fields(body, each.start, each.stop)}
        found.append((zigzag(parts.get(1, 0)), parts.get(2, 0)))
    return found
