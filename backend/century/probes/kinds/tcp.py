"""A port that must take connections and, where told so, answer with the right words."""

from __future__ import annotations

import asyncio
import codecs
import re
from time import perf_counter

from century.core.settings import Settings
from century.probes import hosts
from century.probes.conditions import shown
from century.probes.kind import Config, FactName, Field, Problem
from century.probes.kinds import Target
from century.probes.measurement import Fact, Measurement, Step, Trouble
from century.probes.seen import words
from century.probes.wire import Dialled, Failed, Wire, dial, place

LABEL = "TCP port"
HELP = "Connects to a port. It may send something, and wait for what must come back."
FIELDS = (
    hosts.HOST,
    hosts.port_field(placeholder="5672"),
    Field("send", "Send", r"What is sent once it is connected; \r, \n, \t, \\ and \x00 may be used.", placeholder=r"PING\r\n", advanced=True),
    Field("expect", "Expect", "What must come back.", placeholder="PONG", advanced=True),
)  # fmt: skip
FACTS = (
    FactName("tcp.connect_time", "Time to connect", "s"),
    FactName("tcp.answer_time", "Time to the expected answer", "s"),
)
PREFIX = "tcp"
INTERVAL, TIMEOUT, SHORTEST = 30.0, 5.0, 5.0
REMOTE = True
MOST_BYTES = 64 * 1024
LONGEST_TEXT = 4096
ESCAPES = re.compile(r"\\(?:[rnt\\0]|x[0-9a-fA-F]{2})")


def unavailable(settings: Settings) -> str | None:
    """It needs nothing."""
    return None


def target(config: Config) -> str:
    """Host and port."""
    return place(config["host"], int(config["port"]) if config["port"].isdecimal() else 0)


def problems(config: Config) -> list[Problem]:
    """What is wrong with the settings."""
    found = hosts.problems(config)
    for name in ("send", "expect"):
        try:
            written(config[name])
        except ValueError as error:
            found.append(Problem(name, str(error)))
    return found


def written(text: str) -> bytes:
    r"""The bytes of a text with escapes; ValueError with a sentence for a `\` that begins none."""
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"must not be longer than {LONGEST_TEXT} characters")
    if "\\" in ESCAPES.sub("", text):
        raise ValueError(r"after a \ comes one of r, n, t, 0, \ or x and two hexadecimal digits")
    parts = re.split(f"({ESCAPES.pattern})", text)
    return b"".join(
        codecs.decode(part, "unicode_escape").encode("latin-1") if number % 2 else part.encode()
        for number, part in enumerate(parts)
    )


async def check(target: Target, wire: Wire) -> Measurement:
    """Connect; send; wait for the answer."""
    reached = False
    doing = ["not begun"]
    try:
        host, port = hosts.host_of(target.config["host"]), hosts.port_of(target.config["port"])
        send, expect = written(target.config["send"]), written(target.config["expect"])
        async with asyncio.timeout(target.timeout):
            dialled = await dial(wire, host, port, lambda: Listener(expect), progress=doing.append)
            reached = True
            doing.append("it is connected, and the expected answer does not come")
            return await _spoken(dialled, port, send, expect)
    except TimeoutError:
        said = f"no answer within {target.timeout:g} s: {doing[-1]}"
        return Measurement(False, said, trouble=Trouble.TIMEOUT, reached=reached)
    except Failed as failed:
        return Measurement(False, failed.message, trouble=failed.trouble, reached=failed.reached or reached)
    except ValueError as error:
        return Measurement(False, f"its settings cannot be used: {error}", trouble=Trouble.SETUP)


async def _spoken(dialled: Dialled[Listener], port: int, send: bytes, expect: bytes) -> Measurement:
    began = perf_counter()
    try:
        if send:
            dialled.transport.write(send)
        if expect:
            await dialled.protocol.heard
    finally:
        # Resetting would make noise in a log there.
        dialled.transport.close()
    answered = perf_counter() - began
    steps = [
        Step("resolve", dialled.resolve_s),
        Step("connect", dialled.connect_s, place(dialled.address, port)),
        *([Step("answer", answered, f"{len(dialled.protocol.got)} bytes")] if expect else []),
    ]
    facts = [
        Fact("tcp.connect_time", dialled.connect_s),
        *([Fact("tcp.answer_time", answered)] if expect else []),
    ]
    latency = sum(each.seconds for each in steps)
    said = f"answers as expected in {words(latency)}" if expect else f"connected in {words(latency)}"
    lines = tuple(dialled.protocol.got.decode("utf-8", "replace").splitlines()[:10])
    return Measurement(True, said, latency, tuple(facts), steps=tuple(steps), lines=lines, reached=True)


class Listener(asyncio.Protocol):
    """Hears what comes; `heard` ends when `expect` is in it."""

    def __init__(self, expect: bytes) -> None:
        self.got = bytearray()
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._expect = expect

    def data_received(self, data: bytes) -> None:
        if self.heard.done() or not self._expect:
            return
        self.got += data[: MOST_BYTES - len(self.got)]
        if self._expect in self.got:
            self.heard.set_result(None)
        elif len(self.got) >= MOST_BYTES:
            self._fail(
                f"what comes back does not begin with anything like {shown(self._expect.decode('utf-8', 'replace'))}"
            )

    def connection_lost(self, exc: Exception | None) -> None:
        told = f"after {shown(self.got.decode('utf-8', 'replace'))}" if self.got else "without a word"
        self._fail(
            f"it closed the connection {told}, instead of answering {shown(self._expect.decode('utf-8', 'replace'))}"
        )

    def _fail(self, message: str) -> None:
        if not self.heard.done():
            self.heard.set_exception(Failed(Trouble.ANSWER, message, reached=True))
            self.heard.exception()  # nobody may be waiting any more; then it is nobody's
