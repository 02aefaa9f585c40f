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
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
        if error:
            attributes["error.type"] = error
        now = time.time_ns()
        point = {
            "attributes": _pairs(attributes),
            "startTimeUnixNano": str(now - 1_000_000_000),
            "timeUnixNano": str(now),
            "count": "1",
            "sum": seconds,
            "bucketCounts": [str(int(seconds <= bound)) for bound in (0.1,)] + [str(int(seconds > 0.1))],
            "explicitBounds": [0.1],
            "min": seconds,
            "max": seconds,
        }
        histogram = {"aggregationTemporality": 1, "dataPoints": [point]}
        metric = {"name": "http.server.request.duration", "unit": "s", "histogram": histogram}
        self._post("metrics", {"resourceMetrics": [self._with({"scopeMetrics": [{"metrics": [metric]}]})]})
        number = next(numbers)
        span = {
            "traceId": f"{number:032x}",
            "spanId": f"{number:016x}",
            "name": f"{method} {route}",
            "kind": 2,
            "startTimeUnixNano": str(now - int(seconds * 1e9)),
            "endTimeUnixNano": str(now),
            "attributes": _pairs(attributes | {"url.path": route}),
            "status": {"code": 2, "message": "told by hand"} if error else {},
        }
        self._post("traces", {"resourceSpans": [self._with({"scopeSpans": [{"spans": [span]}]})]})

    def _with(self, rest: dict[str, Any]) -> dict[str, Any]:
        return {"resource": {"attributes": _pairs({"service.name": self.service})}} | rest

    def _post(self, signal: str, body: dict[str, Any]) -> None:
        headers = {"authorization": f"Bearer {self.key}"}
        httpx.post(f"{self.address}/v1/{signal}", json=body, headers=headers, timeout=20).raise_for_status()


def _pairs(attributes: dict[str, str | int]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in attributes.items()
    ]
