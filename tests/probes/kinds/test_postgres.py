"""PostgreSQL probes, asked of real servers that are busy, full, locked, strangers, or no servers at all."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import trustme

from century.probes.kinds import postgres
from century.probes.measurement import Measurement, Trouble
from tests.conftest import Servers
from tests.probes.asking import NOW, ask, config, facts, on_uvloop, wire
from tests.probes.databases import DEBIAN, PASSWORD, PostgresServer

MIB = 1024 * 1024

# Of eight connections three are the superusers'.
USABLE = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server of eight connections."""
    made = PostgresServer(tmp_path_factory.mktemp("small"), max_connections="8", max_wal_senders="2")
    made.create()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Whoever signed the certificate of `debian`."""
    return trustme.CA()


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[PostgresServer]:
    """Debian's server, which speaks TLS (as db.example.com) and counts statements; the wheel's does neither."""
    if not (DEBIAN / "postgres").exists():
        pytest.skip("needs Debian's postgresql-contrib")
    preloaded = {"shared_preload_libraries": "pg_stat_statements"}
    made = PostgresServer(tmp_path_factory.mktemp("debian"), binaries=DEBIAN, ssl="on", **preloaded)
    made.create()
    certificate = authority.issue_cert("db.example.com")
    for name, blobs in (("server.crt", certificate.cert_chain_pems), ("server.key", [certificate.private_key_pem])):
        path = made.home / name
        path.touch(mode=0o600)
        path.write_bytes(b"".join(each.bytes() for each in blobs))
        made.own(path)
    made.start()
    yield made
    made.stop()


@pytest_asyncio.fixture
async def session(server: PostgresServer) -> AsyncIterator[Any]:
    """Somebody else's session."""
    connection = await server.connect()
    yield connection
    await connection.execute("DROP TABLE IF EXISTS orders; DROP SEQUENCE IF EXISTS numbers")
    await connection.close()
    # Those that just said farewell are not gone before the server says so.
    watching = await server.connect()
    count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    async with asyncio.timeout(5):
        while await watching.fetchval(count) > 1:
            pass
    await watching.close()


async def look(server: PostgresServer, through: Any = None, **more: Any) -> Measurement:
    options = {name: more.pop(name) for name in ("timeout", "memory", "now", "interval") if name in more}
    return await ask(postgres, {"url": server.url, "password": PASSWORD, **more}, through, **options)


async def test_a_server_that_is_well(server: PostgresServer, session: Any) -> None:
    found = await look(server)
    assert found.ok, found.message
    assert found.message.startswith("answers in ") and found.message.endswith(f"1 of {USABLE} connections are taken")
    told = facts(found)
    assert told["database.connections_idle"] == 1
    assert told["database.connections_active"] == told["database.connections_waiting"] == 0
    assert told["database.connections_share"] == 1 / USABLE
    assert told["database.size"] > 1_000_000
    assert 0 < told["database.cache_hit_share"] <= 1
    assert told["database.deadlocks"] == told["database.slow_queries"] == told["database.longest_query"] == 0
    assert found.latency == told["database.latency"] > 0
    assert [each.name for each in found.steps] == ["connect", "round trip", "facts"]
    assert found.lines[0].startswith("PostgreSQL 18.") and found.lines[0].endswith(", primary")
    assert found.reached and found.trouble is None
    assert set(told) <= {each.name for each in postgres.FACTS}


async def test_our_own_database_needs_no_address(servers: Servers) -> None:
    found = await ask(postgres, {"own": "true"}, wire("10.0.0.0/8", database_url=servers.database("postgres")))
    assert found.ok, found.message
    assert postgres.target(config(postgres, {"own": "true"})) == "our own database"
    away = await ask(postgres, {"own": "true"}, wire())
    assert away.trouble is Trouble.NETWORK
    assert away.message == "our own database refuses connections: nothing listens there, or a firewall answers"


async def test_every_connection_is_taken(server: PostgresServer, session: Any) -> None:
    await session.execute("CREATE ROLE visitor LOGIN PASSWORD 'visitor'")
    taken = []
    try:
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            while True:
                taken.append(await server.connect(user="visitor", password="visitor"))
        url = f"postgresql://visitor@127.0.0.1:{server.port}/postgres"
        found = await ask(postgres, {"url": url, "password": "visitor"})
        assert not found.ok
        assert found.trouble is Trouble.ANSWER
        assert found.message.startswith("every connection is taken: ")
        assert facts(found) == {"database.connections_share": 1.0}
        # A superuser still gets in, and sees how full it is.
        told = facts(await look(server))
        assert told["database.connections_share"] == 1.0
        assert told["database.connections_idle"] == len(taken) + 1
    finally:
        for each in taken:
            await each.close()
        await session.execute("DROP ROLE visitor")


