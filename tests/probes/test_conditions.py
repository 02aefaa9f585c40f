"""What an answer must say: what is read of a line, what is wrong with one, and what is wrong with an answer."""

from __future__ import annotations

import json
import time

import pytest

from century.probes.conditions import ConditionError, read, seconds
from century.probes.seen import Seen, heavy, unmet

JSON = (("content-type", "application/json"), ("x-node", "a1"))


def seen(body: object = "", latency: float = 0.1, cut: bool = False, *headers: tuple[str, str]) -> Seen:
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Seen((*JSON, *headers), raw, latency, cut)


HOLDS = [
    ("text that is there", "body contains all is well", "all is well"),
    ("text that is not", "body lacks error", "all is well"),
    ("an expression", "body matches ^all .* well$", "all is well"),
    ("a text in JSON", "json $.status == ok", {"status": "ok"}),
    ("a text in JSON, as JSON writes it", 'json $.status == "5"', {"status": "5"}),
    ("a number", "json $.left >= 5", {"left": 5.0}),
    ("one that is another", "json $.left != 5", {"left": 6}),
    ("true", "json $.ready == true", {"ready": True}),
    ("null", "json $.error == null", {"error": None}),
    ("true is not 1", "json $.ready != 1", {"ready": True}),
    ("all of several", "json $.parts[*].up == true", {"parts": [{"up": True}, {"up": True}]}),
    ("a filter with spaces", "json $.parts[?@.name == 'a b'].up == true", {"parts": [{"name": "a b", "up": True}]}),
    ("a name with brackets and spaces", "json $['a ]b'] exists", {"a ]b": 1}),
    ("something there", "json $.parts exists", {"parts": []}),
    ("nothing there", "json $.error lacks", {"parts": []}),
    ("a count in a filter", "json $[?count(@.*) > 1] exists", {"a": [1, 2]}),
    ("a header", "header X-Node == a1", ""),
    ("a header with a colon", "header X-Node: != a2", ""),
    ("a part of a header, in any case", "header content-type contains JSON", ""),
    ("a header that is there", "header x-node exists", ""),
    ("a header that is not", "header x-other lacks", ""),
    ("quick enough", "latency < 500ms", ""),
    ("several lines, an empty one among them", "body contains a\n\n  body contains b  ", "ab"),
    ("none", "", ""),
]


@pytest.mark.parametrize(("text", "body"), [row[1:] for row in HOLDS], ids=[row[0] for row in HOLDS])
def test_what_holds(text: str, body: object) -> None:
    assert unmet(read(text), seen(body)) is None


FAILS = [
    ("body contains ok", "no", "the body lacks “ok”"),
    ("body lacks Error", "an Error", "the body contains “Error”"),
    ("body matches ^ok$", "no", "the body does not match “^ok$”"),
    ("json $.status == ok", {"status": "degraded"}, "$.status is “degraded”, not “ok”"),
    ("json $.status == 5", {"status": "5"}, "$.status is “5”, not 5"),
    ("json $.status != down", {"status": "down"}, "$.status is “down”, not != “down”"),
    ("json $.left > 100", {"left": 3}, "$.left is 3, not > 100"),
    ("json $.left > 100", {"left": "many"}, "$.left is “many”, not > 100"),
    ("json $.left > 100", {"left": [200]}, "$.left is a list, not > 100"),
    ("json $.ready == 1", {"ready": True}, "$.ready is true, not 1"),
    ("json $.status == ok", {"state": "ok"}, "the answer has no $.status"),
    ("json $.status exists", {"state": "ok"}, "the answer has no $.status"),
    ("json $.error lacks", {"error": None}, "the answer has $.error"),
    ("json $.parts[*].up == true", {"parts": [{"up": True}, {"up": False}]}, "$.parts[*].up is false, not true"),
    ("json $.status == ok", "<html>", "the body is not JSON"),
    ("json $.status == ok", "  ", "the body is empty, not JSON"),
    ("json $.status == ok", b"\xff\xfe{", "the body is not JSON"),
    ("json $.status == ok", "[" * 100_000, "the body is not JSON"),
    ("json $[*] == 1", [1] * 1001, "the answer has more than 1000 of $[*]"),
    ("json $.a exists", '{"a":"' + "x" * 262_144 + '"}', "the body is longer than 256 KiB, which is too long for a JSON condition"),
    ("header x-node == b1", "", "the header x-node is “a1”, not “b1”"),
    ("header x-node != a1", "", "the header x-node is “a1”"),
    ("header x-node contains b", "", "the header x-node is “a1”, which lacks “b”"),
    ("header x-none == b1", "", "the answer has no header x-none"),
    ("header x-node lacks", "", "the answer has a header x-node"),
    ("latency < 50ms", "", "it answers in 100 ms, not < 50 ms"),
    ("latency > 2s", "", "it answers in 100 ms, not > 2 s"),
    ("body contains a\nbody contains b", "a", "the body lacks “b”"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "body", "said"), FAILS, ids=[f"{row[0]} {row[2]}"[:80] for row in FAILS])
