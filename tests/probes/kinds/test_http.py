"""A web address: what its form refuses, what its answers mean, and servers that do their worst."""

from __future__ import annotations

import asyncio
import json
import time
import tracemalloc
from datetime import timedelta

import pytest
import trustme

from century.probes.kind import Config
from century.probes.kinds import http
from century.probes.measurement import Measurement, Trouble
from century.probes.runner import tidy
from tests.probes.servers import (
    NOW,
    Handle,
    aim,
    answer,
    answering,
    assert_left_after,
    listening,
    redirection,
    tls_server,
    values,
    wire_to,
)


async def check(handle: Handle, timeout: float = 5, **settings: str) -> Measurement:
    async with listening(handle) as server:
        return await http.check(aim({"url": server.url, **settings}, timeout), wire_to())


JSON = json.dumps({"status": "ok", "left": 7}).encode()
GOOD = [
    ("any 2xx", answer(), {}),
    ("a status that was asked for", answer(b"", "304 Not Modified"), {"expectedStatus": "200-299, 304"}),
    ("conditions that hold", answer(JSON), {"conditions": "json $.status == ok\nbody contains left\nlatency < 4s"}),
    ("a large body, looked at in a thread", answer(b'{"a":"' + b"x" * 40_000 + b'"}'), {"conditions": "json $.a exists"}),
    ("a redirection as the answer", redirection("/x", 301), {"redirects": "refuse", "expectedStatus": "301"}),
    ("quick enough", answer(), {"slowerThan": "PT4S"}),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "settings"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
async def test_what_is_well(sent: bytes, settings: dict[str, str]) -> None:
    measured = await check(answering(sent), **settings)
    assert measured.ok, measured.message
    assert measured.trouble is None
    assert measured.reached
    assert measured.latency


BAD = [
    ("a status that was not", answer(b"", "500 Internal Server Error"), {}, "answers 500 Internal Server Error, not 200-299"),
    ("a status without a usual name", answer(b"", "599 Odd"), {}, "answers 599 Odd, not 200-299"),
    ("a rate limit", answer(b"", "429 Too Many Requests", "Retry-After: 7"), {}, "answers 429 Too Many Requests, not 200-299"),
    ("a condition", answer(JSON), {"conditions": "json $.status == up"}, "answers 200 OK, but $.status is “ok”, not “up”"),
    ("a redirection nobody followed", redirection("/x"), {"redirects": "refuse"}, "answers 302 Found, not 200-299"),
    ("a circle", redirection("/"), {}, "it redirects in a circle, by way of http://127.0.0.1:"),
    ("no HTTP", b"220 mail.example.com ESMTP\r\n", {}, "what it answers is not HTTP"),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "settings", "said"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
async def test_what_is_not(sent: bytes, settings: dict[str, str], said: str) -> None:
    measured = await check(answering(sent), **settings)
    assert not measured.ok
    assert measured.message.startswith(said)
    assert measured.trouble is Trouble.ANSWER
    assert measured.reached


async def test_too_slow() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asyncio.get_running_loop().call_later(0.15, writer.write, answer())
        await reader.read()

    measured = await check(slow, slowerThan="100ms")
    assert not measured.ok
    assert measured.message.startswith("answers 200 OK in ")
    assert measured.message.endswith("slower than 100 ms")
    assert values(measured)["http.first_byte_time"] > 0.1


async def test_its_facts() -> None:
    measured = await check(answering(answer(b"x" * 100)))
    told = values(measured)
    assert (told["http.status"], told["http.size"], told["http.latency"]) == (200, 100, measured.latency)
    assert {"http.resolve_time", "http.connect_time", "http.first_byte_time"} < told.keys()
    assert "http.tls_time" not in told
    names = {fact.name for fact in http.FACTS}
    assert {fact.name for fact in measured.facts} <= names


async def test_the_certificate_counts_its_days() -> None:
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode()
    context = tls_server(authority.issue_cert("127.0.0.1", not_after=NOW + timedelta(days=1000, hours=12)))
    async with listening(answering(answer()), context) as server:
        asked = aim({"url": f"https://127.0.0.1:{server.port}/", "ca": pem})
        measured = await http.check(asked, wire_to())
    assert measured.ok, measured.message
    assert values(measured)["tls.days_left"] == pytest.approx(1000.5, abs=0.001)
    assert values(measured)["http.tls_time"] > 0


async def test_an_expired_certificate_is_a_failure() -> None:
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode()
    gone = authority.issue_cert("127.0.0.1", not_before=NOW - timedelta(days=900), not_after=NOW - timedelta(days=800))
    async with listening(answering(answer()), tls_server(gone)) as server:
        url = f"https://127.0.0.1:{server.port}/"
        measured = await http.check(aim({"url": url, "ca": pem}), wire_to())
        trusting = await http.check(aim({"url": url, "verifyTls": "false"}), wire_to())
    assert measured.message == "the certificate of 127.0.0.1 has expired"
    assert trusting.ok
    assert values(trusting)["tls.days_left"] == pytest.approx(-800)


# -- the worst


async def test_a_server_that_hangs() -> None:
    async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    began = time.monotonic()
    measured = await check(hangs, 0.5)
    assert_left_after(0.5, time.monotonic() - began)
    assert measured.trouble is Trouble.TIMEOUT
    assert measured.message.startswith("no answer within 0.5 s: connected to 127.0.0.1:")
    assert measured.latency is None


async def test_a_server_that_trickles() -> None:
    async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        for number, each in enumerate(b"HTTP/1.1 200 OK\r\nX-Slow: yes" + b"s" * 400):
            loop.call_later(number * 0.01, writer.write, bytes([each]))
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()

    began = time.monotonic()
    measured = await check(trickles, 0.5)
    assert_left_after(0.5, time.monotonic() - began)
    assert measured.message == "no answer within 0.5 s: connected, the answer has begun and does not end"


async def test_ten_gibibytes() -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    tracemalloc.start()
    measured = await check(floods, 10, conditions="body contains xxx")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert measured.ok, measured.message
    assert values(measured)["http.size"] == 10 * 2**30
    assert peak < 8 * 2**20


# -- what is shown


async def test_what_the_answer_said() -> None:
    sent = answer(
        b"first\x1b[31m\nsecond " + b"y" * 300 + b"\n" * 100, "200 OK", "Set-Cookie: session=opens-doors", "X-Node: a1",
        "Content-Location: /x?token=opens-doors",
    )  # fmt: skip
    measured = await check(answering(sent))
    assert measured.lines[0] == "200 OK"
    assert "x-node: a1" in measured.lines
    assert "set-cookie: …" in measured.lines
    assert "opens-doors" not in "".join(measured.lines)
    assert "first [31m" in measured.lines
    assert len(measured.lines) <= 40
    assert max(map(len, measured.lines)) == 200


async def test_bytes_are_not_shown_as_text() -> None:
    measured = await check(answering(answer(b"\0\1\2")))
    assert measured.lines[-1] == "(3 bytes that are no text)"


async def test_a_secret_header_is_sent_and_not_shown() -> None:
    heads: list[bytes] = []
    measured = await check(answering(answer(), heads=heads), secretHeaders="X-Key: open sesame\nX-Other: too")
    assert b"X-Key: open sesame\r\nX-Other: too\r\n" in heads[0]
    assert "sesame" not in repr(measured)


async def test_a_secret_that_comes_back_is_not_shown() -> None:
    echo = answer(b'{"you sent": "open sesame"}', "200 OK", "X-Echo: open sesame", "Location: /x?key=open%20sesame")
    async with listening(answering(echo)) as server:
        asked = aim(url=server.url, secretHeaders="X-Key: open sesame", conditions="json $['you sent'] == nothing")
        measured = tidy(await http.check(asked, wire_to()), asked.config)
    assert measured.message == "answers 200 OK, but $['you sent'] is “…”, not “nothing”"
    assert "x-echo: …" in measured.lines
    assert "sesame" not in repr(measured)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        pytest.param(f"Authorization: Bearer {'s3cret' * 60}", f'{{"Authorization": "Bearer {"s3cret" * 60}"}}', id="cut off"),
        pytest.param("Authorization: Bearer s3cret-token", '{"token": "s3cret-token"}', id="without its scheme"),
        pytest.param("Cookie: theme=dark; session=s3cret-token==", '{"session": "s3cret-token=="}', id="a cookie's value"),
    ],
)  # fmt: skip
async def test_a_part_of_a_secret_that_comes_back_is_not_shown(header: str, body: str) -> None:
    async with listening(answering(answer(body.encode(), "200 OK", f"X-Echo: {body}"))) as server:
        asked = aim(url=server.url, secretHeaders=header, conditions="header x-echo == nothing")
        measured = tidy(await http.check(asked, wire_to()), asked.config)
    assert measured.reached
    assert "s3cret" not in repr(measured)


