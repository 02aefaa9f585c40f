"""A certificate: whether it is trusted, of the right name, and for how much longer."""

from __future__ import annotations

import _ssl
import asyncio
import ssl
from dataclasses import dataclass
from time import perf_counter

from century.core.settings import Settings
from century.probes import hosts, web
from century.probes.certificate import Certificate, certificate
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target
from century.probes.measurement import LONGEST_LINE, Fact, Measurement, Step, Trouble
from century.probes.wire import (
    EXPIRED,
    NOT_YET_VALID,
    WRONG_NAMES,
    Distrusted,
    Failed,
    Wire,
    dial,
    place,
    secured,
)

LABEL = "Certificate"
HELP = "Opens a TLS connection, and looks at the certificate: its issuer, its name, and the days that it has left."
NONE, SMTP, POSTGRES = "none", "smtp", "postgres"
FIELDS = (
    hosts.HOST,
    hosts.port_field("443", "443"),
    Field("serverName", "Name", "The name that the certificate must be of; empty: the host.", placeholder="www.example.com", advanced=True),
    Field(
        "startTls", "Begins with", "What is spoken before TLS begins: none, or that of a mail server or of PostgreSQL.",
        FieldType.CHOICE, default=NONE, options=(NONE, SMTP, POSTGRES), advanced=True,
    ),
    web.TRUST[1],
)  # fmt: skip
FACTS = (
    FactName("tls.days_left", "Days until the certificate expires", "d"),
    FactName("tls.chain_ok", "Its issuer is trusted", "1"),
    FactName("tls.name_ok", "It is of the name asked for", "1"),
)
PREFIX = "tls"
INTERVAL, TIMEOUT, SHORTEST = 300.0, 10.0, 5.0
REMOTE = True
MOST_GREETING = 64


def unavailable(settings: Settings) -> str | None:
    """It needs nothing."""
    return None


def target(config: Config) -> str:
    """Host and port, with the name where it is another."""
    where = place(config["host"], int(config["port"]) if config["port"].isdecimal() else 443)
    return f"{where} ({config['serverName']})" if config["serverName"] else where


def problems(config: Config) -> list[Problem]:
    """What is wrong with the settings."""
    found = hosts.problems(config, port="443")
    if config["serverName"]:
        try:
            hosts.host_of(config["serverName"])
        except ValueError as error:
            found.append(Problem("serverName", str(error)))
    if config["startTls"] not in ("", NONE, SMTP, POSTGRES):
        found.append(Problem("startTls", f"must be one of {NONE}, {SMTP}, {POSTGRES}"))
    return [*found, *web.trust_problems(config)]


@dataclass(frozen=True, slots=True)
class Shaken:
    """A handshake that came to its end: the chain as it was sent, the leaf first, in DER."""

    chain: tuple[bytes, ...]
    version: str
    cipher: str
    steps: tuple[Step, ...]

    @property
    def latency(self) -> float:
        return sum(each.seconds for each in self.steps)


async def check(target: Target, wire: Wire) -> Measurement:
    """Shake hands as one who trusts nobody without reason; if that fails, once more, to see whose hand it was."""
    config = target.config
    doing = ["not begun"]
    reached = False
    try:
        host, port = hosts.host_of(config["host"]), hosts.port_of(config["port"] or "443")
        name = hosts.host_of(config["serverName"] or config["host"])
        context, open_context = wire.tls.context(ca=config["ca"].strip()), wire.tls.context(verify=False)
        async with asyncio.timeout(target.timeout):
            try:
                shaken, code = await _shake(wire, host, port, name, context, config["startTls"], doing), None
            except Distrusted as error:
                reached = True
                code = error.code
                shaken = await _shake(wire, host, port, name, open_context, config["startTls"], doing)
    except TimeoutError:
        said = f"no answer within {target.timeout:g} s: {doing[-1]}"
        return Measurement(False, said, trouble=Trouble.TIMEOUT, reached=reached or "connected" in doing[-1])
    except Failed as failed:
        return Measurement(False, failed.message, trouble=failed.trouble, reached=failed.reached or reached)
    except ValueError as error:
        return Measurement(False, f"its settings cannot be used: {error}", trouble=Trouble.SETUP)
    return judged(target, name, shaken, code)


def judged(target: Target, name: str, shaken: Shaken, code: int | None) -> Measurement:
    """What is to be said of a certificate. `code` is why OpenSSL did not trust it, if it did not."""
    leaf = certificate(shaken.chain[0]) if shaken.chain else None
    if leaf is None:
        return Measurement(False, "it shows a certificate that cannot be read", trouble=Trouble.ANSWER, reached=True)
    days = leaf.days_left(target.now)
    began = leaf.begins <= target.now
    name_ok = code is None or (code not in WRONG_NAMES and leaf.is_of(name))
    # Of a certificate that is in its time, only an authority above it can be out of it.
    dated = code in (EXPIRED, NOT_YET_VALID) and (days <= 0 or not began)
    chain_ok = code is None or code in WRONG_NAMES or dated
    wrong = [
        *([f"it expired {_days(-days)} ago"] if days <= 0 else []),
        *([f"it is not valid before {leaf.begins:%Y-%m-%d}"] if not began else []),
        *([] if name_ok else [f"it is not one of {name}, but of {_names(leaf)}"]),
        *([] if chain_ok else [_distrusted(shaken, leaf, code)]),
    ]
    facts = (
        Fact("tls.days_left", days),
        Fact("tls.chain_ok", float(chain_ok)),
        Fact("tls.name_ok", float(name_ok)),
    )
    said = f"the certificate: {'; '.join(wrong)}" if wrong else f"valid for {_days(days)}, until {leaf.ends:%Y-%m-%d}"
    return Measurement(
        not wrong, said, shaken.latency, facts, Trouble.ANSWER if wrong else None, shaken.steps, tuple(_lines(shaken)), reached=True
    )  # fmt: skip


