"""A WSGI application, watched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

from century.client.failure import noted
from century.client.route import Find, bounded, wsgi_route
from century.client.watch import Request, Watch

Environ = MutableMapping[str, Any]


class Wsgi:
    """Stands in for the application: measures each request until its answer's last piece is taken."""

    def __init__(self, app: Any, watch: Watch, route: Find | None) -> None:
        self.app = app
        self.watch = watch
        self._find = route or wsgi_route

    def __getattr__(self, name: str) -> Any:
        if name == "app":  # not set yet, as when it is copied
            raise AttributeError(name)
        return getattr(self.app, name)

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Serve one request."""
        pipeline = self.watch.start()
        if pipeline is None:
            answer: Iterable[bytes] = self.app(environ, start_response)
            return answer
        measured = _Measured(self._find, environ, Request(pipeline, environ["REQUEST_METHOD"], _carrier(environ)))

        def started(line: str, headers: Any, exc_info: Any = None) -> Any:
            measured.begin(int(line[:3]))
            return start_response(line, headers, exc_info) if exc_info else start_response(line, headers)

        try:
            pieces: Iterable[bytes] = self.app(environ, started)
        except BaseException as error:
            measured.finish(error)
            raise
        finally:
            measured.request.leave()
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(pieces, wrapper):
            measured.finish()  # wrapped once more, the server could not send the file by itself
            return pieces
        return _Answer(pieces, measured)


class _Measured:
    """A request and what is known of its answer."""

    __slots__ = ("_environ", "_find", "_route", "_status", "request")

    def __init__(self, find: Find, environ: Environ, request: Request) -> None:
        self._find = find
        self._environ = environ
        self.request = request
        self._route: str | None = None
        self._status: int | None = None

    def begin(self, status: int) -> None:
        """The answer begins: frameworks know the route here, and some forget it afterwards."""
        self._status = status
        self._route = bounded(self._find, self._environ)

    def finish(self, error: BaseException | None = None) -> None:
        """Record the request."""
        status = self._status if error is None else self._status or 500
        if error is None and status is not None and status >= 500:
            error = noted(self._environ)
        self.request.finish(status, self._route or bounded(self._find, self._environ), error, self._about)

    def _about(self) -> dict[str, Any]:
        environ = self._environ
        about: dict[str, Any] = {
            "url.path": environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            "url.scheme": environ.get("wsgi.url_scheme", "http"),
        }
        if address := environ.get("REMOTE_ADDR"):
            about["client.address"] = address
        if agent := environ.get("HTTP_USER_AGENT"):
            about["user_agent.original"] = agent[:500]
        return about


class _Answer:
    """The answer's pieces; the request ends with the last of them, or when the server closes it."""

    def __init__(self, pieces: Iterable[bytes], measured: _Measured) -> None:
        self._pieces = pieces
        self._measured = measured

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except Exception as error:
            self._measured.finish(error)
            raise
        self._measured.finish()

    def close(self) -> None:
        """What the server calls at the end, also of an answer that was cut off."""
        try:
            if (close := getattr(self._pieces, "close", None)) is not None:
                close()
        finally:
            self._measured.finish()


def _carrier(environ: Environ) -> dict[str, str]:
    if "HTTP_TRACEPARENT" not in environ:
        return {}
    names = ("traceparent", "tracestate", "baggage")
    return {name: environ[f"HTTP_{name.upper()}"] for name in names if f"HTTP_{name.upper()}" in environ}
