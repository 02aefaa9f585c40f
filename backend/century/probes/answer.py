"""Reads one HTTP answer off a connection, and believes nothing that it says of its own length."""

from __future__ import annotations

import asyncio
from time import perf_counter

import httptools

from century.probes.measurement import Trouble
from century.probes.wire import Failed, said

MAX_HEAD = 64 * 1024
MOST_HEADERS = 256


class Progress:
    """How far a question has come, in words, for the sentence of a time limit."""

    __slots__ = ("connected", "doing")

    def __init__(self) -> None:
        self.doing = "not begun"
        self.connected = False

    def __call__(self, doing: str) -> None:
        self.doing = doing
        self.connected = self.connected or doing.startswith("connected")


class AnswerReader(asyncio.Protocol):
    """Reads one answer. `done` ends when it is complete, or as much of it is there as was asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, method: str, max_body: int) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self.began = 0.0
        self.heard: float | None = None
        self.status = 0
        self.reason = ""
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.truncated = False
        self.progress: Progress | None = None
        self._method = method
        self._max_body = max_body
        self._bytes = 0
        self._headed = False
        self._parser = httptools.HttpResponseParser(self)

    # -- the connection

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        if self.heard is None:
            self.heard = perf_counter()
            if self.progress:
                self.progress("connected, the answer has begun and does not end")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end()
        except httptools.HttpParserError as error:
            self._fail(f"what it answers is not HTTP: {str(error)[:100].lower()}")
        self._bytes += len(data)
        if not self._headed and self._bytes > MAX_HEAD:
            self._fail(f"its headers are longer than {MAX_HEAD // 1024} KiB")
        elif self._bytes > MAX_HEAD + 8 * self._max_body:
            self._fail("it sends far more around its body than the body itself")

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done.done():
            return
        if self._headed and exc is None and not self._framed():
            self._end()
        elif self._headed:
            self._fail(f"the connection ended in the middle of the answer, after {len(self.body)} bytes of its body")
        elif self.heard is None:
            told = said(exc) if isinstance(exc, OSError) else "it closed the connection"
            self._fail(f"{told} without an answer", Trouble.NETWORK)
        else:
            self._fail("the connection ended in the middle of its headers")

    def _framed(self) -> bool:
        return any(
            name == "content-length" or (name == "transfer-encoding" and "chunked" in value.lower())
            for name, value in self.headers
        )

    def _end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _fail(self, message: str, trouble: Trouble = Trouble.ANSWER) -> None:
        if not self.done.done():
            self.done.set_exception(Failed(trouble, message, reached=True))
            self.done.exception()  # nobody may be waiting any more; then it is nobody's

    # -- the parser

    def on_status(self, status: bytes) -> None:
        self.reason += status.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MOST_HEADERS:
            self._fail(f"it answers with more than {MOST_HEADERS} headers")
            return
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if 100 <= self.status < 200 and self.status != 101:
            # More comes: the answer proper.
            self.headers.clear()
            self.reason = ""
            return
        self._headed = True
        if self._method == "HEAD":
            self._end()

    def on_body(self, body: bytes) -> None:
        if self.done.done():
            return
        room = self._max_body - len(self.body)
        self.body += body[:room]
        if len(body) > room:
            self.truncated = True
            self._end()

    def on_message_complete(self) -> None:
        if self._headed:
            self._end()
