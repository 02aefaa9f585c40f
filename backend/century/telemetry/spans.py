"""OTLP's traces: which server spans are worth a request record, and what it holds.

Kept is what an operator asks for: requests that failed (an error status, or HTTP 500 and above) or took two seconds.
Both the present names of HTTP's semantic conventions and those before 2023 are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from century.telemetry.identity import LONGEST_NAME, Refused, Source, named, source
from century.telemetry.judge import EARLY, LATE, NEWEST, OLDEST
from century.telemetry.refusals import Refusals
from century.telemetry.wire import BYTES, Malformed, TooMany, fields, repeated

SLOW_SECONDS = 2.0
SERVER = Span.SPAN_KIND_SERVER
MOST_SPANS = 50_000
LARGEST_SPAN = 262_144
LONGEST_TEXT = 2048


@dataclass(frozen=True, slots=True)
class Record:
    """A slow or failed request of a service, as its server told; `duration` in seconds."""

    service: str
    at: datetime
    method: str
    route: str
    path: str | None
    status: int | None
    duration: float
    error_type: str | None
    message: str | None
    trace_id: str
    span_id: str
    client_address: str | None
    user_agent: str | None
    failed: bool
    slow: bool


def read(body: bytes, now: int) -> tuple[list[Record], Refusals]:
    """The records of a traces request; `now` in nanoseconds. Raises `Malformed`, `TooMany`."""
    refusals = Refusals("spans")
    records: list[Record] = []
    count = 0
    for resource in fields(body, 0, len(body)):
        if resource.number != 1 or resource.kind != BYTES:
            continue
        parts = list(fields(body, resource.start, resource.stop))
        spans: list[tuple[int, int]] = []
        for scope in parts:
            if scope.number == 2 and scope.kind == BYTES:
                begins, ends, _ = repeated(body, scope.start, scope.stop, "spans", MOST_SPANS, 0x12)
                spans += zip(begins, ends, strict=True)
                count += 1 + len(begins)
                if count > MOST_SPANS:
                    raise TooMany(f"one request may hold {MOST_SPANS} spans")
        raw = b"".join(body[each.start : each.stop] for each in parts if each.number == 1 and each.kind == BYTES)
        try:
            origin = source(raw)
        except Refused as reason:
            refusals.add("a service", str(reason), len(spans))
            continue
        for span in spans:
            try:
                record = _record(body, span, origin, now)
            except Refused as reason:
                refusals.add(origin.service, str(reason))
            else:
                if record:
                    records.append(record)
    return records, refusals


def _record(body: bytes, place: tuple[int, int], origin: Source, now: int) -> Record | None:
    begin, end = place
    if end - begin > LARGEST_SPAN:
        raise Refused(f"it is larger than {LARGEST_SPAN} bytes")
    try:
        span = Span.FromString(body[begin:end])
    except DecodeError:
        raise Malformed("a span does not parse") from None
    if span.kind != SERVER:
        return None
    if len(span.trace_id) != 16 or len(span.span_id) != 8 or not any(span.trace_id) or not any(span.span_id):
        raise Refused("its trace id must have 16 bytes and its span id 8")
    if span.start_time_unix_nano < now - OLDEST:
        raise Refused(EARLY)
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > now + NEWEST:
        raise Refused(LATE)
    duration = max(0, span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    said = named(span.attributes)
    status = _status(said)
    failed = span.status.code == Status.STATUS_CODE_ERROR or (status is not None and status >= 500)
    slow = duration >= SLOW_SECONDS
    if not (failed or slow):
        return None
    error, message = _error(span, said)
    return Record(
        service=origin.service,
        at=datetime.fromtimestamp(span.start_time_unix_nano // 1000 / 1e6, UTC),
        method=(_first(said, "http.request.method", "http.method", "rpc.method") or "")[:LONGEST_NAME],
        route=(_first(said, "http.route") or span.name.replace("\x00", ""))[:LONGEST_NAME],
        path=_path(said),
        status=status,
        duration=duration,
        error_type=error[:LONGEST_NAME] if error else None,
        message=message[:LONGEST_TEXT] if message else None,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        client_address=_cut(_first(said, "client.address", "http.client_ip", "net.sock.peer.addr", "net.peer.ip")),
        user_agent=_cut(_first(said, "user_agent.original", "http.user_agent")),
        failed=failed,
        slow=slow,
    )


def _first(said: Mapping[str, str], *names: str) -> str | None:
    return next((said[name] for name in names if said.get(name)), None)


def _cut(text: str | None) -> str | None:
    return text[:LONGEST_TEXT] if text else None


def _status(said: Mapping[str, str]) -> int | None:
    text = _first(said, "http.response.status_code", "http.status_code") or ""
    return int(text) if text.isdecimal() and len(text) <= 3 else None


def _path(said: Mapping[str, str]) -> str | None:
    """The path without its query, which may hold what nobody should read."""
    path = _first(said, "url.path", "http.target")
    if path is None:
        address = _first(said, "url.full", "http.url") or ""
        _, _, rest = address.partition("://")
        path = "/" + rest.partition("?")[0].partition("/")[2] if rest else None
    return path.partition("?")[0][:LONGEST_TEXT] if path else None


def _error(span: Span, said: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The kind of error and what was said: the attributes first, then the exception that the span recorded last."""
    kind, message = said.get("error.type"), span.status.message.replace("\x00", "")
    for event in reversed(span.events):
        if event.name == "exception":
            thrown = named(event.attributes)
            return thrown.get("exception.type") or kind, thrown.get("exception.message") or message or None
    return kind or None, message or None