async def test_a_secret_body_is_sent_and_not_shown() -> None:
    got: list[bytes] = []

    async def hears(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        got.append(await reader.readexactly(len(SECRET_FORM)))
        writer.write(answer(b'{"you sent": "hunter2-and-3"}', "200 OK", f"X-Echo: {SECRET_FORM}"))

    async with listening(hears) as server:
        settings = {"url": server.url, "method": "POST", "secretBody": SECRET_FORM}
        asked = aim(settings, conditions="json $['you sent'] == nothing")
        measured = tidy(await http.check(asked, wire_to()), asked.config)
    assert got == [SECRET_FORM.encode()]
    assert measured.message == "answers 200 OK, but $['you sent'] is “…”, not “nothing”"
    assert "hunter2" not in repr(measured)
    assert "hunter2" not in repr(asked)


SECRET_FORM = "grant_type=x&client_secret=hunter2-and-3"
TOLD = [
    ("a form's", SECRET_FORM, ("hunter2-and-3",)),
    ("that of a form with escapes", "client_secret=hunter2%26and-3", ("hunter2&and-3",)),
    (
        "JSON's, at any depth",
        '{"a": ["first-secret", {"b": "second-secret"}], "n": 1}',
        ("first-secret", "second-secret"),
    ),
    ("no JSON's", '{"a": ', ()),
]


@pytest.mark.parametrize(("body", "told"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD])
def test_the_values_of_a_secret_body_are_secrets(body: str, told: tuple[str, ...]) -> None:
    assert {body, *told} <= set(Config({"secretBody": body}, frozenset({"secretBody"})).secrets)


TARGETS = [
    ({"url": "https://api.example.com/health"}, "https://api.example.com/health"),
    ({"url": "https://api.example.com/", "method": "POST"}, "POST https://api.example.com/"),
    ({"url": "https://api.example.com/?apikey=abc&x=1"}, "https://api.example.com/?apikey=…&x=1"),
]


@pytest.mark.parametrize(("settings", "shown"), TARGETS)
def test_the_target(settings: dict[str, str], shown: str) -> None:
    assert http.target(Config(settings)) == shown


URL = "https://api.example.com/"
PROBLEMS = [
    ({}, "url", "give the address to ask, like https://api.example.com/health"),
    ({"url": "api.example.com"}, "url", "a URL must begin with http:// or https://"),
    ({"url": "ftp://api.example.com/"}, "url", "a URL must begin with http:// or https://"),
    ({"url": "https://user:pw@api.example.com/"}, "url", "a URL must not hold a user or a password: give them as a secret header"),
    ({"url": "https://api.example.com:70000/"}, "url", "a port must lie between 1 and 65535"),
    ({"url": "https://a b/"}, "url", "not a URL: it must not hold spaces or backslashes"),
    ({"url": URL, "method": "CONNECT"}, "method", "the method must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ({"url": URL, "headers": "Accept: x\nno header"}, "headers", "line 2 is no header: write Name: value"),
    ({"url": URL, "headers": "Content-Length: 5"}, "headers", "line 1: Content-Length is set by the probe itself"),
    ({"url": URL, "headers": "Accept: x\ncookie: a=b"}, "headers", "line 2: everybody who looks can read cookie here: give it as a secret header"),
    ({"url": URL, "secretHeaders": "hunter2"}, "secretHeaders", "line 1 is no header: write Name: value"),
    ({"url": URL, "expectedStatus": "ok"}, "expectedStatus", "“ok” is no status: write numbers and ranges from 100 to 599, like 200-299,304"),
    ({"url": URL, "expectedStatus": "299-200"}, "expectedStatus", "“299-200” is no status: write numbers and ranges from 100 to 599, like 200-299,304"),
    ({"url": URL, "conditions": "body contains a\njson $.a[ exists"}, "conditions", "line 2, place 11: not a JSON path: unexpected token 'e' in bracketed selection"),
    ({"url": URL, "conditions": "body contains a", "method": "HEAD"}, "conditions", "the answer to HEAD has no body: ask with GET"),
    ({"url": URL, "redirects": "maybe"}, "redirects", "redirections are either followed (follow) or taken for the answer (refuse)"),
    ({"url": URL, "slowerThan": "fast"}, "slowerThan", "must be a time above zero, like 500ms, 2s or PT2S"),
    ({"url": URL, "slowerThan": "PT0S"}, "slowerThan", "must be a time above zero, like 500ms, 2s or PT2S"),
    ({"url": URL, "ca": "a certificate"}, "ca", "must hold certificates in PEM form, from -----BEGIN CERTIFICATE----- on"),
    ({"url": URL, "body": "x" * 70_000}, "body", "the body must not be longer than 64 KiB"),
    ({"url": URL, "secretBody": "x" * 70_000}, "secretBody", "the body must not be longer than 64 KiB"),
    ({"url": URL, "body": "a", "secretBody": "b"}, "secretBody", "only one body can be sent: leave either Body or Secret body empty"),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "field", "message"), PROBLEMS, ids=[row[2][:50] for row in PROBLEMS])
def test_what_the_form_refuses(settings: dict[str, str], field: str, message: str) -> None:
    found = http.problems(Config(settings))
    assert [(each.field, each.message, each.refused) for each in found] == [(field, message, True)]


WARNINGS = [
    ({"url": URL, "verifyTls": "false"}, "verifyTls"),
    ({"url": "https://api.example.com/?apikey=abc"}, "url"),
    ({"url": "http://api.example.com/", "secretHeaders": "X-Key: a"}, "secretHeaders"),
    ({"url": "http://api.example.com/", "secretBody": "key=a"}, "secretBody"),
]


@pytest.mark.parametrize(("settings", "field"), WARNINGS)
def test_what_the_form_warns_of(settings: dict[str, str], field: str) -> None:
    assert [(each.field, each.refused) for each in http.problems(Config(settings))] == [(field, False)]


def test_what_the_form_proposes_is_taken() -> None:
    proposed = {field.name: field.default for field in http.FIELDS if field.default is not None}
    assert http.problems(Config({**proposed, "url": URL})) == []
