"""Child processes that never outlive us: their own group, a death signal, and as root another user."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION = 0x20080522

Command = Sequence[str | Path]

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)


class SpawnError(Exception):
    """A process could not be started; the message is a sentence for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a child runs as. `capability` lets it enter folders that only root may enter (0: none needed)."""

    uid: int
    gid: int
    name: str
    capability: int = 0


def identity_for(folder: Path, paths: Iterable[Path]) -> Identity | None:
    """As root, the unprivileged user for servers that refuse to run as root, able to reach `paths`; else None."""
    if os.geteuid() != 0:
        return None
    import pwd

    owner = folder.stat().st_uid if folder.exists() else 0
    wanted = [owner] if owner else ["century", "postgres", "nobody"]
    for name in wanted:
        try:
            entry = pwd.getpwuid(name) if isinstance(name, int) else pwd.getpwnam(name)
        except KeyError:
            continue
        reachable = all(_may_reach(path, entry.pw_uid, entry.pw_gid) for path in paths)
        return Identity(entry.pw_uid, entry.pw_gid, entry.pw_name, 0 if reachable else _search_capability(folder))
    raise SpawnError(f"PostgreSQL does not run as root, and there is no user to run it as (tried {wanted}).")


def _may_reach(path: Path, uid: int, gid: int) -> bool:
    for parent in path.resolve().parents:
        try:
            status = parent.stat()
        except FileNotFoundError:
            continue
        bit = 0o100 if status.st_uid == uid else 0o010 if status.st_gid == gid else 0o001
        if not status.st_mode & bit:
            return False
    return True


def _search_capability(folder: Path) -> int:
    """The weakest capability we hold that passes closed parent folders, which we never change the modes of."""
    permitted = 0
    if _LINUX:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapPrm:"):
                permitted = int(line.split()[1], 16)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if permitted & 1 << capability:
            return capability
    raise SpawnError(f"{folder} lies in a folder that only root may enter; choose another with --data-dir.")


def spawn(
    command: Command,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    identity: Identity | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child that gets `death_signal` when we die. Call from a thread that lives as long as the process."""
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(pass_fds),
        preexec_fn=_preparation(os.getpid(), death_signal, identity),  # noqa: PLW1509 (what it does must precede exec)
    )


def _preparation(parent: int, death_signal: int, identity: Identity | None) -> Callable[[], None]:
    def prepare() -> None:
        os.setsid()  # a terminal's Ctrl-C is ours to hear, then we end the children in order
        if identity is not None:
            if identity.capability:
                _libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
            os.setgroups([])
            os.setgid(identity.gid)
            os.setuid(identity.uid)
            if identity.capability:
                _keep_only(identity.capability)
        if _LINUX:
            _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)  # after setuid, which clears it
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _keep_only(capability: int) -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    bit = 1 << capability
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if _libc.capset(header, sets) or _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot keep a capability across setuid")


def end(process: subprocess.Popen[bytes], how: signal.Signals, within: float) -> None:
    """Ask a process to end, and kill its whole group if it has not within so many seconds."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            kill_group(process)
            process.wait()
    kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a child's process group; quietly nothing when none is."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
