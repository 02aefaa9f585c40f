"""A long walk of verdicts, people and time: whatever comes in whatever order, these things hold."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from century.alerts import feed, service, sweeps
from century.alerts.alert import Alert, AlertState
from century.alerts.lifecycle import attention
from century.core.errors import Conflict
from century.rules.verdict import Standing
from tests.alerts.conftest import ADA, Desk
from tests.alerts.examples import a_rule

STEPS = 70
RULE = a_rule(reopen_after=timedelta(minutes=20))
# What may follow what on a timeline, comments aside; a suppression that an earlier alert left may end at any time.
ANY = {"alert.resolved", "alert.suppressed", "alert.released"}
FIRING = ANY | {"alert.acknowledged", "alert.response_breached"}
ACKNOWLEDGED = ANY | {"alert.unacknowledged", "alert.reopened"}
FOLLOWS = {
    "alert.opened": FIRING,
    "alert.acknowledged": ACKNOWLEDGED,
    "alert.unacknowledged": FIRING,
    "alert.reopened": FIRING,
    "alert.suppressed": FIRING | ACKNOWLEDGED,
    "alert.released": FIRING | ACKNOWLEDGED,
    "alert.response_breached": ANY | {"alert.acknowledged"},
    "alert.resolved": set(),
}


async def person(desk: Desk, chance: random.Random, alert: Alert) -> None:
    async with desk.works.begin(ADA) as work:
        match chance.randrange(7):
            case 0 | 1:
                await service.acknowledge(work, alert.id, "on it")
            case 2:
                await service.unacknowledge(work, alert.id)
            case 3:
                await service.suppress(work, alert.id, timedelta(minutes=chance.randrange(1, 40)), "known")
            case 4:
                await service.unsuppress(work, alert.id)
            case 5:
                await service.comment(work, alert.id, "still")
            case _:
                await service.resolve(work, alert.id)


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_comes_in_whatever_order(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    await desk.keep(RULE)
    ended: dict[object, Alert] = {}
    for _ in range(STEPS):
        desk.clock.advance(minutes=chance.choice((0, 1, 3, 10)))
        alerts = await desk.alerts()
        if alerts and chance.random() < 0.4:
            try:
                await person(desk, chance, chance.choice(alerts[-3:]))
            except Conflict:
                pass
        elif chance.random() < 0.6:
            await desk.find(
                RULE, chance.choice(list(Standing)), chance.random(), stored=True, service=chance.choice("ab")
            )
        async with desk.works.begin() as work:
            await sweeps.attend_due(work)
        if chance.random() < 0.3:
            async with desk.works.begin() as work:
                await sweeps.find_again(work, [RULE])
        alerts = await desk.alerts()
        now = desk.clock.now()
        counted = Counter(each.subject for each in alerts if each.is_open)
        assert all(count == 1 for count in counted.values()), "one open alert a subject"
        for each in alerts:
            if each.id in ended:
                assert each == ended[each.id], "what is over stays as it was"
            if each.state is AlertState.RESOLVED:
                ended[each.id] = each
            assert (each.acknowledged_at is not None) >= (each.state is AlertState.ACKNOWLEDGED)
            assert each.attention_at is None or each.attention_at > now, "what was due has been done"
            due = attention(each)
            assert each.state is AlertState.RESOLVED or due is None or each.attention_at is not None, (
                "nothing waits unseen"
            )
    async with desk.works.read() as work:
        timelines = await feed.timelines(work, [each.id for each in await desk.alerts()])
    for alert in await desk.alerts():
        told = [each.kind for each in timelines[alert.id] if each.kind != "alert.commented"]
        assert (told[:1] == ["alert.opened"]) == (alert.state is not AlertState.PENDING)
        assert (told[-1:] == ["alert.resolved"]) == (alert.state is AlertState.RESOLVED)
        assert told.count("alert.reopened") == alert.episode - 1
        for before, after in pairwise(told):
            assert after in FOLLOWS[before], (before, after)
