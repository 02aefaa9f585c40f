"""Redis and Valkey: memory, clients, evictions, persistence; directly, or by way of Sentinel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any

from century.core.settings import Settings
from century.probes import web
from century.probes.address import host_and_port
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target
from century.probes.measurement import Fact, Measurement, Step, Trouble
from century.probes.redis_door import LIKE, LIKE_SENTINEL, OWN, SENTINEL_PORT, Door, Said, redis_address, text_of
from century.probes.redis_health import health, parse_info
from century.probes.seen import words
from century.probes.wire import Failed, Wire

LABEL = "Redis"
HELP = "Asks a Redis or Valkey server how it is: memory, clients, evictions, persistence."
PREFIX = "redis"
REMOTE = True
INTERVAL, TIMEOUT, SHORTEST = 30.0, 5.0, 5.0
MOST_SENTINELS = 9
FIELDS = (
    Field(
        "url",
        "Address",
        "The server; rediss:// connects over TLS. Leave it empty where Sentinel knows the address.",
        placeholder=LIKE,
    ),
    Field("password", "Password", "The password of the server, where it has one.", FieldType.SECRET),
    Field("user", "User", "The user of an access list; it needs the commands PING and INFO.", advanced=True),
    Field(
        "sentinels",
        "Sentinels",
        "One a line. They are asked in turn where the primary is.",
        FieldType.LINES,
        placeholder=LIKE_SENTINEL,
        advanced=True,
    ),
    Field("master", "Name of the primary", "What the sentinels call it.", placeholder="mymaster", advanced=True),
    Field("sentinelPassword", "Password of the sentinels", "Where they have one.", FieldType.SECRET, advanced=True),
    Field(
        "tls",
        "TLS",
        "Connect to the sentinels and the primary they name over TLS.",
        FieldType.FLAG,
        default="false",
        advanced=True,
    ),
    Field(
        "verifyTls",
        "Check the certificate",
        "Refuse a certificate that is not one of this host.",
        FieldType.FLAG,
        default="true",
        advanced=True,
    ),
    Field(
        "ca",
        "Certificate authority",
        "Certificates (PEM) to trust instead of the machine's.",
        FieldType.LINES,
        placeholder="-----BEGIN CERTIFICATE-----",
        advanced=True,
    ),
)
FACTS = (
    FactName("redis.healthy", "Healthy", "1"),
    FactName("redis.latency", "Latency of a ping", "s"),
    FactName("redis.memory_used", "Memory used", "By"),
    FactName("redis.memory_limit", "Most memory", "By"),
    FactName("redis.memory_used_share", "Share of the memory used", "1"),
    FactName("redis.fragmentation", "Fragmentation", "1"),
    FactName("redis.evicted_keys", "Keys evicted", "{key}", monotonic=True),
    FactName("redis.evictions", "Evictions", "1/s"),
    FactName("redis.clients_connected", "Clients connected", "{client}"),
    FactName("redis.clients_rejected", "Clients refused", "{client}", monotonic=True),
    FactName("redis.last_save_age", "Time since the last save", "s"),
    FactName("redis.last_save_ok", "Last save went well", "1"),
    FactName("redis.aof_enabled", "Append-only file is on", "1"),
    FactName("redis.aof_ok", "Append-only file is well", "1"),
    FactName("redis.replicas", "Replicas", "{replica}"),
)


def unavailable(settings: Settings) -> str | None:
    """It can always be asked."""
    return None


def target(config: Config) -> str:
    """The address, for people."""
    if config.flag("own"):
        return OWN
    if sentinels := config.lines("sentinels"):
        # One word, and whole: a password that was entered for these must not go to others.
        return f"{','.join(sentinels)} for {config['master']}"
    with contextlib.suppress(ValueError):
        return str(redis_address(config))
    return "an address that is none"


def problems(config: Config) -> list[Problem]:
    """What cannot work, a sentence each."""
    found: list[Problem] = []
    sentinels = config.lines("sentinels")
    if config.flag("own"):
        return found
    if sentinels and config["url"]:
        found.append(Problem("url", "give either the address or the sentinels, not both"))
    elif not sentinels:
        try:
            redis_address(config)
        except ValueError as error:
            found.append(Problem("url", str(error)))
    if len(sentinels) > MOST_SENTINELS:
        found.append(Problem("sentinels", f"{MOST_SENTINELS} sentinels at most, there are {len(sentinels)}"))
    for number, line in enumerate(sentinels, 1):
        try:
            host_and_port(line, SENTINEL_PORT, LIKE_SENTINEL)
        except ValueError as error:
            found.append(Problem("sentinels", f"line {number}: {error}"))
            break
    if sentinels and not config["master"]:
        found.append(Problem("master", "say what the sentinels call the primary, like mymaster"))
    if config["master"] and not sentinels:
        found.append(Problem("sentinels", f"name the sentinels that know '{config['master'][:40]}'"))
    found += web.trust_problems(config)
    return found


async def check(target: Target, wire: Wire) -> Measurement:
    """Connect, ping, and read INFO."""
    look = _Look(target, wire)
    try:
        async with asyncio.timeout(target.timeout):
            return await look.all()
    except TimeoutError:
        return look.failed(Failed(Trouble.TIMEOUT, f"{look.doing} took more than {target.timeout:g} s"))
    except Failed as error:
        return look.failed(error)
    finally:
        await look.door.close()


class _Look:
    """One check under way: what it does at the moment, and what it has found."""

    def __init__(self, target: Target, wire: Wire) -> None:
        self.target = target
        self.doing = "connecting"
        self.door = Door(wire, target.config, target.timeout)
        self.reached = False
        self.latency: float | None = None
        self.memory: Mapping[str, Any] = target.memory
        self.facts: list[Fact] = []
        self.steps: list[Step] = []
        self.lines: list[str] = []
        self._clock = perf_counter

    async def all(self) -> Measurement:
        with self._step("connect", "connecting"):
            connection, where = await self.door.server()
        self.reached = True
        self.lines += self.door.lines
        with self._step("ping", "the ping"):
            await self._ping(connection, where)
        self.latency = self.steps[-1].seconds
        self.facts.append(Fact("redis.latency", self.latency))
        with self._step("facts", "the answer to INFO"):
            answer = await self.door.ask(connection, where, "INFO")
        known = health(parse_info(text_of(answer)), self.memory, self.target.now.timestamp(), self.target.interval)
        self.memory = known.memory
        self.facts += known.facts
        self.lines += [known.line, *known.troubles]
        well = f"answers in {words(self.latency)}"
        return self.measurement(True, f"{well}, but {'; '.join(known.troubles)}" if known.troubles else well)

    def failed(self, error: Failed) -> Measurement:
        self.reached = self.reached or error.reached
        return self.measurement(False, error.message, error.trouble)

    def measurement(self, ok: bool, message: str, trouble: Trouble | None = None) -> Measurement:
        told = (tuple(self.facts), trouble, tuple(self.steps), tuple(self.lines), self.memory, self.reached)
        return Measurement(ok, message, self.latency, *told)

    @contextlib.contextmanager
    def _step(self, name: str, doing: str) -> Iterator[None]:
        self.doing = doing
        began = self._clock()
        yield
        self.steps.append(Step(name, self._clock() - began))

    async def _ping(self, connection: Any, where: str) -> None:
        try:
            answer = await self.door.ask(connection, where, "PING")
        except Said as error:
            # It refuses writes since a save failed, and a ping with them; INFO tells of that.
            if error.text.startswith("MISCONF"):
                return
            raise
        if text_of(answer) != "PONG":
            raise Failed(Trouble.ANSWER, f"{where} answers a ping with '{text_of(answer)[:40]}'", reached=True)
