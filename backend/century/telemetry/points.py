"""The points gathered from one request, brought into columns; what is wrong with a point is found here, all at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from century.telemetry import exemplar
from century.telemetry.batch import Batch, Discovery
from century.telemetry.block import EMPTY, I8, Block, Explicits, Numbers, Sketches, section, take
from century.telemetry.exemplar import Exemplar
from century.telemetry.identity import MOST_BUCKETS, Stream
from century.telemetry.judge import (
    LENGTHS,
    MOST_COUNT,
    NOT_FINITE,
    SCALE,
    SCALES,
    SUMS,
    TOO_MANY,
    TOO_WIDE,
    Judge,
    Runs,
    any_bucket,
    known_or_nan,
    limit_buckets,
    outside,
    sums,
    whose,
)
from century.telemetry.layout import usual_numbers, usual_sketches
from century.telemetry.pointwise import Exemplars, OddSketch
from century.telemetry.recall import Remembered
from century.telemetry.refusals import Refusals
from century.telemetry.wire import Malformed, packed

NUMBERS, SKETCHES, EXPLICITS, ALONE = range(4)


def again(known: Remembered, body: bytes, now: int) -> Batch | None:
    """The batch of a request that repeats a known one with other times and numbers; none when some of those are wrong."""
    at, start, value = known.read(body)
    if not np.isfinite(value).all() or outside(at, now).any():
        return None
    numbers = section(Numbers, series=known.series, at=at, start=start, value=value)
    block = Block(numbers, EMPTY.sketches, EMPTY.explicits)
    return Batch(block, known.services, known.owners, [], Refusals())


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
        self._sketch_series: list[int] = []
        self._sketch_streams: list[Stream] = []
        self._explicits: list[tuple[int, int, int, int, float, bytes, float, float]] = []
        self._explicit_streams: list[Stream] = []
        # Of points read by themselves, as every point with exemplars is: which section, and its place among those;
        # ALONE where no value was recorded.
        self._exemplars: list[tuple[int, int, Stream, int, Exemplars]] = []

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

    def number(self, stream: Stream, series: int, at: int, start: int, value: float, exemplars: Exemplars = ()) -> None:
        if exemplars:
            self._exemplars.append((NUMBERS, len(self._numbers), stream, series, exemplars))
        self._numbers.append((series, at, start, value))
        self._number_streams.append(stream)

    def sketches(self, stream: Stream, ids: list[int], begins: list[int], places: list[int], ends: list[int]) -> None:
        """Points of exponential histograms by their places; what follows the attributes begins at `places`."""
        self._sketch_ids += ids
        self._sketch_begins += begins
        self._sketch_places += places
        self._sketch_ends += ends
        self._sketch_runs.append((stream, len(ids)))

    def sketch(self, stream: Stream, series: int, sketch: OddSketch) -> None:
        if sketch.exemplars:
            self._exemplars.append((SKETCHES, len(self._sketches), stream, series, sketch.exemplars))
        self._sketch_series.append(series)
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
        exemplars: Exemplars = (),
    ) -> None:
        if exemplars:
            self._exemplars.append((EXPLICITS, len(self._explicits), stream, series, exemplars))
        self._explicits.append((series, at, start, count, total, counts, low, high))
        self._explicit_streams.append(stream)

    def alone(self, stream: Stream, series: int, exemplars: Exemplars) -> None:
        """Exemplars of a point that has no value."""
        self._exemplars.append((ALONE, 0, stream, series, exemplars))

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
            exemplars=self._finish_exemplars(body, now, streams) if self._exemplars else (),
        )

    def _finish_exemplars(self, body: bytes, now: int, sections: tuple[Runs, Runs, Runs]) -> list[Exemplar]:
        """The exemplars of the points that were kept, and of those without a value; those read by themselves follow the others of their section."""
        usual = (len(self._ids), len(self._sketch_ids), 0)
        points = (
            (stream, series, parts)
            for section, place, stream, series, parts in self._exemplars
            if section == ALONE or sections[section].kept[usual[section] + place]
        )
        return exemplar.read(body, points, now, self.refusals)

    def _finish_numbers(self, body: bytes, now: int, odd: Odd) -> tuple[Numbers, Runs]:
        runs = self._runs
        size = len(self._ids)
        if not size:
            return section(Numbers), Runs([], np.zeros(0, bool))
        ids = np.array(self._ids, np.int32)
        begin = np.array(self._begins, np.int64)
        end = np.array(self._ends, np.int64)
        usual, at, start, value = usual_numbers(body, begin, end)
        usual &= ids != 0
        if not usual.all():
            for stream, places in whose(runs, ~usual & (ids != 0)):
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
        if size == len(ids) and usual.all() and np.isfinite(value).all() and not outside(at, now).any():
            return every, Runs(runs, usual)
        judge = Judge(self.refusals, runs, usual)
        judge.times(at, now)
        judge.refuse(~np.isfinite(value), NOT_FINITE)
        return take(every, judge.kept), Runs(runs, judge.kept)

    def _finish_sketches(self, body: bytes, now: int, odd: Odd) -> tuple[Sketches, Runs]:
        runs = self._sketch_runs
        if not runs:
            return section(Sketches), Runs([], np.zeros(0, bool))
        ids = np.array(self._sketch_ids, np.int32)
        usual, columns, raw, lengths = usual_sketches(
            body, np.array(self._sketch_places, np.int64), np.array(self._sketch_ends, np.int64)
        )
        usual &= ids != 0
        for stream, places in whose(runs, ~usual & (ids != 0)):
            for place in places.tolist():
                odd(stream, self._sketch_begins[place], self._sketch_ends[place])
        if self._sketches:
            more = self._sketches
            usual = np.concatenate((usual, np.ones(len(more), bool)))
            ids = np.concatenate((ids, np.array(self._sketch_series, np.int32)))
            columns = {
                name: np.concatenate((column, np.array([getattr(each, name) for each in more], column.dtype)))
                for name, column in columns.items()
            }
            raw = np.concatenate((raw, np.frombuffer(b"".join(each.counts for each in more), np.uint8)))
            lengths = np.concatenate((lengths, np.array([len(each.counts) for each in more], np.int32)))
            runs = [*runs, *((stream, 1) for stream in self._sketch_streams)]
        limit_buckets(len(raw))
        flat, width = packed(raw, lengths)
        every = section(
            Sketches,
            series=ids,
            at=columns["at"],
            start=np.maximum(columns["start"], 0),
            # A count beyond 2**63 arrives negative; viewed without a sign it is too large, and refused below.
            count=columns["count"].view(np.uint64),
            sum=columns["sum"],
            low=known_or_nan(columns["low"]),
            high=known_or_nan(columns["high"]),
            scale=columns["scale"],
            zero=columns["zero"].view(np.uint64),
            offset=columns["offset"],
            width=width,
            counts=flat,
        )
        judge = Judge(self.refusals, runs, usual)
        judge.times(every.at, now)
        judge.refuse(np.isinf(every.sum), NOT_FINITE)
        judge.refuse((every.scale < SCALES[0]) | (every.scale > SCALES[1]), SCALE)
        judge.refuse(width > MOST_BUCKETS, TOO_WIDE)
        judge.refuse(
            (every.count > MOST_COUNT) | (every.zero > MOST_COUNT) | any_bucket(flat > MOST_COUNT, width), TOO_MANY
        )
        judge.refuse(sums(flat, width) + every.zero != every.count, SUMS)
        return take(every, judge.kept), Runs(judge.runs, judge.kept)

    def _finish_explicits(self, now: int) -> tuple[Explicits, Runs]:
        if not self._explicits:
            return section(Explicits), Runs([], np.zeros(0, bool))
        series, at, start, count, total, counts, low, high = zip(*self._explicits, strict=True)
        if any(len(each) % 8 for each in counts):
            raise Malformed("bucket counts are cut off")
        limit_buckets(sum(map(len, counts)))
        flat = np.frombuffer(b"".join(counts), np.uint64)
        width = np.fromiter((len(each) // 8 for each in counts), np.int32, len(counts))
        every = section(
            Explicits,
            series=series,
            at=at,
            start=np.maximum(np.array(start, np.int64), 0),
            count=np.array(count, np.int64).view(np.uint64),
            sum=total,
            low=known_or_nan(low),
            high=known_or_nan(high),
            width=width,
            counts=flat,
        )
        bounds = np.fromiter((len(stream.bounds or ()) for stream in self._explicit_streams), np.int32, len(series))
        judge = Judge(self.refusals, [(stream, 1) for stream in self._explicit_streams], np.ones(len(series), bool))
        judge.times(every.at, now)
        judge.refuse(np.isinf(every.sum), NOT_FINITE)
        # Without buckets a histogram still tells count and sum.
        judge.refuse((width != bounds + 1) & ~((width == 0) & (bounds == 0)), LENGTHS)
        judge.refuse((every.count > MOST_COUNT) | any_bucket(flat > MOST_COUNT, width), TOO_MANY)
        judge.refuse((sums(flat, width) != every.count) & (width > 0), SUMS)
        return take(every, judge.kept), Runs(judge.runs, judge.kept)
