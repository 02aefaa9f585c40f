"""Which series there are: what the process knows of them, and how new ones come into the tables.

The way of a known point asks nobody: its attributes lead to its series in a dictionary. A new series is looked up or
inserted, once, within the bound of its key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import orjson
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from century.core.actor import Actor
from century.core.ids import new_id
from century.core.work import Work, Works
from century.telemetry.batch import Batch, Discovery
from century.telemetry.block import I4, Block
from century.telemetry.identity import LONGEST_NAME, Stream, is_internal
from century.telemetry.named_series import Names
from century.telemetry.otlp import Catalogue

logger = logging.getLogger("century.telemetry")

MOST_SERIES = 10_000
MOST_SERVICES = 1_000
ACTIVE = timedelta(hours=24)
MOST_REMEMBERED = 100_000
SEEN_SERVICE_SECONDS = 60
SEEN_SERIES_SECONDS = 3_600

SERVICES = f"there are {MOST_SERVICES} services already, and no more are taken"

INSERT_SERVICES = text("""
    INSERT INTO service (uid, name, first_seen_at, last_seen_at)
    SELECT uid, name, :now, :now FROM unnest(CAST(:uids AS uuid[]), CAST(:names AS text[])) AS new (uid, name)
    ON CONFLICT (name) DO NOTHING RETURNING uid, name""")
SELECT_SERVICES = text("SELECT id, name FROM service WHERE name = ANY(CAST(:names AS text[]))")
COUNT_SERVICES = text("SELECT count(*) FROM service")
INSERT_METRICS = text("""
    INSERT INTO metric (service_id, name, unit, kind, monotonic, description)
    SELECT * FROM unnest(CAST(:services AS int[]), CAST(:names AS text[]), CAST(:units AS text[]),
                         CAST(:kinds AS text[]), CAST(:monotonic AS bool[]), CAST(:descriptions AS text[]))
    ON CONFLICT (service_id, name) DO NOTHING""")
SELECT_METRICS = text("""
    SELECT metric.id, metric.service_id, metric.name, metric.kind
    FROM metric JOIN unnest(CAST(:services AS int[]), CAST(:names AS text[])) AS asked (service_id, name)
    USING (service_id, name)""")
SELECT_SERIES = text("""
    SELECT series.id, series.service_id, series.fingerprint
    FROM series JOIN unnest(CAST(:services AS int[]), CAST(:fingerprints AS bytea[])) AS asked (service_id, fingerprint)
    USING (service_id, fingerprint)""")
COUNT_SERIES = text("SELECT count(*) FROM series WHERE key_id IS NOT DISTINCT FROM :key AND last_seen_at > :since")
INSERT_SERIES = text("""
    INSERT INTO series (service_id, metric_id, key_id, fingerprint, attributes, created_at, last_seen_at, form, bounds)
    SELECT service_id, metric_id, :key, fingerprint, CAST(attributes AS jsonb), :now, :now, form,
           (SELECT array_agg(CAST(bound AS float8)) FROM jsonb_array_elements_text(CAST(bounds AS jsonb)) AS bound)
    FROM unnest(CAST(:services AS int[]), CAST(:metrics AS int[]), CAST(:fingerprints AS bytea[]),
                CAST(:attributes AS text[]), CAST(:forms AS text[]), CAST(:bounds AS text[]))
         AS new (service_id, metric_id, fingerprint, attributes, form, bounds)
    ON CONFLICT (service_id, fingerprint) DO NOTHING""")
LOCK_KEY = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 7))")
REFUSE = text("UPDATE service SET refused_series = refused_series + :count WHERE id = :id")
# Another process may be at the same rows: whoever comes second leaves them.
SEE_SERVICES = text("""
    UPDATE service SET last_seen_at = greatest(last_seen_at, :now)
    WHERE id IN (SELECT id FROM service WHERE id = ANY(CAST(:ids AS int[])) FOR UPDATE SKIP LOCKED)""")
SEE_SERIES = text("""
    UPDATE series SET last_seen_at = greatest(last_seen_at, :now)
    WHERE id IN (SELECT id FROM series WHERE id = ANY(CAST(:ids AS int[])) FOR UPDATE SKIP LOCKED)""")

Fingerprint = tuple[int, bytes]


def over(bound: int) -> str:
    """Why no more series are taken."""
    return f"a key may have {bound} active series, and this one has as many; the new ones are not kept"


class Registry:
    """What this process knows of services and series."""

    def __init__(self, works: Works) -> None:
        self.works = works
        self.catalogue = Catalogue()
        self.names = Names()
        self.services: dict[str, int] = {}
        self._lock = asyncio.Lock()
        self._refused: set[Fingerprint] = set()
        self._service_seen: dict[int, float] = {}
        self._series_seen = np.zeros(1024, np.int64)
        self._tasks: set[asyncio.Task[None]] = set()

    async def settle(self, batch: Batch, actor: Actor, bound: int | None = None) -> Batch:
        """The batch with a series for every point; the points of series over the bound (the usual one) are refused and counted."""
        if not batch.discoveries:
            return batch
        used = {-int(each) for part in _series(batch.block) for each in np.unique(part[part < 0])}
        used |= {-each.series for each in batch.exemplars if each.series < 0}
        found: dict[int, int] = {}
        async with self._lock:
            # Another request may have settled some while this one waited.
            asked = {}
            for place, each in enumerate(batch.discoveries):
                if place + 1 in used:
                    known = each.stream.ids.get(each.key)
                    if known:
                        found[place] = known
                    else:
                        asked[place] = each
            reasons: dict[int, str] = {}
            if asked:
                async with self.works.begin(actor) as work:
                    settled, reasons = await self._insert(work, asked, actor.credential, bound or MOST_SERIES)
                for place, series in settled.items():
                    discovery = batch.discoveries[place]
                    discovery.stream.ids[discovery.key] = series
                    self.catalogue.size += 1
                found.update(settled)
        for place, count in batch.lost(list(reasons)).items():
            batch.refusals.add(batch.discoveries[place].stream.metric, reasons[place], count)
        for traced in batch.exemplars:
            place = -traced.series - 1
            if place in reasons:
                batch.refusals.remark(batch.discoveries[place].stream.metric, reasons[place])
        return batch.settle([found.get(place, 0) for place in range(len(batch.discoveries))])

    async def know(self, names: Iterable[str], actor: Actor) -> None:
        """Have the numbers of these services in `services`."""
        missing = [name for name in names if name not in self.services]
        if missing:
            async with self.works.begin(actor) as work:
                found = await self.enter(work, missing)
            if len(self.services) > 2 * MOST_SERVICES:
                self.services.clear()
            self.services.update(found)

    async def enter(self, work: Work, names: Iterable[str]) -> dict[str, int]:
        """The numbers of services by name; the new ones are entered while there is room."""
        asked = sorted({name for name in names})
        rows = await work.rows(SELECT_SERVICES, {"names": asked})
        found = {row.name: row.id for row in rows}
        missing = [name for name in asked if name not in found]
        if missing:
            await work.execute(LOCK_KEY, {"key": "services"})
            room = MOST_SERVICES - await work.scalar(COUNT_SERVICES)
            uids = [new_id(work.now) for _ in missing[: max(0, room)]]
            parameters = {"uids": uids, "names": missing[: len(uids)], "now": work.now}
            for row in await work.rows(INSERT_SERVICES, parameters):
                if not is_internal(row.name):
                    work.record("service.discovered", row.uid, subject_name=row.name[:LONGEST_NAME])
            found |= {row.name: row.id for row in await work.rows(SELECT_SERVICES, {"names": missing})}
        return found

    async def _insert(
        self, work: Work, asked: dict[int, Discovery], key: UUID | None, bound: int
    ) -> tuple[dict[int, int], dict[int, str]]:
        reasons: dict[int, str] = {}
        services = await self.enter(work, (each.stream.service for each in asked.values()))
        metrics = await self._metrics(work, services, [each.stream for each in asked.values()])
        wanted: dict[Fingerprint, Discovery] = {}
        prints: dict[int, Fingerprint] = {}
        for place, each in asked.items():
            service = services.get(each.stream.service)
            if service is None:
                reasons[place] = SERVICES
                continue
            _, kind = metrics[service, each.stream.metric]
            if kind != each.stream.kind:
                reasons[place] = f"it was a {kind} when first seen and cannot become a {each.stream.kind}"
                continue
            prints[place] = (service, each.stream.fingerprint(each.attributes))
            wanted[prints[place]] = each
        known = await self._known(work, wanted)
        new = [each for each in wanted if each not in known]
        if new:
            await work.execute(LOCK_KEY, {"key": str(key)})
            active = await work.scalar(COUNT_SERIES, {"key": key, "since": work.now - ACTIVE})
            room = max(0, bound - active)
            if room:
                await self._enter_series(work, key, {each: wanted[each] for each in new[:room]}, metrics)
                known |= await self._known(work, new)
            await self._count_refused(work, [each for each in new[room:] if each not in known])
        settled = {}
        for place, fingerprint in prints.items():
            if fingerprint in known:
                settled[place] = known[fingerprint]
            else:
                reasons[place] = over(bound)
        return settled, reasons

    async def _metrics(
        self, work: Work, services: dict[str, int], streams: list[Stream]
    ) -> dict[tuple[int, str], tuple[int, str]]:
        by_name = {(services[each.service], each.metric): each for each in streams if each.service in services}
        # In one order everywhere, so that two processes cannot wait for each other.
        places = sorted(by_name)
        columns: dict[str, list[Any]] = {
            "services": [service for service, _ in places],
            "names": [name for _, name in places],
            "units": [by_name[each].unit for each in places],
            "kinds": [str(by_name[each].kind) for each in places],
            "monotonic": [by_name[each].monotonic for each in places],
            "descriptions": [by_name[each].description for each in places],
        }
        asked = {"services": columns["services"], "names": columns["names"]}
        rows = await work.rows(SELECT_METRICS, asked)
        if len(rows) < len(places):
            await work.execute(INSERT_METRICS, columns)
            rows = await work.rows(SELECT_METRICS, asked)
        return {(row.service_id, row.name): (row.id, row.kind) for row in rows}

    async def _known(self, work: Work, wanted: Iterable[Fingerprint]) -> dict[Fingerprint, int]:
        asked = list(wanted)
        rows = await work.rows(
            SELECT_SERIES, {"services": [each[0] for each in asked], "fingerprints": [each[1] for each in asked]}
        )
        return {(row.service_id, bytes(row.fingerprint)): row.id for row in rows}

    async def _enter_series(
        self,
        work: Work,
        key: UUID | None,
        new: dict[Fingerprint, Discovery],
        metrics: dict[tuple[int, str], tuple[int, str]],
    ) -> None:
        prints = sorted(new)
        each = [new[fingerprint] for fingerprint in prints]
        await work.execute(
            INSERT_SERIES,
            {
                "key": key,
                "now": work.now,
                "services": [service for service, _ in prints],
                "metrics": [
                    metrics[service, one.stream.metric][0] for (service, _), one in zip(prints, each, strict=True)
                ],
                "fingerprints": [fingerprint for _, fingerprint in prints],
                "attributes": [orjson.dumps(one.stream.shown(one.attributes)).decode() for one in each],
                "forms": [str(one.stream.form) for one in each],
                "bounds": [
                    None if one.stream.bounds is None else orjson.dumps(one.stream.bounds).decode() for one in each
                ],
            },
        )

    async def _count_refused(self, work: Work, refused: list[Fingerprint]) -> None:
        if len(self._refused) > MOST_REMEMBERED:
            self._refused.clear()
        counts: dict[int, int] = {}
        for each in refused:
            if each not in self._refused:
                self._refused.add(each)
                counts[each[0]] = counts.get(each[0], 0) + 1
        for service, count in sorted(counts.items()):
            await work.execute(REFUSE, {"count": count, "id": service})

    def seen(self, blocks: list[tuple[int, Block]], now: datetime) -> None:
        """Note when services and series were last heard of: a service each minute, a series each hour at most."""
        second = int(now.timestamp())
        services: set[int] = set()
        series: set[int] = set()
        for service, whole in blocks:
            if self._service_seen.get(service, 0) <= second - SEEN_SERVICE_SECONDS:
                self._service_seen[service] = second
                services.add(service)
            for part in _series(whole):
                series.update(self._stale(part, second))
        if services or series:
            task = asyncio.create_task(self._see(sorted(services), sorted(series)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Finish what is being noted."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _stale(self, part: I4, second: int) -> list[int]:
        if not len(part):
            return []
        most = int(part.max())
        if most >= len(self._series_seen):
            self._series_seen = np.concatenate((self._series_seen, np.zeros(most, np.int64)))
        stale: list[int] = part[self._series_seen[part] <= second - SEEN_SERIES_SECONDS].tolist()
        self._series_seen[stale] = second
        return stale

    async def _see(self, services: list[int], series: list[int]) -> None:
        try:
            async with self.works.begin() as work:
                await work.execute(SEE_SERVICES, {"now": work.now, "ids": services})
                await work.execute(SEE_SERIES, {"now": work.now, "ids": series})
        except (OSError, SQLAlchemyError) as error:
            logger.warning("when series were last heard of was not noted: %s", type(error).__name__)


def _series(block: Block) -> tuple[I4, I4, I4]:
    return block.numbers.series, block.sketches.series, block.explicits.series
