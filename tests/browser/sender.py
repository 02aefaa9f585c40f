"""What a watched service sends, told by hand: requests as one histogram and one server span each."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import httpx

numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends over OTLP/HTTP in JSON, as any SDK may."""

    address: str
    key: str
    service: str

    def request(self, route: str, *, seconds: float, status: int = 200, method: str = "GET", error: str = "") -> None:
        """One request, finished just now."""
        self.requests(1, route, seconds=seconds, status=status, method=method, error=error)
        now = time.time_ns()
        number = next(numbers)
        span = {
            "traceId": f"{number:032x}",
            "spanId": f"{number:016x}",
            "name": f"{method} {route}",
            "kind": 2,
            "startTimeUnixNano": str(now - int(seconds * 1e9)),
            "endTimeUnixNano": str(now),
            "attributes": _pairs(_attributes(route, status, method, error) | {"url.path": route}),
            "status": {"code": 2, "message": "told by hand"} if error else {},
        }
        self._post("traces", {"resourceSpans": [self._with({"scopeSpans": [{"spans": [span]}]})]})

    def requests(
        self, count: int, route: str, *, seconds: float, status: int = 200, method: str = "GET", error: str = ""
    ) -> None:
        """So many requests alike, in one histogram, finished just now."""
        now = time.time_ns()
        point = {
            "attributes": _pairs(_attributes(route, status, method, error)),
            "startTimeUnixNano": str(now - 1_000_000_000),
            "timeUnixNano": str(now),
            "count": str(count),
            "sum": seconds * count,
            "bucketCounts": [str(count * (seconds <= 0.1)), str(count * (seconds > 0.1))],
            "explicitBounds": [0.1],
            "min": seconds,
            "max": seconds,
        }
        histogram = {"aggregationTemporality": 1, "dataPoints": [point]}
        metric = {"name": "http.server.request.duration", "unit": "s", "histogram": histogram}
        self._post("metrics", {"resourceMetrics": [self._with({"scopeMetrics": [{"metrics": [metric]}]})]})

    def _with(self, rest: dict[str, Any]) -> dict[str, Any]:
        return {"resource": {"attributes": _pairs({"service.name": self.service})}} | rest

    def _post(self, signal: str, body: dict[str, Any]) -> None:
        headers = {"authorization": f"Bearer {self.key}"}
        httpx.post(f"{self.address}/v1/{signal}", json=body, headers=headers, timeout=20).raise_for_status()


def _attributes(route: str, status: int, method: str, error: str) -> dict[str, str | int]:
    said: dict[str, str | int] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
    return said | {"error.type": error} if error else said


def _pairs(attributes: dict[str, str | int]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes.items()
    ]
