"""What goes out: every spelling of a forbidden address is refused, and what was checked is what is connected to."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from century.core.egress import Address, Verdict, judge, parse_networks
from century.core.errors import CenturyError, Invalid, TooLarge, Unavailable
from century.core.guard import AddressRefused
from century.core.outbound import Outbound, redact

FORBIDDEN = [
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
    "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254", "::ffff:0:169.254.169.254",
    "64:ff9b::169.254.169.254", "64:ff9b::a83f:8110", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "2002:a83f:8110::1",
    "2001:0:a9fe:a9fe::", "2001:0:1:2:3:4:5601:5601", "2606:4700::5efe:a9fe:a9fe", "0.0.0.0", "::", "fe80::1", "224.0.0.1", "255.255.255.255",
    "ff02::1", "169.254.1.1", "0.1.2.3", "240.0.0.1",
]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1",
    "192.0.0.1", "192.0.2.1", "203.0.113.9", "::1", "fc00::1", "fd12::1", "fec0::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:7f00:1::", "2002:c0a8:101::", "2001:db8::1", "2001:0:102:304::f5ff:fffe", "100::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_metadata_and_the_like_are_never_reached(text: str) -> None:
    everything = parse_networks(["0.0.0.0/0", "::/0"])
    assert judge(ip_address(text)) is Verdict.FORBIDDEN
    assert judge(ip_address(text), everything) is Verdict.FORBIDDEN


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_need_leave(text: str) -> None:
    assert judge(ip_address(text)) is Verdict.PRIVATE
    assert judge(ip_address(text), parse_networks(["0.0.0.0/0", "::/0"])) is Verdict.ALLOWED
    assert judge(ip_address(text), parse_networks(["10.99.0.0/16"])) is Verdict.PRIVATE


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_reached(text: str) -> None:
    assert judge(ip_address(text)) is Verdict.PUBLIC


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
        "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://localhost/", "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/", "http://①②⑦.0.0.1/", "http://127。0。0。1/", "http://0/", "http://[fe80::1%25eth0]/",
        "http://[64:ff9b::7f00:1]/", "https://127.0.0.1:443@169.254.169.254/", "http://user:pass@1.1.1.1/",
        "file:///etc/passwd", "gopher://127.0.0.1/", "ftp://1.1.1.1/", "http://", "//1.1.1.1/", "http:\\\\127.0.0.1",
        "http://1.1.1.1\r\nHost: x/", "http://1.1.1.1 .evil/", "http://" + "a" * 3000, "http://1.1.1.1:99999/",
    ],
)  # fmt: skip
async def test_no_spelling_gets_through(url: str) -> None:
    with pytest.raises(CenturyError) as refused:
        await Outbound().request("GET", url, timeout=2)
    assert isinstance(refused.value, AddressRefused | Invalid | Unavailable)
    assert "password" not in str(refused.value) or isinstance(refused.value, Invalid)


@dataclass
class Server:
    """A small HTTP server that answers what it is told to, and keeps what it was asked."""

    port: int = 0
    answers: list[bytes] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answers.pop(0) if self.answers else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()


def redirect(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_an_allowed_address_answers(server: Server) -> None:
    answer = await Outbound(["127.0.0.0/8"]).request("GET", f"http://127.0.0.1:{server.port}/")
    assert (answer.status, answer.body, answer.address) == (200, b"ok", "127.0.0.1")


async def test_the_checked_address_is_the_one_connected_to(server: Server) -> None:
    lookups: list[str] = []

    async def rebinding(host: str, port: int) -> list[Address]:
        lookups.append(host)
        return [ip_address("127.0.0.1")] if len(lookups) == 1 else [ip_address("169.254.169.254")]

    client = Outbound(["127.0.0.0/8"], resolve=rebinding)
    url = f"http://rebind.example:{server.port}/"
    assert (await client.request("GET", url)).body == b"ok"
    assert b"Host: rebind.example" in server.asked[0]
    assert lookups == ["rebind.example"]
    with pytest.raises(AddressRefused):
        await client.request("GET", url)


async def test_one_forbidden_address_of_a_name_refuses_it(server: Server) -> None:
    async def both(host: str, port: int) -> list[Address]:
        return [ip_address("127.0.0.1"), ip_address("169.254.169.254")]

    with pytest.raises(AddressRefused):
        await Outbound(["127.0.0.0/8"], resolve=both).request("GET", f"http://two.example:{server.port}/")
    assert server.asked == []


async def test_redirects_are_checked_again(server: Server) -> None:
    client = Outbound(["127.0.0.1/32"])
    for target in ("http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd", "http://127.0.0.2/"):
        server.answers = [redirect(target)]
        with pytest.raises((AddressRefused, Invalid)):
            await client.request("GET", f"http://127.0.0.1:{server.port}/", follow_redirects=True)
    server.answers = [redirect("/next")]
    answer = await client.request("GET", f"http://127.0.0.1:{server.port}/", follow_redirects=True)
    assert (answer.body, answer.url) == (b"ok", f"http://127.0.0.1:{server.port}/next")
    server.answers = [redirect("/again")] * 9
    with pytest.raises(Unavailable, match="without end"):
        await client.request("GET", f"http://127.0.0.1:{server.port}/", follow_redirects=True)


async def test_a_small_answer_does_not_unpack_to_a_large_one(server: Server) -> None:
    packed = gzip.compress(gzip.compress(bytes(64 << 20), 9), 9)
    assert len(packed) < 10_000
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    server.answers = [head.encode() + packed]
    answer = await Outbound(["127.0.0.1/32"]).request("GET", f"http://127.0.0.1:{server.port}/")
    assert answer.body == packed
    assert b"Accept-Encoding: identity" in server.asked[0]


async def test_secrets_do_not_follow_to_another_origin(server: Server) -> None:
    async def local(host: str, port: int) -> list[Address]:
        return [ip_address("127.0.0.1")]

    server.answers = [redirect(f"http://other.example:{server.port}/")]
    await Outbound(["127.0.0.1/32"], resolve=local).request(
        "GET",
        f"http://one.example:{server.port}/",
        headers={"Authorization": "x", "X-Kept": "y"},
        follow_redirects=True,
    )
    assert b"Authorization" in server.asked[0]
    assert b"Authorization" not in server.asked[1]
    assert b"X-Kept" in server.asked[1]


async def test_an_answer_is_bounded_in_size_and_time(server: Server) -> None:
    client = Outbound(["127.0.0.1/32"])
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2_000]
    with pytest.raises(TooLarge):
        await client.request("GET", f"http://127.0.0.1:{server.port}/", max_body=1_000)
    server.answers = [b"HTTP/1.1 200 OK\r\n"]
    with pytest.raises(Unavailable):
        await client.request("GET", f"http://127.0.0.1:{server.port}/", timeout=0.2)


def test_a_shown_url_keeps_its_secrets() -> None:
    shown = redact("https://user:pw@hooks.example/a?token=abc&x=1&api_key=def#frag")
    assert shown == "https://…@hooks.example/a?token=…&x=1&api_key=…"
