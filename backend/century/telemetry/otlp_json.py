"""OTLP as JSON, written again as protobuf: one way in, and both encodings mean the same.

Protobuf's JSON with OTLP's exceptions: ids as hexadecimal digits, enums as numbers, 64-bit numbers as text or numbers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec

from century.telemetry.json_messages import (
    AnyValue,
    Buckets,
    Exemplar,
    KeyValue,
    Metric,
    MetricsRequest,
    Point,
    Real,
    Resource,
    Scope,
    Span,
    Status,
    TracesRequest,
    Whole,
)
from century.telemetry.wire import (
    Malformed,
    write_bytes,
    write_double,
    write_fixed,
    write_number,
    write_varint,
)

# An exemplar that is found broken where it is read, so that its point is kept.
UNREADABLE = write_bytes(5, b"?")

_metrics = msgspec.json.Decoder(MetricsRequest)
_traces = msgspec.json.Decoder(TracesRequest)


def metrics(body: bytes) -> bytes:
    """A metrics request in protobuf's wire format; raises `Malformed`."""
    return _guarded(
        lambda: _all(
            1,
            _metrics.decode(body).resource_metrics,
            lambda each: (
                _resource(each.resource)
                + _all(2, each.scope_metrics, lambda scope: _scope(scope.scope) + _all(2, scope.metrics, _metric))
            ),
        )
    )


def traces(body: bytes) -> bytes:
    """A traces request in protobuf's wire format; raises `Malformed`."""
    return _guarded(
        lambda: _all(
            1,
            _traces.decode(body).resource_spans,
            lambda each: (
                _resource(each.resource)
                + _all(2, each.scope_spans, lambda scope: _scope(scope.scope) + _all(2, scope.spans, _span))
            ),
        )
    )


def _guarded(write: Callable[[], bytes]) -> bytes:
    try:
        return write()
    except msgspec.DecodeError as error:
        raise Malformed(f"the JSON does not fit the protocol: {error}") from None
    except (ValueError, OverflowError, RecursionError):
        raise Malformed("the JSON holds a number or an id that cannot be read") from None


def _all(number: int, messages: list[Any], write: Callable[[Any], bytes]) -> bytes:
    return b"".join([write_bytes(number, write(each)) for each in messages])


def _text(number: int, said: str) -> bytes:
    return write_bytes(number, said.encode()) if said else b""


def _whole(value: Whole, bits: int = 64) -> int:
    whole = int(value)
    if not -(1 << (bits - 1)) <= whole < 1 << bits:
        raise ValueError(value)
    return whole


def _signed(value: Whole) -> int:
    whole = _whole(value, 32)
    return (whole << 1) ^ (whole >> 31)


def _double(number: int, value: Real | None) -> bytes:
    return b"" if value is None else write_double(number, float(value))


def _time(number: int, value: Whole) -> bytes:
    whole = _whole(value)
    return write_fixed(number, whole) if whole else b""


def _resource(resource: Resource | None) -> bytes:
    return b"" if resource is None else write_bytes(1, _attributes(1, resource.attributes))


def _scope(scope: Scope | None) -> bytes:
    return b"" if scope is None else write_bytes(1, _text(1, scope.name) + _text(2, scope.version))


def _attributes(number: int, pairs: list[KeyValue]) -> bytes:
    return _all(
        number, pairs, lambda pair: _text(1, pair.key) + (write_bytes(2, _value(pair.value)) if pair.value else b"")
    )


def _value(value: AnyValue) -> bytes:
    if value.string_value is not None:
        return write_bytes(1, value.string_value.encode())
    if value.bool_value is not None:
        return write_varint(2 << 3) + write_varint(value.bool_value)
    if value.int_value is not None:
        return write_varint(3 << 3) + write_varint(_whole(value.int_value))
    if value.double_value is not None:
        return write_double(4, float(value.double_value))
    if value.array_value is not None:
        return write_bytes(5, _all(1, value.array_value.values, _value))
    if value.kvlist_value is not None:
        return write_bytes(6, _attributes(1, value.kvlist_value.values))
    if value.bytes_value is not None:
        return write_bytes(7, base64.b64decode(value.bytes_value))
    return b""


