"""`graphql-transport-ws` frame by frame: who gets in, what is refused with which code, and what is shared."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from century.core.graphql.fanout import FanOut
from century.core.graphql.outbox import MAX_WAITING, Outbox
from century.core.graphql.socket import Socket
from century.core.graphql.sockets import Sockets
from tests.core.small_schema import make_api
from tests.core.small_site import Rooms, make_site, serving

PROTOCOL = Subprotocol("graphql-transport-ws")


@dataclasses.dataclass
class Stage:
    rooms: Rooms
    sockets: Sockets
    address: str

    @contextlib.asynccontextmanager
    async def client(self, token: str | None = "viewer", **options: Any) -> AsyncIterator[ClientConnection]:
        options.setdefault("subprotocols", [PROTOCOL])
        async with connect(f"ws://{self.address}/graphql", compression=None, **options) as client:
            if token:
                await say(client, type="connection_init", payload={"Authorization": f"Bearer {token}"})
                assert await hear(client) == {"type": "connection_ack"}
            yield client


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    rooms = Rooms()
    site, sockets = make_site(rooms, watch_seconds=0.05, init_seconds=0.2)
    async with serving(site, sockets) as address:
        yield Stage(rooms, sockets, address)


async def say(client: ClientConnection, **message: Any) -> None:
    await client.send(orjson.dumps(message).decode())


async def subscribe(client: ClientConnection, query: str, key: str = "1", **payload: Any) -> None:
    await say(client, type="subscribe", id=key, payload={"query": query, **payload})


async def hear(client: ClientConnection) -> dict[str, Any]:
    return orjson.loads(await asyncio.wait_for(client.recv(), 5))


async def close_code(client: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed):
        while True:
            await asyncio.wait_for(client.recv(), 5)
    assert client.close_code is not None
    return client.close_code


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_no_word_in_time_closes(stage: Stage) -> None:
    async with stage.client(None) as client:
        assert await close_code(client) == 4408


@pytest.mark.parametrize("payload", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": 1}, None])
async def test_without_credentials_nobody_gets_in(stage: Stage, payload: Any) -> None:
    async with stage.client(None) as client:
        await say(client, type="connection_init", payload=payload)
        assert await close_code(client) == 4403


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", 4400),
        ("[]", 4400),
        ('{"type": "nonsense"}', 4400),
        ('{"type": "subscribe", "id": 1, "payload": {"query": "{ a }"}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": 1}}', 4400),
        ('{"type": "subscribe", "id": "1", "payload": {"query": "{ a }", "variables": []}}', 4400),
        ('{"type": "connection_init"}', 4429),
        (b"bytes", 4400),
        ('{"type": "ping", "payload": "' + "x" * 70_000 + '"}', 1009),
    ],
)
async def test_a_wrong_message_closes_with_its_code(stage: Stage, message: str | bytes, code: int) -> None:
    async with stage.client() as client:
        await client.send(message)
        assert await close_code(client) == code


async def test_subscribing_before_the_acknowledgement_is_unauthorized(stage: Stage) -> None:
    async with stage.client(None) as client:
        await subscribe(client, "subscription { numbers }")
        assert await close_code(client) == 4401


async def test_an_id_names_one_operation(stage: Stage) -> None:
    async with stage.client() as client:
        await subscribe(client, "subscription { numbers }")
        await subscribe(client, "subscription { numbers }")
        assert await close_code(client) == 4409


async def test_other_protocols_and_other_pages_are_refused(stage: Stage) -> None:
    async with stage.client(None, subprotocols=[Subprotocol("graphql-ws")]) as client:
        assert await close_code(client) == 4406
    with pytest.raises(InvalidStatus) as refused:
        async with stage.client(None, origin="http://evil.example"):
            pass
    assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        async with stage.client(None, origin="http://[::1"):
            pass
    assert refused.value.response.status_code == 403
    async with stage.client(origin=f"http://{stage.address}"):
        pass
    async with stage.client(origin="http://127.0.0.1:8000"):
        pass


async def test_ping_is_answered(stage: Stage) -> None:
    async with stage.client() as client:
        await say(client, type="ping", payload={"n": 1})
        assert await hear(client) == {"type": "pong", "payload": {"n": 1}}
        await say(client, type="pong")
        await say(client, type="ping")
        assert await hear(client) == {"type": "pong"}


async def test_queries_run_too(stage: Stage) -> None:
    async with stage.client() as client:
        await subscribe(client, "query($n: String!) { service(name: $n) { name } }", variables={"n": "x"})
        assert await hear(client) == {"id": "1", "type": "next", "payload": {"data": {"service": {"name": "x"}}}}
        assert await hear(client) == {"id": "1", "type": "complete"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ secrets }", "FORBIDDEN"),
        ("subscription { secret }", "FORBIDDEN"),
        ("{", "INVALID"),
        ("{ nothing }", "INVALID"),
        ("subscription($s: Int) { numbers(step: $s) }", "INVALID"),
        ("{ " + "... { " * 60 + "secrets" + " }" * 61, "TOO_COMPLEX"),
    ],
)
async def test_a_refused_operation_leaves_the_socket_open(stage: Stage, query: str, code: str) -> None:
    async with stage.client() as client:
        await subscribe(client, query, variables={"s": "x"})
        refused = await hear(client)
        assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", code)
        await subscribe(client, "subscription { whoami }")
        assert (await hear(client))["payload"] == {"data": {"whoami": "viewer"}}
    assert stage.rooms.calls == []


async def test_a_socket_holds_twenty_operations(stage: Stage) -> None:
    async with stage.client() as client:
        for number in range(20):
            await subscribe(client, "subscription { numbers }", str(number))
        await subscribe(client, "subscription { numbers }", "one more")
        refused = await hear(client)
        assert (refused["id"], refused["payload"][0]["extensions"]["code"]) == ("one more", "TOO_COMPLEX")
        await say(client, type="complete", id="0")
        await subscribe(client, "subscription { whoami }", "one more")
        assert (await hear(client))["payload"] == {"data": {"whoami": "viewer"}}


async def test_equal_subscribers_share_an_execution(stage: Stage) -> None:
    query = "subscription($step: Int!) { numbers(step: $step) }"
    async with stage.client() as one, stage.client() as two, stage.client("operator") as other:
        for client, step in ((one, 1), (two, 1), (other, 1)):
            await subscribe(client, query, variables={"step": step})
        await subscribe(two, query, "2", variables={"step": 10})
        await until(lambda: len(stage.rooms.queues) == 3)
        assert stage.rooms.executions == 3
        stage.rooms.recorder.push(5)
        assert await hear(one) == {"id": "1", "type": "next", "payload": {"data": {"numbers": 5}}}
        assert {(heard["id"], heard["payload"]["data"]["numbers"]) for heard in [await hear(two), await hear(two)]} == {
            ("1", 5),
            ("2", 50),
        }
        assert (await hear(other))["payload"] == {"data": {"numbers": 5}}
    await until(lambda: not stage.rooms.queues and not len(stage.sockets.fanout))


async def test_what_depends_on_the_actor_is_not_shared(stage: Stage) -> None:
    async with stage.client() as one, stage.client("admin") as two:
        await subscribe(one, "subscription { whoami }")
        await subscribe(two, "subscription { whoami }")
        assert (await hear(one))["payload"]["data"] == {"whoami": "viewer"}
        assert (await hear(two))["payload"]["data"] == {"whoami": "admin"}


async def test_a_failing_subscription_tells_and_ends(stage: Stage) -> None:
    async with stage.client() as client:
        await subscribe(client, "subscription { numbers }")
        await until(lambda: stage.rooms.queues)
        stage.rooms.recorder.push(-2)
        failed = await hear(client)
        assert (failed["type"], failed["payload"][0]["extensions"]["code"]) == ("error", "INVALID")


@pytest.mark.parametrize("query", ["{ strange }", "subscription { strange }"])
async def test_an_answer_that_cannot_be_written_is_told(stage: Stage, query: str) -> None:
    async with stage.client() as client:
        await subscribe(client, query)
        failed = await hear(client)
        assert (failed["type"], failed["payload"][0]["extensions"]["code"]) == ("error", "INTERNAL")


async def test_a_revoked_credential_closes_its_sockets(stage: Stage) -> None:
    async with stage.client() as viewer, stage.client("operator") as operator:
        del stage.rooms.access.actors["viewer"]
        assert await close_code(viewer) == 4403
        await say(operator, type="ping")
        assert await hear(operator) == {"type": "pong"}


async def test_an_expired_credential_closes_its_sockets_while_the_database_is_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(actors: object) -> set[UUID]:
        raise OSError("the database is away")

    monkeypatch.setattr(stage.rooms.access, "still_valid", away)
    tokens = stage.rooms.access.actors
    tokens["viewer"] = dataclasses.replace(tokens["viewer"], expires_at=datetime.now(UTC))
    async with stage.client("operator") as stays, stage.client() as client:
        assert await close_code(client) == 4403
        await say(stays, type="ping")
        assert await hear(stays) == {"type": "pong"}


async def test_many_messages_in_one_packet_leave_the_others_their_turn(stage: Stage) -> None:
    turns: list[int] = []

    async def others() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    class Packet:
        app = SimpleNamespace(state=SimpleNamespace(century=stage.rooms))

        def __init__(self) -> None:
            self.left = 100

        async def receive(self) -> dict[str, Any]:
            self.left -= 1
            return (
                {"type": "websocket.receive", "text": '{"type":"pong"}'}
                if self.left
                else {"type": "websocket.disconnect"}
            )

    busy = asyncio.create_task(others())
    await Socket(Packet(), make_api(), FanOut(make_api())).serve()  # type: ignore[arg-type]
    busy.cancel()
    assert len(turns) >= 99


async def test_an_expired_credential_closes_its_sockets(stage: Stage) -> None:
    tokens = stage.rooms.access.actors
    tokens["viewer"] = dataclasses.replace(tokens["viewer"], expires_at=datetime.now(UTC))
    async with stage.client() as viewer:
        assert await close_code(viewer) == 4403


async def test_a_reader_that_stalls_is_cut_off() -> None:
    stalled: list[str] = []
    never = asyncio.Event()

    async def send(text: str) -> None:
        await never.wait()

    in_time = Outbox(send, lambda: stalled.append("time"), lambda: None, seconds=0.02)
    in_time.put("a")
    await until(lambda: stalled == ["time"])
    in_number = Outbox(send, lambda: stalled.append("number"), lambda: None)
    for _ in range(MAX_WAITING + 2):
        in_number.put("a")
    assert stalled == ["time", "number"]
    in_number.close()


async def test_what_waits_is_sent_in_order() -> None:
    sent: list[str] = []
    gate = asyncio.Event()

    async def send(text: str) -> None:
        await gate.wait()
        sent.append(text)

    outbox = Outbox(send, lambda: None, lambda: None)
    for number in range(5):
        outbox.put(str(number))
    gate.set()
    await until(lambda: len(sent) == 5)
    await asyncio.sleep(0)
    outbox.put("5")
    assert sent == list("012345")


async def test_a_real_stalled_reader_is_dropped_with_memory_bounded(stage: Stage) -> None:
    async with stage.client(max_queue=1, close_timeout=0.1) as client:
        await subscribe(client, "subscription { numbers }")
        await until(lambda: stage.rooms.queues)
        client.transport.pause_reading()
        [socket] = stage.sockets._open
        for _ in range(MAX_WAITING + 100):
            for _ in range(10):
                socket.push("x" * 10_000)
            if socket._closing.done():
                break
            await asyncio.sleep(0)
        assert socket._closing.result()[0] == 1013
        await until(lambda: not len(stage.sockets))
