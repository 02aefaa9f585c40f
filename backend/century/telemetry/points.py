"""The points gathered from one request, brought into columns; what is wrong with a point is found here, all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from century.telemetry.block import EMPTY, I4, I8, Block, Explicits, Mask, Numbers, Sketches, section, take
from century.telemetry.identity import MOST_BUCKETS, Stream
from century.telemetry.layout import usual_numbers, usual_sketches
from century.telemetry.recall import Remembered
from century.telemetry.refusals import Refusals
from century.telemetry.wire import Malformed, packed

SECOND = 1_000_000_000
OLDEST_DAYS = 32
NEWEST_MINUTES = 10
OLDEST = OLDEST_DAYS * 86_400 * SECOND
NEWEST = NEWEST_MINUTES * 60 * SECOND
# Below this a sum of counts cannot overflow, and a float holds each exactly.
MOST_COUNT = 1 << 50
MOST_COUNTS = 4_000_000
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
class Discovery:
    """A series that nobody has a number for yet."""

    stream: Stream
    key: bytes
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """The good points of a request. In `block` a negative series -n stands for `discoveries[n - 1]`.

    With more than one service, `owners` holds for each section the place in `services` of each point.
    """

    block: Block
    services: list[str]
    owners: tuple[I4, I4, I4] | None
    discoveries: list[Discovery]
    refusals: Refusals

    def settle(self, numbers: Sequence[int]) -> Batch:
        """The batch once each discovery has its series, 0 for the ones refused: their points go."""
        if not self.discoveries:
            return self
        found = np.array(numbers, np.int32)
        sections: list[Any] = []
        owners: list[I4] = []
        parts: tuple[Any, ...] = (self.block.numbers, self.block.sketches, self.block.explicits)
        for place, each in enumerate(parts):
            series = each.series.copy()
            new = series < 0
            series[new] = found[-series[new] - 1]
            kept = series > 0
            sections.append(take(replace(each, series=series), kept))
            owners.append(self.owners[place][kept] if self.owners else series[:0])
        settled = Block(*sections)
        return replace(
            self, block=settled, discoveries=[], owners=(owners[0], owners[1], owners[2]) if self.owners else None
        )

    def lost(self, refused: Sequence[int]) -> dict[int, int]:
        """How many points each of these discoveries (by place) has."""
        wanted = {-place - 1: place for place in refused}
        counts: dict[int, int] = {}
        for each in (self.block.numbers, self.block.sketches, self.block.explicits):
            values, sizes = np.unique(each.series[each.series < 0], return_counts=True)
            for value, size in zip(values.tolist(), sizes.tolist(), strict=True):
                if value in wanted:
                    counts[wanted[value]] = counts.get(wanted[value], 0) + size
        return counts

    def by_service(self) -> list[tuple[str, Block]]:
        """The points of each service that has any."""
        if self.owners is None:
            return [(self.services[0], self.block)] if self.block.points else []
        parts = [
            (
                service,
                Block(
                    take(self.block.numbers, self.owners[0] == place),
                    take(self.block.sketches, self.owners[1] == place),
                    take(self.block.explicits, self.owners[2] == place),
                ),
            )
            for place, service in enumerate(self.services)
        ]
        return [(service, block) for service, block in parts if block.points]


def again(known: Remembered, body: bytes, now: int) -> Batch | None:
    """The batch of a request that repeats a known one with other times and numbers; none when some of those are wrong."""
    at, start, value = known.read(body)
    if not np.isfinite(value).all() or _outside(at, now).any():
        return None
    numbers = section(Numbers, series=known.series, at=at, start=start, value=value)
    block = Block(numbers, EMPTY.sketches, EMPTY.explicits)
    return Batch(block, known.services, known.owners, [], Refusals())


@dataclass(frozen=True, slots=True)
class OddSketch:
    """A point that was read by itself; `counts` are packed varints."""

    series: int
    at: int
    start: int
    count: int
    sum: float
    low: float
    high: float
    scale: int
    zero: int
    offset: int
    counts: bytes


Odd = Callable[[Stream, int, int], None]


class Gathered:
    """Points as they are read; `finish` makes a batch of them."""

    def __init__(self, refusals: Refusals) -> None:
        self.refusals = refusals
        self.discoveries: list[Discovery] = []
        self._pending: dict[tuple[int, bytes], int] = {}
        self._ids: list[int] = []
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._runs: list[tuple[Stream, int]] = []
        self._numbers: list[tuple[int, int, int, float]] = []
        self._number_streams: list[Stream] = []
        self._sketch_ids: list[int] = []
        self._sketch_begins: list[int] = []
        self._sketch_places: list[int] = []
        self._sketch_ends: list[int] = []
        self._sketch_runs: list[tuple[Stream, int]] = []
        self._sketches: list[OddSketch] = []
        self._sketch_streams: list[Stream] = []
        self._explicits: list[tuple[int, int, int, int, float, bytes, float, float]] = []
        self._explicit_streams: list[Stream] = []

    def pending(self, stream: Stream, key: bytes) -> int:
        """The stand-in of a series discovered earlier in this request, or 0."""
        return self._pending.get((id(stream), key), 0)

    def discover(self, stream: Stream, key: bytes, attributes: dict[str, str]) -> int:
        """A negative stand-in for a new series."""
        self.discoveries.append(Discovery(stream, key, attributes))
        self._pending[id(stream), key] = -len(self.discoveries)
        return -len(self.discoveries)

    def numbers(self, stream: Stream, ids: list[int], begins: list[int], ends: list[int]) -> None:
        """Number points by their places; the ones with id 0 were dealt with."""
        self._ids += ids
        self._begins += begins
        self._ends += ends
        self._runs.append((stream, len(ids)))

    def number(self, stream: Stream, series: int, at: int, start: int, value: float) -> None:
        self._numbers.append((series, at, start, value))
        self._number_streams.append(stream)

    def sketches(self, stream: Stream, ids: list[int], begins: list[int], places: list[int], ends: list[int]) -> None:
        """Points of exponential histograms by their places; what follows the attributes begins at `places`."""
        self._sketch_ids += ids
        self._sketch_begins += begins
        self._sketch_places += places
        self._sketch_ends += ends
        self._sketch_runs.append((stream, len(ids)))

    def sketch(self, stream: Stream, sketch: OddSketch) -> None:
        self._sketches.append(sketch)
        self._sketch_streams.append(stream)

    def explicit(
        self,
        stream: Stream,
        series: int,
        start: int,
        at: int,
        count: int,
        total: float,
        counts: bytes,
        low: float,
        high: float,
    ) -> None:
        self._explicits.append((series, at, start, count, total, counts, low, high))
        self._explicit_streams.append(stream)

    @property
    def begins(self) -> I8:
        """Where the number points begin that were gathered by their places."""
        return np.array(self._begins, np.int64)

    def is_plain(self, batch: Batch) -> bool:
        """Whether every point of the request is a number of the usual layout, of a series known before, and good."""
        return (
            len(batch.block.numbers.series) == len(self._ids) == batch.block.points > 0
            and not self.discoveries
            and not self._numbers
            and not self._sketch_ids
            and not self._explicits
            and not batch.refusals.total
        )

    def finish(self, body: bytes, now: int, odd_number: Odd, odd_sketch: Odd) -> Batch:
        """The batch; padding follows `body`, `odd_number` and `odd_sketch` read points of uncommon layout."""
        numbers, number_streams = self._finish_numbers(body, now, odd_number)
        sketches, sketch_streams = self._finish_sketches(body, now, odd_sketch)
        explicits, explicit_streams = self._finish_explicits(now)
        streams = (number_streams, sketch_streams, explicit_streams)
        services = list(dict.fromkeys(stream.service for each in streams for stream, _ in each.runs))
        owners = None
        if len(services) > 1:
            place = {service: number for number, service in enumerate(services)}
            owners = tuple(
                np.repeat(
                    np.fromiter((place[stream.service] for stream, _ in each.runs), np.int32, len(each.runs)),
                    np.fromiter((size for _, size in each.runs), np.int64, len(each.runs)),
                )[each.kept]
                for each in streams
            )
        return Batch(
            block=Block(numbers, sketches, explicits),
            services=services,
            owners=owners,  # type: ignore[arg-type]
            discoveries=self.discoveries,
            refusals=self.refusals,
        )

    def _finish_numbers(self, body: bytes, now: int, odd: Odd) -> tuple[Numbers, _Runs]:
        runs = self._runs
        size = len(self._ids)
        if not size:
            return section(Numbers), _Runs([], np.zeros(0, bool))
        ids = np.array(self._ids, np.int32)
        begin = np.array(self._begins, np.int64)
        end = np.array(self._ends, np.int64)
        usual, at, start, value = usual_numbers(body, begin, end)
        usual &= ids != 0
        if not usual.all():
            for stream, places in _whose(runs, ~usual & (ids != 0)):
                for place in places.tolist():
                    odd(stream, self._begins[place], self._ends[place])
        if self._numbers:
            series, odd_at, odd_start, odd_value = zip(*self._numbers, strict=True)
            ids = np.concatenate((ids, np.array(series, np.int32)))
            at = np.concatenate((at, np.array(odd_at, np.int64)))
            start = np.concatenate((start, np.array(odd_start, np.int64)))
            value = np.concatenate((value, np.array(odd_value, np.float64)))
            usual = np.concatenate((usual, np.ones(len(series), bool)))
            runs = [*runs, *((stream, 1) for stream in self._number_streams)]
        every = section(Numbers, series=ids, at=at, start=np.maximum(start, 0), value=value)
        if size == len(ids) and usual.all() and np.isfinite(value).all() and not _outside(at, now).any():
            return every, _Runs(runs, usual)
        judge = _Judge(self.refusals, runs, usual)
        judge.times(at, now)
        judge.refuse(~np.isfinite(value), NOT_FINITE)
        return take(every, judge.kept), _Runs(runs, judge.kept)

    def _finish_sketches(self, body: bytes, now: int, odd: Odd) -> tuple[Sketches, _Runs]:
        runs = self._sketch_runs
        if not runs:
            return section(Sketches), _Runs([], np.zeros(0, bool))
        ids = np.array(self._sketch_ids, np.int32)
        usual, columns, raw, lengths = usual_sketches(
            body, np.array(self._sketch_places, np.int64), np.array(self._sketch_ends, np.int64)
        )
        usual &= ids != 0
        for stream, places in _whose(runs, ~usual & (ids != 0)):
            for place in places.tolist():
                odd(stream, self._sketch_begins[place], self._sketch_ends[place])
        if self._sketches:
            more = self._sketches
            usual = np.concatenate((usual, np.ones(len(more), bool)))
            ids = np.concatenate((ids, np.array([each.series for each in more], np.int32)))
            columns = {
                name: np.concatenate((column, np.array([getattr(each, name) for each in more], column.dtype)))
                for name, column in columns.items()
            }
            raw = np.concatenate((raw, np.frombuffer(b"".join(each.counts for each in more), np.uint8)))
            lengths = np.concatenate((lengths, np.array([len(each.counts) for each in more], np.int32)))
            runs = [*runs, *((stream, 1) for stream in self._sketch_streams)]
        flat, width = packed(raw, lengths)
        every = section(
            Sketches,
            series=ids,
            at=columns["at"],
            start=np.maximum(columns["start"], 0),
            # A count beyond 2**63 arrives negative; viewed without a sign it is too large, and refused below.
            count=columns["count"].view(np.uint64),
            sum=columns["sum"],
            low=_known(columns["low"]),
            high=_known(columns["high"]),
            scale=columns["scale"],
            zero=columns["zero"].view(np.uint64),
            offset=columns["offset"],
            width=width,
            counts=flat,
        )
        _limit(flat)
        judge = _Judge(self.refusals, runs, usual)
        judge.times(every.at, now)
        judge.refuse(np.isinf(every.sum), NOT_FINITE)
        judge.refuse((every.scale < SCALES[0]) | (every.scale > SCALES[1]), SCALE)
        judge.refuse(width > MOST_BUCKETS, TOO_WIDE)
        judge.refuse((every.count > MOST_COUNT) | (every.zero > MOST_COUNT) | _any(flat > MOST_COUNT, width), TOO_MANY)
        judge.refuse(_sums(flat, width) + every.zero != every.count, SUMS)
        return take(every, judge.kept), _Runs(judge.runs, judge.kept)

    def _finish_explicits(self, now: int) -> tuple[Explicits, _Runs]:
        if not self._explicits:
            return section(Explicits), _Runs([], np.zeros(0, bool))
        series, at, start, count, total, counts, low, high = zip(*self._explicits, strict=True)
        if any(len(each) % 8 for each in counts):
            raise Malformed("bucket counts are cut off")
        flat = np.frombuffer(b"".join(counts), np.uint64)
        width = np.fromiter((len(each) // 8 for each in counts), np.int32, len(counts))
        every = section(
            Explicits,
            series=series,
            at=at,
            start=np.maximum(np.array(start, np.int64), 0),
            count=np.array(count, np.int64).view(np.uint64),
            sum=total,
            low=_known(low),
            high=_known(high),
            width=width,
            counts=flat,
        )
        _limit(flat)
        bounds = np.fromiter((len(stream.bounds or ()) for stream in self._explicit_streams), np.int32, len(series))
        judge = _Judge(self.refusals, [(stream, 1) for stream in self._explicit_streams], np.ones(len(series), bool))
        judge.times(every.at, now)
        judge.refuse(np.isinf(every.sum), NOT_FINITE)
        # Without buckets a histogram still tells count and sum.
        judge.refuse((width != bounds + 1) & ~((width == 0) & (bounds == 0)), LENGTHS)
        judge.refuse((every.count > MOST_COUNT) | _any(flat > MOST_COUNT, width), TOO_MANY)
        judge.refuse((_sums(flat, width) != every.count) & (width > 0), SUMS)
        return take(every, judge.kept), _Runs(judge.runs, judge.kept)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Whose the points are: streams with the number of points that follow each other, and which of those were kept."""

    runs: list[tuple[Stream, int]]
    kept: Mask


