"""The migrations build what the tables say, go down again, and may be run by two at once."""

from __future__ import annotations

import asyncio
from uuid import UUID

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from century import migrations
from century.core.db import Base, connect
from tests.conftest import Servers, on_server
from tests.world import START, World


async def test_the_database_is_what_the_tables_say(world: World) -> None:
    migrations.import_tables()

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with world.works.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


RULE = """
    INSERT INTO rule (id, name, enabled, severity, routes, critical_routes, condition, runbook, depends_on, version,
        created_at, updated_at, updated_by_name)
    VALUES (:rule, 'queues', true, 'info', '{}', false, CAST(:condition AS jsonb), '', '{}', 1, :at, :at, 'tests')"""
VERDICT = """
    INSERT INTO verdict (rule_id, subject, service, attributes, standing, since, samples)
    VALUES (:rule, :subject, :service, CAST(:attributes AS jsonb), 'firing', :at, 1)"""
ALERT = """
    INSERT INTO alert (id, rule_id, rule_name, rule, subject, service, attributes, severity, state, episode, summary,
        unit, evidence, opened_at, level, updated_at)
    VALUES (:id, :rule, 'queues', jsonb_build_object('condition', CAST(:condition AS jsonb)), :subject, :service,
        CAST(:attributes AS jsonb), 'info', 'firing', 1, '', '1', '{}', :at, 0, :at)"""


async def test_subjects_are_called_anew_and_as_they_were(servers: Servers) -> None:
    await on_server(servers, "CREATE DATABASE migrated_subjects")
    engine = connect(servers.database("migrated_subjects"))
    await migrations.migrate(engine, "0010")
    before = {
        "shop": ("shop", "{}"),
        "the shop": ("the shop", "{}"),
        "shop q=mail b=1": ("shop", '{"b": "1", "q": "mail"}'),
        "shop q=a b b=c": ("shop", '{"b": "c", "q": "a b"}'),
    }
    given = {"rule": UUID(int=1), "condition": '{"group_by": ["q", "b"]}', "at": START}
    async with engine.begin() as connection:
        await connection.execute(text(RULE), given)
        for number, (subject, (service, attributes)) in enumerate(before.items()):
            one = given | {"id": UUID(int=number), "subject": subject, "service": service, "attributes": attributes}
            await connection.execute(text(VERDICT), one)
            await connection.execute(text(ALERT), one)

    async def subjects() -> list[set[str]]:
        async with engine.connect() as connection:
            return [
                set((await connection.execute(text(f"SELECT subject FROM {table}"))).scalars())
                for table in ("verdict", "alert")
            ]

    await migrations.migrate(engine, "0011")
    assert await subjects() == [{"shop", '"the shop"', "shop q=mail b=1", 'shop q="a b" b=c'}] * 2
    async with engine.connect() as connection:
        await connection.run_sync(down, "0010")
        await connection.commit()
    assert await subjects() == [set(before)] * 2
    await engine.dispose()


def down(connection: Connection, revision: str) -> None:
    config = migrations.configuration()
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


async def test_two_may_migrate_at_once_and_it_goes_down_again(servers: Servers) -> None:
    await on_server(servers, "CREATE DATABASE migrated_twice")
    engines = [connect(servers.database("migrated_twice")) for _ in range(2)]
    await asyncio.gather(*(migrations.migrate(engine) for engine in engines))
    assert await migrations.current(engines[0]) == migrations.newest()

    async with engines[0].connect() as connection:
        await connection.run_sync(down, "base")
        await connection.commit()
    assert await migrations.current(engines[0]) is None
    for engine in engines:
        await engine.dispose()


PROBE = """
    INSERT INTO probe (id, name, kind, enabled, settings, labels, interval_s, timeout_s, retry_s, failures, successes, shard,
        version, created_at, updated_at, updated_by_name)
    VALUES (:id, 'shop', 'http', true, '{"url": "https://shop.example.com"}', '{}', 30, 10, 5, 3, 2, 0, 1, :at, :at, 'tests')"""
MOVED = "INSERT INTO probe_change (probe_id, at, state, reason) VALUES (:id, :at, 'down', 'refused')"
HEARTBEAT = """
    INSERT INTO heartbeat (id, name, enabled, labels, token_hash, token_sealed, period_s, time_zone, grace_s, state, since,
        fence, version, created_at, updated_at, updated_by_name)
    VALUES (:id, 'nightly', true, '{}', :hash, '', 3600, 'UTC', 60, 'up', :at, 0, 1, :at, :at, 'tests')"""


async def test_what_is_there_stays_while_the_infrastructure_comes_and_goes(servers: Servers) -> None:
    await on_server(servers, "CREATE DATABASE migrated_infrastructure")
    engine = connect(servers.database("migrated_infrastructure"))
    condition = '{"group_by": []}'
    given = {"rule": UUID(int=1), "id": UUID(int=2), "condition": condition, "at": START}
    about = {"subject": "shop", "service": "shop", "attributes": "{}", "hash": UUID(int=2).bytes}

    async def write(*statements: str) -> None:
        async with engine.begin() as connection:
            for each in statements:
                await connection.execute(text(each), given | about)

    async def there() -> dict[str, int]:
        """How many rows each of these tables has that there is."""
        found = {}
        async with engine.connect() as connection:
            for table in ("rule", "verdict", "alert", "probe", "probe_change", "heartbeat"):
                if await connection.scalar(text(f"SELECT to_regclass('{table}')")) is not None:
                    found[table] = await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0
        return found

    async def back(revision: str) -> None:
        async with engine.connect() as connection:
            await connection.run_sync(down, revision)
            await connection.commit()

    await migrations.migrate(engine, "0011")
    await write(RULE, VERDICT, ALERT)
    before = {"rule": 1, "verdict": 1, "alert": 1}
    assert await there() == before
    await migrations.migrate(engine, "0012")
    await write(PROBE, MOVED)
    await migrations.migrate(engine, "0013")
    await write(HEARTBEAT)
    await migrations.migrate(engine)
    probes, beats = {"probe": 1, "probe_change": 1}, {"heartbeat": 1}
    assert await there() == before | probes | beats
    await back("0013")
    assert await there() == before | probes | beats, "what came later takes nothing along"
    await back("0012")
    assert await there() == before | probes
    await back("0011")
    assert await there() == before
    await migrations.migrate(engine)
    assert await there() == before | {"probe": 0, "probe_change": 0, "heartbeat": 0}
    await engine.dispose()
