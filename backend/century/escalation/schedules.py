"""Changing on-call schedules and their overrides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, select, text, update

from century.core.errors import Conflict, Invalid, NotFound
from century.core.ids import new_id
from century.core.work import Work
from century.escalation import naming, planning
from century.escalation.coverage import schedule_warnings
from century.escalation.directory import load_people, load_schedules
from century.escalation.policy import TargetKind, levels_from_json
from century.escalation.reach import Someone
from century.escalation.rotation import Rotation
from century.escalation.schedule import Override, OverrideKind, Schedule, refusal
from century.escalation.tables import OverrideRow, PolicyRow, ScheduleRow
from century.rules.problems import Problem

LOCK = 0x53434845
MOST_SCHEDULES = 200
MOST_OVERRIDES = 500
LONGEST_OVERRIDE = timedelta(days=366)
OVERRIDES_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Made:
    """Who made an override, and when."""

    by_id: UUID | None
    by_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Board:
    """Every schedule with everybody's name, who made which override, and which policies use which schedule.

    `calendars` are the numbers of their calendars' addresses.
    """

    schedules: dict[UUID, Schedule]
    people: dict[UUID, Someone]
    made: dict[UUID, Made]
    used_by: dict[UUID, list[str]]
    changed_at: dict[UUID, datetime]
    calendars: dict[UUID, int]

    def one(self, schedule_id: UUID) -> Schedule:
        """The schedule of this id, or NotFound."""
        if schedule_id not in self.schedules:
            raise NotFound(f"no schedule {schedule_id}")
        return self.schedules[schedule_id]


async def board(work: Work) -> Board:
    """Everything there is to show of schedules."""
    schedules = await load_schedules(work, since=work.now - OVERRIDES_KEPT)
    rows = await work.rows(
        select(OverrideRow.id, OverrideRow.created_by_id, OverrideRow.created_by_name, OverrideRow.created_at)
    )
    changed = await work.rows(select(ScheduleRow.id, ScheduleRow.updated_at, ScheduleRow.calendar_number))
    return Board(
        schedules,
        await load_people(work),
        {row.id: Made(row.created_by_id, row.created_by_name, row.created_at) for row in rows},
        await used_by(work),
        {row.id: row.updated_at for row in changed},
        {row.id: row.calendar_number for row in changed},
    )


async def used_by(work: Work) -> dict[UUID, list[str]]:
    """The names of the policies that tell each schedule."""
    found: dict[UUID, list[str]] = {}
    for row in await work.rows(select(PolicyRow.name, PolicyRow.levels).order_by(PolicyRow.name)):
        targets = {target for level in levels_from_json(row.levels) for target in level.targets}
        for target in targets:
            if target.kind is TargetKind.SCHEDULE and target.id is not None:
                found.setdefault(target.id, []).append(row.name)
    return found


async def save_schedule(
    work: Work, schedule_id: UUID | None, name: str, time_zone: str, rotations: Sequence[Rotation]
) -> tuple[UUID, list[Problem]]:
    """Make a schedule or change one; answers its id and the gaps ahead. Invalid with every field that is wrong."""
    await _lock(work)
    schedules = await load_schedules(work, since=work.now)
    if schedule_id is not None and schedule_id not in schedules:
        raise NotFound(f"no schedule {schedule_id}")
    name = naming.check(name, "schedule")
    before = schedules[schedule_id] if schedule_id is not None else None
    _check(time_zone, rotations, before, await load_people(work))
    if any(each.name.lower() == name.lower() and each.id != schedule_id for each in schedules.values()):
        raise Conflict(f"another schedule is called '{name}': choose another name")
    known = {each.id for each in before.rotations} if before else set()
    kept = [_numbered(each, known, work.now) for each in rotations]
    values = {
        "name": name,
        "time_zone": time_zone,
        "rotations": [each.to_json() for each in kept],
        "updated_at": work.now,
    }
    if schedule_id is None:
        if len(schedules) >= MOST_SCHEDULES:
            raise Conflict(f"there may be {MOST_SCHEDULES} schedules at most: remove one that is not used")
        schedule_id = new_id(work.now)
        await work.execute(insert(ScheduleRow).values(id=schedule_id, created_at=work.now, **values))
        _record(work, "schedule.created", schedule_id, name, f"Schedule '{name}' was made")
    else:
        await work.execute(update(ScheduleRow).where(ScheduleRow.id == schedule_id).values(**values))
        _record(work, "schedule.changed", schedule_id, name, f"Schedule '{name}' was changed")
    overrides = before.overrides if before else ()
    after = Schedule(schedule_id, name, time_zone, tuple(kept), overrides)
    return schedule_id, schedule_warnings(after, work.now)


async def preview_schedule(
    work: Work, schedule_id: UUID | None, time_zone: str, rotations: Sequence[Rotation]
) -> tuple[Schedule, dict[UUID, Someone]]:
    """A schedule as it would be if this were saved, its overrides included, and everybody's name; nothing is stored.

    Invalid with every field that is wrong.
    """
    before = None
    if schedule_id is not None:
        before = (await load_schedules(work, since=work.now, ids=[schedule_id])).get(schedule_id)
        if before is None:
            raise NotFound(f"no schedule {schedule_id}")
    people = await load_people(work)
    _check(time_zone, rotations, before, people)
    overrides = before.overrides if before else ()
    return Schedule(schedule_id or new_id(work.now), "", time_zone, tuple(rotations), overrides), people


def _check(
    time_zone: str, rotations: Sequence[Rotation], before: Schedule | None, people: Mapping[UUID, Someone]
) -> None:
    # Somebody who was disabled since may stay where they stand: else nothing could be changed before they are replaced.
    stay = before.people if before else frozenset()
    able = {each.id for each in people.values() if not each.disabled} | (stay & people.keys())
    wrong = {each.field: each.message for each in planning.problems(time_zone, rotations, able)}
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)


async def delete_schedule(work: Work, schedule_id: UUID) -> None:
    """Remove a schedule that no policy tells; Conflict otherwise, naming those that do."""
    await _lock(work)
    schedules = await load_schedules(work, ids=[schedule_id])
    if schedule_id not in schedules:
        raise NotFound(f"no schedule {schedule_id}")
    name = schedules[schedule_id].name
    if policies := (await used_by(work)).get(schedule_id):
        raise Conflict(
            f"'{name}' is used by {naming.several('policy', [f'{each!r}' for each in policies])}: "
            "take it out of there first"
        )
    await work.execute(delete(ScheduleRow).where(ScheduleRow.id == schedule_id))
    _record(work, "schedule.deleted", schedule_id, name, f"Schedule '{name}' was removed")


async def renew_calendar(work: Work, schedule_id: UUID) -> None:
    """Give a schedule's calendar a new address; nothing lies at the one before any more."""
    row = await work.one_or_none(
        update(ScheduleRow)
        .where(ScheduleRow.id == schedule_id)
        .values(calendar_number=ScheduleRow.calendar_number + 1)
        .returning(ScheduleRow.name)
    )
    if row is None:
        raise NotFound(f"no schedule {schedule_id}")
    said = f"The calendar of '{row.name}' was given a new address"
    _record(work, "schedule.calendar_renewed", schedule_id, row.name, said)


