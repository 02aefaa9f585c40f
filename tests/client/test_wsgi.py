"""Real WSGI applications, instrumented, as seen by a receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import django
import httpx
import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from flask import Flask

from tests.client.receiver import Receiver, plain

Watched = Callable[..., Any]


def ask(app: Any, *paths: str) -> list[int]:
    with httpx.Client(
        transport=httpx.WSGITransport(app, raise_app_exceptions=False), base_url="http://shop.test"
    ) as client:
        return [client.get(each).status_code for each in paths]


def bare(environ: Any, start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/breaks":
        raise LookupError("no such parcel")
    if environ["PATH_INFO"] == "/breaks-later":
        return broken(start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"page"]


def broken(start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    raise ConnectionError("database went away")


def test_a_plain_application(watched: Watched, receiver: Receiver) -> None:
    app = watched(bare, route=lambda environ: "/customers/{id}" if "customers" in environ["PATH_INFO"] else None)
    assert ask(app, "/customers/1", "/customers/2", "/other") == [200, 200, 200]
    with pytest.raises(LookupError):
        ask(app, "/breaks")
    with pytest.raises(ConnectionError):
        ask(app, "/breaks-later")
    app.watch.flush()

    get = {"http.request.method": "GET"}
    by_count = sorted(receiver.durations(), key=lambda point: str(sorted(point[0].items(), key=str)))
    assert by_count == sorted(
        [
            (get | {"http.route": "/customers/{id}", "http.response.status_code": 200}, 2),
            (get | {"http.response.status_code": 200}, 1),
            (get | {"http.response.status_code": 500, "error.type": "LookupError"}, 1),
            (get | {"http.response.status_code": 200, "error.type": "ConnectionError"}, 1),
        ],
        key=lambda point: str(sorted(point[0].items(), key=str)),
    )
    assert {span.status.message for span in receiver.spans()} == {"no such parcel", "database went away"}
    assert {plain(span.attributes)["url.path"] for span in receiver.spans()} == {"/breaks", "/breaks-later"}


def flask() -> Any:
    app = Flask("shop")

    @app.get("/parcels/<int:number>")
    def parcel(number: int) -> str:
        return str(number)

    @app.get("/breaks")
    def breaks() -> str:
        raise LookupError("no such parcel")

    return app


def django_application() -> Any:
    def parcel(request: HttpRequest, number: int) -> HttpResponse:
        return HttpResponse(str(number))

    def breaks(request: HttpRequest) -> HttpResponse:
        raise LookupError("no such parcel")

    if not settings.configured:
        urls = type("urls", (), {"urlpatterns": [path("parcels/<int:number>", parcel), path("breaks", breaks)]})
        settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY="test", LOGGING_CONFIG=None)
        django.setup()
    return get_wsgi_application()


@pytest.mark.parametrize(
    ("make", "template", "failing"),
    [(flask, "/parcels/<int:number>", "/breaks"), (django_application, "/parcels/<int:number>", "/breaks")],
)
def test_frameworks_tell_template_and_exception(
    watched: Watched, receiver: Receiver, make: Callable[[], Any], template: str, failing: str
) -> None:
    app = watched(make())
    assert ask(app, "/parcels/1", "/parcels/2", "/breaks", "/nowhere") == [200, 200, 500, 404]
    app.watch.flush()
    assert {
        (point.get("http.route"), point["http.response.status_code"], point.get("error.type"), count)
        for point, count in receiver.durations()
    } == {(template, 200, None, 2), (failing, 500, "LookupError", 1), (None, 404, None, 1)}
    (span,) = receiver.spans()
    assert span.status.message == "no such parcel"


def test_an_answer_is_measured_to_its_last_piece_once(watched: Watched, receiver: Receiver) -> None:
    closed: list[bool] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            yield b"one"
            yield b"two"

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return Pieces()

    inner = watched(app)
    pieces = inner({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None)
    iterator = iter(pieces)
    assert next(iterator) == b"one"
    inner.watch.flush()
    assert receiver.durations() == [], "not before its end"
    pieces.close()
    inner.watch.flush()
    assert closed == [True]
    assert [count for _, count in receiver.durations()] == [1]
