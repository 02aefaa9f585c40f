"""Figures as Prometheus reads them."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from century.core.meters import Meters
from century.overview.exposition import LEFT_OUT, Family, bounded, gauge, media_of, merge, render

ODD = 'a "quoted" \\ name\nof two lines: Ä'


def counted() -> Meters:
    meters = Meters()
    meters.ingest_points.inc(3)
    meters.ingest_commit.observe(0.004)
    meters.deliveries.labels("slack", "delivered").inc()
    meters.sockets_are(lambda: 7)
    return meters


def test_both_formats_say_the_same_and_can_be_read() -> None:
    families = [*merge({"server/a/1": counted().snapshot()}), gauge("century_odd", "An odd one.", [({"x": ODD}, 1.5)])]
    read_text = {
        (each.name, *sorted(each.labels.items())): each.value
        for family in parse_text(render(families, "").decode())
        for each in family.samples
    }
    openmetrics = "application/openmetrics-text; version=1.0.0"
    read_openmetrics = {
        (each.name, *sorted(each.labels.items())): each.value
        for family in parse_openmetrics(render(families, openmetrics).decode())
        for each in family.samples
    }
    assert read_text == read_openmetrics
    assert read_text["century_odd", ("x", ODD)] == 1.5
    assert read_text["century_ingest_points_total", ("process", "server/a/1")] == 3
    assert read_text["century_sockets", ("process", "server/a/1")] == 7


def test_what_several_processes_counted_stands_in_one_family() -> None:
    [points] = [
        each
        for each in merge({"worker/b/2": counted().snapshot(), "server/a/1": counted().snapshot()})
        if each.name == "century_ingest_points"
    ]
    assert points.samples == [
        ("century_ingest_points_total", {"process": "server/a/1"}, 3),
        ("century_ingest_points_total", {"process": "worker/b/2"}, 3),
    ]


def test_series_beyond_the_bound_are_left_out_and_counted() -> None:
    many = [gauge("first", "", [({}, 1.0)]), gauge("second", "", [({"n": str(n)}, 1.0) for n in range(20)])]
    kept = bounded(many, 10)
    assert [len(each.samples) for each in kept] == [1, 8, 1], "ten in all, the first families whole"
    assert kept[-1].samples == [(LEFT_OUT, {}, 12.0)]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("text/plain;version=0.0.4;q=0.5", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=none", "text/plain; version=0.0.4"),
    ],
)  # fmt: skip
def test_the_format_is_the_one_accepted(accept: str, expected: str) -> None:
    assert media_of(accept).startswith(expected)
    assert render([Family("one", "", "gauge", [("one", {}, 1.0)])], accept)
