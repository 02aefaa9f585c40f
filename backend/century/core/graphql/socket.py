"""One websocket that speaks `graphql-transport-ws`."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import orjson
from graphql import OperationType
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from century.core.actor import Actor
from century.core.errors import CenturyError
from century.core.graphql.api import Answer, Api, Prepared, Rejected, encode, refusal
from century.core.graphql.context import Context
from century.core.graphql.failures import present_unexpected
from century.core.graphql.fanout import FanOut, Membership
from century.core.graphql.guard import TooComplex
from century.core.graphql.outbox import Outbox
from century.core.graphql.permissions import refuse_missing
from century.core.http import client_address

logger = logging.getLogger("century.graphql")

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 3.0
MAX_OPERATIONS = 20
MAX_FRAME = 64 * 1024
MAX_ID = 128

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
FORBIDDEN = 4403
INIT_TIMEOUT = 4408
ALREADY_EXISTS = 4409
TOO_MANY_INITS = 4429
TRY_AGAIN_LATER = 1013
TOO_BIG = 1009

AnySocket = WebSocket[Any, Any, Any]


class Malformed(Exception):
    """A message that the protocol does not know."""


class Socket:
    """A connection from its handshake to its close: who it is, and which operations it has open."""

    def __init__(self, websocket: AnySocket, api: Api, fanout: FanOut, *, init_seconds: float = INIT_SECONDS) -> None:
        self.actor: Actor | None = None
        self._websocket = websocket
        self._api = api
        self._fanout = fanout
        self._init_seconds = init_seconds
        self._app = websocket.app.state.century
        self._init_asked = False
        self._operations: dict[str, _Operation] = {}
        self._closing: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._outbox = Outbox(self._send, self._stalled, self._gone)

    async def serve(self) -> None:
        """Read until either side closes, then say why and leave nothing behind."""
        reading = asyncio.create_task(self._read())
        timer = asyncio.get_running_loop().call_later(self._init_seconds, self._init_timed_out)
        try:
            either: set[asyncio.Future[Any]] = {reading, self._closing}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.done() and (code := self._closing.result()[0]):
                await self._say_goodbye(code, self._closing.result()[1])
            elif reading.done() and not reading.cancelled() and (error := reading.exception()):
                logger.error("a socket broke", exc_info=error)
        finally:
            timer.cancel()
            reading.cancel()
            self._outbox.close()
            for operation in list(self._operations.values()):
                operation.stop()
            self._operations.clear()

    def close(self, code: int, reason: str) -> None:
        """End the connection; the first reason given is the one that is sent."""
        if not self._closing.done():
            self._closing.set_result((code, reason))

    async def _say_goodbye(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(1):
                await self._websocket.send({"type": "websocket.close", "code": code, "reason": reason})
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            return

    def _stalled(self) -> None:
        self.close(TRY_AGAIN_LATER, "too slow: reconnect and catch up")

    def _gone(self) -> None:
        self.close(0, "")

    def _init_timed_out(self) -> None:
        if not self._init_asked:
            self.close(INIT_TIMEOUT, "Connection initialisation timeout")

    async def _send(self, text: str) -> None:
        await self._websocket.send({"type": "websocket.send", "text": text, "bytes": None})

    async def _read(self) -> None:
        while not self._closing.done():
            event: Any = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            if text is None:
                self.close(BAD_REQUEST, "Invalid message: text is wanted")
                return
            if len(text) > MAX_FRAME:
                self.close(TOO_BIG, "Message too big")
                return
            try:
                await self._take(text)
            except Malformed as error:
                self.close(BAD_REQUEST, str(error))
            # One packet may hold many messages: the other connections have their turn after each.
            await asyncio.sleep(0)

    async def _take(self, text: str) -> None:
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise Malformed("Invalid message: not JSON") from None
        match message:
            case {"type": "connection_init", **rest}:
                await self._init(rest.get("payload"))
            case {"type": "ping", **rest}:
                self._say({"type": "pong"} | ({"payload": rest["payload"]} if "payload" in rest else {}))
            case {"type": "pong"}:
                return
            case {"type": "subscribe", "id": str(key), "payload": dict(payload)} if key:
                self._subscribe(key, payload)
            case {"type": "complete", "id": str(key)}:
                if operation := self._operations.pop(key, None):
                    operation.stop()
            case _:
                raise Malformed("Invalid message")

    async def _init(self, payload: object) -> None:
        if self._init_asked:
            self.close(TOO_MANY_INITS, "Too many initialisation requests")
            return
        self._init_asked = True
        if not isinstance(payload, dict | None):
            raise Malformed("Invalid message: payload must be an object")
        given = (payload or {}).get("Authorization") or (payload or {}).get("authorization")
        try:
            address = client_address(self._websocket)
            actor = await self._app.access.authenticate(given if isinstance(given, str) else None, address)
        except CenturyError as error:
            self.close(FORBIDDEN, f"Forbidden: {error.message}"[:120])
            return
        self.actor = actor
        self._say({"type": "connection_ack"})

    def _subscribe(self, key: str, payload: dict[str, Any]) -> None:
        if self.actor is None:
            self.close(UNAUTHORIZED, "Unauthorized")
            return
        if len(key) > MAX_ID:
            raise Malformed(f"Invalid message: an id may have {MAX_ID} characters")
        if key in self._operations:
            self.close(ALREADY_EXISTS, f"Subscriber for {key[:80]} already exists")
            return
        match payload:
            case {"query": str(query), **rest}:
                variables, name = rest.get("variables"), rest.get("operationName")
            case _:
                raise Malformed("Invalid message: query must be a string")
        if not isinstance(variables, dict | None) or not isinstance(name, str | None):
            raise Malformed("Invalid message: variables must be an object, operationName a string")
        try:
            if len(self._operations) >= MAX_OPERATIONS:
                raise TooComplex(f"a socket may have {MAX_OPERATIONS} operations open at most")
            prepared = self._api.prepare(query, name)
            refuse_missing(prepared.needs, self.actor.permissions)
        except Rejected as rejected:
            self._refuse(key, rejected.answer())
            return
        except CenturyError as error:
            self._refuse(key, refusal(error))
            return
        context = Context(app=self._app, actor=self.actor, address=client_address(self._websocket))
        operation = self._operations[key] = _Operation(self, key)
        operation.start(self._api, self._fanout, prepared, context, variables)

    def _refuse(self, key: str, answer: Answer) -> None:
        self._say({"id": key, "type": "error", "payload": answer.errors})

    def _say(self, message: dict[str, Any]) -> None:
        self._outbox.put(encode(message).decode())

    def push(self, text: str) -> None:
        """Send one text; a reader that cannot keep up is disconnected, and catches up by its cursor."""
        self._outbox.put(text)

    def forget(self, key: str) -> None:
        """Free an operation's id."""
        self._operations.pop(key, None)


