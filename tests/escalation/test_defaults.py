"""What a new installation begins with."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from century.access.people import create_person
from century.core.actor import Role
from century.escalation import policies
from century.escalation.defaults import plant, plant_responder
from century.escalation.directory import load_schedules
from century.escalation.policy import TargetKind
from century.escalation.schedule import on_call, people_at
from century.rules.severity import Severity
from tests.world import World

PASSWORD = "four walnut trees, one goat"


async def test_the_guides_escalation_is_planted_once(world: World) -> None:
    async with world.works.begin() as work:
        await plant(work)
        await plant(work)
    async with world.works.read() as work:
        (saved,) = await policies.saved(work)
        schedules = await load_schedules(work)
    assert saved.is_default
    assert [(level.name, level.delay / timedelta(minutes=1)) for level in saved.policy.levels] == [
        ("Initial responder", 0),
        ("Senior engineer", 15),
        ("Engineering manager", 30),
        ("Executives", 60),
    ]
    assert [target.kind for target in saved.policy.levels[0].targets] == [
        TargetKind.CHANNELS_OF_SEVERITY,
        TargetKind.SCHEDULE,
    ]
    assert saved.policy.levels[3].only_severities == {Severity.CRITICAL}
    named = [schedules[target.id].name for level in saved.policy.levels for target in level.targets if target.id]
    assert named == ["Initial responder", "Senior engineer", "Engineering manager", "Executives"]


async def test_what_somebody_removed_stays_away(world: World) -> None:
    async with world.works.begin() as work:
        await plant(work)
        await work.execute(text("DELETE FROM escalation_policy"))
        await work.execute(text("DELETE FROM schedule"))
    async with world.works.begin() as work:
        await plant(work)
        assert await policies.saved(work) == []


async def test_the_first_admin_answers_as_soon_as_there_is_one(world: World) -> None:
    async with world.works.begin() as work:
        await create_person(work, world.settings, "viewer", "viewer@example.com", Role.VIEWER, PASSWORD)
        await plant(work)
        assert not await plant_responder(work)
        admin = (await create_person(work, world.settings, "ada", "ada@example.com", Role.ADMIN, PASSWORD)).person
    world.advance(minutes=1)
    async with world.works.begin() as work:
        await create_person(work, world.settings, "bob", "bob@example.com", Role.ADMIN, PASSWORD)
        assert await plant_responder(work)
        assert await plant_responder(work)
        schedules = {each.name: each for each in (await load_schedules(work)).values()}
    first = schedules["Initial responder"]
    assert people_at(first, world.clock.now()) == (admin.id,)
    assert on_call(first, world.clock.now()).until is None
    assert not schedules["Executives"].rotations


async def test_who_was_chosen_before_stays_chosen(world: World) -> None:
    async with world.works.begin() as work:
        await plant(work)
        await work.execute(text("UPDATE schedule SET rotations = '[{}]' WHERE name = 'Initial responder'"))
        await create_person(work, world.settings, "ada", "ada@example.com", Role.ADMIN, PASSWORD)
        assert await plant_responder(work)
        rows = await work.rows(text("SELECT rotations FROM schedule WHERE name = 'Initial responder'"))
    assert rows[0].rotations == [{}]