async def test_a_lock_that_is_held(server: PostgresServer, session: Any) -> None:
    await session.execute("CREATE TABLE orders (id int)")
    holding, waiting = await server.connect(), await server.connect()
    try:
        await holding.execute("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        blocked = asyncio.create_task(waiting.fetchval("SELECT count(*) FROM orders"))
        async with asyncio.timeout(5):
            while not await session.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                pass
        found = await look(server)
        told = facts(found)
        assert found.ok and "1 of them wait for a lock" in found.message
        assert told["database.connections_waiting"] == told["database.connections_active"] == 1
        assert told["database.connections_idle_in_transaction"] == 1
        assert told["database.longest_transaction"] > 0
        asked = await look(server, query="SELECT count(*) FROM orders")
        assert not asked.ok
        assert asked.message == "the query meets a lock that another session holds"
        assert "database.connections_waiting" in facts(asked)
    finally:
        await holding.close()
        await blocked
        await waiting.close()


async def test_a_query_that_takes_long(server: PostgresServer, session: Any) -> None:
    sleeping = await server.connect()
    running = asyncio.create_task(sleeping.execute("SELECT pg_sleep(9)"))
    try:
        async with asyncio.timeout(5):
            while not (told := facts(await look(server, slowAfter="0.05")))["database.slow_queries"]:
                pass
        assert told["database.slow_queries"] == 1
        assert told["database.longest_query"] > 0.05
        assert facts(await look(server, slowAfter="60"))["database.slow_queries"] == 0
    finally:
        await session.execute(f"SELECT pg_terminate_backend({sleeping.get_server_pid()})")
        with contextlib.suppress(asyncpg.PostgresError):
            await running
        await sleeping.close()


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("SELECT 41 + 1", 42.0),
        ("SELECT 1.5::numeric -- a price", 1.5),
        ("SELECT true;", 1.0),
        ("WITH a AS (SELECT 7 AS n) SELECT n FROM a", 7.0),
        ("VALUES (3), (4)", 3.0),
        ("SELECT n FROM generate_series(5, 9) AS n ORDER BY n DESC", 9.0),
    ],
)
async def test_a_query_answers_a_number(server: PostgresServer, session: Any, query: str, value: float) -> None:
    found = await look(server, query=query)
    assert found.ok, found.message
    assert facts(found)["database.query"] == value


@pytest.mark.parametrize(
    ("query", "trouble", "sentence"),
    [
        ("SELECT 'ten'", Trouble.ANSWER, 'the query must answer a number, it answers "ten"'),
        ("SELECT 1, 2", Trouble.ANSWER, "the query must answer one column, it answers 2"),
        ("SELECT 1 WHERE false", Trouble.ANSWER, "the query answers no row"),
        ("SELECT 'NaN'::float8", Trouble.ANSWER, 'the query must answer a number, it answers "NaN"'),
        (
            "SELECT nextval('numbers')",
            Trouble.SETUP,
            "the query writes, and it may only read: cannot execute nextval() in a read-only transaction",
        ),
        (
            "SELECT 1 FROM set_config('transaction_read_only', 'off', true)",
            Trouble.ANSWER,
            "the query failed: transaction read-write mode must be set before any query",
        ),
        ("SELECT 1); DROP TABLE orders; SELECT (1", Trouble.SETUP, "cannot insert multiple commands"),
        ("DELETE FROM orders", Trouble.SETUP, "the query cannot be asked: syntax error"),
        ("WITH gone AS (DELETE FROM orders RETURNING 1) SELECT 1", Trouble.SETUP, "must be at the top level"),
        ("SELECT id FROM orders FOR UPDATE", Trouble.SETUP, "cannot execute SELECT FOR UPDATE"),
        ("SELECT * FROM ordres", Trouble.SETUP, 'relation "ordres" does not exist'),
        ("SELECT 1 / 0", Trouble.ANSWER, "the query failed: division by zero"),
        ("SELECT pg_sleep(30)", Trouble.ANSWER, "the query takes longer than the probe may"),
    ],
)
async def test_a_query_that_cannot_be(
    server: PostgresServer, session: Any, query: str, trouble: Trouble, sentence: str
) -> None:
    await session.execute("CREATE TABLE orders (id int); INSERT INTO orders VALUES (1); CREATE SEQUENCE numbers")
    found = await look(server, query=query, timeout=1.5 if "sleep" in query else 5)
    assert not found.ok
    assert sentence in found.message
    assert found.trouble is trouble
    assert await session.fetchval("SELECT count(*) FROM orders") == 1
    assert not await session.fetchval("SELECT is_called FROM numbers")