async def create_override(
    work: Work,
    schedule_id: UUID,
    kind: OverrideKind,
    person: UUID,
    replaces: UUID | None,
    starts_at: datetime,
    ends_at: datetime,
) -> UUID:
    """Put somebody on call, off call, or in another's place for a while; Invalid for one that overlaps or is empty."""
    planning.check_near(starts_at, work.now, "startsAt")
    planning.check_near(ends_at, work.now, "endsAt")
    if ends_at <= work.now:
        raise Invalid("an override must end in the future: what was cannot be changed", field="endsAt")
    if ends_at - starts_at > LONGEST_OVERRIDE:
        raise Invalid("an override may last a year at most: change the rotation for longer", field="endsAt")
    # Of two that overlap the second sees the first.
    await work.rows(select(ScheduleRow.id).where(ScheduleRow.id == schedule_id).with_for_update())
    schedules = await load_schedules(work, since=starts_at - timedelta(days=100), ids=[schedule_id])
    if schedule_id not in schedules:
        raise NotFound(f"no schedule {schedule_id}")
    schedule = schedules[schedule_id]
    people = await load_people(work)
    able = {each.id for each in people.values() if not each.disabled}
    if person not in (able if kind is not OverrideKind.REMOVE else people.keys()):
        raise Invalid("this person is gone or disabled: choose somebody who may sign in", field="person")
    if replaces is not None and replaces not in people:
        raise Invalid("nobody is known by this id: choose who is to be replaced", field="replaces")
    if sum(each.end > work.now for each in schedule.overrides) >= MOST_OVERRIDES:
        raise Conflict(f"'{schedule.name}' has {MOST_OVERRIDES} overrides ahead: change the rotation instead")
    override = Override(new_id(work.now), kind, person, replaces, starts_at, ends_at)
    names = {each.id: each.name for each in people.values()}
    if said := refusal(schedule, override, names):
        raise Invalid(said, field="replaces" if "replace" in said else "startsAt")
    await work.execute(
        insert(OverrideRow).values(
            id=override.id,
            schedule_id=schedule_id,
            kind=kind.value,
            person_id=person,
            replaces_id=replaces,
            starts_at=starts_at,
            ends_at=ends_at,
            created_at=work.now,
            created_by_id=work.actor.id,
            created_by_name=work.actor.name,
        )
    )
    _record(work, "schedule.overridden", schedule_id, schedule.name, _told(schedule, override, names))
    return override.id


async def delete_override(work: Work, override_id: UUID) -> None:
    """Take an override back."""
    row = await work.one_or_none(
        delete(OverrideRow).where(OverrideRow.id == override_id).returning(OverrideRow.schedule_id)
    )
    if row is None:
        raise NotFound(f"no override {override_id}")
    name = (await work.rows(select(ScheduleRow.name).where(ScheduleRow.id == row.schedule_id)))[0].name
    _record(work, "schedule.override_removed", row.schedule_id, name, f"An override of '{name}' was taken back")


def _told(schedule: Schedule, override: Override, names: dict[UUID, str]) -> str:
    person = names[override.person]
    match override.kind:
        case OverrideKind.ADD:
            said = f"{person} is on call in '{schedule.name}' as well"
        case OverrideKind.REMOVE:
            said = f"{person} is not on call in '{schedule.name}'"
        case OverrideKind.REPLACE:
            absent = names[override.replaces] if override.replaces else "nobody"
            said = f"{person} is on call in '{schedule.name}' in place of {absent}"
    return f"{said} from {override.start:%Y-%m-%d %H:%M} to {override.end:%Y-%m-%d %H:%M} UTC, entered"


def _numbered(rotation: Rotation, known: set[UUID], now: datetime) -> Rotation:
    # A rotation keeps its id, and so a calendar its events; an id from elsewhere is not taken.
    if rotation.id in known:
        known.discard(rotation.id)
        return rotation
    return Rotation.from_json({**rotation.to_json(), "id": str(new_id(now))})


async def _lock(work: Work) -> None:
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _record(work: Work, kind: str, schedule_id: UUID, name: str, message: str) -> None:
    work.record(kind, schedule_id, subject_name=name, message=f"{message} by {work.actor.name}.")
