"""One process's pipeline: SDK providers, their exporters, and what the middlewares tell them."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any

from opentelemetry import context, metrics, propagate, trace
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from century.client.door import Deliver
from century.client.export import Metrics, Spans
from century.client.host import observe_connections, observe_host

log = logging.getLogger("century.client")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"))
SCALE, BUCKETS = 5, 320
"""A quantile's relative error is 1.1 % over five octaves and 2.2 % over twenty: 0.3 ms to five minutes."""
SPANS_A_SECOND, SPANS_AT_ONCE = 20.0, 200.0
LAST_WORDS = 3.0
"""Seconds that the end of the process may wait for Century."""


class Told(BatchSpanProcessor):
    """Exports server spans that failed or were slow, at a bounded rate; the rest ends here."""

    def __init__(self, exporter: Spans, slow: float) -> None:
        super().__init__(exporter, schedule_delay_millis=2_000, max_export_batch_size=256)
        self._slow = int(slow * 1e9)
        self._allowed, self._at = SPANS_AT_ONCE, time.monotonic()
        self._lock = threading.Lock()

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it if it tells something."""
        if span.kind is not SpanKind.SERVER or span.end_time is None or span.start_time is None:
            return
        told = span.status.status_code is StatusCode.ERROR or span.end_time - span.start_time >= self._slow
        if told and self._admit():
            super().on_end(span)

    def _admit(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._allowed = min(SPANS_AT_ONCE, self._allowed + (now - self._at) * SPANS_A_SECOND)
            self._at = now
            if self._allowed < 1:
                return False
            self._allowed -= 1
            return True


class Pipeline:
    """Providers that live in one process, from its first request to its end."""

    def __init__(
        self,
        deliver: Deliver,
        attributes: Mapping[str, str],
        *,
        interval: float,
        slow: float,
        connections: Callable[[], Mapping[str, int]] | None,
    ) -> None:
        self.pid = os.getpid()
        self.slow = slow
        resource = Resource.create({"service.instance.id": f"{socket.gethostname()}:{self.pid}", **attributes})
        self._metrics, self._spans = Metrics(deliver), Spans(deliver)
        self._meters = MeterProvider(
            [PeriodicExportingMetricReader(self._metrics, export_interval_millis=interval * 1000)],
            resource,
            shutdown_on_exit=False,
            views=[
                View(
                    instrument_type=Histogram,
                    aggregation=ExponentialBucketHistogramAggregation(max_size=BUCKETS, max_scale=SCALE),
                )
            ],
            exemplar_filter=AlwaysOffExemplarFilter(),
        )
        self._tracers = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        self._tracers.add_span_processor(Told(self._spans, slow))
        self.tracer = self._tracers.get_tracer("century.client")
        meter = self._meters.get_meter("century.client")
        self.durations = meter.create_histogram("http.server.request.duration", "s", "Duration of HTTP server requests")
        observe_host(meter)
        if connections is not None:
            observe_connections(meter, connections)
        self.current = self._offer()

    def _offer(self) -> bool:
        """Be the global providers where none are set, so that other instrumentation of the application joins in."""
        if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            return False
        trace.set_tracer_provider(self._tracers)
        if type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider":
            metrics.set_meter_provider(self._meters)
        return True

    def flush(self, seconds: float) -> None:
        """Send what was measured until now."""
        self._meters.force_flush(int(seconds * 1000))
        self._tracers.force_flush(int(seconds * 1000))

    def stop(self) -> None:
        """Send the rest, for a few seconds at most."""
        self._metrics.outbox.end_by(LAST_WORDS)
        self._spans.outbox.end_by(LAST_WORDS)
        self._meters.shutdown(LAST_WORDS * 1000)
        self._tracers.shutdown()


class Watch:
    """What the middlewares talk to. Its pipeline starts in the process that first asks for it, after any fork."""

    def __init__(
        self,
        deliver: Deliver,
        attributes: Mapping[str, str],
        *,
        interval: float = 10.0,
        slow: float = 2.0,
        connections: Callable[[], Mapping[str, int]] | None = None,
    ) -> None:
        self._make: Callable[[], Pipeline] = lambda: Pipeline(
            deliver, attributes, interval=interval, slow=slow, connections=connections
        )
        self._pipeline: Pipeline | None = None
        self._lock = threading.Lock()
        self._broken = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._pipeline, self._lock, self._broken = None, threading.Lock(), False

    def start(self) -> Pipeline | None:
        """The process's pipeline; None if it could not be made, or has ended."""
        pipeline = self._pipeline
        if pipeline is not None or self._broken:
            return pipeline
        with self._lock:
            if self._pipeline is None and not self._broken:
                try:
                    self._pipeline = self._make()
                    atexit.register(self.stop)
                except Exception:
                    self._broken = True
                    log.exception("Century's instrumentation could not start; the application runs without it")
            return self._pipeline

    def stop(self) -> None:
        """Send the rest and end; requests after it are served unwatched."""
        with self._lock:
            pipeline, self._pipeline, self._broken = self._pipeline, None, True
        if pipeline is not None and pipeline.pid == os.getpid():
            atexit.unregister(self.stop)
            pipeline.stop()

    def flush(self, seconds: float = LAST_WORDS) -> None:
        """Send what was measured until now."""
        if self._pipeline is not None:
            self._pipeline.flush(seconds)


