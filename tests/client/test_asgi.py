"""Real ASGI applications, instrumented, as seen by a receiver."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from litestar import Litestar, get, post
from litestar.params import FromPath
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from tests.client.conftest import KEY
from tests.client.receiver import Receiver, plain

Watched = Callable[..., Any]


@get("/accounts/{number:int}")
async def account(number: FromPath[int]) -> dict[str, int]:
    return {"number": number}


@post("/payments", status_code=201)
async def pay() -> None:
    raise LookupError("card 4711 is unknown")


@get("/gone", status_code=503)
async def gone() -> str:
    return "later"


def litestar() -> Litestar:
    return Litestar([account, pay, gone], openapi_config=None, logging_config=None)


async def ask(app: Any, *paths: tuple[str, str], headers: dict[str, str] | None = None) -> list[int]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        return [(await client.request(method, path, headers=headers)).status_code for method, path in paths]


async def test_durations_carry_method_route_status_and_error(watched: Watched, receiver: Receiver) -> None:
    app = watched(litestar())
    said = await ask(
        app,
        ("GET", "/accounts/7"),
        ("GET", "/accounts/8"),
        ("POST", "/payments"),
        ("GET", "/gone"),
        ("GET", "/nowhere"),
    )
    assert said == [200, 200, 500, 503, 404]
    app.watch.flush()

    points = sorted(receiver.durations(), key=lambda point: str(point[0]))
    get_account = {"http.request.method": "GET", "http.route": "/accounts/{number}", "http.response.status_code": 200}
    payment = {"http.request.method": "POST", "http.route": "/payments", "http.response.status_code": 500}
    away = {"http.request.method": "GET", "http.route": "/gone", "http.response.status_code": 503}
    assert points == sorted(
        [
            (get_account, 2),
            (payment | {"error.type": "LookupError"}, 1),
            (away | {"error.type": "503"}, 1),
            ({"http.request.method": "GET", "http.response.status_code": 404}, 1),
        ],
        key=lambda point: str(point[0]),
    )


async def test_durations_are_delta_exponential_histograms_in_seconds(watched: Watched, receiver: Receiver) -> None:
    app = watched(litestar())
    for _ in range(3):
        await ask(app, ("GET", "/accounts/7"))
        app.watch.flush()

    found = list(receiver.named("http.server.request.duration"))
    assert [metric.unit for metric in found] == ["s"] * 3
    points = [point for metric in found for point in metric.exponential_histogram.data_points]
    assert [point.count for point in points] == [1, 1, 1], "each export tells only what is new"
    assert {metric.exponential_histogram.aggregation_temporality for metric in found} == {
        AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    }
    assert all(4 <= point.scale <= 5 for point in points)
    assert all(0 < point.sum < 1 and point.min == point.max == point.sum for point in points)
    starts = [(point.start_time_unix_nano, point.time_unix_nano) for point in points]
    assert all(before[1] <= after[0] for before, after in pairwise(starts))
    assert not any(point.exemplars for point in points)


async def test_requests_reach_century_signed_and_compressed(watched: Watched, receiver: Receiver) -> None:
    app = watched(litestar(), version="1.4.2", environment="test", resource={"team": "taxes"})
    await ask(app, ("GET", "/accounts/7"))
    app.watch.flush()

    assert receiver.headers[0]["authorization"] == f"Bearer {KEY}"
    assert receiver.headers[0]["content-type"] == "application/x-protobuf"
    assert receiver.headers[0]["content-encoding"] == "gzip"
    resource = receiver.resources()[0]
    assert resource["service.name"] == "shop"
    assert resource["service.version"] == "1.4.2"
    assert resource["deployment.environment.name"] == "test"
    assert resource["team"] == "taxes"
    assert resource["service.instance.id"]


async def test_only_failed_and_slow_requests_send_a_span(watched: Watched, receiver: Receiver) -> None:
    app = watched(litestar())
    await ask(app, ("GET", "/accounts/7"), ("GET", "/nowhere"))
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    await ask(app, ("POST", "/payments?card=4711"), headers={"traceparent": trace, "user-agent": "probe/1"})
    app.watch.flush()

    (span,) = receiver.spans()
    assert span.name == "POST /payments"
    assert span.kind == Span.SPAN_KIND_SERVER
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.status.message == "card 4711 is unknown"
    assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c", "also where the caller did not sample"
    assert plain(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/payments",
        "http.response.status_code": 500,
        "error.type": "LookupError",
        "url.path": "/payments",
        "url.scheme": "http",
        "client.address": "127.0.0.1",
        "user_agent.original": "probe/1",
        "network.protocol.version": "1.1",
    }
    assert plain(span.events[0].attributes)["exception.type"] == "LookupError"


async def test_a_slow_request_sends_a_span(watched: Watched, receiver: Receiver) -> None:
    app = watched(litestar(), slow=0.000_001)
    await ask(app, ("GET", "/accounts/7"))
    app.watch.flush()
    (span,) = receiver.spans()
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert plain(span.attributes)["http.route"] == "/accounts/{number}"


async def test_process_and_machine_are_measured(watched: Watched, receiver: Receiver) -> None:
    app = watched(litestar(), connections=lambda: {"used": 3, "idle": 7})
    await ask(app, ("GET", "/accounts/7"))
    sum(number * number for number in range(200_000))
    app.watch.flush()

    for name in ("process.cpu.utilization", "system.cpu.utilization", "system.memory.utilization"):
        (metric,) = receiver.named(name)
        (point,) = metric.gauge.data_points
        assert metric.unit == "1"
        assert 0 < point.as_double <= 1, name
    (memory,) = receiver.named("process.memory.usage")
    assert memory.unit == "By"
    assert not memory.sum.is_monotonic
    assert memory.sum.data_points[0].as_int > 10_000_000
    (connections,) = receiver.named("db.client.connection.count")
    assert {
        plain(point.attributes)["db.client.connection.state"]: point.as_int for point in connections.sum.data_points
    } == {
        "used": 3,
        "idle": 7,
    }


def starlette() -> Any:
    async def page(request: Any) -> PlainTextResponse:
        return PlainTextResponse("page")

    async def breaks(request: Any) -> PlainTextResponse:
        raise LookupError("no such parcel")

    nested = [Route("/{number}", page), Route("/{number}/map", breaks)]
    return Starlette(routes=[Route("/a/{name}", page), Mount("/parcels", routes=nested)])


def fastapi() -> Any:
    app = FastAPI()

    @app.get("/a/{name}")
    async def page(name: str) -> str:
        return name

    @app.get("/parcels/{number}")
    async def parcel(number: str) -> str:
        return number

    @app.get("/parcels/{number}/map")
    async def breaks(number: str) -> str:
        raise LookupError("no such parcel")

    return app


@pytest.mark.parametrize("make", [starlette, fastapi])
async def test_other_frameworks_tell_their_templates(
    watched: Watched, receiver: Receiver, make: Callable[[], Any]
) -> None:
    app = watched(make())
    assert await ask(app, ("GET", "/a/b"), ("GET", "/parcels/12"), ("GET", "/parcels/12/map"), ("GET", "/no")) == [
        200,
        200,
        500,
        404,
    ]
    app.watch.flush()
    assert {(point.get("http.route"), point.get("error.type")) for point, _ in receiver.durations()} == {
        ("/a/{name}", None),
        ("/parcels/{number}", None),
        ("/parcels/{number}/map", "LookupError"),
        (None, None),
    }


async def test_a_path_is_never_a_route(watched: Watched, receiver: Receiver) -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body", "body": b"x"})

    app = watched(bare)
    await ask(app, *[("GET", f"/customers/{number}") for number in range(50)], ("BREW", "/pot"))
    app.watch.flush()
    assert sorted(receiver.durations(), key=lambda point: point[1]) == [
        ({"http.request.method": "_OTHER", "http.response.status_code": 200}, 1),
        ({"http.request.method": "GET", "http.response.status_code": 200}, 50),
    ]


async def test_the_hook_names_the_route(watched: Watched, receiver: Receiver) -> None:
    async def bare(scope: Any, receive: Any, send: Any) -> None:
        scope["found"] = "/customers/{id}"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = watched(bare, route=lambda scope: scope["found"])
    await ask(app, ("GET", "/customers/7"))
    app.watch.flush()
    assert [point["http.route"] for point, _ in receiver.durations()] == ["/customers/{id}"]


async def live(app: Any, receiver: Receiver) -> list[tuple[str, int]]:
    """A whole life: startup, a request, shutdown. What the server heard, and how many requests were told by then."""
    inbox = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    said: list[tuple[str, int]] = []

    async def hear() -> dict[str, str]:
        if inbox[0]["type"] == "lifespan.shutdown":
            await ask(app, ("GET", "/accounts/7"))
        return inbox.pop(0)

    async def tell(message: Any) -> None:
        said.append((message["type"], sum(count for _, count in receiver.durations())))

    await app({"type": "lifespan", "app": app, "state": {}}, hear, tell)
    return said


async def raising(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "nothing else is known here"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def returning(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await raising(scope, receive, send)


@pytest.mark.parametrize("make", [litestar, starlette, lambda: raising, lambda: returning])
async def test_the_rest_is_sent_before_the_end_is_complete(
    watched: Watched, receiver: Receiver, make: Callable[[], Any]
) -> None:
    app = watched(make())
    assert await live(app, receiver) == [("lifespan.startup.complete", 0), ("lifespan.shutdown.complete", 1)]
    assert (await ask(app, ("GET", "/accounts/7")))[0] in (200, 404), "served on, unwatched"


async def test_an_application_that_fails_to_start_fails_as_it_would_alone(watched: Watched, receiver: Receiver) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise LookupError("no configuration")

    with pytest.raises(LookupError):
        await live(watched(failing), receiver)
