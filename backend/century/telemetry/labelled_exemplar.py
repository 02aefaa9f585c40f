"""Exemplars as Prometheus writes them, their trace told by labels, as those of OTLP; and the points that carry them.

There an exemplar comes by itself, often in another request than its sample: it is carried by a point that says that no value was
recorded. https://prometheus.io/docs/specs/om/open_metrics_spec/#exemplars names the labels; others are what clients write too.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

from century.telemetry import native
from century.telemetry.exemplar import SPAN, TRACE
from century.telemetry.otlp import EXPONENTIAL, HISTOGRAM
from century.telemetry.pointwise import NO_RECORDED_VALUE
from century.telemetry.wire import FIXED64, Field, write_bytes, write_fixed, write_number

TRACES = (b"trace_id", b"traceID", b"traceId")
SPANS = (b"span_id", b"spanID", b"spanId")
DIGITS = frozenset(string.hexdigits)
NO_ID = b"?"
"""Where the label holds no id: refused with a sentence where exemplars are read."""
DOUBLE = b"\x19"
"""The tag of an exemplar's value."""
Pairs = Sequence[tuple[bytes, bytes]]


def written(body: bytes, parts: Sequence[Field], labels: Callable[[Sequence[Field]], Pairs]) -> bytes | None:
    """The exemplar of OTLP that fields of Prometheus' make; none for one without a trace, which leads nowhere."""
    said = dict(labels([part for part in parts if part.number == 1]))
    trace = next((said[name] for name in TRACES if said.get(name)), b"")
    if not trace:
        return None
    span = next((said[name] for name in SPANS if said.get(name)), b"")
    at, value = 0, bytes(8)
    for part in parts:
        if part.number == 2 and part.kind == FIXED64:
            value = body[part.start : part.stop]
        elif part.number == 3:
            at = native.nanoseconds(native.signed(part.value))
    ids = write_bytes(4, identity(span, SPAN)) + write_bytes(5, identity(trace, TRACE))
    return write_fixed(2, at) + DOUBLE + value + ids


def identity(said: bytes, size: int) -> bytes:
    """An id of so many bytes by its hexadecimal digits; half as many digits stand for the lower half of a trace's."""
    digits = said.decode(errors="replace")
    if not digits:
        return b""
    short = size == TRACE and len(digits) == TRACE
    if len(digits) != 2 * size and not short or not DIGITS.issuperset(digits):
        return NO_ID
    return bytes.fromhex(digits.rjust(2 * size, "0"))


def carrier(kind: int, labels: Sequence[bytes], bounds: bytes, exemplars: Sequence[bytes]) -> bytes:
    """A point without a value, of a series of this kind (a field of OTLP's `Metric`), with these exemplars."""
    if kind == EXPONENTIAL:
        attributes, examples, flags, front = 1, 11, 10, b""
    elif kind == HISTOGRAM:
        attributes, examples, flags, front = 9, 8, 10, write_bytes(7, bounds)
    else:
        attributes, examples, flags, front = 7, 5, 8, b""
    named = b"".join(write_bytes(attributes, each) for each in labels)
    return (
        named
        + front
        + b"".join(write_bytes(examples, each) for each in exemplars)
        + write_number(flags, NO_RECORDED_VALUE)
    )
