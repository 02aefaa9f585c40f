"""Loading everything that decides who is told."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, select

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
    return Directory(people, schedules, await load_ways(work, settings, people.values()))


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
    statement = select(ScheduleRow.id, ScheduleRow.name, ScheduleRow.time_zone, ScheduleRow.rotations)
    if ids is not None:
        statement = statement.where(ScheduleRow.id.in_(ids))
    rows = await work.rows(statement.order_by(ScheduleRow.name))
    if not rows:
        return {}
    overridden = select(OverrideRow.__table__).where(OverrideRow.schedule_id.in_([row.id for row in rows]))
    if since is not None:
        overridden = overridden.where(OverrideRow.ends_at > since)
    overrides: dict[UUID, list[Override]] = {}
    for row in await work.rows(overridden.order_by(OverrideRow.starts_at, OverrideRow.id)):
        overrides.setdefault(row.schedule_id, []).append(override_of(row))
    return {
        row.id: Schedule(
            row.id,
            row.name,
            row.time_zone,
            tuple(Rotation.from_json(each) for each in row.rotations),
            tuple(overrides.get(row.id, ())),
        )
        for row in rows
    }


def override_of(row: Row[OverrideRow]) -> Override:
    """A stored override."""
    return Override(row.id, OverrideKind(row.kind), row.person_id, row.replaces_id, row.starts_at, row.ends_at)


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


async def load_ways(work: Work, settings: Settings, people: Iterable[Someone]) -> list[Way]:
    """Every channel, and for people without one of their own the e-mail of their account, where mail is set up."""
    ways = [_way(each) for each in await notify.list_channels(work)]
    if settings.smtp is not None:
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
