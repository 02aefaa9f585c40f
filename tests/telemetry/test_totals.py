"""Totals of all services: they spare reading, and what is answered is the same with them as without."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import delete

from century.core.work import Works
from century.telemetry import compaction, raw, slots, summary, totals
from century.telemetry.instants import nanoseconds
from century.telemetry.query import Reader
from century.telemetry.summary import Summary
from century.telemetry.tables import SummaryRow
from tests.telemetry import feed
from tests.telemetry.feed import Feed
from tests.world import MovableClock

BEGIN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
SPAN = timedelta(hours=2)
DAY = datetime(2026, 11, 2, tzinfo=UTC)


async def ask(works: Works, services: list[int], step: int) -> Summary:
    wanted = slots.Slots(nanoseconds(BEGIN), nanoseconds(BEGIN + SPAN), step * feed.SECOND)
    async with raw.reading(works.engine) as connection:
        return await Reader(works.engine).summaries(connection, services, wanted)


def same(one: Summary, other: Summary) -> None:
    for name in ("errors", "observed", "up", "cpu_weight"):
        assert (getattr(one, name) == getattr(other, name)).all()
    assert (one.requests.count == other.requests.count).all() and np.allclose(one.requests.sum, other.requests.sum)
    ours, theirs = (each.requests.quantiles([0.5, 0.95]) for each in (one, other))
    assert np.allclose(ours, theirs, rtol=1e-3, equal_nan=True)


async def test_totals_are_passed_over_as_soon_as_one_of_their_rows_changes(works: Works, clock: MovableClock) -> None:
    shops = [await Feed.new(works, name) for name in ("basket", "orders", "search")]
    services = [shop.service for shop in shops]
    series = [await shop.series(http__route="/") for shop in shops]
    at = feed.times(BEGIN, SPAN, 30)
    generator = np.random.default_rng(5)
    values = [[generator.lognormal(-2.5, 0.8, 5) for _ in at] for _ in shops]
    for shop, number, raw_values in zip(shops, series, values, strict=True):
        await shop.send(feed.sketches(number, at, raw_values))

    async def told_alike(count: int) -> None:
        for step in (60, 3600):
            together = await ask(works, services, step)
            assert together.requests.count.sum() == count
            same(together, summary.together([await ask(works, [service], step) for service in services]))

    async def standing() -> set[totals.Slot]:
        """The totals that stand for the summaries there are."""
        async with raw.reading(works.engine) as connection:
            listed = await connection.fetch(
                "SELECT step, start, array_agg(service_id ORDER BY service_id),"
                " array_agg(xmin::text::bigint ORDER BY service_id) FROM summary GROUP BY 1, 2"
            )
            rows = {(step, start): tuple(zip(*members, strict=True)) for step, start, *members in listed}
            return set(await totals.find(connection, rows))

    await told_alike(3 * 5 * len(at))
    clock.instant = BEGIN + timedelta(hours=5)
    await compaction.compact(works)
    everything = {(60, BEGIN), (60, BEGIN + timedelta(hours=1)), (3600, DAY)}
    assert await standing() == everything
    await told_alike(3 * 5 * len(at))

    await shops[1].send(feed.sketches(series[1], [at[0] + 1], [np.array([0.25])]))
    await told_alike(3 * 5 * len(at) + 1)
    await compaction.compact_hour(works, services[1], BEGIN)
    assert await standing() == {(60, BEGIN + timedelta(hours=1))}
    await told_alike(3 * 5 * len(at) + 1)

    await shops[1].send(feed.sketches(series[1], [at[0] + 2], [np.array([0.25])]))
    await compaction.compact(works)
    assert await standing() == everything
    await told_alike(3 * 5 * len(at) + 2)

    async with works.begin() as work:
        await work.execute(delete(SummaryRow).where(SummaryRow.service_id == services[2]))
    assert (await ask(works, services, 3600)).requests.count.sum() == 2 * 5 * len(at) + 2


def test_minutes_of_many_services_survive_their_bytes() -> None:
    made = summary.empty(0, feed.SECOND * 60, 60)
    many = replace(made, observed=np.arange(60) * 50, up=np.arange(60) * 49, errors=np.arange(60))
    for one in (made, many):
        same(summary.decode(summary.encode(one)), one)