async def test_a_query_that_answers_null_tells_no_fact(server: PostgresServer, session: Any) -> None:
    found = await look(server, query="SELECT max(n) FROM generate_series(1, 0) AS n")
    assert found.ok
    assert "database.query" not in facts(found)
    assert any("NULL" in each for each in found.lines)


async def test_whoever_may_not_see_others_is_told_so(server: PostgresServer, session: Any) -> None:
    await session.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
    try:
        url = f"postgresql://plain@127.0.0.1:{server.port}/postgres"
        found = await ask(postgres, {"url": url, "password": "plain"})
        told = facts(found)
        assert found.ok, found.message
        assert "database.connections_active" not in told and "database.slow_queries" not in told
        assert told["database.connections_share"] == 1 / USABLE
        assert "GRANT pg_monitor" in found.lines[1]
        await session.execute("GRANT pg_monitor TO plain")
        assert facts(await ask(postgres, {"url": url, "password": "plain"}))["database.connections_idle"] == 1
    finally:
        await session.execute("DROP ROLE plain")


async def test_size_is_asked_for_once_a_minute(server: PostgresServer, session: Any) -> None:
    first = await look(server)
    size = facts(first)["database.size"]
    await session.execute("CREATE TABLE orders AS SELECT generate_series(1, 10000) AS id")
    soon = await look(server, memory=first.memory, now=NOW + timedelta(seconds=30))
    assert facts(soon)["database.size"] == size
    later = await look(server, memory=soon.memory, now=NOW + timedelta(seconds=60))
    assert facts(later)["database.size"] > size


async def test_the_surroundings_name_nothing(server: PostgresServer, session: Any, monkeypatch: Any) -> None:
    for name in ("PGHOST", "PGUSER", "PGDATABASE", "PGSERVICE", "PGPASSFILE"):
        monkeypatch.setenv(name, "nothing")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "standby")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert (await look(server)).ok
    unknown = await look(server, password="")
    assert not unknown.ok and "does not let us in" in unknown.message


async def test_a_wrong_password(server: PostgresServer) -> None:
    found = await look(server, password="wrong")
    assert found.trouble is Trouble.SETUP and found.reached
    assert found.message.endswith('does not let us in: password authentication failed for user "owner"')
    assert "wrong" not in found.message


async def test_a_database_that_is_not_there(server: PostgresServer) -> None:
    found = await look(server, url=server.url.replace("/postgres", "/shop"))
    assert found.message.endswith('says: database "shop" does not exist')


async def test_certificates_are_checked_by_name(debian: PostgresServer, authority: trustme.CA) -> None:
    ca = authority.cert_pem.bytes().decode()

    through = wire(names={"db.example.com": "127.0.0.1", "other.example.com": "127.0.0.1"})
    url = f"postgresql://owner@db.example.com:{debian.port}/postgres"
    right = await ask(postgres, {"url": url, "password": PASSWORD, "ca": ca}, through)
    assert right.ok, right.message
    wrong = await ask(postgres, {"url": url.replace("db.", "other."), "password": PASSWORD, "ca": ca}, through)
    assert wrong.message == "the certificate is not one of other.example.com" and wrong.trouble is Trouble.ANSWER
    unknown = await ask(postgres, {"url": url, "password": PASSWORD, "verifyTls": "true"}, through)
    assert unknown.message == "the certificate of db.example.com is from an issuer that is not trusted"
    assert (await ask(postgres, {"url": url + "?sslmode=require", "password": PASSWORD}, through)).ok
    settings = {"url": url, "password": PASSWORD, "ca": ca}
    assert (await asyncio.to_thread(on_uvloop, lambda: ask(postgres, settings, through))).ok
    wrong = await asyncio.to_thread(
        on_uvloop, lambda: ask(postgres, settings | {"url": url.replace("db.", "other.")}, through)
    )
    assert wrong.message == "the certificate is not one of other.example.com"
    verified = await ask(postgres, {"url": url + "?sslmode=verify-full", "password": PASSWORD}, through)
    assert verified.message == unknown.message


