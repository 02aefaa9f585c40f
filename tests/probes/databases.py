"""PostgreSQL servers of a test's own, from the wheel's binaries or Debian's."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import asyncpg

from century.embedded import _free_port, _postgres_binaries
from century.process import Identity, end, identity_for, spawn

# Debian's newest, which has what the wheel leaves out: TLS and the contributed modules.
DEBIAN = max(
    Path("/usr/lib/postgresql").glob("*/bin/postgres"),
    key=lambda each: int(each.parts[-3]) if each.parts[-3].isdecimal() else 0,
    default=Path("/usr/lib/postgresql/none/bin/postgres"),
).parent
PASSWORD = "a password: with/signs@"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class PostgresServer:
    """A server with settings of its own; `stop` ends it."""

    def __init__(self, folder: Path, *, binaries: Path | None = None, **settings: str) -> None:
        self.folder = folder.absolute()
        self.binaries = binaries or _postgres_binaries()
        self.home = self.folder / "data"
        self.port = _free_port()
        self.settings = SETTINGS | {"port": str(self.port)} | settings
        self.identity: Identity | None = identity_for(self.home, [self.binaries / "postgres", self.home])
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, as a probe is given it."""
        return f"postgresql://owner@127.0.0.1:{self.port}/postgres"

    def own(self, path: Path) -> None:
        """Give a file or folder to the user that the server runs as."""
        if self.identity is not None:
            os.chown(path, self.identity.uid, self.identity.gid)

    def create(self) -> None:
        """Make an empty cluster."""
        self.folder.mkdir(exist_ok=True, parents=True)
        self.home.mkdir(mode=0o700)
        self.own(self.home)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        self.own(secret)
        self.run(
            "initdb", "-D", self.home, "-U", "owner", "--auth=scram-sha-256", f"--pwfile={secret}", "--locale=C",
            "--encoding=UTF8", "--no-sync",
        )  # fmt: skip

    def follow(self, other: PostgresServer) -> None:
        """Make a standby of another server."""
        self.folder.mkdir(exist_ok=True, parents=True)
        self.home.mkdir(mode=0o700)
        self.own(self.home)
        where = f"host=127.0.0.1 port={other.port} user=owner application_name=second"
        self.run("pg_basebackup", "-D", self.home, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", where)

    def run(self, program: str, *arguments: object) -> None:
        """Run one of the server's programs to its end."""
        command = [str(self.binaries / program), *(str(each) for each in arguments)]
        with (self.folder / f"{program}.log").open("wb") as log:
            process = spawn(
                command,
                cwd=self.home,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGPASSWORD": PASSWORD},
                identity=self.identity,
                stdout=log,
                stderr=log,
            )
        assert process.wait(60) == 0, (self.folder / f"{program}.log").read_text()

    def start(self) -> None:
        """Start it, and return when it answers."""
        command = [str(self.binaries / "postgres"), "-D", str(self.home)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "postgres.log").open("ab") as log:
            self.process = spawn(
                command,
                cwd=self.home,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                identity=self.identity,
                death_signal=signal.SIGINT,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 30
        pid = self.home / "postmaster.pid"
        while not (pid.exists() and len(lines := pid.read_text().splitlines()) > 7 and lines[7].strip() == "ready"):
            said = (self.folder / "postgres.log").read_text()
            assert self.process.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.01)

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            end(self.process, signal.SIGINT, 5)
        shutil.rmtree(self.home, ignore_errors=True)

    async def connect(self, **arguments: Any) -> Any:
        """A session of somebody else's."""
        known = {"user": "owner", "password": PASSWORD, "database": "postgres"} | arguments
        return await asyncpg.connect(host="127.0.0.1", port=self.port, **known)
