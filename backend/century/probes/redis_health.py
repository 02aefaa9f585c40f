"""What Redis, or Valkey, says of itself: its facts, and whether it is well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from century.probes.measurement import Fact

# For so long after it happened, an eviction or a refused client counts: as many checks as not would miss it.
REMEMBERED_SECONDS = 60.0
FULL_SHARE = 0.95
COUNTERS = {"evicted_keys": "keys were evicted", "rejected_connections": "clients were refused"}
ONE = {"evicted_keys": "key was evicted", "rejected_connections": "client was refused"}
NUMBERS = {
    "redis.memory_used": "used_memory",
    "redis.fragmentation": "mem_fragmentation_ratio",
    "redis.evicted_keys": "evicted_keys",
    "redis.clients_connected": "connected_clients",
    "redis.clients_rejected": "rejected_connections",
    "redis.replicas": "connected_slaves",
}


@dataclass(frozen=True, slots=True)
class Health:
    """What an answer to INFO tells: facts, what is not well (a clause each), a line for people, and what to remember."""

    facts: tuple[Fact, ...]
    troubles: tuple[str, ...]
    line: str
    memory: Mapping[str, Any] = field(default_factory=dict)


def parse_info(text: str) -> dict[str, str]:
    """The fields of INFO; of those that come twice, the first."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            found.setdefault(name.strip(), value.strip())
    return found


def health(info: Mapping[str, str], memory: Mapping[str, Any], at: float, interval: float) -> Health:
    """How a server is; `memory` is what was remembered of the last look, `at` is now, in seconds."""
    counts = {name: count for name in COUNTERS if (count := _number(info, name)) is not None}
    rises = dict(_rises(counts, memory, info.get("run_id", "")))
    passed = _seconds_since(memory, at)
    facts = [Fact(name, value) for name, key in NUMBERS.items() if (value := _number(info, key)) is not None]
    if "evicted_keys" in rises and passed:
        facts.append(Fact("redis.evictions", rises["evicted_keys"] / passed))
    facts += _memory_limit(info)
    facts += _persistence(info, at)
    lately = _lately(rises, memory, at, max(REMEMBERED_SECONDS, interval))
    troubles = (
        *(f"{count:.0f} {(ONE if count == 1 else COUNTERS)[name]} lately" for name, (count, _) in lately.items()),
        *_troubles(info),
    )
    facts.append(Fact("redis.healthy", 0.0 if troubles else 1.0))
    remembered = {
        "counts": counts,
        "run": info.get("run_id", ""),
        "at": at,
        "lately": {k: list(v) for k, v in lately.items()},
    }
    return Health(tuple(facts), troubles, _line(info), remembered)


def _number(info: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(info[name])
    except (KeyError, ValueError):
        return None
    return value if abs(value) < 1e18 else None


def _seconds_since(memory: Mapping[str, Any], at: float) -> float | None:
    before = memory.get("at")
    return at - before if isinstance(before, int | float) and at > before else None


def _rises(counts: Mapping[str, float], memory: Mapping[str, Any], run: str) -> Iterator[tuple[str, float]]:
    """By how much each counter rose since the last look; of a server that began anew, since its beginning."""
    before = memory.get("counts")
    if not isinstance(before, Mapping):
        return
    again = memory.get("run") != run
    for name, count in counts.items():
        known = before.get(name)
        if isinstance(known, int | float):
            yield name, count if again or count < known else count - known


def _lately(
    rises: Mapping[str, float], memory: Mapping[str, Any], at: float, kept: float
) -> dict[str, tuple[float, float]]:
    """For each counter how much it rose lately, and when it last did."""
    before = memory.get("lately")
    found: dict[str, tuple[float, float]] = {}
    for name in COUNTERS:
        count, when = 0.0, at
        match before.get(name) if isinstance(before, Mapping) else None:
            case [int() | float() as known, int() | float() as last] if 0 <= at - last <= kept:
                count, when = float(known), float(last)
        if rise := rises.get(name, 0.0):
            count, when = count + rise, at
        if count:
            found[name] = (count, when)
    return found


def _memory_limit(info: Mapping[str, str]) -> Iterator[Fact]:
    limit, used = _number(info, "maxmemory"), _number(info, "used_memory")
    if limit:
        yield Fact("redis.memory_limit", limit)
        if used is not None:
            yield Fact("redis.memory_used_share", used / limit)


def _persistence(info: Mapping[str, str], at: float) -> Iterator[Fact]:
    saved = _number(info, "rdb_last_save_time")
    if saved is not None:
        # By its own clock, where it tells it.
        theirs = _number(info, "server_time_usec")
        yield Fact("redis.last_save_age", max(0.0, (theirs / 1e6 if theirs else at) - saved))
    if status := info.get("rdb_last_bgsave_status"):
        yield Fact("redis.last_save_ok", float(status == "ok"))
    if enabled := info.get("aof_enabled"):
        yield Fact("redis.aof_enabled", float(enabled == "1"))
        if enabled == "1":
            yield Fact("redis.aof_ok", float(not _aof_troubles(info)))


def _aof_troubles(info: Mapping[str, str]) -> list[str]:
    if info.get("aof_enabled") != "1":
        return []
    wrong = []
    if info.get("aof_last_write_status", "ok") != "ok":
        wrong.append("the append-only file could not be written")
    if info.get("aof_last_bgrewrite_status", "ok") != "ok":
        wrong.append("the append-only file could not be rewritten")
    return wrong


def _troubles(info: Mapping[str, str]) -> Iterator[str]:
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield "the last save failed"
    yield from _aof_troubles(info)
    limit, used = _number(info, "maxmemory"), _number(info, "used_memory")
    if limit and used is not None and info.get("maxmemory_policy") == "noeviction" and used >= FULL_SHARE * limit:
        yield f"its memory is full to {used / limit:.0%}, and it evicts nothing: writes will be refused"
    if info.get("role") in ("slave", "replica") and info.get("master_link_status", "up") != "up":
        yield "its link to the primary is down"


def _line(info: Mapping[str, str]) -> str:
    if version := info.get("valkey_version"):
        name = f"Valkey {version}"
    else:
        name = f"{(info.get('server_name') or 'Redis').capitalize()} {info.get('redis_version', '')}".strip()
    role = {"master": "primary", "slave": "replica"}.get(info.get("role", ""), info.get("role", ""))
    return ", ".join(each for each in (name, role) if each)
