"""Where a Prometheus writes to: `/api/v1/write`, remote write 1.0 and 2.0.

Taken is answered 204 after COMMIT, refused for good 400 (what was good is stored all the same), and 503 with Retry-After
where the same may come again. Whoever reads the answer is a log line: it is one sentence of text.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, TypeVar

import cramjam
from litestar import Request, Response, post

from century.core.actor import Permission
from century.core.errors import CenturyError, Forbidden, Invalid, TooLarge
from century.core.http import authenticate, error_headers, read_body
from century.telemetry import otlp, receive, remote_write
from century.telemetry.answers import MOST_UNPACKED, MOST_WIRE, UnsupportedMedia
from century.telemetry.batch import Batch
from century.telemetry.receive import LARGE, SECOND
from century.telemetry.remote_write import Version, Written
from century.telemetry.wire import Malformed, TooMany

MEDIA = "application/x-protobuf"
TEXT = "text/plain"
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"
Result = TypeVar("Result")


def version_of(content_type: str) -> Version:
    """The message that a Content-Type names, 1.0 where it names none; raises `UnsupportedMedia`."""
    kind, *parameters = (each.strip() for each in content_type.split(";"))
    if kind.lower() != MEDIA:
        raise UnsupportedMedia(f"send {MEDIA}")
    for each in parameters:
        name, _, value = each.partition("=")
        if name.strip().lower() == "proto":
            try:
                return Version(value.strip().strip('"'))
            except ValueError:
                raise UnsupportedMedia(f"proto must be {Version.ONE} or {Version.TWO}") from None
    return Version.ONE


def unpacked_size(body: bytes, content_encoding: str) -> int:
    """How large a body is without its compression, before it is unpacked; raises `CenturyError`."""
    if content_encoding.strip().lower() != "snappy":
        raise UnsupportedMedia("send it with Content-Encoding: snappy")
    try:
        size = int(cramjam.snappy.decompress_raw_len(body))
    except cramjam.DecompressionError:
        raise Invalid("the body is not snappy data (the block format)") from None
    if size > MOST_UNPACKED:
        raise TooLarge(f"a request may unpack to {MOST_UNPACKED} bytes at most")
    return size


@post("/api/v1/write", status_code=200, include_in_schema=False, request_max_body_size=None)
async def write(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Take in samples; answered once they are on disk."""
    try:
        actor = await authenticate(request)
        if not actor.may(Permission.INGEST):
            raise Forbidden("writing samples takes a key with the scope ingest")
        version = version_of(request.headers.get("content-type", ""))
        telemetry = request.app.state.century.telemetry
        declared = request.headers.get("content-length", "")
        with telemetry.committer.taking(min(int(declared), MOST_WIRE) if declared.isdecimal() else MOST_WIRE):
            body = await read_body(request, MOST_WIRE)
            size = unpacked_size(body, request.headers.get("content-encoding", ""))
            now = telemetry.works.clock.now()
            registry = telemetry.registry

            def take_apart() -> tuple[Batch, Written, bytes]:
                return read(body, version, registry, int(now.timestamp() * SECOND))

            try:
                if size < LARGE:
                    batch, said, digest = take_apart()
                else:
                    async with telemetry.committer.reading:
                        batch, said, digest = await asyncio.to_thread(take_apart)
                batch = await registry.settle(batch, actor)
                written = {
                    "Samples": len(batch.block.numbers.series) + said.stale_samples,
                    "Histograms": len(batch.block.sketches.series)
                    + len(batch.block.explicits.series)
                    + said.stale_histograms,
                    "Exemplars": len(batch.exemplars) + said.untraced_exemplars,
                }
                refusals = await receive.keep(registry, telemetry.committer, actor, batch, digest, now)
            finally:
                registry.catalogue.trim()
    except (CenturyError, *receive.UNREACHABLE) as raised:
        error = raised if isinstance(raised, CenturyError) else receive.away()
        return Response(error.message.encode(), status_code=error.status, media_type=TEXT, headers=error_headers(error))
    headers = {WRITTEN.format(name): str(count) for name, count in written.items()}
    if refusals.total:
        return Response(refusals.sentence().encode(), status_code=400, media_type=TEXT, headers=headers)
    return Response(b"", status_code=204, headers=headers)


def read(body: bytes, version: Version, registry: Any, now: int) -> tuple[Batch, Written, bytes]:
    """The points of a packed request, what it said besides, and its digest. Raises `CenturyError`."""
    try:
        unpacked = bytes(cramjam.snappy.decompress_raw(body))
        said = remote_write.read(unpacked, version, registry.names)
        batch = otlp.read(said.body, registry.catalogue, now)
    except cramjam.DecompressionError:
        raise Invalid("the body is not snappy data (the block format)") from None
    except Malformed as error:
        raise Invalid(f"this is no {version}: {error}") from None
    except TooMany as error:
        raise TooLarge(str(error)) from None
    batch.refusals.noun = "samples"
    for (subject, reason), count in said.refusals.counts.items():
        batch.refusals.add(subject, reason, count)
    for (subject, reason), count in said.refusals.remarks.items():
        batch.refusals.remark(subject, reason, count)
    return batch, said, hashlib.sha256(unpacked).digest()


routes: list[Any] = [write]