def _metric(metric: Metric) -> bytes:
    head = _text(1, metric.name) + _text(2, metric.description) + _text(3, metric.unit)
    writers = (
        (5, metric.gauge, _number),
        (7, metric.sum, _number),
        (9, metric.histogram, _histogram),
        (10, metric.exponential_histogram, _exponential),
        (11, metric.summary, lambda _: b""),
    )
    for number, points, write in writers:
        if points is not None:
            rest = write_number(2, _whole(points.aggregation_temporality)) + write_number(3, points.is_monotonic)
            return head + write_bytes(number, _all(1, points.data_points, write) + rest)
    return head


def _times(point: Point) -> bytes:
    return _time(2, point.start_time_unix_nano) + _time(3, point.time_unix_nano)


def _number(point: Point) -> bytes:
    value = b"" if point.as_int is None else write_fixed(6, _whole(point.as_int))
    flags = write_number(8, _whole(point.flags, 32))
    said = _times(point) + _double(4, point.as_double) + value + _attributes(7, point.attributes) + flags
    return said + _all(5, point.exemplars, _exemplar)


def _fixed_list(number: int, values: list[Whole]) -> bytes:
    return write_bytes(number, b"".join(_whole(each).to_bytes(8, "little") for each in values)) if values else b""


def _histogram(point: Point) -> bytes:
    bounds = b"".join(write_double(1, float(each))[1:] for each in point.explicit_bounds)
    return b"".join(
        (
            _times(point),
            write_fixed(4, _whole(point.count)),
            _double(5, point.sum),
            _fixed_list(6, point.bucket_counts),
            write_bytes(7, bounds) if bounds else b"",
            _attributes(9, point.attributes),
            write_number(10, _whole(point.flags, 32)),
            _double(11, point.min),
            _double(12, point.max),
            _all(8, point.exemplars, _exemplar),
        )
    )


def _exponential(point: Point) -> bytes:
    zero = _whole(point.zero_count)
    return b"".join(
        (
            _attributes(1, point.attributes),
            _times(point),
            write_fixed(4, _whole(point.count)),
            _double(5, point.sum),
            write_number(6, _signed(point.scale)),
            write_fixed(7, zero) if zero else b"",
            _buckets(8, point.positive),
            _buckets(9, point.negative),
            write_number(10, _whole(point.flags, 32)),
            _double(12, point.min),
            _double(13, point.max),
            _all(11, point.exemplars, _exemplar),
        )
    )


def _exemplar(exemplar: Exemplar) -> bytes:
    try:
        return b"".join(
            (
                _time(2, exemplar.time_unix_nano),
                _double(3, exemplar.as_double),
                b"" if exemplar.as_int is None else write_fixed(6, _whole(exemplar.as_int)),
                write_bytes(4, _id(exemplar.span_id, 8)) if exemplar.span_id else b"",
                write_bytes(5, _id(exemplar.trace_id, 16)) if exemplar.trace_id else b"",
            )
        )
    except (ValueError, OverflowError):
        return UNREADABLE


def _buckets(number: int, buckets: Buckets | None) -> bytes:
    if buckets is None:
        return b""
    counts = b"".join(write_varint(_whole(each)) for each in buckets.bucket_counts)
    return write_bytes(number, write_number(1, _signed(buckets.offset)) + (write_bytes(2, counts) if counts else b""))


def _id(said: str, size: int) -> bytes:
    try:
        raw = bytes.fromhex(said)
    except ValueError:
        raw = b""
    if len(raw) != size:
        # Not hexadecimal digits: protobuf's own JSON has base64 here.
        try:
            raw = base64.b64decode(said, validate=True)
        except binascii.Error:
            raise ValueError(said) from None
    return raw


def _span(span: Span) -> bytes:
    status = span.status or Status()
    return b"".join(
        (
            write_bytes(1, _id(span.trace_id, 16)),
            write_bytes(2, _id(span.span_id, 8)),
            _text(5, span.name),
            write_number(6, _whole(span.kind)),
            _time(7, span.start_time_unix_nano),
            _time(8, span.end_time_unix_nano),
            _attributes(9, span.attributes),
            _all(
                11,
                span.events,
                lambda event: _time(1, event.time_unix_nano) + _text(2, event.name) + _attributes(3, event.attributes),
            ),
            write_bytes(15, _text(2, status.message) + write_number(3, _whole(status.code))),
        )
    )
