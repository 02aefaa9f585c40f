"""What a new installation begins with: the guide's escalation as a policy, its schedules, and somebody to answer."""

from __future__ import annotations

from datetime import time, timedelta

from sqlalchemy import insert, select, update

from century.access.tables import PersonRow
from century.core import seeds
from century.core.actor import Role
from century.core.ids import new_id
from century.core.work import Work
from century.escalation.policy import Level, Target, TargetKind, levels_to_json
from century.escalation.rotation import Rotation, RotationKind
from century.escalation.tables import PolicyRow, ScheduleRow
from century.notify.quiet import Weekday
from century.rules.severity import Severity

SEED, RESPONDER_SEED = "escalation", "escalation.responder"
POLICY = "Default"
FIRST = "Initial responder"
LADDER = (
    (FIRST, timedelta(0), frozenset[Severity]()),
    ("Senior engineer", timedelta(minutes=15), frozenset[Severity]()),
    ("Engineering manager", timedelta(minutes=30), frozenset[Severity]()),
    ("Executives", timedelta(minutes=60), frozenset({Severity.CRITICAL})),
)


async def plant(work: Work) -> None:
    """The default policy with its four schedules, once; and the first admin as the one who answers."""
    if await seeds.plant(work, SEED):
        taken = {row.name for row in await work.rows(select(ScheduleRow.name))}
        levels = []
        for name, delay, severities in LADDER:
            schedule = new_id(work.now)
            # Somebody may have been faster than we were.
            label = name if name not in taken else f"{name} (default)"
            await work.execute(
                insert(ScheduleRow).values(
                    id=schedule, name=label, time_zone="UTC", rotations=[], created_at=work.now, updated_at=work.now
                )
            )
            work.record("schedule.created", schedule, subject_name=label, message=f"Schedule '{label}' was planted.")
            everybody = (Target(TargetKind.CHANNELS_OF_SEVERITY),) if name == FIRST else ()
            levels.append(Level(name, delay, (*everybody, Target(TargetKind.SCHEDULE, schedule)), severities))
        policies = await work.rows(select(PolicyRow.name, PolicyRow.is_default))
        policy = new_id(work.now)
        name = POLICY if all(each.name != POLICY for each in policies) else f"{POLICY} (planted)"
        await work.execute(
            insert(PolicyRow).values(
                id=policy,
                name=name,
                is_default=not any(each.is_default for each in policies),
                levels=levels_to_json(levels),
                created_at=work.now,
                updated_at=work.now,
            )
        )
        work.record("policy.created", policy, subject_name=name, message=f"Policy '{name}' was planted.")
    await plant_responder(work)


async def plant_responder(work: Work) -> bool:
    """As soon as there is an admin, the first one answers for the first level, once; unless people chose otherwise.

    Answers whether that is settled.
    """
    if await work.rows(select(seeds.SeedRow.name).where(seeds.SeedRow.name == RESPONDER_SEED)):
        return True
    admin = await work.one_or_none(
        select(PersonRow.id, PersonRow.name)
        .where(PersonRow.role == Role.ADMIN.value, PersonRow.disabled_at.is_(None))
        .order_by(PersonRow.id)
        .limit(1)
    )
    schedule = await work.one_or_none(
        select(ScheduleRow.id, ScheduleRow.name, ScheduleRow.rotations)
        .where(ScheduleRow.name == FIRST)
        .with_for_update()
    )
    if admin is None or schedule is None:
        return False
    if not await seeds.plant(work, RESPONDER_SEED) or schedule.rotations:
        return True
    rotation = Rotation(
        id=new_id(work.now),
        name="Week by week",
        kind=RotationKind.WEEKLY,
        length=1,
        hand_off_at=time(9),
        # Yesterday: on call from now on, whatever the time of day.
        starts_on=(work.now - timedelta(days=1)).date(),
        participants=(admin.id,),
        hand_off_day=Weekday.MONDAY,
    )
    await work.execute(
        update(ScheduleRow)
        .where(ScheduleRow.id == schedule.id)
        .values(rotations=[rotation.to_json()], updated_at=work.now)
    )
    message = f"{admin.name} answers in '{FIRST}' until somebody else is chosen."
    work.record("schedule.changed", schedule.id, subject_name=schedule.name, message=message)
    return True
