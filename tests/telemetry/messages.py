"""OTLP requests made with the official classes."""

from __future__ import annotations

import time
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SECOND = 1_000_000_000


def pairs(said: dict[str, Any]) -> list[KeyValue]:
    """Attributes."""
    made = []
    for key, value in said.items():
        pair = KeyValue(key=key)
        match value:
            case bool():
                pair.value.bool_value = value
            case int():
                pair.value.int_value = value
            case float():
                pair.value.double_value = value
            case list():
                for each in value:
                    pair.value.array_value.values.add().string_value = each
            case _:
                pair.value.string_value = value
        made.append(pair)
    return made


class Metrics:
    """A metrics request of one service, metric by metric."""

    def __init__(self, service: str | None = "shop", now: int | None = None, **resource: Any) -> None:
        self.message = ExportMetricsServiceRequest()
        self.now = now or time.time_ns()
        self.resource(service, **resource)

    def resource(self, service: str | None, **resource: Any) -> Metrics:
        """Another service in the same request."""
        holder = self.message.resource_metrics.add()
        named = {key.replace("__", "."): value for key, value in resource.items()}
        holder.resource.attributes.extend(pairs(({"service.name": service} if service else {}) | named))
        self.scope = holder.scope_metrics.add()
        self.scope.scope.name = "tests"
        return self

    def metric(self, name: str) -> Metric:
        metric = self.scope.metrics.add()
        metric.name = name
        metric.unit = "s"
        return metric

    def gauge(self, name: str, *values: float, at: int | None = None, **said: Any) -> Metrics:
        points = self.metric(name).gauge.data_points
        for place, value in enumerate(values):
            point = points.add(time_unix_nano=self.now if at is None else at, as_double=value)
            point.attributes.extend(pairs({"place": str(place), **said}))
        return self

    def sum(self, name: str, value: int, temporality: int = 1, monotonic: bool = True, **said: Any) -> Metrics:
        total = self.metric(name).sum
        total.aggregation_temporality = temporality  # type: ignore[assignment]
        total.is_monotonic = monotonic
        point = total.data_points.add(
            start_time_unix_nano=self.now - 10 * SECOND, time_unix_nano=self.now, as_int=value
        )
        point.attributes.extend(pairs(said))
        return self

    def histogram(
        self, name: str, counts: list[int], bounds: list[float], temporality: int = 1, **point: Any
    ) -> Metrics:
        histogram = self.metric(name).histogram
        histogram.aggregation_temporality = temporality  # type: ignore[assignment]
        fields = {"count": sum(counts), "sum": 1.5, "min": 0.1, "max": 0.9} | point
        histogram.data_points.add(
            start_time_unix_nano=self.now - 10 * SECOND,
            time_unix_nano=self.now,
            bucket_counts=counts,
            explicit_bounds=bounds,
            **fields,
        ).attributes.extend(pairs({"http.route": "/orders"}))
        return self

    def sketch(self, name: str, counts: list[int], temporality: int = 1, **point: Any) -> Metrics:
        histogram = self.metric(name).exponential_histogram
        histogram.aggregation_temporality = temporality  # type: ignore[assignment]
        fields = {"zero_count": 2, "scale": 3, "sum": 1.5, "min": 0.1, "max": 0.9} | point
        made = histogram.data_points.add(
            start_time_unix_nano=self.now - 10 * SECOND,
            time_unix_nano=self.now,
            **({"count": sum(counts) + fields["zero_count"]} | fields),
        )
        made.attributes.extend(pairs({"http.route": "/orders"}))
        made.positive.offset = -20
        made.positive.bucket_counts.extend(counts)
        return self

    def __bytes__(self) -> bytes:
        return self.message.SerializeToString()


def traces(*spans: Span, service: str = "shop") -> ExportTraceServiceRequest:
    """A traces request of one service."""
    message = ExportTraceServiceRequest()
    holder = message.resource_spans.add()
    holder.resource.attributes.extend(pairs({"service.name": service}))
    holder.scope_spans.add().spans.extend(spans)
    return message


def span(number: int, seconds: float = 0.1, error: str = "", kind: int = Span.SPAN_KIND_SERVER, **said: Any) -> Span:
    """A span that ended just now; attributes are named with __ for each dot."""
    end = time.time_ns() - SECOND
    made = Span(
        trace_id=number.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        name="GET /orders",
        kind=kind,  # type: ignore[arg-type]
        start_time_unix_nano=end - int(seconds * SECOND),
        end_time_unix_nano=end,
    )
    made.attributes.extend(pairs({key.replace("__", "."): value for key, value in said.items()}))
    if error:
        made.status.code = 2  # type: ignore[assignment]
        made.status.message = error
    return made
