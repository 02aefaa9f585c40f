"""No probe reaches an address that nobody opened: not by its spelling, a redirection, a name that changes, or a proxy.

Everything here has a trap: a real server where nobody may go, which counts who came.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from century.core.egress import Address
from century.probes.exchange import Ask, exchange
from century.probes.kinds import external_api, http, postgres, prometheus, redis, tcp, tls
from century.probes.measurement import Measurement, Trouble
from century.probes.wire import Failed, Wire
from tests.probes.servers import Handle, aim, answer, answering, listening, redirection, resolver, values, wire_to

# Every one of them is 127.0.0.2, of which only 127.0.0.1 is open here.
SPELLINGS = [
    "127.0.0.2", "127.2", "127.0.2", "0x7f.2", "0x7f000002", "2130706434", "0177.0.0.2", "017700000002", "127.0.0.02",
    "[::ffff:7f00:2]", "[::ffff:127.0.0.2]", "[0:0:0:0:0:ffff:7f00:2]", "[64:ff9b::7f00:2]", "[2002:7f00:2::]", "[::127.0.0.2]",
    "①②⑦.⓪.⓪.②", "127。0。0。2", "１２７.0.0.2",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "0xa9fea9fe", "2852039166", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16",
    "[64:ff9b::a9fe:a9fe]", "192.0.0.192", "0.0.0.0", "[::]", "[fe80::a9fe:a9fe]",
]  # fmt: skip
KINDS = [http, external_api, prometheus]


@dataclass
class Trap:
    """Where nobody may go: `came` counts those who did."""

    port: int
    came: int = 0


@contextlib.asynccontextmanager
async def trap(host: str = "127.0.0.2", port: int = 0) -> AsyncIterator[Trap]:
    async def caught(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.came += 1
        writer.write(answer(b"what nobody may read"))
        writer.close()

    serving = await asyncio.start_server(caught, host, port)
    made = Trap(serving.sockets[0].getsockname()[1])
    try:
        yield made
        # Whoever connected is counted once the loop comes to it.
        for _ in range(5):
            await asyncio.sleep(0)
    finally:
        serving.close()
    assert made.came == 0


def open_wire() -> Wire:
    return wire_to("127.0.0.1/32")


def refused(measured: Measurement) -> bool:
    return not measured.ok and measured.trouble is not Trouble.TIMEOUT


async def test_the_trap_shuts() -> None:
    """What the others rely on: that a trap tells of whoever comes."""
    with pytest.raises(AssertionError):
        async with trap() as made:
            assert (await http.check(aim(url=f"http://127.0.0.2:{made.port}/"), wire_to("127.0.0.0/8"))).ok


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_leads_there(host: str) -> None:
    async with trap() as made:
        for kind in KINDS:
            measured = await kind.check(aim(url=f"http://{host}:{made.port}/"), open_wire())
            assert refused(measured), measured.message
            assert measured.trouble is not Trouble.ANSWER
            assert not measured.reached
        for measured in (
            await tcp.check(aim(host=host, port=str(made.port)), open_wire()),
            await tls.check(aim(host=host, port=str(made.port)), open_wire()),
            await postgres.check(aim(url=f"postgresql://a@{host}:{made.port}/a"), open_wire()),
            await redis.check(aim(url=f"redis://{host}:{made.port}/0"), open_wire()),
            await redis.check(aim(sentinels=f"{host}:{made.port}", master="m"), open_wire()),
        ):
            assert refused(measured), measured.message
            assert not measured.reached


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST", "ⓛocalhost", "127.0.0.1", "[::1]"])
async def test_this_machine_is_closed_without_leave(host: str) -> None:
    async with trap("127.0.0.1") as made:
        wire = wire_to("10.99.0.0/16")
        assert refused(await http.check(aim(url=f"http://{host}:{made.port}/"), wire))
        assert refused(await tcp.check(aim(host=host, port=str(made.port)), wire))


@pytest.mark.parametrize("host", METADATA)
async def test_metadata_has_no_leave(host: str) -> None:
    wire = wire_to("0.0.0.0/0", "::/0")
    for measured in (
        await http.check(aim(url=f"http://{host}/latest/meta-data/"), wire),
        await external_api.check(aim(url=f"http://{host}/latest/meta-data/"), wire),
        await tcp.check(aim(host=host, port="80"), wire),
        await tls.check(aim(host=host, port="443"), wire),
        await prometheus.check(aim(url=f"http://{host}/metrics"), wire),
        await postgres.check(aim(url=f"postgresql://a@{host}/a"), wire),
        await redis.check(aim(url=f"redis://{host}/0"), wire),
    ):
        assert measured.trouble is Trouble.REFUSED, measured.message
        assert "is never reached from here" in measured.message


USERS = [
    "http://127.0.0.1@127.0.0.2:{}/",
    "http://127.0.0.1:80@127.0.0.2:{}/",
    "http://127.0.0.2:{}#@127.0.0.1/",
    "http://127.0.0.2:{}\\@127.0.0.1/",
]


@pytest.mark.parametrize("url", USERS)
async def test_who_stands_before_an_at_does_not_count(url: str) -> None:
    async with trap() as made:
        assert refused(await http.check(aim(url=url.format(made.port)), open_wire()))


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "169.254.169.254")]
)
async def test_one_bad_address_spoils_a_name(addresses: tuple[str, ...]) -> None:
    async with trap() as made:
        wire = wire_to("127.0.0.1/32", resolving=resolver(*addresses))
        assert (await http.check(aim(url=f"http://two.example:{made.port}/"), wire)).trouble is Trouble.REFUSED
        assert (await tcp.check(aim(host="two.example", port=str(made.port)), wire)).trouble is Trouble.REFUSED
        assert (await tls.check(aim(host="two.example", port=str(made.port)), wire)).trouble is Trouble.REFUSED


async def test_a_name_that_changes_is_not_asked_for_again() -> None:
    lookups: list[str] = []

    async def rebinding(host: str, port: int) -> list[Address]:
        lookups.append(host)
        return [ip_address("127.0.0.1" if len(lookups) == 1 else "127.0.0.2")]

    async with listening(answering(answer(b"mine"))) as server, trap(port=server.port):
        wire = wire_to("127.0.0.1/32", resolving=rebinding)
        reply = await exchange(wire, Ask(f"http://rebind.example:{server.port}/"), 5)
        assert (reply.body, lookups) == (b"mine", ["rebind.example"])
        # The next check asks again, and looks again.
        with pytest.raises(Failed) as failed:
            await exchange(wire, Ask(f"http://rebind.example:{server.port}/"), 5)
        assert failed.value.trouble is Trouble.REFUSED


async def test_a_redirection_to_the_same_name_is_looked_at_again() -> None:
    lookups: list[str] = []

    async def rebinding(host: str, port: int) -> list[Address]:
        lookups.append(host)
        return [ip_address("127.0.0.1" if len(lookups) == 1 else "127.0.0.2")]

    async with listening(answering(redirection("/again"), answer())) as server, trap(port=server.port):
        wire = wire_to("127.0.0.1/32", resolving=rebinding)
        measured = await http.check(aim(url=f"http://rebind.example:{server.port}/"), wire)
    assert measured.trouble is Trouble.REFUSED
    assert measured.message.startswith("after 1 redirection to http://rebind.example:")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_redirection_leads_there(host: str, status: int) -> None:
    async with trap() as made, listening(answering(redirection(f"http://{host}:{made.port}/", status))) as server:
        measured = await http.check(aim(url=server.url), open_wire())
        assert refused(measured), measured.message


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "way",
    [
        "//127.0.0.2:{}/",
        "http://127.0.0.1@127.0.0.2:{}/",
        "/\\127.0.0.2:{}/",
        "http:127.0.0.2:{}",
        "https://127.0.0.2:{}/",
        "\thttp://127.0.0.2:{}/",
    ],
)
async def test_no_spelling_of_a_redirection_leads_there(way: str, method: str) -> None:
    async with trap() as made, listening(answering(redirection(way.format(made.port)))) as server:
        measured = await http.check(aim({"url": server.url, "method": method}), open_wire())
        assert refused(measured), measured.message


@pytest.mark.parametrize(
    "way",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.2:70/_",
        "ftp://127.0.0.2/",
        "dict://127.0.0.2:11211/",
        "data:text/plain,ok",
        "unix:///run/docker.sock",
        "javascript:1",
    ],
)
async def test_redirections_leave_http_never(way: str) -> None:
    async with listening(answering(redirection(way))) as server:
        measured = await http.check(aim(url=server.url), open_wire())
    assert measured.trouble is Trouble.ANSWER
    assert measured.message.startswith("it redirects to ")


async def test_a_long_way_leads_nowhere_else() -> None:
    async with trap() as made:
        ways = [redirection("/a"), redirection("/b"), redirection("/c"), redirection(f"http://127.0.0.2:{made.port}/")]
        async with listening(answering(*ways)) as server:
            assert (await http.check(aim(url=server.url), open_wire())).trouble is Trouble.REFUSED


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
async def test_no_proxy_is_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with trap() as made, listening(answering(answer(b"mine"))) as server:
        monkeypatch.setenv(name, f"http://127.0.0.2:{made.port}")
        assert (await http.check(aim(url=server.url), open_wire())).ok


async def test_the_fallback_is_guarded_like_the_first() -> None:
    async with trap() as made, listening(answering(answer())) as server:
        measured = await external_api.check(
            aim(url=server.url, fallbackUrl=f"http://127.0.0.2:{made.port}/"), open_wire()
        )
        assert measured.ok
        assert values(measured)["api.fallback_up"] == 0
        assert "a private address" in measured.message


@pytest.mark.parametrize("first", ["smtp", "postgres"])
async def test_what_is_spoken_before_tls_is_guarded(first: str) -> None:
    async with trap() as made:
        measured = await tls.check(aim(host="127.0.0.2", port=str(made.port), startTls=first), open_wire())
        assert measured.trouble is Trouble.REFUSED


async def test_the_name_of_a_certificate_is_not_where_it_connects() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    handle: Handle = silent
    async with listening(handle) as server, trap(port=server.port):
        asked = aim({"host": "127.0.0.1", "port": str(server.port), "serverName": "127.0.0.2"}, 0.3)
        assert (await tls.check(asked, open_wire())).trouble is Trouble.TIMEOUT


async def test_a_host_header_is_not_where_it_connects() -> None:
    heads: list[bytes] = []
    async with listening(answering(answer(), heads=heads)) as server, trap(port=server.port):
        assert (await http.check(aim(url=server.url, headers="Host: 127.0.0.2"), open_wire())).ok
    assert b"Host: 127.0.0.2\r\n" in heads[0]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://a@127.0.0.1,127.0.0.2:{}/a", "postgresql://a@127.0.0.1/a?host=127.0.0.2&port={}", "postgresql:///a?host=127.0.0.2&port={}",
        "postgresql://a@/a?host=127.0.0.2:{}", "postgresql://a@127.0.0.1@127.0.0.2:{}/a", "postgresql://a@127.0.0.1:1/a?service=x&hostaddr=127.0.0.2&port={}",
    ],
)  # fmt: skip
async def test_no_address_of_a_database_names_two(url: str) -> None:
    async with trap() as made:
        assert refused(await postgres.check(aim(url=url.format(made.port)), open_wire()))


@pytest.mark.parametrize("name", ["PGHOST", "PGHOSTADDR", "PGSERVICE"])
async def test_no_surroundings_name_a_database(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with trap() as made, listening(answering(answer())) as server:
        monkeypatch.setenv(name, "127.0.0.2")
        monkeypatch.setenv("PGPORT", str(made.port))
        measured = await postgres.check(aim({"url": f"postgresql://a@127.0.0.1:{server.port}/a"}, 0.5), open_wire())
        assert not measured.ok
    assert str(server.port) in measured.message or "more than 0.5 s" in measured.message


async def test_a_sentinel_names_no_closed_address() -> None:
    async with trap() as made:
        said = f"*2\r\n$9\r\n127.0.0.2\r\n${len(str(made.port))}\r\n{made.port}\r\n".encode()

        async def sentinel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(4096):
                writer.write(said)

        async with listening(sentinel) as server:
            measured = await redis.check(aim(sentinels=f"127.0.0.1:{server.port}", master="m"), open_wire())
        assert measured.trouble is Trouble.REFUSED
        assert "127.0.0.2 is a private address" in measured.message
