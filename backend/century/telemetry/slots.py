"""A range of time cut into slots, and which tier answers which part of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from century.telemetry.chunk import HOUR, MINUTE
from century.telemetry.hour import DAY
from century.telemetry.instants import nanoseconds
from century.telemetry.sketch import Floats, Ints

SECOND = 1_000_000_000
LADDER = tuple(s * SECOND for s in (10, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400))


@dataclass(frozen=True, slots=True)
class Slots:
    """A range cut into slots of `step`: the first slot begins at or before `start`. All in nanoseconds."""

    start: int
    end: int
    step: int

    @property
    def origin(self) -> int:
        return self.start - self.start % self.step

    @property
    def number(self) -> int:
        return -((self.origin - self.end) // self.step)

    @property
    def starts(self) -> Ints:
        return self.origin + np.arange(self.number, dtype=np.int64) * self.step

    @property
    def seconds(self) -> Floats:
        """How much of each slot lies in the range."""
        starts = self.starts
        return (np.minimum(starts + self.step, self.end) - np.maximum(starts, self.start)) / SECOND


def slots(start: datetime, end: datetime, max_points: int, finest: int = LADDER[0]) -> Slots:
    """The finest step of the ladder, no finer than `finest`, that cuts the range into at most `max_points` slots."""
    first, last = nanoseconds(start), nanoseconds(end)
    for step in LADDER:
        if step >= finest and (made := Slots(first, last, step)).number <= max_points:
            return made
    whole = -(-(last - first) // (max(max_points - 1, 1) * DAY)) * DAY
    return Slots(first, last, whole) if max_points > 1 else one_slot(first, last)


def rhythm(count: Ints) -> int:
    """How many slots lie from one that holds something to the next, usually; 1 where too few do to tell."""
    places = np.flatnonzero(count)
    return int(np.median(np.diff(places))) if len(places) > 3 else 1


def in_rhythm(fine: Slots, count: Ints) -> Slots:
    """The same range in slots as long as the exports are apart, up to a minute: finer ones would be empty in turn."""
    wanted = min(rhythm(count) * fine.step, LADDER[2])
    return Slots(fine.start, fine.end, max(fine.step, next(step for step in LADDER if step >= wanted)))


def one_slot(start: int, end: int) -> Slots:
    """The whole range as one slot."""
    step = HOUR
    while Slots(start, end, step).number > 1:
        step *= 2
    return Slots(start, end, step)


def touched(ranges: Iterable[tuple[datetime, datetime]]) -> list[tuple[int, int]]:
    """The whole minutes that ranges touch, in order, those that meet as one. In nanoseconds."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((nanoseconds(start), nanoseconds(end)) for start, end in ranges if start < end):
        first, last = start - start % MINUTE, -(-end // MINUTE) * MINUTE
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


@dataclass(frozen=True, slots=True)
class Cut:
    """Which tier answers which part of a range."""

    minutes: tuple[tuple[int, int], ...]
    hours: tuple[int, int] | None


def cut(wanted: Slots) -> Cut:
    """Whole hours come from days where the step allows, all else from hours."""
    first, last = -(-wanted.start // HOUR) * HOUR, wanted.end // HOUR * HOUR
    if wanted.step % HOUR or first >= last:
        return Cut(((wanted.start, wanted.end),), None)
    edges = ((wanted.start, first), (last, wanted.end))
    return Cut(tuple(edge for edge in edges if edge[0] < edge[1]), (first, last))
