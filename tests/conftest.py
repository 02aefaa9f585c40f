"""Real servers for every test: PostgreSQL and Valkey from the wheels, a database cloned per test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.engine import make_url

from century import migrations
from century.core.bus import Bus
from century.core.db import connect
from century.core.settings import Settings, read_settings
from century.core.work import Works
from century.embedded import Embedded
from tests.world import MovableClock, World

SECRETS = {
    "MONITORING_SECRET": "a" * 15 + "test-secret-of-the-tests",
    "MONITORING_JWT_SECRET": "b" * 15 + "another-one-of-the-tests",
}
numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL and Valkey of this test run answer."""

    data_dir: Path
    database_url: str
    redis_url: str

    def database(self, name: str) -> str:
        """The address of another database on the same server, for SQLAlchemy's asyncpg."""
        url = make_url(self.database_url).set(drivername="postgresql+asyncpg", database=name)
        return url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey, started once."""
    data_dir = tmp_path_factory.mktemp("servers")
    embedded = Embedded.start(data_dir)
    try:
        yield Servers(data_dir, embedded.database_url, embedded.redis_url)
    finally:
        embedded.stop()


@pytest_asyncio.fixture(scope="session")
async def template(servers: Servers) -> str:
    """A migrated database that every test clones."""
    await on_server(servers, "CREATE DATABASE template_century")
    engine = connect(servers.database("template_century"))
    await migrations.migrate(engine)
    await engine.dispose()
    return "template_century"


async def on_server(servers: Servers, statement: str) -> None:
    """Run a statement that cannot run in a transaction."""
    engine = connect(servers.database("postgres"))
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(statement))
    await engine.dispose()


@pytest_asyncio.fixture
async def settings(servers: Servers, template: str, tmp_path: Path) -> AsyncIterator[Settings]:
    """The settings of an installation with a fresh, migrated database and an empty Valkey."""
    name = f"test_{next(numbers)}"
    await on_server(servers, f"CREATE DATABASE {name} TEMPLATE {template}")
    environment = {"DATABASE_URL": servers.database(name), "REDIS_URL": servers.redis_url, **SECRETS}
    yield read_settings(environment, data_dir=tmp_path)
    await on_server(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    """An installation whose clock the test moves."""
    clock = MovableClock()
    engine = connect(settings.database_url)
    bus = Bus(settings.redis_url)
    await bus.redis.flushall()
    yield World(settings, Works(engine, clock, bus), bus, clock)
    await bus.close()
    await engine.dispose()


@pytest.fixture
def works(world: World) -> Works:
    """Transactions on the test's database."""
    return world.works


@pytest.fixture
def clock(world: World) -> MovableClock:
    """The world's clock."""
    return world.clock