async def test_a_server_without_tls(servers: Servers) -> None:
    url = servers.database("postgres").replace("+asyncpg", "")
    user, _, rest = url.removeprefix("postgresql://").partition("@")
    user, _, password = user.partition(":")
    settings = {"url": f"postgresql://{user}@{rest}", "password": password}
    found = await ask(postgres, settings)
    assert found.ok and found.memory["plain"] is True
    assert (await ask(postgres, settings, memory=found.memory)).ok
    asked = await ask(postgres, settings | {"verifyTls": "true"})
    assert asked.trouble is Trouble.ANSWER
    assert asked.message.endswith("does not offer TLS, which this probe asks for")


async def test_a_standby_tells_how_far_it_is_behind(server: PostgresServer, session: Any, tmp_path: Any) -> None:
    standby = PostgresServer(tmp_path / "standby", max_connections="8", max_wal_senders="2")
    # The copy needs a connection of its own that may replicate: pg_hba.conf lets 127.0.0.1 do so.
    standby.follow(server)
    standby.start()
    try:
        async with asyncio.timeout(10):
            while "database.replication_lag second" not in (told := facts(await look(server))):
                pass
        assert 0 <= told["database.replication_lag second"] < 10
        found = await look(standby)
        assert found.ok, found.message
        assert found.lines[0].endswith(", standby")
        assert 0 <= facts(found)["database.replication_lag"] < 10
    finally:
        standby.stop()


async def test_slow_statements_are_told_without_their_literals(debian: PostgresServer) -> None:
    session = await debian.connect()
    await session.execute('CREATE SCHEMA "Odd one"; CREATE EXTENSION pg_stat_statements SCHEMA "Odd one"')
    await session.execute("SELECT pg_sleep(0.05), 'a customer''s name'")
    await session.execute("CREATE ROLE somebody PASSWORD 'of somebody'")
    found = await look(debian)
    assert found.ok, found.message
    slow = next(each for each in found.lines if "pg_sleep" in each)
    assert "ms on average, 1 calls: SELECT pg_sleep($1), $2" in slow
    assert not any("customer" in each or "somebody" in each for each in found.lines)
    soon = await look(debian, memory=found.memory, now=NOW + timedelta(seconds=30))
    assert slow in soon.lines
    await session.execute("SELECT pg_sleep(0.06), 1, 2, 3")
    later = await look(debian, memory=soon.memory, now=NOW + timedelta(seconds=60))
    assert any("$2, $3, $4" in each for each in later.lines)
    await session.close()


@pytest.mark.parametrize(
    "spoken", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"S" + b"\xff" * 64, b"N" + b"R\x7f\xff\xff\xff"]
)
async def test_what_is_no_postgresql(spoken: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(spoken)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        found = await ask(postgres, {"url": f"postgresql://a@127.0.0.1:{port}/a", "password": "b"}, timeout=2)
    assert not found.ok
    assert "is it PostgreSQL?" in found.message or "does not speak TLS as it should" in found.message


VERSION = b"server_version\x0015.4\0"
LET_IN = b"R\0\0\0\x08\0\0\0\0" + b"S\0\0\0" + bytes([len(VERSION) + 4]) + VERSION + b"Z\0\0\0\x05I"
NOTICE = b"N\0\0\x10\0S" + b"x" * (4096 - 7) + b"\0\0"


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "over TLS"])
@pytest.mark.parametrize(
    ("greeting", "endless"),
    [
        pytest.param(b"R\x7f\xff\xff\xff", b"x" * 65_536, id="before it lets us in, one message without end"),
        pytest.param(b"", NOTICE * 16, id="before it lets us in, many messages"),
        pytest.param(LET_IN + b"D\x7f\xff\xff\xff", b"x" * 65_536, id="an answer without end"),
        pytest.param(LET_IN, NOTICE * 16, id="notices without end"),
    ],
)  # fmt: skip
async def test_a_server_that_does_not_stop_is_cut_off(secure: bool, greeting: bytes, endless: bytes) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    sent: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        if secure:
            writer.write(b"S")
            await writer.start_tls(context)
        sent.append(0)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await reader.read(4096)
            writer.write(greeting)
            while sent[-1] < 64 * MIB and not writer.is_closing():
                writer.write(endless)
                await writer.drain()
                await asyncio.sleep(0)
                sent[-1] += len(endless)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as stranger:
        port = stranger.sockets[0].getsockname()[1]
        settings = {
            "url": f"postgresql://a@127.0.0.1:{port}/a",
            "ca": authority.cert_pem.bytes().decode() if secure else "",
        }
        settings["url"] += "" if secure else "?sslmode=disable"
        for run in (lambda: ask(postgres, settings, timeout=30), lambda: on_loop(settings)):
            found = await run()
            assert found.trouble is Trouble.ANSWER and found.reached, found.message
            assert "sends more than 4 MiB, and was cut off: is it PostgreSQL?" in found.message
    assert sum(sent) < len(sent) * 16 * MIB


