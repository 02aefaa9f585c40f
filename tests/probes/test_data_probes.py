"""The probes of data in a worker's hands: saved as people save them, asked, settled, and their samples kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import insert
from sqlalchemy.engine import make_url

from century.core.actor import INTERNAL
from century.core.errors import Invalid
from century.probes.heartbeat import RunState
from century.probes.kind import ProbeKind
from century.probes.probe import ProbeState
from century.probes.problems import Draft
from century.probes.tables import RunRow
from century.probes.trying import try_probe
from tests.conftest import Servers
from tests.probes.asking import NOW
from tests.probes.conftest import Beats
from tests.probes.kinds.test_backup import written
from tests.probes.kinds.test_prometheus import exposing
from tests.probes.probing import Probing
from tests.world import World


@pytest_asyncio.fixture
async def probing(world: World) -> AsyncIterator[Probing]:
    made = Probing(world)
    await made.runner.start()
    yield made
    await made.runner.stop()


async def test_a_database_and_a_redis_by_their_addresses(probing: Probing, servers: Servers) -> None:
    url = make_url(servers.database("postgres"))
    password, secret = str(url.password), str(make_url(servers.redis_url).password)
    # As people paste them: the password is taken out of the address.
    database = await probing.save(
        Draft(
            "shop-db",
            ProbeKind.POSTGRES,
            {"url": f"postgresql://{url.username}:{password}@127.0.0.1:{url.port}/postgres"},
        )
    )
    cache = await probing.save(Draft("cache", ProbeKind.REDIS, {"url": servers.redis_url}))
    assert len(await probing.round()) == 2
    for probe, fact in ((database, "database.connections_share"), (cache, "redis.healthy")):
        standing = await probing.now(probe)
        assert standing.now.state is ProbeState.UP, standing.message
        assert fact in {each.name for each in standing.facts}
    await probing.runner.flush()
    names = {name for (name,) in await probing.rows("SELECT name FROM metric")}
    assert {"database.up", "database.latency", "redis.up", "redis.memory_used"} <= names
    for table in ("probe", "probe_now", "probe_check", "journal"):
        kept = str(await probing.rows(f"SELECT to_jsonb(t)::text FROM {table} t"))
        assert password not in kept and secret not in kept, table


async def test_a_password_does_not_follow_sentinels_to_others(probing: Probing) -> None:
    settings = {"sentinels": "127.0.0.1:1\n127.0.0.1:2", "master": "mymaster", "password": "of the cache"}
    probe = await probing.save(Draft("cache", ProbeKind.REDIS, settings))
    moved = {"sentinels": "127.0.0.1:1\n127.0.0.1:3", "master": "mymaster"}
    with pytest.raises(Invalid) as refused:
        await probing.save(Draft("cache", ProbeKind.REDIS, moved, id=probe.id, version=probe.version))
    assert "leads to another host: enter Password again" in str(refused.value.fields)


async def test_a_host_and_a_backup(probing: Probing, tmp_path: Path, world: World, beats: Beats) -> None:
    host = await probing.save(Draft("web-1", ProbeKind.HOST, {"paths": str(tmp_path)}, runs_on="here"))
    elsewhere = await probing.save(Draft("web-2", ProbeKind.HOST, {}, runs_on="there"))
    folder = world.settings.data_dir / "backups"
    folder.mkdir()
    written(folder, "monday.dump", 30)
    settings = {"folder": str(folder), "pattern": "*.dump", "verifiedBy": "heartbeat", "heartbeat": "nightly"}
    backup = await probing.save(Draft("backups", ProbeKind.BACKUP, settings))
    nightly = await beats.make("nightly")
    await probing.round()
    assert (await probing.now(host)).now.state is ProbeState.UP
    assert (await probing.now(elsewhere)).now.state is ProbeState.UNKNOWN
    standing = await probing.now(backup)
    assert standing.ok is False and standing.now.state is ProbeState.UNKNOWN
    assert standing.message == "no backup is verified: no good run of the heartbeat 'nightly' is known"
    async with world.works.begin() as work:
        run = {"id": uuid4(), "heartbeat_id": nightly.id, "state": RunState.OK.value, "ended_at": NOW, "at": NOW}
        await work.execute(insert(RunRow).values(**run))
    world.advance(seconds=60)
    await probing.round()
    assert (await probing.now(backup)).now.state is ProbeState.UP
    tried = await try_probe(world.works, world.settings, INTERNAL, Draft("tried", ProbeKind.BACKUP, settings))
    assert tried.measured is not None and tried.measured.ok, tried


async def test_what_is_scraped_is_a_services_own(probing: Probing) -> None:
    async with exposing(b'orders_total{shop="north"} 3\nqueue 7\n') as (url, _):
        settings = {"url": url, "service": "shop"}
        probe = await probing.save(
            Draft("shop metrics", ProbeKind.PROMETHEUS, settings, interval=timedelta(seconds=15))
        )
        await probing.round()
        assert (await probing.now(probe)).now.state is ProbeState.UP, (await probing.now(probe)).message
        await probing.runner.flush()
    rows: Any = await probing.rows(
        "SELECT service.name, m.name, m.kind, series.attributes FROM series JOIN metric m ON m.id = series.metric_id"
        " JOIN service ON service.id = m.service_id WHERE service.name NOT LIKE 'century/%' ORDER BY 2"
    )
    found = {(service, metric, kind, attributes.get("shop")) for service, metric, kind, attributes in rows}
    assert found == {("shop", "orders_total", "sum", "north"), ("shop", "queue", "gauge", None)}


async def test_a_query_that_writes_is_not_saved(probing: Probing) -> None:
    settings = {"url": "postgresql://monitor@db.example.com/app", "query": "DELETE FROM orders"}
    with pytest.raises(Invalid) as refused:
        await probing.save(Draft("shop-db", ProbeKind.POSTGRES, settings))
    assert "it begins with DELETE" in str(refused.value.fields)