def test_what_does_not_hold(text: str, body: object, said: str) -> None:
    assert unmet(read(text), seen(body)) == said


CUT = [
    ("body contains a", None),
    ("body contains b", "the body (of which the first 1 KiB were read) lacks “b”"),
    ("body lacks a", "the body contains “a”"),
    ("body lacks b", "whether the body (of which the first 1 KiB were read) lacks “b” cannot be said"),
    ("json $.a exists", "the body is longer than 256 KiB, which is too long for a JSON condition"),
    ("header x-node == a1", None),
]


@pytest.mark.parametrize(("text", "said"), CUT)
def test_a_body_that_was_cut(text: str, said: str | None) -> None:
    assert unmet(read(text), seen("a" * 1024, cut=True)) == said


def test_a_packed_body_is_not_looked_into() -> None:
    packed = seen(b"\x1f\x8b", 0.1, False, ("content-encoding", "gzip"))
    assert unmet(read("body contains a"), packed) == "the body comes packed (gzip), although that was not asked for"
    assert unmet(read("json $.a exists"), packed) == "the body comes packed (gzip), although that was not asked for"


WRONG = [
    ("status == 200", "line 1: a condition begins with body, json, header or latency, not with “status”"),
    ("body contains a\n\nbody has b", "line 3, place 6: after body comes one of contains lacks matches, not “has”"),
    ("body", "line 1, place 5: after body comes one of contains lacks matches, but nothing follows"),
    ("body contains", "line 1: what should it be? Nothing follows contains"),
    ("body matches (a", "line 1, place 14: not an RE2 expression: missing ): (a"),
    ("body matches (?=a)", "line 1, place 14: not an RE2 expression: invalid perl operator: (?="),
    ("json status == ok", "line 1, place 6: a JSON path begins with $, as in: json $.status == ok"),
    ("json $.a[ == ok", "line 1, place 11: not a JSON path: unexpected token '=' in bracketed selection"),
    ("json $.a. == ok", "line 1, place 10: not a JSON path: unexpected end of expression"),
    ("json $.a[?nope(@)] exists", "line 1, place 11: not a JSON path: function 'nope' is not defined"),
    ("json $.a[?match(@.b, 'c')] exists", "line 1, place 11: not a JSON path: function 'match' is not defined"),
    ("json $..[?@..b] exists", "line 1, place 6: a JSON path may hold one .. (not in a filter), no $ in a filter, and five commas"),
    ("json $[?count($.*) > 1] exists", "line 1, place 6: a JSON path may hold one .. (not in a filter), no $ in a filter, and five commas"),
    ("json $[*,*][*,*][*,*][*,*][*,*][*,*] exists", "line 1, place 6: a JSON path may hold one .. (not in a filter), no $ in a filter, and five commas"),
    ("json $.a = ok", "line 1, place 10: after json and its name comes one of == != < <= > >= exists lacks, not “=”"),
    ("json $.a > many", "line 1, place 12: > compares numbers, and “many” is none"),
    ("json $.a exists now", "line 1, place 17: nothing follows exists"),
    ("header x y == 1", "line 1, place 10: after header and its name comes one of == != contains exists lacks, not “y”"),
    ("header (x) == 1", "line 1, place 8: header needs the name of one, as in: header content-type contains json"),
    ("latency < fast", "line 1, place 11: “fast” is no time: write 500ms or 1.5s"),
    ("latency == 5s", "line 1, place 9: after latency comes one of < <= > >=, not “==”"),
    ("json $" + ".a" * 200 + " exists", "line 1, place 6: a JSON path must not be longer than 200 characters"),
    ("body contains " + "a" * 1000, "line 1: a condition must not be longer than 1000 characters"),
    ("body contains a\n" * 51, "line 51: at most 50 conditions"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[row[0][:60] for row in WRONG])
def test_what_is_no_condition(text: str, said: str) -> None:
    with pytest.raises(ConditionError) as wrong:
        read(text)
    assert str(wrong.value) == said


def test_only_large_bodies_are_heavy() -> None:
    assert not heavy(read("body contains a"), seen("a" * 1000))
    assert heavy(read("body contains a"), seen("a" * 20_000))
    assert not heavy(read("latency < 5s"), seen("a" * 20_000))


def test_an_expression_cannot_take_for_ever() -> None:
    conditions = read("body matches (a+)+$")
    began = time.process_time()
    unmet(conditions, seen("a" * 5000 + "b"))
    assert time.process_time() - began < 1


TIMES = [
    ("500ms", 0.5),
    ("1.5 s", 1.5),
    ("2m", 120),
    ("PT0.5S", 0.5),
    ("PT1H1M1S", 3661),
    ("PT", None),
    ("P1D", None),
    ("5", None),
    ("-1s", None),
    ("", None),
    ("1e3s", None),
    ("٣s", None),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_times(text: str, expected: float | None) -> None:
    assert seconds(text) == expected
