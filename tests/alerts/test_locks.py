"""Two that change the same alerts at once: everybody locks in one order, and nobody waits for whoever waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from century.alerts import dependencies, service, sweeps
from century.alerts.alert import Alert, AlertState
from century.alerts.kept import alerts_by_id
from century.rules.verdict import Standing
from tests.alerts.conftest import ADA, Desk
from tests.alerts.examples import a_rule

CAUSE, BETWEEN = a_rule(2, "database_down"), a_rule(3, "slow")
ERRORS = a_rule(depends_on=(CAUSE.id,))
Ending = Callable[[Desk, Alert], Awaitable[None]]


async def one_after_the_other(desk: Desk, *, now: Alert, between: Alert, last: Alert, other: Awaitable[None]) -> None:
    """Somebody acknowledges three alerts and holds the first when the other begins, who wants the first and the last."""

    async def acknowledge() -> None:
        async with desk.works.begin(ADA) as work:
            await service.acknowledge_many(work, [last.id, between.id, now.id], None)

    assert now.id < between.id < last.id
    async with desk.works.begin() as work:
        await alerts_by_id(work, [between.id], lock="update")
        first = asyncio.create_task(acknowledge())
        await desk.world.waits_for_a_lock()
        second = asyncio.ensure_future(other)
        await desk.world.waits_for_a_lock(2)
    await asyncio.gather(first, second)


async def fired(desk: Desk, *rules: object) -> list[Alert]:
    found = []
    for rule in rules:
        desk.clock.advance(seconds=1)
        found += await desk.find(rule, Standing.FIRING, stored=True)  # type: ignore[arg-type]
    return found


async def by_hand(desk: Desk, cause: Alert) -> None:
    async with desk.works.begin(ADA) as work:
        await service.resolve(work, cause.id)


async def by_hand_with_others(desk: Desk, cause: Alert) -> None:
    async with desk.works.begin(ADA) as work:
        await service.resolve_many(work, [cause.id], None)


async def by_its_rule(desk: Desk, cause: Alert) -> None:
    await desk.find(CAUSE, Standing.OK, 0.0)


async def with_its_rule(desk: Desk, cause: Alert) -> None:
    async with desk.works.begin() as work:
        await work.execute(text("UPDATE rule SET enabled = false WHERE name = 'database_down'"))
    async with desk.works.begin() as work:
        assert await sweeps.end_forsaken(work) == 1


@pytest.mark.parametrize("ends", [by_hand, by_hand_with_others, by_its_rule, with_its_rule])
async def test_a_cause_ends_while_its_consequence_is_acknowledged(desk: Desk, ends: Ending) -> None:
    await desk.keep(CAUSE, BETWEEN, ERRORS)
    child, between, cause = await fired(desk, ERRORS, BETWEEN, CAUSE)
    async with desk.works.begin() as work:
        assert await dependencies.adopt(work) == 1
    await one_after_the_other(desk, now=child, between=between, last=cause, other=ends(desk, cause))
    states = {each.rule_name: each.state for each in await desk.alerts()}
    assert states == {
        "high_error_rate": AlertState.ACKNOWLEDGED, "slow": AlertState.ACKNOWLEDGED, "database_down": AlertState.RESOLVED,
    }  # fmt: skip


async def test_a_consequence_fires_while_its_cause_is_acknowledged(desk: Desk) -> None:
    await desk.keep(CAUSE, BETWEEN, ERRORS)
    cause, between = await fired(desk, CAUSE, BETWEEN)
    desk.clock.advance(seconds=1)
    await desk.find(ERRORS, Standing.PENDING)
    pending = await desk.of(ERRORS)

    async def fires() -> None:
        await desk.find(ERRORS, Standing.FIRING)

    await one_after_the_other(desk, now=cause, between=between, last=pending, other=fires())
    child = await desk.of(ERRORS)
    assert (child.state, child.parent_id) == (AlertState.FIRING, cause.id)


async def test_a_cause_that_somebody_holds_adopts_a_moment_later(desk: Desk) -> None:
    await desk.keep(CAUSE, ERRORS)
    await fired(desk, ERRORS)
    (cause,) = await fired(desk, CAUSE)

    async def adopt() -> int:
        async with desk.works.begin() as work:
            return await dependencies.adopt(work)

    async with desk.works.begin() as work:
        await alerts_by_id(work, [cause.id], lock="update")
        async with asyncio.timeout(5):
            assert await adopt() == 0
    assert await adopt() == 1
