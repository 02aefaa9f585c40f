"""A port: what its form refuses, and what its answers mean."""

from __future__ import annotations

import asyncio

import pytest

from century.probes.kind import Config
from century.probes.kinds import tcp
from century.probes.measurement import Measurement, Trouble
from tests.probes.servers import Handle, aim, listening, resolver, values, wire_to


async def check(handle: Handle, timeout: float = 5, **settings: str) -> Measurement:
    async with listening(handle) as server:
        return await tcp.check(aim({"host": "127.0.0.1", "port": str(server.port), **settings}, timeout), wire_to())


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def pongs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    assert await reader.readline() == b"PING\r\n"
    writer.write(b"+PO")
    await writer.drain()
    writer.write(b"NG\r\n")
    await reader.read()


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com\r\n")
    await reader.read()


async def leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"go away\r\n")
    await writer.drain()
    writer.close()


async def babbles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"bla " * 4096)
        await writer.drain()


async def test_a_port_that_takes_connections() -> None:
    measured = await check(silent)
    assert measured.ok
    assert measured.message.startswith("connected in ")
    assert values(measured).keys() == {"tcp.connect_time"}


async def test_a_question_and_its_answer_in_parts() -> None:
    measured = await check(pongs, send=r"PING\r\n", expect="PONG")
    assert measured.ok, measured.message
    assert measured.message.startswith("answers as expected in ")
    assert measured.lines == ("+PONG",)
    assert values(measured).keys() == {"tcp.connect_time", "tcp.answer_time"}


async def test_a_greeting() -> None:
    assert (await check(greets, expect="220 ")).ok


BAD = [
    ("another greeting, and then nothing", greets, {"expect": "221"}, Trouble.TIMEOUT,
     "no answer within 0.5 s: it is connected, and the expected answer does not come"),
    ("no answer", silent, {"expect": "a"}, Trouble.TIMEOUT, "no answer within 0.5 s: it is connected, and the expected answer does not come"),
    ("a farewell", leaves, {"expect": "220"}, Trouble.ANSWER, "it closed the connection after “go away”, instead of answering “220”"),
    ("no end", babbles, {"expect": "220"}, Trouble.ANSWER, "what comes back does not begin with anything like “220”"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("handle", "settings", "trouble", "said"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
async def test_what_is_not_well(handle: Handle, settings: dict[str, str], trouble: Trouble, said: str) -> None:
    measured = await check(handle, 0.5 if trouble is Trouble.TIMEOUT else 5, **settings)
    assert (measured.ok, measured.trouble, measured.message, measured.reached) == (False, trouble, said, True)


async def test_a_closed_port() -> None:
    async with listening(silent) as server:
        pass
    measured = await tcp.check(aim(host="127.0.0.1", port=str(server.port)), wire_to())
    assert measured.trouble is Trouble.NETWORK
    assert measured.message.startswith(f"127.0.0.1:{server.port} refuses connections")


async def test_a_forbidden_address() -> None:
    wire = wire_to("0.0.0.0/0", resolving=resolver("169.254.169.254"))
    measured = await tcp.check(aim(host="meta.example", port="80"), wire)
    assert measured.trouble is Trouble.REFUSED
    assert measured.message == "meta.example is at 169.254.169.254, which is never reached from here"


PROBLEMS = [
    ({"port": "80"}, "host", "give a name or an address, like db.example.com or 10.0.0.5"),
    ({"host": "http://a.example/", "port": "80"}, "host", "give the host alone, without http:// and without a path"),
    ({"host": "a.example:80", "port": "80"}, "host", "give the host alone: the port has a field of its own"),
    ({"host": "a b", "port": "80"}, "host", "“a b” is neither a name nor an address"),
    ({"host": "a.example"}, "port", "a port must lie between 1 and 65535"),
    ({"host": "a.example", "port": "0"}, "port", "a port must lie between 1 and 65535"),
    ({"host": "a.example", "port": "http"}, "port", "a port must lie between 1 and 65535"),
    ({"host": "a.example", "port": "80", "send": r"a\q"}, "send", r"after a \ comes one of r, n, t, 0, \ or x and two hexadecimal digits"),
    ({"host": "a.example", "port": "80", "expect": "x" * 5000}, "expect", "must not be longer than 4096 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "field", "message"), PROBLEMS, ids=[row[2][:40] for row in PROBLEMS])
def test_what_the_form_refuses(settings: dict[str, str], field: str, message: str) -> None:
    assert [(each.field, each.message) for each in tcp.problems(Config(settings))] == [(field, message)]


GOOD = [
    ("db.example.com", "5432"),
    ("10.0.0.5", "80"),
    ("[::1]", "80"),
    ("::1", "80"),
    ("bücher.example", "80"),
    ("_a._tcp.example.", "1"),
]


@pytest.mark.parametrize(("host", "port"), GOOD)
def test_what_it_takes(host: str, port: str) -> None:
    assert tcp.problems(Config({"host": host, "port": port})) == []


ESCAPED = [
    ("PING", b"PING"),
    (r"a\r\n", b"a\r\n"),
    (r"\x00\xff", b"\x00\xff"),
    (r"\\n", b"\\n"),
    ("ä", "ä".encode()),
    (r"\t\0", b"\t\0"),
]


@pytest.mark.parametrize(("text", "sent"), ESCAPED)
def test_escapes(text: str, sent: bytes) -> None:
    assert tcp.written(text) == sent


def test_the_target() -> None:
    assert tcp.target(Config({"host": "::1", "port": "80"})) == "[::1]:80"
