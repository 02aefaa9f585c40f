"""Expositions as samples: both formats, what is left out, and what is none."""

from __future__ import annotations

import pytest

from century.probes.exposition import MOST_SAMPLES, NoExposition, Scrape, keeping, parse, unit_of
from century.telemetry.identity import Form, Kind

AT = 1_795_521_600.0
TEXT = r"""# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027
http_requests_total{method="post",code="400"} 3 1795521599000
# TYPE memory_bytes gauge
memory_bytes 1.5e9
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 5
wait_seconds_bucket{le="+Inf"} 7
wait_seconds_sum 1.25
wait_seconds_count 7
# TYPE odd untyped
odd{path="C:\\DIR\\\"a\"\n"} -1
nothing NaN
endless +Inf
"""
OPEN = """# TYPE jobs counter
jobs_total{queue="mail"} 17 1795521590.5 # {trace_id="abc"} 1
jobs_created{queue="mail"} 1795500000 1795521590.5
# TYPE build info
build_info{version="1.2"} 1
# EOF
"""


def read(text: str, kind: str = "text/plain; version=0.0.4", **more: object) -> Scrape:
    return parse(text.encode(), kind, service="shop", instance="app:9100", at=AT, **more)  # type: ignore[arg-type]


def test_the_text_format() -> None:
    found = read(TEXT)
    told = {(each.metric, each.attributes): each for each in found.samples}
    post = told["http_requests_total", (("code", "200"), ("method", "post"))]
    assert (post.value, post.kind, post.monotonic, post.form) == (1027.0, Kind.SUM, True, Form.CUMULATIVE)
    assert (post.service, post.instance, post.scope) == ("shop", "app:9100", "prometheus")
    assert post.at == int(AT * 1e9)
    assert told["http_requests_total", (("code", "400"), ("method", "post"))].at == int((AT - 1) * 1e9)
    memory = told["memory_bytes", ()]
    assert (memory.value, memory.kind, memory.monotonic, memory.form) == (1.5e9, Kind.GAUGE, False, Form.NUMBER)
    assert memory.unit == "By"
    assert told["wait_seconds_bucket", (("le", "+Inf"),)].value == 7
    assert told["wait_seconds_sum", ()].unit == "s" and told["wait_seconds_sum", ()].monotonic
    assert told["odd", (("path", 'C:\\DIR\\"a"\n'),)].value == -1
    assert found.dropped == {"values that are no numbers": 2}
    assert len(found.samples) == 8


def test_openmetrics() -> None:
    found = read(OPEN, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    told = {each.metric: each for each in found.samples}
    assert set(told) == {"jobs_total", "build_info"}
    assert told["jobs_total"].at == int((AT - 9.5) * 1e9)
    assert told["jobs_total"].monotonic
    assert found.dropped == {"creation times": 1}


def test_times_beside_values_need_not_count() -> None:
    at = {each.at for each in read(TEXT, honor_timestamps=False).samples}
    assert at == {int(AT * 1e9)}


@pytest.mark.parametrize(
    ("away", "kept"), [(-3_599, True), (-3_601, False), (599, True), (601, False), (-(10**9), False)]
)
def test_a_time_must_lie_near_now(away: int, kept: bool) -> None:
    found = read(f"a 1 {int((AT + away) * 1000)}\n")
    assert len(found.samples) == int(kept)
    assert found.dropped == ({} if kept else {"timestamps that are too far from now": 1})


@pytest.mark.parametrize(
    ("keep", "names"),
    [
        (["http_.*"], {"http_requests_total"}),
        (["requests"], set()),
        ([".*_bytes", "odd"], {"memory_bytes", "odd"}),
    ],
)
def test_what_is_kept_fits_a_whole_name(keep: list[str], names: set[str]) -> None:
    found = read(TEXT, keep=keeping(keep))
    assert {each.metric for each in found.samples} == names
    assert found.dropped["metrics that are not kept"] > 0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a{" + ",".join(f'l{n}="x"' for n in range(31)) + "} 1\n", "samples of more than 30 labels"),
        ("a" * 256 + " 1\n", "names or labels that are too long"),
        ('a{b="' + "x" * 1025 + '"} 1\n', "names or labels that are too long"),
        ('a{b="\0"} 1\n', "names or labels that are too long"),
    ],
)
def test_what_cannot_be_kept_is_counted(text: str, why: str) -> None:
    found = read(text)
    assert not found.samples
    assert found.dropped == {why: 1}


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b"a 1\nb c\n", "text/plain", "line 2 is none of an exposition: could not convert string to float: 'c'"),
        (b"a 1\nb{c=d} 1\n", "text/plain", "line 2 is none of an exposition"),
        (b"<html>", "text/html; charset=utf-8", "it answers text/html, and no text of metrics"),
        (b"<html>", "text/plain", "line 1 is none of an exposition"),
        (b"a 1\n", "application/openmetrics-text", "line 1 is none of an exposition: Missing # EOF at end"),
        (b"a \xff\n", "text/plain", "it is no UTF-8 from byte 3 on"),
        (b'a 1\nb{c="' + b"x" * 20_000 + b'"} 1\n', "text/plain", "line 2 is longer than 16 KiB"),
        (b'a{b="c",b="d"} 1\n', "text/plain", "line 1 is none of an exposition"),
    ],
)
def test_what_is_none(body: bytes, kind: str, sentence: str) -> None:
    with pytest.raises(NoExposition) as refused:
        parse(body, kind, service="shop", instance="app", at=AT)
    assert sentence in str(refused.value)


def test_there_is_a_bound() -> None:
    with pytest.raises(NoExposition, match=r"more than 50,000 samples"):
        read("a 1\n" * (MOST_SAMPLES + 1))
    assert read("") == Scrape([], read("").dropped)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("process_cpu_seconds_total", "s"),
        ("wait_seconds_sum", "s"),
        ("wait_seconds_count", "1"),
        ("wait_seconds_bucket", "1"),
        ("heap_bytes", "By"),
        ("hits_ratio", "1"),
        ("jobs", ""),
    ],
)
def test_the_unit_in_a_name(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_an_expression_that_is_none() -> None:
    with pytest.raises(ValueError, match="line 2 is no RE2 expression"):
        keeping(["a.*", "(b"])
