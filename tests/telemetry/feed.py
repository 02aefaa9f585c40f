"""Known load, put straight into blocks, with its raw values at hand to compare answers with."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import insert, select, update

from century.core.ids import new_id
from century.core.work import Works
from century.telemetry import block, sketch
from century.telemetry.block import Block, Explicits, Numbers, Sketches
from century.telemetry.hour import REQUESTS
from century.telemetry.instants import instant, nanoseconds
from century.telemetry.tables import BlockRow, MetricRow, SeriesRow, ServiceRow

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


@dataclass
class Feed:
    """A service whose points are made by hand."""

    works: Works
    service: int
    metrics: dict[str, int] = field(default_factory=dict)
    fingerprints: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    async def new(cls, works: Works, name: str = "shop") -> Feed:
        async with works.begin() as work:
            row = insert(ServiceRow).values(
                uid=new_id(work.now), name=name, first_seen_at=work.now, last_seen_at=work.now
            )
            return cls(works, await work.scalar(row.returning(ServiceRow.id)))

    async def series(
        self, metric: str = REQUESTS, *, form: str = "sketch", kind: str = "histogram", unit: str = "s",
        bounds: list[float] | None = None, monotonic: bool = True, **attributes: str,
    ) -> int:  # fmt: skip
        """A new series; attributes are named with __ for each dot."""
        async with self.works.begin() as work:
            if metric not in self.metrics:
                made = insert(MetricRow).values(
                    service_id=self.service, name=metric, unit=unit, kind=kind, monotonic=monotonic, description=""
                )
                self.metrics[metric] = await work.scalar(made.returning(MetricRow.id))
            row = insert(SeriesRow).values(
                service_id=self.service, metric_id=self.metrics[metric], form=form, bounds=bounds,
                fingerprint=next(self.fingerprints).to_bytes(16, "big"), created_at=work.now, last_seen_at=work.now,
                attributes={key.replace("__", "."): value for key, value in attributes.items()},
            )  # fmt: skip
            return int(await work.scalar(row.returning(SeriesRow.id)))

    async def send(self, given: Block) -> None:
        """Store points as the ingest does: a block for each hour."""
        async with self.works.begin() as work:
            for start, part in block.by_hour(given):
                first, last = block.span(part)
                await work.execute(
                    insert(BlockRow).values(
                        service_id=self.service, digest=os.urandom(16), received_at=work.now, first_at=instant(first),
                        last_at=instant(last), hour=instant(start), points=part.points, columns=block.encode(part),
                    )
                )  # fmt: skip
            await work.execute(
                update(ServiceRow).where(ServiceRow.id == self.service).values(
                    first_seen_at=select(ServiceRow.first_seen_at).where(ServiceRow.id == self.service).scalar_subquery()
                )
            )  # fmt: skip

    async def seen_from(self, at: datetime) -> None:
        """Say when the service was first heard of."""
        async with self.works.begin() as work:
            await work.execute(update(ServiceRow).where(ServiceRow.id == self.service).values(first_seen_at=at))


def numbers(series: int, at: list[int], value: list[float], start: list[int] | None = None) -> Block:
    """Points of a number series; times in nanoseconds."""
    made = block.section(Numbers, series=[series] * len(at), at=at, start=start or [0] * len(at), value=value)
    return Block(made, block.section(Sketches), block.section(Explicits))


def sketches(
    series: int, at: list[int], values: list[np.ndarray], scale: int = 6, start: list[int] | None = None
) -> Block:
    """One exponential histogram a time, of raw values above zero (or none)."""
    parts = [sketch.index_of(each, scale) for each in values]
    offset = [int(part.min()) if len(part) else 0 for part in parts]
    counts = [
        np.bincount(part - first) if len(part) else np.zeros(0) for part, first in zip(parts, offset, strict=True)
    ]
    made = block.section(
        Sketches, series=[series] * len(at), at=at, start=start or [0] * len(at), count=[len(each) for each in values],
        sum=[float(each.sum()) for each in values], low=[each.min() if len(each) else np.nan for each in values],
        high=[each.max() if len(each) else np.nan for each in values], scale=[scale] * len(at), zero=[0] * len(at),
        offset=offset, width=[len(each) for each in counts], counts=np.concatenate(counts) if counts else (),
    )  # fmt: skip
    return Block(block.section(Numbers), made, block.section(Explicits))


def explicits(
    series: int, at: list[int], values: list[np.ndarray], bounds: list[float], start: list[int] | None = None
) -> Block:
    """One explicit-bucket histogram a time."""
    counts = [np.bincount(np.searchsorted(bounds, each, side="left"), minlength=len(bounds) + 1) for each in values]
    made = block.section(
        Explicits, series=[series] * len(at), at=at, start=start or [0] * len(at), count=[len(each) for each in values],
        sum=[float(each.sum()) for each in values], low=[each.min() if len(each) else np.nan for each in values],
        high=[each.max() if len(each) else np.nan for each in values], width=[len(bounds) + 1] * len(at),
        counts=np.concatenate(counts),
    )  # fmt: skip
    return Block(block.section(Numbers), block.section(Sketches), made)


def times(begin: datetime, duration: timedelta, every: float = 10) -> list[int]:
    """Instants from `begin` on, in nanoseconds."""
    first = nanoseconds(begin)
    return [first + int(number * every * SECOND) for number in range(int(duration.total_seconds() / every))]
