"""Points as they came made plain: in order, without repeats, each standing for its own interval alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from century.telemetry import block, differences, sketch
from century.telemetry.block import Block, Explicits, Numbers, Sketches
from century.telemetry.differences import Carry, runs

MAX_PLAIN = 1 << 16


@dataclass(frozen=True, slots=True)
class Series:
    """What is known of a series: its service, its metric, and how its points read."""

    id: int
    service_id: int
    metric: str
    kind: str
    form: str
    attributes: Mapping[str, str]
    bounds: tuple[float, ...] = ()
    monotonic: bool = True

    @property
    def cumulative(self) -> bool:
        return self.form.startswith("cumulative")

    @property
    def explicit(self) -> bool:
        return self.form.endswith("explicit")

    @property
    def numeric(self) -> bool:
        return self.form in ("number", "delta", "cumulative")

    @property
    def increments(self) -> bool:
        """Whether its plain points add up, instead of each telling a level."""
        return self.kind == "sum" and (self.monotonic or self.form in ("delta", "cumulative"))


@dataclass(frozen=True, slots=True)
class Points:
    """Plain points, each section ordered by series and time. `approximate` marks the sketches made of explicit buckets."""

    numbers: Numbers
    sketches: Sketches
    approximate: np.ndarray[tuple[int], np.dtype[np.bool_]] = field(default_factory=lambda: np.zeros(0, dtype=bool))


def plain(given: Block, series: Mapping[int, Series], carries: Mapping[int, Carry]) -> Points:
    """The points of a block made plain; the first of those that share series and time counts. `carries` are moved on."""
    numbers, sketches, explicits = first(given.numbers), first(given.sketches), first(given.explicits)
    accumulating = np.array(sorted(each.id for each in series.values() if each.cumulative), dtype=np.int64)
    if len(accumulating):
        numbers = _apart(numbers, accumulating, carries, differences.numbers)
        sketches = _apart(sketches, accumulating, carries, differences.sketches)
        explicits = _apart(explicits, accumulating, carries, differences.explicits)
    approximate = np.zeros(len(sketches.at), dtype=bool)
    if len(explicits.at):
        converted = as_sketches(explicits, series)
        sketches = block.concat(
            [Block(block.section(Numbers), each, block.section(Explicits)) for each in (sketches, converted)]
        ).sketches
        approximate = np.concatenate([approximate, np.ones(len(converted.at), dtype=bool)])
    return Points(numbers, sketches, approximate)


def first(section: block.Section) -> block.Section:
    """A section ordered by series and time, the first of each instant of a series kept."""
    size = len(section.at)
    if size < 2:
        return section
    step = np.diff(section.series)
    if not ((step > 0) | ((step == 0) & (np.diff(section.at) > 0))).all():
        order = np.lexsort((section.at, section.series))
        series, at = section.series[order], section.at[order]
        kept = np.concatenate([[True], (np.diff(series) != 0) | (np.diff(at) != 0)])
        return arrange(section, order[kept])
    return section


def arrange(section: block.Section, order: np.ndarray[tuple[int], np.dtype[Any]]) -> block.Section:
    """The points of a section at these places, in this order."""
    columns: dict[str, Any] = {
        name: getattr(section, name)[order] for name in block.NAMES[type(section)] if name != "counts"
    }
    if not isinstance(section, Numbers):
        width = section.width.astype(np.int64)
        starts = np.cumsum(width) - width
        columns["counts"] = section.counts[sketch.spread(starts[order], width[order])]
    return type(section)(*(columns[name] for name in block.NAMES[type(section)]))


def as_sketches(explicits: Explicits, series: Mapping[int, Series]) -> Sketches:
    """Explicit-bucket points, ordered by series, as sketches; what lies within a bucket is taken as evenly spread."""
    width = explicits.width.astype(np.int64)
    ends = np.cumsum(width)
    zeros, offsets, widths, counts = [], [], [], []
    for begin, end in runs(explicits.series):
        bounds = np.array(series[int(explicits.series[begin])].bounds, dtype=np.float64)
        size = end - begin
        flat = explicits.counts[ends[begin] - width[begin] : ends[end - 1]].astype(np.int64)
        zero, offset, made = sketch.from_explicit(
            bounds, flat.reshape(size, len(bounds) + 1), explicits.low[begin:end], explicits.high[begin:end]
        )
        zeros.append(zero)
        offsets.append(np.full(size, offset))
        widths.append(np.full(size, made.shape[1]))
        counts.append(made.reshape(-1))
    return block.section(
        Sketches, series=explicits.series, at=explicits.at, start=explicits.start, count=explicits.count,
        sum=explicits.sum, low=explicits.low, high=explicits.high, scale=np.full(len(explicits.at), sketch.MAX_SCALE),
        zero=np.concatenate(zeros), offset=np.concatenate(offsets), width=np.concatenate(widths),
        counts=np.concatenate(counts),
    )  # fmt: skip


def _apart(section: block.Section, accumulating: Any, carries: Mapping[int, Carry], difference: Any) -> block.Section:
    """The section with its cumulative series turned into increments, the others as they are, in the same order."""
    chosen = np.isin(section.series, accumulating)
    if not chosen.any():
        return section
    made = difference(block.take(section, chosen), carries)
    if chosen.all():
        return made  # type: ignore[no-any-return]
    rest = block.take(section, ~chosen)
    both = type(section)(*(np.concatenate([getattr(rest, n), getattr(made, n)]) for n in block.NAMES[type(section)]))
    return arrange(both, np.lexsort((both.at, both.series)))