async def test_a_version_that_is_too_old_is_told_so() -> None:
    said = VERSION.replace(b"15.4", b"11.9")
    greeting = LET_IN.replace(VERSION, said)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(greeting)
        await reader.read(4096)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as old:
        port = old.sockets[0].getsockname()[1]
        found = await ask(postgres, {"url": f"postgresql://a@127.0.0.1:{port}/a?sslmode=disable"})
    assert found.trouble is Trouble.SETUP
    assert found.message == "it is PostgreSQL 11, and the oldest that can be asked is 12"


async def on_loop(settings: dict[str, str]) -> Measurement:
    """A check on the loop that workers run on."""
    return await asyncio.to_thread(on_uvloop, lambda: ask(postgres, settings, timeout=30))


async def test_a_server_that_says_nothing() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        began = asyncio.get_running_loop().time()
        found = await ask(postgres, {"url": f"postgresql://a@127.0.0.1:{port}/a"}, timeout=0.3)
        assert asyncio.get_running_loop().time() - began < 2
    assert found.trouble is Trouble.TIMEOUT
    assert found.message == "connecting took more than 0.3 s"


async def test_addresses_that_may_not_be_reached(server: PostgresServer) -> None:
    for through, allowed in ((wire("10.0.0.0/8"), False), (wire("0.0.0.0/0"), True)):
        found = await look(server, through)
        assert found.ok is allowed
        if not allowed:
            assert found.trouble is Trouble.REFUSED and "MONITORING_EGRESS_ALLOW" in found.message
    metadata = await ask(postgres, {"url": "postgresql://a@169.254.169.254/a"}, wire("0.0.0.0/0"))
    assert metadata.trouble is Trouble.REFUSED and "never reached" in metadata.message


async def test_nothing_listens() -> None:
    found = await ask(postgres, {"url": "postgresql://a@127.0.0.1:1/a"})
    assert found.trouble is Trouble.NETWORK and not found.reached
    assert found.message == "127.0.0.1:1 refuses connections: nothing listens there, or a firewall answers"


GOOD = {"url": "postgresql://monitor@db.example.com/app"}


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({}, "url", "give the address, like postgresql://monitor@db.example.com:5432/app"),
        ({"url": "mysql://a@b/c"}, "url", "it must begin with postgresql:// or postgres://"),
        ({"url": "postgresql://a:b@c/d"}, "url", "put the password into its own field"),
        ({"url": "postgresql://db.example.com/app"}, "url", "name the user to connect as"),
        ({"url": "postgresql://a@one,two/app"}, "url", "it must name one host"),
        ({"url": "postgresql://a@%2Frun%2Fpostgresql/app"}, "url", "it must name one host"),
        ({"url": "postgresql://a@/app"}, "url", "it must name one host"),
        ({"url": "postgresql://a@one:99999/app"}, "url", "a port between 1 and 65535"),
        ({"url": "postgresql://a@one:0/app"}, "url", "a port between 1 and 65535"),
        ({"url": "postgresql://a@one/app?host=two"}, "url", "leave out 'host'"),
        ({"url": "postgresql://a@one/app?sslrootcert=/etc/passwd"}, "url", "leave out 'sslrootcert'"),
        ({"url": "postgresql://a@one/app?sslmode=maybe"}, "url", "sslmode must be one of disable, allow"),
        ({"url": "postgresql://a@one/app/b"}, "url", "name one database"),
        ({"url": "postgresql://a@one two/app"}, "url", "without spaces"),
        (GOOD | {"query": "DELETE FROM orders"}, "query", "it begins with DELETE"),
        (GOOD | {"slowAfter": "-1"}, "slowAfter", "between zero and a day"),
        (GOOD | {"slowAfter": "soon"}, "slowAfter", "between zero and a day"),
        (GOOD | {"ca": "nonsense"}, "ca", "PEM form"),
    ],
)
def test_what_cannot_work_is_told_before(values: dict[str, str], field: str, sentence: str) -> None:
    found = postgres.problems(config(postgres, values))
    assert [each.field for each in found] == [field]
    assert sentence in found[0].message


def test_what_can_work_is_taken() -> None:
    assert postgres.problems(config(postgres, GOOD | {"query": "SELECT 1"})) == []
    assert postgres.problems(config(postgres, {"own": "true"})) == []
    assert postgres.target(config(postgres, GOOD)) == "postgresql://monitor@db.example.com:5432/app"
