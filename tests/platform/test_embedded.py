"""The embedded servers: what is kept, what is refused, what dies with whom."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from century.embedded import Embedded, EmbeddedError
from century.process import identity_for
from tests.platform.installation import alive, until

HELD = """
import sys, time
from pathlib import Path
from century.embedded import Embedded
embedded = Embedded.start(Path(sys.argv[1]))
print(*[process.pid for process in embedded.processes], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    servers = Embedded.start(tmp_path / "installation")
    yield servers
    servers.stop()


async def ask(embedded: Embedded, statement: str) -> object:
    connection = await asyncpg.connect(embedded.database_url.replace("+asyncpg", ""))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_what_was_stored_is_there_after_a_restart(embedded: Embedded) -> None:
    await ask(embedded, "CREATE TABLE kept AS SELECT 7 AS number")
    redis = Redis.from_url(embedded.redis_url)
    await redis.set("kept", "7")
    await redis.aclose()
    embedded.stop()

    again = Embedded.start(embedded.data_dir)
    try:
        assert await ask(again, "SELECT number FROM kept") == 7
        redis = Redis.from_url(again.redis_url)
        assert await redis.get("kept") == b"7"
        await redis.aclose()
    finally:
        again.stop()


async def test_both_ask_for_a_password_and_listen_here_alone(embedded: Embedded) -> None:
    wrong = embedded.database_url.replace("+asyncpg", "").replace(embedded.password, "wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)
    redis = Redis.from_url(
        embedded.redis_url.split("@")[0].rsplit(":", 1)[0] + ":wrong@" + embedded.redis_url.split("@")[1]
    )
    with pytest.raises(AuthenticationError):
        await redis.ping()
    await redis.aclose()
    for process in embedded.processes:
        listening = [c for c in psutil.Process(process.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
        assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


def test_no_secret_shows_and_none_can_be_read_by_others(embedded: Embedded) -> None:
    secrets = [path.read_text() for path in (embedded.data_dir / "secrets").iterdir()]
    assert len(secrets) == 2
    for process in embedded.processes:
        shown = psutil.Process(process.pid)
        said = " ".join(shown.cmdline()) + " ".join(shown.environ().values())
        assert not [secret for secret in secrets if secret in said]
    for path in [*(embedded.data_dir / "secrets").iterdir(), embedded.data_dir / "valkey" / "valkey.sock"]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    for name in ("postgres", "valkey", "secrets", "logs"):
        assert stat.S_IMODE((embedded.data_dir / name).stat().st_mode) == 0o700
    assert not (embedded.data_dir / "postgres.password").exists()


def test_parent_folders_keep_their_modes(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    Embedded.start(closed / "installation").stop()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_the_servers_are_never_root(embedded: Embedded) -> None:
    for process in embedded.processes:
        assert psutil.Process(process.pid).uids().real != 0


async def test_what_dies_is_started_again_on_the_same_address(embedded: Embedded) -> None:
    addresses = embedded.database_url, embedded.redis_url
    await ask(embedded, "CREATE TABLE kept AS SELECT 7 AS number")
    for process in embedded.processes:
        process.kill()
        process.wait()
    assert sorted(embedded.revive()) == ["PostgreSQL", "Valkey"]
    embedded.wait()
    assert (embedded.database_url, embedded.redis_url) == addresses
    assert await ask(embedded, "SELECT number FROM kept") == 7


async def test_a_killed_database_comes_back_though_a_query_of_it_is_still_busy(embedded: Embedded) -> None:
    busy = asyncio.create_task(ask(embedded, "SELECT count(*) FROM generate_series(1, 20000000000) a"))
    postmaster = embedded.postgres
    assert postmaster is not None
    while not await ask(
        embedded, "SELECT true FROM pg_stat_activity WHERE query LIKE 'SELECT count%' AND state = 'active'"
    ):
        await asyncio.sleep(0)
    postmaster.kill()
    postmaster.wait()
    assert embedded.revive() == ["PostgreSQL"]
    embedded.wait(20)
    assert await ask(embedded, "SELECT 7") == 7
    assert isinstance((await asyncio.gather(busy, return_exceptions=True))[0], Exception)


def test_a_killed_parent_leaves_none_and_the_folder_free(tmp_path: Path) -> None:
    folder = tmp_path / "installation"
    holder = subprocess.Popen([sys.executable, "-c", HELD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin and holder.stdout
    servers = [psutil.Process(int(pid)) for pid in holder.stdout.readline().split()]
    assert len(alive(servers)) == 2
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    until(lambda: not alive(servers), "the servers end", within=10)
    Embedded.start(folder).stop()


def test_a_foreign_number_in_a_stale_pid_file_harms_nobody(embedded: Embedded) -> None:
    embedded.stop()
    (embedded.data_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n/nowhere\n0\n0\n\n\n0 0\nready\n")
    Embedded.start(embedded.data_dir).stop()


def test_a_killed_creation_leaves_nothing_half(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    Embedded.start(tmp_path).stop()
    assert not half.exists()


def test_a_server_that_cannot_start_says_why(embedded: Embedded) -> None:
    embedded.stop()
    (embedded.data_dir / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EmbeddedError, match="(?s)embedded postgres.*version"):
        Embedded.start(embedded.data_dir)


def test_a_user_needs_no_other_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        assert identity_for(tmp_path, [tmp_path]) is None
    else:
        identity = identity_for(tmp_path / "new", [tmp_path])
        assert identity is not None
        assert identity.uid != 0


def test_stopping_twice_is_as_good_as_once(embedded: Embedded) -> None:
    embedded.stop()
    embedded.stop()
    assert [process.returncode for process in embedded.processes] == [0, 0]
