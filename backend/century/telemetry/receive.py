"""Telemetry comes in: unpack, read, find the series, store, answer after COMMIT."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import orjson
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from century.core.actor import Actor
from century.core.errors import CenturyError, Invalid, TooLarge, Unavailable
from century.core.ids import new_id
from century.telemetry import answers, block, otlp, otlp_json, spans
from century.telemetry.answers import Media
from century.telemetry.batch import Batch
from century.telemetry.committer import Committer, Stored, slots
from century.telemetry.exemplar import Exemplar
from century.telemetry.instants import instant
from century.telemetry.refusals import Refusals
from century.telemetry.series import Registry
from century.telemetry.tables import RequestRow
from century.telemetry.wire import Malformed, TooMany

if TYPE_CHECKING:
    from century.telemetry.service import Telemetry

SECOND = 1_000_000_000
LARGE = 256 << 10
Result = TypeVar("Result")
UNREACHABLE = (OSError, TimeoutError, SQLAlchemyError)

INSERT_REQUESTS = (
    insert(RequestRow.__table__)  # type: ignore[arg-type]
    .on_conflict_do_nothing(index_elements=["service_id", "trace_id", "span_id"])
    .returning(RequestRow.id)
)
TOLD = 200
"""Of one request's records so many are pushed to those who watch; the rest they find when they ask."""


def away() -> Unavailable:
    """The database is away: whoever sends keeps what it has and sends it again."""
    return Unavailable("the database does not answer; send it again", 2.0)


async def receive_metrics(telemetry: Telemetry, actor: Actor, body: bytes, media: Media, encoding: str) -> Refusals:
    """Store a metrics request; what is wrong in it is refused and told. Raises `CenturyError`."""
    telemetry.committer.admit()
    now = telemetry.works.clock.now()
    at = int(now.timestamp() * SECOND)
    catalogue = telemetry.registry.catalogue
    try:
        batch, digest = await _aside(
            telemetry, body, media, encoding, lambda unpacked: read_metrics(unpacked, media, catalogue, at)
        )
    except CenturyError:
        # What a refused request opened must not be in the way of the next.
        catalogue.trim()
        raise
    refusals = await keep(telemetry.registry, telemetry.committer, actor, batch, digest, now)
    catalogue.trim()
    return refusals


async def keep(
    registry: Registry,
    committer: Committer,
    actor: Actor,
    batch: Batch,
    digest: bytes,
    now: datetime,
    bound: int | None = None,
) -> Refusals:
    """Store a batch under the series of its points, and return after COMMIT; what repeats a digest is stored once."""
    batch = await registry.settle(batch, actor, bound)
    parts = batch.by_service()
    await registry.know([service for service, _ in parts], actor)
    exemplars: dict[str, list[Exemplar]] = {}
    for each in batch.exemplars:
        exemplars.setdefault(each.service, []).append(each)
    rows = [
        # A service's exemplars go with the first of its rows.
        _row(service, registry.services[service], digest, now, hour, part, exemplars.pop(service, ()))
        for service, whole in parts
        for hour, part in block.by_hour(whole)
    ]
    rows += [
        # A service whose points came with another request: a row without points.
        Stored(service, 0, b"", now, now, now, now, 0, b"", frozenset(), found)
        for service, found in exemplars.items()
    ]
    if rows:
        await committer.store(rows)
        registry.seen([(registry.services[service], whole) for service, whole in parts], now)
    committer.works.meters.ingest_refused.inc(batch.refusals.total)
    return batch.refusals


async def receive_traces(telemetry: Telemetry, actor: Actor, body: bytes, media: Media, encoding: str) -> Refusals:
    """Keep the slow and failed requests of a traces request. Raises `CenturyError`."""
    now = telemetry.works.clock.now()
    at = int(now.timestamp() * SECOND)
    records, refusals = await _aside(
        telemetry, body, media, encoding, lambda unpacked: read_traces(unpacked, media, at)
    )
    if not records:
        return refusals
    async with telemetry.works.begin(actor) as work:
        services = await telemetry.registry.enter(work, (record.service for record in records))
        rows = []
        # In one order, so that two requests with the same spans wait for each other instead of blocking each other.
        for record in sorted(records, key=lambda each: (each.service, each.trace_id, each.span_id)):
            service = services.get(record.service)
            if service is None:
                refusals.add(record.service, "there are too many services already")
            else:
                rows.append({**asdict(record), "id": new_id(work.now), "service_id": service})
        if rows:
            stored = {number for (number,) in await work.rows(INSERT_REQUESTS, rows)}
            fresh = sorted((row for row in rows if row["id"] in stored), key=lambda row: row["at"])
            for row in fresh[-TOLD:]:
                work.announce(f"requests.{row['service']}", orjson.dumps(row))
    return refusals


def read_metrics(unpacked: bytes, media: Media, catalogue: otlp.Catalogue, now: int) -> tuple[Batch, bytes]:
    """The points of a request, and the digest of what it says. Raises `CenturyError`."""
    try:
        wire = otlp_json.metrics(unpacked) if media is Media.JSON else unpacked
        return otlp.read(wire, catalogue, now), hashlib.sha256(wire).digest()
    except Malformed as error:
        raise Invalid(f"this is no OTLP metrics request: {error}") from None
    except TooMany as error:
        raise TooLarge(str(error)) from None


def read_traces(unpacked: bytes, media: Media, now: int) -> tuple[list[spans.Record], Refusals]:
    """The records of a request. Raises `CenturyError`."""
    try:
        return spans.read(otlp_json.traces(unpacked) if media is Media.JSON else unpacked, now)
    except Malformed as error:
        raise Invalid(f"this is no OTLP traces request: {error}") from None
    except TooMany as error:
        raise TooLarge(str(error)) from None


async def _aside(
    telemetry: Telemetry, body: bytes, media: Media, encoding: str, read: Callable[[bytes], Result]
) -> Result:
    """What reading gives; a large request is read in a thread, one at a time, so that the others need not wait."""
    room = LARGE // (4 if media is Media.JSON else 1)
    if len(body) * (8 if encoding else 1) < room:
        try:
            unpacked = answers.unpack(body, encoding, room)
        except TooLarge:
            pass  # It was packed much tighter than it looked.
        else:
            return read(unpacked)
    async with telemetry.committer.reading:
        return await asyncio.to_thread(lambda: read(answers.unpack(body, encoding)))


def _row(
    service: str,
    number: int,
    digest: bytes,
    now: datetime,
    hour: int,
    part: block.Block,
    exemplars: Sequence[Exemplar],
) -> Stored:
    first, last = block.span(part)
    own = hashlib.sha256(b"%b%d.%d" % (digest, number, hour)).digest()
    return Stored(
        service=service,
        service_id=number,
        digest=own,
        received_at=now,
        first_at=instant(first),
        last_at=instant(last),
        hour=instant(hour),
        points=part.points,
        columns=block.encode(part),
        slots=slots(part, int(now.timestamp() * SECOND)),
        exemplars=exemplars,
    )
