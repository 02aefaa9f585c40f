"""Thirty days that never were: telemetry as the client would have sent it, at a minute's resolution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span, Status

from century.demo.store import CONNECTIONS
from century.demo.traffic import CHARGE, INQUIRE, PAGES, PAY, PAYMENTS, PROPERTY, SERVICE, UNKNOWN, Page
from century.demo.weather import DAY, PEAK, RELEASES, VERSION, Weather, weather

DAYS, STEP, STRETCH = 30, 60, 6 * 3600
"""Days, seconds between points, and seconds of them in a batch."""
SCALE = 4
SPANS_A_STRETCH = 12
SLOW = 2.0
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Attributes = dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Batch:
    """One request to make: its path and body."""

    path: str
    body: bytes


def stretches(end: int) -> list[int]:
    """Unix seconds at which each batch of the past begins, oldest first; `end` is when it ends."""
    return list(range(end - DAYS * DAY, end, STRETCH))


def batches(begin: int, end: int, memory: float = 0.3) -> Iterator[Batch]:
    """What both services sent from `begin` on, the same bytes whenever it is asked for.

    `memory` is the share in use on this machine, so that the chart runs on where the past ends.
    """
    rng = np.random.default_rng([begin, end])
    at: Ints = np.arange(begin + STEP, min(begin + STRETCH, end) + 1, STEP)
    sky = [weather(float(second) - STEP / 2, end) for second in at]
    site = _Story(SERVICE, at, rng)
    for page in PAGES:
        _visit(site, page, sky)
    _resources(site, sky, end, busy=0.04, memory=memory)
    yield site.metrics()
    payments = _Story(PAYMENTS, at, rng)
    failing = np.array([moment.payments_failing for moment in sky])
    count = rng.poisson([moment.rate * PAY.share * STEP for moment in sky])
    failed = rng.binomial(count, failing)
    payments.durations(CHARGE, count - failed, np.ones(len(at)), CHARGE.status, None)
    payments.durations(CHARGE, failed, np.full(len(at), 3.0), 503, "503")
    _resources(payments, sky, end, busy=0.015, memory=memory)
    yield payments.metrics()
    for story in (site, payments):
        if story.spans:
            yield story.traces()


def _visit(site: _Story, page: Page, sky: list[Weather]) -> None:
    slower = np.array([moment.database if page.database else 1.0 for moment in sky])
    count = site.rng.poisson([moment.rate * page.share * STEP for moment in sky])
    share = np.array([moment.database_failing if page.database else 0.0002 for moment in sky])
    status, error = 500, "sqlite3.OperationalError"
    if page is PAY:
        share, status, error = (
            np.array([moment.payments_failing for moment in sky]),
            502,
            "century.demo.website.Declined",
        )
    elif page is INQUIRE:
        share = np.maximum(share, [moment.inquiries_failing for moment in sky])
    failed = site.rng.binomial(count, share)
    missing = site.rng.binomial(count - failed, UNKNOWN) if page is PROPERTY else np.zeros_like(count)
    site.durations(page, count - failed - missing, slower, page.status, None)
    site.durations(page, failed, slower * 1.6, status, error)
    site.durations(page, missing, slower * 0.5, 404, None)


def _resources(story: _Story, sky: list[Weather], end: int, *, busy: float, memory: float) -> None:
    load = np.array([moment.rate for moment in sky]) / PEAK
    noise = story.rng.normal(0, 0.0015, len(sky))
    trouble = np.array([min(moment.database, 8.0) - 1 for moment in sky])
    released = np.array([end - release.days_ago * DAY for release in RELEASES])
    last = np.searchsorted(released, story.at, side="right") - 1
    since = (story.at - np.where(last >= 0, released[last], end - 31 * DAY)) / DAY
    process = np.clip(0.006 + busy * load + 0.002 * trouble + noise, 0.001, 0.98)
    story.number("process.cpu.utilization", "1", process)
    story.number("system.cpu.utilization", "1", np.clip(process * 1.6 + 0.02 + np.abs(noise), 0.01, 0.99))
    story.number("system.memory.utilization", "1", np.clip(memory + 0.004 * since + 0.008 * load, 0.01, 0.97))
    story.number("process.memory.usage", "By", np.round((72 + 2 * since + 9 * load) * 2**20), up_down=True)
    if story.service == SERVICE:
        used = np.minimum(CONNECTIONS, np.round(2 * load + 0.6 * trouble))
        story.number("db.client.connection.count", "{connection}", used, up_down=True, state="used")
        story.number("db.client.connection.count", "{connection}", CONNECTIONS - used, up_down=True, state="idle")


class _Story:
    """One service's stretch of time, being told."""

    def __init__(self, service: str, at: Ints, rng: np.random.Generator) -> None:
        self.service = service
        self.at = at
        self.rng = rng
        self.spans: list[Span] = []
        self._resource = Resource(
            attributes=list(
                _pairs({"service.name": service, "service.version": VERSION, "service.instance.id": "demo-1"})
            )
        )
        self._metrics: dict[str, Metric] = {}

    def durations(self, page: Page, count: Ints, slower: Floats, status: int, error: str | None) -> None:
        """Draw so many log-normal durations a minute, and tell them as exponential histograms."""
        total = int(count.sum())
        if not total:
            return
        minute = np.repeat(np.arange(len(count)), count)
        seconds = np.exp(np.log(page.median) + page.spread * self.rng.normal(size=total)) * slower[minute]
        bucket = np.ceil(np.log2(seconds) * 2**SCALE).astype(np.int64) - 1
        low, high = int(bucket.min()), int(bucket.max())
        width = high - low + 1
        counts = np.bincount(minute * width + bucket - low, minlength=len(count) * width).reshape(-1, width)
        sums = np.bincount(minute, weights=seconds, minlength=len(count))
        told: Attributes = {
            "http.request.method": page.method,
            "http.route": page.route,
            "http.response.status_code": status,
        }
        if error is not None:
            told["error.type"] = error
        metric = self._named("http.server.request.duration", "s")
        metric.exponential_histogram.aggregation_temporality = DELTA
        attributes = list(_pairs(told))
        ends = np.cumsum(count)
        for row in np.flatnonzero(count).tolist():
            filled = np.flatnonzero(counts[row])
            first, last = int(filled[0]), int(filled[-1])
            mine = seconds[ends[row] - count[row] : ends[row]]
            nanoseconds = int(self.at[row]) * 10**9
            point = metric.exponential_histogram.data_points.add(
                start_time_unix_nano=nanoseconds - STEP * 10**9,
                time_unix_nano=nanoseconds,
                count=int(count[row]),
                sum=float(sums[row]),
                scale=SCALE,
                min=float(mine.min()),
                max=float(mine.max()),
                attributes=attributes,
            )
            point.positive.offset = low + first
            point.positive.bucket_counts.extend(counts[row, first : last + 1].tolist())
        self._read_about(told, minute, seconds, error)

    def _read_about(self, told: Attributes, minute: Ints, seconds: Floats, error: str | None) -> None:
        """A few of the failed and slow requests become server spans."""
        worth = np.arange(len(seconds)) if error is not None else np.flatnonzero(seconds >= SLOW)
        for chosen in self.rng.permutation(worth)[:SPANS_A_STRETCH].tolist():
            end = int((self.at[minute[chosen]] - self.rng.uniform(0, STEP)) * 1e9)
            path = str(told["http.route"]).replace("{parcel}", f"R{self.rng.integers(100, 999)}")
            path = path.replace("{number}", str(self.rng.integers(1000, 9999)))
            span = Span(
                trace_id=self.rng.bytes(16),
                span_id=self.rng.bytes(8),
                name=f"{told['http.request.method']} {told['http.route']}",
                kind=Span.SPAN_KIND_SERVER,
                start_time_unix_nano=end - int(seconds[chosen] * 1e9),
                end_time_unix_nano=end,
                attributes=list(
                    _pairs({**told, "url.path": path, "url.scheme": "http", "client.address": "127.0.0.1"})
                ),
            )
            if error is not None:
                said = (
                    "the payment service answered 503"
                    if told["http.response.status_code"] == 502
                    else "database is locked"
                )
                span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=said))
            self.spans.append(span)

    def number(self, name: str, unit: str, values: Floats, *, up_down: bool = False, state: str | None = None) -> None:
        """Tell a value a minute, as a gauge or as a sum that goes up and down."""
        metric = self._named(name, unit)
        if up_down:
            metric.sum.aggregation_temporality = CUMULATIVE
        points = metric.sum.data_points if up_down else metric.gauge.data_points
        attributes = list(_pairs({"db.client.connection.state": state})) if state else []
        for at, value in zip(self.at.tolist(), values.tolist(), strict=True):
            points.add(time_unix_nano=at * 10**9, as_double=value, attributes=attributes)

    def _named(self, name: str, unit: str) -> Metric:
        return self._metrics.setdefault(name, Metric(name=name, unit=unit))

    def metrics(self) -> Batch:
        """All that was told, as one request."""
        request = ExportMetricsServiceRequest()
        told = request.resource_metrics.add(resource=self._resource)
        told.scope_metrics.append(ScopeMetrics(metrics=self._metrics.values()))
        return Batch("/v1/metrics", request.SerializeToString())

    def traces(self) -> Batch:
        """The spans, as one request, in order of time."""
        request = ExportTraceServiceRequest()
        told = request.resource_spans.add(resource=self._resource)
        told.scope_spans.append(ScopeSpans(spans=sorted(self.spans, key=lambda span: span.end_time_unix_nano)))
        return Batch("/v1/traces", request.SerializeToString())


def _pairs(attributes: Attributes) -> Iterable[KeyValue]:
    for key, value in attributes.items():
        pair = KeyValue(key=key)
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value
        yield pair
