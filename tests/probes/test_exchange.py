"""One HTTP question and its answer: bounded in every way, and to nobody but the addresses that were looked at."""

from __future__ import annotations

import asyncio
import time
import tracemalloc

import pytest
import trustme
from uvloop import new_event_loop

from century.probes.exchange import MAX_BODY, Ask, Reply, exchange, place_of
from century.probes.measurement import Trouble
from century.probes.wire import Failed
from tests.probes.servers import (
    Handle,
    answer,
    answering,
    assert_left_after,
    listening,
    redirection,
    resolver,
    tls_server,
    wire_to,
)


async def ask(handle: Handle, timeout: float = 5, **options: object) -> Reply:
    async with listening(handle) as server:
        return await exchange(wire_to(), Ask(server.url, **options), timeout)  # type: ignore[arg-type]


ANSWERS = [
    ("a body with its length", answer(b"hello"), 200, b"hello"),
    ("a body that ends with the connection", b"HTTP/1.1 200 OK\r\n\r\nhello", 200, b"hello"),
    ("a body in chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 200, b"hello"),
    ("no body at all", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ("an announcement before the answer", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"hello"), 200, b"hello"),
    ("an older protocol", b"HTTP/1.0 200 OK\r\n\r\nhello", 200, b"hello"),
    ("a failure", answer(b"oh", "503 Service Unavailable"), 503, b"oh"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "status", "body"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
async def test_answers(sent: bytes, status: int, body: bytes) -> None:
    reply = await ask(answering(sent))
    assert (reply.status, reply.body, reply.truncated, reply.redirects) == (status, body, False, 0)
    assert reply.address == "127.0.0.1"
    assert [step.name for step in reply.steps] == ["resolve", "connect", "first byte", "body"]
    assert reply.latency == pytest.approx(sum(step.seconds for step in reply.steps))


async def test_an_announcement_leaves_no_headers_behind() -> None:
    reply = await ask(answering(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(b"hello")))
    assert reply.header("link") is None
    assert reply.words == "200 OK"


async def test_a_head_is_complete_without_its_body() -> None:
    reply = await ask(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"), method="HEAD")
    assert (reply.status, reply.body) == (200, b"")


BROKEN = [
    ("what is not HTTP", b"SSH-2.0-OpenSSH_9.2\r\n", Trouble.ANSWER, "not HTTP"),
    ("nothing at all", b"", Trouble.NETWORK, "it closed the connection without an answer"),
    ("half a head", b"HTTP/1.1 200 OK\r\nContent", Trouble.ANSWER, "in the middle of its headers"),
    ("half a body", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", Trouble.ANSWER, "after 3 bytes of its body"),
    ("half of its chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", Trouble.ANSWER, "after 3 bytes"),
    ("headers without end", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 300_000, Trouble.ANSWER, "longer than 64 KiB"),
    ("too many headers", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", Trouble.ANSWER, "more than 256 headers"),
    ("announcements without end", b"HTTP/1.1 100 Continue\r\n\r\n" * 9000, Trouble.ANSWER, "longer than 64 KiB"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nhell", Trouble.ANSWER, "not HTTP"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "trouble", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_broken_answers(sent: bytes, trouble: Trouble, said: str) -> None:
    with pytest.raises(Failed) as failed:
        await ask(answering(sent))
    assert failed.value.trouble is trouble
    assert said in failed.value.message
    assert failed.value.reached


async def test_a_server_that_says_nothing_is_left_in_time() -> None:
    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(hangs) as server:
        began = time.monotonic()
        with pytest.raises(Failed) as failed:
            await exchange(wire_to(), Ask(server.url), 0.3)
        assert_left_after(0.3, time.monotonic() - began)
        assert failed.value.trouble is Trouble.TIMEOUT
        assert (
            failed.value.message == f"no answer within 0.3 s: connected to 127.0.0.1:{server.port}, which says nothing"
        )
        # The connection is not left open.
        await asyncio.wait_for(server.gone.wait(), 5)


async def test_a_server_that_trickles_is_left_in_time() -> None:
    async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        loop = asyncio.get_running_loop()
        for number in range(1000):
            loop.call_later(number * 0.02, writer.write, b"x")
        await reader.read()
        await reader.read()

    async with listening(trickles) as server:
        began = time.monotonic()
        with pytest.raises(Failed, match="has begun and does not end") as failed:
            await exchange(wire_to(), Ask(server.url), 0.4)
        assert_left_after(0.4, time.monotonic() - began)
        assert failed.value.trouble is Trouble.TIMEOUT


@pytest.mark.parametrize("chunked", [False, True])
async def test_ten_gigabytes_are_cut_at_the_first(chunked: bool) -> None:
    sent = 0

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 10737418240"
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        part = b"10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536
        while True:
            writer.write(part)
            sent += len(part)
            await writer.drain()

    async with listening(floods) as server:
        tracemalloc.start()
        reply = await exchange(wire_to(), Ask(server.url), 10)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        await asyncio.wait_for(server.gone.wait(), 5)
    assert (len(reply.body), reply.truncated) == (MAX_BODY, True)
    assert peak < 8 * 1024 * 1024
    assert sent < 64 * 1024 * 1024


async def test_a_body_that_just_fits_is_whole() -> None:
    reply = await ask(answering(answer(b"x" * 1000)), max_body=1000)
    assert (len(reply.body), reply.truncated) == (1000, False)
    reply = await ask(answering(answer(b"x" * 1001)), max_body=1000)
    assert (len(reply.body), reply.truncated) == (1000, True)


async def test_more_frame_than_picture_is_refused() -> None:
    extended = b"1;" + b"e" * 4000 + b"\r\nx\r\n"
    with pytest.raises(Failed, match="far more around its body"):
        await ask(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + extended * 400), max_body=1000)


async def test_the_question_as_it_is_sent() -> None:
    heads: list[bytes] = []
    async with listening(answering(answer(), heads=heads)) as server:
        await exchange(
            wire_to(), Ask(server.url + "a?b=c d".replace(" ", "%20"), "POST", (("X-One", "ä"), ("Connection", "upgrade")), (), b"{}"), 5
        )  # fmt: skip
    head = heads[0].decode()
    assert head.startswith("POST /a?b=c%20d HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "Content-Length: 2\r\n" in head
    assert "X-One: ä\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head
    assert "upgrade" not in head


async def test_a_header_of_two_lines_is_not_sent() -> None:
    with pytest.raises(Failed) as failed:
        await ask(answering(answer()), headers=(("X", "a\r\nY: b"),))
    assert failed.value.trouble is Trouble.SETUP


async def test_a_closed_port_refuses() -> None:
    async with listening(answering(answer())) as server:
        pass
    with pytest.raises(Failed) as failed:
        await exchange(wire_to(), Ask(server.url), 5)
    assert failed.value.trouble is Trouble.NETWORK
    assert failed.value.message.startswith(f"127.0.0.1:{server.port} refuses connections")
    assert not failed.value.reached


async def test_the_next_address_of_a_name_is_tried() -> None:
    async with listening(answering(answer())) as server:
        wire = wire_to(resolving=resolver("127.0.0.2", "127.0.0.1"))
        reply = await exchange(wire, Ask(f"http://two.example:{server.port}/"), 5)
    assert reply.address == "127.0.0.1"


# -- redirections


async def test_redirections_are_followed_and_counted() -> None:
    heads: list[bytes] = []
    async with listening(
        answering(redirection("/b"), redirection("c?d=e", 307), answer(b"there"), heads=heads)
    ) as server:
        reply = await exchange(wire_to(), Ask(server.url), 5)
    assert [head.split()[1] for head in heads] == [b"/", b"/b", b"/c?d=e"]
    assert (reply.body, reply.redirects, reply.url) == (b"there", 2, server.url + "c?d=e")
    assert [step.name for step in reply.steps].count("connect") == 3
    assert reply.seconds("connect") > 0


async def test_a_redirection_can_be_the_answer() -> None:
    reply = await ask(answering(redirection("/b")), follow=False)
    assert (reply.status, reply.header("location")) == (302, "/b")


METHODS = [
    ("POST", 301, b"GET"), ("POST", 302, b"GET"), ("POST", 303, b"GET"), ("POST", 307, b"POST"), ("POST", 308, b"POST"),
    ("PUT", 302, b"PUT"), ("PUT", 303, b"GET"), ("HEAD", 303, b"HEAD"), ("GET", 308, b"GET"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "status", "then"), METHODS)
async def test_the_method_after_a_redirection(method: str, status: int, then: bytes) -> None:
    heads: list[bytes] = []
    await ask(
        answering(redirection("/b", status), answer(), heads=heads),
        method=method,
        body=b"x" if method[0] == "P" else b"",
    )
    assert heads[1].split()[0] == then
    assert (b"Content-Length: 1\r\n" in heads[1]) is (then[:1] == b"P")


AWAY = [
    ("a circle", ["/b", "/"], "in a circle"),
    ("itself", ["/"], "in a circle"),
    ("without end", [f"/{number}" for number in range(9)], "more than 5 times"),
    ("a file", ["file:///etc/passwd"], "it redirects to file:///etc/passwd: a URL must begin with http:// or https://"),
    ("another protocol", ["gopher://127.0.0.1/"], "must begin with http"),
    ("a password", ["http://user:hunter2@127.0.0.1/"], "must not hold a user"),
    ("a port that is none", ["http://127.0.0.1:99999/"], "between 1 and 65535"),
]  # fmt: skip


@pytest.mark.parametrize(("ways", "said"), [row[1:] for row in AWAY], ids=[row[0] for row in AWAY])
async def test_redirections_that_lead_nowhere(ways: list[str], said: str) -> None:
    with pytest.raises(Failed) as failed:
        await ask(answering(*(redirection(way) for way in ways)))
    assert failed.value.trouble is Trouble.ANSWER
    assert said in failed.value.message
    assert "hunter2" not in failed.value.message


async def test_secrets_stay_with_their_origin() -> None:
    heads: list[bytes] = []
    async with listening(answering(answer(), heads=heads)) as other:
        way = answering(redirection("/same"), redirection(other.url), heads=heads)
        async with listening(way) as server:
            await exchange(
                wire_to(),
                Ask(server.url, headers=(("Authorization", "Basic eA=="), ("X-Open", "yes")), secret_headers=(("X-Mine", "hidden"),)),
                5,
            )  # fmt: skip
    assert [b"hidden" in head for head in heads] == [True, True, False]
    assert [b"Basic" in head for head in heads] == [True, True, False]
    assert [b"X-Open: yes" in head for head in heads] == [True, True, True]


@pytest.mark.parametrize(("status", "goes"), [(302, True), (303, True), (307, False), (308, False)])
async def test_a_secret_body_stays_with_its_origin(status: int, goes: bool) -> None:
    heads: list[bytes] = []
    async with (
        listening(answering(answer(), heads=heads)) as other,
        listening(answering(redirection("/same", 308), redirection(other.url, status))) as server,
    ):
        asked = Ask(server.url, method="POST", secret_body=b"client_secret=hidden")
        if goes:
            assert (await exchange(wire_to(), asked, 5)).status == 200
        else:
            with pytest.raises(Failed, match="where its secret body must not go"):
                await exchange(wire_to(), asked, 5)
    assert [head.split()[0] for head in heads] == ([b"GET"] if goes else [])


@pytest.mark.parametrize("secrets", [(("X-Mine", "hidden"),), ()])
async def test_secrets_never_leave_tls(secrets: tuple[tuple[str, str], ...]) -> None:
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode()
    async with (
        listening(answering(answer())) as plain,
        listening(
            answering(redirection(plain.url)), tls_server(authority.issue_cert("127.0.0.1", "good.example"))
        ) as secure,
    ):
        asked = Ask(f"https://127.0.0.1:{secure.port}/", secret_headers=secrets, ca=pem)
        if secrets:
            with pytest.raises(Failed, match="where its secret headers could be read"):
                await exchange(wire_to(), asked, 5)
        else:
            assert (await exchange(wire_to(), asked, 5)).status == 200


# -- TLS


TRUST = [
    ("the name of the certificate", "good.example", True, ""),
    ("another name", "bad.example", True, "the certificate is not one of bad.example"),
    ("another name, not verified", "bad.example", False, ""),
    ("an authority nobody knows", "good.example", None, "from an issuer that is not trusted"),
]  # fmt: skip


@pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(("host", "trust", "said"), [row[1:] for row in TRUST], ids=[row[0] for row in TRUST])
def test_the_certificate_must_be_of_the_name_asked_for(host: str, trust: bool | None, said: str, uvloop: bool) -> None:
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode() if trust is not None else ""

    async def run() -> Reply:
        async with listening(
            answering(answer()), tls_server(authority.issue_cert("127.0.0.1", "good.example"))
        ) as server:
            asked = Ask(f"https://{host}:{server.port}/", verify=trust is not False, ca=pem)
            return await exchange(wire_to(resolving=resolver("127.0.0.1")), asked, 5)

    with asyncio.Runner(loop_factory=new_event_loop if uvloop else asyncio.new_event_loop) as runner:
        if said:
            with pytest.raises(Failed, match=said) as failed:
                runner.run(run())
            assert (failed.value.trouble, failed.value.reached) == (Trouble.ANSWER, True)
        else:
            reply = runner.run(run())
            assert reply.status == 200
            assert reply.certificate
            assert [step.name for step in reply.steps] == ["resolve", "connect", "tls", "first byte", "body"]


async def test_https_to_a_server_without_tls() -> None:
    async with listening(answering(answer())) as server:
        with pytest.raises(Failed) as failed:
            await exchange(wire_to(), Ask(f"https://127.0.0.1:{server.port}/"), 0.5)
    assert failed.value.reached


# -- addresses


PLACES = [
    ("http://Example.com", ("http", "example.com", 80, "/", "example.com")),
    ("https://example.com:8443/a?b#c", ("https", "example.com", 8443, "/a?b", "example.com:8443")),
    ("https://bücher.example/ä", ("https", "xn--bcher-kva.example", 443, "/%C3%A4", "xn--bcher-kva.example")),
    ("http://[::1]:80/", ("http", "::1", 80, "/", "[::1]")),
]  # fmt: skip


@pytest.mark.parametrize(("url", "parts"), PLACES)
def test_where_a_url_leads(url: str, parts: tuple[object, ...]) -> None:
    where = place_of(url)
    assert (where.scheme, where.host, where.port, where.target, where.authority) == parts
