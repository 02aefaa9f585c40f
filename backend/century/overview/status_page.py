"""The status page: read as a whole, kept for a moment, and shown for a while yet when the database is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from century.alerts.maintained import Held, Maintainable, maintained
from century.core.errors import Unavailable
from century.core.timerange import TimeRange
from century.core.work import Work, Works
from century.overview import announcements, status_items
from century.overview.showing import Document
from century.overview.standings import (
    Chosen,
    OpenAlert,
    Served,
    Watched,
    days_served,
    first_day,
    shown_service,
    shown_watched,
)
from century.overview.status import SHOWN_DAYS, Snapshot, StatusGroup, StatusItem, StatusKind
from century.probes import beat_kept, kept
from century.probes.uptime import Days, Ranges, reads, spans
from century.rules.outside_subjects import HEARTBEAT, PROBE, of_heartbeat, of_probe
from century.rules.severity import Severity
from century.telemetry import load
from century.telemetry.health import Health
from century.telemetry.live import AWAY
from century.telemetry.query import Reader

logger = logging.getLogger(__name__)

KEPT_SECONDS = 10.0
STALE_SECONDS = 300.0
PATIENCE = 5.0
AGAIN_SECONDS = 2.0
"""So long after it could not be read, nobody waits for another attempt."""

OPEN = text("SELECT service, attributes, severity, opened_at FROM alert WHERE state IN ('firing', 'acknowledged')")
CRITICAL = text("""
    SELECT service, opened_at, resolved_at FROM alert
    WHERE severity = 'critical' AND state <> 'pending' AND service = ANY(:names) AND opened_at < :now
        AND (resolved_at IS NULL OR resolved_at > :since)""")


@dataclass(frozen=True, slots=True)
class Shown:
    """What was read; `stale` when it could not be read again since."""

    snapshot: Snapshot
    stale: bool


class StatusPages:
    """One a server: the page is read by one request at a time, and kept for ten seconds."""

    def __init__(self, works: Works, reader: Reader) -> None:
        self._works = works
        self._reader = reader
        self._reading = asyncio.Lock()
        self._kept: Snapshot | None = None
        self._kept_at = self._fresh_until = self._again_at = float("-inf")
        self._written: dict[str, tuple[Shown, Document]] = {}

    def forget(self) -> None:
        """What is shown was changed: read it anew."""
        self._fresh_until = self._again_at = float("-inf")

    async def fresh(self) -> Snapshot:
        """The page as it is now."""
        return await read(self._works, self._reader)

    async def shown(self) -> Shown:
        """The page as it was at most ten seconds ago, or while it cannot be read, five minutes; Unavailable."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            is_new = now < self._fresh_until or (now >= self._again_at and await self._again(now))
            if self._kept is None or now - self._kept_at >= STALE_SECONDS:
                raise Unavailable("the status cannot be read at the moment", 30)
            return Shown(self._kept, stale=not is_new)

    async def written(self, name: str, shown: Shown, write: Callable[[Snapshot, bool], Document]) -> Document:
        """A document of what is shown, written once for all who ask until it changes."""
        known = self._written.get(name)
        if known is not None and known[0].snapshot is shown.snapshot and known[0].stale == shown.stale:
            return known[1]
        made = await asyncio.to_thread(write, shown.snapshot, shown.stale)
        self._written[name] = shown, made
        return made

    async def _again(self, now: float) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                self._kept = await self.fresh()
        except (*AWAY, TimeoutError) as error:
            logger.warning("the status page could not be read: %s", type(error).__name__)
            self._again_at = now + AGAIN_SECONDS
            return False
        self._kept_at, self._fresh_until = now, now + KEPT_SECONDS
        return True


async def read(works: Works, reader: Reader) -> Snapshot:
    """Everything that the page shows, as it is now."""
    async with works.read() as work:
        now = work.now
        page = await status_items.page(work)
        by_kind = {kind: [each for each in page.chosen if each.kind is kind] for kind in StatusKind}
        said = await announcements.announcements(work)
        alerts = await _open_alerts(work) if page.chosen else []
        within = TimeRange(first_day(now), now)
        watched = [
            *await _probes(work, by_kind[StatusKind.PROBE], alerts, within),
            *await _heartbeats(work, by_kind[StatusKind.HEARTBEAT], alerts, within),
        ]
        services = by_kind[StatusKind.SERVICE]
        critical = await _critical(work, services, within)
        held = await maintained(work, [Maintainable(each.id, each.source, each.source) for each in services], within)
    # Long ledgers of many take a while, and others are served meanwhile.
    found = await asyncio.to_thread(lambda: {each.id: shown_watched(each, known, now) for each, known in watched})
    for each, (health, stood) in await _served(works, reader, services, held, within):
        mine = [alert for alert in alerts if alert.service == each.source]
        found[each.id] = shown_service(
            each, Served(health, *stood, critical.get(each.source, []), mine, held[each.id]), now
        )
    incidents = sorted(
        (each for _, mine in found.values() for each in mine), key=lambda each: each.started_at, reverse=True
    )
    return Snapshot(
        page.published, page.title, page.text, now, _groups(page.chosen, found), tuple(said), tuple(incidents)
    )


