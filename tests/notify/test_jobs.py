"""The worker's loop: from a committed row to the receiver, without polling."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from uuid import UUID

import pytest

from century.core.bus import Message
from century.core.sealing import Seal
from century.core.settings import Settings
from century.notify.jobs import channels_named, deliver
from century.notify.tables import ChannelRow
from tests.notify.conftest import Stored
from tests.notify.receivers import Receiver
from tests.world import World


async def test_the_loop_delivers_as_soon_as_it_is_announced(
    world: World, near: Settings, stored: Stored, receiver: Receiver
) -> None:
    channel = await stored.webhook(receiver.url)
    alerts = [await stored.alert(f"service-{number}") for number in range(20)]
    loop = asyncio.create_task(deliver(near, world.works))
    try:
        took = []
        for count, alert in enumerate(alerts, 1):
            await stored.want(alert, channel)
            begun = time.perf_counter()
            await receiver.heard(count)
            took.append(time.perf_counter() - begun)
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    # Far below the second that a sweep would take.
    assert sorted(took)[len(took) // 2] < 0.25


async def test_the_loop_finds_what_nobody_announced(
    world: World, near: Settings, stored: Stored, receiver: Receiver
) -> None:
    await stored.want(await stored.alert(), await stored.webhook(receiver.url))
    loop = asyncio.create_task(deliver(near, world.works))
    try:
        await receiver.heard()
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


async def test_the_loop_seals_anew_before_it_delivers(
    world: World, near: Settings, stored: Stored, receiver: Receiver
) -> None:
    channel = await stored.webhook(receiver.url)
    await stored.want(await stored.alert(), channel)
    changed = replace(near, secret="the secret of today", previous_secret=near.secret)
    loop = asyncio.create_task(deliver(changed, world.works))
    try:
        await receiver.heard()
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    (sealed,) = await stored.rows(ChannelRow, "secrets")
    assert Seal([changed.secret]).open(channel, sealed)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        pytest.param(b'{"channels": ["00000000-0000-0000-0000-000000000001"]}', {UUID(int=1)}, id="what is named"),
        pytest.param(b"", None, id="something was missed: all"),
        pytest.param(b"{", None, id="unreadable: all"),
    ],
)
def test_which_channels_are_looked_at(data: bytes, named: set[UUID] | None) -> None:
    assert channels_named([Message("notify.due", data)]) == named
