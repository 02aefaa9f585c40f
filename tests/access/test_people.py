"""People are added, changed and shut out, and somebody who can administer always remains."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import UUID

import pytest
from sqlalchemy import select

from century.access import people
from century.access.service import Access
from century.core.actor import Role
from century.core.errors import CenturyError, Conflict, Invalid, NotFound, Unauthenticated
from century.core.journal import JournalRow
from century.core.work import Work
from tests.access.conftest import DESK, PASSWORD, House
from tests.world import World


async def kinds(world: World) -> list[str]:
    async with world.works.read() as work:
        return [row.kind for row in await work.rows(select(JournalRow.kind).order_by(JournalRow.number))]


async def test_a_person_with_a_password_signs_in_and_one_without_gets_a_link(world: World) -> None:
    async with world.works.begin() as work:
        made = await people.create_person(work, world.settings, "ada", "ada@example.com", Role.OPERATOR, PASSWORD)
        invited = await people.create_person(work, world.settings, "bob", "bob@example.com", Role.VIEWER)
    assert made.sign_in_url is None
    assert not made.person.invited
    assert invited.person.invited
    assert invited.sign_in_url is not None
    assert invited.sign_in_url.startswith("http://127.0.0.1:8000/sign-in#token=")
    assert await kinds(world) == ["user.created", "user.created"]


@pytest.mark.parametrize(
    ("name", "email", "role", "password", "field"),
    [
        ("VIEWER", "new@example.com", Role.VIEWER, None, "name"),
        ("new", "Viewer@Example.com", Role.VIEWER, None, "email"),
        ("", "new@example.com", Role.VIEWER, None, "name"),
        ("new", "nowhere", Role.VIEWER, None, "email"),
        ("new", "new@example.com", Role.SYSTEM, None, "role"),
        ("new", "new@example.com", Role.VIEWER, "password", "password"),
    ],
)
async def test_what_cannot_be_taken_names_its_field(
    house: House, name: str, email: str, role: Role, password: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        async with house.world.works.begin() as work:
            await people.create_person(work, house.world.settings, name, email, role, password)
    assert list(refused.value.fields) == [field]
    async with house.world.works.read() as work:
        assert await people.count_people(work) == 3


async def test_two_who_take_one_name_at_once_are_told_like_anybody(world: World) -> None:
    async def create() -> None:
        async with world.works.begin() as work:
            await people.create_person(work, world.settings, "ada", "ada@example.com", Role.VIEWER)

    answers = await asyncio.gather(*(create() for _ in range(4)), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1
    assert all(isinstance(answer, Invalid) for answer in answers if answer is not None)


async def test_people_are_found_by_name_and_by_email(house: House) -> None:
    async with house.world.works.read() as work:
        assert await people.find_person(work, " OPERATOR ") == house.operator
        assert await people.find_person(work, "Operator@example.com") == house.operator
        assert {each.name for each in await people.list_people(work)} == {"viewer", "operator", "admin"}
        with pytest.raises(NotFound):
            await people.find_person(work, "nobody")


@pytest.mark.parametrize("change", ["lower", "disable"])
async def test_the_last_admin_stays(house: House, change: str) -> None:
    async def remove() -> None:
        async with house.world.works.begin() as work:
            if change == "lower":
                await people.set_role(work, house.admin.id, Role.VIEWER)
            else:
                await people.disable(work, house.admin.id)

    with pytest.raises(Conflict, match="last admin"):
        await remove()
    async with house.world.works.begin() as work:
        await people.set_role(work, house.operator.id, Role.ADMIN)
    await remove()


async def test_a_disabled_admin_is_none_that_remains(house: House) -> None:
    async with house.world.works.begin() as work:
        await people.set_role(work, house.operator.id, Role.ADMIN)
        await people.disable(work, house.operator.id)
    with pytest.raises(Conflict):
        async with house.world.works.begin() as work:
            await people.disable(work, house.admin.id)


async def test_two_admins_who_remove_each_other_leave_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house.world.works.begin() as work:
        await people.set_role(work, house.operator.id, Role.ADMIN)

    async def remove(whom: people.Person) -> None:
        async with house.world.works.begin() as work:
            await people.disable(work, whom.id)

    lock, both = people._lock, asyncio.Barrier(2)

    async def lock_together(work: Work, person: UUID) -> people.Person:
        locked = await lock(work, person)
        # As far as they come: where the second is let in before the first is done, each has what the other wants.
        with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
            await asyncio.wait_for(both.wait(), 0.3)
        return locked

    monkeypatch.setattr(people, "_lock", lock_together)
    answers = await asyncio.gather(remove(house.admin), remove(house.operator), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 1
    assert all(isinstance(answer, CenturyError) for answer in answers if answer is not None)


async def test_the_first_start_makes_an_admin_and_says_where_to_sign_in(world: World) -> None:
    async def ensure() -> str | None:
        async with world.works.begin() as work:
            return await people.ensure_admin(work, world.settings)

    links = await asyncio.gather(ensure(), ensure())
    async with world.works.read() as work:
        (admin,) = await people.list_people(work)
    assert (admin.name, admin.role, admin.invited) == ("admin", Role.ADMIN, True)
    assert all(links)

    access = Access(world.settings, world.works)
    again = await ensure()
    assert again is not None
    first = links[0]
    assert first is not None
    with pytest.raises(Unauthenticated):
        await access.use_link(first.partition("#token=")[2], DESK)
    grant = await access.use_link(again.partition("#token=")[2], DESK)
    assert await ensure() is None
    # Signed out without having chosen a password, they would have no way in any more.
    await access.logout(grant.refresh_token, DESK)
    last = await ensure()
    assert last is not None
    grant = await access.use_link(last.partition("#token=")[2], DESK)
    await access.change_password(await access.authenticate(f"Bearer {grant.access_token}", None), None, PASSWORD)
    await access.logout(grant.refresh_token, DESK)
    assert await ensure() is None


async def test_a_viewer_who_came_first_is_no_admin(world: World) -> None:
    async with world.works.begin() as work:
        await people.create_person(work, world.settings, "admin", "a@example.com", Role.VIEWER, PASSWORD)
        assert await people.ensure_admin(work, world.settings) is not None
        assert (await people.find_person(work, "admin-admin")).role is Role.ADMIN
