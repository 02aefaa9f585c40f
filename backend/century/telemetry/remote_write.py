"""Prometheus' remote write, 1.0 and 2.0, as the OTLP metrics request that says the same: so there is one way in.

https://prometheus.io/docs/specs/prw/remote_write_spec/ and …_2_0/. What a name says of a metric's type and unit holds,
since 1.0 tells types apart from samples, and late.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from century.telemetry import labelled_exemplar, native
from century.telemetry.exposed import SCOPE
from century.telemetry.identity import Refused
from century.telemetry.labelled_exemplar import Pairs
from century.telemetry.named_series import Named, Names, named_by, pairs_of
from century.telemetry.refusals import Refusals
from century.telemetry.wire import (
    BYTES,
    FIXED64,
    Field,
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
CUMULATIVE = 2
GAUGE, SUM, EXPLICIT, EXPONENTIAL = 5, 7, 9, 10
ZERO = bytes(8)
_AT = struct.Struct("<BqB").pack
_DOUBLE = struct.Struct("<d").unpack
_STARTED = struct.Struct("<BqBqB").pack
NOT_KNOWN = "its series has not told yet what it is"
Slice = tuple[int, int]


class Version(StrEnum):
    """The message that a request holds, as its content type names it."""

    ONE = "prometheus.WriteRequest"
    TWO = "io.prometheus.write.v2.Request"


@dataclass(slots=True)
class Written:
    """The OTLP request, what could not be said in it, and how much said that there is nothing to keep."""

    body: bytes
    refusals: Refusals
    stale_samples: int = 0
    stale_histograms: int = 0
    untraced_exemplars: int = 0


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
    reader.carry_exemplars()
    return Written(
        reader.written(), reader.refusals, reader.stale_samples, reader.stale_histograms, reader.untraced_exemplars
    )


@dataclass(slots=True)
class _Reader:
    body: bytes
    names: Names
    refusals: Refusals = field(default_factory=lambda: Refusals("samples"))
    stale_samples: int = 0
    stale_histograms: int = 0
    untraced_exemplars: int = 0
    # What carries them depends on what their series is, which another part of the request may tell.
    _exemplars: list[tuple[Named, list[bytes]]] = field(default_factory=list)
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
        exemplars = [(part.start, part.stop) for part in parts if part.number == 3] if parts else ()
        if not samples and not histograms and not exemplars:
            return
        try:
            series = self.names.found(key) or self.names.of(key, pairs_of(key))
        except Refused as reason:
            self.refusals.add("a series", str(reason), len(samples) + len(histograms))
            return
        self._take(series, samples, histograms, 0)
        if exemplars:
            self._examples(series, exemplars, self._pairs_of_one)

    def series_of_two(self, begin: int, end: int, symbols: Sequence[bytes]) -> None:
        """A TimeSeries of 2.0: its labels are places in the table of symbols."""
        refs: list[int] = []
        samples: list[Slice] = []
        histograms: list[Slice] = []
        exemplars: list[Slice] = []
        created = 0
        for part in fields(self.body, begin, end):
            if part.number == 1:
                refs += self._refs(part)
            elif part.number == 2:
                samples.append((part.start, part.stop))
            elif part.number == 3:
                histograms.append((part.start, part.stop))
            elif part.number == 4:
                exemplars.append((part.start, part.stop))
            elif part.number == 6:
                created = native.nanoseconds(native.signed(part.value))
        try:
            key = named_by(refs, symbols)
            series = self.names.found(key) or self.names.of(key, list(zip(key[::2], key[1::2], strict=True)))
        except Refused as reason:
            self.refusals.add("a series", str(reason), len(samples) + len(histograms))
            return
        self._take(series, samples, histograms, created)
        if exemplars:
            self._examples(series, exemplars, lambda labels: self._pairs_of_two(labels, symbols))

    def _refs(self, part: Field) -> list[int]:
        """Places in the table of symbols, packed or one by one."""
        if part.kind != BYTES:
            return [part.value]
        refs, position = [], part.start
        while position < part.stop:
            ref, position = varint(self.body, position)
            refs.append(ref)
        return refs

    def _pairs_of_one(self, labels: Sequence[Field]) -> Pairs:
        return pairs_of(b"".join(write_bytes(1, self.body[each.start : each.stop]) for each in labels))

    def _pairs_of_two(self, labels: Sequence[Field], symbols: Sequence[bytes]) -> Pairs:
        key = named_by([ref for each in labels for ref in self._refs(each)], symbols)
        return list(zip(key[::2], key[1::2], strict=True))

    def _examples(self, series: Named, exemplars: Sequence[Slice], labels: Callable[[Sequence[Field]], Pairs]) -> None:
        found = []
        for begin, end in exemplars:
            try:
                made = labelled_exemplar.written(self.body, list(fields(self.body, begin, end)), labels)
            except Refused as reason:
                self.refusals.remark(series.metric, str(reason))
                continue
            if made is None:
                self.untraced_exemplars += 1
            else:
                found.append(made)
        if found:
            self._exemplars.append((series, found))

    def carry_exemplars(self) -> None:
        """Give every exemplar a point, once all is read."""
        for series, exemplars in self._exemplars:
            if series.kind:
                carrier = labelled_exemplar.carrier(series.kind, series.labels, series.bounds, exemplars)
                _append(self._of(series, series.kind), carrier)
            else:
                self.refusals.remark(series.metric, NOT_KNOWN, len(exemplars))

    def _take(self, series: Named, samples: Sequence[Slice], histograms: Sequence[Slice], start: int) -> None:
        if samples:
            series.kind = SUM if series.rising else GAUGE
            points = self._of(series, series.kind)
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
            series.kind = EXPONENTIAL if found.bounds is None else EXPLICIT
            series.bounds = struct.pack(f"<{len(found.bounds)}d", *found.bounds) if found.bounds else b""
            _append(self._of(series, series.kind), found.point(series.labels))

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
