"""What `century.client` adds to a request: CPU time of an ASGI application with and without it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Any

from century.client import instrument
from tests.client.receiver import receiving

REQUESTS, LIMIT_MICROSECONDS = 10_000, 200.0
HEADERS = [(b"host", b"shop"), (b"user-agent", b"bench"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip")]


async def page(scope: Any, receive: Any, send: Any) -> None:
    """The least an application does."""
    scope["path_template"] = "/parcels/{number}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


async def cost(app: Any) -> float:
    """Microseconds of CPU a request."""

    async def receive() -> dict[str, str]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        pass

    began = time.process_time()
    for _ in range(REQUESTS):
        scope = {"type": "http", "method": "GET", "path": "/parcels/7", "scheme": "http", "http_version": "1.1"}
        rest = {
            "headers": HEADERS,
            "client": ("127.0.0.1", 1),
            "server": ("shop", 80),
            "query_string": b"",
            "root_path": "",
        }
        await app(scope | rest, receive, send)
    return (time.process_time() - began) / REQUESTS * 1e6


def main() -> None:
    """Print the figures; exit 1 where a request costs too much."""
    bare = asyncio.run(cost(page))
    with receiving() as receiver:
        app: Any = instrument(page, service="shop", endpoint=receiver.address, key="cpt_monitor_0123456789")
        asyncio.run(cost(app))
        added = asyncio.run(cost(app)) - bare
        app.watch.stop()
    print(f"century.client adds                     {added:6.0f} µs  of {LIMIT_MICROSECONDS:.0f}")
    with contextlib.suppress(ImportError):
        for name, left_out in (("without send and receive spans", ["receive", "send"]), ("as it comes", None)):
            print(f"OpenTelemetry's ASGI, {name:30}{published(left_out) - bare:6.0f} µs")
    if added > LIMIT_MICROSECONDS:
        raise SystemExit(1)


def published(left_out: list[str] | None) -> float:
    """Microseconds a request with the middleware that OpenTelemetry publishes, where it is installed."""
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    app = OpenTelemetryMiddleware(
        page,
        tracer_provider=TracerProvider(),
        meter_provider=MeterProvider([InMemoryMetricReader()]),
        exclude_spans=left_out,
    )
    asyncio.run(cost(app))
    return asyncio.run(cost(app))


if __name__ == "__main__":
    main()
