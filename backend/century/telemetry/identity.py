"""Who a point belongs to: the service and instance of its resource, the scope, the metric, its attributes."""

from __future__ import annotations

import hashlib
import itertools
import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage

from century.telemetry.wire import Malformed, fields

UNKNOWN_SERVICE = "unknown_service"
LONGEST_NAME = 255
LONGEST_VALUE = 1024
MOST_ATTRIBUTES = 30
LARGEST_RESOURCE = 65_536
LARGEST_ATTRIBUTES = 262_144
MOST_BUCKETS = 1024
INTERNAL = "century/"
"""So begin the names of services under which the installation keeps what it measured itself."""
SHOWN = f"NOT starts_with(name, '{INTERNAL}')"
"""Which services are people's, in SQL."""
# What tells two instances of a service apart when they do not say who they are.
INSTANCE = "service.instance.id"
STAND_INS = (("k8s.pod.uid",), ("k8s.pod.name",), ("container.id",), ("host.name", "process.pid"), ("host.name",))


class Kind(StrEnum):
    GAUGE = "gauge"
    SUM = "sum"
    HISTOGRAM = "histogram"


class Form(StrEnum):
    """How the points of a series read; the cumulative ones are differenced when read.

    `delta` are the increments of a total that may fall: unlike a level they add up, unlike a count they may be negative.
    """

    NUMBER = "number"
    DELTA = "delta"
    CUMULATIVE = "cumulative"
    SKETCH = "sketch"
    CUMULATIVE_SKETCH = "cumulative_sketch"
    EXPLICIT = "explicit"
    CUMULATIVE_EXPLICIT = "cumulative_explicit"


class Refused(Exception):
    """Something of the sender's that we do not take, with the reason."""


@dataclass(slots=True)
class Stream:
    """One metric of one scope of one resource in one form: what its points share.

    `ids` leads from a point's attributes, as they lie on the wire, to its series. For explicit histograms there is
    one stream for each set of `bounds`.
    """

    service: str
    instance: str
    scope: str
    metric: str
    unit: str
    description: str
    kind: Kind
    monotonic: bool
    form: Form
    bounds: tuple[float, ...] | None = None
    ids: dict[bytes, int] = field(default_factory=dict)

    def fingerprint(self, attributes: dict[str, str]) -> bytes:
        """What makes a series of this stream the same after a restart: 16 bytes."""
        parts = [self.scope, self.instance, self.metric, self.kind, self.form, self.bounds, sorted(attributes.items())]
        return hashlib.sha256(orjson.dumps(parts)).digest()[:16]

    def shown(self, attributes: dict[str, str]) -> dict[str, str]:
        """A point's attributes and the instance that sent it."""
        return {INSTANCE: self.instance, **attributes} if self.instance else attributes


@dataclass(frozen=True, slots=True)
class Source:
    """The service and instance that a resource names."""

    service: str
    instance: str


def is_internal(service: str) -> bool:
    """Whether the installation keeps its own measurements under this name: nobody is shown it as a service."""
    return service.startswith(INTERNAL)


def source(resource: bytes) -> Source:
    """Who sends, out of a resource message; raises `Malformed` or `Refused`."""
    if len(resource) > LARGEST_RESOURCE:
        raise Refused(f"its resource is larger than {LARGEST_RESOURCE} bytes")
    try:
        said = named(ResourceMessage.FromString(resource).attributes)
    except DecodeError:
        raise Malformed("a resource does not parse") from None
    service = said.get("service.name") or UNKNOWN_SERVICE
    instance = said.get(INSTANCE) or next(
        ("/".join(said[key] for key in keys) for keys in STAND_INS if all(said.get(key) for key in keys)), ""
    )
    if len(service) > LONGEST_NAME:
        raise Refused(f"its service.name is longer than {LONGEST_NAME} characters")
    if is_internal(service):
        raise Refused(f"names of services that begin with {INTERNAL} are the installation's own")
    return Source(service, instance[:LONGEST_NAME])


def shown_bounds(raw: bytes) -> tuple[float, ...]:
    """The bounds of explicit buckets, out of packed doubles; must rise. Raises `Refused`."""
    if len(raw) % 8 or len(raw) > 8 * MOST_BUCKETS:
        raise Refused(f"a histogram may have {MOST_BUCKETS} bounds")
    bounds = struct.unpack(f"<{len(raw) // 8}d", raw)
    if not all(math.isfinite(each) for each in bounds) or any(a >= b for a, b in itertools.pairwise(bounds)):
        raise Refused("the bounds of its buckets must be finite and rise")
    return bounds


def scope_name(scope: bytes) -> str:
    """The name of an instrumentation scope, at most 255 characters."""
    if len(scope) > LARGEST_RESOURCE:
        raise Refused(f"its scope is larger than {LARGEST_RESOURCE} bytes")
    try:
        return clean(InstrumentationScope.FromString(scope).name)[:LONGEST_NAME]
    except DecodeError:
        raise Malformed("an instrumentation scope does not parse") from None


def attributes(raw: bytes) -> dict[str, str]:
    """The attributes that stand one after another as fields of a point; raises `Malformed` or `Refused`."""
    if len(raw) > LARGEST_ATTRIBUTES:
        raise Refused(f"its attributes take more than {LARGEST_ATTRIBUTES} bytes")
    slices = [(each.start, each.stop) for each in fields(raw, 0, len(raw))]
    if len(slices) > MOST_ATTRIBUTES:
        raise Refused(f"a series may have {MOST_ATTRIBUTES} attributes and this one has {len(slices)}")
    if any(stop - start > 4 * (LONGEST_NAME + LONGEST_VALUE) + 32 for start, stop in slices):
        raise Refused(f"an attribute's value may have {LONGEST_VALUE} characters")
    try:
        said = named(KeyValue.FromString(raw[start:stop]) for start, stop in slices)
    except DecodeError:
        raise Malformed("an attribute does not parse") from None
    for key, value in said.items():
        if not key or len(key) > LONGEST_NAME:
            raise Refused(f"an attribute's name must have 1 to {LONGEST_NAME} characters")
        if len(value) > LONGEST_VALUE:
            raise Refused(f"an attribute's value may have {LONGEST_VALUE} characters")
    return said


def named(pairs: Iterable[KeyValue]) -> dict[str, str]:
    """Attributes as text by name; of a repeated name the last counts."""
    return {clean(pair.key): text(pair.value) for pair in pairs}


def text(value: AnyValue) -> str:
    """Any value as text: numbers and truth as JSON has them, lists and maps as JSON, bytes as hexadecimal digits."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return clean(value.string_value)
    if kind is None:
        return ""
    plain = _plain(value)
    return plain if isinstance(plain, str) else orjson.dumps(plain).decode()


def clean(said: str) -> str:
    """Text that PostgreSQL can hold."""
    return said.replace("\x00", "\ufffd") if "\x00" in said else said


def _plain(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case "string_value":
            return clean(value.string_value)
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bytes_value":
            return value.bytes_value.hex()
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return {clean(each.key): _plain(each.value) for each in value.kvlist_value.values}
        case _:
            return None
