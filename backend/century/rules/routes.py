"""Patterns of routes: "/pay*" is every route that begins so, "POST /pay" one route by one method."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import re2  # type: ignore[import-untyped]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
LONGEST = 200
MOST = 50


def problem(pattern: str) -> str | None:
    """What is wrong with a pattern, if anything is."""
    method, space, route = pattern.rpartition(" ")
    if not pattern or len(pattern) > LONGEST:
        return f"a route pattern has 1 to {LONGEST} characters, like /pay or /api/*"
    if not pattern.isprintable() or " " in method:
        return f"{pattern!r} is not a route pattern: write a route like /pay, /api/* or POST /pay"
    if space and method not in METHODS:
        return f"{method!r} in {pattern!r} is not a method: write GET, POST and so on in capitals, or the route alone"
    if not route.startswith(("/", "*")):
        return f"the route in {pattern!r} must begin with / (or with *, which stands for anything)"
    return None


def matching(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Whether a (method, route) is one of those that the patterns mean; without patterns none is."""
    if not patterns:
        return lambda method, route: False
    parts = []
    for pattern in patterns:
        method, _, route = pattern.rpartition(" ")
        said = ".*".join(re2.escape(part) for part in route.split("*"))
        parts.append(f"{re2.escape(method) if method else '[^ ]*'} {said}")
    options = re2.Options()
    options.dot_nl = True
    compiled = re2.compile("|".join(f"(?:{part})" for part in parts), options)
    return lambda method, route: compiled.fullmatch(f"{method} {route}") is not None