class Request:
    """One request under way: begun, then finished once."""

    __slots__ = ("_at", "_done", "_ended", "_pipeline", "_span", "_started", "_token", "method")

    def __init__(self, pipeline: Pipeline, method: str, carrier: Mapping[str, str]) -> None:
        self._pipeline = pipeline
        self.method = method if method in METHODS else "_OTHER"
        self._at = time.time_ns()
        self._started = time.perf_counter()
        self._ended: float | None = None
        self._done = False
        parent = propagate.extract(carrier) if "traceparent" in carrier else None
        self._span: Span = pipeline.tracer.start_span(self.method, parent, SpanKind.SERVER, start_time=self._at)
        self._token: Token[context.Context] | None = (
            context.attach(trace.set_span_in_context(self._span, parent)) if pipeline.current else None
        )

    def leave(self) -> None:
        """Let go of the context, where it was entered."""
        if self._token is not None:
            context.detach(self._token)
            self._token = None

    def sent(self) -> None:
        """The last byte of the answer is out: what comes after is not the caller's time."""
        self._ended = self._ended or time.perf_counter()

    def finish(
        self, status: int | None, route: str | None, error: BaseException | None, tell: Callable[[], dict[str, Any]]
    ) -> None:
        """Record it; `tell` gives the span's further attributes, asked only if the span will be read."""
        if self._done:
            return
        self._done = True
        duration = (self._ended or time.perf_counter()) - self._started
        attributes: dict[str, str | int] = {"http.request.method": self.method}
        if route is not None:
            attributes["http.route"] = route
        if status is not None:
            attributes["http.response.status_code"] = status
        failed = error is not None or (status is not None and status >= 500)
        if failed:
            attributes["error.type"] = _name(error) if error is not None else str(status)
        self._pipeline.durations.record(duration, attributes)
        if failed or duration >= self._pipeline.slow:
            self._describe(attributes, route, error, tell)
        self._span.end(self._at + int(duration * 1e9))

    def _describe(
        self,
        attributes: dict[str, str | int],
        route: str | None,
        error: BaseException | None,
        tell: Callable[[], dict[str, Any]],
    ) -> None:
        span = self._span
        if route is not None:
            span.update_name(f"{self.method} {route}")
        span.set_attributes({**tell(), **attributes})
        if "error.type" in attributes:
            said = str(error)[:1000] if error is not None else ""
            span.set_status(Status(StatusCode.ERROR, said))
            if error is not None:
                span.add_event("exception", {"exception.type": _name(error), "exception.message": said})


def _name(error: BaseException) -> str:
    kind = type(error)
    return (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
