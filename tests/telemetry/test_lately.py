"""The last minutes are read as `Recent` reads them, whatever form they came in."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from century.core.work import Works
from century.telemetry import block, compaction
from century.telemetry.instants import nanoseconds
from century.telemetry.lately import Lately
from century.telemetry.raw import reading
from century.telemetry.recent import Recent
from tests.telemetry.feed import Feed, numbers, sketches, times
from tests.world import START, MovableClock


@pytest.mark.parametrize("what", ["delta", "cumulative", "late"])
async def test_the_last_minutes_are_those_of_the_hour(works: Works, clock: MovableClock, what: str) -> None:
    feed, begin = await Feed.new(works), START - timedelta(minutes=12)
    latency = await feed.series()
    form, kind = ("cumulative", "sum") if what == "cumulative" else ("number", "gauge")
    gauge = await feed.series("queue.depth", form=form, kind=kind, unit="1")
    generator = np.random.default_rng(1)
    for at in times(begin, timedelta(minutes=12)):
        sent = [sketches(latency, [at], [generator.lognormal(-2, 0.5, 5)]), numbers(gauge, [at], [float(at % 977)])]
        await feed.send(block.concat(sent))
        if at % 7 == 0:
            await feed.send(sent[0])  # an exporter that repeats itself in other company
    clock.instant = START
    if what == "late":
        clock.advance(minutes=10)
        assert await compaction.compact(works) == 1
        await feed.send(numbers(gauge, [nanoseconds(START) - 1], [1.0]))
    recent = Recent()
    lately = Lately(Recent())
    span = nanoseconds(START - timedelta(minutes=5)) + 1, nanoseconds(START) + 1
    for _ in range(2):
        async with reading(works.engine) as raw:
            expected, known = await recent.points(raw, [feed.service], *span, lambda each: True)
            found, series = await lately.points(raw, [feed.service], *span, lambda each: True)
        assert series == known
        for section in ("numbers", "sketches"):
            for name in block.NAMES[type(getattr(found, section))]:
                assert np.array_equal(
                    getattr(getattr(found, section), name), getattr(getattr(expected, section), name), equal_nan=True
                )
        assert len(found.numbers.at) == (1 if what == "late" else 29)
