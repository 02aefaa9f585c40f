"""Servers and workers as processes of their own: real ones, that can be killed, and that are there at once.

One process imports everything and forks them, so that a worker is there in the time of a fork. Once it is asked to, a
child counts what it writes to its sockets (to PostgreSQL, to Valkey, to whoever is told), and where it is told so, it is
killed in place of one of those writes: `kill -9` at a chosen step.
"""

from __future__ import annotations

import asyncio.selector_events
import contextlib
import ctypes
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
MARKS = struct.Struct("<QQQ")  # whether writes are counted, how many there were, and which of them is the last
WITHIN = 30.0


@dataclass
class Child:
    """A server or a worker."""

    pid: int
    log: Path
    _marks: mmap.mmap

    @property
    def writes(self) -> int:
        """How many writes were counted."""
        return int(MARKS.unpack(self._marks[: MARKS.size])[1])

    def count(self, dies_at: int = 0) -> None:
        """Count its writes from now on; in place of the `dies_at`th it is killed."""
        self._marks[: MARKS.size] = MARKS.pack(1, 0, dies_at)

    @property
    def lives(self) -> bool:
        """Whether it runs."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it where it stands, and see it gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, how)
        until(lambda: not self.lives, f"the end of {self.log.stem}")


@dataclass
class Nursery:
    """Forks servers and workers of one installation."""

    environment: Mapping[str, str]
    folder: Path
    _process: subprocess.Popen[str]
    children: list[Child] = field(default_factory=list)

    def worker(self) -> Child:
        """A worker."""
        return self._fork("worker")

    def server(self, port: int) -> Child:
        """A server on this port."""
        return self._fork("server", port)

    def _fork(self, what: str, port: int = 0) -> Child:
        name = f"{what}-{len(self.children)}"
        log, marks = self.folder / f"{name}.log", self.folder / f"{name}.marks"
        marks.write_bytes(bytes(MARKS.size))
        said = {
            "what": what, "port": port, "log": str(log), "marks": str(marks),
            "environment": dict(self.environment), "folder": str(self.folder),
        }  # fmt: skip
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        with marks.open("r+b") as file:
            child = Child(pid, log, mmap.mmap(file.fileno(), MARKS.size))
        self.children.append(child)
        return child


@contextlib.contextmanager
def nursery(environment: Mapping[str, str]) -> Iterator[Nursery]:
    """A nursery that takes its children along when it ends."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        made = Nursery(environment, Path(folder), process)
        try:
            yield made
        finally:
            for child in made.children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
            assert process.stdin
            process.stdin.close()
            process.wait(10)
            assert process.stdout
            process.stdout.close()


def until(happens: Callable[[], bool], what: str, within: float = WITHIN, every: float = 0.005) -> float:
    """Wait for something that another process does; the seconds it took."""
    began = time.monotonic()
    while not happens():
        assert time.monotonic() - began < within, f"{what}: not within {within} s"
        time.sleep(every)
    return time.monotonic() - began


def main() -> None:
    """Import everything, then fork what is asked for."""
    from importlib import import_module

    from century import migrations, serving, worker

    serving.preload()
    migrations.import_tables()
    for name in (*worker.LOOPS, *worker.SEEDS):
        import_module(name.partition(":")[0])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            try:
                _live(asked)
            finally:
                os._exit(1)
        print(pid, flush=True)


def _live(asked: Mapping[str, Any]) -> None:
    from century import serving, worker
    from century.core.settings import read_settings

    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, to in ((0, null), (1, log), (2, log)):
        os.dup2(to, number)
    with open(asked["marks"], "r+b") as file:
        _count(mmap.mmap(file.fileno(), MARKS.size))
    settings = read_settings(asked["environment"], data_dir=Path(asked["folder"]))
    # Not uvloop, which writes where nobody sees it.
    if asked["what"] == "worker":
        worker.new_event_loop = asyncio.SelectorEventLoop  # type: ignore[assignment]
        worker.run(settings)
    else:
        import uvicorn

        uvicorn.Config.get_loop_factory = lambda _: asyncio.SelectorEventLoop  # type: ignore[assignment,method-assign]
        serving.run(settings, serving.listen("127.0.0.1", asked["port"]))
    os._exit(0)


def _count(marks: mmap.mmap) -> None:
    transport = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    write = transport.write

    def counted(self: Any, data: Any) -> None:
        counting, writes, dies_at = MARKS.unpack(marks[: MARKS.size])
        if counting:
            writes += 1
            marks[: MARKS.size] = MARKS.pack(1, writes, dies_at)
            if writes == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)
        write(self, data)

    transport.write = counted


if __name__ == "__main__":
    main()
