"""What can be wrong with a point, found for all points of a request at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from century.telemetry.block import I4, I8, Mask
from century.telemetry.identity import MOST_BUCKETS, Stream
from century.telemetry.refusals import Refusals
from century.telemetry.wire import Malformed

SECOND = 1_000_000_000
OLDEST_DAYS = 32
NEWEST_MINUTES = 10
OLDEST = OLDEST_DAYS * 86_400 * SECOND
NEWEST = NEWEST_MINUTES * 60 * SECOND
# Below this a sum of counts cannot overflow, and a float holds each exactly.
MOST_COUNT = 1 << 50
MOST_COUNTS = 1_000_000
SCALES = (-10, 20)

EARLY = f"its time is more than {OLDEST_DAYS} days ago; check the sender's clock"
LATE = f"its time is more than {NEWEST_MINUTES} minutes ahead; check the sender's clock"
NOT_FINITE = "a value must be a finite number"
SUMS = "the counts of its buckets do not add up to its count"
LENGTHS = "there must be one bucket count more than there are bounds"
TOO_WIDE = f"a histogram may have {MOST_BUCKETS} buckets"
TOO_MANY = "a count is negative or too large"
SCALE = f"its scale must lie between {SCALES[0]} and {SCALES[1]}"


@dataclass(frozen=True, slots=True)
class Runs:
    """Whose the points are: streams with the number of points that follow each other, and which of those were kept."""

    runs: list[tuple[Stream, int]]
    kept: Mask


class Judge:
    """Passes over the points of one kind: `kept` are those that are still good."""

    def __init__(self, refusals: Refusals, runs: list[tuple[Stream, int]], kept: Mask) -> None:
        self.refusals = refusals
        self.runs = runs
        self.kept = kept

    def times(self, at: I8, now: int) -> None:
        """Refuse what lies too far from now."""
        self.refuse(at < now - OLDEST, EARLY)
        self.refuse(at > now + NEWEST, LATE)

    def refuse(self, wrong: Mask, reason: str) -> None:
        """Refuse the points that are wrong and were good until now."""
        wrong = wrong & self.kept
        if not wrong.any():
            return
        self.kept = self.kept & ~wrong
        for stream, places in whose(self.runs, wrong):
            self.refusals.add(stream.metric, reason, len(places))


def whose(runs: list[tuple[Stream, int]], wanted: Mask) -> list[tuple[Stream, NDArray[np.int64]]]:
    """The places that are wanted, by the stream they belong to."""
    stops = np.cumsum(np.fromiter((size for _, size in runs), np.int64, len(runs)))
    places = np.flatnonzero(wanted)
    run = np.searchsorted(stops, places, side="right")
    edges = np.flatnonzero(np.diff(run)) + 1
    return [(runs[run[part[0]]][0], places[part]) for part in np.split(np.arange(len(run)), edges) if len(part)]


def outside(at: I8, now: int) -> Mask:
    """Which times are too far from now."""
    return (at < now - OLDEST) | (at > now + NEWEST)


def known_or_nan(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """A least or greatest value that is no finite number is not known."""
    said = np.asarray(values, np.float64)
    return np.where(np.isfinite(said), said, np.nan)


def limit_buckets(octets: int) -> None:
    """Raise `Malformed` when the counts of all buckets take more bytes than are taken, before they are unpacked."""
    if octets > MOST_COUNTS * 8:
        raise Malformed(f"one request may hold {MOST_COUNTS} buckets")


def sums(flat: NDArray[np.uint64], width: I4) -> NDArray[np.uint64]:
    """The sum of each point's buckets."""
    before = np.concatenate((np.zeros(1, np.uint64), np.cumsum(flat, dtype=np.uint64)))
    stops = np.cumsum(width)
    sums: NDArray[np.uint64] = before[stops] - before[stops - width]
    return sums


def any_bucket(flags: Mask, width: I4) -> Mask:
    """Which points have a bucket with the flag."""
    if not flags.any():
        return np.zeros(len(width), bool)
    return sums(flags.astype(np.uint64), width) > 0