class _Operation:
    """One operation of a socket: a member of a shared execution, or a task of its own."""

    __slots__ = ("_key", "_membership", "_prefix", "_socket", "_task")

    def __init__(self, socket: Socket, key: str) -> None:
        self._socket = socket
        self._key = key
        self._prefix = f'{{"id":{encode(key).decode()},"type":"next","payload":'
        self._membership: Membership | None = None
        self._task: asyncio.Task[None] | None = None

    def start(
        self, api: Api, fanout: FanOut, prepared: Prepared, context: Context, variables: Mapping[str, Any] | None
    ) -> None:
        if prepared.kind is OperationType.SUBSCRIPTION:
            self._membership = fanout.join(prepared, context, variables, self)
        else:
            self._task = asyncio.create_task(self._run(api, prepared, context, variables))

    async def _run(self, api: Api, prepared: Prepared, context: Context, variables: Mapping[str, Any] | None) -> None:
        try:
            answer = await api.execute(prepared, context, variables)
            payload = answer.encode().decode()
        except Exception as error:  # noqa: BLE001 the client must not wait for an answer that cannot be encoded
            self.refused(encode([present_unexpected(error, prepared.name or "operation")]))
            return
        if not answer.ran:
            self.refused(encode(answer.errors))
            return
        self.hear(payload)
        self.finished()

    def stop(self) -> None:
        if self._membership:
            self._membership.leave()
        if self._task:
            self._task.cancel()

    def hear(self, payload: str) -> None:
        self._socket.push(f"{self._prefix}{payload}}}")

    def refused(self, errors: bytes) -> None:
        self._socket.forget(self._key)
        self._socket.push(f'{{"id":{encode(self._key).decode()},"type":"error","payload":{errors.decode()}}}')

    def finished(self) -> None:
        self._socket.forget(self._key)
        self._socket.push(f'{{"id":{encode(self._key).decode()},"type":"complete"}}')
