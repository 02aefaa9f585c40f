"""Everything that `/metrics` shows: how Century itself does, and how what it watches does.

Each part is asked for by itself and given two seconds: what does not answer is left out and said so, and never a failure.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import Row, text

from century.core.bus import PREFIX
from century.core.clock import SystemClock
from century.core.work import Work, Works
from century.overview.exposition import Family, bounded, gauge, media_of, merge, render
from century.overview.self_metrics import process_name, told
from century.telemetry import load
from century.telemetry.health import Health
from century.telemetry.live import AWAY
from century.telemetry.query import Reader

logger = logging.getLogger(__name__)

KEPT_SECONDS = 1.0
FIGURES_KEPT_SECONDS = 5.0
PATIENCE = 2.0
AT_ONCE = 4
CYCLE_KEY = f"{PREFIX}worker:cycle"
CYCLE_FRESH_SECONDS = 15.0
WORKER_SEEN = timedelta(seconds=60)

ALERT_STATES = ("pending", "firing", "acknowledged")
SEVERITIES = ("critical", "warning", "info")
HEALTH_LEVELS = {Health.SILENT: 0, Health.UNHEALTHY: 1, Health.DEGRADED: 2, Health.HEALTHY: 3}
# While it is BLOCKED, UNKNOWN or PAUSED nothing is said of a probe.
PROBE_UP = {"up": 1.0, "doubtful": 1.0, "down": 0.0}
HEARTBEAT_UP = {"up": 1.0, "running": 1.0, "late": 0.0, "failed": 0.0, "overdue": 0.0}

ALERTS = text("SELECT state, severity, count(*) AS number FROM alert WHERE state <> 'resolved' GROUP BY 1, 2")
RULES = text("SELECT count(*) FROM rule WHERE enabled AND evaluation_error IS NOT NULL")
QUEUES = text("""
    SELECT 'notifications' AS queue, count(*) AS number, min(due_at) AS oldest FROM (
        SELECT due_at FROM notification WHERE delivery_id IS NULL AND state = 'waiting' AND due_at <= :now
        UNION ALL SELECT due_at FROM delivery WHERE state = 'waiting' AND due_at <= :now) AS waiting
    UNION ALL SELECT 'ladder', count(*), min(due_at) FROM alert WHERE due_at <= :now
    UNION ALL SELECT 'probes', count(*), min(due_at) FROM probe_due JOIN probe ON probe.id = probe_id
        WHERE enabled AND due_at <= :now AND (leased_until IS NULL OR leased_until <= :now)
    UNION ALL SELECT 'heartbeats', count(*), min(due_at) FROM heartbeat WHERE enabled AND due_at <= :now""")
WORKERS = text(
    "SELECT host, bool_and(connected) AS connected FROM probe_worker WHERE seen_at > :since GROUP BY host ORDER BY host"
)
PROBES = text("""
    SELECT name, kind, service, state, latency, facts
    FROM probe JOIN probe_now ON probe_id = probe.id WHERE enabled ORDER BY name""")
HEARTBEATS = text("SELECT name, state FROM heartbeat WHERE enabled ORDER BY name")


class Metrics:
    """One a server. An answer is kept for a second, and made by one request at a time; figures are kept for five."""

    def __init__(self, works: Works, reader: Reader) -> None:
        self._works = works
        self._reader = reader
        self._process = process_name("server")
        self._answering = asyncio.Lock()
        self._answers: dict[str, tuple[float, bytes]] = {}
        self._figures: dict[str, tuple[float, list[Family] | None]] = {}

    async def answer(self, accept: str) -> tuple[bytes, str]:
        """What is shown, in the format that is accepted, and its media type."""
        media = media_of(accept)
        async with self._answering:
            made_at, body = self._answers.get(media, (-KEPT_SECONDS, b""))
            now = asyncio.get_running_loop().time()
            if not body or now - made_at >= KEPT_SECONDS:
                # Ten thousand series take a tenth of a second, in which others are answered.
                body = await asyncio.to_thread(render, bounded(await self.families()), accept)
                self._answers = {media: (now, body)}
        return body, media

    async def families(self) -> list[Family]:
        """Every family, the most important first."""
        figures, processes = await asyncio.gather(self._read_figures(), self._read_processes())
        failed = [name for name, found in figures.items() if found is None]
        up = {"database": len(failed) < len(figures), **processes.up}
        return [
            gauge("century_build_info", "The version that runs.", [({"version": version("century")}, 1.0)]),
            gauge(
                "century_up", "Whether a part answers.", [({"part": part}, float(is_up)) for part, is_up in up.items()]
            ),
            *processes.families,
            gauge(
                "century_figures_failed",
                "Whether figures are missing here because the database did not tell them in time.",
                [({"figures": name}, float(name in failed)) for name in figures],
            ),
            *(family for found in figures.values() for family in found or ()),
        ]

    async def _read_processes(self) -> _Processes:
        snapshots: dict[str, Any] = {}
        cycle: float | None = None
        redis = True
        try:
            async with asyncio.timeout(PATIENCE):
                snapshots = await told(self._works.bus)
                said = await self._works.bus.redis.get(CYCLE_KEY)
                cycle = float(said) if said else None
        except (RedisError, OSError, TimeoutError):
            redis = False
        snapshots[self._process] = self._works.meters.snapshot()
        fresh = cycle is not None and SystemClock().now().timestamp() - cycle <= CYCLE_FRESH_SECONDS
        families = merge(snapshots)
        if cycle is not None:
            families.append(
                gauge("century_worker_cycle_timestamp_seconds", "When a worker last said it works.", [({}, cycle)])
            )
        return _Processes(families, {"redis": redis, "worker": fresh})

    async def _read_figures(self) -> dict[str, list[Family] | None]:
        readers: dict[str, Callable[[], Awaitable[list[Family]]]] = {
            "alerts": self._asked(_alerts),
            "rules": self._asked(_rules),
            "queues": self._asked(_queues),
            "workers": self._asked(_workers),
            "services": self._services,
            "heartbeats": self._asked(_heartbeats),
            "probes": self._asked(_probes),
        }
        # A few at a time, so that a scrape does not take the connections that people wait for.
        room = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(self._read(name, read, room) for name, read in readers.items()))
        return dict(zip(readers, found, strict=True))

    async def _read(
        self, name: str, read: Callable[[], Awaitable[list[Family]]], room: asyncio.Semaphore
    ) -> list[Family] | None:
        now = asyncio.get_running_loop().time()
        made_at, found = self._figures.get(name, (-FIGURES_KEPT_SECONDS, None))
        if now - made_at < FIGURES_KEPT_SECONDS:
            return found
        try:
            async with asyncio.timeout(PATIENCE), room:
                found = await read()
        except (*AWAY, TimeoutError) as error:
            logger.warning("the figures of %s could not be read: %s", name, type(error).__name__)
            found = None
        self._figures[name] = now, found
        return found

    def _asked(self, read: Callable[[Work], Awaitable[list[Family]]]) -> Callable[[], Awaitable[list[Family]]]:
        async def ask() -> list[Family]:
            async with self._works.read() as work:
                return await read(work)

        return ask

    async def _services(self) -> list[Family]:
        services = await load.services(self._works)
        found = list(zip(services, await load.standings(self._works, self._reader, services), strict=True))
        return [
            gauge(
                "century_service_health", "How a service is: 0 silent, 1 unhealthy, 2 degraded, 3 healthy.",
                [({"service": each.name}, float(HEALTH_LEVELS[health])) for each, (health, _) in found],
            ),
            gauge(
                "century_service_error_ratio", "The share of requests that failed in the last five minutes.",
                [({"service": each.name}, last.error_rate) for each, (_, last) in found if last.error_rate is not None],
            ),
            gauge(
                "century_service_latency_seconds", "Latency of requests in the last five minutes.",
                [
                    ({"service": each.name, "quantile": share}, value)
                    for each, (_, last) in found
                    for share, value in (("0.5", last.latency.p50), ("0.95", last.latency.p95), ("0.99", last.latency.p99))
                    if value is not None
                ],
            ),
        ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Processes:
    """What was told of the processes, and which parts answer."""

    families: list[Family]
    up: dict[str, bool]


async def _alerts(work: Work) -> list[Family]:
    counts = {(row.state, row.severity): row.number for row in await work.rows(ALERTS)}
    values = [
        ({"state": state, "severity": severity}, float(counts.get((state, severity), 0)))
        for state in ALERT_STATES
        for severity in SEVERITIES
    ]
    return [gauge("century_alerts", "Alerts that are not resolved.", values)]


async def _rules(work: Work) -> list[Family]:
    failing = float(await work.scalar(RULES))
    return [gauge("century_rules_failing", "Rules whose last evaluation failed.", [({}, failing)])]


async def _queues(work: Work) -> list[Family]:
    rows = await work.rows(QUEUES, {"now": work.now})
    waiting = [({"queue": row.queue}, float(row.number)) for row in rows]
    oldest = [({"queue": row.queue}, (work.now - row.oldest).total_seconds() if row.oldest else 0.0) for row in rows]
    return [
        gauge("century_queue_waiting", "What is due and not yet begun.", waiting),
        gauge("century_queue_oldest_seconds", "For how long the oldest of what is due has been due.", oldest),
    ]


async def _workers(work: Work) -> list[Family]:
    rows = await work.rows(WORKERS, {"since": work.now - WORKER_SEEN})
    values = [({"host": row.host}, float(row.connected)) for row in rows]
    return [gauge("century_probe_worker_connected", "Whether a worker's own network is there.", values)]


async def _heartbeats(work: Work) -> list[Family]:
    rows = await work.rows(HEARTBEATS)
    values = [({"heartbeat": row.name}, HEARTBEAT_UP[row.state]) for row in rows if row.state in HEARTBEAT_UP]
    return [gauge("century_heartbeat_up", "Whether a job reports as it should.", values)]


async def _probes(work: Work) -> list[Family]:
    rows = await work.rows(PROBES)
    up = [(_who(row), PROBE_UP[row.state]) for row in rows if row.state in PROBE_UP]
    latency = [(_who(row), row.latency) for row in rows if row.latency is not None]
    facts = [
        ({"probe": row.name, "name": fact["name"], "part": fact.get("part", "")}, float(fact["value"]))
        for row in rows
        for fact in _told(row.facts)
    ]
    return [
        gauge("century_probe_up", "Whether what a probe asks is up.", up),
        gauge("century_probe_latency_seconds", "How long the last check took.", latency),
        gauge("century_probe_fact", "What the last check found.", facts),
    ]


def _who(row: Row[Any]) -> dict[str, str]:
    return {"probe": row.name, "kind": row.kind, "service": row.service or ""}


def _told(facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in facts if each.get("value") is not None]
