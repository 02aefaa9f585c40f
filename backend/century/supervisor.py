"""`century up`: everything on one machine, started together, restarted when it dies, ended together."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from century.core.settings import read_settings
from century.embedded import Embedded
from century.folder import hold, make_folder
from century.installation import RUN_FILE, Running, kept_secrets, running
from century.process import Command, SpawnError, end, kill_group, spawn
from century.serving import listen

BACKOFF = (0.0, 0.2, 1.0, 2.0, 5.0)
STEADY_SECONDS = 30.0
END_SECONDS = 5.0
READY_SECONDS = 90.0
FAILED_STARTS = 3


@dataclass(slots=True)
class Part:
    """One supervised process, and when it may be started again."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    due: float | None = field(default=None)

    def begin(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Start it now, or take over what was started as its process."""
        self.process, self.started_at, self.due = process or self.start(), time.monotonic(), None

    def look(self, now: float) -> str | None:
        """Notice a death, start again when due; a sentence where there is something to tell."""
        if self.due is not None and now >= self.due:
            self.begin()
        elif self.due is None and self.process is not None and (status := self.process.poll()) is not None:
            kill_group(self.process)
            self.failures = 0 if now - self.started_at > STEADY_SECONDS else self.failures + 1
            self.due = now + BACKOFF[min(self.failures, len(BACKOFF) - 1)]
            how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
            return f"The {self.name} {how}; starting it again."
        return None


class Supervisor:
    """Holds one data folder and the processes over it. `run` returns the exit status."""

    def __init__(self, data_dir: Path, host: str, port: int, *, demo: bool, environ: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        self.environ = environ
        self.demo = demo
        make_folder(data_dir)
        (data_dir / "logs").mkdir(exist_ok=True, mode=0o700)
        self._lock = _hold(data_dir)
        self.listener = listen(host, port)
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{self.listener.getsockname()[1]}"
        self.embedded: Embedded | None = None
        self.told = b""
        self.parts: list[Part] = []
        self.stopping = False
        self._parent = os.getppid() if _started_by_uv() else None
        self._wake, self._waker = socket.socketpair()

    def run(self) -> int:
        """Start everything, tell where it is, and keep it up until a signal."""
        began = time.monotonic()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        try:
            link = self._start()
            if self._wait_until_ready():
                self._tell(link, time.monotonic() - began)
                self._keep()
            return 0
        finally:
            self._end()

    def _start(self) -> str | None:
        # Both import while the database starts; the worker prepares it before it begins to work.
        server, worker = (Part(name, partial(self._supervised, name)) for name in ("server", "worker"))
        self.parts = [server, worker]
        server.begin(self._child("server"))
        worker.begin(self._child("worker", "first", stdout=subprocess.PIPE))
        assert server.process and worker.process and worker.process.stdout
        environment = self._environment()
        self.told = json.dumps(environment).encode() + b"\n"
        _send(worker.process, self.told)
        with worker.process.stdout as output:
            answer = output.readline()
        if not answer:
            raise SpawnError(f"The database could not be prepared:\n{self._log_end('worker')}")
        _send(server.process, self.told)
        Running(os.getpid(), self.address, environment["DATABASE_URL"], environment["REDIS_URL"]).write(self.data_dir)
        link: str | None = json.loads(answer)["link"]
        return link

    def _environment(self) -> dict[str, str]:
        """What the children are told: the environment's own settings, and what it leaves to us."""
        names = ("DATABASE_URL", "REDIS_URL")
        missing = [name for name in names if not (self.environ.get(name) or self.environ.get(f"{name}_FILE"))]
        ours_to_read = ("MONITORING_", "SMTP_", "SLACK_WEBHOOK_URL", *names)
        given = {name: value for name, value in self.environ.items() if value and name.startswith(ours_to_read)}
        ours = {"MONITORING_DATA_DIR": str(self.data_dir), "MONITORING_PUBLIC_URL": self.address}
        if missing:
            wanted = {"postgres": "DATABASE_URL" in missing, "valkey": "REDIS_URL" in missing}
            self.embedded = Embedded.start(self.data_dir, **wanted)
            ours |= {"DATABASE_URL": self.embedded.database_url, "REDIS_URL": self.embedded.redis_url}
        for name in names:
            if path := given.get(f"{name}_FILE"):
                given[name] = Path(path).read_text().strip()
        told = ours | kept_secrets(self.data_dir, self.environ) | given | {"MONITORING_DATA_DIR": str(self.data_dir)}
        # What cannot be used, a secret that is easy to guess above all, ends us here with its sentence.
        read_settings(told, production=True)
        return told

    def _child(self, role: str, *options: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
        path = self.data_dir / "logs" / f"{role}.log"
        environment = {key: value for key, value in self.environ.items() if not key.startswith("MONITORING_")}
        for secret in ("DATABASE_URL", "REDIS_URL"):
            environment.pop(secret, None)
        with path.open("ab") as output:
            return spawn(
                [sys.executable, "-m", "century.supervised", role, *options],
                env=environment | {"CENTURY_LISTENER": str(self.listener.fileno())},
                stdin=subprocess.PIPE,
                stdout=stdout or output,
                stderr=output,
                pass_fds=[self.listener.fileno()] if role == "server" else [],
            )

    def _supervised(self, role: str) -> subprocess.Popen[bytes]:
        child = self._child(role)
        _send(child, self.told)
        return child

    def _start_demo(self) -> subprocess.Popen[bytes]:
        with (self.data_dir / "logs" / "demo.log").open("ab") as output:
            command: Command = [
                sys.executable,
                "-m",
                "century.demo",
                "--data-dir",
                self.data_dir,
                "--endpoint",
                self.address,
            ]
            return spawn(command, env=self.environ, stdout=None if sys.stdout.isatty() else output, stderr=output)

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while not self.stopping:
            if self._ready():
                return True
            for part in self.parts:
                part.look(time.monotonic())
                if part.failures >= FAILED_STARTS:
                    raise SpawnError(f"The {part.name} does not start:\n{self._log_end(part.name)}")
            if time.monotonic() > deadline:
                raise SpawnError(f"Century was not ready within {READY_SECONDS:.0f} s; see {self.data_dir / 'logs'}.")
            self._rest(0.05)
        return False

    def _ready(self) -> bool:
        host, port = self.listener.getsockname()[:2]
        connection = http.client.HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _tell(self, link: str | None, seconds: float) -> None:
        print(f"Century is at {self.address} (ready in {seconds:.1f} s, data in {self.data_dir}).")
        if link:
            print(f"Sign in as the first admin, once: {link}")
        print("Ctrl-C ends it.", flush=True)
        if self.demo:
            demo = Part("demo", self._start_demo)
            demo.begin()
            self.parts.append(demo)

    def _keep(self) -> None:
        while not self.stopping:
            for name in self.embedded.revive() if self.embedded else ():
                print(f"{name} had ended; started it again.", flush=True)
            for part in self.parts:
                if sentence := part.look(time.monotonic()):
                    print(f"{sentence} See {self.data_dir / 'logs' / (part.name + '.log')}", flush=True)
            if self._parent is not None and os.getppid() != self._parent:
                return
            due = [part.due for part in self.parts if part.due is not None]
            self._rest(max(0.0, min([*due, time.monotonic() + 1.0]) - time.monotonic()))

    def _rest(self, seconds: float) -> None:
        """Wait for a signal (a child's death is one) or so many seconds."""
        if select.select([self._wake], [], [], seconds)[0]:
            self._wake.recv(4096)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _end(self) -> None:
        children = [part.process for part in self.parts if part.process is not None]
        for child in children:
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + END_SECONDS
        for child in children:
            end(child, signal.SIGTERM, max(0.0, deadline - time.monotonic()))
        if self.embedded:
            self.embedded.stop()
        (self.data_dir / RUN_FILE).unlink(missing_ok=True)
        self.listener.close()
        self._lock.close()

    def _log_end(self, name: str) -> str:
        path = self.data_dir / "logs" / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-12:]) if path.exists() else ""


def _send(child: subprocess.Popen[bytes], line: bytes) -> None:
    assert child.stdin is not None
    try:
        with child.stdin as pipe:
            pipe.write(line)
    except BrokenPipeError:
        return  # it died already, which is noticed where deaths are


def _hold(data_dir: Path) -> IO[str]:
    lock = hold(data_dir / "up.lock", wait=0)
    if lock is None:
        first = running(data_dir)
        where = f"at {first.address} (process {first.pid})" if first else "and is just starting"
        raise SpawnError(f"Century already runs on {data_dir}, {where}.")
    return lock


def _started_by_uv() -> bool:
    """Whether our parent is `uv run`, which stands for the terminal: if it is killed, we are to end."""
    try:
        return Path(f"/proc/{os.getppid()}/comm").read_text().strip() == "uv"
    except OSError:
        return False
