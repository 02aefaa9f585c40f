"""A certificate: expired, soon, of another name, from nobody; and both at once, which OpenSSL does not say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
import trustme
from uvloop import new_event_loop

from century.probes.certificate import Certificate
from century.probes.kind import Config
from century.probes.kinds import tls
from century.probes.measurement import Measurement, Trouble
from tests.probes.servers import NOW, Handle, aim, listening, resolver, tls_server, values, wire_to

LONG_AGO, LATER = NOW - timedelta(days=4000), NOW + timedelta(days=4000)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


async def shake(leaf: trustme.LeafCert, ca: str, host: str = "www.example.com", **settings: str) -> Measurement:
    async with listening(silent, tls_server(leaf)) as server:
        return await tls.check(
            aim({"host": host, "port": str(server.port), "ca": ca, **settings}),
            wire_to(resolving=resolver("127.0.0.1")),
        )


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, new_event_loop], ids=["asyncio", "uvloop"])
def test_one_that_is_well(authority: trustme.CA, loop: object) -> None:
    leaf = authority.issue_cert("www.example.com", "*.example.com", not_after=NOW + timedelta(days=34, hours=6))
    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        measured = runner.run(shake(leaf, pem(authority)))
    assert measured.ok, measured.message
    assert measured.message == "valid for 34 days, until 2026-12-28"
    assert values(measured) == {"tls.days_left": pytest.approx(34.25), "tls.chain_ok": 1, "tls.name_ok": 1}
    assert [step.name for step in measured.steps] == ["resolve", "connect", "tls"]
    assert measured.lines[0].startswith("TLSv1.3, ")
    assert "   for www.example.com, *.example.com" in measured.lines


def test_another_name_is_asked_for_by_name(authority: trustme.CA) -> None:
    leaf = authority.issue_cert("www.example.com")
    measured = asyncio.run(shake(leaf, pem(authority), "10.internal.example", serverName="www.example.com"))
    assert measured.ok, measured.message


WRONG = [
    ("expired", {"not_before": LONG_AGO, "not_after": NOW - timedelta(days=3, hours=1)}, "www.example.com", True,
     "the certificate: it expired 3 days ago", {"chain": 1, "name": 1}),
    ("of another name", {}, "api.example.com", True, "the certificate: it is not one of api.example.com, but of www.example.com", {"chain": 1, "name": 0}),
    ("of an address", {}, "127.0.0.1", True, "the certificate: it is not one of 127.0.0.1, but of www.example.com", {"chain": 1, "name": 0}),
    ("from nobody", {}, "www.example.com", False, "the certificate: its issuer is not trusted: OU=", {"chain": 0, "name": 1}),
    ("expired, and of another name", {"not_before": LONG_AGO, "not_after": NOW - timedelta(hours=5)}, "api.example.com", True,
     "the certificate: it expired 5 h ago; it is not one of api.example.com, but of www.example.com", {"chain": 1, "name": 0}),
    ("from nobody, and of another name", {}, "api.example.com", False,
     "the certificate: it is not one of api.example.com, but of www.example.com; its issuer is not trusted: OU=", {"chain": 0, "name": 0}),
    ("to come", {"not_before": NOW + timedelta(days=30), "not_after": LATER}, "www.example.com", True,
     "the certificate: it is not valid before 2026-12-24", {"chain": 1, "name": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("dates", "host", "trusted", "said", "facts"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_what_is_wrong_with_one(
    authority: trustme.CA, dates: Mapping[str, datetime], host: str, trusted: bool, said: str, facts: Mapping[str, float]
) -> None:  # fmt: skip
    leaf = authority.issue_cert("www.example.com", **dates)
    measured = asyncio.run(shake(leaf, pem(authority if trusted else trustme.CA()), host))
    assert not measured.ok
    assert measured.message.startswith(said)
    assert measured.trouble is Trouble.ANSWER
    assert values(measured) == {
        "tls.days_left": pytest.approx(values(measured)["tls.days_left"]),
        "tls.chain_ok": facts["chain"],
        "tls.name_ok": facts["name"],
    }


def test_one_that_expires_soon_is_well_and_counts_its_days(authority: trustme.CA) -> None:
    leaf = authority.issue_cert("www.example.com", not_after=NOW + timedelta(days=1, hours=12))
    measured = asyncio.run(shake(leaf, pem(authority)))
    assert measured.ok
    assert measured.message == "valid for 1 day, until 2026-11-26"
    assert values(measured)["tls.days_left"] == pytest.approx(1.5)


def test_the_clock_is_ours(authority: trustme.CA) -> None:
    leaf = authority.issue_cert("www.example.com", not_after=NOW + timedelta(days=30))

    async def later() -> Measurement:
        async with listening(silent, tls_server(leaf)) as server:
            asked = aim(
                {"host": "www.example.com", "port": str(server.port), "ca": pem(authority)},
                now=NOW + timedelta(days=31),
            )
            return await tls.check(asked, wire_to(resolving=resolver("127.0.0.1")))

    assert asyncio.run(later()).message == "the certificate: it expired 1 day ago"


def test_a_chain_with_a_gap(authority: trustme.CA) -> None:
    between = authority.create_child_ca()
    leaf = between.issue_cert("www.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with leaf.private_key_pem.tempfile() as key, leaf.cert_chain_pems[0].tempfile() as alone:
        context.load_cert_chain(alone, key)

    async def asked() -> Measurement:
        async with listening(silent, context) as server:
            return await tls.check(
                aim(host="www.example.com", port=str(server.port), ca=pem(authority)),
                wire_to(resolving=resolver("127.0.0.1")),
            )

    measured = asyncio.run(asked())
    assert measured.message.endswith(", and was sent without the certificates between")


# -- what is spoken before TLS


def _later(first: list[tuple[bytes, bytes]], leaf: trustme.LeafCert, greeting: bytes = b"") -> Handle:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        for heard, said in first:
            assert await reader.readexactly(len(heard)) == heard
            writer.write(said)
        await writer.start_tls(tls_server(leaf))
        await reader.read()

    return handle


EHLO = b"EHLO century.invalid\r\n"
BEGUN = [
    ("smtp", [(EHLO, b"250-mail\r\n250 STARTTLS\r\n"), (b"STARTTLS\r\n", b"220 go\r\n")], b"220-mail\r\n220 ESMTP\r\n"),
    ("postgres", [(b"\0\0\0\x08\x04\xd2\x16\x2f", b"S")], b""),
]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(("first", "talk", "greeting"), BEGUN)
def test_tls_that_begins_later(
    authority: trustme.CA, first: str, talk: list[tuple[bytes, bytes]], greeting: bytes, loop: object
) -> None:  # fmt: skip
    leaf = authority.issue_cert("www.example.com", not_after=NOW + timedelta(days=34))

    async def asked(host: str) -> Measurement:
        async with listening(_later(talk, leaf, greeting)) as server:
            return await tls.check(
                aim({"host": host, "port": str(server.port), "ca": pem(authority), "startTls": first}),
                wire_to(resolving=resolver("127.0.0.1")),
            )

    with asyncio.Runner(loop_factory=loop) as runner:  # type: ignore[arg-type]
        assert runner.run(asked("www.example.com")).message == "valid for 34 days, until 2026-12-28"
        assert runner.run(asked("other.example.com")).message.startswith(
            "the certificate: it is not one of other.example.com"
        )


REFUSED = [
    ("smtp", b"554 no\r\n", "does not greet as a mail server does"),
    ("smtp", b"220 a\r\n" + b"502 what\r\n", "does not take EHLO"),
    ("smtp", b"220 a\r\n250 b\r\n454 no\r\n", "does not offer STARTTLS"),
    ("smtp", b"2" * 10_000, "does not greet as a mail server does"),
    ("postgres", b"N", "does not offer TLS to clients of PostgreSQL"),
    ("smtp", b"", "closed the connection before TLS"),
]


@pytest.mark.parametrize(("first", "sent", "said"), REFUSED)
def test_tls_that_does_not_begin(first: str, sent: bytes, said: str) -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async def asked() -> Measurement:
        async with listening(refuses) as server:
            return await tls.check(aim(host="127.0.0.1", port=str(server.port), startTls=first), wire_to())

    measured = asyncio.run(asked())
    assert measured.message.endswith(said)
    assert (measured.trouble, measured.reached) == (Trouble.ANSWER, True)


async def test_a_server_without_tls() -> None:
    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com\r\n")
        await reader.read()

    async with listening(greets) as server:
        measured = await tls.check(aim(host="127.0.0.1", port=str(server.port)), wire_to())
    assert measured.message == f"127.0.0.1:{server.port} does not speak TLS as it should: wrong version number"


async def test_a_handshake_that_never_ends() -> None:
    async with listening(silent) as server:
        measured = await tls.check(aim({"host": "127.0.0.1", "port": str(server.port)}, 0.3), wire_to())
    assert measured.trouble is Trouble.TIMEOUT
    assert measured.message == f"no answer within 0.3 s: connected to 127.0.0.1:{server.port}, waiting for its TLS"
    assert measured.reached


# -- names

NAMES = [
    ("www.example.com", True), ("WWW.example.com.", True), ("example.com", False), ("a.wild.example", True),
    ("wild.example", False), ("a.b.wild.example", False), ("10.0.0.5", True), ("10.0.0.6", False), ("com", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fits"), NAMES)
def test_names(name: str, fits: bool) -> None:
    known = Certificate("", "", ("www.example.com", "*.wild.example", "10.0.0.6"), ("10.0.0.5",), NOW, NOW)
    assert known.is_of(name) is fits


PROBLEMS = [
    ({}, "host", "give a name or an address, like db.example.com or 10.0.0.5"),
    ({"host": "a.example", "port": "x"}, "port", "a port must lie between 1 and 65535"),
    ({"host": "a.example", "serverName": "a b"}, "serverName", "“a b” is neither a name nor an address"),
    ({"host": "a.example", "startTls": "imap"}, "startTls", "must be one of none, smtp, postgres"),
    ({"host": "a.example", "ca": "x"}, "ca", "must hold certificates in PEM form, from -----BEGIN CERTIFICATE----- on"),
]


@pytest.mark.parametrize(("settings", "field", "message"), PROBLEMS)
def test_what_the_form_refuses(settings: dict[str, str], field: str, message: str) -> None:
    assert [(each.field, each.message) for each in tls.problems(Config(settings))] == [(field, message)]


def test_what_it_takes() -> None:
    proposed = {field.name: field.default for field in tls.FIELDS if field.default is not None}
    assert tls.problems(Config({**proposed, "host": "a.example"})) == []
    assert tls.target(Config({"host": "a.example", "serverName": "b.example"})) == "a.example:443 (b.example)"
