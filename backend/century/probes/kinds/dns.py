"""A name that must be answered for, by the machine's name server or by one of your own, with what is expected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address
from time import perf_counter

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.txtbase import TXTBase

from century.core.settings import Settings
from century.probes import hosts
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target
from century.probes.measurement import LONGEST_LINE, Fact, Measurement, Step, Trouble
from century.probes.seen import words
from century.probes.wire import Failed, Wire, guarded, place

LABEL = "DNS name"
HELP = "Asks a name server for a name, and compares what it answers."
TYPES = ("A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV", "CAA", "SOA", "PTR")
FIELDS = (
    Field("name", "Name", "What is asked for; an address for PTR.", required=True, placeholder="www.example.com"),
    Field("type", "Type", "The kind of record.", FieldType.CHOICE, default="A", options=TYPES),
    Field("expected", "Expected", "The answers, one a line, all of them and no others, in any order; empty: any answer will do.",
          FieldType.LINES, placeholder="93.184.216.34"),
    Field("nameserver", "Name server", "Who is asked, as host or host:port; empty: whom this machine asks.", placeholder="9.9.9.9", advanced=True),
)  # fmt: skip
FACTS = (FactName("dns.time", "Time to answer", "s"), FactName("dns.answers", "Answers", "1"))
PREFIX = "dns"
INTERVAL, TIMEOUT, SHORTEST = 60.0, 5.0, 5.0
REMOTE = True
PORT = 53
TRY_SECONDS = 2.0
MOST_SHOWN = 30
MOST_EXPECTED = 50


def unavailable(settings: Settings) -> str | None:
    """It needs nothing."""
    return None


def target(config: Config) -> str:
    """The name and its type, and who is asked."""
    asked = f"{config['name']} {config['type'] or 'A'}"
    return f"{asked} at {config['nameserver']}" if config["nameserver"] else asked


def problems(config: Config) -> list[Problem]:
    """What is wrong with the settings."""
    found = []
    kind = config["type"] or "A"
    if kind not in TYPES:
        found.append(Problem("type", f"must be one of {', '.join(TYPES)}"))
    try:
        asked_for(config["name"], kind)
    except ValueError as error:
        found.append(Problem("name", str(error)))
    try:
        server_of(config["nameserver"])
    except ValueError as error:
        found.append(Problem("nameserver", str(error)))
    expected = config.lines("expected")
    if len(expected) > MOST_EXPECTED:
        found.append(Problem("expected", f"at most {MOST_EXPECTED} answers"))
    if kind in ("A", "AAAA"):
        for line in expected:
            if _version(line) != (4 if kind == "A" else 6):
                found.append(
                    Problem(
                        "expected",
                        f"“{line[:60]}” is no IPv{4 if kind == 'A' else 6} address, and {kind} answers with those",
                    )
                )
                break
    return found


def _version(text: str) -> int | None:
    try:
        return ip_address(text).version
    except ValueError:
        return None


def asked_for(text: str, kind: str) -> dns.name.Name:
    """The name that is asked for; ValueError with a sentence where it is none."""
    if not text.strip():
        raise ValueError("give the name to ask for, like www.example.com")
    host = hosts.host_of(text)
    if _version(host) is None:
        return dns.name.from_text(host)
    if kind != "PTR":
        raise ValueError(f"{host} is an address: its name is asked for by PTR")
    return dns.reversename.from_address(host)


def server_of(text: str) -> tuple[str, int] | None:
    """Host and port of a name server; None where the machine's is meant; ValueError with a sentence where it is none."""
    text = text.strip()
    if not text:
        return None
    if _version(text.strip("[]")) is not None:
        return hosts.host_of(text), PORT
    host, colon, port = text.rpartition(":") if "/" not in text else ("", "", "")
    return (hosts.host_of(host), hosts.port_of(port)) if colon else (hosts.host_of(text), PORT)


