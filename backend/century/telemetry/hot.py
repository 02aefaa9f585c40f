"""The hot hours: blocks that are not yet compacted, decoded once and kept at hand for as long as they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from century.telemetry import block
from century.telemetry.block import Block
from century.telemetry.instants import nanoseconds
from century.telemetry.raw import Connection

LIMIT = 64 << 20
"""How many bytes of decoded blocks one process keeps."""

Key = tuple[int, int]
"""A service and the start of an hour in nanoseconds."""


@dataclass(frozen=True, slots=True)
class HotHour:
    """The blocks (`numbers`: their ids) of a service's hour as one, its series, and when its last point was.

    They are `late` if the hour is compacted already. `made` holds what was made of it, by name; when blocks join, what was
    made `before` still holds for the time before `since`, when the first of their points was.
    """

    numbers: frozenset[int]
    points: Block
    series: tuple[int, ...]
    last_at: int
    late: bool
    size: int
    before: Mapping[str, Any] = field(default_factory=dict)
    since: int = 0
    made: dict[str, Any] = field(default_factory=dict)


class Hot:
    """A cache of blocks by service and hour. What is there is asked of the database every time; only bytes are cached."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._hours: OrderedDict[Key, HotHour] = OrderedDict()

    async def load(
        self, raw: Connection, services: Sequence[int], since: datetime | None, until: datetime
    ) -> dict[Key, HotHour]:
        """The blocks, by service and hour, of the hours from `since` (at the hour; none: all) to the one of `until`."""
        statement = (
            "SELECT service_id, hour, array_agg(id), EXISTS (SELECT FROM summary"
            " WHERE summary.service_id = block.service_id AND step = 60 AND start = hour)"
            " FROM block WHERE service_id = ANY($1::int[]) AND first_at < $2"
        )
        # Whole hours, so that a range that ends within one does not part what is cached of it.
        last = until.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        parameters: list[object] = [list(services), last]
        if since is not None:
            statement += " AND first_at >= $3"
            parameters.append(since)
        listed = await raw.fetch(statement + " GROUP BY 1, 2", *parameters)
        there = {(service, nanoseconds(hour)): frozenset(numbers) for service, hour, numbers, _ in listed}
        late = {(service, nanoseconds(hour)) for service, hour, _, kept in listed if kept}
        held: dict[Key, HotHour] = {}
        missing: dict[Key, frozenset[int]] = {}
        for key, numbers in there.items():
            old = self._hours.get(key)
            if old is not None and old.numbers <= numbers and old.late == (key in late):
                held[key] = old
                self._hours.move_to_end(key)
            if lacking := numbers - held[key].numbers if key in held else numbers:
                missing[key] = lacking
        fetched: dict[int, bytes] = {}
        if missing:
            wanted = [number for numbers in missing.values() for number in numbers]
            rows = await raw.fetch("SELECT id, columns FROM block WHERE id = ANY($1::bigint[])", wanted)
            fetched = dict(rows)
        for key, numbers in missing.items():
            joining = narrow(block.join([fetched[number] for number in sorted(numbers)]))
            held[key] = _joined(held.get(key), there[key], joining, key in late)
            self._keep(key, held[key])
        return held

    def _keep(self, key: Key, hour: HotHour) -> None:
        old = self._hours.pop(key, None)
        self._size += hour.size - (old.size if old else 0)
        self._hours[key] = hour
        while self._size > self._limit and len(self._hours) > 1:
            _, dropped = self._hours.popitem(last=False)
            self._size -= dropped.size


def _joined(old: HotHour | None, numbers: frozenset[int], joining: Block, late: bool) -> HotHour:
    points = block.concat([old.points, joining]) if old else joining
    series = [points.numbers.series, points.sketches.series, points.explicits.series]
    distinct = tuple(np.unique(np.concatenate(series)).tolist())
    first, last = block.span(joining) if joining.points else (0, 0)
    if old is None:
        return HotHour(numbers, points, distinct, last, late, size(points))
    # What was not asked for since blocks joined last stands as it stood before them.
    before, since = (old.made, first) if old.made else (old.before, min(old.since, first))
    return HotHour(numbers, points, distinct, max(old.last_at, last), late, size(points), before, since)


def narrow(given: Block) -> Block:
    """The same points, with bucket counts in the narrowest type: most are empty, and they are most of a block."""
    counts = given.sketches.counts
    if not len(counts):
        return given
    return replace(given, sketches=replace(given.sketches, counts=counts.astype(np.min_scalar_type(counts.max()))))


def size(points: Block) -> int:
    """How many bytes some points take."""
    sections = (points.numbers, points.sketches, points.explicits)
    return sum(np.asarray(getattr(each, name)).nbytes for each in sections for name in block.NAMES[type(each)])