def _groups(chosen: Sequence[Chosen], found: Mapping[UUID, tuple[StatusItem, Any]]) -> tuple[StatusGroup, ...]:
    """The groups in their order. What there is no more is not shown."""
    by_name: dict[str, list[StatusItem]] = {}
    for each in chosen:
        if each.id in found:
            by_name.setdefault(each.group, []).append(found[each.id][0])
    return tuple(StatusGroup(name, tuple(items)) for name, items in by_name.items())


async def _open_alerts(work: Work) -> list[OpenAlert]:
    return [
        OpenAlert(row.service, row.attributes, Severity(row.severity), row.opened_at) for row in await work.rows(OPEN)
    ]


async def _critical(work: Work, services: Sequence[Chosen], within: TimeRange) -> dict[str, Ranges]:
    if not services:
        return {}
    names = [each.source for each in services]
    found: dict[str, list[tuple[datetime, datetime]]] = {}
    for row in await work.rows(CRITICAL, {"names": names, "since": within.start, "now": within.end}):
        found.setdefault(row.service, []).append((row.opened_at, row.resolved_at or within.end))
    return dict(found)


def _ids(chosen: Sequence[Chosen]) -> dict[UUID, Chosen]:
    return {UUID(each.source): each for each in chosen}


async def _probes(
    work: Work, chosen: Sequence[Chosen], alerts: Sequence[OpenAlert], within: TimeRange
) -> list[tuple[Chosen, Watched]]:
    by_id = _ids(chosen)
    known = await kept.by_ids(work, by_id)
    stand, moves = await kept.now_of(work, known), await kept.changes(work, known, within.start)
    subjects = {each.id: of_probe(each.name, each.kind.value, each.service, each.labels) for each in known.values()}
    held = await maintained(work, [Maintainable.of(*each) for each in subjects.items()], within)
    return [
        (
            by_id[number],
            Watched(
                reads(stand[number].now.state), stand[number].now.since, spans(moves[number], within, within.end),
                [each for each in alerts if each.attributes.get(PROBE) == probe.name], held[number],
            ),
        )
        for number, probe in known.items()
        if number in stand
    ]  # fmt: skip


async def _heartbeats(
    work: Work, chosen: Sequence[Chosen], alerts: Sequence[OpenAlert], within: TimeRange
) -> list[tuple[Chosen, Watched]]:
    by_id = _ids(chosen)
    known = await beat_kept.by_ids(work, by_id)
    moves = await beat_kept.changes(work, known, within.start)
    subjects = {each.id: of_heartbeat(each.name, each.service, each.labels) for each in known.values()}
    held = await maintained(work, [Maintainable.of(*each) for each in subjects.items()], within)
    return [
        (
            by_id[number],
            Watched(
                # A run that goes on says nothing yet about the one that failed before it.
                reads(beat.beat.ledger), moves[number][-1].at if moves[number] else beat.beat.since,
                spans(moves[number], within, within.end),
                [each for each in alerts if each.attributes.get(HEARTBEAT) == beat.name], held[number],
            ),
        )
        for number, beat in known.items()
    ]  # fmt: skip


async def _served(
    works: Works, reader: Reader, chosen: Sequence[Chosen], held: Held, within: TimeRange
) -> list[tuple[Chosen, tuple[Health, tuple[Days, float | None]]]]:
    if not chosen:
        return []
    by_name = {each.name: each for each in await load.services(works)}
    mine = [(each, by_name[each.source]) for each in chosen if each.source in by_name]
    healths = await load.healths(works, reader, [service for _, service in mine])
    away = {service.id: held[each.id] for each, service in mine}
    stood = await load.availability(works, reader, away, within, SHOWN_DAYS)
    return [
        (each, (health, days_served(stood[service.id])))
        for (each, service), health in zip(mine, healths, strict=True)
    ]  # fmt: skip
