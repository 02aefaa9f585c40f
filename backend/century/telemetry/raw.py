"""Rows of bytes straight from the driver: the one place that goes past SQLAlchemy, whose rows cost too much here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from century.telemetry.plain import Series

Connection = Any
"""asyncpg's connection; it ships no types."""


@contextlib.asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """A read-only transaction that sees one moment: what is moved meanwhile is seen once, here or there."""
    async with _taken(engine) as raw, raw.transaction(isolation="repeatable_read", readonly=True):
        yield raw


@contextlib.asynccontextmanager
async def asking(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """A connection for one question, which is its own moment."""
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        yield raw


@contextlib.asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """A transaction that commits when the block ends well."""
    async with _taken(engine) as raw, raw.transaction():
        yield raw


@contextlib.asynccontextmanager
async def _taken(engine: AsyncEngine) -> AsyncIterator[Connection]:
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        try:
            yield raw
        except (asyncio.CancelledError, GeneratorExit):
            # SQLAlchemy sees nothing of what happens on the driver's own connection. Cut off in the middle of BEGIN, it
            # would go back to the pool inside this transaction: the next to take it reads the past and commits nothing.
            raw.terminate()
            await connection.invalidate()
            raise


_SERIES = """
    SELECT s.id, s.service_id, m.name, m.kind, s.form, s.attributes, s.bounds, m.monotonic
    FROM series s JOIN metric m ON m.id = s.metric_id
"""


async def series_by_id(raw: Connection, numbers: Iterable[int]) -> dict[int, Series]:
    """The series of these ids that exist."""
    return _series(await raw.fetch(_SERIES + " WHERE s.id = ANY($1::int[])", list(numbers)))


async def series_of(raw: Connection, services: Iterable[int], metrics: Iterable[str]) -> dict[int, Series]:
    """The series of these metrics of these services."""
    statement = _SERIES + " WHERE m.service_id = ANY($1::int[]) AND m.name = ANY($2::text[])"
    return _series(await raw.fetch(statement, list(services), list(metrics)))


def _series(rows: Iterable[Any]) -> dict[int, Series]:
    return {
        number: Series(
            number, service_id, name, kind, form, orjson.loads(attributes) if isinstance(attributes, str) else attributes,
            tuple(bounds or ()), monotonic,
        )
        for number, service_id, name, kind, form, attributes, bounds, monotonic in rows
    }  # fmt: skip
