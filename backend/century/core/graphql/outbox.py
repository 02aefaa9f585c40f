"""What waits to be sent to one socket: bounded in number and in time, and sent at once where the socket takes it."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any

MAX_WAITING = 256
MAX_WAITING_CHARACTERS = 4 * 1024 * 1024
SEND_SECONDS = 10.0

Send = Callable[[str], Coroutine[Any, Any, None]]


class Outbox:
    """Sends in order. `on_stalled` is called once when the reader is too slow, `on_gone` when it went away."""

    def __init__(
        self, send: Send, on_stalled: Callable[[], None], on_gone: Callable[[], None], seconds: float = SEND_SECONDS
    ) -> None:
        self._send = send
        self._on_stalled = on_stalled
        self._on_gone = on_gone
        self._seconds = seconds
        self._waiting: deque[str] = deque()
        self._characters = 0
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    def put(self, text: str) -> None:
        """Send now if nothing is in the way, else in order as soon as the reader takes it. Never waits."""
        if self._closed:
            return
        if self._writer is None:
            self._start(text)
            return
        self._waiting.append(text)
        self._characters += len(text)
        if len(self._waiting) > MAX_WAITING or self._characters > MAX_WAITING_CHARACTERS:
            self._stall()

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        self._waiting.clear()
        if self._writer:
            self._writer.cancel()

    def _start(self, text: str) -> None:
        # A task a message doubles the cost of a broadcast. A send that finds the socket writable never suspends, so
        # its first step is taken here, and only one that suspends gets a task for the rest.
        sending = self._send(text)
        try:
            suspended_on = sending.send(None)
        except StopIteration:
            return
        except Exception:  # noqa: BLE001 whatever a dead connection raises
            self._fail()
            return
        self._writer = asyncio.create_task(self._write(_Rest(sending, suspended_on)))

    async def _write(self, rest: "_Rest") -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await rest
            while self._waiting:
                text = self._waiting.popleft()
                self._characters -= len(text)
                async with asyncio.timeout(self._seconds):
                    await self._send(text)
        except TimeoutError:
            self._stall()
        except Exception:  # noqa: BLE001 whatever a dead connection raises
            self._fail()
        else:
            self._writer = None

    def _stall(self) -> None:
        if not self._closed:
            self._closed = True
            self._waiting.clear()
            self._on_stalled()

    def _fail(self) -> None:
        if not self._closed:
            self._closed = True
            self._waiting.clear()
            self._on_gone()


class _Rest:
    """What is left of a coroutine whose first step was taken outside a task."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], suspended_on: Any) -> None:
        self._coroutine = coroutine
        self._suspended_on = suspended_on

    def __await__(self) -> Generator[Any, Any, None]:
        suspended_on = self._suspended_on
        while True:
            thrown: BaseException | None = None
            sent: Any = None
            try:
                sent = yield suspended_on
            except BaseException as error:  # noqa: BLE001 handed on, as `yield from` does
                thrown = error
            try:
                suspended_on = self._coroutine.throw(thrown) if thrown else self._coroutine.send(sent)
            except StopIteration:
                return
