"""Windows read from what is stored, hot or kept: of all of a service's requests, of some routes, of any metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from century.rules import routes, sliding
from century.rules.condition import Condition
from century.rules.moment import Attributes
from century.telemetry import grid, hour, metrics, performance, summary
from century.telemetry.metrics import Aggregation, Group
from century.telemetry.plain import Series
from century.telemetry.query import Reader
from century.telemetry.raw import Connection
from century.telemetry.sketch import Floats, Ints
from century.telemetry.slots import Slots
from century.telemetry.summary import Summary


def on_routes(series: Mapping[int, Series], patterns: Sequence[str]) -> dict[int, Series]:
    """The series of requests of the routes that are meant."""
    meant = routes.matching(patterns)
    return {
        number: each
        for number, each in series.items()
        if each.metric == hour.REQUESTS and not each.numeric and meant(*performance.route_of(each))
    }


async def summaries(
    raw: Connection, reader: Reader, service: int, slots: Slots, chosen: Mapping[int, Series] | None = None
) -> Summary:
    """What a service did in each slot; of the requests of the chosen series alone, where some are."""
    if chosen is None:
        return await reader.summaries(raw, [service], slots)
    nothing = summary.empty(slots.origin, slots.step, slots.number)
    if not chosen:
        return nothing
    groups = {number: int(hour.failed(each.attributes)) for number, each in chosen.items()}
    grids = await reader.grids(raw, chosen, groups, slots)
    errors = grids[1].count if len(grids) > 1 else nothing.errors
    return replace(nothing, requests=grid.together(grids), errors=errors)


async def metric(
    raw: Connection,
    reader: Reader,
    condition: Condition,
    series: Mapping[int, Series],
    groups: Sequence[Group],
    slots: Slots,
    width: int,
    seconds: float,
) -> list[tuple[Attributes, Floats, Ints]]:
    """(values, samples) of these groups of a stored metric, of the windows of `width` slots, `seconds` long."""
    chosen = {member: series[member] for group in groups for member in group.series}
    if not chosen:
        return []
    aggregation, span = condition.aggregation or Aggregation.AVG, np.full(slots.number, seconds)
    kind = next(iter(chosen.values())).kind
    if kind == "histogram":
        place = {member: number for number, group in enumerate(groups) for member in group.series}
        grids = await reader.grids(raw, chosen, place, slots)
        slid = [sliding.grid(each, width, buckets=aggregation.share is not None) for each in grids]
        return [
            (group.attributes, metrics.of_grid(each, aggregation, span), each.count)
            for group, each in zip(groups, slid, strict=True)
        ]
    if aggregation.share is not None:
        found = await reader.numbers(raw, chosen, slots)
        made = []
        for group in groups:
            mine = [found[member] for member in group.series if member in found]
            at = np.concatenate([each[0] for each in mine]) if mine else np.zeros(0, dtype=np.int64)
            value = np.concatenate([each[1] for each in mine]) if mine else np.zeros(0)
            order = np.argsort(at, kind="stable")
            ends = np.minimum(slots.starts + slots.step, slots.end)
            length = width * slots.step if width > 1 else slots.end - slots.start
            values, count = sliding.quantiles(at[order], value[order], ends, length, aggregation.share)
            made.append((group.attributes, values, count))
        return made
    tallies = {
        number: sliding.tally(each, width) for number, each in (await reader.tallies(raw, chosen, slots)).items()
    }
    return [
        (
            group.attributes,
            metrics.of_tallies(
                [tallies[member] for member in group.series], aggregation, span, kind=kind,
                increments=[chosen[member].increments for member in group.series],
            ),
            np.sum([tallies[member].count for member in group.series], axis=0),
        )
        for group in groups
    ]  # fmt: skip
