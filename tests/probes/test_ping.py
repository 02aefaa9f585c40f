"""`/ping/<token>`: what a job says, kept when it is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from century.probes import heartbeats
from century.probes.beat_sweeps import sweep
from century.probes.heartbeat import HeartbeatState
from century.server import create_app
from tests.probes.conftest import Beats
from tests.world import START, World

RUNS = "SELECT key, state, started_at, ended_at, exit_code, output FROM heartbeat_run ORDER BY at, id"
LEDGER = "SELECT at, state FROM heartbeat_change ORDER BY at"
JOURNAL = "SELECT kind FROM journal ORDER BY number"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_a_ping_is_kept_whatever_its_method(
    client: httpx.AsyncClient, beats: Beats, world: World, method: str
) -> None:
    known = await beats.make()
    world.advance(minutes=10)
    answered = await client.request(method, beats.path(known))
    assert answered.status_code == 200
    now = await beats.now(known)
    assert (now.beat.state, now.beat.last_ping_at) == (HeartbeatState.UP, START + minutes(10))
    assert now.beat.due_at == START + minutes(75)
    assert await beats.rows(LEDGER) == [(START, "new"), (START + minutes(10), "up")]
    assert [kind for (kind,) in await beats.rows(JOURNAL)] == ["heartbeat.created", "heartbeat.recovered"]


async def test_a_ping_that_changes_nothing_leaves_the_ledger_and_the_journal_alone(
    client: httpx.AsyncClient, beats: Beats, world: World
) -> None:
    path = beats.path(await beats.make())
    for _ in range(3):
        world.advance(minutes=10)
        assert (await client.post(path)).status_code == 200
    assert len(await beats.rows(LEDGER)) == 2
    assert len(await beats.rows(JOURNAL)) == 2
    assert len(await beats.rows(RUNS)) == 3


async def test_a_run_is_paired_by_its_key_else_with_the_newest(
    client: httpx.AsyncClient, beats: Beats, world: World
) -> None:
    path = beats.path(await beats.make())
    for said in ("/start?run=a", "/start?run=b", "?run=a", "/3"):
        await client.post(path + said, content=said)
        world.advance(minutes=1)
    assert await beats.rows(RUNS) == [
        ("a", "ok", START, START + minutes(2), None, "?run=a"),
        ("b", "failed", START + minutes(1), START + minutes(3), 3, "/3"),
    ]
    assert await beats.rows("SELECT state, run_key, started_at FROM heartbeat") == [("failed", None, None)]


async def test_a_second_start_of_a_key_is_the_same_run_one_without_a_key_another(
    client: httpx.AsyncClient, beats: Beats, world: World
) -> None:
    path = beats.path(await beats.make())
    for said in ("/start?run=a", "/start?run=a", "/start", "/start", "/0"):
        await client.post(path + said)
        world.advance(minutes=1)
    assert [(key, state, exit_code) for key, state, _, _, exit_code, _ in await beats.rows(RUNS)] == [
        ("a", "running", None), (None, "overdue", None), (None, "ok", 0),
    ]  # fmt: skip


async def test_an_end_without_a_beginning_is_a_run(client: httpx.AsyncClient, beats: Beats) -> None:
    await client.post(beats.path(await beats.make()) + "/fail?run=x", content=b"\xff\x00disk full")
    assert await beats.rows(RUNS) == [("x", "failed", None, START, None, "\ufffddisk full")]


async def test_what_ends_after_it_was_overdue_ends_that_run(
    client: httpx.AsyncClient, beats: Beats, world: World
) -> None:
    known = await beats.make(longest_run=minutes(10))
    await client.post(beats.path(known) + "/start")
    world.advance(minutes=20)
    async with world.works.begin() as work:
        await sweep(work, START - timedelta(days=1))
    await client.post(beats.path(known))
    assert await beats.rows(RUNS) == [(None, "ok", START, START + minutes(20), None, None)]
    # But a run that never ended is not taken for a later one's.
    await client.post(beats.path(known) + "/start")
    world.advance(minutes=20)
    async with world.works.begin() as work:
        await sweep(work, START - timedelta(days=1))
    await client.post(beats.path(known) + "/0?run=z")
    world.advance(minutes=1)
    await client.post(beats.path(known))
    assert [row[1] for row in await beats.rows(RUNS)] == ["ok", "overdue", "ok", "ok"]


async def test_the_beginning_of_a_long_output_is_kept(client: httpx.AsyncClient, beats: Beats) -> None:
    answered = await client.post(beats.path(await beats.make()), content=b"x" * 300_000)
    assert answered.status_code == 200
    assert await beats.rows("SELECT length(output) FROM heartbeat_run") == [(10_240,)]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("/256", 404),
        ("/" + "9" * 5000, 404),
        ("/-1", 404),
        ("/begin", 404),
        ("/٣", 404),
        ("?run=" + "x" * 101, 400),
        ("/start/more", 404),
    ],
)
async def test_what_says_nothing_known_is_refused(
    client: httpx.AsyncClient, beats: Beats, said: str, status: int
) -> None:
    assert (await client.post(beats.path(await beats.make()) + said)).status_code == status
    assert await beats.rows(RUNS) == []


async def test_an_unknown_token_is_told_so_to_browsers_too(client: httpx.AsyncClient) -> None:
    answered = await client.get("/ping/nothing", headers={"Accept": "text/html"})
    assert (answered.status_code, answered.json()["code"]) == (404, "NOT_FOUND")


async def test_too_many_pings_are_refused_for_a_while(client: httpx.AsyncClient, beats: Beats, world: World) -> None:
    path = beats.path(await beats.make())
    answered = [(await client.get(path)).status_code for _ in range(121)]
    assert (set(answered[:120]), answered[120]) == ({200}, 429)
    world.advance(minutes=1)
    assert (await client.get(path)).status_code == 200


async def test_pings_at_once_are_all_kept(client: httpx.AsyncClient, beats: Beats) -> None:
    path = beats.path(await beats.make())
    answered = await asyncio.gather(*(client.post(f"{path}/start?run={number}") for number in range(30)))
    assert {each.status_code for each in answered} == {200}
    assert await beats.rows("SELECT count(*), count(DISTINCT key) FROM heartbeat_run") == [(30, 30)]


async def test_what_another_server_or_person_changed_is_seen(
    client: httpx.AsyncClient, beats: Beats, world: World
) -> None:
    known = await beats.make()
    path = beats.path(known)
    await client.get(path)
    async with world.works.begin() as work:
        await heartbeats.set_enabled(work, known.id, enabled=False)
    world.advance(minutes=5)
    assert (await client.get(path)).status_code == 200
    assert (await beats.now(known)).beat.state is HeartbeatState.PAUSED
    async with world.works.begin() as work:
        renewed = await heartbeats.renew(work, world.settings, known.id)
    assert (await client.get(path)).status_code == 404
    assert (await client.get(beats.path(renewed))).status_code == 200
    async with world.works.begin() as work:
        await heartbeats.remove(work, known.id)
    assert (await client.get(beats.path(renewed))).status_code == 404


async def test_while_the_database_is_away_a_job_is_told_to_come_again(beats: Beats, world: World) -> None:
    known = await beats.make()
    path = beats.path(known)
    away = replace(world.settings, database_url="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    site = create_app(away, clock=world.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://century.test") as client:
        answered = await client.post(path)
    assert (answered.status_code, answered.headers["retry-after"]) == (503, "1")
    await site.state.century.bus.close()
