"""`century up` as people run it: a process of its own, its output, and every process it started."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from century.process import CAP_DAC_READ_SEARCH, Identity, spawn

WITHIN = 60.0


def until(happens: Callable[[], bool], what: str, within: float = WITHIN, every: float = 0.02) -> float:
    """Wait for something that other processes do; the seconds it took."""
    began = time.monotonic()
    while not happens():
        assert time.monotonic() - began < within, f"{what}: not within {within} s"
        time.sleep(every)
    return time.monotonic() - began


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a dead one that nobody has waited for does not."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def commands(processes: list[psutil.Process]) -> list[str]:
    """The command lines of those that still run."""
    found = []
    for process in alive(processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(" ".join(process.cmdline()))
    return found


class Up:
    """A `century up` and its output so far."""

    def __init__(
        self, data_dir: Path, port: int, identity: Identity | None = None, *options: str, **environment: str
    ) -> None:
        self.data_dir, self.port = data_dir, port
        self.output = data_dir.parent / f"up-{port}.out"
        with self.output.open("wb") as output:
            self.process = spawn(
                [sys.executable, "-m", "century.cli", "up", "--data-dir", data_dir, "--port", str(port), *options],
                env={"PATH": "/usr/bin:/bin", "HOME": str(data_dir.parent), **environment},
                identity=identity,
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def ready(self) -> bool:
        """Whether /readyz answers 200; fails when the process is gone."""
        assert self.process.poll() is None, self.said
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/readyz")[0] == 200
        return False

    def get(self, path: str) -> tuple[int, bytes]:
        """A GET on the installation."""
        return self._request("GET", path)

    def ask(self, key: str, query: str, **variables: object) -> Any:
        """The data of a GraphQL answer; fails on an error in it."""
        body = json.dumps({"query": query, "variables": variables})
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        status, answer = self._request("POST", "/graphql", body, headers)
        said = json.loads(answer)
        assert status == 200, said
        assert "errors" not in said, said
        return said["data"]

    def _request(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[int, bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()

    def wait(self) -> None:
        """Until it has printed where it is."""
        until(lambda: "Ctrl-C" in self.said or self.process.poll() is not None, "up")
        assert self.process.poll() is None, self.said

    @property
    def family(self) -> list[psutil.Process]:
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def find(self, text: str) -> psutil.Process:
        """The child whose command line contains this."""
        return next(child for child in psutil.Process(self.process.pid).children() if text in " ".join(child.cmdline()))

    def url(self, name: str) -> str:
        """`database_url` or `redis_url`, as the note in its folder has it."""
        return str(json.loads((self.data_dir / "up.json").read_text())[name])

    def end(self, how: signal.Signals = signal.SIGINT) -> float:
        """End it; the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(30)
        return time.monotonic() - began


@contextlib.contextmanager
def up(
    data_dir: Path, port: int | None = None, identity: Identity | None = None, *options: str, **environment: str
) -> Iterator[Up]:
    """A running installation, gone afterwards whatever the test did."""
    running = Up(data_dir, port or free_port(), identity, *options, **environment)
    try:
        running.wait()
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


def century(*arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "century.cli", *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
        check=False,
    )


def nobody() -> Identity:
    """An unprivileged user, who may read this checkout wherever it lies, but writes only what is theirs."""
    return Identity(65534, 65534, "nobody", CAP_DAC_READ_SEARCH if os.geteuid() == 0 else 0)


def link_in(text: str) -> str | None:
    """The one-time sign-in link in some output."""
    found = re.search(r"http://\S+/sign-in#token=\S+", text)
    return found[0] if found else None
