"""Remote write against bytes that nobody meant: it is read, or it is said that it cannot be."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from century.telemetry import otlp, remote_write
from century.telemetry.named_series import Names
from century.telemetry.remote_write import Version
from century.telemetry.wire import Malformed, TooMany
from tests.telemetry.prompb import Told, message, told

AT = 1_800_000_000_000
HISTOGRAM = message("Histogram", timestamp=AT, count_int=2, sum=1.0, positive_deltas=[1, 0])
HISTOGRAM.positive_spans.add(offset=1, length=2)
TRACED = ({"trace_id": "0" * 31 + "1", "span_id": "0123456789abcdef"}, 1.0, AT)
SERIES = (
    Told({"__name__": "up", "job": "node", "path": "x" * 200}, [(1.0, AT), (0.0, 0)]),
    Told({"__name__": "latency"}, (), [TRACED], [HISTOGRAM]),
    Told({"__name__": "orders_total"}, [(1.0, AT)], [TRACED, ({"user": "7"}, 2.0, AT)]),
)
WHOLE = {Version.ONE: told(1, *SERIES), Version.TWO: told(2, *SERIES)}


def read(body: bytes, version: Version) -> None:
    with contextlib.suppress(Malformed, TooMany):
        otlp.read(remote_write.read(body, version, Names()).body, otlp.Catalogue(), AT * 1_000_000)


@pytest.mark.parametrize("version", Version)
def test_what_is_cut_off_anywhere(version: Version) -> None:
    for length in range(len(WHOLE[version])):
        read(WHOLE[version][:length], version)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Version), st.data())
def test_what_was_changed_anywhere(version: Version, data: st.DataObject) -> None:
    body = bytearray(WHOLE[version])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(body), version)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(Version), st.binary(max_size=100))
def test_anything(version: Version, body: bytes) -> None:
    read(body, version)
