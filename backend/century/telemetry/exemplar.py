"""Exemplars: measurements of a point that name the trace they were made in, the way from a chart to a request.

Those without a trace lead nowhere and are passed over. Of a point the greatest are kept: who asks for an example of a
latency asks for a slow one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from century.telemetry.identity import Refused, Stream
from century.telemetry.judge import NEWEST, OLDEST
from century.telemetry.refusals import Refusals
from century.telemetry.wire import BYTES, FIXED64, Field, Malformed, TooMany, fields

MOST_OF_A_POINT = 5
MOST_OF_A_REQUEST = 500
# How many are looked at, whatever comes of them.
MOST_READ_OF_A_POINT = 32
MOST_READ_OF_A_REQUEST = 5_000
TRACE, SPAN = 16, 8

NO_VALUE = "its value must be a finite number"
TIME = "its time is too far from now; check the sender's clock"
IDS = f"a trace id has {TRACE} bytes and a span id {SPAN}"
BROKEN = "it does not parse"

_DOUBLE = struct.Struct("<d").unpack_from
_LONG = struct.Struct("<q").unpack_from


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One measurement of a series; `at` in nanoseconds, the ids as hexadecimal digits, `span_id` perhaps empty."""

    service: str
    series: int
    at: int
    value: float
    trace_id: str
    span_id: str


def read(
    body: bytes, points: Iterable[tuple[Stream, int, Sequence[Field]]], now: int, refusals: Refusals
) -> list[Exemplar]:
    """The exemplars of points (stream, series, where they lie) that are worth keeping; of wrong ones a remark is made."""
    made: list[Exemplar] = []
    left = MOST_READ_OF_A_REQUEST
    for stream, series, parts in points:
        if left <= 0 or len(made) >= MOST_OF_A_REQUEST:
            break
        found = []
        for part in parts[: min(left, MOST_READ_OF_A_POINT)]:
            left -= 1
            try:
                each = _exemplar(body, part, stream.service, series, now)
            except Refused as reason:
                refusals.remark(stream.metric, str(reason))
            except (Malformed, TooMany):
                refusals.remark(stream.metric, BROKEN)
            else:
                found += [each] if each else []
        found.sort(key=lambda each: (-each.value, each.at, each.trace_id, each.span_id))
        made += found[:MOST_OF_A_POINT]
    return made[:MOST_OF_A_REQUEST]


def _exemplar(body: bytes, part: Field, service: str, series: int, now: int) -> Exemplar | None:
    if part.kind != BYTES:
        raise Refused(BROKEN)
    at, value, trace_id, span_id = 0, math.nan, b"", b""
    for said in fields(body, part.start, part.stop):
        if said.kind == FIXED64:
            if said.number == 2:
                (at,) = _LONG(body, said.start)
            elif said.number == 3:
                (value,) = _DOUBLE(body, said.start)
            elif said.number == 6:
                value = float(_LONG(body, said.start)[0])
        elif said.kind == BYTES:
            if said.number == 4:
                span_id = body[said.start : said.stop][: SPAN + 1]
            elif said.number == 5:
                trace_id = body[said.start : said.stop][: TRACE + 1]
    if len(trace_id) not in (0, TRACE) or len(span_id) not in (0, SPAN):
        raise Refused(IDS)
    if not any(trace_id):
        return None
    if not math.isfinite(value):
        raise Refused(NO_VALUE)
    if not now - OLDEST <= at <= now + NEWEST:
        raise Refused(TIME)
    return Exemplar(service, series, at, value, trace_id.hex(), span_id.hex() if any(span_id) else "")
