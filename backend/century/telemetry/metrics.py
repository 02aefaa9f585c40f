"""One metric by name: its series in groups, one value a slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from century.core.errors import Invalid
from century.telemetry.grid import Grid
from century.telemetry.plain import Series
from century.telemetry.sketch import Floats, Ints
from century.telemetry.tally import Tally

MOST_GROUPS = 100


class Aggregation(StrEnum):
    """How a slot's points become one value."""

    AVG = "avg"
    SUM = "sum"
    RATE = "rate"
    COUNT = "count"
    MIN = "min"
    MAX = "max"
    LAST = "last"
    P50 = "p50"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def share(self) -> float | None:
        """Which quantile this asks for."""
        return int(self.value[1:]) / 100 if self.value.startswith("p") else None


@dataclass(frozen=True, slots=True)
class Group:
    """The series that share the values of the attributes grouped by."""

    attributes: tuple[tuple[str, str], ...]
    series: tuple[int, ...]


def groups(series: Mapping[int, Series], keys: Sequence[str], wanted: Mapping[str, frozenset[str]]) -> list[Group]:
    """The series whose attributes are among those wanted, grouped. Invalid above a hundred groups."""
    found = grouped(series, keys, wanted)
    if len(found) > MOST_GROUPS:
        raise Invalid(
            f"that makes {len(found)} series, and {MOST_GROUPS} are answered at most: group by fewer, or filter",
            field="groupBy",
        )
    return found


def grouped(series: Mapping[int, Series], keys: Sequence[str], wanted: Mapping[str, frozenset[str]]) -> list[Group]:
    """The series whose attributes are among those wanted, grouped, however many groups that makes."""
    found: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for number, each in series.items():
        if all(each.attributes.get(key, "") in values for key, values in wanted.items()):
            found.setdefault(tuple((key, each.attributes.get(key, "")) for key in keys), []).append(number)
    return [Group(attributes, tuple(found[attributes])) for attributes in sorted(found)]


def unit(own: str, aggregation: Aggregation, *, histogram: bool) -> str:
    """The unit of the values, in UCUM."""
    if aggregation is Aggregation.COUNT:
        return "1"
    if aggregation is Aggregation.RATE:
        return "1/s" if histogram or own in ("", "1") or own.startswith("{") else f"{own}/s"
    return own


def of_grid(grid: Grid, aggregation: Aggregation, seconds: Floats) -> Floats:
    """One value a slot of a histogram; its rate and count are those of what was measured."""
    some = grid.count > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        match aggregation:
            case Aggregation.AVG | Aggregation.LAST:
                return np.where(some, grid.sum / grid.count, np.nan)
            case Aggregation.SUM:
                return np.where(some, grid.sum, np.nan)
            case Aggregation.RATE:
                return np.where(some, grid.count / seconds, np.nan)
            case Aggregation.COUNT:
                return np.where(some, grid.count.astype(np.float64), np.nan)
            case Aggregation.MIN:
                return grid.low
            case Aggregation.MAX:
                return grid.high
            case _:
                return np.asarray(grid.quantiles([aggregation.share or 0.0])[0], dtype=np.float64)


def of_tallies(
    parts: Sequence[Tally], aggregation: Aggregation, seconds: Floats, *, kind: str, increments: Sequence[bool]
) -> Floats:
    """One value a slot of number series that are taken together; at least one.

    Increments of a sum add up. Levels (gauges, and totals that also fall) are averaged in their slot first, then added.
    `increments` says of each series which it tells.
    """
    count = np.sum([each.count for each in parts], axis=0)
    some = count > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        match aggregation:
            case Aggregation.AVG:
                return np.where(some, np.sum([each.sum for each in parts], axis=0) / count, np.nan)
            case Aggregation.SUM:
                told = [
                    each.sum if adds_up else np.where(each.count > 0, each.sum / np.maximum(each.count, 1), 0.0)
                    for each, adds_up in zip(parts, increments, strict=True)
                ]
                return np.where(some, np.sum(told, axis=0), np.nan)
            case Aggregation.RATE:
                if not all(increments):
                    raise Invalid("a rate can be told of what only adds up: this metric tells levels", "aggregation")
                return np.where(some, np.sum([each.sum for each in parts], axis=0) / seconds, np.nan)
            case Aggregation.COUNT:
                return np.where(some, count.astype(np.float64), np.nan)
            case Aggregation.MIN:
                return np.asarray(np.fmin.reduce([each.low for each in parts]), dtype=np.float64)
            case Aggregation.MAX:
                return np.asarray(np.fmax.reduce([each.high for each in parts]), dtype=np.float64)
            case Aggregation.LAST if kind == "sum":
                return np.where(some, np.nansum([each.last for each in parts], axis=0), np.nan)
            case Aggregation.LAST:
                newest = np.argmax([each.last_at for each in parts], axis=0)
                latest: Floats = np.array([each.last for each in parts])[newest, np.arange(len(newest))]
                return latest
            case _:
                raise ValueError(f"{aggregation} is not answered from tallies")


def of_values(slot: Ints, value: Floats, slots: int, share: float) -> Floats:
    """The exact quantile of the values of each slot."""
    made = np.full(slots, np.nan)
    if len(slot):
        order = np.lexsort((value, slot))
        slot, value = slot[order], value[order]
        starts = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1))
        count = np.diff(np.append(starts, len(slot)))
        rank = np.maximum(np.ceil(share * count - 1e-9), 1).astype(np.int64)
        made[slot[starts]] = value[starts + rank - 1]
    return made
