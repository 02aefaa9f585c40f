"""OTLP's messages as their JSON has them; fields that are not read here are passed over, as the protocol wants."""

from __future__ import annotations

import msgspec

Whole = int | str
Real = float | int | str


class Message(msgspec.Struct, rename="camel", gc=False):
    """Unknown fields are passed over, as the protocol wants."""


class AnyValue(Message):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Whole | None = None
    double_value: Real | None = None
    bytes_value: str | None = None
    array_value: ArrayValue | None = None
    kvlist_value: KeyValueList | None = None


class KeyValue(Message):
    key: str = ""
    value: AnyValue | None = None


class ArrayValue(Message):
    values: list[AnyValue] = []


class KeyValueList(Message):
    values: list[KeyValue] = []


class Resource(Message):
    attributes: list[KeyValue] = []


class Scope(Message):
    name: str = ""
    version: str = ""


class Buckets(Message):
    offset: Whole = 0
    bucket_counts: list[Whole] = []


class Exemplar(Message):
    time_unix_nano: Whole = 0
    as_double: Real | None = None
    as_int: Whole | None = None
    span_id: str = ""
    trace_id: str = ""


class Point(Message):
    """A data point of any kind."""

    attributes: list[KeyValue] = []
    start_time_unix_nano: Whole = 0
    time_unix_nano: Whole = 0
    as_double: Real | None = None
    as_int: Whole | None = None
    count: Whole = 0
    sum: Real | None = None
    bucket_counts: list[Whole] = []
    explicit_bounds: list[Real] = []
    scale: Whole = 0
    zero_count: Whole = 0
    positive: Buckets | None = None
    negative: Buckets | None = None
    flags: Whole = 0
    min: Real | None = None
    max: Real | None = None
    exemplars: list[Exemplar] = []


class Points(Message):
    data_points: list[Point] = []
    aggregation_temporality: Whole = 0
    is_monotonic: bool = False


class Metric(Message):
    name: str = ""
    description: str = ""
    unit: str = ""
    gauge: Points | None = None
    sum: Points | None = None
    histogram: Points | None = None
    exponential_histogram: Points | None = None
    summary: Points | None = None


class ScopeMetrics(Message):
    scope: Scope | None = None
    metrics: list[Metric] = []


class ResourceMetrics(Message):
    resource: Resource | None = None
    scope_metrics: list[ScopeMetrics] = []


class MetricsRequest(Message):
    resource_metrics: list[ResourceMetrics] = []


class Status(Message):
    code: Whole = 0
    message: str = ""


class Event(Message):
    name: str = ""
    time_unix_nano: Whole = 0
    attributes: list[KeyValue] = []


class Span(Message):
    trace_id: str = ""
    span_id: str = ""
    name: str = ""
    kind: Whole = 0
    start_time_unix_nano: Whole = 0
    end_time_unix_nano: Whole = 0
    attributes: list[KeyValue] = []
    events: list[Event] = []
    status: Status | None = None


class ScopeSpans(Message):
    scope: Scope | None = None
    spans: list[Span] = []


class ResourceSpans(Message):
    resource: Resource | None = None
    scope_spans: list[ScopeSpans] = []


class TracesRequest(Message):
    resource_spans: list[ResourceSpans] = []