def _days(days: float) -> str:
    whole = int(days)
    return f"{whole} day{'' if whole == 1 else 's'}" if whole else f"{int(days * 24)} h"


def _names(leaf: Certificate) -> str:
    known = (*leaf.names, *leaf.addresses)
    return (
        ", ".join(known[:5]) + (f" and {len(known) - 5} more" if len(known) > 5 else "") if known else "no name at all"
    )


def _distrusted(shaken: Shaken, leaf: Certificate, code: int | None) -> str:
    if code in (EXPIRED, NOT_YET_VALID):
        return "an authority above it is out of its time"
    if leaf.subject == leaf.issuer:
        return "it is signed by itself, and not trusted"
    alone = ", and was sent without the certificates between" if len(shaken.chain) == 1 else ""
    return f"its issuer is not trusted: {leaf.issuer[:120]}{alone}"


def _lines(shaken: Shaken) -> list[str]:
    told = [f"{shaken.version}, {shaken.cipher}"]
    for number, der in enumerate(shaken.chain[:8]):
        if each := certificate(der):
            told.append(f"{number}: {each.subject}"[:LONGEST_LINE])
            told.append(f"   from {each.issuer}"[:LONGEST_LINE])
            told.append(f"   {each.begins:%Y-%m-%d} to {each.ends:%Y-%m-%d}")
            if number == 0 and (each.names or each.addresses):
                told.append(f"   for {', '.join((*each.names, *each.addresses))}"[:LONGEST_LINE])
    return told


async def _shake(
    wire: Wire, host: str, port: int, name: str, context: ssl.SSLContext, first: str, doing: list[str]
) -> Shaken:
    if first in (SMTP, POSTGRES):
        return await _shake_later(wire, host, port, name, context, first, doing)
    dialled = await dial(wire, host, port, asyncio.Protocol, tls=context, server_name=name, progress=doing.append)
    try:
        return _shaken(
            dialled.transport, dialled.resolve_s, dialled.connect_s, dialled.tls_s, place(dialled.address, port)
        )
    finally:
        dialled.transport.abort()


async def _shake_later(
    wire: Wire, host: str, port: int, name: str, context: ssl.SSLContext, first: str, doing: list[str]
) -> Shaken:
    reader = asyncio.StreamReader(limit=4096)
    dialled = await dial(wire, host, port, lambda: asyncio.StreamReaderProtocol(reader), progress=doing.append)
    transport = dialled.transport
    where = place(dialled.address, port)
    try:
        doing.append(f"connected to {where}, which does not come to TLS")
        began = perf_counter()
        await (_smtp if first == SMTP else _postgres)(reader, transport, where)
        transport = await secured(transport, asyncio.Protocol(), context, name, where)
        return _shaken(transport, dialled.resolve_s, dialled.connect_s, perf_counter() - began, where)
    except (OSError, asyncio.IncompleteReadError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise Failed(Trouble.ANSWER, f"{where} closed the connection before TLS", reached=True) from None
    finally:
        transport.abort()


async def _postgres(reader: asyncio.StreamReader, transport: asyncio.Transport, where: str) -> None:
    # SSLRequest, as PostgreSQL's protocol names it (55.7, "Message Formats").
    transport.write((8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"))
    if await reader.readexactly(1) != b"S":
        raise Failed(Trouble.ANSWER, f"{where} does not offer TLS to clients of PostgreSQL", reached=True)


async def _smtp(reader: asyncio.StreamReader, transport: asyncio.Transport, where: str) -> None:
    for say, wanted in ((b"", "220"), (b"EHLO century.invalid\r\n", "250"), (b"STARTTLS\r\n", "220")):
        if say:
            transport.write(say)
        for _ in range(MOST_GREETING):
            try:
                line = (await reader.readuntil(b"\n")).decode("latin-1")
            except asyncio.LimitOverrunError:
                line = ""
            if not line.startswith(wanted):
                what = (
                    {"220": "greet as a mail server does"}.get(wanted, "take EHLO")
                    if say != b"STARTTLS\r\n"
                    else "offer STARTTLS"
                )
                raise Failed(Trouble.ANSWER, f"{where} does not {what}", reached=True)
            if line[3:4] != "-":
                break


def _shaken(transport: asyncio.Transport, resolve_s: float, connect_s: float, tls_s: float, where: str) -> Shaken:
    secure = transport.get_extra_info("ssl_object")
    # Public from Python 3.13 on; until then only the object within has it.
    chain = [each.public_bytes(_ssl.ENCODING_DER) for each in secure._sslobj.get_unverified_chain() or []]
    cipher = secure.cipher()
    steps = (Step("resolve", resolve_s), Step("connect", connect_s, where), Step("tls", tls_s, secure.version() or ""))
    return Shaken(tuple(chain), secure.version() or "", cipher[0] if cipher else "", steps)
