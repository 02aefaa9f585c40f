"""Points in the layout that SDKs write, read all at once: their fields lie in order, so each has its place.

Whatever is of another layout is told apart by its tags and read by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from century.telemetry.block import F8, I4, I8, Mask

Columns = dict[str, NDArray[Any]]


def usual_numbers(body: bytes, begin: I8, end: I8) -> tuple[Mask, I8, I8, F8]:
    """Number points: which are as usual (start or none, time, value, attributes); time, start (0: none) and value.

    At least eight bytes of padding must follow the last point.
    """
    octets, longs = views(body)
    started = octets[begin] == 0x11
    time = begin + 9 * started
    tag = octets[time + 9]
    whole = tag == 0x31
    usual = (octets[time] == 0x19) & ((tag == 0x21) | whole) & (end >= time + 18)
    bits = longs[time + 10]
    value: F8 = bits.view(np.float64)
    if whole.any():
        value = np.where(whole, bits.astype(np.float64), value)
    start = longs[begin + 1] * started
    return usual, longs[time + 1], start, value


def usual_sketches(body: bytes, place: I8, end: I8) -> tuple[Mask, Columns, NDArray[np.uint8], I4]:
    """Points of exponential histograms behind their attributes: which are as usual, their columns, and the bytes of
    their packed counts one after another with the length of each.

    Usual is: start, time, count, sum, scale, zero count, positive buckets, empty negative buckets, min, max; from
    the scale on each may be missing.
    """
    octets, longs = views(body)
    last = len(longs) - 1

    def at(position: I8) -> I8:
        # A broken point may lead anywhere: it is not usual, but must not lead out of the body.
        return np.minimum(position, last)

    place = at(place)
    front = at(place + 27)
    usual: Mask = (octets[place] == 0x11) & (octets[at(place + 9)] == 0x19)
    usual &= (octets[at(place + 18)] == 0x21) & (octets[front] == 0x29)
    columns: Columns = {
        "start": longs[at(place + 1)],
        "at": longs[at(place + 10)],
        "count": longs[at(place + 19)],
        "sum": longs[at(place + 28)].view(np.float64),
    }
    place = at(place + 36)

    has = octets[place] == 0x30
    scale = octets[at(place + 1)]
    usual &= ~has | (scale < 0x80)
    columns["scale"] = _zigzag(scale * has).astype(np.int8)
    place = at(place + 2 * has)

    has = octets[place] == 0x39
    columns["zero"] = longs[at(place + 1)] * has
    place = at(place + 9 * has)

    has = octets[place] == 0x42
    length, inner, fits = _varint(octets, at(place + 1))
    usual &= ~has | fits
    stop = at(np.where(has, inner + length, place))
    inner = at(np.where(has, inner, place))
    placed = has & (inner < stop) & (octets[inner] == 0x08)
    offset, after, fits = _varint(octets, at(inner + 1))
    usual &= ~placed | fits
    columns["offset"] = _zigzag(offset * placed).astype(np.int32)
    inner = at(np.where(placed, after, inner))
    filled = has & (inner < stop)
    length, first, fits = _varint(octets, at(inner + 1))
    usual &= ~filled | (fits & (octets[inner] == 0x12) & (first + length == stop))
    place = at(np.where(has, stop, place))

    has = octets[place] == 0x4A
    usual &= ~has | (octets[at(place + 1)] == 0)
    place = at(place + 2 * has)

    for name, tag in (("low", 0x61), ("high", 0x69)):
        has = octets[place] == tag
        columns[name] = np.where(has, longs[at(place + 1)].view(np.float64), np.nan)
        place = at(place + 9 * has)

    usual &= place == end
    lengths = np.where(filled & usual, length, 0)
    return usual, columns, octets[_ranges(first, lengths)], lengths.astype(np.int32)


def views(body: bytes) -> tuple[NDArray[np.uint8], I8]:
    """The bytes of a body, and every eight of them as a number, wherever they begin."""
    return np.frombuffer(body, np.uint8), np.ndarray((len(body) - 7,), "<i8", buffer=body, strides=(1,))


def _varint(octets: NDArray[np.uint8], place: I8) -> tuple[I8, I8, Mask]:
    """Numbers of one or two bytes: the number, the place behind it, and whether it had no more bytes than that."""
    low, high = octets[place].astype(np.int64), octets[place + 1].astype(np.int64)
    longer = low > 0x7F
    return np.where(longer, (low & 0x7F) | high << 7, low), place + 1 + longer, ~longer | (high < 0x80)


def _zigzag(value: NDArray[Any]) -> I8:
    wide = value.astype(np.int64)
    signed: I8 = (wide >> 1) ^ -(wide & 1)
    return signed


def _ranges(first: I8, lengths: I8) -> I8:
    """The places first, first + 1, … of each range, one range after another."""
    total = int(lengths.sum())
    before = np.cumsum(lengths) - lengths
    places: I8 = np.arange(total) + np.repeat(first - before, lengths)
    return places
