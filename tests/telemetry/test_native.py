"""Native histograms, read as Prometheus writes them."""

from __future__ import annotations

from typing import Any

import pytest

from century.telemetry import native
from century.telemetry.identity import Refused
from tests.telemetry.prompb import STALE, message

AT = 1_800_000_000_000


def histogram(spans: list[tuple[int, int]], deltas: list[int], **said: Any) -> bytes:
    made = message("Histogram", **{"timestamp": AT, "sum": 1.5, **said})
    for offset, length in spans:
        made.positive_spans.add(offset=offset, length=length)
    made.positive_deltas.extend(deltas)
    return bytes(made.SerializeToString())


def read(body: bytes) -> native.Native | None:
    return native.read(body, 0, len(body), 0)


def counts(body: bytes) -> tuple[int, tuple[int, ...]]:
    found = read(body)
    assert found is not None
    return found.first, found.counts


@pytest.mark.parametrize(
    ("spans", "deltas", "expected"),
    [
        ([(0, 3)], [1, 1, -1], (0, (1, 2, 1))),
        ([(-4, 2)], [5, 0], (-4, (5, 5))),
        ([(1, 1), (2, 2)], [3, -1, 4], (1, (3, 0, 0, 2, 6))),
        ([], [], (1, ())),
    ],
    ids=["counts are told as differences", "buckets begin below one", "a gap is empty buckets", "nothing was counted"],
)
def test_buckets_lie_side_by_side(
    spans: list[tuple[int, int]], deltas: list[int], expected: tuple[int, tuple[int, ...]]
) -> None:
    assert counts(histogram(spans, deltas)) == expected


def test_custom_bounds_have_a_bucket_each_and_one_behind() -> None:
    found = read(histogram([(1, 1)], [4], schema=-53, custom_values=[0.1, 0.5, 1.0], count_int=4))
    assert found is not None
    assert (found.bounds, found.counts) == ((0.1, 0.5, 1.0), (0, 4, 0, 0))


def test_a_series_that_ended_tells_nothing() -> None:
    assert read(histogram([], [], sum=STALE)) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (histogram([(0, 2)], [1]), "do not agree"),
        (histogram([(0, 2**32 - 1)], [1]), "do not agree"),
        (histogram([(0, 1), (2**30, 1)], [1, 0]), "1024"),
        (histogram([(0, 1), (-1, 1)], [1, 0]), "1024"),
        (histogram([(0, 1)], [-1]), "less than nothing"),
        (histogram([(0, 1)], [1], schema=9), "-4 to 8, or -53"),
        (histogram([(0, 1)], [1], schema=-5), "-4 to 8, or -53"),
        (histogram([(0, 1)], [1], negative_deltas=[1]), "negative"),
        (histogram([(0, 1)], [1], count_float=1.0), "no integers"),
        (histogram([(0, 1)], [1], reset_hint=3), "gauge"),
        (histogram([(3, 2)], [1, 0], schema=-53, custom_values=[1.0, 2.0]), "more buckets than bounds"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read(body)
