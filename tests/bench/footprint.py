"""`century up`: seconds until ready, the first time and the second, and the memory of all its processes at rest."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import psutil

from tests.platform.installation import Up, free_port

FIRST_SECONDS, SECOND_SECONDS, REST_MIB = 10.0, 5.0, 350.0
REST_AFTER = 30.0


def main() -> None:
    """Print the figures beside what they are held to; exit 1 where one is missed."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir, port = Path(folder) / "data", free_port()
        first, up = begin(data_dir, port)
        up.end()
        second, up = begin(data_dir, port)
        try:
            time.sleep(REST_AFTER)
            parts = memory(psutil.Process(up.process.pid))
        finally:
            up.end()
    total = sum(parts.values())
    print(f"first start until ready   {first:6.1f} s    of {FIRST_SECONDS:.0f}")
    print(f"second start until ready  {second:6.1f} s    of {SECOND_SECONDS:.0f}")
    print(f"memory at rest            {total:6.0f} MiB  of {REST_MIB:.0f}")
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        print(f"  {name:24}{size:6.0f} MiB")
    if first > FIRST_SECONDS or second > SECOND_SECONDS or total > REST_MIB:
        raise SystemExit(1)


def begin(data_dir: Path, port: int) -> tuple[float, Up]:
    """Start and wait for `/readyz`; the seconds it took."""
    began = time.monotonic()
    up = Up(data_dir, port)
    up.wait()
    return time.monotonic() - began, up


def memory(parent: psutil.Process) -> dict[str, float]:
    """MiB by process: the share that is its own and its part of what it shares (PSS)."""
    found: dict[str, float] = {}
    for process in [parent, *parent.children(recursive=True)]:
        line = process.cmdline()
        name = line[-1] if "century.supervised" in line else process.name() if process != parent else "century up"
        found[name] = found.get(name, 0.0) + process.memory_full_info().pss / 2**20
    return found


if __name__ == "__main__":
    main()
