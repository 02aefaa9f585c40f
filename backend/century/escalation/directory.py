"""Loading everything that decides who is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, select

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


async def load_directory(work: Work, settings: Settings, *, since: datetime | None = None) -> Directory:
    """People, schedules with the overrides that end after `since` (by default after now), and every way to be reached."""
    people = await load_people(work)
    schedules = await load_schedules(work, since=since or work.now)
    channels = await notify.list_channels(work)
    ways = ways_of(channels, people.values(), mail=settings.smtp is not None)
    return Directory(people, schedules, ways, {each.id: each for each in channels})


async def load_people(work: Work) -> dict[UUID, Someone]:
    """Everybody, also those who are disabled, by name."""
    rows = await work.rows(
        select(PersonRow.id, PersonRow.name, PersonRow.role, PersonRow.disabled_at).order_by(PersonRow.name)
    )
    return {
        row.id: Someone(row.id, row.name, row.disabled_at is not None, row.role == Role.ADMIN.value) for row in rows
    }


async def load_schedules(
    work: Work, *, since: datetime | None = None, ids: Collection[UUID] | None = None
) -> dict[UUID, Schedule]:
    """Schedules by name, with their overrides that end after `since`; all of them without."""
    counts = OverrideRow.schedule_id == ScheduleRow.id
    if since is not None:
        counts = and_(counts, OverrideRow.ends_at > since)
    statement = (
        select(
            ScheduleRow.id,
            ScheduleRow.name,
            ScheduleRow.time_zone,
            ScheduleRow.rotations,
            OverrideRow.id.label("override_id"),
            OverrideRow.kind,
            OverrideRow.person_id,
            OverrideRow.replaces_id,
            OverrideRow.starts_at,
            OverrideRow.ends_at,
        )
        .outerjoin(OverrideRow, counts)
        .order_by(ScheduleRow.name, OverrideRow.starts_at, OverrideRow.id)
    )
    if ids is not None:
        statement = statement.where(ScheduleRow.id.in_(ids))
    found: dict[UUID, Schedule] = {}
    for row in await work.rows(statement):
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
    statement = select(PolicyRow.id, PolicyRow.name, PolicyRow.is_default, PolicyRow.levels)
    if ids is not None:
        statement = statement.where(PolicyRow.id.in_(ids) | PolicyRow.is_default)
    found: dict[UUID | None, Policy] = {}
    for row in await work.rows(statement.order_by(PolicyRow.is_default.desc(), PolicyRow.name)):
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
