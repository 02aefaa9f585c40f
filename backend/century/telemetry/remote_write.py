"""Prometheus' remote write, 1.0 and 2.0, as the OTLP metrics request that says the same: so there is one way in.

https://prometheus.io/docs/specs/prw/remote_write_spec/ and …_2_0/. job is the service and instance its instance; what a
name says of a metric's type and unit holds, since 1.0 tells types apart from samples, and late.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from century.telemetry import native
from century.telemetry.exposed import SCOPE, SERVICE, rises, unit_of
from century.telemetry.identity import INSTANCE, Refused
from century.telemetry.refusals import Refusals
from century.telemetry.wire import (
    BYTES,
    FIXED64,
    Malformed,
    fields,
    repeated,
    varint,
    write_bytes,
    write_number,
    write_varint,
)

MOST_SERIES = 100_000
MOST_SYMBOLS = 400_000
MOST_KNOWN = 100_000
CUMULATIVE = 2
GAUGE, SUM, EXPLICIT, EXPONENTIAL = 5, 7, 9, 10
ZERO = bytes(8)
_AT = struct.Struct("<BqB").pack
_DOUBLE = struct.Struct("<d").unpack
_STARTED = struct.Struct("<BqBqB").pack
NAME = "__name__"
Slice = tuple[int, int]


class Version(StrEnum):
    """The message that a request holds, as its content type names it."""

    ONE = "prometheus.WriteRequest"
    TWO = "io.prometheus.write.v2.Request"


@dataclass(frozen=True, slots=True)
class Named:
    """Who a series belongs to, as OTLP writes it: the resource, the metric's name and unit, its attributes."""

    metric: str
    resource: bytes
    head: bytes
    labels: list[bytes]
    attributes: bytes
    rising: bool


@dataclass(slots=True)
class Written:
    """The OTLP request, what could not be said in it, and how many samples said that there is nothing to keep."""

    body: bytes
    refusals: Refusals
    stale_samples: int = 0
    stale_histograms: int = 0


class Names:
    """What labels were seen before, as they lie on the wire: one a process."""

    def __init__(self) -> None:
        self._known: dict[bytes | tuple[bytes, ...], Named | str] = {}

    def of(self, key: bytes | tuple[bytes, ...], pairs: Sequence[tuple[bytes, bytes]]) -> Named:
        """The series of these labels. Raises `Refused`."""
        try:
            found: Named | str = named(pairs)
        except Refused as reason:
            found = str(reason)
        if len(self._known) >= MOST_KNOWN:
            # A new dictionary: a large request that is being read in a thread keeps its own.
            self._known = {}
        self._known[key] = found
        return self.found(key) or _never(found)

    def found(self, key: bytes | tuple[bytes, ...]) -> Named | None:
        """The series that was seen with this key, if it was. Raises `Refused`."""
        found = self._known.get(key)
        if isinstance(found, str):
            raise Refused(found)
        return found


def _never(found: Named | str) -> Named:
    if isinstance(found, str):
        raise Refused(found)
    return found


def named(pairs: Sequence[tuple[bytes, bytes]]) -> Named:
    """The series that these labels name. Raises `Refused`."""
    said: dict[str, str] = {}
    try:
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode(), raw_value.decode()
            if name in said:
                raise Refused(f"the label {name[:60]} stands there twice")
            if value:
                said[name] = value
    except UnicodeDecodeError:
        raise Refused("a label is not UTF-8") from None
    metric = said.pop(NAME, "")
    if not metric:
        raise Refused(f"a series must have a name ({NAME})")
    service, instance = said.pop("job", SERVICE), said.pop("instance", "")
    resource = write_bytes(1, _pair("service.name", service))
    if instance:
        resource += write_bytes(1, _pair(INSTANCE, instance))
    unit = unit_of(metric)
    labels = [_pair(name, value) for name, value in sorted(said.items())]
    return Named(
        metric=metric,
        resource=resource,
        head=write_bytes(1, metric.encode()) + (write_bytes(3, unit.encode()) if unit else b""),
        labels=labels,
        attributes=b"".join(write_bytes(7, each) for each in labels),
        rising=rises(metric),
    )


