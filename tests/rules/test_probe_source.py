"""Rules on probes: what each reads of how they stand and of what they told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from century.core.timerange import TimeRange
from century.rules.condition import Condition, Signal, WhenNoData
from century.telemetry.metrics import Aggregation
from tests.rules.load import ABOVE, BELOW, save
from tests.rules.probes import Probes
from tests.world import World

MINUTE = timedelta(minutes=1)
DOWN = Condition(Signal.PROBE_STATE, BELOW, 1.0, window=MINUTE)
DISK = Condition(Signal.FACT, ABOVE, 0.85, metric="host.disk_used_share", window=MINUTE)


@pytest.fixture
async def probes(world: World) -> Probes:
    made = Probes(world)
    await made.worker()
    return made


@pytest.mark.parametrize(
    ("why", "states", "told"),
    [
        ("one that is up is well", ["up"], ["shop ok"]),
        ("doubt is no outage", ["up", "doubtful"], ["shop ok"]),
        ("down fires", ["up", "down"], ["shop ok", "shop firing"]),
        ("what fails with its parent says nothing", ["up", "blocked"], ["shop ok"]),
        ("and what fired before goes on", ["down", "blocked"], ["shop firing"]),
        ("nobody knows: nothing is said", ["unknown"], []),
        ("it recovers", ["down", "up"], ["shop firing", "shop ok"]),
    ],
)
async def test_what_a_state_reads(probes: Probes, why: str, states: list[str], told: list[str]) -> None:
    await save(probes.works, DOWN)
    await probes.make("shop")
    said = []
    for state in states:
        probes.world.advance(seconds=10)
        await probes.worker()
        await probes.found("shop", state)
        said += [each for each in await probes.look() if each.startswith("shop")]
    assert said == told, why


async def test_a_reading_that_is_wrong_says_why(probes: Probes) -> None:
    rules = {
        name: await save(probes.works, condition, name)
        for name, condition in {
            "state": DOWN,
            "up": Condition(Signal.FACT, BELOW, 1.0, metric="http.up", window=MINUTE),
            "health": Condition(Signal.FACT, BELOW, 1.0, metric="redis.healthy", window=MINUTE),
            "disk": DISK,
        }.items()
    }
    await probes.make("shop")

    async def why(*facts: tuple[str, float], state: str, ok: bool, message: str) -> dict[str, str]:
        probes.world.advance(seconds=10)
        await probes.found("shop", state, *facts, ok=ok, message=message)
        found = await probes.source.read(list(rules.values()), None, probes.works.clock.now())
        said: dict[str, str] = {}
        for name, rule in rules.items():
            mine = found[rule.id]
            assert isinstance(mine, dict)
            for subject, reading in mine.items():
                if subject.text == "shop":
                    said[name] = reading.why
        return said

    assert await why(state="doubtful", ok=False, message="refused") == {"state": "", "up": ""}, "doubt is no trouble"
    assert await why(state="down", ok=False, message="refused") == {"state": "refused", "up": "refused"}
    assert await why(state="down", ok=False, message="no route") == {"state": "no route", "up": "no route"}
    assert await why(state="down", ok=True, message="answers in 1 ms") == {"state": "no route", "up": "no route"}, (
        "one answer is not enough, and says nothing of what was wrong"
    )
    swaps = ("redis.healthy", 0.0), ("host.disk_used_share", 0.9)
    assert await why(*swaps, state="up", ok=True, message="answers, but it swaps") == {
        "state": "", "up": "", "health": "answers, but it swaps", "disk": "",
    }  # fmt: skip


async def test_a_network_that_is_gone_says_why(probes: Probes) -> None:
    rule = await save(probes.works, DOWN)
    await probes.worker("two", connected=False, reason="9.9.9.9:53 is not reached")
    found = (await probes.source.read([rule], None, probes.works.clock.now()))[rule.id]
    assert isinstance(found, dict)
    assert {subject.text: reading.why for subject, reading in found.items()} == {
        "network of one": "", "network of two": "9.9.9.9:53 is not reached",
    }  # fmt: skip


async def test_ups_read_the_state_and_facts_the_last_answer(probes: Probes) -> None:
    up = await save(probes.works, Condition(Signal.FACT, BELOW, 1.0, metric="http.up", window=MINUTE), "up")
    slow = await save(probes.works, Condition(Signal.PROBE_LATENCY, ABOVE, 1.0, window=MINUTE), "slow")
    cert = await save(probes.works, Condition(Signal.TLS_DAYS_LEFT, BELOW, 21.0, window=timedelta(days=1)), "cert")
    odd = await save(probes.works, Condition(Signal.FACT, BELOW, 1.0, metric="probe.ok", window=MINUTE), "ok")
    await probes.make("shop")
    await probes.found("shop", "doubtful", ("http.up", 0.0), ("tls.days_left", 9.5), ok=False)
    now = probes.works.clock.now()
    found = await probes.source.read([up, slow, cert, odd], None, now)
    values = {rule.name: [each.value for each in found[rule.id].values()] for rule in (up, slow, cert, odd)}  # type: ignore[union-attr]
    assert values == {"up": [1.0], "slow": [], "cert": [9.5], "ok": [0.0]}
    await probes.found("shop", "up", latency=2.5)
    found = await probes.source.read([up, slow, cert, odd], None, now)
    values = {rule.name: [each.value for each in found[rule.id].values()] for rule in (up, slow, cert, odd)}  # type: ignore[union-attr]
    assert values == {"up": [1.0], "slow": [2.5], "cert": [], "ok": [1.0]}


async def test_every_part_is_a_subject(probes: Probes) -> None:
    await save(probes.works, DISK)
    await probes.make("db host", "host", service="db", labels={"site": "vienna"})
    await probes.found("db host", "up", ("host.disk_used_share", 0.9, "/"), ("host.disk_used_share", 0.1, "/var log"))
    changes = await probes.book.measured(probes.source, probes.works.clock.now())
    assert {each.subject.text: each.after.standing.value for each in changes} == {
        "db host /": "firing", 'db host "/var log"': "ok",
    }  # fmt: skip
    assert {each.subject.service for each in changes} == {"db"}
    assert changes[0].subject.attributes == (
        ("probe", "db host"), ("kind", "host"), ("site", "vienna"), ("part", "/"),
    )  # fmt: skip
    await probes.settled(changes)
    await probes.found("db host", "up", ("host.disk_used_share", 0.1, "/var log"))
    assert await probes.look() == [], "what an answer leaves out is not over for that"
    assert await probes.look(everything=True) == ["db host / ok: the probe tells nothing of / any more"]


@pytest.mark.parametrize(
    ("changes", "meant"),
    [
        ({}, {"shop", "db", "mail", "network of one"}),
        ({"service": "web"}, {"shop"}),
        ({"filter": {"kind": ["http", "network"]}}, {"shop", "network of one"}),
        ({"filter": {"probe": ["db"]}}, {"db"}),
        ({"filter": {"team": ["ops"], "kind": ["postgres", "tcp"]}}, {"mail"}),
        ({"filter": {"team": [""]}}, {"shop", "db", "network of one"}),
    ],
)
async def test_a_rule_is_about_what_it_names(
    probes: Probes, changes: dict[str, dict[str, list[str]]], meant: set[str]
) -> None:
    given = tuple((key, frozenset(values)) for key, values in changes.get("filter", {}).items())
    rule = await save(probes.works, replace(DOWN, filter=given), service=changes.get("service"))
    await probes.make("shop", service="web")
    await probes.make("db", "postgres")
    await probes.make("mail", "tcp", labels={"team": "ops"})
    for name in ("shop", "db", "mail"):
        await probes.found(name)
    found = await probes.source.read([rule], None, probes.works.clock.now())
    assert {each.text for each in found[rule.id]} == meant  # type: ignore[union-attr]
    only = await probes.source.read([rule], ["web"], probes.works.clock.now())
    assert {each.text for each in only[rule.id]} == meant & {"shop"}  # type: ignore[union-attr]


async def test_an_answer_is_current_for_two_intervals_and_a_timeout(probes: Probes) -> None:
    lost = replace(DOWN, when_no_data=WhenNoData.ALERT, window=timedelta(seconds=10))
    await save(probes.works, lost)
    await probes.make("shop")
    await probes.found("shop")
    assert "shop ok" in await probes.look()
    probes.world.advance(seconds=24)
    await probes.worker()
    assert await probes.settled(await probes.book.due(probes.works.clock.now())) == []
    probes.world.advance(seconds=2)
    await probes.worker()
    assert await probes.settled(await probes.book.due(probes.works.clock.now())) == ["shop firing"]


async def test_while_nobody_asks_silence_says_nothing(probes: Probes) -> None:
    await save(probes.works, replace(DOWN, when_no_data=WhenNoData.ALERT))
    await probes.make("shop")
    await probes.found("shop")
    assert "shop ok" in await probes.look()
    probes.world.advance(minutes=10)
    assert await probes.source.listening_since() is None
    assert await probes.look(everything=True) == []
    await probes.worker(since=probes.works.clock.now())
    assert await probes.look(everything=True) == [], "it has only just begun to ask"
    probes.world.advance(minutes=2)
    await probes.worker(since=probes.works.clock.now() - timedelta(minutes=2))
    assert await probes.look(everything=True) == ["shop firing"]


async def test_a_worker_without_its_network_says_so(probes: Probes) -> None:
    await save(probes.works, DOWN)
    assert await probes.look(everything=True) == ["network of one ok"]
    await probes.worker(connected=False)
    assert await probes.look() == ["network of one firing"]
    assert await probes.source.listening_since() is None
    probes.world.advance(minutes=6)
    assert await probes.look(everything=True) == ["network of one ok: no worker runs there any more"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (None, "the probe was removed, or has another name now"),
        ({"name": "other"}, "the probe was removed, or has another name now"),
        ({"enabled": False}, "the probe was paused"),
        ({"service": "web"}, "the probe belongs to another service now"),
    ],
)
async def test_what_is_no_more_is_over(probes: Probes, change: dict[str, object] | None, reason: str) -> None:
    await save(probes.works, replace(DOWN, filter=(("probe", frozenset({"shop"})),)))
    await probes.make("shop")
    await probes.found("shop", "down")
    assert await probes.look() == ["shop firing"]
    if change is None:
        await probes.remove("shop")
    else:
        await probes.change("shop", **change)
    assert "shop ok" not in await probes.look(), "silence keeps it"
    assert (await probes.look(everything=True))[0] == f"shop ok: {reason}"


async def test_only_what_changed_is_news(probes: Probes) -> None:
    for name in ("one", "two"):
        await probes.make(name)
        await probes.found(name)
    now = probes.works.clock.now()
    assert await probes.source.news(now) == {"one", "two", "network of one"}
    assert await probes.source.news(now) == frozenset()
    probes.world.advance(seconds=10)
    await probes.found("two", "down")
    assert await probes.source.news(probes.works.clock.now()) == {"two"}


async def test_a_rule_that_aggregates_reads_the_window(probes: Probes) -> None:
    condition = Condition(
        Signal.FACT, ABOVE, 5.0, metric="redis.evictions", aggregation=Aggregation.MAX, window=timedelta(minutes=5)
    )
    rule = await save(probes.works, condition)
    await probes.make("cache", "redis")
    await probes.make("other", "redis")
    await probes.found("cache", "up", ("redis.evictions", 1.0))
    await probes.sampled("cache", "redis.evictions", [99.0] + [0.0] * 30 + [7.0] + [1.0] * 20)
    found = await probes.source.read([rule], None, probes.works.clock.now())
    assert {each.text: (said.value, said.samples) for each, said in found[rule.id].items()} == {"cache": (7.0, 30)}  # type: ignore[union-attr]


async def test_what_was_is_read_from_samples_and_states_from_the_ledger(probes: Probes) -> None:
    begin = probes.works.clock.now()
    await probes.make("host", "host")
    await probes.make("shop")
    await probes.found("shop")
    probes.world.advance(minutes=10)
    await probes.found("shop", "down")
    probes.world.advance(minutes=5)
    await probes.found("shop", "blocked")
    probes.world.advance(minutes=5)
    await probes.sampled("host", "host.disk_used_share", np.linspace(0.5, 0.9, 120), part="/")
    now = probes.works.clock.now()
    await probes.found("host", "up", ("host.disk_used_share", 0.9, "/"))
    disk, down = await save(probes.works, DISK, "disk"), await save(probes.works, DOWN, "down")

    states = await probes.source.history(down, TimeRange(begin, now), MINUTE)
    courses = {each.text: course for each, course in states.subjects.items()}
    assert courses["shop"].values[[0, 8, 9, 13]].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert np.isnan(courses["shop"].values[14:]).all(), "blocked is another's fault"
    assert courses["shop"].samples.tolist() == [1] * 14 + [0] * 6

    told = await probes.source.history(disk, TimeRange(begin, now))
    ((subject, course),) = told.subjects.items()
    assert (subject.text, subject.attributes[-1]) == ("host /", ("part", "/"))
    assert np.nanmax(course.values) == pytest.approx(0.9, abs=0.02)
    assert np.nanmin(course.values) == pytest.approx(0.5, abs=0.02)

    (trace,) = await probes.source.evidence(disk, subject, now)
    assert (trace.name, trace.unit) == ("disk used", "1")
    assert trace.values[-1] == pytest.approx(0.9, abs=0.03)
    shop = next(each for each in states.subjects if each.text == "shop")
    (trace,) = await probes.source.evidence(down, shop, now)
    assert {0.0, 1.0} <= set(trace.values.tolist())
