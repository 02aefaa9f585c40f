"""What is compacted: summaries and rollups, decoded once, and chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from century.telemetry import grid, packed, summary, totals
from century.telemetry.cache import Cache
from century.telemetry.chunk import HOUR
from century.telemetry.grid import Grid
from century.telemetry.hour import DAY
from century.telemetry.instants import instant
from century.telemetry.raw import Connection
from century.telemetry.summary import Summary
from century.telemetry.totals import Row, Slot

EPOCH_DAY = date(1970, 1, 1).toordinal()
CACHED = 24 << 20
"""How many bytes of decoded rows one process keeps, of summaries and of rollups each."""


@dataclass(frozen=True, slots=True)
class Day:
    """A rollup of sketches: its hours, and all of them together."""

    hours: Grid
    total: Grid


class Kept:
    """Reads the compacted rows of one database. Every method wants a transaction of `raw.reading`."""

    def __init__(self) -> None:
        self._summaries: Cache[Summary] = Cache(CACHED)
        self._grids: Cache[Day] = Cache(CACHED)

    async def summaries(
        self, raw: Connection, services: Sequence[int], steps: list[int], firsts: list[datetime], lasts: list[datetime]
    ) -> list[tuple[int, Summary]]:
        """The rows of each span (from 1 on), those of several services that begin together merged."""
        who = tuple(services)
        # A row's xmin is its version: whatever changes it gives it another. The OFFSET keeps the planner from reading the
        # whole table instead of each service's part of the index.
        listed = await raw.fetch(
            "SELECT span, step, start, array_agg(service ORDER BY service), array_agg(version ORDER BY service)"
            " FROM unnest($1::int[]) service, unnest($2::int[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY"
            " asked (step, first, last, span), LATERAL (SELECT start, summary.xmin::text::bigint version FROM summary"
            " WHERE service_id = service AND summary.step = asked.step AND start >= first AND start < last OFFSET 0)"
            " GROUP BY 1, 2, 3",
            list(services), steps, firsts, lasts,
        )  # fmt: skip
        found: dict[Slot, Summary] = {}
        missing: dict[Slot, tuple[Row, ...]] = {}
        for _, step, start, members, versions in listed:
            rows = tuple(zip(members, versions, strict=True))
            held = self._summaries.get((who, step, start), rows)
            if held is None:
                missing[step, start] = rows
            else:
                found[step, start] = held
        if missing:
            made = await self._read(raw, services, missing)
            for slot, one in made.items():
                self._summaries.put((who, *slot), missing[slot], one, one.requests.counts.nbytes + 200 * one.slots)
            found |= made
        return [(span, found[step, start]) for span, step, start, _, _ in listed]

    async def _read(
        self, raw: Connection, services: Sequence[int], wanted: dict[Slot, tuple[Row, ...]]
    ) -> dict[Slot, Summary]:
        made = await totals.find(raw, wanted) if len(services) > 1 else {}
        if rest := [slot for slot in wanted if slot not in made]:
            rows = await raw.fetch(
                "SELECT step, start, data FROM summary JOIN unnest($2::int[], $3::timestamptz[]) AS asked (step, start)"
                " USING (step, start) WHERE service_id = ANY($1::int[])",
                list(services), [step for step, _ in rest], [start for _, start in rest],
            )  # fmt: skip
            parts: dict[Slot, list[Summary]] = {slot: [] for slot in rest}
            for step, start, data in rows:
                parts[step, start].append(summary.decode(data))
            made |= {slot: summary.together(same) for slot, same in parts.items()}
        return made

    async def grids(
        self, raw: Connection, groups: Mapping[int, int], start: int, end: int
    ) -> list[tuple[int, int, Day]]:
        """The rollups of sketches that touch a range, merged by group (series to group): (group, start of the day, its hours)."""
        listed = await raw.fetch(
            "SELECT series_id, day, xmin::text::bigint FROM rollup"
            " WHERE series_id = ANY($1::int[]) AND day >= $2 AND day <= $3 ORDER BY series_id",
            list(groups), instant(start).date(), instant(end - 1).date(),
        )  # fmt: skip
        cells: dict[tuple[int, date], list[tuple[int, int]]] = {}
        for number, day, version in listed:
            cells.setdefault((groups[number], day), []).append((number, version))
        found: dict[tuple[int, date], Day] = {}
        missing: list[tuple[int, date]] = []
        for cell, members in cells.items():
            held = self._grids.get((tuple(number for number, _ in members), cell[1]), tuple(members))
            if held is None:
                missing += [(number, cell[1]) for number, _ in members]
            else:
                found[cell] = held
        if missing:
            rows = await raw.fetch(
                "SELECT series_id, day, data FROM rollup JOIN unnest($1::int[], $2::date[]) AS asked (series_id, day)"
                " USING (series_id, day)",
                [number for number, _ in missing], [day for _, day in missing],
            )  # fmt: skip
            decoded = {(number, day): packed.decode(data) for number, day, data in rows}
            for cell, members in cells.items():
                if cell not in found:
                    hours = grid.together([decoded[number, cell[1]] for number, _ in members])
                    found[cell] = made = Day(hours, hours.total())
                    key = tuple(number for number, _ in members), cell[1]
                    self._grids.put(key, tuple(members), made, hours.counts.nbytes + 100 * hours.slots)
        return [(group, (day.toordinal() - EPOCH_DAY) * DAY, made) for (group, day), made in found.items()]


async def chunks(raw: Connection, series: Iterable[int], start: int, end: int) -> Sequence[tuple[int, datetime, bytes]]:
    return await raw.fetch(  # type: ignore[no-any-return]
        "SELECT series_id, hour, data FROM chunk WHERE series_id = ANY($1::int[]) AND hour >= $2 AND hour < $3",
        list(series), instant(start - start % HOUR), instant(end),
    )  # fmt: skip


async def rollups(
    raw: Connection, series: Iterable[int], start: int, end: int
) -> Sequence[tuple[int, datetime, bytes]]:
    return await raw.fetch(  # type: ignore[no-any-return]
        "SELECT series_id, day::timestamp AT TIME ZONE 'UTC', data FROM rollup"
        " WHERE series_id = ANY($1::int[]) AND day >= $2 AND day <= $3",
        list(series), instant(start).date(), instant(end - 1).date(),
    )  # fmt: skip
