"""The journal: committed with what it tells, in the order of commits, and provably unchanged."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import text

from century.core import journal
from century.core.work import Works
from tests.world import World


async def record(works: Works, count: int) -> None:
    for step in range(count):
        async with works.begin() as work:
            work.record("person.created", uuid4(), subject_name=f"person {step}", email="someone@example.com")


async def test_an_entry_commits_with_its_change_or_not_at_all(works: Works) -> None:
    with pytest.raises(RuntimeError):
        async with works.begin() as work:
            work.record("person.created", None)
            raise RuntimeError
    async with works.read() as work:
        assert await journal.verify(work.connection) == journal.Verification(ok=True, entries=0)


async def test_numbers_have_no_gap_when_many_write_at_once(works: Works) -> None:
    await asyncio.gather(*(record(works, 5) for _ in range(4)))
    async with works.read() as work:
        assert await journal.verify(work.connection) == journal.Verification(ok=True, entries=20)


@pytest.mark.parametrize(
    "crime",
    [
        "UPDATE journal SET actor_name = 'somebody else' WHERE number = 3",
        "UPDATE journal SET details = '{}' WHERE number = 3",
        "UPDATE journal SET outcome = 'denied' WHERE number = 3",
        "UPDATE journal SET at = at + interval '1 hour' WHERE number = 3",
        "DELETE FROM journal WHERE number = 2",
    ],
)
async def test_a_changed_chain_shows_where_it_broke(works: Works, crime: str) -> None:
    await record(works, 5)
    async with works.begin() as work:
        await work.execute(text(crime))
    async with works.read() as work:
        verification = await journal.verify(work.connection)
    assert not verification.ok
    assert verification.entries == (1 if "number = 2" in crime else 2)


async def test_erasing_a_person_leaves_the_chain_verifiable(works: Works) -> None:
    await record(works, 3)
    async with works.begin() as work:
        await work.execute(text("UPDATE journal SET salt = NULL, actor_name = '', subject = '', details = '{}'"))
    async with works.read() as work:
        assert await journal.verify(work.connection) == journal.Verification(ok=True, entries=3)


async def test_the_bus_hears_of_an_entry_after_it_committed(world: World) -> None:
    async with world.bus.subscribe(journal.TOPIC) as messages:
        await record(world.works, 1)
        heard = orjson.loads((await asyncio.wait_for(anext(messages), 5)).data)
        async with world.works.read() as work:
            row = await work.one_or_none(text("SELECT number, kind FROM journal"))
    assert row and (heard["number"], heard["kind"]) == (row.number, row.kind) == (1, "person.created")


async def test_a_reader_cannot_write(works: Works) -> None:
    with pytest.raises(Exception, match="read-only"):
        async with works.read() as work:
            await work.execute(text("DELETE FROM journal"))
