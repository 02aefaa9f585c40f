"""An hour of one service: its plain points as chunks, as cells of its rollups, and as its summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from century.telemetry import block, grid, resources, summary, tally
from century.telemetry.block import Numbers, Sketches
from century.telemetry.chunk import HOUR, MINUTE, MINUTES, Chunk
from century.telemetry.differences import runs
from century.telemetry.grid import Grid
from century.telemetry.plain import Points, Series
from century.telemetry.sketch import Floats, Ints
from century.telemetry.summary import Summary
from century.telemetry.tally import Tally

REQUESTS = "http.server.request.duration"
DAY = 24 * HOUR
HOURS = 24


def failed(attributes: Mapping[str, str]) -> bool:
    """Whether requests of these attributes count as errors: a status of 500 and above, or an error without a status."""
    status = attributes.get("http.response.status_code")
    if status:
        return status.isdecimal() and int(status) >= 500
    return "error.type" in attributes


def chunks(points: Points, hour: int) -> dict[int, Chunk]:
    """One chunk a series, of the points of one hour."""
    made: dict[int, Chunk] = {}
    for begin, end in runs(points.numbers.series):
        made[int(points.numbers.series[begin])] = Chunk(
            points.numbers.at[begin:end], value=points.numbers.value[begin:end]
        )
    ends = np.cumsum(points.sketches.width, dtype=np.int64)
    for begin, end in runs(points.sketches.series):
        part = part_of(points.sketches, begin, end, ends)
        slot = (part.at - hour) // MINUTE
        made[int(part.series[0])] = Chunk(part.at, grid=gridded(part, slot, MINUTES, bool(points.approximate[begin])))
    return made


def part_of(sketches: Sketches, begin: int, end: int, ends: Ints) -> Sketches:
    """The sketches at the places from `begin` to `end`; `ends` is the running sum of their widths."""
    first = int(ends[begin] - sketches.width[begin])
    columns = {name: getattr(sketches, name)[begin:end] for name in block.NAMES[Sketches] if name != "counts"}
    return Sketches(**columns, counts=sketches.counts[first : int(ends[end - 1])])


def gridded(sketches: Sketches, slot: Ints, slots: int, approximate: bool) -> Grid:
    """Sketches merged into the slots they belong to."""
    return grid.build(
        slot, slots, scale=sketches.scale, offset=sketches.offset, width=sketches.width, counts=sketches.counts,
        zero=sketches.zero, count=sketches.count, sum=sketches.sum, low=sketches.low, high=sketches.high,
        approximate=approximate,
    )  # fmt: skip


def summarize(points: Points, series: Mapping[int, Series], start: int, step: int, slots: int) -> Summary:
    """Plain points of any services as a summary of their requests and resources; what lies outside is left out."""
    sketches = points.sketches
    wanted, errors = _requests(sketches, series)
    slot = (sketches.at - start) // step
    inside = wanted & (slot >= 0) & (slot < slots)
    place = slot[inside]
    requests = gridded(
        block.take(sketches, inside), place, slots, bool(points.approximate[inside].any())
    )  # fmt: skip
    failures = np.bincount(place, weights=sketches.count[inside] * errors[inside], minlength=slots).astype(np.int64)
    observed, up = summary.availability(requests.count, failures)
    columns = [
        (series[number], at, value) for number, at, value in _slotted(points.numbers, series, start, step, slots)
    ]
    cpu, cpu_weight = resources.cpu(columns, slots)
    memory, memory_weight = resources.memory(columns, slots)
    return Summary(start, step, requests, failures, observed, up, cpu, cpu_weight, memory, memory_weight)


def of_chunks(made: Mapping[int, Chunk], series: Mapping[int, Series], hour: int) -> Summary:
    """The summary, in minutes, of an hour whose chunks are all at hand."""
    minutes = np.arange(MINUTES)
    parts: list[tuple[Ints, Grid]] = []
    failures = np.zeros(MINUTES, dtype=np.int64)
    columns: list[resources.Column] = []
    for number, chunk in made.items():
        each = series[number]
        if chunk.grid is not None and each.metric == REQUESTS:
            parts.append((minutes, chunk.grid))
            if failed(each.attributes):
                failures = failures + chunk.grid.count
        elif chunk.value is not None and each.metric in resources.METRICS:
            columns.append((each, (chunk.at - hour) // MINUTE, chunk.value))
    requests = grid.pile(parts, MINUTES)
    observed, up = summary.availability(requests.count, failures)
    cpu, cpu_weight = resources.cpu(columns, MINUTES)
    memory, memory_weight = resources.memory(columns, MINUTES)
    return Summary(hour, MINUTE, requests, failures, observed, up, cpu, cpu_weight, memory, memory_weight)


def summarized(series: Series) -> bool:
    """Whether a series is part of its service's summary."""
    return series.metric in resources.METRICS or (series.metric == REQUESTS and not series.numeric)


def with_hour(day: Summary | None, start: int, hours: Summary) -> Summary:
    """A day's summary with one of its hours replaced by the total of that hour's minutes."""
    old = summary.empty(start, HOUR, HOURS) if day is None else day
    number = (hours.start - start) // HOUR
    parts = [old.slice(0, number), summary.pile([hours], hours.start, HOUR, 1), old.slice(number + 1, HOURS)]
    return summary.pile(parts, start, HOUR, HOURS)


def grid_with_hour(day: Grid | None, number: int, cell: Grid) -> Grid:
    """A day's grid with one of its hours replaced."""
    parts = [(np.array([number]), cell)]
    if day is not None:
        before, after = np.arange(number), np.arange(number + 1, HOURS)
        parts += [(before, day.slice(0, number)), (after, day.slice(number + 1, HOURS))]
    return grid.pile(parts, HOURS)


def tally_with_hour(day: Tally | None, number: int, cell: Tally) -> Tally:
    """A day's tally with one of its hours replaced."""
    parts = [(np.array([number]), cell)]
    if day is not None:
        hours = np.arange(HOURS)
        parts.append((np.where(hours == number, -1, hours), day))
    return tally.pile(parts, HOURS)


def _requests(sketches: Sketches, series: Mapping[int, Series]) -> tuple[block.Mask, block.Mask]:
    """Which points count requests, and which of them failures."""
    numbers, place = np.unique(sketches.series, return_inverse=True)
    known = [series.get(int(number)) for number in numbers]
    wanted = np.array([each is not None and each.metric == REQUESTS for each in known], dtype=bool)
    errors = np.array([each is not None and failed(each.attributes) for each in known], dtype=bool)
    if not len(numbers):
        return wanted, errors
    return wanted[place], errors[place]


def _slotted(
    numbers: Numbers, series: Mapping[int, Series], start: int, step: int, slots: int
) -> Iterator[tuple[int, Ints, Floats]]:
    for begin, end in runs(numbers.series):
        number = int(numbers.series[begin])
        if number in series and series[number].metric in resources.METRICS:
            slot = (numbers.at[begin:end] - start) // step
            inside = (slot >= 0) & (slot < slots)
            if inside.any():
                yield number, slot[inside], numbers.value[begin:end][inside]
