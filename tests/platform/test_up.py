"""`century up` from the first start to the last process gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from century.core.bus import Bus
from tests.platform.installation import Up, alive, century, commands, free_port, link_in, nobody, until, up

PARTS = ("century.supervised server", "century.supervised worker", "postgres", "valkey-server")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "installation"


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Up]:
    with up(folder) as started:
        yield started


def test_the_first_start_prints_where_it_is_and_a_link(running: Up) -> None:
    assert f"Century is at http://127.0.0.1:{running.port} " in running.said
    link = link_in(running.said)
    assert link is not None
    assert link.startswith(f"http://127.0.0.1:{running.port}/")
    assert running.get("/readyz")[0] == running.get("/livez")[0] == 200


def test_no_secret_is_in_a_process_list(running: Up) -> None:
    secrets = [path.read_text() for path in (running.data_dir / "secrets").iterdir()]
    assert len(secrets) == 4
    for process in running.family:
        said = " ".join(process.cmdline()) + " ".join(process.environ().values())
        assert not [secret for secret in secrets if secret in said], process.name()


def test_a_well_known_secret_is_refused_at_the_start(tmp_path: Path) -> None:
    outside = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    refused = century(
        "up",
        "--data-dir",
        str(tmp_path / "c"),
        "--port",
        str(free_port()),
        MONITORING_JWT_SECRET="your_jwt_secret",
        **outside,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("MONITORING_JWT_SECRET is too easy to guess")


def test_a_second_up_says_where_the_first_one_runs(running: Up) -> None:
    second = century("up", "--data-dir", str(running.data_dir), "--port", str(free_port()))
    assert second.returncode == 1
    expected = (
        f"already runs on {running.data_dir}, at http://127.0.0.1:{running.port} (process {running.process.pid})."
    )
    assert expected in second.stderr


def test_a_taken_port_says_by_whom_and_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = century("up", "--data-dir", str(tmp_path / "other"), "--port", str(port))
    assert refused.returncode == 1
    assert f"Port {port} is taken by " in refused.stderr
    assert f"(process {os.getpid()}, of " in refused.stderr
    assert "choose another port: --port" in refused.stderr
    assert not (tmp_path / "other" / "postgres").exists()


@pytest.mark.parametrize("part", PARTS)
def test_what_is_killed_comes_back(running: Up, part: str) -> None:
    victim = running.find(part)
    victim.kill()
    until(lambda: not alive([victim]), "it dies")
    until(lambda: any(part in line for line in commands(running.family)), f"{part} is back", 12)
    until(running.ready, "ready again", within=15)


def test_an_emptied_redis_loses_nothing(running: Up) -> None:
    redis = Redis.from_url(running.url("redis_url"))
    redis.flushall()
    redis.close()
    until(running.ready, "ready again", within=10)


def test_the_worker_still_takes_jobs_after_all_that(running: Up) -> None:
    async def ring() -> None:
        bus = Bus(running.url("redis_url"))
        await bus.enqueue("compact")
        await bus.close()

    redis = Redis.from_url(running.url("redis_url"))
    asyncio.run(ring())
    until(lambda: redis.zcard("arq:queue") == 0 and not redis.keys("arq:in-progress:*"), "the job is done", within=15)
    redis.close()


def test_commands_find_a_running_installation(running: Up) -> None:
    listed = century("users", "list", MONITORING_DATA_DIR=str(running.data_dir))
    assert "admin@localhost" in listed.stdout, listed.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ending_it_leaves_no_process(folder: Path, running: Up, how: signal.Signals) -> None:
    if running.process.poll() is None:
        running.end(signal.SIGTERM)
    with up(folder) as again:
        family = again.family
        assert len(family) > 5
        seconds = again.end(how)
        assert seconds < 10
        until(lambda: not alive(family), "all have ended", within=10)
        assert again.process.returncode == (-9 if how is signal.SIGKILL else 0)
    Up(folder, free_port()).end(signal.SIGTERM)


def test_it_ends_when_the_uv_that_ran_it_is_killed(folder: Path, running: Up, tmp_path: Path) -> None:
    if running.process.poll() is None:
        running.end(signal.SIGTERM)
    uv = tmp_path / "uv"  # what matters is the parent's name
    uv.symlink_to(Path(sys.executable).resolve())
    command = [sys.executable, "-m", "century.cli", "up", "--data-dir", str(folder), "--port", str(free_port())]
    code = f"import subprocess; subprocess.run({command!r})"
    with subprocess.Popen([uv, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as parent:
        assert parent.stdout
        assert any("Ctrl-C" in line for line in iter(parent.stdout.readline, ""))
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) > 5
        parent.kill()
    until(lambda: not alive(family), "all have ended", within=10)


def test_it_works_for_a_plain_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    identity = nobody() if os.geteuid() == 0 else None
    home = tmp_path_factory.mktemp("home")
    if identity:
        os.chown(home, identity.uid, identity.gid)
    with up(home / "installation", identity=identity) as plain:
        users = {process.uids().real for process in plain.family}
        assert users == {identity.uid if identity else os.geteuid()}
        assert plain.ready()
        family = plain.family
        assert plain.end() < 10
        assert not alive(family)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    refused = century("up", "--data-dir", str(blocked / "below"), "--port", str(free_port()))
    assert refused.returncode == 1
    assert "cannot be made" in refused.stderr
    assert "Traceback" not in refused.stderr
