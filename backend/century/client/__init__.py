"""What a watched application imports: a thin set-up of OpenTelemetry's own SDK.

    from century.client import instrument

    app = instrument(app, service="shop", endpoint="https://century.example.org", key="cpt_monitor_…")

It imports nothing else of Century, starts in the process that serves the first request, and neither slows nor breaks
the application when Century is away.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any, TypeVar, cast

from century.client.asgi import Asgi
from century.client.door import HttpDoor, checked_endpoint, checked_key
from century.client.failure import listen
from century.client.watch import Watch
from century.client.wsgi import Wsgi

__all__ = ["instrument"]

App = TypeVar("App")
LONGEST_NAME = 200


def instrument(
    app: App,
    *,
    service: str,
    endpoint: str,
    key: str,
    version: str | None = None,
    environment: str | None = None,
    resource: Mapping[str, str] | None = None,
    interval: float = 10.0,
    slow: float = 2.0,
    route: Callable[[MutableMapping[str, Any]], str | None] | None = None,
    connections: Callable[[], Mapping[str, int]] | None = None,
) -> App:
    """The same ASGI or WSGI application, sending what it does to Century.

    `interval` is seconds between exports; a server span longer than `slow` seconds, or failed, is sent as well.
    `route` names a request's route template from its ASGI scope or WSGI environ where the framework does not say;
    `connections` tells the database pool's connections by state, e.g. `{"used": 3, "idle": 7}`.
    Raises ValueError or TypeError, with a sentence, for arguments that cannot work.
    """
    door = HttpDoor(checked_endpoint(endpoint), checked_key(key))
    attributes = describe(service, version, environment, resource)
    if not isinstance(interval, int | float) or not 0.1 <= interval <= 3600:
        raise ValueError(f"interval is {interval!r}: give the seconds between two exports, from 0.1 to 3600")
    if not isinstance(slow, int | float) or not slow > 0:
        raise ValueError(f"slow is {slow!r}: give the seconds from which a request counts as slow")
    asgi = speaks_asgi(app)
    watch = Watch(door, attributes, interval=interval, slow=slow, connections=connections)
    listen(app)
    return cast(App, Asgi(app, watch, route) if asgi else Wsgi(app, watch, route))


def describe(
    service: str, version: str | None, environment: str | None, resource: Mapping[str, str] | None
) -> dict[str, str]:
    """The resource attributes of a service, checked."""
    if not isinstance(service, str) or not service.strip():
        raise ValueError("service is empty: give the name under which Century shows this application")
    if len(service) > LONGEST_NAME:
        raise ValueError(f"service has {len(service)} characters: a name has at most {LONGEST_NAME}")
    attributes = dict(resource or {})
    for name, value in attributes.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"resource holds {name!r}: {value!r}, but takes text for text")
    attributes["service.name"] = service
    if version is not None:
        attributes["service.version"] = version
    if environment is not None:
        attributes["deployment.environment.name"] = environment
    return attributes


def speaks_asgi(app: object) -> bool:
    """Whether it is called as ASGI 3 (True) or as WSGI (False); TypeError for neither."""
    if isinstance(app, Asgi | Wsgi):
        raise TypeError("the application is instrumented already")
    if not callable(app):
        raise TypeError(f"app is {type(app).__name__}: give an ASGI or WSGI application, which can be called")
    called: Any = app
    while isinstance(called, partial):
        called = called.func
    method = called if inspect.isroutine(called) else type(called).__call__
    if inspect.iscoroutinefunction(method):
        return True
    try:
        wanted = [
            parameter
            for parameter in inspect.signature(app).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        wanted = []
    if len(wanted) in (2, 3):
        return len(wanted) == 3
    raise TypeError(f"{type(app).__name__} is neither ASGI (scope, receive, send) nor WSGI (environ, start_response)")
