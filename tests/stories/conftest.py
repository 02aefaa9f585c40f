"""What stories begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.stories import telling
from tests.stories.telling import Receiver, Story
from tests.world import World


@pytest.fixture
async def story(world: World) -> AsyncIterator[Story]:
    """An installation as it is after its first start, with people in it."""
    async with telling.story(world) as told:
        yield told


@pytest.fixture
async def pager() -> AsyncIterator[Receiver]:
    """What a webhook tells."""
    async with telling.http_receiver() as receiver:
        yield receiver


@pytest.fixture
async def other_pager() -> AsyncIterator[Receiver]:
    """What another webhook tells."""
    async with telling.http_receiver() as receiver:
        yield receiver
