"""An API of somebody else's: how it answers, how often it fails, how much of its quota is left, and whether there is a way round it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from century.core.outbound import SECRET_HEADERS
from century.core.wording import duration, number
from century.probes import web
from century.probes.exchange import Ask, Reply, exchange, place_of
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target, http
from century.probes.measurement import Fact, Measurement, Trouble
from century.probes.quota import AUTO, NOTHING, TOO_MANY, Quota, quotas
from century.probes.wire import Failed, Wire

LABEL = "External API"
HELP = "Asks an API of somebody else's, and keeps an eye on its quota, on the share of its failures and on a fallback."
WINDOW, LONGEST_WINDOW = 20, 200
FIELDS = (
    *http.FIELDS,
    Field(
        "quotaHeaders", "Quota headers",
        "auto reads RateLimit, X-RateLimit-… and the like; none reads nothing; anything else is the beginning of their names.",
        default=AUTO, placeholder="X-Acme-Quota", advanced=True,
    ),
    Field("fallbackUrl", "Fallback address", "What is used while it is away; it is asked as well.", placeholder="https://api2.example.com/health"),
    Field("failureWindow", "Failures among", "The share of failures is that of so many checks.", FieldType.NUMBER, default=str(WINDOW), advanced=True),
)  # fmt: skip
FACTS = (
    FactName("api.status", "Status", "1"),
    FactName("api.latency", "Time to answer", "s"),
    FactName("api.failure_share", "Share of failures", "1"),
    FactName("api.quota_left", "Quota left", "1"),
    FactName("api.quota_limit", "Quota", "1"),
    FactName("api.quota_left_share", "Share of the quota left", "1"),
    FactName("api.quota_resets_in", "Time until the quota is whole again", "s"),
    FactName("api.fallback_up", "The fallback answers", "1"),
    FactName("tls.days_left", "Days until the certificate expires", "d"),
)
PREFIX = "api"
INTERVAL, TIMEOUT, SHORTEST = 60.0, 10.0, 5.0
REMOTE = True

unavailable = http.unavailable
target = http.target


def problems(config: Config) -> list[Problem]:
    """What is wrong with the settings."""
    found = http.problems(config)
    source = config["quotaHeaders"]
    if source and not web.TOKEN.fullmatch(source):
        found.append(
            Problem("quotaHeaders", f"must be {AUTO}, {NOTHING} or the beginning of a header's name, like X-Acme-Quota")
        )
    if config["fallbackUrl"]:
        found += web.url_problems("fallbackUrl", config["fallbackUrl"])
        if config["fallbackUrl"] == config["url"]:
            found.append(Problem("fallbackUrl", "the fallback must be another address than the first"))
    if config["failureWindow"] and window(config) is None:
        found.append(Problem("failureWindow", f"must be a whole number from 1 to {LONGEST_WINDOW}"))
    return found


def window(config: Config) -> int | None:
    """So many checks are what the share of failures is of; None where the setting says nothing like it."""
    text = config["failureWindow"] or str(WINDOW)
    return (
        int(text)
        if text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= LONGEST_WINDOW
        else None
    )


async def check(target: Target, wire: Wire) -> Measurement:
    """Ask it and its fallback at once, and judge what they answer."""
    try:
        ask = web.question(target.config)
    except ValueError as error:
        return Measurement(False, f"its settings cannot be used: {error}", trouble=Trouble.SETUP)
    fallback = asyncio.create_task(_fallback(target, wire, ask)) if target.config["fallbackUrl"] else None
    try:
        first = await _first(target, wire, ask)
        spare = await fallback if fallback else None
    finally:
        if fallback:
            fallback.cancel()
    facts = list(first.facts)
    said = first.message
    if spare is not None:
        facts.append(Fact("api.fallback_up", float(spare == "")))
        if spare:
            said += f"; its fallback fails, too: {spare}" if not first.ok else f"; its fallback fails: {spare}"
        elif not first.ok:
            said += "; its fallback answers"
    memory, share = remembered(target.memory, first.ok, window(target.config) or WINDOW)
    facts.append(Fact("api.failure_share", share))
    unnamed = next((each.value for each in first.facts if (each.name, each.part) == ("api.quota_left_share", "")), None)
    if unnamed == 0 or target.memory.get("limited") is True:
        memory["limited"] = True
        if unnamed is None and first.reached:
            # It once said that it was asked too often, and says nothing of it now: it answers again.
            facts.append(Fact("api.quota_left_share", 1.0))
    return replace(first, message=said, facts=tuple(facts), memory=memory)


async def _first(target: Target, wire: Wire, ask: Ask) -> Measurement:
    config = target.config
    try:
        reply = await exchange(wire, ask, target.timeout)
        left = quotas(reply.headers, reply.status, target.now, config["quotaHeaders"] or AUTO)
        # It answers, and says that it was asked too often: the quota is what is wrong.
        wrong = None if reply.status == TOO_MANY else await web.wrong(config, reply)
    except Failed as failed:
        return Measurement(False, failed.message, trouble=failed.trouble, reached=failed.reached)
    except ValueError as error:
        return Measurement(False, f"its settings cannot be used: {error}", trouble=Trouble.SETUP)
    facts = [*web.facts(PREFIX, reply), *quota_facts(left)]
    if (days := web.days_left(reply.certificate, target.now)) is not None:
        facts.append(Fact("tls.days_left", days))
    return Measurement(
        wrong is None, wrong or well(reply, left), reply.latency, tuple(facts), Trouble.ANSWER if wrong else None, reply.steps,
        web.lines(reply), reached=True,
    )  # fmt: skip


async def _fallback(target: Target, wire: Wire, ask: Ask) -> str:
    """Why the fallback is not well; empty if it is. Secrets of the first address do not go to another."""
    url = target.config["fallbackUrl"]
    try:
        if place_of(url).origin != place_of(ask.url).origin:
            open_headers = tuple(each for each in ask.headers if each[0].lower() not in (*SECRET_HEADERS, "host"))
            ask = replace(ask, headers=open_headers, secret_headers=(), secret_body=b"")
        reply = await exchange(wire, replace(ask, url=url), target.timeout)
    except Failed as failed:
        return failed.message
    except ValueError as error:
        return f"its address cannot be used: {error}"
    expected = target.config["expectedStatus"].strip() or web.EXPECTED
    fine = reply.status == TOO_MANY or any(reply.status in each for each in web.statuses(expected))
    return "" if fine else f"it answers {reply.words}, not {expected}"


def quota_facts(left: tuple[Quota, ...]) -> list[Fact]:
    """What is told of each quota."""
    return [
        Fact(f"api.quota_{name}", value, each.name)
        for each in left
        for name, value in (
            ("left", each.left), ("limit", each.limit), ("left_share", each.share), ("resets_in", each.resets_in),
        )
        if value is not None
    ]  # fmt: skip


def well(reply: Reply, left: tuple[Quota, ...]) -> str:
    """What is said of an answer as it should be: the quota that is nearest to its end belongs to it."""
    empty = next((each for each in left if each.left == 0), None)
    if empty:
        which = f" of {empty.name}" if empty.name else ""
        when = f", for another {duration(timedelta(seconds=round(empty.resets_in)))}" if empty.resets_in else ""
        return f"{web.right(reply)}; the quota{which} is used up{when}"
    scarce = min((each for each in left if each.share is not None), key=lambda each: each.share or 0.0, default=None)
    if scarce is None or scarce.left is None or scarce.limit is None:
        return web.right(reply)
    which = f" of {scarce.name}" if scarce.name else ""
    return f"{web.right(reply)}; {number(scarce.left)} of {number(scarce.limit)}{which} left"


def remembered(memory: Mapping[str, Any], ok: bool, size: int) -> tuple[dict[str, Any], float]:
    """The last checks with this one, as 0 (failed) and 1, and the share of them that failed."""
    before = memory.get("checks", "")
    checks = ((before if isinstance(before, str) else "") + ("1" if ok else "0"))[-size:]
    return {"checks": checks}, checks.count("0") / len(checks)
