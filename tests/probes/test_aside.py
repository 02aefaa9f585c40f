"""Work that may hang has a thread of its own, and one only."""

from __future__ import annotations

import threading

import pytest

from century.probes.aside import StillBusy, aside


async def test_what_it_returns_and_raises() -> None:
    assert await aside("a", lambda: 42, 5) == 42
    with pytest.raises(FileNotFoundError):
        await aside("a", lambda: open("/nowhere/at/all"), 5)  # noqa: SIM115


async def test_what_hangs_is_begun_once() -> None:
    release, begun = threading.Event(), []

    def hang() -> None:
        begun.append(1)
        release.wait(10)

    with pytest.raises(TimeoutError):
        await aside("hanging", hang, 0.05)
    with pytest.raises(StillBusy):
        await aside("hanging", hang, 0.05)
    assert await aside("another", lambda: 1, 5) == 1
    thread = next(each for each in threading.enumerate() if each.name == "aside hanging")
    assert thread.daemon
    release.set()
    thread.join(5)
    assert begun == [1]
    assert await aside("hanging", lambda: 2, 5) == 2
