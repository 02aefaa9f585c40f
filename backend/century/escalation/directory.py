"""Loading everything that decides who is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, select

from century.access.tables import PersonRow
from century.core.actor import Role
from century.core.settings import Settings
from century.core.work import Work
from century.escalation.policy import Policy, levels_from_json
from century.escalation.reach import Directory, Someone, Way
from century.escalation.rotation import Rotation
from century.escalation.schedule import Override, OverrideKind, Schedule
from century.escalation.tables import OverrideRow, PolicyRow, ScheduleRow
from century.notify import service as notify
from century.notify.channel import Channel, ChannelKind, default_name
from century.rules.severity import Severity

PERSON, SCHEDULE = PersonRow.__table__, ScheduleRow.__table__
POLICY, OVERRIDE = PolicyRow.__table__, OverrideRow.__table__
EVER = datetime(1970, 1, 1, tzinfo=UTC)
PEOPLE = select(PERSON.c.id, PERSON.c.name, PERSON.c.role, PERSON.c.disabled_at).order_by(PERSON.c.name)
POLICIES = select(POLICY.c.id, POLICY.c.name, POLICY.c.is_default, POLICY.c.levels).order_by(
    POLICY.c.is_default.desc(), POLICY.c.name
)
SCHEDULES = (
    select(
        SCHEDULE.c.id,
        SCHEDULE.c.name,
        SCHEDULE.c.time_zone,
        SCHEDULE.c.rotations,
        OVERRIDE.c.id.label("override_id"),
        OVERRIDE.c.kind,
        OVERRIDE.c.person_id,
        OVERRIDE.c.replaces_id,
        OVERRIDE.c.starts_at,
        OVERRIDE.c.ends_at,
    )
    .outerjoin(OVERRIDE, and_(OVERRIDE.c.schedule_id == SCHEDULE.c.id, OVERRIDE.c.ends_at > bindparam("since")))
    .order_by(SCHEDULE.c.name, OVERRIDE.c.starts_at, OVERRIDE.c.id)
)


async def load_directory(work: Work, settings: Settings, *, since: datetime | None = None) -> Directory:
    """People, schedules with the overrides that end after `since` (by default after now), and every way to be reached."""
    people = await load_people(work)
    schedules = await load_schedules(work, since=since or work.now)
    channels = await notify.list_channels(work)
    ways = ways_of(channels, people.values(), mail=settings.smtp is not None)
    return Directory(people, schedules, ways, {each.id: each for each in channels})


async def load_people(work: Work) -> dict[UUID, Someone]:
    """Everybody, also those who are disabled, by name."""
    return {
        row.id: Someone(row.id, row.name, row.disabled_at is not None, row.role == Role.ADMIN.value)
        for row in await work.rows(PEOPLE)
    }


async def load_schedules(
    work: Work, *, since: datetime | None = None, ids: Collection[UUID] | None = None
) -> dict[UUID, Schedule]:
    """Schedules by name, with their overrides that end after `since`; all of them without."""
    statement = SCHEDULES if ids is None else SCHEDULES.where(SCHEDULE.c.id.in_(ids))
    found: dict[UUID, Schedule] = {}
    for row in await work.rows(statement, {"since": since or EVER}):
        known = found.get(row.id)
        if known is None:
            rotations = tuple(Rotation.from_json(each) for each in row.rotations)
            known = Schedule(row.id, row.name, row.time_zone, rotations)
        if row.override_id is not None:
            known = replace(known, overrides=(*known.overrides, override_of(row)))
        found[row.id] = known
    return found


def override_of(row: Row[Any]) -> Override:
    """The override of a row that has its columns."""
    return Override(row.override_id, OverrideKind(row.kind), row.person_id, row.replaces_id, row.starts_at, row.ends_at)


async def load_policies(work: Work, ids: Collection[UUID] | None = None) -> dict[UUID | None, Policy]:
    """Policies by name, the default one under None too; with `ids` only those of them, and the default."""
    statement = POLICIES
    if ids is not None:
        statement = statement.where(POLICY.c.id.in_(ids) | POLICY.c.is_default if ids else POLICY.c.is_default)
    found: dict[UUID | None, Policy] = {}
    for row in await work.rows(statement):
        found[row.id] = Policy(row.id, row.name, levels_from_json(row.levels))
        if row.is_default:
            found[None] = found[row.id]
    return found


def ways_of(channels: Sequence[Channel], people: Iterable[Someone], *, mail: bool) -> list[Way]:
    """Every channel, and for people without one of their own the e-mail of their account, where mail is set up."""
    ways = [_way(each) for each in channels]
    if mail:
        owners = {way.person for way in ways}
        ways += [
            Way(None, default_name(each.name), ChannelKind.EMAIL, frozenset(Severity), each.id)
            for each in people
            if each.id not in owners
        ]
    return ways


def _way(channel: Channel) -> Way:
    return Way(
        channel.id,
        channel.name,
        channel.kind,
        channel.severities,
        channel.person_id,
        channel.problem,
        channel.quiet_hours,
    )