async def check(target: Target, wire: Wire) -> Measurement:
    """Ask, and compare."""
    config = target.config
    kind = config["type"] or "A"
    began = perf_counter()
    where = "the name server of this machine"
    try:
        name, server = asked_for(config["name"], kind), server_of(config["nameserver"])
        async with asyncio.timeout(target.timeout):
            resolver = dns.asyncresolver.Resolver(configure=False)
            if server:
                where = place(*server)
                found = await guarded(wire, *server)
                resolver.nameservers = [dns.nameserver.Do53Nameserver(str(each), server[1]) for each in found]
            else:
                # Whom the machine asks is not chosen by whoever made the probe.
                resolver.nameservers = await asyncio.to_thread(_of_this_machine)
            resolver.timeout, resolver.lifetime = min(TRY_SECONDS, target.timeout), target.timeout
            resolver.cache = None
            began = perf_counter()
            answer = await resolver.resolve(
                name, kind, search=False, backend=dns.asyncbackend.get_backend("asyncio"), lifetime=target.timeout
            )
    except (TimeoutError, dns.exception.Timeout):
        return Measurement(False, f"no answer within {target.timeout:g} s from {where}", trouble=Trouble.TIMEOUT)
    except Failed as failed:
        return Measurement(False, failed.message, trouble=failed.trouble, reached=failed.reached)
    except dns.exception.DNSException as error:
        said, trouble = unanswered(error, config["name"], kind, where)
        took = perf_counter() - began if trouble is Trouble.ANSWER else None
        return Measurement(False, said, took, trouble=trouble, reached=trouble is Trouble.ANSWER)
    except OSError as error:
        return Measurement(
            False, f"{where} cannot be reached: {(error.strerror or 'no route').lower()}", trouble=Trouble.NETWORK
        )
    except ValueError as error:
        return Measurement(False, f"its settings cannot be used: {error}", trouble=Trouble.SETUP)
    took = perf_counter() - began
    told = sorted(_text(each) for each in answer)
    wrong = compared(told, config.lines("expected"), kind)
    facts = (Fact("dns.time", took), Fact("dns.answers", float(len(told))))
    by = f"{answer.nameserver}"
    return Measurement(
        wrong is None, wrong or f"{_some(told)} in {words(took)}", took, facts, Trouble.ANSWER if wrong else None,
        (Step("resolve", took, by),), tuple(each[:LONGEST_LINE] for each in told[:MOST_SHOWN]), reached=True,
    )  # fmt: skip


def _of_this_machine() -> list[str | dns.nameserver.Nameserver]:
    return list(dns.resolver.Resolver().nameservers)


def _text(record: object) -> str:
    if isinstance(record, TXTBase):
        return b"".join(record.strings).decode("utf-8", "replace")
    return str(record)


def unanswered(error: dns.exception.DNSException, name: str, kind: str, where: str) -> tuple[str, Trouble]:
    """Why there is no answer, in a sentence."""
    match error:
        case dns.resolver.NXDOMAIN():
            return f"{where} says that {name} does not exist", Trouble.ANSWER
        case dns.resolver.NoAnswer():
            return f"{where} knows {name}, but no {kind} of it", Trouble.ANSWER
        case dns.resolver.NoResolverConfiguration():
            return "this machine has no name server (/etc/resolv.conf)", Trouble.SETUP
        case dns.resolver.NoNameservers():
            tries = error.kwargs.get("errors") or []
            rcode = next((str(each[3]) for each in reversed(tries) if len(each) > 4 and each[4] is not None), "")
            if rcode:
                return f"{where} refuses to answer for {name}: {rcode[:60]}", Trouble.ANSWER
            return f"{where} cannot be reached", Trouble.NETWORK
    return f"what {where} answers is not DNS: {str(error)[:100]}", Trouble.ANSWER


def compared(told: Iterable[str], expected: Iterable[str], kind: str) -> str | None:
    """Why answers are not the expected ones, in a sentence; None if they are, or if none are expected."""
    heard = {_alike(each, kind): each for each in told}
    wanted = {_alike(each, kind): each for each in expected}
    if not wanted or heard.keys() == wanted.keys():
        return None
    missing = sorted(wanted[each] for each in wanted.keys() - heard.keys())
    more = sorted(heard[each] for each in heard.keys() - wanted.keys())
    parts = [*([f"lacks {_some(missing)}"] if missing else []), *([f"holds {_some(more)}"] if more else [])]
    return f"the answer {' and '.join(parts)}{', which was not expected' if more else ''}"


def _alike(text: str, kind: str) -> str:
    if kind == "TXT":
        return text.strip('"')
    try:
        return str(ip_address(text))
    except ValueError:
        return " ".join(each.rstrip(".").lower() for each in text.split())


def _some(texts: list[str]) -> str:
    shown = ", ".join(each[:60] for each in texts[:4])
    return f"{shown} and {len(texts) - 4} more" if len(texts) > 4 else shown
