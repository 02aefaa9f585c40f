"""Whether it is our own network that is gone: a table of cases, and what a worker does while it is."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from century.probes import own_network
from century.probes.connectivity import Connected, Evidence, Gone, door_of, host_of, is_here, judge
from century.probes.kinds import tcp
from century.probes.measurement import Measurement, Trouble
from century.probes.own_network import OwnNetwork, any_interface, any_route
from century.probes.probe import ProbeState
from tests.probes.probing import Probing, door
from tests.world import START, World

THREE = frozenset({"one", "two", "three"})


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        pytest.param(Evidence(True, True), Connected(), id="one failure says nothing of us"),
        pytest.param(Evidence(False, True), Gone("no network interface is up"), id="no interface"),
        pytest.param(Evidence(True, False), Gone("no route leads out of this machine"), id="no route"),
        pytest.param(Evidence(True, True, (), frozenset({"one", "two"})), Connected(), id="two may fail at once"),
        pytest.param(
            Evidence(True, True, (), THREE), Gone("3 machines fail at once, and none answers"), id="three do not"
        ),
        pytest.param(Evidence(True, True, (False, True), THREE), Connected(), id="an anchor answers: they are down"),
        pytest.param(
            Evidence(True, True, (False, False)),
            Gone("none of MONITORING_CONNECTIVITY answers"),
            id="no anchor answers",
        ),
    ],
)
def test_the_judgement(evidence: Evidence, found: Connected | Gone) -> None:
    assert judge(evidence) == found


def test_hosts_are_told_from_ports() -> None:
    assert [host_of(each) for each in ("shop:80", "shop", "[2001:db8::1]:80", "2001:db8::1")] == [
        "shop", "shop", "2001:db8::1", "2001:db8::1",
    ]  # fmt: skip
    assert [is_here(each) for each in ("127.0.0.9", "::1", "localhost", "10.0.0.1", "shop")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_this_machine_can_be_asked() -> None:
    assert isinstance(any_interface(), bool) and isinstance(any_route(), bool)


@pytest_asyncio.fixture
async def probing(world: World) -> AsyncIterator[Probing]:
    made = Probing(world)
    await made.runner.start()
    yield made
    await made.runner.stop()


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Machines elsewhere: whether each answers."""
    answers: dict[str, bool] = {}

    async def check(target: Any, wire: Any) -> Measurement:
        if answers[target.name]:
            return Measurement(True, "it answers", 0.01, reached=True)
        return Measurement(False, "no answer", trouble=Trouble.TIMEOUT)

    monkeypatch.setattr(tcp, "check", check)
    monkeypatch.setattr(tcp, "target", lambda config: f"10.0.0.{config['port']}:80")
    monkeypatch.setattr(own_network, "any_interface", lambda: True)
    monkeypatch.setattr(own_network, "any_route", lambda: True)
    monkeypatch.setattr(own_network, "FRESH_SECONDS", -1.0)  # nobody waits five seconds here
    return answers


async def test_while_our_network_is_gone_nobody_is_down_and_it_is_said(
    probing: Probing, outside: dict[str, bool]
) -> None:
    probes = []
    for number in range(4):
        outside[f"shop {number}"] = True
        probes.append(await probing.make(f"shop {number}", number + 1))
    await probing.rounds(1, 10)
    for name in outside:
        outside[name] = False
    await probing.rounds(3, 10)
    assert {(await probing.now(each)).now.state for each in probes} == {ProbeState.UP}
    await probing.runner.say()
    assert await probing.rows("SELECT connected, reason FROM probe_worker") == [
        (False, "4 machines fail at once, and none answers")
    ]
    for name in outside:
        outside[name] = True
    await probing.rounds(1, 10)
    told = await probing.rows("SELECT kind, subject FROM journal WHERE kind LIKE 'probing.%' ORDER BY number")
    assert told == [("probing.blinded", "network of here"), ("probing.seen", "network of here")]


async def test_one_that_fails_among_others_that_answer_is_down(probing: Probing, outside: dict[str, bool]) -> None:
    outside["shop 0"] = False
    first = await probing.make("shop 0", 9, interval=timedelta(seconds=5))
    for number in range(1, 4):
        outside[f"shop {number}"] = True
        await probing.make(f"shop {number}", number, interval=timedelta(seconds=5))
    await probing.rounds(4, 5)
    assert (await probing.now(first)).now.state is ProbeState.DOWN


@pytest.mark.parametrize(("neighbour", "state"), [(True, ProbeState.DOWN), (False, ProbeState.UNKNOWN)])
async def test_three_that_fail_are_down_while_one_that_is_asked_seldom_answers(
    probing: Probing, outside: dict[str, bool], monkeypatch: pytest.MonkeyPatch, neighbour: bool, state: ProbeState
) -> None:
    asked = []

    async def answers(self: OwnNetwork, host: str, port: int, **_: Any) -> bool:
        asked.append((host, port))
        return neighbour

    monkeypatch.setattr(OwnNetwork, "_answers", answers)
    outside["shop 0"] = True
    await probing.make("shop 0", 9, interval=timedelta(minutes=5))
    failing = []
    for number in range(1, 4):
        outside[f"shop {number}"] = False
        failing.append(await probing.make(f"shop {number}", number, interval=timedelta(seconds=5)))
    await probing.rounds(4, 5)
    assert {(await probing.now(each)).now.state for each in failing} == {state}
    assert set(asked) == {("10.0.0.9", 80)}
    told = await probing.rows("SELECT kind FROM journal WHERE kind LIKE 'probing.%'")
    assert told == ([] if neighbour else [("probing.blinded",)])


def test_the_door_of_a_place() -> None:
    assert [
        door_of(*each)
        for each in (
            ("shop:81", ""), ("[2001:db8::1]:81", ""), ("shop", "https://shop/"), ("shop", "HTTP://shop/"), ("shop", ""),
            ("2001:db8::1", ""), ("[2001:db8::1]", "https://[2001:db8::1]/"), ("a:1,b:2", ""), ("", ""),
        )
    ] == [
        ("shop", 81), ("2001:db8::1", 81), ("shop", 443), ("shop", 80), None, None, ("2001:db8::1", 443), None, None,
    ]  # fmt: skip


async def test_anchors_are_asked(world: World) -> None:
    async with door() as anchor:
        settings = replace(world.settings, connectivity=(("127.0.0.1", anchor.port),))
        network = OwnNetwork(settings, "me", "here", START)
        assert await network._answers("127.0.0.1", anchor.port)
        await anchor.shut()
        async with asyncio.timeout(3):
            assert not await network._answers("127.0.0.1", anchor.port)


def test_without_a_network_there_is_none() -> None:
    unshare = shutil.which("unshare")
    look = "from century.probes.own_network import any_interface, any_route; print(any_interface(), any_route())"
    command = [str(unshare), "--net", sys.executable, "-c", look]
    if unshare is None or subprocess.run([unshare, "--net", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False False\n"