class _Judge:
    def __init__(self, refusals: Refusals, runs: list[tuple[Stream, int]], kept: Mask) -> None:
        self.refusals = refusals
        self.runs = runs
        self.kept = kept

    def times(self, at: I8, now: int) -> None:
        self.refuse(at < now - OLDEST, EARLY)
        self.refuse(at > now + NEWEST, LATE)

    def refuse(self, wrong: Mask, reason: str) -> None:
        """Refuse the points that are wrong and were good until now."""
        wrong = wrong & self.kept
        if not wrong.any():
            return
        self.kept = self.kept & ~wrong
        for stream, places in _whose(self.runs, wrong):
            self.refusals.add(stream.metric, reason, len(places))


def _whose(runs: list[tuple[Stream, int]], wanted: Mask) -> list[tuple[Stream, NDArray[np.int64]]]:
    """The places that are wanted, by the stream they belong to."""
    stops = np.cumsum(np.fromiter((size for _, size in runs), np.int64, len(runs)))
    places = np.flatnonzero(wanted)
    run = np.searchsorted(stops, places, side="right")
    edges = np.flatnonzero(np.diff(run)) + 1
    return [(runs[run[part[0]]][0], places[part]) for part in np.split(np.arange(len(run)), edges) if len(part)]


def _outside(at: I8, now: int) -> Mask:
    return (at < now - OLDEST) | (at > now + NEWEST)


def _known(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """A least or greatest value that is no finite number is not known."""
    said = np.asarray(values, np.float64)
    return np.where(np.isfinite(said), said, np.nan)


def _limit(flat: NDArray[np.uint64]) -> None:
    if len(flat) > MOST_COUNTS:
        raise Malformed(f"one request may hold {MOST_COUNTS} buckets")


def _sums(flat: NDArray[np.uint64], width: I4) -> NDArray[np.uint64]:
    before = np.concatenate((np.zeros(1, np.uint64), np.cumsum(flat, dtype=np.uint64)))
    stops = np.cumsum(width)
    sums: NDArray[np.uint64] = before[stops] - before[stops - width]
    return sums


def _any(flags: Mask, width: I4) -> Mask:
    if not flags.any():
        return np.zeros(len(width), bool)
    return _sums(flags.astype(np.uint64), width) > 0