def _pairs(labels: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of label messages one after another."""
    found = []
    for label in fields(labels, 0, len(labels)):
        said = {part.number: labels[part.start : part.stop] for part in fields(labels, label.start, label.stop)}
        found.append((said.get(1, b""), said.get(2, b"")))
    return found


def _pair(key: str, value: str) -> bytes:
    return write_bytes(1, key.encode()) + write_bytes(2, write_bytes(1, value.encode()))


def read(body: bytes, version: Version, names: Names) -> Written:
    """What a request of this version says. Raises `Malformed` and `TooMany`."""
    reader = _Reader(body, names)
    if version is Version.ONE:
        begins, ends, _ = repeated(body, 0, len(body), "series", MOST_SERIES)
        for begin, end in zip(begins, ends, strict=True):
            reader.series_of_one(begin, end)
    else:
        begins, ends, others = repeated(body, 0, len(body), "series", MOST_SERIES, 0x2A)
        symbols = [body[each.start : each.stop] for each in others if each.number == 4 and each.kind == BYTES]
        if begins and (not symbols or symbols[0]):
            raise Malformed("the first symbol must be empty")
        for begin, end in zip(begins, ends, strict=True):
            reader.series_of_two(begin, end, symbols)
    return Written(reader.written(), reader.refusals, reader.stale_samples, reader.stale_histograms)


@dataclass(slots=True)
class _Reader:
    body: bytes
    names: Names
    refusals: Refusals = field(default_factory=lambda: Refusals("samples"))
    stale_samples: int = 0
    stale_histograms: int = 0
    # By resource, then by kind and head: the points, each with its tag and length.
    _points: dict[bytes, dict[tuple[int, bytes], list[bytes]]] = field(default_factory=dict)

    def series_of_one(self, begin: int, end: int) -> None:
        """A TimeSeries of 1.0: labels, samples, exemplars, histograms."""
        body, position = self.body, begin
        while position + 1 < end and body[position] == 0x0A:
            if (length := body[position + 1]) < 0x80:
                position += 2 + length
            else:
                length, position = varint(body, position + 1)
                position += length
        key = body[begin:position]
        samples: list[Slice] = []
        # What every series holds, and mostly nothing else.
        while position + 1 < end and body[position] == 0x12 and body[position + 1] < 0x80:
            samples.append((position + 2, position + 2 + body[position + 1]))
            position = samples[-1][1]
        if position > end:
            raise Malformed("a series is cut off")
        parts = list(fields(body, position, end))
        if more := [part for part in parts if part.number == 1]:
            # Labels that do not stand in front: nobody writes so, though one may.
            key += b"".join(write_bytes(1, body[part.start : part.stop]) for part in more)
        samples += [(part.start, part.stop) for part in parts if part.number == 2]
        histograms = [(part.start, part.stop) for part in parts if part.number == 4]
        if not samples and not histograms:
            return
        try:
            series = self.names.found(key) or self.names.of(key, _pairs(key))
        except Refused as reason:
            self.refusals.add("a series", str(reason), len(samples) + len(histograms))
            return
        self._take(series, samples, histograms, 0)

    def series_of_two(self, begin: int, end: int, symbols: Sequence[bytes]) -> None:
        """A TimeSeries of 2.0: its labels are places in the table of symbols."""
        refs: list[int] = []
        samples: list[Slice] = []
        histograms: list[Slice] = []
        created = 0
        for part in fields(self.body, begin, end):
            if part.number == 1 and part.kind == BYTES:
                position = part.start
                while position < part.stop:
                    ref, position = varint(self.body, position)
                    refs.append(ref)
            elif part.number == 1:
                refs.append(part.value)
            elif part.number == 2:
                samples.append((part.start, part.stop))
            elif part.number == 3:
                histograms.append((part.start, part.stop))
            elif part.number == 6:
                created = native.nanoseconds(native.signed(part.value))
        try:
            if len(refs) % 2 or any(ref >= len(symbols) for ref in refs):
                raise Refused("its labels must be pairs of symbols that the request holds")
            key = tuple(symbols[ref] for ref in refs)
            series = self.names.found(key) or self.names.of(key, list(zip(key[::2], key[1::2], strict=True)))
        except Refused as reason:
            self.refusals.add("a series", str(reason), len(samples) + len(histograms))
            return
        self._take(series, samples, histograms, created)

    def _take(self, series: Named, samples: Sequence[Slice], histograms: Sequence[Slice], start: int) -> None:
        if samples:
            points = self._of(series, SUM if series.rising else GAUGE)
            for each in samples:
                self._sample(series, each, start if series.rising else 0, points)
        for each in histograms:
            try:
                found = native.read(self.body, *each, start)
            except Refused as reason:
                self.refusals.add(series.metric, str(reason))
                continue
            if found is None:
                self.stale_histograms += 1
                continue
            kind = EXPONENTIAL if found.bounds is None else EXPLICIT
            _append(self._of(series, kind), found.point(series.labels))

    def _sample(self, series: Named, sample: Slice, start: int, points: list[bytes]) -> None:
        body, (begin, end) = self.body, sample
        value, at = ZERO, 0
        rest = begin
        if end - begin > 10 and body[begin] == 0x09 and body[begin + 9] == 0x10:
            # As it is written always: the value, then the time.
            value = body[begin + 1 : begin + 9]
            said, rest = varint(body, begin + 10)
            at = native.nanoseconds(native.signed(said))
        for part in fields(body, rest, end) if rest != end else ():
            if part.number == 1 and part.kind == FIXED64:
                value = body[part.start : part.stop]
            elif part.number == 2:
                at = native.nanoseconds(native.signed(part.value))
            elif part.number == 3 and series.rising:
                start = native.nanoseconds(native.signed(part.value)) or start
        if _is_nan(value):
            # That its series ended, or that nothing was measured, as a summary's quantile says: nothing to keep.
            self.stale_samples += 1
            return
        front = _STARTED(0x11, start, 0x19, at, 0x21) if start else _AT(0x19, at, 0x21)
        _append(points, front + value + series.attributes)

    def _of(self, series: Named, kind: int) -> list[bytes]:
        return self._points.setdefault(series.resource, {}).setdefault((kind, series.head), [])

    def written(self) -> bytes:
        """The request of OTLP."""
        scope = write_bytes(1, write_bytes(1, SCOPE.encode()))
        written = []
        for resource, metrics in self._points.items():
            said = [scope]
            for (kind, head), points in metrics.items():
                if points:
                    data = b"".join(points)
                    if kind != GAUGE:
                        data += write_number(2, CUMULATIVE)
                    if kind == SUM:
                        data += write_number(3, 1)
                    said.append(write_bytes(2, head + write_bytes(kind, data)))
            written.append(write_bytes(1, write_bytes(1, resource) + write_bytes(2, b"".join(said))))
        return b"".join(written)


def _is_nan(value: bytes) -> bool:
    """Whether eight bytes are a double that is no number."""
    return value[7] & 0x7F == 0x7F and math.isnan(_DOUBLE(value)[0])


def _append(points: list[bytes], point: bytes) -> None:
    size = len(point)
    points.append(bytes((0x0A, size)) if size < 0x80 else b"\x0a" + write_varint(size))
    points.append(point)
