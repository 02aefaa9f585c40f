"""What subjects are called: one text, one subject."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from century.rules.subject import METHOD, ROUTE, subject_of

Attributes = tuple[tuple[str, str], ...]
NAMED: list[tuple[str, str | None, Attributes, str]] = [
    ("a service", "checkout", (), "checkout"),
    ("nothing in particular", None, (), "everything"),
    ("a group", "checkout", (("queue", "mail"),), "checkout queue=mail"),
    ("a group of a group", "checkout", (("queue", "mail"), ("region", "eu")), "checkout queue=mail region=eu"),
    ("a group without a value", "checkout", (("queue", ""),), "checkout queue="),
    ("a route", "checkout", ((METHOD, "GET"), (ROUTE, "/pay/{id}")), "checkout GET /pay/{id}"),
    ("a route of all methods", "checkout", ((ROUTE, "/pay"),), "checkout /pay"),
    ("a route that does not begin with a slash", "checkout", ((ROUTE, "pay/"),), "checkout pay/"),
    ("a method of all routes", "checkout", ((METHOD, "GET"),), "checkout GET"),
    ("a method of no route", "checkout", ((METHOD, "GET"), (ROUTE, "")), "checkout GET"),
    ("a route of no method", "checkout", ((METHOD, ""), (ROUTE, "/pay")), "checkout /pay"),
    ("a value with dashes, dots and colons", "a.b-c", (("at", "x:1/y\\z"),), "a.b-c at=x:1/y\\z"),
    ("a service that looks like a group of another", "a k=v", (), '"a k=v"'),
    ("a service with a space", "check out", (), '"check out"'),
    ("a service with quotes", '"a"', (), r'"\"a\""'),
    ("a value with a space", "a", (("k", "v w=x"),), 'a k="v w=x"'),
    ("a value with quotes and a backslash", "a", (("k", 'say "\\"'),), r'a k="say \"\\\""'),
    ("a value of two lines", "a", (("k", "x\ny"),), r'a k="x\ny"'),
    ("a key with an equals sign", "a", (("k=l", "v"),), 'a "k=l"=v'),
    ("a route with a space", "a", ((ROUTE, "/x y"),), 'a "/x y"'),
    ("a route of no method that looks like a method", "a", ((METHOD, ""), (ROUTE, "GET")), "a http.route=GET"),
    ("a method that looks like a route", "a", ((METHOD, "/"), (ROUTE, "")), "a http.request.method=/"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "attributes", "text"), [row[1:] for row in NAMED], ids=[row[0] for row in NAMED])
def test_it_is_called(service: str | None, attributes: Attributes, text: str) -> None:
    found = subject_of(service, attributes)
    assert (found.text, found.service, found.attributes) == (text, service, attributes)


WORDS = st.text(alphabet='ab= "\\/\n', max_size=5)
KEYS = st.lists(st.sampled_from(["k", "a b", "k=v", METHOD, ROUTE]), unique=True, max_size=3)


@given(st.data(), KEYS)
def test_another_subject_has_another_text(data: st.DataObject, keys: list[str]) -> None:
    one, other = ((data.draw(WORDS.filter(bool)), tuple((key, data.draw(WORDS)) for key in keys)) for _ in range(2))
    assert (subject_of(*one).text == subject_of(*other).text) == (one == other)
