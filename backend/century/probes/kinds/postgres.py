"""PostgreSQL: connections, slow queries, cache, size, replication; asked in one transaction that can only read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import orjson

from century.core.settings import Settings
from century.probes import web
from century.probes.address import ServerAddress, server_address
from century.probes.database import (
    LOOK,
    OLDEST,
    Seen,
    facts,
    hits,
    number_of,
    slow_statements,
    statement_line,
    too_old,
    version_name,
)
from century.probes.database_door import MODES, OWN, Full, Opened, door_of, open_door, own_door, told, too_much
from century.probes.kind import Config, FactName, Field, FieldType, Problem
from century.probes.kinds import Target
from century.probes.measurement import Fact, Measurement, Step, Trouble
from century.probes.seen import words
from century.probes.selecting import one_number, query_problem
from century.probes.wire import Failed, Wire

LABEL = "PostgreSQL"
HELP = f"Asks a PostgreSQL server ({OLDEST} or newer) how it is: connections, slow queries, cache, size, replication."
PREFIX = "database"
REMOTE = True
INTERVAL, TIMEOUT, SHORTEST = 30.0, 10.0, 5.0
PORT = 5432
LIKE = "postgresql://monitor@db.example.com:5432/app"
SCHEMES = ("postgresql", "postgres")
# What takes a server's time is asked for once in so many seconds.
SELDOM_SECONDS = 60.0
FIELDS = (
    Field(
        "url",
        "Address",
        "The server, the user and the database. The user needs the right to connect, and pg_monitor to see what others do.",
        required=True,
        placeholder=LIKE,
    ),
    Field("password", "Password", "The password of that user.", FieldType.SECRET),
    Field(
        "query",
        "Query",
        "One SELECT that answers a number, which becomes the fact database.query. It can only read.",
        FieldType.LINES,
        placeholder="SELECT count(*) FROM orders WHERE state = 'stuck'",
    ),
    Field(
        "slowAfter",
        "Slow after",
        "A query that runs for more seconds counts as slow.",
        FieldType.NUMBER,
        default="5",
        advanced=True,
    ),
    Field(
        "verifyTls",
        "Check the certificate",
        "Connect only over TLS, and only if the certificate is one of this host. Otherwise TLS is used where the server "
        "offers it.",
        FieldType.FLAG,
        default="false",
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
    FactName("database.latency", "Latency of a round trip", "s"),
    FactName("database.connections_active", "Active connections", "{connection}"),
    FactName("database.connections_idle", "Idle connections", "{connection}"),
    FactName("database.connections_idle_in_transaction", "Connections idle in a transaction", "{connection}"),
    FactName("database.connections_waiting", "Connections that wait for a lock", "{connection}"),
    FactName("database.connections_share", "Share of the connections taken", "1"),
    FactName("database.slow_queries", "Slow queries", "{query}"),
    FactName("database.longest_query", "Longest query that runs", "s"),
    FactName("database.longest_transaction", "Longest transaction that is open", "s"),
    FactName("database.cache_hit_share", "Share of blocks found in memory", "1"),
    FactName("database.size", "Size", "By"),
    FactName("database.replication_lag", "Replication lag", "s"),
    FactName("database.deadlocks", "Deadlocks", "{deadlock}", monotonic=True),
    FactName("database.query", "Answer of the query", ""),
)


def unavailable(settings: Settings) -> str | None:
    """It can always be asked."""
    return None


def target(config: Config) -> str:
    """The address, for people."""
    if config.flag("own"):
        return OWN
    with contextlib.suppress(ValueError):
        return str(_address(config))
    return "an address that is none"


def problems(config: Config) -> list[Problem]:
    """What cannot work, a sentence each."""
    found: list[Problem] = []
    if not config.flag("own"):
        try:
            _address(config)
        except ValueError as error:
            found.append(Problem("url", str(error)))
    if (wrong := query_problem(config["query"])) is not None:
        found.append(Problem("query", wrong))
    if config["slowAfter"] and not 0 < (config.number("slowAfter") or 0) <= 86_400:
        found.append(Problem("slowAfter", "it must be a number of seconds between zero and a day, like 5"))
    # Without a certificate that is checked TLS still keeps out whoever only listens: no reason to warn.
    found += [each for each in web.trust_problems(config) if each.refused]
    return found


def _address(config: Config) -> ServerAddress:
    address = server_address(config["url"].strip(), SCHEMES, PORT, LIKE)
    if not address.user:
        raise ValueError(f"name the user to connect as, like {LIKE}")
    if "/" in address.path:
        raise ValueError(f"name one database, like {LIKE}")
    for name, value in address.options.items():
        if name != "sslmode":
            raise ValueError(f"leave out '{name[:40]}': the only option an address may have is sslmode")
        if value not in MODES:
            raise ValueError(f"sslmode must be one of {', '.join(MODES)}")
    return address


async def check(target: Target, wire: Wire) -> Measurement:
    """Connect, look, and ask the query of the probe, if it has one."""
    look = _Look(target, wire)
    try:
        async with asyncio.timeout(target.timeout):
            try:
                return await look.all()
            finally:
                await look.close()
    except TimeoutError:
        return look.failed(Failed(Trouble.TIMEOUT, f"{look.doing} took more than {target.timeout:g} s"))
    except Failed as error:
        return look.failed(error)


class _Look:
    """One check under way: what it does at the moment, and what it has found."""

    def __init__(self, target: Target, wire: Wire) -> None:
        self.target, self.wire, self.config = target, wire, target.config
        self.doing = "connecting"
        self.connection: Any = None
        self.reached = False
        self.latency: float | None = None
        self.memory = dict(target.memory)
        self.facts: list[Fact] = []
        self.steps: list[Step] = []
        self.lines: list[str] = []
        self._clock = perf_counter
        self._began = self._clock()

    async def all(self) -> Measurement:
        with self._step("connect"):
            opened = await self._connect()
        self.connection, self.reached = opened.connection, True
        if (old := too_old(opened.connection.get_server_version().major)) is not None:
            raise Failed(Trouble.SETUP, old)
        try:
            found = await self._all()
        except (Failed, asyncpg.PostgresError, asyncpg.InterfaceError):
            if opened.bounds.exceeded:
                raise too_much("it") from None
            raise
        if opened.bounds.exceeded:
            raise too_much("it")
        return found

    async def _all(self) -> Measurement:
        try:
            with self._step("round trip"):
                left = self.target.timeout - (self._clock() - self._began)
                milliseconds = max(50, int(1000 * (left - min(0.25, left / 4))))
                # In the transaction, not in the greeting: a pooler in between would refuse it there.
                await self.connection.execute(
                    f"BEGIN READ ONLY; SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = 100"
                )
            self.latency = self.steps[-1].seconds
            self.facts.append(Fact("database.latency", self.latency))
            with self._step("facts"):
                seen, schema = await self._look()
            trouble = None
            if query := self.config["query"].strip():
                with self._step("query"):
                    trouble = await self._ask(query)
            if trouble is None:
                await self._statements(schema, seen.version)
        except asyncpg.QueryCanceledError:
            raise TimeoutError from None  # the server gave up a moment before we do
        except asyncpg.PostgresError as error:
            raise Failed(Trouble.ANSWER, f"{self.doing}: {told(error)}") from None
        except asyncpg.InterfaceError:
            raise Failed(Trouble.NETWORK, f"{self.doing}: the connection ended") from None
        if trouble is not None:
            raise trouble
        message = f"{seen.connections} of {seen.usable} connections are taken"
        if seen.waiting:
            message += f", {seen.waiting} of them wait for a lock"
        return self.measurement(True, f"answers in {words(self.latency or 0)}; {message}")

    def failed(self, error: Failed) -> Measurement:
        self.reached = self.reached or error.reached
        return self.measurement(False, error.message, error.trouble)

    def measurement(self, ok: bool, message: str, trouble: Trouble | None = None) -> Measurement:
        lines = (*self.lines, *self.memory.get("statements", ()))
        return Measurement(
            ok, message, self.latency, tuple(self.facts), trouble, tuple(self.steps), lines, self.memory, self.reached
        )

    async def close(self) -> None:
        if self.connection is None:
            return
        try:
            # A word of farewell keeps a complaint out of the server's log.
            await self.connection.close(timeout=0.25)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncio.CancelledError):
            self.connection.terminate()

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.doing = {"connect": "connecting", "query": "the query"}.get(name, "the answer")
        began = self._clock()
        yield
        self.steps.append(Step(name, self._clock() - began))

    async def _look(self) -> tuple[Seen, str | None]:
        sized_at = self.memory.get("sized_at")
        now = self.target.now.timestamp()
        sized = not isinstance(sized_at, int | float) or not 0 <= now - sized_at < SELDOM_SECONDS
        slow_after = self.config.number("slowAfter") or 5.0
        row = dict(await self.connection.fetchrow(LOOK, slow_after, sized) or {})
        schema = row.pop("statements")
        backends = row.pop("backends")
        row["standbys"] = [(str(name), str(at), float(lag)) for name, at, lag in orjson.loads(row["standbys"] or "[]")]
        if not row["sees_others"]:
            hidden = (
                "active",
                "idle",
                "idle_in_transaction",
                "waiting",
                "slow",
                "longest_query",
                "longest_transaction",
            )
            row |= dict.fromkeys(hidden) | {"connections": backends}
        seen = Seen(**row)
        known = hits(self.memory, seen.blocks_hit, seen.blocks_read)
        self.memory |= known.memory()
        if sized:
            self.memory |= {"sized_at": now, "size": seen.size}
        self.facts += facts(seen, known, self.memory.get("size"))
        role = "standby" if seen.standby else "primary"
        self.lines.append(f"PostgreSQL {version_name(seen.version)}, {role}")
        if not seen.sees_others:
            self.lines.append(
                "This user does not see what others do: GRANT pg_monitor TO it for connections and queries."
            )
        return seen, schema

    async def _ask(self, query: str) -> Failed | None:
        try:
            answer = await self.connection.fetchval(one_number(query))
        except asyncpg.QueryCanceledError:
            return Failed(Trouble.ANSWER, "the query takes longer than the probe may", reached=True)
        except asyncpg.LockNotAvailableError:
            return Failed(Trouble.ANSWER, "the query meets a lock that another session holds", reached=True)
        except asyncpg.ReadOnlySQLTransactionError as error:
            return Failed(Trouble.SETUP, f"the query writes, and it may only read: {told(error)}", reached=True)
        except (asyncpg.SyntaxOrAccessError, asyncpg.FeatureNotSupportedError) as error:
            return Failed(Trouble.SETUP, f"the query cannot be asked: {told(error)}", reached=True)
        except asyncpg.PostgresError as error:
            return Failed(Trouble.ANSWER, f"the query failed: {told(error)}", reached=True)
        if answer is None:
            return Failed(Trouble.ANSWER, "the query answers no row", reached=True)
        try:
            value = number_of(answer)
        except ValueError as error:
            return Failed(Trouble.ANSWER, str(error), reached=True)
        if value is None:
            self.lines.append("The query answers NULL: there is no fact database.query this time.")
        else:
            self.facts.append(Fact("database.query", value))
        return None

    async def _statements(self, schema: str | None, version: int) -> None:
        now = self.target.now.timestamp()
        asked_at = self.memory.get("statements_at")
        if schema is None:
            self.memory.pop("statements", None)
            return
        if isinstance(asked_at, int | float) and 0 <= now - asked_at < SELDOM_SECONDS:
            return
        self.memory["statements_at"] = now
        try:
            rows = await self.connection.fetch(slow_statements(schema, version))
        except asyncpg.PostgresError as error:
            self.memory["statements"] = [f"Slow statements are not told: {told(error)}"[:200]]
            return
        self.memory["statements"] = [statement_line(each["calls"], each["seconds"], each["text"]) for each in rows]

    async def _connect(self) -> Opened:
        if self.config.flag("own"):
            door = own_door(self.wire)
        else:
            try:
                address = _address(self.config)
            except ValueError as error:
                raise Failed(Trouble.SETUP, f"the address: {error}") from None
            door = await door_of(self.wire, address, self.config, plain=self.memory.get("plain") is True)
        # The last address has all the time there is: whoever asked is the one who gives up.
        seconds = self.target.timeout + 1 if len(door.hosts) == 1 else self.target.timeout / 2
        try:
            opened = await open_door(door, seconds)
        except Full:
            self.facts.append(Fact("database.connections_share", 1.0))
            raise
        self.memory["plain"] = opened.plain
        return opened
