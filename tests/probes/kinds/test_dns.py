"""A name: what a name server may answer, and what is made of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from uvloop import new_event_loop

from century.probes.kind import Config
from century.probes.kinds import dns as probe
from century.probes.measurement import Measurement, Trouble
from tests.probes.servers import aim, listening, resolver, values, wire_to

Answers = Callable[[dns.message.Message], bytes | None]


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """A name server that answers what it is told to."""

    answers: Answers
    asked: list[str] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        self.asked.append(str(question.question[0]))
        if said := self.answers(question):
            self.transport.sendto(said, addr)  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def name_server(answers: Answers, port: int = 0) -> AsyncIterator[tuple[NameServer, int]]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(lambda: NameServer(answers), ("127.0.0.1", port))
    try:
        yield made, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def records(*texts: str, kind: str = "A", rcode: dns.rcode.Rcode = dns.rcode.NOERROR, cut: bool = False) -> Answers:
    def answers(question: dns.message.Message) -> bytes:
        said = dns.message.make_response(question)
        said.set_rcode(rcode)
        if texts and not cut:
            said.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", kind, *texts))
        if cut:
            said.flags |= dns.flags.TC
        return said.to_wire()

    return answers


async def ask(answers: Answers, timeout: float = 5, **settings: str) -> Measurement:
    async with name_server(answers) as (_, port):
        asked = aim({"name": "www.example.com", "nameserver": f"127.0.0.1:{port}", **settings}, timeout)
        return await probe.check(asked, wire_to())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, new_event_loop], ids=["asyncio", "uvloop"])
def test_a_name_that_is_known(loop: object) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        measured = runner.run(ask(records("10.0.0.2", "10.0.0.1")))
    assert measured.ok, measured.message
    assert measured.message.startswith("10.0.0.1, 10.0.0.2 in ")
    assert values(measured) == {"dns.time": measured.latency, "dns.answers": 2}
    assert measured.lines == ("10.0.0.1", "10.0.0.2")


EXPECTED = [
    ("in any order", "A", ["10.0.0.2", "10.0.0.1"], "10.0.0.1\n10.0.0.2", None),
    ("one is missing", "A", ["10.0.0.1"], "10.0.0.1\n10.0.0.2", "the answer lacks 10.0.0.2"),
    ("one too many", "A", ["10.0.0.1", "6.6.6.6"], "10.0.0.1", "the answer holds 6.6.6.6, which was not expected"),
    ("another", "A", ["6.6.6.6"], "10.0.0.1", "the answer lacks 10.0.0.1 and holds 6.6.6.6, which was not expected"),
    ("an address, as people write it", "AAAA", ["2001:db8::1"], "2001:DB8:0::1", None),
    ("names without their last dot", "MX", ["10 mail.example.com.", "20 Mail2.example.com."], "20 mail2.example.com\n10 mail.example.com", None),
    ("text", "TXT", ['"v=spf1 " "-all"'], "v=spf1 -all", None),
    ("text is told apart by its case", "TXT", ['"Key"'], "key", "the answer lacks key and holds Key, which was not expected"),
    ("a service", "SRV", ["1 2 5060 sip.example.com."], "1 2 5060 sip.example.com", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "told", "expected", "said"), [row[1:] for row in EXPECTED], ids=[row[0] for row in EXPECTED]
)
async def test_what_is_expected(kind: str, told: list[str], expected: str, said: str | None) -> None:
    measured = await ask(records(*told, kind=kind), type=kind, expected=expected)
    if said:
        assert (measured.ok, measured.message, measured.trouble) == (False, said, Trouble.ANSWER)
    else:
        assert measured.ok, measured.message


UNANSWERED = [
    ("no such name", records(rcode=dns.rcode.NXDOMAIN), Trouble.ANSWER, " says that www.example.com does not exist"),
    ("no such record", records(), Trouble.ANSWER, " knows www.example.com, but no A of it"),
    ("refused", records(rcode=dns.rcode.REFUSED), Trouble.ANSWER, " refuses to answer for www.example.com: REFUSED"),
    ("a failure there", records(rcode=dns.rcode.SERVFAIL), Trouble.ANSWER, " refuses to answer for www.example.com: SERVFAIL"),
    ("silence", lambda _: None, Trouble.TIMEOUT, "no answer within 0.5 s from 127.0.0.1:"),
    ("noise", lambda _: b"noise", Trouble.TIMEOUT, "no answer within 0.5 s from 127.0.0.1:"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "trouble", "said"), [row[1:] for row in UNANSWERED], ids=[row[0] for row in UNANSWERED]
)
async def test_what_is_no_answer(answers: Answers, trouble: Trouble, said: str) -> None:
    measured = await ask(answers, 0.5 if trouble is Trouble.TIMEOUT else 5)
    assert measured.trouble is trouble
    assert said in measured.message
    assert measured.reached is (trouble is Trouble.ANSWER)


async def test_nobody_listens() -> None:
    async with name_server(records("10.0.0.1")) as (_, port):
        pass
    measured = await probe.check(aim({"name": "www.example.com", "nameserver": f"127.0.0.1:{port}"}, 1), wire_to())
    assert not measured.ok
    assert measured.trouble in (Trouble.NETWORK, Trouble.TIMEOUT)
    assert not measured.reached


async def test_what_does_not_fit_comes_over_tcp() -> None:
    whole = records(*(f"10.0.1.{number}" for number in range(100)))

    async def over_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        said = whole(dns.message.from_wire(await reader.readexactly(length)))
        assert said
        writer.write(len(said).to_bytes(2, "big") + said)
        await reader.read()

    async with listening(over_tcp) as server, name_server(records(cut=True), server.port) as (_, port):
        measured = await probe.check(aim(name="www.example.com", nameserver=f"127.0.0.1:{port}"), wire_to())
    assert values(measured)["dns.answers"] == 100
    assert len(measured.lines) == 30


async def test_an_address_is_asked_for_backwards() -> None:
    async with name_server(records("db.example.com.", kind="PTR")) as (server, port):
        measured = await probe.check(aim(name="10.0.0.5", type="PTR", nameserver=f"127.0.0.1:{port}"), wire_to())
    assert measured.ok, measured.message
    assert server.asked == ["5.0.0.10.in-addr.arpa. IN PTR"]


async def test_nothing_is_appended_to_a_name() -> None:
    async with name_server(records(rcode=dns.rcode.NXDOMAIN)) as (server, port):
        await probe.check(aim(name="intranet", nameserver=f"127.0.0.1:{port}"), wire_to())
    assert server.asked == ["intranet. IN A"]


async def test_a_name_server_nobody_may_ask() -> None:
    async with name_server(records("10.0.0.1")) as (server, port):
        asked = aim(name="www.example.com", nameserver=f"127.0.0.1:{port}")
        measured = await probe.check(asked, wire_to("10.0.0.0/8"))
    assert measured.trouble is Trouble.REFUSED
    assert measured.message == "127.0.0.1 is a private address: open it with MONITORING_EGRESS_ALLOW"
    assert server.asked == []


async def test_a_name_server_has_a_name() -> None:
    async with name_server(records("10.0.0.1")) as (server, port):
        asked = aim(name="www.example.com", nameserver=f"ns.example:{port}")
        assert (await probe.check(asked, wire_to(resolving=resolver("127.0.0.1")))).ok
        refused = await probe.check(asked, wire_to("0.0.0.0/0", resolving=resolver("127.0.0.1", "169.254.169.253")))
    assert refused.trouble is Trouble.REFUSED
    assert len(server.asked) == 1


PROBLEMS = [
    ({}, "name", "give the name to ask for, like www.example.com"),
    ({"name": "a b"}, "name", "“a b” is neither a name nor an address"),
    ({"name": "10.0.0.5"}, "name", "10.0.0.5 is an address: its name is asked for by PTR"),
    ({"name": "a.example", "type": "ANY"}, "type", "must be one of A, AAAA, CNAME, MX, NS, TXT, SRV, CAA, SOA, PTR"),
    ({"name": "a.example", "nameserver": "9.9.9.9:dns"}, "nameserver", "a port must lie between 1 and 65535"),
    ({"name": "a.example", "nameserver": "https://dns.example/"}, "nameserver", "give the host alone, without http:// and without a path"),
    ({"name": "a.example", "expected": "b.example"}, "expected", "“b.example” is no IPv4 address, and A answers with those"),
    ({"name": "a.example", "type": "AAAA", "expected": "10.0.0.1"}, "expected", "“10.0.0.1” is no IPv6 address, and AAAA answers with those"),
    ({"name": "a.example", "type": "TXT", "expected": "x\n" * 51}, "expected", "at most 50 answers"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "name", "message"), PROBLEMS)
def test_what_the_form_refuses(settings: dict[str, str], name: str, message: str) -> None:
    assert [(each.field, each.message) for each in probe.problems(Config(settings))] == [(name, message)]


SERVERS = [
    ("", None), ("9.9.9.9", ("9.9.9.9", 53)), ("9.9.9.9:5353", ("9.9.9.9", 5353)), ("2620:fe::fe", ("2620:fe::fe", 53)),
    ("[2620:fe::fe]", ("2620:fe::fe", 53)), ("[2620:fe::fe]:54", ("2620:fe::fe", 54)), ("ns.example", ("ns.example", 53)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "server"), SERVERS)
def test_name_servers(text: str, server: tuple[str, int] | None) -> None:
    assert probe.server_of(text) == server


def test_the_target() -> None:
    assert probe.target(Config({"name": "a.example"})) == "a.example A"
    assert (
        probe.target(Config({"name": "a.example", "type": "MX", "nameserver": "9.9.9.9"})) == "a.example MX at 9.9.9.9"
    )
