"""What is asked before and after compaction is answered alike, whatever came late, twice or out of order."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from century.core.work import Works
from century.telemetry import block, compaction, raw, sketch, slots
from century.telemetry.block import Block
from century.telemetry.instants import nanoseconds
from century.telemetry.query import Reader
from century.telemetry.summary import Summary
from century.telemetry.tables import BlockRow, ChunkRow, RollupRow
from tests.telemetry import feed
from tests.telemetry.feed import Feed
from tests.world import MovableClock

BEGIN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
SPAN = timedelta(hours=3)
BOUND = sketch.relative_error(sketch.MAX_SCALE) * (1 + 1e-6)


def load(seed: int = 1, each: int = 4) -> tuple[list[int], list[np.ndarray]]:
    generator = np.random.default_rng(seed)
    at = feed.times(BEGIN, SPAN, 30)
    return at, [generator.lognormal(-2.5, 0.8, generator.integers(0, each * 2)) for _ in at]


async def summary(works: Works, service: int, start: datetime, end: datetime, step: int) -> Summary:
    wanted = slots.Slots(nanoseconds(start), nanoseconds(end), step * feed.SECOND)
    async with raw.reading(works.engine) as connection:
        return await Reader(works.engine).summaries(connection, [service], wanted)


def check(made: Summary, at: list[int], values: list[np.ndarray], start: datetime, end: datetime) -> None:
    """A summary against the raw values, slot by slot."""
    quantiles = made.requests.quantiles([0.5, 0.95, 0.99])
    for number, begin in enumerate(made.starts.tolist()):
        low, high = max(begin, nanoseconds(start)), min(begin + made.step, nanoseconds(end))
        inside = [each for time, each in zip(at, values, strict=True) if low <= time < high]
        raw_values = np.sort(np.concatenate(inside)) if inside else np.zeros(0)
        assert made.requests.count[number] == len(raw_values)
        assert made.requests.sum[number] == pytest.approx(raw_values.sum())
        for row, share in enumerate((0.5, 0.95, 0.99)):
            if len(raw_values):
                true = raw_values[math.ceil(share * len(raw_values) - 1e-9) - 1]
                assert abs(quantiles[row, number] / true - 1) <= BOUND


async def test_every_resolution_says_the_same_before_and_after(works: Works, clock: MovableClock) -> None:
    shop = await Feed.new(works)
    good = await shop.series(http__route="/", http__response__status_code="200")
    bad = await shop.series(http__route="/", http__response__status_code="503")
    at, values = load()
    _, failures = load(2, 1)
    parts = [feed.sketches(good, at, values), feed.sketches(bad, at, failures)]
    await shop.send(block.concat(parts))
    united = [np.concatenate(pair) for pair in zip(values, failures, strict=True)]
    errors = sum(len(each) for each in failures)

    async def everything() -> None:
        for step in (60, 300, 3600, 10_800, 86_400):
            made = await summary(works, shop.service, BEGIN, BEGIN + SPAN, step)
            check(made, at, united, BEGIN, BEGIN + SPAN)
            assert made.errors.sum() == errors
        start, end = BEGIN + timedelta(minutes=17), BEGIN + timedelta(hours=2, minutes=41)
        for step in (60, 900, 3600, 86_400):
            check(await summary(works, shop.service, start, end, step), at, united, start, end)

    await everything()
    clock.instant = BEGIN + timedelta(hours=2, minutes=30)
    assert await compaction.compact(works) == 2
    await everything()
    clock.instant = BEGIN + timedelta(hours=5)
    assert await compaction.compact(works) == 1
    assert await compaction.compact(works) == 0
    async with works.read() as work:
        assert await work.scalar(select(func.count()).select_from(BlockRow)) == 0
        assert await work.scalar(select(func.count()).select_from(ChunkRow)) == 6
        assert await work.scalar(select(func.count()).select_from(RollupRow)) == 2
    await everything()


async def test_late_and_repeated_points_change_nothing_but_what_is_new(works: Works, clock: MovableClock) -> None:
    shop = await Feed.new(works)
    series = await shop.series(http__route="/")
    at, values = load()
    order = list(range(len(at)))
    random.Random(3).shuffle(order)
    early, late = sorted(order[: len(order) // 2]), sorted(order[len(order) // 2 :])

    def some(places: list[int]) -> Block:
        return feed.sketches(series, [at[place] for place in places], [values[place] for place in places])

    await shop.send(some(early))
    clock.instant = BEGIN + timedelta(hours=5)
    await compaction.compact(works)
    await shop.send(some(late))
    await shop.send(some(early[: len(early) // 2] + late[::2]))
    check(await summary(works, shop.service, BEGIN, BEGIN + SPAN, 60), at, values, BEGIN, BEGIN + SPAN)
    check(await summary(works, shop.service, BEGIN, BEGIN + SPAN, 3600), at, values, BEGIN, BEGIN + SPAN)
    await compaction.compact(works)
    check(await summary(works, shop.service, BEGIN, BEGIN + SPAN, 60), at, values, BEGIN, BEGIN + SPAN)
    check(await summary(works, shop.service, BEGIN, BEGIN + SPAN, 3600), at, values, BEGIN, BEGIN + SPAN)
    await shop.send(some(order))
    check(await summary(works, shop.service, BEGIN, BEGIN + SPAN, 300), at, values, BEGIN, BEGIN + SPAN)
    await compaction.compact(works)
    check(await summary(works, shop.service, BEGIN, BEGIN + SPAN, 300), at, values, BEGIN, BEGIN + SPAN)


async def test_cumulative_streams_add_up_across_compaction_and_restarts(works: Works, clock: MovableClock) -> None:
    shop = await Feed.new(works)
    sketched = await shop.series(form="cumulative_sketch", http__route="/a")
    bounded = await shop.series(form="cumulative_explicit", http__route="/b", bounds=[0.01, 0.05, 0.1, 0.5, 1.0])
    counter = await shop.series("jobs", form="cumulative", kind="sum", unit="1")
    at, values = load()
    starts = [nanoseconds(BEGIN) - feed.SECOND if place < 200 else at[199] + 1 for place in range(len(at))]
    running: list[np.ndarray] = []
    for place, each in enumerate(values):
        anew = place in (0, 200)
        running.append(each if anew else np.concatenate([running[-1], each]))
    totals = [float(len(each)) for each in running]
    given = [
        feed.sketches(sketched, at, running, start=starts),
        feed.explicits(bounded, at, running, [0.01, 0.05, 0.1, 0.5, 1.0], start=starts),
        feed.numbers(counter, at, totals, start=starts),
    ]
    await shop.send(block.concat(given))
    expected = sum(len(each) for each in values)

    async def everything() -> None:
        made = await summary(works, shop.service, BEGIN, BEGIN + SPAN, 3600)
        assert made.requests.count.sum() == expected * 2
        assert made.requests.sum.sum() == pytest.approx(sum(each.sum() for each in values) * 2)
        assert made.requests.approximate
        wanted = slots.Slots(nanoseconds(BEGIN), nanoseconds(BEGIN + SPAN), 60 * feed.SECOND)
        async with raw.reading(works.engine) as connection:
            known = await raw.series_by_id(connection, [counter])
            tallies = await Reader(works.engine).tallies(connection, known, wanted)
            hourly = await Reader(works.engine).tallies(
                connection, known, slots.Slots(wanted.start, wanted.end, feed.HOUR)
            )
        assert tallies[counter].sum.sum() == expected == hourly[counter].sum.sum()
        assert tallies[counter].sum.tolist() == [
            float(sum(len(each) for time, each in zip(at, values, strict=True) if begin <= time < begin + wanted.step))
            for begin in wanted.starts.tolist()
        ]

    await everything()
    for hours in (2, 3, 5):
        clock.instant = BEGIN + timedelta(hours=hours, minutes=10)
        await compaction.compact(works)
        await everything()


async def test_numbers_keep_their_exact_times_and_values(works: Works, clock: MovableClock) -> None:
    shop = await Feed.new(works)
    gauge = await shop.series("process.cpu.utilization", form="number", kind="gauge", unit="1", cpu__mode="user")
    idle = await shop.series("system.cpu.utilization", form="number", kind="gauge", unit="1", state="idle")
    generator = np.random.default_rng(5)
    at = [time + int(generator.integers(0, 10**7)) for time in feed.times(BEGIN, SPAN)]
    value = generator.random(len(at)).tolist()
    await shop.send(block.concat([feed.numbers(gauge, at, value), feed.numbers(idle, at, [0.9] * len(at))]))
    wanted = slots.Slots(at[7], at[-3], 10 * feed.SECOND)

    async def everything() -> None:
        async with raw.reading(works.engine) as connection:
            known = await raw.series_by_id(connection, [gauge])
            found = await Reader(works.engine).numbers(connection, known, wanted)
        assert found[gauge][0].tolist() == at[7:-3] and found[gauge][1].tolist() == value[7:-3]
        made = await summary(works, shop.service, BEGIN, BEGIN + SPAN, 3600)
        assert made.cpu == pytest.approx(np.array(value).reshape(3, -1).mean(axis=1), rel=1e-5)

    await everything()
    clock.instant = BEGIN + timedelta(hours=3)
    await compaction.compact(works)
    await everything()
    clock.instant = BEGIN + timedelta(hours=5)
    await compaction.compact(works)
    await everything()


async def test_a_hot_hour_says_the_same_however_it_came_in(works: Works) -> None:
    shop = await Feed.new(works)
    series = [await shop.series(http__route=route) for route in ("/", "/pay")]
    reader = Reader(works.engine)
    at, values = load(7)
    chance = random.Random(11)
    order = sorted(range(len(at)), key=lambda place: place + chance.randrange(12))
    sent: list[int] = []
    while len(sent) < len(order):
        size = chance.randrange(1, 60)
        fresh = order[len(sent) : len(sent) + size]
        sent += fresh
        again = chance.sample(sent, min(len(sent), 3)) if chance.random() < 0.5 else []
        for number in (0, 1):
            mine = sorted(place for place in fresh if place % 2 == number)
            repeated = [place for place in again if place % 2 == number]
            for places in (mine, repeated):
                if places:
                    await shop.send(feed.sketches(series[number], [at[n] for n in places], [values[n] for n in places]))
        for step in chance.sample([10, 60, 300, 3600], 2):
            wanted = slots.Slots(nanoseconds(BEGIN), nanoseconds(BEGIN + SPAN), step * feed.SECOND)
            async with raw.reading(works.engine) as connection:
                made = await reader.summaries(connection, [shop.service], wanted)
            inside = sorted(sent)
            check(made, [at[n] for n in inside], [values[n] for n in inside], BEGIN, BEGIN + SPAN)
            observed = {at[n] // (60 * feed.SECOND) for n in inside if len(values[n])}
            assert step < 60 or made.observed.sum() == len(observed)
