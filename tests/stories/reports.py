"""What a watched service reports of its requests, as an exporter sends it every ten seconds."""

from __future__ import annotations

from datetime import datetime

from tests.telemetry.messages import SECOND, Metrics, pairs

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]


def report(
    service: str,
    *,
    good: int = 0,
    bad: int = 0,
    seconds: float = 0.08,
    route: str = "/pay",
    at: datetime | None = None,
) -> bytes:
    """A metrics request: so many requests of the last ten seconds went well, so many failed, each took so long."""
    message = Metrics(service, now=int(at.timestamp()) * SECOND if at else None)
    histogram = message.metric("http.server.request.duration").histogram
    histogram.aggregation_temporality = 1  # type: ignore[assignment]
    place = sum(bound < seconds for bound in BOUNDS)
    for status, count in ((200, good), (500, bad)):
        if count:
            point = histogram.data_points.add(
                start_time_unix_nano=message.now - 10 * SECOND,
                time_unix_nano=message.now,
                count=count,
                sum=count * seconds,
                min=seconds,
                max=seconds,
                bucket_counts=[count if each == place else 0 for each in range(len(BOUNDS) + 1)],
                explicit_bounds=BOUNDS,
            )
            said = {"http.request.method": "POST", "http.route": route, "http.response.status_code": status}
            point.attributes.extend(pairs(said))
    return bytes(message)
