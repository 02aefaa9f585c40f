"""What is compacted: summaries and rollups, decoded once, and chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from century.telemetry import grid, packed, summary, totals
from century.telemetry.cache import Cache
from century.telemetry.chunk import HOUR
from century.telemetry.grid import Grid
from century.telemetry.hour import DAY, HOURS
from century.telemetry.instants import instant, nanoseconds
from century.telemetry.raw import Connection
from century.telemetry.summary import Summary
from century.telemetry.totals import Row, Slot

EPOCH_DAY = date(1970, 1, 1).toordinal()
CACHED = 24 << 20
"""How many bytes of decoded rows one process keeps, of summaries and of rollups each."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a range that summaries of this `step` answer; a row of theirs is `whole` long. In nanoseconds."""

    step: int
    whole: int
    start: int
    end: int


_HOURS = np.arange(HOURS, dtype=np.int64) * HOUR

Members = tuple[tuple[int, int], ...]
"""The series of a group that have a rollup of a day, and the version of each."""
Part = tuple[int, int, int, Grid]
"""A group, and a grid of it with its start and its step in nanoseconds."""


class Kept:
    """Reads the compacted rows of one database. Every method wants a transaction of `raw.reading`.

    Rows that lie wholly in a range are merged once into slots of its step. A row's xmin is its version: whatever changes
    it gives it another, and what was made of the row is made again.
    """

    def __init__(self) -> None:
        self._summaries: Cache[Summary] = Cache(CACHED)
        self._grids: Cache[Grid] = Cache(CACHED)

    async def summaries(
        self, raw: Connection, services: Sequence[int], spans: Sequence[Span], step: int
    ) -> list[Summary]:
        """What services did together in each span, in slots of `step` nanoseconds at most."""
        who = tuple(services)
        # The OFFSET keeps the planner from reading the whole table instead of each service's part of the index.
        listed = await raw.fetch(
            "SELECT span, step, start, array_agg(service ORDER BY service), array_agg(version ORDER BY service)"
            " FROM unnest($1::int[]) service, unnest($2::int[], $3::timestamptz[], $4::timestamptz[]) WITH ORDINALITY"
            " asked (step, first, last, span), LATERAL (SELECT start, summary.xmin::text::bigint version FROM summary"
            " WHERE service_id = service AND summary.step = asked.step AND start >= first AND start < last OFFSET 0)"
            " GROUP BY 1, 2, 3 ORDER BY 3",
            list(services), [span.step for span in spans],
            [instant(span.start - span.start % span.whole) for span in spans], [instant(span.end) for span in spans],
        )  # fmt: skip
        inside: dict[Slot, tuple[Row, ...]] = {}
        edges: dict[tuple[Slot, Span], tuple[Row, ...]] = {}
        for number, own, start, members, versions in listed:
            span, first, rows = spans[number - 1], nanoseconds(start), tuple(zip(members, versions, strict=True))
            if span.start <= first and first + span.whole <= span.end:
                inside[own, start] = rows
            else:
                edges[(own, start), span] = rows
        key, version = (who, step, next(iter(inside), None)), tuple(inside.items())
        merged = self._summaries.get(key, version)
        if merged is not None:
            inside = {}
        found = await self._rows(raw, who, {**inside, **{slot: rows for (slot, _), rows in edges.items()}})
        if inside:
            merged = _in_steps([found[slot] for slot in inside], step)
            self._summaries.put(key, version, merged, _size(merged.requests))
        parts = [found[slot].between(span.start, span.end) for slot, span in edges]
        return parts if merged is None else [*parts, merged]

    async def _rows(
        self, raw: Connection, who: tuple[int, ...], wanted: dict[Slot, tuple[Row, ...]]
    ) -> dict[Slot, Summary]:
        """Rows that begin together merged."""
        found: dict[Slot, Summary] = {}
        for slot, rows in wanted.items():
            held = self._summaries.get((who, *slot), rows)
            if held is not None:
                found[slot] = held
        missing = {slot: rows for slot, rows in wanted.items() if slot not in found}
        if missing:
            for slot, made in (await self._read(raw, who, missing)).items():
                self._summaries.put((who, *slot), missing[slot], made, _size(made.requests))
                found[slot] = made
        return found

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

    async def grids(self, raw: Connection, groups: Mapping[int, int], start: int, end: int, step: int) -> list[Part]:
        """The sketches of a range of whole hours, merged by group (series to group), in slots of `step` at most."""
        listed = await raw.fetch(
            "SELECT series_id, day, xmin::text::bigint FROM rollup"
            " WHERE series_id = ANY($1::int[]) AND day >= $2 AND day <= $3 ORDER BY day, series_id",
            list(groups), instant(start).date(), instant(end - 1).date(),
        )  # fmt: skip
        days: dict[int, dict[int, Members]] = {}
        for number, day, version in listed:
            mine = days.setdefault(groups[number], {})
            first = (day.toordinal() - EPOCH_DAY) * DAY
            mine[first] = (*mine.get(first, ()), (number, version))
        parts: list[Part] = []
        inside: dict[int, dict[int, Members]] = {}
        edges: dict[int, dict[int, Members]] = {}
        for group, mine in days.items():
            whole = {first: members for first, members in mine.items() if start <= first and first + DAY <= end}
            edges[group] = {first: members for first, members in mine.items() if first not in whole}
            if (held := self._grids.get(_name(whole, step), tuple(whole.items()))) is not None:
                parts.append((group, min(whole) // step * step, step, held))
            elif whole:
                inside[group] = whole
        found = await self._days(raw, [cell for mine in (*inside.values(), *edges.values()) for cell in mine.items()])
        for group, whole in inside.items():
            origin = min(whole) // step * step
            given = [((cell[0] + _HOURS - origin) // step, found[cell]) for cell in whole.items()]
            merged = grid.pile(given, (max(whole) + DAY - 1 - origin) // step + 1)
            self._grids.put(_name(whole, step), tuple(whole.items()), merged, _size(merged))
            parts.append((group, origin, step, merged))
        for group, mine in edges.items():
            for cell in mine.items():
                low, high = max(start - cell[0], 0) // HOUR, min(end - cell[0], DAY) // HOUR
                parts.append((group, cell[0] + low * HOUR, HOUR, found[cell].slice(low, high)))
        return parts

    async def _days(self, raw: Connection, cells: Sequence[tuple[int, Members]]) -> dict[tuple[int, Members], Grid]:
        """The hours of each day of some series, merged."""
        found: dict[tuple[int, Members], Grid] = {}
        for first, members in cells:
            held = self._grids.get((first, tuple(number for number, _ in members)), members)
            if held is not None:
                found[first, members] = held
        missing = [cell for cell in cells if cell not in found]
        if missing:
            wanted = [(number, first) for first, members in missing for number, _ in members]
            rows = await raw.fetch(
                "SELECT series_id, day, data FROM rollup JOIN unnest($1::int[], $2::date[]) AS asked (series_id, day)"
                " USING (series_id, day)",
                [number for number, _ in wanted], [instant(first).date() for _, first in wanted],
            )  # fmt: skip
            decoded = {(number, day.toordinal() - EPOCH_DAY): packed.decode(data) for number, day, data in rows}
            for first, members in missing:
                made = grid.together([decoded[number, first // DAY] for number, _ in members])
                found[first, members] = made
                self._grids.put((first, tuple(number for number, _ in members)), members, made, _size(made))
        return found


def _in_steps(rows: Sequence[Summary], step: int) -> Summary:
    """Rows in order, merged into slots of a step."""
    origin = rows[0].start // step * step
    end = rows[-1].start + rows[-1].slots * rows[-1].step
    return summary.pile(rows, origin, step, (end - 1 - origin) // step + 1)


def _name(days: Mapping[int, Members], step: int) -> tuple[object, ...]:
    return step, *next(iter(days.items()), ())


def _size(made: Grid) -> int:
    return made.counts.nbytes + 200 * made.slots


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
