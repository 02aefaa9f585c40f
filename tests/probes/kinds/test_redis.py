"""Redis probes, asked of real servers that are full, refuse, cannot save, are found by Sentinel, or are none."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from redis.exceptions import ConnectionError as Refused
from redis.exceptions import ResponseError

from century.probes.kinds import redis
from century.probes.measurement import Measurement, Trouble
from tests.conftest import Servers
from tests.probes.asking import NOW, ask, config, facts, on_uvloop, wire
from tests.probes.caches import ValkeyServer, over_tls, plain_or_tls


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A server that a test starts as it needs it."""
    made = ValkeyServer(tmp_path / "valkey")
    yield made
    made.stop()


async def look(server: ValkeyServer, through: Any = None, **more: Any) -> Measurement:
    options = {name: more.pop(name) for name in ("timeout", "memory", "now", "interval") if name in more}
    return await ask(redis, {"url": server.url, **more}, through, **options)


def later(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


async def test_a_server_that_is_well(server: ValkeyServer) -> None:
    server.start("appendonly yes", "maxmemory 100mb")
    found = await look(server)
    assert found.ok, found.message
    assert found.message.startswith("answers in ") and found.message.endswith(" ms")
    told = facts(found)
    assert told["redis.healthy"] == told["redis.aof_ok"] == told["redis.aof_enabled"] == told["redis.last_save_ok"] == 1
    assert told["redis.memory_limit"] == 100 * 1024 * 1024
    assert 0 < told["redis.memory_used_share"] < 0.1
    assert told["redis.clients_connected"] == 1
    assert told["redis.evicted_keys"] == told["redis.clients_rejected"] == told["redis.replicas"] == 0
    assert 0 <= told["redis.last_save_age"] < 60
    assert "redis.evictions" not in told
    assert found.latency == told["redis.latency"] > 0
    assert found.lines[0].startswith("Valkey 9.") and found.lines[0].endswith(", primary")
    assert facts(await look(server, memory=found.memory, now=later(30)))["redis.evictions"] == 0
    assert set(told) <= {each.name for each in redis.FACTS}


async def test_our_own_needs_no_address(servers: Servers) -> None:
    own = {"own": "true"}
    found = await ask(redis, own, wire("10.0.0.0/8", redis_url=servers.redis_url))
    assert found.ok, found.message
    assert redis.target(config(redis, own)) == "our own Redis"
    away = await ask(redis, own, wire())
    assert away.trouble is Trouble.NETWORK
    assert away.message == "our own Redis refuses connections: nothing listens there, or a firewall answers"


async def test_our_own_by_a_socket(server: ValkeyServer) -> None:
    server.start("unixsocket valkey.sock")
    found = await ask(redis, {"own": "true"}, wire(redis_url=f"unix://{server.folder}/valkey.sock"))
    assert found.ok, found.message


async def test_memory_is_full_and_keys_are_evicted(server: ValkeyServer) -> None:
    server.start("maxmemory 4mb", "maxmemory-policy allkeys-lru")
    first = await look(server)
    assert first.ok and facts(first)["redis.healthy"] == 1
    async with server.client() as client:
        for number in range(80):
            await client.set(f"key {number}", b"x" * 100_000)
    found = await look(server, memory=first.memory, now=later(10))
    told = facts(found)
    assert found.ok, "it answers all the same"
    assert told["redis.healthy"] == 0
    assert told["redis.evicted_keys"] > 30
    assert told["redis.evictions"] == pytest.approx(told["redis.evicted_keys"] / 10)
    assert f", but {told['redis.evicted_keys']:.0f} keys were evicted lately" in found.message
    # It is told for a minute, so that no rule misses it.
    soon = await look(server, memory=found.memory, now=later(60))
    assert facts(soon)["redis.healthy"] == 0 and facts(soon)["redis.evictions"] == 0
    assert facts(await look(server, memory=soon.memory, now=later(80)))["redis.healthy"] == 1


async def test_memory_is_full_and_nothing_is_evicted(server: ValkeyServer) -> None:
    server.start("maxmemory 4mb", "maxmemory-policy noeviction")
    with pytest.raises(ResponseError, match="OOM|command not allowed"):
        async with server.client() as client:
            for number in range(80):
                await client.set(f"key {number}", b"x" * 100_000)
    found = await look(server)
    assert found.ok and facts(found)["redis.healthy"] == 0
    assert "and it evicts nothing: writes will be refused" in found.message
    assert facts(found)["redis.memory_used_share"] > 0.95


async def test_a_save_that_failed(server: ValkeyServer) -> None:
    server.start("save 3600 1", "stop-writes-on-bgsave-error yes")
    async with server.client(decode_responses="yes") as client:
        await client.set("key", "value")
        shutil.rmtree(server.folder)
        await client.bgsave()
        async with asyncio.timeout(10):
            while (await client.info("persistence"))["rdb_last_bgsave_status"] == "ok":
                pass
    found = await look(server)
    assert found.ok, found.message  # though it answers our ping with an error
    assert facts(found)["redis.healthy"] == facts(found)["redis.last_save_ok"] == 0
    assert found.message.endswith(", but the last save failed")
    assert "the last save failed" in found.lines


async def test_clients_that_are_refused(server: ValkeyServer) -> None:
    server.start("maxclients 3")
    first = await look(server)
    taken = [server.client() for _ in range(3)]
    clients = [await each.__aenter__() for each in taken]
    try:
        for client in clients:
            await client.ping()
        full = await look(server, memory=first.memory, now=later(10))
        assert not full.ok and full.trouble is Trouble.ANSWER
        assert "takes no more clients" in full.message
        with pytest.raises(Refused):
            async with server.client() as client:
                await client.ping()
    finally:
        for each in taken:
            await each.__aexit__(None, None, None)
    found = await look(server, memory=full.memory, now=later(20))
    assert found.ok and facts(found)["redis.healthy"] == 0
    assert facts(found)["redis.clients_rejected"] >= 2
    assert "clients were refused lately" in found.message


async def test_a_password(server: ValkeyServer) -> None:
    server.start("requirepass secret-word", "user watcher on >watching +ping +info", "user blind on >watching +ping")
    for settings, sentence in (
        ({}, "does not let us in"),
        ({"password": "wrong"}, "does not let us in"),
        ({"user": "blind", "password": "watching"}, "does not let us in"),
    ):
        found = await look(server, **settings)
        assert found.trouble is Trouble.SETUP, found.message
        assert sentence in found.message and "wrong" not in found.message
    assert (await look(server, password="secret-word")).ok
    assert (await look(server, user="watcher", password="watching")).ok
    by_address = await ask(redis, {"url": f"redis://watcher@127.0.0.1:{server.port}/0", "password": "watching"})
    assert by_address.ok, by_address.message


async def test_a_replica_whose_primary_is_gone(server: ValkeyServer, tmp_path: Path) -> None:
    server.start("repl-diskless-sync-delay 0")
    replica = ValkeyServer(tmp_path / "replica").start(f"replicaof 127.0.0.1 {server.port}")
    try:
        async with asyncio.timeout(10):
            while (told := facts(await look(server)))["redis.replicas"] != 1:
                pass
            while not facts(found := await look(replica))["redis.healthy"]:
                pass
        assert told["redis.healthy"] == 1
        assert found.lines[0].endswith(", replica")
        server.stop()
        async with asyncio.timeout(10):
            while facts(found := await look(replica))["redis.healthy"]:
                pass
        assert found.ok and "its link to the primary is down" in found.message
    finally:
        replica.stop()


async def test_a_sentinel_says_where_the_primary_is(server: ValkeyServer, tmp_path: Path) -> None:
    server.start("requirepass secret-word")
    sentinel = ValkeyServer(tmp_path / "sentinel", sentinel=True, requirepass="told")
    sentinel.start(f"sentinel monitor mymaster 127.0.0.1 {server.port} 1", "sentinel auth-pass mymaster secret-word")
    try:
        settings = {
            "sentinels": f"127.0.0.1:1\n127.0.0.1:{sentinel.port}",
            "master": "mymaster",
            "password": "secret-word",
            "sentinelPassword": "told",
        }
        found = await ask(redis, settings)
        assert found.ok, found.message
        where = f"127.0.0.1:{sentinel.port}"
        assert found.lines[0] == f"{where} says that mymaster is at 127.0.0.1:{server.port}"
        assert facts(found)["redis.healthy"] == 1
        assert redis.target(config(redis, settings)) == f"127.0.0.1:1,{where} for mymaster"
        unknown = await ask(redis, settings | {"master": "other"})
        assert unknown.message == f"the sentinel {where} knows no 'other'"
        closed = await ask(redis, settings | {"sentinelPassword": ""})
        assert closed.trouble is Trouble.SETUP and "does not let us in" in closed.message
        gone = await ask(redis, settings | {"sentinels": "127.0.0.1:1"})
        assert gone.message == (
            "the sentinel 127.0.0.1:1: 127.0.0.1:1 refuses connections: nothing listens there, or a firewall answers"
        )
    finally:
        sentinel.stop()


async def test_a_sentinel_and_its_primary_are_reached_over_tls(server: ValkeyServer, tmp_path: Path) -> None:
    server.start("requirepass secret-word")
    authority = trustme.CA()
    contexts = {}
    for name in ("sentinel.example.com", "127.0.0.1", "elsewhere.example.com"):
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(contexts[name])
    through = wire(names={"sentinel.example.com": "127.0.0.1"})
    ca = authority.cert_pem.bytes().decode()
    for name, well in (("127.0.0.1", True), ("elsewhere.example.com", False)):
        async with plain_or_tls(server.port, contexts[name]) as primary:
            sentinel = ValkeyServer(tmp_path / f"sentinel of {name}".replace(" ", "-"), sentinel=True)
            starting = f"sentinel monitor mymaster 127.0.0.1 {primary} 1", "sentinel auth-pass mymaster secret-word"
            await asyncio.to_thread(sentinel.start, *starting)
            try:
                async with over_tls(sentinel.port, contexts["sentinel.example.com"]) as port:
                    settings = {
                        "sentinels": f"sentinel.example.com:{port}", "master": "mymaster", "password": "secret-word",
                        "tls": "true", "ca": ca,
                    }  # fmt: skip
                    found = await ask(redis, settings, through)
                    assert found.lines[:1] in (
                        (f"sentinel.example.com:{port} says that mymaster is at 127.0.0.1:{primary}",),
                        (),
                    )
                    if well:
                        assert found.ok, found.message
                        unknown = await ask(redis, settings | {"ca": ""}, through)
                        assert "from an issuer that is not trusted" in unknown.message
                    else:
                        assert found.message == "the certificate is not one of 127.0.0.1"
            finally:
                sentinel.stop()


@asynccontextmanager
async def saying(*answers: bytes) -> AsyncIterator[int]:
    """The port of a server that answers each command in turn, whatever it is."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in answers:
            if not await reader.read(4096):
                break
            writer.write(each)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_sentinel_leads_to_no_address_that_may_not_be_reached() -> None:
    async with saying(b"*2\r\n$15\r\n169.254.169.254\r\n$2\r\n80\r\n") as port:
        settings = {"sentinels": f"127.0.0.1:{port}", "master": "mymaster"}
        found = await ask(redis, settings, wire("0.0.0.0/0"))
        assert found.trouble is Trouble.REFUSED
        assert "169.254.169.254 is never reached from here" in found.message
    async with saying(b"*2\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n") as port:
        found = await ask(redis, {"sentinels": f"127.0.0.1:{port}", "master": "mymaster"})
        assert found.trouble is Trouble.REFUSED and "MONITORING_EGRESS_ALLOW" in found.message


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([b"-LOADING Redis is loading the dataset in memory\r\n"], "is still loading its data"),
        ([b"-ERR no\r\n"], "says: no"),
        ([b"$3\r\nabc\r\n"], "answers a ping with 'abc'"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "does not speak Redis' protocol"),
        ([b"+PONG\r\n", b"$99999999999\r\n"], "an answer of more than 1 MiB"),
        ([b"+PONG\r\n", b"*1000000000\r\n" + b":1\r\n" * 500_000], "an answer of more than 1 MiB"),
        ([b"+PONG\r\n", b"*9\r\n" + b"$500000\r\n" + b"x" * 500_000 + b"\r\n" + b"$900000\r\n"], "an answer of more than 1 MiB"),
        ([b"+PONG\r\n", b"*1\r\n" * 20_000], "does not speak Redis' protocol"),
        ([b"+PONG\r\n", b"+" + b"x" * 200_000], "does not speak Redis' protocol"),
        ([b""], "ended the connection"),
    ],
)  # fmt: skip
async def test_what_is_no_redis(answers: list[bytes], sentence: str) -> None:
    async with saying(*answers) as port:
        found = await ask(redis, {"url": f"redis://127.0.0.1:{port}"}, timeout=2)
    assert not found.ok
    assert sentence in found.message


async def test_a_server_that_says_nothing() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as silent:
        url = f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        began = asyncio.get_running_loop().time()
        found = await ask(redis, {"url": url}, timeout=0.3)
        assert asyncio.get_running_loop().time() - began < 2
    assert found.trouble is Trouble.TIMEOUT
    assert found.message == "the ping took more than 0.3 s"


async def test_certificates_are_checked_by_name(server: ValkeyServer) -> None:
    server.start()
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("cache.example.com").configure_cert(context)
    through = wire(names={"cache.example.com": "127.0.0.1", "other.example.com": "127.0.0.1"})
    ca = authority.cert_pem.bytes().decode()
    async with over_tls(server.port, context) as port:
        url = f"rediss://cache.example.com:{port}"
        assert (await ask(redis, {"url": url, "ca": ca}, through)).ok
        wrong = await ask(redis, {"url": url.replace("cache", "other"), "ca": ca}, through)
        assert wrong.message == "the certificate is not one of other.example.com"
        assert wrong.trouble is Trouble.ANSWER
        unknown = await ask(redis, {"url": url}, through)
        assert unknown.message == "the certificate of cache.example.com is from an issuer that is not trusted"
        assert (await ask(redis, {"url": url, "verifyTls": "false"}, through)).ok
        settings = {"url": url, "ca": ca}
        assert (await asyncio.to_thread(on_uvloop, lambda: ask(redis, settings, through))).ok
        settings["url"] = url.replace("cache", "other")
        wrong = await asyncio.to_thread(on_uvloop, lambda: ask(redis, settings, through))
        assert wrong.message == "the certificate is not one of other.example.com"
    plain = await ask(redis, {"url": f"rediss://127.0.0.1:{server.port}"}, timeout=0.3)
    assert plain.trouble is Trouble.TIMEOUT


async def test_addresses_that_may_not_be_reached(server: ValkeyServer) -> None:
    server.start()
    refused = await look(server, wire("10.0.0.0/8"))
    assert refused.trouble is Trouble.REFUSED and "MONITORING_EGRESS_ALLOW" in refused.message
    assert (await look(server, wire("0.0.0.0/0"))).ok
    metadata = await ask(redis, {"url": "redis://169.254.169.254"}, wire("0.0.0.0/0"))
    assert metadata.trouble is Trouble.REFUSED and "never reached" in metadata.message


GOOD = {"url": "redis://cache.example.com"}
SENTINEL = {"sentinels": "one\ntwo:26380", "master": "mymaster"}


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({}, "url", "give the address, like redis://cache.example.com:6379"),
        ({"url": "http://cache.example.com"}, "url", "it must begin with redis:// or rediss://"),
        ({"url": "redis://:secret@cache.example.com"}, "url", "put the password into its own field"),
        ({"url": "redis://one,two"}, "url", "it must name one host"),
        ({"url": "redis://one/first"}, "url", "the database must be a number"),
        ({"url": "redis://one?ssl_cert_reqs=none"}, "url", "leave out what follows the ?"),
        (GOOD | SENTINEL, "url", "either the address or the sentinels"),
        (SENTINEL | {"master": ""}, "master", "what the sentinels call the primary"),
        (GOOD | {"master": "mymaster"}, "sentinels", "name the sentinels that know 'mymaster'"),
        (SENTINEL | {"sentinels": "one\ntwo:99999"}, "sentinels", "line 2: "),
        (SENTINEL | {"sentinels": "\n".join(f"s{n}" for n in range(10))}, "sentinels", "9 sentinels at most"),
        (GOOD | {"ca": "nonsense"}, "ca", "PEM form"),
    ],
)
def test_what_cannot_work_is_told_before(values: dict[str, str], field: str, sentence: str) -> None:
    found = redis.problems(config(redis, values))
    assert [each.field for each in found] == [field]
    assert sentence in found[0].message


def test_what_can_work_is_taken() -> None:
    for values in (GOOD, SENTINEL, {"own": "true"}, {"url": "rediss://watcher@one:1/3"}):
        assert redis.problems(config(redis, values)) == []
    assert redis.target(config(redis, GOOD)) == "redis://cache.example.com:6379"
