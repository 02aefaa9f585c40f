"""What PostgreSQL says of itself, as facts."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from century.probes.measurement import Fact

# A share of hits over fewer blocks says nothing.
FEWEST_BLOCKS = 1_000
MOST_STANDBYS = 20
STATEMENT_LENGTH = 150
MOST_STATEMENTS = 8
# The first that knows MATERIALIZED; every column that is asked for below has been there since 10.
OLDEST = 12


# The server's own clock, since the instants it is compared with are the server's.
LOOK = """
WITH others AS MATERIALIZED (
    SELECT state, wait_event_type, clock_timestamp() - query_start AS runs, clock_timestamp() - xact_start AS open
    FROM pg_catalog.pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
), counted AS (
    SELECT count(*) AS connections,
           count(*) FILTER (WHERE state IN ('active', 'fastpath function call')) AS active,
           count(*) FILTER (WHERE state = 'idle') AS idle,
           count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
           count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock') AS waiting,
           count(*) FILTER (WHERE state = 'active' AND runs > make_interval(secs => $1::float8)) AS slow,
           coalesce(extract(epoch FROM max(runs) FILTER (WHERE state = 'active')), 0)::float8 AS longest_query,
           coalesce(extract(epoch FROM max(open)), 0)::float8 AS longest_transaction
    FROM others
)
SELECT current_setting('server_version_num')::int AS version,
       pg_is_in_recovery() AS standby,
       pg_has_role('pg_read_all_stats', 'USAGE') AS sees_others,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true), '0')::int AS usable,
       (SELECT greatest(sum(numbackends) - 1, 0)::int FROM pg_catalog.pg_stat_database) AS backends,
       counted.*,
       own.blks_hit AS blocks_hit, own.blks_read AS blocks_read, own.deadlocks,
       CASE WHEN $2 THEN pg_database_size(own.datid) END AS size,
       CASE WHEN NOT pg_is_in_recovery() THEN NULL
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
                 AND EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver WHERE pid IS NOT NULL) THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END AS behind,
       (SELECT json_agg(json_build_array(
                   coalesce(nullif(application_name, ''), 'standby'),
                   coalesce(host(client_addr), 'this machine'),
                   coalesce(extract(epoch FROM replay_lag), 0)) ORDER BY application_name, pid)::text
        FROM pg_catalog.pg_stat_replication WHERE state IN ('streaming', 'catchup')) AS standbys,
       (SELECT quote_ident(nspname) FROM pg_catalog.pg_extension
        JOIN pg_catalog.pg_namespace ON pg_namespace.oid = extnamespace
        WHERE extname = 'pg_stat_statements') AS statements
FROM counted, pg_catalog.pg_stat_database AS own WHERE own.datname = current_database()
"""


def too_old(major: int) -> str | None:
    """What is said of a version that LOOK cannot be asked of; None of those that it can."""
    if major >= OLDEST:
        return None
    return f"it is PostgreSQL {major}, and the oldest that can be asked is {OLDEST}"


def slow_statements(schema: str, version: int) -> str:
    """The slowest statements of this database. Only those whose literals are parameters there: others keep passwords."""
    mean = "mean_exec_time" if version >= 130_000 else "mean_time"
    return f"""
SELECT calls, {mean} / 1000 AS seconds, left(query, 400) AS text FROM {schema}.pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND query ~* '^\\s*(select|insert|update|delete|merge|with)\\M' AND calls > 0
ORDER BY {mean} DESC, queryid LIMIT {MOST_STATEMENTS}"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a server. What its user may not see is None; `standbys` are (name, address, seconds behind)."""

    version: int
    standby: bool
    sees_others: bool
    usable: int
    connections: int
    active: int | None
    idle: int | None
    idle_in_transaction: int | None
    waiting: int | None
    slow: int | None
    longest_query: float | None
    longest_transaction: float | None
    blocks_hit: int
    blocks_read: int
    deadlocks: int
    size: int | None
    behind: float | None
    standbys: Sequence[tuple[str, str, float]] = ()

    @property
    def share(self) -> float:
        """The share of the connections that an ordinary user can get which is taken."""
        return min(1.0, self.connections / self.usable) if self.usable > 0 else 1.0


def facts(seen: Seen, hits: Hits, size: float | None) -> list[Fact]:
    """The facts of a look; what is not known is left out."""
    found: dict[str, float | None] = {
        "database.connections_active": seen.active,
        "database.connections_idle": seen.idle,
        "database.connections_idle_in_transaction": seen.idle_in_transaction,
        "database.connections_waiting": seen.waiting,
        "database.connections_share": seen.share,
        "database.slow_queries": seen.slow,
        "database.longest_query": seen.longest_query,
        "database.longest_transaction": seen.longest_transaction,
        "database.cache_hit_share": hits.share,
        "database.deadlocks": seen.deadlocks,
        "database.size": size,
        "database.replication_lag": seen.behind,
    }
    told = [Fact(name, float(value)) for name, value in found.items() if value is not None]
    return told + [Fact("database.replication_lag", behind, part) for part, behind in _parts(seen.standbys)]


@dataclass(frozen=True, slots=True)
class Hits:
    """The share of blocks found in memory, of the last thousand and more that were asked for; `hit` and `read` are where those began."""

    share: float | None
    hit: int
    read: int

    def memory(self) -> dict[str, Any]:
        """What the next look needs."""
        return {"hit": self.hit, "read": self.read, "share": self.share}


def hits(memory: Mapping[str, Any], hit: int, read: int) -> Hits:
    """The share by now: since the server began to count when nothing is remembered, or when it began anew."""
    before_hit, before_read = memory.get("hit"), memory.get("read")
    if not isinstance(before_hit, int) or not isinstance(before_read, int) or before_hit > hit or before_read > read:
        return Hits(hit / (hit + read) if hit + read else None, hit, read)
    asked = hit - before_hit + read - before_read
    if asked < FEWEST_BLOCKS:
        return Hits(memory.get("share"), before_hit, before_read)
    return Hits((hit - before_hit) / asked, hit, read)


def number_of(text: str) -> float | None:
    """The number in a row of one column, given as JSON; None for NULL, ValueError says what else it is."""
    row = json.loads(text, object_pairs_hook=list)  # columns may share a name
    if len(row) != 1:
        raise ValueError(f"the query must answer one column, it answers {len(row)}")
    value = row[0][1]
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 (what a person reads)
            f"the query must answer a number, it answers {json.dumps(value)[:100]}"
        )
    if not math.isfinite(value):
        raise ValueError("the query must answer a finite number")
    return float(value)


def statement_line(calls: int, mean_seconds: float, text: str) -> str:
    """A statement with its average, on one line."""
    said = " ".join(text.split())
    shown = said if len(said) <= STATEMENT_LENGTH else said[: STATEMENT_LENGTH - 1] + "…"
    return f"{mean_seconds * 1000:.1f} ms on average, {calls} calls: {shown}"


def version_name(number: int) -> str:
    """The name of a version, as in 15.14 for 150014."""
    return f"{number // 10_000}.{number % 10_000}" if number >= 100_000 else f"{number // 10_000}.{number // 100 % 100}"


def _parts(standbys: Sequence[tuple[str, str, float]]) -> Iterator[tuple[str, float]]:
    """Standbys by name; of those that share one, by name and address."""
    names = Counter(name for name, _, _ in standbys)
    for name, address, behind in standbys[:MOST_STANDBYS]:
        yield (name if names[name] == 1 else f"{name} at {address}"), behind
