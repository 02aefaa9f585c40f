"""OTLP's metrics, read from the wire into columns (opentelemetry-proto 1.x, `ExportMetricsServiceRequest`).

A point's attributes are not parsed: as they lie on the wire they are the key of a dictionary that leads to the series.
Only what was never seen before is taken apart. Numbers are gathered from their places by numpy, all at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from century.telemetry import pointwise
from century.telemetry.batch import Batch
from century.telemetry.identity import (
    LONGEST_NAME,
    Form,
    Kind,
    Refused,
    Source,
    Stream,
    attributes,
    clean,
    scope_name,
    shown_bounds,
    source,
)
from century.telemetry.points import Gathered, again
from century.telemetry.pointwise import Exemplars
from century.telemetry.recall import Memory
from century.telemetry.refusals import Refusals
from century.telemetry.wire import BYTES, Malformed, TooMany, fields, repeated, varint

MOST_POINTS = 200_000
MOST_METRICS = 50_000
LARGEST_HEAD = 16_384
MOST_STREAMS = 50_000
GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY = 5, 7, 9, 10, 11
KINDS = {number << 3 | BYTES: number for number in (GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY)}
DELTA, CUMULATIVE = 1, 2
# How a sum reads, by whether it is cumulative and monotonic.
TOTALS = {
    (False, True): Form.NUMBER,
    (False, False): Form.DELTA,
    (True, True): Form.CUMULATIVE,
    (True, False): Form.NUMBER,
}
# So that a look behind the last byte finds an end instead of an error.
PADDING = bytes(512)

StreamKey = tuple[bytes, int, int, int, bytes]


@dataclass(slots=True)
class ScopeEntry:
    name: str
    streams: dict[StreamKey, Stream] = field(default_factory=dict)


@dataclass(slots=True)
class ResourceEntry:
    source: Source
    scopes: dict[bytes, ScopeEntry] = field(default_factory=dict)


class Catalogue:
    """What was seen before, by the bytes that said it; forgotten as a whole when it grows too large."""

    def __init__(self) -> None:
        self.resources: dict[bytes, ResourceEntry] = {}
        self.memory = Memory()
        self.size = 0

    def grow(self, said: int = 0) -> None:
        """One more is known, by so many bytes."""
        self.size += 1 + said // 256
        if self.size > 2 * MOST_STREAMS:
            raise TooMany(f"one request may open {MOST_STREAMS} metrics and sets of buckets")

    def trim(self) -> None:
        """Between requests: forget everything when there are too many streams (they are found again in the tables)."""
        if self.size > MOST_STREAMS:
            # A new dictionary: a large request that is being read in a thread keeps its own.
            self.resources = {}
            self.memory = Memory()
            self.size = 0


def read(body: bytes, catalogue: Catalogue, now: int) -> Batch:
    """The points of a request, those that are wrong refused; `now` in nanoseconds. Raises `Malformed`, `TooMany`."""
    known = catalogue.memory.find(body)
    if known:
        batch = again(known, body + PADDING, now)
        if batch:
            return batch
    reader = _Reader(body, catalogue)
    reader.walk()
    batch = reader.gathered.finish(reader.body, now, reader.odd_number, reader.odd_sketch)
    if not known and reader.gathered.is_plain(batch):
        catalogue.memory.keep(body, batch.block.numbers.series, reader.gathered.begins, batch.services, batch.owners)
    return batch


class _Reader:
    __slots__ = ("body", "catalogue", "gathered", "metrics", "points", "refusals", "size")

    def __init__(self, body: bytes, catalogue: Catalogue) -> None:
        self.body = body + PADDING
        self.size = len(body)
        self.catalogue = catalogue
        self.refusals = Refusals()
        self.gathered = Gathered(self.refusals)
        self.points = self.metrics = 0

    def walk(self) -> None:
        for part in fields(self.body, 0, self.size):
            if part.number == 1 and part.kind == BYTES:
                self._resource(part.start, part.stop)

    def _resource(self, start: int, stop: int) -> None:
        parts = list(fields(self.body, start, stop))
        raw = b"".join(self.body[each.start : each.stop] for each in parts if each.number == 1 and each.kind == BYTES)
        entry = self.catalogue.resources.get(raw)
        refused = ""
        if entry is None:
            try:
                entry = ResourceEntry(source(raw))
                self.catalogue.resources[raw] = entry
                self.catalogue.grow(len(raw))
            except Refused as reason:
                entry, refused = ResourceEntry(Source("", "")), str(reason)
        for each in parts:
            if each.number == 2 and each.kind == BYTES:
                self._scope(each.start, each.stop, entry, refused)

    def _scope(self, start: int, stop: int, resource: ResourceEntry, refused: str) -> None:
        begins, ends, others = repeated(self.body, start, stop, "metrics", MOST_METRICS, 0x12)
        raw = b"".join(self.body[each.start : each.stop] for each in others if each.number == 1 and each.kind == BYTES)
        entry = resource.scopes.get(raw)
        if entry is None:
            try:
                entry = ScopeEntry(scope_name(raw))
                resource.scopes[raw] = entry
                self.catalogue.grow(len(raw))
            except Refused as reason:
                entry, refused = ScopeEntry(""), refused or str(reason)
        self.metrics += 1 + len(begins)
        if self.metrics > MOST_METRICS:
            raise TooMany(f"one request may hold {MOST_METRICS} metrics")
        for begin, end in zip(begins, ends, strict=True):
            self._metric(begin, end, resource.source, entry, refused)

    def _metric(self, start: int, stop: int, origin: Source, scope: ScopeEntry, refused: str) -> None:
        body = self.body
        # As SDKs write it: name, description and unit, each short, then the data up to the end.
        position = start
        for tag in (0x0A, 0x12, 0x1A):
            if body[position] == tag and body[position + 1] < 0x80:
                position += 2 + body[position + 1]
        kind = KINDS.get(body[position], 0)
        data, data_stop = varint(body, position + 1) if kind else (0, 0)
        data, data_stop = data_stop, data_stop + data
        head = body[start:position]
        if data_stop != stop or not kind:
            head, kind, data, data_stop = _parts(body, start, stop)
            if not kind:
                return
        begins, ends, others = repeated(body, data, data_stop, "data points", MOST_POINTS)
        self.points += len(begins)
        if self.points > MOST_POINTS:
            raise TooMany(f"one request may hold {MOST_POINTS} data points")
        temporality = monotonic = 0
        for other in others:
            if other.number == 2:
                temporality = other.value
            elif other.number == 3:
                monotonic = other.value
        key = (head, kind, temporality, monotonic, b"")
        try:
            if refused:
                raise Refused(refused)
            if kind == GAUGE or kind == SUM:
                stream = scope.streams.get(key) or self._stream(origin, scope, key)
                self._numbers(stream, begins, ends)
            elif kind == EXPONENTIAL:
                stream = scope.streams.get(key) or self._stream(origin, scope, key)
                self._sketches(stream, begins, ends)
            elif kind == HISTOGRAM:
                self._explicits(origin, scope, key, begins, ends)
            else:
                raise Refused("summaries cannot be merged; send a histogram")
        except Refused as reason:
            self.refusals.add(_name(head), str(reason), len(begins))

    def _stream(self, origin: Source, scope: ScopeEntry, key: StreamKey) -> Stream:
        head, number, temporality, monotonic, bounds = key
        if len(head) > LARGEST_HEAD:
            raise Refused(f"its name, unit and description take more than {LARGEST_HEAD} bytes")
        said = {part.number: head[part.start : part.stop] for part in fields(head, 0, len(head)) if part.kind == BYTES}
        try:
            name, description, unit = (clean(said.get(each, b"").decode()) for each in (1, 2, 3))
        except UnicodeDecodeError:
            raise Malformed("a metric's name is not UTF-8") from None
        if not name or len(name) > LONGEST_NAME:
            raise Refused(f"a metric's name must have 1 to {LONGEST_NAME} characters")
        if number != GAUGE and temporality not in (DELTA, CUMULATIVE):
            raise Refused("its aggregation temporality must be delta or cumulative")
        cumulative = temporality == CUMULATIVE
        match number:
            case 5:
                kind, form = Kind.GAUGE, Form.NUMBER
            case 7:
                # A cumulative total that may fall is read as it stands, like a gauge: where a reset lies is not told.
                kind, form = Kind.SUM, TOTALS[cumulative, bool(monotonic)]
            case 10:
                kind, form = Kind.HISTOGRAM, Form.CUMULATIVE_SKETCH if cumulative else Form.SKETCH
            case _:
                kind, form = Kind.HISTOGRAM, Form.CUMULATIVE_EXPLICIT if cumulative else Form.EXPLICIT
        stream = Stream(
            service=origin.service,
            instance=origin.instance,
            scope=scope.name,
            metric=name,
            unit=unit[:LONGEST_NAME],
            description=description[:1024],
            kind=kind,
            monotonic=kind is Kind.SUM and bool(monotonic),
            form=form,
            bounds=shown_bounds(bounds) if number == HISTOGRAM else None,
        )
        scope.streams[key] = stream
        self.catalogue.grow(len(head) + len(bounds))
        return stream

    def _numbers(self, stream: Stream, begins: list[int], ends: list[int]) -> None:
        body, known = self.body, stream.ids.get
        # With a start (tag 0x11) the attributes begin 27 bytes in, without it 18; `finish` checks that it is so.
        ids = [
            known(body[begin + 27 : end] if body[begin] == 0x11 else body[begin + 18 : end], 0)
            for begin, end in zip(begins, ends, strict=True)
        ]
        if 0 in ids:
            for place, number in enumerate(ids):
                if not number:
                    self.odd_number(stream, begins[place], ends[place])
        self.gathered.numbers(stream, ids, begins, ends)

    def odd_number(self, stream: Stream, begin: int, end: int) -> None:
        """A number point of an uncommon layout, or of a series not seen before."""
        try:
            read = pointwise.odd_number(self.body, begin, end)
        except Refused as reason:
            self.refusals.add(stream.metric, str(reason))
            return
        if read is None:
            self._alone(stream, *pointwise.alone(self.body, begin, end, 7, 5))
        else:
            key, at, start, value, exemplars = read
            series = self._series(stream, key)
            if series:
                self.gathered.number(stream, series, at, start, value, exemplars)

    def odd_sketch(self, stream: Stream, begin: int, end: int) -> None:
        """A point of an exponential histogram of an uncommon layout."""
        try:
            read = pointwise.odd_sketch(self.body, begin, end)
        except Refused as reason:
            self.refusals.add(stream.metric, str(reason))
            return
        if read is None:
            self._alone(stream, *pointwise.alone(self.body, begin, end, 1, 11))
        else:
            key, sketch = read
            series = self._series(stream, key)
            if series:
                self.gathered.sketch(stream, series, sketch)

    def _alone(self, stream: Stream, key: bytes, _bounds: bytes, exemplars: Exemplars) -> None:
        """Keep the exemplars of a point that says that no value was recorded."""
        if exemplars and (series := self._series(stream, key)):
            self.gathered.alone(stream, series, exemplars)

    def _series(self, stream: Stream, key: bytes) -> int:
        """The series of a point, a negative stand-in for a new one, 0 for one that is refused."""
        series = stream.ids.get(key) or self.gathered.pending(stream, key)
        if series:
            return series
        try:
            return self.gathered.discover(stream, key, attributes(key))
        except Refused as reason:
            self.refusals.add(stream.metric, str(reason))
            return 0

    def _sketches(self, stream: Stream, begins: list[int], ends: list[int]) -> None:
        body, known = self.body, stream.ids.get
        ids: list[int] = []
        places: list[int] = []
        for begin, end in zip(begins, ends, strict=True):
            position = begin
            # The attributes lie in front.
            while position < end and body[position] == 0x0A:
                length = body[position + 1]
                if length > 127:
                    length, position = varint(body, position + 1)
                    position += length
                else:
                    position += 2 + length
            if position > end:
                raise Malformed("an attribute is cut off")
            places.append(position)
            ids.append(known(body[begin:position], 0))
        if 0 in ids:
            for place, number in enumerate(ids):
                if not number:
                    ids[place] = self._series(stream, body[begins[place] : places[place]])
        self.gathered.sketches(stream, ids, begins, places, ends)

    def _explicits(self, origin: Source, scope: ScopeEntry, of: StreamKey, begins: list[int], ends: list[int]) -> None:
        body, keep = self.body, self.gathered.explicit
        last, stream = None, None
        for begin, end in zip(begins, ends, strict=True):
            try:
                read = pointwise.usual_explicit(body, begin, end) or pointwise.odd_explicit(body, begin, end)
            except Refused as reason:
                self.refusals.add(_name(of[0]), str(reason))
                continue
            if read is None:
                key, bounds, exemplars = pointwise.alone(body, begin, end, 9, 8)
                if not exemplars:
                    continue
            else:
                key, bounds, start, at, count, total, counts, low, high, exemplars = read
            if stream is None or bounds != last:
                whole = (*of[:4], bounds)
                try:
                    stream, last = scope.streams.get(whole) or self._stream(origin, scope, whole), bounds
                except Refused as reason:
                    self.refusals.add(_name(of[0]), str(reason))
                    stream = None
                    continue
            series = self._series(stream, key)
            if series and read is None:
                self.gathered.alone(stream, series, exemplars)
            elif series:
                keep(stream, series, start, at, count, total, counts, low, high, exemplars)


def _parts(body: bytes, start: int, stop: int) -> tuple[bytes, int, int, int]:
    """A metric in whatever order: name, description and unit as they lie on the wire, the kind of data and its slice."""
    heads: list[bytes] = []
    before, kind, data, data_stop = start, 0, start, start
    for part in fields(body, start, stop):
        if part.number <= 3:
            heads.append(body[before : part.stop])
        elif part.kind == BYTES and GAUGE <= part.number <= SUMMARY:
            kind, data, data_stop = part.number, part.start, part.stop
        before = part.stop
    return b"".join(heads), kind, data, data_stop


def _name(head: bytes) -> str:
    """A metric's name for a sentence, whatever is wrong with it."""
    return next(
        (
            head[part.start : part.stop].decode(errors="replace")
            for part in fields(head, 0, len(head))
            if part.number == 1
        ),
        "",
    )
