"""A tiny OTLP/HTTP receiver: what the client sends, decoded by OpenTelemetry's own classes."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def plain(attributes: Any) -> dict[str, str | int | float]:
    """OTLP's key-value list as a dict."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


@dataclass
class Receiver:
    """What arrived so far; `status` is what it answers."""

    address: str = ""
    status: int = 200
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        with self.changed:
            self.headers.append(headers)
            self.bodies.append(body)
            if self.status == 200:
                message = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
                if path == "/v1/metrics":
                    self.metrics.append(ExportMetricsServiceRequest.FromString(message))
                elif path == "/v1/traces":
                    self.traces.append(ExportTraceServiceRequest.FromString(message))
            self.changed.notify_all()
            return self.status

    def resources(self) -> list[dict[str, str | int | float]]:
        return [plain(entry.resource.attributes) for batch in self.metrics for entry in batch.resource_metrics]

    def named(self, name: str) -> Iterator[Metric]:
        """Every metric of this name, in order of arrival."""
        for batch in self.metrics:
            for resource in batch.resource_metrics:
                for scope in resource.scope_metrics:
                    yield from (metric for metric in scope.metrics if metric.name == name)

    def spans(self) -> list[Span]:
        return [
            span
            for batch in self.traces
            for resource in batch.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def durations(self) -> list[tuple[dict[str, str | int | float], int]]:
        """(attributes, count) of each point of http.server.request.duration."""
        return [
            (plain(point.attributes), point.count)
            for metric in self.named("http.server.request.duration")
            for point in metric.exponential_histogram.data_points
        ]


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver on 127.0.0.1 until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    receiver.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
