"""Bringing a database to the newest revision, whoever starts first."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

STAGES = ("access", "telemetry", "probes", "rules", "alerts", "notify", "escalation", "overview")
LOCK = 0x4D494752


def import_tables() -> None:
    """Import every stage's tables, so that the metadata is whole."""
    import_module("century.core.journal")
    import_module("century.core.seeds")
    for stage in STAGES:
        if find_spec(f"century.{stage}.tables"):
            import_module(f"century.{stage}.tables")


def configuration() -> Config:
    """Alembic's configuration: the scripts lie in the package when installed, beside it in a checkout."""
    packaged = Path(__file__).parent / "alembic"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "alembic"
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


def newest() -> str:
    """The revision this code expects."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    assert head is not None
    return head


async def current(engine: AsyncEngine) -> str | None:
    """The revision the database is at; None before the first migration."""
    async with engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def migrate(engine: AsyncEngine, revision: str = "head") -> None:
    """Bring the database to a revision under an advisory lock: a second caller waits and finds nothing to do."""
    async with engine.connect() as guard:
        await guard.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        try:
            async with engine.connect() as connection:
                await connection.run_sync(_upgrade, revision)
                await connection.commit()
        finally:
            await guard.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})


def _upgrade(connection: Connection, revision: str) -> None:
    config = configuration()
    attributes: dict[str, Any] = config.attributes
    attributes["connection"] = connection
    command.upgrade(config, revision)
