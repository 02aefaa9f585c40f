"""A silence of ours is told from theirs: servers say since when they take telemetry without a break."""

from __future__ import annotations

import pytest

from century.core.work import Works
from century.telemetry import listening
from century.telemetry.listening import Listening, listening_since
from tests.world import START, MovableClock


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Real time, moved by hand."""
    now = [1_000_000.0]
    monkeypatch.setattr(listening, "_real", lambda: now[0])
    return now


async def test_a_server_says_since_when_it_listens(works: Works, clock: MovableClock, real: list[float]) -> None:
    assert await listening_since(works.bus) is None
    server = Listening(works)
    for _ in range(10):
        await server.say()
        assert await listening_since(works.bus) == START
        clock.advance(seconds=2)
        real[0] += 2
    real[0] += 20
    assert await listening_since(works.bus) is None, "it fell silent"
    clock.advance(seconds=20)
    await server.say()
    assert await listening_since(works.bus) == clock.now(), "it was stopped, and heard nothing meanwhile"


async def test_of_several_servers_the_first_counts(works: Works, clock: MovableClock, real: list[float]) -> None:
    first, second = Listening(works), Listening(works)
    await first.say()
    clock.advance(minutes=1)
    await second.say()
    assert await listening_since(works.bus) == START
    await first.stop()
    assert await listening_since(works.bus) == clock.now()


async def test_an_emptied_bus_is_told_again(works: Works, clock: MovableClock, real: list[float]) -> None:
    server = Listening(works)
    await server.say()
    await works.bus.redis.flushall()
    assert await listening_since(works.bus) is None
    clock.advance(seconds=2)
    real[0] += 2
    await server.say()
    assert await listening_since(works.bus) == START
