"""Which routes a pattern means."""

from __future__ import annotations

import pytest

from century.rules.routes import matching, problem

MATCHES = [
    ("the route itself", ["/pay"], "GET", "/pay", True),
    ("not what only begins so", ["/pay"], "GET", "/pay/now", False),
    ("what begins so, with a star", ["/pay*"], "POST", "/pay/now", True),
    ("a star in between", ["/users/*/orders"], "GET", "/users/{id}/orders", True),
    ("a star stands for slashes too", ["/api/*"], "GET", "/api/a/b/c", True),
    ("a star at the beginning", ["*/health"], "GET", "/x/health", True),
    ("everything", ["*"], "GET", "/anything", True),
    ("one of several", ["/cart", "/pay"], "GET", "/pay", True),
    ("by its method", ["POST /pay"], "POST", "/pay", True),
    ("not by another", ["POST /pay"], "GET", "/pay", False),
    ("what means something in an expression means itself", ["/a.b(c)+"], "GET", "/a.b(c)+", True),
    ("and nothing else", ["/a.b"], "GET", "/axb", False),
    ("no pattern means no route", [], "GET", "/", False),
    ("a route that is not known", ["*"], "", "", True),
]


@pytest.mark.parametrize(("told", "patterns", "method", "route", "expected"), MATCHES, ids=[row[0] for row in MATCHES])
def test_a_pattern_means_a_route(told: str, patterns: list[str], method: str, route: str, *, expected: bool) -> None:
    assert matching(patterns)(method, route) is expected


@pytest.mark.parametrize("pattern", ["/", "/pay*", "*", "POST /pay", "/users/{id}", "/ä"])
def test_a_pattern_is_fine(pattern: str) -> None:
    assert problem(pattern) is None


@pytest.mark.parametrize("pattern", ["", "pay", "get /pay", "GET  /pay", "GET pay", "/a b", "/\n", "/" * 201])
def test_a_pattern_is_refused(pattern: str) -> None:
    assert problem(pattern)
