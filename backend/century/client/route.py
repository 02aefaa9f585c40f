"""The route template of a request as its framework knows it, never the path itself: a path for every customer
would be a series for every customer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, MutableMapping
from importlib import import_module
from typing import Any

LONGEST = 200
Find = Callable[[MutableMapping[str, Any]], str | None]


class AsgiRoutes:
    """Litestar's, FastAPI's, Starlette's or Django's template from a scope that was served; None if none matched."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], str] = {}

    def __call__(self, scope: MutableMapping[str, Any]) -> str | None:
        if template := scope.get("path_template"):
            return str(template)
        route, endpoint = scope.get("route"), scope.get("endpoint")
        if route is None and endpoint is None:
            return _django(scope.get("path", "/"))
        place = id(route), id(endpoint)
        if route is not None and (known := self._known.get(place)):
            return known
        routes = getattr(scope.get("app"), "routes", ())
        template = _starlette(routes, route, endpoint, scope.get("path", "")) or getattr(route, "path", None)
        if route is not None and template:
            self._known[place] = template
        return template


def wsgi_route(environ: MutableMapping[str, Any]) -> str | None:
    """Flask's, Bottle's or Django's template from an environ that was served; None if none matched."""
    if (request := environ.get("werkzeug.request")) is not None:
        rule = getattr(request, "url_rule", None)
        return str(rule.rule) if rule is not None else None
    if (route := environ.get("bottle.route")) is not None:
        return str(route.rule)
    return _django(environ.get("PATH_INFO", "/"))


def bounded(find: Find, request: MutableMapping[str, Any]) -> str | None:
    """What `find` says, if it is a plausible template; a failing hook is no route."""
    try:
        route = find(request)
    except Exception:  # noqa: BLE001 - the hook is the application's, and its failure must not be the request's
        return None
    if not isinstance(route, str) or not route or len(route) > LONGEST:
        return None
    return route if route.startswith(("/", "^", "*")) else f"/{route}"


def _starlette(routes: Iterable[Any], route: Any, endpoint: Any, path: str, prefix: str = "") -> str | None:
    """The template of the route that was taken, mounts included.

    Older versions tell its endpoint only; where several routes lead there, it is the one that matches the path.
    """
    found: list[str] = []
    for each in routes:
        template = prefix + getattr(each, "path", "")
        if each is route:
            return template
        if deeper := _starlette(getattr(each, "routes", None) or (), route, endpoint, path, template):
            found.append(deeper)
        elif route is None and getattr(each, "endpoint", None) is endpoint:
            pattern = getattr(each, "path_regex", None)
            if pattern is not None and not prefix and pattern.match(path):
                return template
            found.append(template)
    return found[0] if found else None


def _django(path: str) -> str | None:
    """Asked from its resolver; the request that knew it is gone by now."""
    if "django.core.handlers.base" not in sys.modules or not import_module("django.conf").settings.configured:
        return None
    urls = import_module("django.urls")
    try:
        return str(urls.resolve(path).route) or "/"
    except urls.Resolver404:
        return None
