"""What happens to alerts reaches everybody who listens: each thing once, in order, whatever was away in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from century.alerts import feed, service
from century.alerts.feed import Event, Feed
from century.core.bus import Bus
from century.core.errors import Invalid
from century.core.graphql import sockets
from century.core.graphql.api import Api
from century.core.graphql.fanout import FanOut
from century.core.graphql.pages import encode_cursor
from century.core.settings import Settings
from century.core.work import Works
from century.rules.verdict import Standing
from tests.access.conftest import House, Site, house, serving, site
from tests.alerts.conftest import ADA, Desk
from tests.alerts.examples import a_rule

__all__ = ["house", "site"]

CHANGES = """subscription($after: String) { alertChanges(after: $after) { cursor kind message actor
  alert { id state severity summary subject value } } }"""
CURSOR = "{ alertCursor }"


async def hear(events: AsyncIterator[Event], count: int) -> list[str]:
    async with asyncio.timeout(10):
        return [(await anext(events)).message for _ in range(count)]


async def listening(made: Feed) -> None:
    """Wait until all who listen have caught up, and wait for what comes."""
    async with asyncio.timeout(10):
        while not made._listeners or not all(each.queue._getters for each in made._listeners):  # type: ignore[attr-defined]
            await asyncio.sleep(0.005)


async def talk(desk: Desk, *texts: str) -> None:
    """Comments on the only alert."""
    alert = await desk.alert()
    for each in texts:
        async with desk.works.begin(ADA) as work:
            await service.comment(work, alert.id, each)


async def test_a_listener_catches_up_and_then_hears(desk: Desk) -> None:
    await desk.find(a_rule(), Standing.FIRING)
    await talk(desk, "one", "two")
    made = Feed(desk.works)
    events = made.after(1)
    assert await hear(events, 2) == ["one", "two"]
    await talk(desk, "three", "four")
    assert await hear(events, 2) == ["three", "four"]
    await events.aclose()
    assert made._task is None


async def test_who_names_no_cursor_hears_what_comes(desk: Desk) -> None:
    await desk.find(a_rule(), Standing.FIRING)
    made = Feed(desk.works)
    events = made.after(None)
    heard = asyncio.ensure_future(hear(events, 1))
    await listening(made)
    await talk(desk, "new")
    assert await heard == ["new"]
    await events.aclose()


async def test_nothing_is_lost_or_told_twice_while_a_listener_catches_up(desk: Desk) -> None:
    await desk.find(a_rule(), Standing.FIRING)
    made = Feed(desk.works)
    expected = [str(number) for number in range(60)]

    async def write() -> None:
        for each in expected:
            await talk(desk, each)

    writing = asyncio.create_task(write())
    listeners = []
    for delay in range(6):
        events = made.after(1)
        listeners.append((events, asyncio.create_task(hear(events, 60))))
        await asyncio.sleep(delay * 0.02)
    await writing
    for events, heard in listeners:
        assert await heard == expected
        await events.aclose()


async def test_a_slow_listener_looks_again_instead_of_losing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "QUEUE_LENGTH", 2)
    monkeypatch.setattr(feed, "PAGE", 3)
    await desk.find(a_rule(), Standing.FIRING)
    made = Feed(desk.works)
    slow, quick = made.after(1), made.after(1)
    expected = [str(number) for number in range(20)]
    await talk(desk, "first")
    assert await hear(slow, 1) == ["first"]
    assert await hear(quick, 1) == ["first"]
    ahead = asyncio.ensure_future(hear(slow, 1))
    for each in expected:
        await talk(desk, each)
        assert await hear(quick, 1) == [each]
    assert await ahead + await hear(slow, 19) == expected
    for events in (slow, quick):
        await events.aclose()


async def test_a_message_that_was_lost_is_found_by_looking(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.find(a_rule(), Standing.FIRING)
    monkeypatch.setattr(feed, "SWEEP_SECONDS", 0.05)
    made = Feed(desk.works)
    events = made.after(1)
    heard = asyncio.ensure_future(hear(events, 1))
    await listening(made)

    async def deaf(topic: str, message: bytes) -> None:
        return None

    monkeypatch.setattr(desk.world.bus, "publish", deaf)
    await talk(desk, "unheard")
    assert await heard == ["unheard"]
    await events.aclose()


@pytest.mark.parametrize(
    "after", ["", "rubbish", "WzFd!", encode_cursor("1"), encode_cursor(-1), encode_cursor(1, 2), encode_cursor(None)]
)
def test_a_cursor_of_something_else_is_refused(after: str) -> None:
    with pytest.raises(Invalid) as refused:
        feed.read_cursor(after)
    assert set(refused.value.fields) == {"after"}
    assert feed.read_cursor(encode_cursor(7)) == 7


@contextlib.asynccontextmanager
async def socket(site: Site, role: str) -> AsyncIterator[ClientConnection]:
    url = f"ws://{site.address}/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as client:
        hello = {"type": "connection_init", "payload": {"Authorization": await site.house.bearer(role)}}
        await client.send(orjson.dumps(hello).decode())
        assert orjson.loads(await client.recv()) == {"type": "connection_ack"}
        yield client


async def subscribe(client: ClientConnection, after: str | None, id: str = "1") -> None:
    payload = {"query": CHANGES, "variables": {"after": after}}
    await client.send(orjson.dumps({"id": id, "type": "subscribe", "payload": payload}).decode())


async def receive(client: ClientConnection, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        said = [orjson.loads(await client.recv()) for _ in range(count)]
    return [each["payload"]["data"]["alertChanges"] for each in said]


async def test_a_client_reconnects_to_another_server_and_misses_nothing(settings: Settings, house: House) -> None:
    desk = Desk(house.world)
    async with serving(settings, house) as first, serving(settings, house) as second:
        cursor = (await first.data(await house.bearer("viewer"), CURSOR))["alertCursor"]
        async with socket(first, "viewer") as client:
            await subscribe(client, cursor)
            await desk.find(a_rule(), Standing.FIRING)
            (opened,) = await receive(client, 1)
        assert (opened["kind"], opened["actor"], opened["alert"]["state"]) == ("alert.opened", "century", "FIRING")
        await talk(desk, "while away")
        async with socket(second, "viewer") as client:
            await subscribe(client, opened["cursor"])
            assert [each["message"] for each in await receive(client, 1)] == ["while away"]
            alert = await desk.alert()
            await first.data(
                await house.bearer("operator"),
                "mutation($id: ID!) { acknowledgeAlert(input: { id: $id }) { alert { id } } }", id=str(alert.id),
            )  # fmt: skip
            (told,) = await receive(client, 1)
            assert (told["kind"], told["actor"], told["alert"]["state"]) == (
                "alert.acknowledged",
                "operator",
                "ACKNOWLEDGED",
            )


async def test_a_bad_cursor_ends_the_subscription_with_a_sentence(site: Site) -> None:
    async with socket(site, "viewer") as client:
        for number, after in enumerate(("rubbish", encode_cursor(10**6))):
            await subscribe(client, after, str(number))
            said = orjson.loads(await client.recv())
            assert (said["type"], said["payload"][0]["extensions"]["code"]) == ("error", "INVALID")
            assert said["payload"][0]["message"].startswith("after ")


async def test_many_who_listen_cost_one_execution(
    settings: Settings, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[FanOut] = []

    class Seen(FanOut):
        def __init__(self, api: Api) -> None:
            super().__init__(api)
            made.append(self)

    monkeypatch.setattr(sockets, "FanOut", Seen)
    desk = Desk(house.world)
    await desk.find(a_rule(), Standing.FIRING)
    async with desk.works.read() as work:
        opened = await feed.end(work)
    await talk(desk, "one")
    async with serving(settings, house) as site, contextlib.AsyncExitStack() as stack:
        (fanout,) = made
        clients = [await stack.enter_async_context(socket(site, "viewer")) for _ in range(8)]
        for number, client in enumerate(clients):
            await subscribe(client, encode_cursor(opened + number % 2))
        for client in clients[::2]:
            assert [each["message"] for each in await receive(client, 1)] == ["one"]
        for text in ("two", "three"):
            await talk(desk, text)
            for client in clients:
                assert [each["message"] for each in await receive(client, 1)] == [text]
        assert len(fanout) == 1
        late = await stack.enter_async_context(socket(site, "viewer"))
        await subscribe(late, encode_cursor(opened + 1))
        assert [each["message"] for each in await receive(late, 2)] == ["two", "three"]
        await clients[0].close()
        clients[0] = late
        for text in ("four", "five"):
            await talk(desk, text)
            for client in clients:
                assert [each["message"] for each in await receive(client, 1)] == [text]
        assert len(fanout) == 1
    async with asyncio.timeout(5):
        while len(fanout):
            await asyncio.sleep(0.01)


async def test_another_process_hears_it_too(desk: Desk) -> None:
    await desk.find(a_rule(), Standing.FIRING)
    bus = Bus(desk.world.settings.redis_url)
    other = Feed(Works(desk.works.engine, desk.clock, bus))
    events = other.after(1)
    heard = asyncio.ensure_future(hear(events, 1))
    await listening(other)
    await talk(desk, "over there")
    assert await heard == ["over there"]
    await events.aclose()
    await bus.close()
