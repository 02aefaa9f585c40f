"""A web address that must answer in time, with the status and the words it should."""

from __future__ import annotations

from century.core.outbound import redact
from century.core.settings import Settings
from century.probes import web
from century.probes.exchange import Reply, exchange
from century.probes.kind import Config, FactName, Problem
from century.probes.kinds import Target
from century.probes.measurement import Fact, Measurement, Trouble
from century.probes.wire import Failed, Wire

LABEL = "Web address"
HELP = "Asks over HTTP, and looks at the status, the headers, the body and the time of the answer."
FIELDS = (*web.QUESTION, *web.BODY, *web.ANSWER, web.SLOWER, *web.TRUST)
FACTS = (
    FactName("http.status", "Status", "1"),
    FactName("http.latency", "Time to answer", "s"),
    FactName("http.size", "Size of the body", "By"),
    FactName("http.resolve_time", "Time to resolve the name", "s"),
    FactName("http.connect_time", "Time to connect", "s"),
    FactName("http.tls_time", "Time for TLS", "s"),
    FactName("http.first_byte_time", "Time to the first byte", "s"),
    FactName("tls.days_left", "Days until the certificate expires", "d"),
)
STEPS = (("resolve", "resolve"), ("connect", "connect"), ("tls", "tls"), ("first byte", "first_byte"))
PREFIX = "http"
INTERVAL, TIMEOUT, SHORTEST = 30.0, 10.0, 5.0
REMOTE = True


def unavailable(settings: Settings) -> str | None:
    """It needs nothing."""
    return None


def target(config: Config) -> str:
    """The address, with the method where that is another than GET."""
    method = config["method"] or "GET"
    shown = redact(config["url"])
    return shown if method == "GET" else f"{method} {shown}"


def problems(config: Config) -> list[Problem]:
    """What is wrong with the settings."""
    return [*web.question_problems(config), *web.answer_problems(config)]


async def check(target: Target, wire: Wire) -> Measurement:
    """Ask, and judge the answer."""
    try:
        ask = web.question(target.config)
        reply = await exchange(wire, ask, target.timeout)
        wrong = await web.wrong(target.config, reply)
    except Failed as failed:
        return Measurement(False, failed.message, trouble=failed.trouble, reached=failed.reached)
    except ValueError as error:
        return Measurement(False, f"its settings cannot be used: {error}", trouble=Trouble.SETUP)
    return Measurement(
        wrong is None, wrong or web.right(reply), reply.latency, tuple(told(target, reply)), Trouble.ANSWER if wrong else None,
        reply.steps, web.lines(reply), reached=True,
    )  # fmt: skip


def told(target: Target, reply: Reply) -> list[Fact]:
    """The facts of an answer."""
    found = [*web.facts(PREFIX, reply), Fact("http.size", float(size(reply)))]
    for step, name in STEPS:
        if step != "tls" or reply.certificate:
            found.append(Fact(f"http.{name}_time", reply.seconds(step)))
    if (days := web.days_left(reply.certificate, target.now)) is not None:
        found.append(Fact("tls.days_left", days))
    return found


def size(reply: Reply) -> int:
    """The bytes of the body, also of one that was not read to its end."""
    told = reply.header("content-length") or ""
    return int(told) if reply.truncated and told.isdecimal() else len(reply.body)
