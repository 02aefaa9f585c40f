"""Alerts that others decided, from the address they are told at to the rule that reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from century.access import keys
from century.core.actor import Scope
from century.core.timerange import TimeRange
from century.rules import editing, kept, outside
from century.rules.condition import Condition, Signal
from century.rules.outside_source import OutsideSource
from century.rules.rule import Rule
from century.rules.service import Rulebook
from century.rules.severity import Severity
from century.rules.signals import Sources
from century.telemetry.targets import Comparison
from tests.rules.load import save
from tests.telemetry.door import Door, opened
from tests.world import World

Said = dict[str, Any]


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world, world.clock) as door:
        yield door


class Prometheus:
    """Tells alerts, and looks what rules find of them."""

    def __init__(self, door: Door) -> None:
        self.door, self.world, self.works = door, door.world, door.world.works
        self.source = OutsideSource(self.works)
        self.book = Rulebook(self.works, Sources([self.source]))

    async def tells(self, *alerts: Said) -> httpx.Response:
        return await self.door.client.post("/api/v2/alerts", json=list(alerts))

    async def rules(self) -> dict[str, Rule]:
        async with self.works.read() as work:
            return {each.name: each for each in await kept.rules(work)}

    async def look(self, *, everything: bool = False) -> list[str]:
        now = self.works.clock.now()
        only = None if everything else await self.source.news(now)
        changes = await self.book.measured(self.source, now, only)
        async with self.works.begin() as work:
            settled = await self.book.settle(work, changes)
        return [f"{each.rule.name}: {each.subject.text} {each.after.standing}" for each in settled if each.moved]


@pytest.fixture
def prometheus(door: Door) -> Prometheus:
    return Prometheus(door)


def high(now: datetime, labels: Said | None = None, **said: Any) -> Said:
    return {
        "labels": {"alertname": "High", "job": "shop", "severity": "page", **(labels or {})},
        "startsAt": (now - timedelta(minutes=2)).isoformat(),
        "endsAt": (now + timedelta(minutes=4)).isoformat(),
        **said,
    }


async def test_a_first_alert_brings_its_rule_and_fires_at_once(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    said = high(
        now, annotations={"summary": "Too high", "description": "By far", "runbook_url": "https://wiki.example/high"},
        generatorURL="http://prometheus.example/graph?g0.expr=x",
    )  # fmt: skip
    answer = await prometheus.tells(said)
    assert (answer.status_code, answer.json()) == (200, {})
    rule = (await prometheus.rules())["High"]
    assert (rule.severity, rule.runbook_url) == (Severity.CRITICAL, "https://wiki.example/high")
    assert rule.condition.signal is Signal.EXTERNAL
    assert rule.runbook.endswith("Too high\n\nBy far\n\n<http://prometheus.example/graph?g0.expr=x>")
    assert await prometheus.look() == ["High: shop firing"]
    assert await prometheus.look() == []


async def test_it_is_over_when_it_is_not_told_again(prometheus: Prometheus) -> None:
    await prometheus.tells(high(prometheus.world.clock.now()))
    assert await prometheus.look() == ["High: shop firing"]
    prometheus.world.advance(minutes=3)
    await prometheus.tells(high(prometheus.world.clock.now()))
    prometheus.world.advance(minutes=3)
    assert await prometheus.look(everything=True) == [], "it was told again, and stands for another minute"
    prometheus.world.advance(minutes=1)
    assert await prometheus.look(everything=True) == ["High: shop ok"]


async def test_it_is_over_at_once_when_that_is_told(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    await prometheus.tells(high(now))
    assert await prometheus.look() == ["High: shop firing"]
    assert (await prometheus.tells(high(now, endsAt=now.isoformat()))).status_code == 200
    assert await prometheus.look() == ["High: shop ok"]


async def test_what_is_over_and_was_never_known_brings_no_rule(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    assert (await prometheus.tells(high(now, endsAt=now.isoformat()))).status_code == 200
    assert await prometheus.rules() == {}


async def test_an_older_stretch_that_comes_late_is_passed_over(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    await prometheus.tells(high(now))
    late = high(now, startsAt=(now - timedelta(hours=1)).isoformat(), endsAt=(now - timedelta(minutes=30)).isoformat())
    await prometheus.tells(late)
    assert await prometheus.look() == ["High: shop firing"]


async def test_another_severity_is_another_rule(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    await prometheus.tells(high(now), high(now, {"severity": "warning", "instance": "a"}))
    rules = await prometheus.rules()
    assert sorted((name, each.severity) for name, each in rules.items()) in (
        [("High", Severity.CRITICAL), ("High (warning)", Severity.WARNING)],
        [("High", Severity.WARNING), ("High (critical)", Severity.CRITICAL)],
    )
    assert len(await prometheus.look()) == 2, "each is read by its own rule alone"


async def test_two_that_tell_the_same_at_once_bring_one_rule(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    async with prometheus.works.begin() as work:
        # Until both wait for it.
        await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": editing.LOCK})
        telling = [asyncio.create_task(prometheus.tells(high(now))) for _ in range(2)]
        await prometheus.world.waits_for_a_lock(2)
    assert [(await each).status_code for each in telling] == [200, 200]
    assert list(await prometheus.rules()) == ["High"]


async def test_a_rule_may_be_renamed_and_is_found_again(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    await prometheus.tells(high(now))
    rule = (await prometheus.rules())["High"]
    async with prometheus.works.begin() as work:
        changed = {"name": "Shop is slow", "severity": Severity.INFO}
        await editing.save_rule(work, Rule.from_json({**rule.to_json(), **changed}), new=False)
    await prometheus.tells(high(now))
    assert list(await prometheus.rules()) == ["Shop is slow"]
    assert await prometheus.look() == ["Shop is slow: shop firing"]


async def test_a_name_that_a_rule_has_already_is_left_to_it(prometheus: Prometheus) -> None:
    await save(prometheus.works, Condition(Signal.CPU, Comparison.ABOVE, 0.5), name="High")
    await prometheus.tells(high(prometheus.world.clock.now()))
    assert sorted(await prometheus.rules()) == ["High", "High (critical)"]


async def test_a_rule_of_ones_own_reads_what_its_filter_fits(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    own = Condition(Signal.EXTERNAL, Comparison.ABOVE, 0.0, metric="High", filter=(("team", frozenset({"pay"})),))
    await save(prometheus.works, own, name="Ours")
    await prometheus.tells(high(now, {"team": "pay"}), high(now, {"team": "other"}))
    assert sorted(await prometheus.look()) == ["High: shop team=other firing", "High: shop team=pay firing", "Ours: shop team=pay firing"]  # fmt: skip


async def test_rules_are_made_up_to_a_bound(prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MOST_RULES", 1)
    now = prometheus.world.clock.now()
    answer = await prometheus.tells(high(now), high(now, {"alertname": "Low"}))
    assert answer.status_code == 400
    assert "there are 1 rules of alerts from outside, and no more are made" in answer.json()["error"]
    assert len(await prometheus.rules()) == 1, "what could be taken was"


async def test_alerts_are_kept_up_to_a_bound(prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MOST_ALERTS", 2)
    now = prometheus.world.clock.now()
    for number in range(2):
        assert (await prometheus.tells(high(now, {"disk": str(number)}))).status_code == 200
    answer = await prometheus.tells(high(now, {"disk": "1"}, status="resolved"), high(now, {"disk": "2"}))
    assert answer.status_code == 400
    assert answer.json()["error"] == "High: 2 alerts stand already, and no more are taken"
    assert sorted(await prometheus.look()) == ["High: shop disk=0 firing", "High: shop disk=1 ok"], (
        "the end of what is known is heard all the same"
    )
    prometheus.world.advance(minutes=65)
    now = prometheus.world.clock.now()
    assert (await prometheus.tells(high(now, {"disk": "2"}))).status_code == 200


async def test_a_webhook_is_read_as_well(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    zero = "0001-01-01T00:00:00Z"
    message = {"version": "4", "status": "firing", "alerts": [{"status": "firing", **high(now, endsAt=zero)}]}
    assert (await prometheus.door.client.post("/api/v2/alerts", json=message)).status_code == 200
    prometheus.world.advance(hours=4)
    assert await prometheus.look() == ["High: shop firing"]
    message["alerts"][0]["status"] = "resolved"  # type: ignore[index]
    await prometheus.door.client.post("/api/v2/alerts", json=message)
    assert await prometheus.look() == ["High: shop ok"]


async def test_it_is_forgotten_an_hour_after_its_end(prometheus: Prometheus) -> None:
    await prometheus.tells(high(prometheus.world.clock.now()))
    await prometheus.look()
    prometheus.world.advance(minutes=65)
    await prometheus.tells(high(prometheus.world.clock.now(), {"alertname": "Low"}))
    async with prometheus.works.read() as work:
        assert [row.labels["alertname"] for row in await work.rows(text("SELECT labels FROM outside_alert"))] == ["Low"]
    assert sorted(await prometheus.look(everything=True)) == ["High: shop ok", "Low: shop firing"]


async def test_the_evidence_is_what_whoever_decided_it_says(prometheus: Prometheus) -> None:
    now = prometheus.world.clock.now()
    await prometheus.tells(high(now, annotations={"summary": "Latency is\n4 s"}))
    rule = (await prometheus.rules())["High"]
    [trace] = await prometheus.source.evidence(rule, (await prometheus.source._all())[0].subject, now)
    assert trace.name == "Latency is 4 s"
    assert (trace.values[-10], trace.values[-1]) == (0.0, 1.0)
    past = await prometheus.source.history(rule, TimeRange(now - timedelta(hours=1), now), timedelta(minutes=1))
    assert [course.values.sum() for course in past.subjects.values()] == [3.0], (
        "at its beginning, a minute later, and now"
    )


async def test_only_a_key_that_may_send(door: Door) -> None:
    assert (await door.client.post("/api/v2/alerts", json=[], headers={"authorization": ""})).status_code == 401
    async with door.world.works.begin() as work:
        _, secret = await keys.create_key(work, door.world.settings, "reader", [Scope.READ])
    answer = await door.client.post("/api/v2/alerts", json=[], headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 403


async def test_the_greeting_is_answered(door: Door) -> None:
    assert (await door.client.get("/api/v2/status")).json()["cluster"]["status"] == "disabled"
    assert (await door.client.get("/api/v2/status", headers={"authorization": ""})).status_code == 401


async def test_a_body_that_is_too_large_or_no_json_is_told(door: Door) -> None:
    assert (await door.client.post("/api/v2/alerts", content=b"[" + b" " * (1 << 20) + b"]")).status_code == 413
    answer = await door.client.post("/api/v2/alerts", content=b"nonsense")
    assert answer.status_code == 400
    assert "must be JSON" in answer.text
