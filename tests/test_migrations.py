"""The migrations build what the tables say, go down again, and may be run by two at once."""

from __future__ import annotations

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from century import migrations
from century.core.db import Base, connect
from tests.conftest import Servers, on_server
from tests.world import World


async def test_the_database_is_what_the_tables_say(world: World) -> None:
    migrations.import_tables()

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with world.works.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_two_may_migrate_at_once_and_it_goes_down_again(servers: Servers) -> None:
    await on_server(servers, "CREATE DATABASE migrated_twice")
    engines = [connect(servers.database("migrated_twice")) for _ in range(2)]
    await asyncio.gather(*(migrations.migrate(engine) for engine in engines))
    assert await migrations.current(engines[0]) == migrations.newest()

    def down(connection: Connection) -> None:
        config = migrations.configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    async with engines[0].connect() as connection:
        await connection.run_sync(down)
        await connection.commit()
    assert await migrations.current(engines[0]) is None
    for engine in engines:
        await engine.dispose()
