"""What is merged once and kept at hand says what the rows say, whatever changed in them since."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np

from century.core.timerange import TimeRange
from century.core.work import Works
from century.telemetry import block, compaction, load, raw, slots
from century.telemetry.grid import Grid
from century.telemetry.instants import nanoseconds
from century.telemetry.query import Reader
from century.telemetry.raw import series_by_id
from tests.telemetry import feed
from tests.telemetry.feed import Feed
from tests.world import MovableClock

BEGIN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
SPAN = timedelta(days=3, hours=5)


def alike(one: Grid, other: Grid) -> None:
    assert (one.count == other.count).all() and (one.zero == other.zero).all()
    assert np.allclose(one.sum, other.sum)
    assert np.array_equal(one.low, other.low, equal_nan=True) and np.array_equal(one.high, other.high, equal_nan=True)
    shares = [0.5, 0.95]
    assert np.allclose(one.quantiles(shares), other.quantiles(shares), equal_nan=True)


async def test_a_reader_with_a_memory_says_the_same_as_one_without(works: Works, clock: MovableClock) -> None:
    shops = [await Feed.new(works, name) for name in ("basket", "orders")]
    series = [[await shop.series(http__route=route) for route in ("/", "/pay")] for shop in shops]
    chance, generator = random.Random(23), np.random.default_rng(23)
    lasting = Reader(works.engine)
    at = feed.times(BEGIN, SPAN, 600)

    async def send(shop: int, places: list[int], shift: int) -> None:
        parts = [
            feed.sketches(number, [at[n] + shift for n in places], [generator.lognormal(-2, 1, 4) for _ in places])
            for number in series[shop]
        ]
        await shops[shop].send(block.concat(parts))

    async def ask(reader: Reader, wanted: slots.Slots, who: list[int], apart: bool) -> list[Grid]:
        async with raw.reading(works.engine) as connection:
            made = await reader.summaries(connection, [shops[n].service for n in who], wanted)
            known = await series_by_id(connection, [number for n in who for number in series[n]])
            groups = {number: place if apart else 0 for place, number in enumerate(known)}
            assert (made.observed >= made.up).all()
            grids = await reader.grids(connection, known, groups, wanted)
            assert sum(each.count.sum() for each in grids) == made.requests.count.sum()
            return [made.requests, *grids]

    clock.instant = BEGIN + SPAN + timedelta(hours=2)
    everything = list(range(len(at)))
    for shop in (0, 1):
        await send(shop, [place for place in everything if place % 10], 0)
    total = 0
    for turn in range(6):
        await compaction.compact(works)
        for _ in range(4):
            start = BEGIN + timedelta(minutes=chance.choice([0, 18 * 60, chance.randrange(48 * 60)]))
            end = chance.choice([BEGIN + SPAN, start + timedelta(minutes=chance.randrange(60, 29 * 60))])
            step = chance.choice([60, 900, 3600, 10_800, 86_400, 1 << 22])
            wanted = slots.Slots(nanoseconds(start), nanoseconds(end), step * feed.SECOND)
            if step == 1 << 22:
                wanted = slots.one_slot(wanted.start, wanted.end)
            who, apart = chance.choice([[0], [1], [0, 1]]), chance.random() < 0.5
            made = await ask(lasting, wanted, who, apart)
            for one, other in zip(made, await ask(Reader(works.engine), wanted, who, apart), strict=True):
                alike(one, other)
            total += int(made[0].count.sum())
        late = chance.sample(everything, 2)
        await send(chance.choice([0, 1]), sorted(late), turn + 1)
    assert total > 10_000


async def test_what_is_left_out_of_how_a_service_stood_is_left_out_by_the_minute(
    works: Works, clock: MovableClock
) -> None:
    shop = await Feed.new(works)
    good, bad = await shop.series(), await shop.series(error__type="timeout")
    chance = random.Random(5)
    minutes = [nanoseconds(BEGIN) + number * 60 * feed.SECOND for number in range(0, 53 * 60, 7)]
    failing = set(chance.sample(minutes, len(minutes) // 3))
    one = np.array([0.1])
    await shop.send(
        block.concat(
            [
                feed.sketches(good, [at + feed.SECOND for at in minutes if at not in failing], [one] * (len(minutes) - len(failing))),
                feed.sketches(bad, [at + feed.SECOND for at in sorted(failing)], [one] * len(failing)),
            ]
        )
    )  # fmt: skip
    # The first two days are compacted, the last hours are not.
    clock.instant = BEGIN + timedelta(hours=48)
    await compaction.compact(works)
    clock.instant = BEGIN + timedelta(hours=53)
    span = TimeRange(BEGIN.replace(hour=0), clock.instant)
    for turn in range(12):
        left_out = []
        for _ in range(turn):
            start = BEGIN + timedelta(seconds=chance.randrange(-3600, 54 * 3600))
            left_out.append((start, start + timedelta(seconds=chance.choice([0, 1, 90, 5_000, 40_000]))))
        kept = [
            at for at in minutes
            if not any(nanoseconds(start) < at + 60 * feed.SECOND and at < nanoseconds(end) and start < end for start, end in left_out)
        ]  # fmt: skip
        found = (await load.availability(works, Reader(works.engine), {shop.service: left_out}, span, 3))[shop.service]
        days = [int(at) for at in found.slots.starts]
        assert found.observed.tolist() == [sum(day <= at < day + 86_400 * feed.SECOND for at in kept) for day in days]
        assert found.up.tolist() == [
            sum(day <= at < day + 86_400 * feed.SECOND and at not in failing for at in kept) for day in days
        ]
