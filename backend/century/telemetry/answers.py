"""How OTLP/HTTP is spoken: media types, unpacking, and answers in the encoding of the request.

See https://opentelemetry.io/docs/specs/otlp/#otlphttp: success and partial success are the signal's response message,
every failure is a `google.rpc.Status`.
"""

from __future__ import annotations

import zlib
from enum import StrEnum

import orjson

from century.core.errors import CenturyError, Invalid, TooLarge
from century.telemetry.refusals import Refusals
from century.telemetry.wire import write_bytes, write_number

MOST_WIRE = 8 << 20
MOST_UNPACKED = 32 << 20
# Each member copies what follows it: a request of nothing but empty ones would take minutes.
MOST_MEMBERS = 100


class Media(StrEnum):
    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class UnsupportedMedia(CenturyError):
    """A content type or encoding that is not ours."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


# google.rpc.Code by HTTP status.
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14}


def media_of(content_type: str) -> Media:
    """The encoding that a Content-Type names; raises `UnsupportedMedia`."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        return Media(kind)
    except ValueError:
        raise UnsupportedMedia(f"send {Media.PROTOBUF} or {Media.JSON}") from None


def unpack(body: bytes, content_encoding: str, most: int = MOST_UNPACKED) -> bytes:
    """The body without its compression, counted while unpacking; raises `TooLarge`, `Invalid`, `UnsupportedMedia`."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity", "none"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise UnsupportedMedia("send it plain or with gzip")
    parts: list[bytes] = []
    room = most
    rest = body
    try:
        while rest:
            member = zlib.decompressobj(31)
            part = member.decompress(rest, room + 1)
            room -= len(part)
            if room < 0:
                raise TooLarge(f"a request may unpack to {most} bytes at most")
            parts.append(part)
            if len(parts) > MOST_MEMBERS:
                raise Invalid(f"gzip data may have {MOST_MEMBERS} members at most")
            if not member.eof:
                raise Invalid("the gzip data is cut off")
            rest = member.unused_data
    except zlib.error:
        raise Invalid("the body is not gzip data") from None
    return b"".join(parts)


def success(media: Media, refusals: Refusals) -> bytes:
    """The response message; with the count and the reasons when a part was refused (none: a warning)."""
    count, sentence = refusals.total, refusals.sentence()
    if media is Media.JSON:
        if not sentence:
            return b"{}"
        rejected = "rejectedSpans" if refusals.noun == "spans" else "rejectedDataPoints"
        # 64-bit numbers are text in protobuf's JSON.
        return orjson.dumps({"partialSuccess": {rejected: str(count), "errorMessage": sentence}})
    if not sentence:
        return b""
    return write_bytes(1, write_number(1, count) + write_bytes(2, sentence.encode()))


def failure(media: Media, error: CenturyError) -> bytes:
    """A `google.rpc.Status` with the error's sentence."""
    code = CODES.get(error.status, 13)
    if media is Media.JSON:
        return orjson.dumps({"code": code, "message": error.message})
    return write_number(1, code) + write_bytes(2, error.message.encode())
