"""Runs the migrations on the database of DATABASE_URL, or on the connection a caller hands over."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from century.core.db import Base, connect
from century.core.settings import database_url
from century.migrations import import_tables

import_tables()


def run(connection: Connection) -> None:
    """Run what is asked on this connection, each migration in its own transaction."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_on_environment() -> None:
    """Run on the database that DATABASE_URL names."""
    engine = connect(database_url(os.environ["DATABASE_URL"]))
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


handed: Connection | None = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    asyncio.run(run_on_environment())
