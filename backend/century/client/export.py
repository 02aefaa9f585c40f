"""OpenTelemetry exporters that keep what could not be delivered, newest first to stay, within a bound."""

from __future__ import annotations

import gzip
import math
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter, ObservableUpDownCounter, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from century.client.door import Deliver, Verdict, until

DELTA = AggregationTemporality.DELTA
CUMULATIVE = AggregationTemporality.CUMULATIVE
TEMPORALITY: dict[type, AggregationTemporality] = {
    Counter: DELTA,
    Histogram: DELTA,
    ObservableCounter: DELTA,
    UpDownCounter: CUMULATIVE,
    ObservableUpDownCounter: CUMULATIVE,
}
LONGEST_ATTEMPT = 5.0


class Outbox:
    """Batches in the order in which they were made; the oldest leave when there are too many."""

    def __init__(self, deliver: Deliver, path: str, most: int) -> None:
        self._deliver = deliver
        self._path = path
        self._waiting: deque[bytes] = deque(maxlen=most)
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self.deadline = math.inf
        """`time.monotonic` after which nothing more is tried."""

    def send(self, message: bytes) -> bool:
        """Deliver it after what waits; False if it must wait too."""
        if os.getpid() != self._pid:
            return True  # a forked child got the parent's numbers: the parent sends them
        with self._lock:
            self._waiting.append(gzip.compress(message, 6, mtime=0))
            return self._drain()

    def _drain(self) -> bool:
        while self._waiting:
            seconds = until(self.deadline, LONGEST_ATTEMPT)
            if not seconds or self._deliver(self._path, self._waiting[0], seconds).verdict is Verdict.AGAIN:
                return False
            self._waiting.popleft()
        return True

    def end_by(self, seconds: float) -> None:
        """Allow what is still to send only so long."""
        self.deadline = time.monotonic() + seconds


class Metrics(MetricExporter):
    """Metrics with delta temporality; about a quarter of an hour waits when Century is away."""

    def __init__(self, deliver: Deliver, most: int = 90) -> None:
        super().__init__(preferred_temporality=TEMPORALITY)
        self.outbox = Outbox(deliver, "/v1/metrics", most)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        """Encode and deliver."""
        taken = self.outbox.send(encode_metrics(metrics_data).SerializeToString())
        return MetricExportResult.SUCCESS if taken else MetricExportResult.FAILURE

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing beyond the outbox is held."""
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        """Nothing to close."""


class Spans(SpanExporter):
    """Server spans; a few batches wait when Century is away."""

    def __init__(self, deliver: Deliver, most: int = 8) -> None:
        self.outbox = Outbox(deliver, "/v1/traces", most)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode and deliver."""
        taken = self.outbox.send(encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS if taken else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Nothing to close."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing beyond the outbox is held."""
        return True
