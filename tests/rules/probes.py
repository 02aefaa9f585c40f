"""Probes as their rows, without anybody who asks: how they stand is what a test says."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert

from century.core.actor import INTERNAL
from century.core.ids import new_id
from century.probes.tables import ChangeRow, NowRow, ProbeRow, WorkerRow
from century.rules.change import Change
from century.rules.probe_source import ProbeSource
from century.rules.service import Rulebook
from century.rules.signals import Sources
from century.telemetry.instants import nanoseconds
from century.telemetry.query import Reader
from century.telemetry.receive import keep
from century.telemetry.samples import Recorder, Sample
from century.telemetry.service import Telemetry
from tests.world import World

Told = tuple[str, float] | tuple[str, float, str]


class Probes:
    """Probes, a worker, and a rulebook over them."""

    def __init__(self, world: World) -> None:
        self.world, self.works = world, world.works
        self.ids: dict[str, UUID] = {}
        self.source = ProbeSource(self.works, Reader(self.works.engine))
        self.book = Rulebook(self.works, Sources([self.source]))

    async def make(self, name: str, kind: str = "http", **changes: Any) -> UUID:
        """A probe that nobody has asked yet."""
        probe = self.ids[name] = new_id(self.works.clock.now())
        async with self.works.begin() as work:
            values = {
                "id": probe, "name": name, "kind": kind, "enabled": True, "settings": {}, "secrets": None,
                "service": None, "labels": {}, "parent_id": None, "interval_s": 10.0, "timeout_s": 5.0, "retry_s": 5.0,
                "failures": 3, "successes": 2, "runs_on": None, "shard": 0, "version": 1, "created_at": work.now,
                "updated_at": work.now, "updated_by_id": None, "updated_by_name": "", **changes,
            }  # fmt: skip
            await work.execute(insert(ProbeRow).values(values))
            await work.execute(
                insert(NowRow).values(
                    probe_id=probe, state="unknown", since=work.now, streak=0, streak_ok=False, message="", facts=[],
                    memory={}, recent=b"", updated_at=work.now,
                )
            )  # fmt: skip
        return probe

    async def found(
        self, name: str, state: str = "up", *facts: Told, ok: bool | None = None, latency: float | None = 0.1,
        message: str = "",
    ) -> None:  # fmt: skip
        """A check found this just now."""
        ok = state == "up" if ok is None else ok
        told = [dict(zip(("name", "value", "part"), each, strict=False)) for each in facts]
        async with self.works.begin() as work:
            await work.execute(
                update(NowRow)
                .where(NowRow.probe_id == self.ids[name])
                .values(
                    state=state, checked_at=work.now, ok=ok, latency=latency if ok else None, facts=told,
                    message=message, updated_at=work.now,
                )
            )  # fmt: skip
            await work.execute(
                upsert(ChangeRow)
                .values(probe_id=self.ids[name], at=work.now, state="up" if state == "doubtful" else state, reason="")
                .on_conflict_do_nothing()
            )

    async def change(self, probe: str, **values: Any) -> None:
        async with self.works.begin() as work:
            await work.execute(
                update(ProbeRow).where(ProbeRow.id == self.ids[probe]).values(updated_at=work.now, **values)
            )

    async def remove(self, name: str) -> None:
        async with self.works.begin() as work:
            await work.execute(delete(ProbeRow).where(ProbeRow.id == self.ids[name]))

    async def worker(
        self, host: str = "one", *, connected: bool = True, since: datetime | None = None, reason: str | None = None
    ) -> None:
        """A worker was seen just now."""
        async with self.works.begin() as work:
            row = {
                "host": host, "seen_at": work.now, "connected": connected, "since": since or work.now - timedelta(days=1),
                "reason": reason, "checks_per_second": 0.0, "lateness": 0.0,
            }  # fmt: skip
            await work.execute(
                upsert(WorkerRow).values(name=host, **row).on_conflict_do_update(index_elements=["name"], set_=row)
            )

    async def sampled(self, name: str, metric: str, values: Iterable[float], every: float = 10, part: str = "") -> None:
        """Samples of a fact, the last one now."""
        told, now = list(values), nanoseconds(self.works.clock.now())
        attributes = (("probe.id", str(self.ids[name])), *((("part", part),) if part else ()))
        samples = [
            Sample(
                "century/probes-0", metric, "1", now - int((len(told) - 1 - number) * every * 1e9), value, attributes
            )
            for number, value in enumerate(told)
        ]
        telemetry = Telemetry(self.world.settings, self.works)
        await telemetry.start()
        await keep(
            telemetry.registry, telemetry.committer, INTERNAL, Recorder().batch(samples), os.urandom(32),
            self.works.clock.now(),
        )  # fmt: skip
        await telemetry.stop()

    async def look(self, *, everything: bool = False) -> list[str]:
        """What changed of what moved, or of all."""
        now = self.works.clock.now()
        only = None if everything else await self.source.news(now)
        return await self.settled(await self.book.measured(self.source, now, only))

    async def settled(self, changes: list[Change]) -> list[str]:
        """What moved, as text; and it is kept."""
        async with self.works.begin() as work:
            kept = await self.book.settle(work, changes)
        return [
            f"{each.subject.text} {each.after.standing}" + (f": {each.reason}" if each.reason else "")
            for each in kept if each.moved
        ]  # fmt: skip
