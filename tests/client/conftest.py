"""Fixtures of the client's tests: a receiver, and an end to every pipeline that a test began."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from century.client import instrument
from tests.client.receiver import Receiver, receiving

KEY = "cpt_monitor_0123456789abcdef_secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def watched(receiver: Receiver) -> Iterator[Callable[..., Any]]:
    """`instrument` towards the receiver, exported on `flush()` or at the end only."""
    made: list[Any] = []

    def make(app: Any, **options: Any) -> Any:
        made.append(
            instrument(
                app, **{"service": "shop", "endpoint": receiver.address, "key": KEY, "interval": 3600.0, **options}
            )
        )
        return made[-1]

    yield make
    for app in made:
        app.watch.stop()
