"""A Prometheus endpoint: its metrics are read, and kept as the series of a service."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import perf_counter

from century.core.outbound import redact
from century.core.settings import Settings
from century.probes import web
from century.probes.exchange import Reply, exchange, place_of
from century.probes.exposition import NoExposition, Scrape, keeping, parse
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target
from century.probes.measurement import Fact, Measurement, Trouble
from century.probes.seen import words
from century.probes.wire import Failed, Wire
from century.telemetry.identity import LONGEST_NAME

LABEL = "Prometheus endpoint"
HELP = "Reads the metrics that a program exposes for Prometheus (OpenMetrics too), and keeps them as series."
PREFIX = "prometheus"
REMOTE = True
INTERVAL, TIMEOUT, SHORTEST = 30.0, 10.0, 5.0
LARGEST_BODY = 8 * 1024 * 1024
MOST_EXPRESSIONS = 50
LONGEST_EXPRESSION = 500
# A longer text is read in a thread, so that it holds up nobody else's check.
SHORT = 32 * 1024
# The text format first: it says the same, and is read three times as fast.
ACCEPT = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1"
FIELDS = (
    Field("url", "Address", "Where the metrics are.", required=True, placeholder="http://app.example.com:9100/metrics"),
    Field(
        "service", "Service", "The service whose metrics these are; empty: the name of the probe.", placeholder="shop"
    ),
    Field(
        "keep",
        "Keep",
        "Metrics to keep, as RE2 expressions that fit the whole name, one a line; empty: all of them.",
        FieldType.LINES,
        placeholder="http_.*",
        advanced=True,
    ),
    Field(
        "honorTimestamps",
        "Honor timestamps",
        "Whether a time that stands beside a value counts, or the time at which it was read.",
        FieldType.FLAG,
        default="true",
        advanced=True,
    ),
    *(each for each in web.QUESTION if each.name in ("headers", "secretHeaders")),
    *web.TRUST,
)
FACTS = (
    FactName("prometheus.samples", "Samples read", "{sample}"),
    FactName("prometheus.dropped", "Samples left out", "{sample}"),
    FactName("prometheus.scrape_time", "Time to read them", "s"),
)


def unavailable(settings: Settings) -> str | None:
    """It needs nothing."""
    return None


def target(config: Config) -> str:
    """The address."""
    return redact(config["url"])


def problems(config: Config) -> list[Problem]:
    """What is wrong with the settings."""
    found = web.question_problems(config)
    service = config["service"]
    if len(service) > LONGEST_NAME or not service.isprintable():
        found.append(Problem("service", f"the name of a service is one line of at most {LONGEST_NAME} characters"))
    if service.startswith("century/"):
        found.append(Problem("service", "names that begin with century/ are those of our own parts"))
    lines = config.lines("keep")
    if len(lines) > MOST_EXPRESSIONS or any(len(each) > LONGEST_EXPRESSION for each in lines):
        found.append(Problem("keep", f"at most {MOST_EXPRESSIONS} expressions of {LONGEST_EXPRESSION} characters each"))
    else:
        try:
            keeping(lines)
        except ValueError as error:
            found.append(Problem("keep", str(error)))
    return found


async def check(target: Target, wire: Wire) -> Measurement:
    """Read the metrics, and hand them on as samples."""
    clock = perf_counter
    began = clock()
    config = target.config
    try:
        ask = web.question(config)
        named = any(name.lower() == "accept" for name, _ in ask.headers)
        headers = ask.headers if named else (*ask.headers, ("Accept", ACCEPT))
        reply = await exchange(wire, replace(ask, headers=headers, max_body=LARGEST_BODY), target.timeout)
        if reply.status != 200:
            return _wrong(reply, f"answers {reply.words}, and no metrics")
        if reply.truncated:
            return _wrong(reply, f"exposes more than {LARGEST_BODY // 1024 // 1024} MiB")
        scrape = await _read(target, reply, began + target.timeout)
    except NoExposition as error:
        return _wrong(reply, str(error))
    except Failed as failed:
        return Measurement(False, failed.message, trouble=failed.trouble, reached=failed.reached)
    except ValueError as error:
        return Measurement(False, f"its settings cannot be used: {error}", trouble=Trouble.SETUP)
    dropped = sum(scrape.dropped.values())
    facts = (
        Fact("prometheus.samples", float(len(scrape.samples))),
        Fact("prometheus.dropped", float(dropped)),
        Fact("prometheus.scrape_time", clock() - began),
    )
    left_out = "; ".join(f"{count} left out: {why}" for why, count in scrape.dropped.most_common(3))
    return Measurement(
        True,
        f"{len(scrape.samples)} samples in {words(reply.latency)}{'; ' + left_out if left_out else ''}",
        reply.latency,
        facts,
        steps=reply.steps,
        lines=web.lines(reply),
        reached=True,
        samples=scrape.samples,
    )


async def _read(target: Target, reply: Reply, until: float) -> Scrape:
    config = target.config
    parts = place_of(config["url"])

    def work() -> Scrape:
        return parse(
            reply.body,
            reply.header("content-type") or "",
            service=config["service"].strip() or target.name,
            instance=f"{parts.host}:{parts.port}",
            at=target.now.timestamp(),
            keep=keeping(config.lines("keep")),
            honor_timestamps=config["honorTimestamps"] != "false",
            is_late=lambda: perf_counter() > until,
        )

    return work() if len(reply.body) <= SHORT else await asyncio.to_thread(work)


def _wrong(reply: Reply, message: str) -> Measurement:
    return Measurement(False, message, reply.latency, (), Trouble.ANSWER, reply.steps, web.lines(reply), reached=True)
