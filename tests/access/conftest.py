"""People and a door for the tests of this stage."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from century.access.attempts import Caller
from century.access.people import Person, create_person
from century.access.service import Access
from century.core.actor import Role
from tests.world import World

PASSWORD = "four walnut trees, one goat"
DESK = Caller(address="192.0.2.10", user_agent="a browser", device="d" * 32)


@dataclass(frozen=True, slots=True)
class House:
    """An installation with one person of each role, who share a password, and the door to it."""

    world: World
    access: Access
    viewer: Person
    operator: Person
    admin: Person

    async def bearer(self, name: str) -> str:
        """The Authorization header of somebody who signs in."""
        return f"Bearer {(await self.access.login(name, PASSWORD, DESK)).access_token}"


@pytest.fixture
async def house(world: World) -> House:
    people = []
    async with world.works.begin() as work:
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN):
            made = await create_person(work, world.settings, role.value, f"{role.value}@example.com", role, PASSWORD)
            people.append(made.person)
    return House(world, Access(world.settings, world.works), *people)
