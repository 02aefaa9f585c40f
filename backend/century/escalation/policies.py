"""Changing escalation policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update

from century.core.errors import Conflict, Invalid, NotFound
from century.core.ids import new_id
from century.core.settings import Settings
from century.core.work import Work
from century.escalation import naming
from century.escalation.coverage import policy_warnings
from century.escalation.directory import load_directory
from century.escalation.policy import Level, Policy, TargetKind, levels_from_json, levels_to_json, problems
from century.escalation.reach import Directory
from century.escalation.tables import PolicyRow
from century.rules.problems import Problem
from century.rules.tables import RuleRow

LOCK = 0x504F4C49
MOST_POLICIES = 200


@dataclass(frozen=True, slots=True)
class Saved:
    """A policy as it is kept; `used_by` counts the rules whose alerts climb it."""

    policy: Policy
    is_default: bool
    used_by: int
    updated_at: datetime


async def saved(work: Work, policy_id: UUID | None = None) -> list[Saved]:
    """Policies, the default one first, then by name; or the one of this id."""
    statement = select(PolicyRow.__table__).order_by(PolicyRow.is_default.desc(), PolicyRow.name)
    if policy_id is not None:
        statement = statement.where(PolicyRow.id == policy_id)
    rows = await work.rows(statement)
    counted = await work.rows(select(RuleRow.policy_id, func.count().label("rules")).group_by(RuleRow.policy_id))
    used: dict[UUID | None, int] = {row.policy_id: row.rules for row in counted}
    return [
        Saved(
            Policy(row.id, row.name, levels_from_json(row.levels)),
            row.is_default,
            used.get(row.id, 0) + (used.get(None, 0) if row.is_default else 0),
            row.updated_at,
        )
        for row in rows
    ]


async def one(work: Work, policy_id: UUID) -> Saved:
    """The policy of this id, or NotFound."""
    found = await saved(work, policy_id)
    if not found:
        raise NotFound(f"no escalation policy {policy_id}")
    return found[0]


async def save_policy(
    work: Work,
    settings: Settings,
    policy_id: UUID | None,
    name: str,
    levels: Sequence[Level],
    *,
    is_default: bool | None = None,
) -> tuple[Saved, list[Problem]]:
    """Make a policy or change one; answers it with what is to be warned of. Invalid with every field that is wrong.

    `is_default` None leaves that as it is. Alerts that climb keep the policy as it was when they began.
    """
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    before = await one(work, policy_id) if policy_id is not None else None
    name = naming.check(name, "policy")
    directory = await load_directory(work, settings)
    wrong = {each.field: each.message for each in (*problems(levels), *unknown(levels, directory)) if each.refused}
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    taken = await work.one_or_none(
        select(PolicyRow.id).where(
            func.lower(PolicyRow.name) == name.lower(), PolicyRow.id != (policy_id or UUID(int=0))
        )
    )
    if taken is not None:
        raise Conflict(f"another policy is called '{name}': choose another name")
    first = not await work.rows(select(PolicyRow.id).limit(1))
    if before is not None and before.is_default and is_default is False:
        raise Invalid("one policy must be the default: make another one the default instead", field="isDefault")
    default = first or bool(is_default) or (before is not None and before.is_default and is_default is None)
    if default:
        await work.execute(update(PolicyRow).where(PolicyRow.is_default).values(is_default=False))
    values = {"name": name, "is_default": default, "levels": levels_to_json(levels), "updated_at": work.now}
    if before is None:
        if (await work.rows(select(func.count()).select_from(PolicyRow)))[0][0] >= MOST_POLICIES:
            raise Conflict(f"there may be {MOST_POLICIES} policies at most: remove one that is not used")
        policy_id = new_id(work.now)
        await work.execute(insert(PolicyRow).values(id=policy_id, created_at=work.now, **values))
        _record(work, "policy.created", policy_id, name, f"Policy '{name}' was made")
    else:
        assert policy_id is not None
        await work.execute(update(PolicyRow).where(PolicyRow.id == policy_id).values(**values))
        _record(work, "policy.changed", policy_id, name, f"Policy '{name}' was changed")
    after = await one(work, policy_id)
    return after, warnings(after.policy, directory, work.now)


async def delete_policy(work: Work, policy_id: UUID) -> None:
    """Remove a policy that no rule names and that is not the default; Conflict otherwise, naming who uses it."""
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    before = await one(work, policy_id)
    if before.is_default:
        raise Conflict(f"'{before.policy.name}' is the default policy: make another one the default first")
    rows = await work.rows(select(RuleRow.name).where(RuleRow.policy_id == policy_id).order_by(RuleRow.name))
    if rows:
        raise Conflict(f"'{before.policy.name}' is used by {naming.several('rule', [row.name for row in rows])}")
    await work.execute(delete(PolicyRow).where(PolicyRow.id == policy_id))
    _record(work, "policy.deleted", policy_id, before.policy.name, f"Policy '{before.policy.name}' was removed")


def warnings(policy: Policy, directory: Directory, now: datetime) -> list[Problem]:
    """Everything that is to be said about a policy that may be saved all the same."""
    own = [each for each in problems(policy.levels) if not each.refused]
    return [*own, *policy_warnings(policy, directory, now)]


def unknown(levels: Sequence[Level], directory: Directory) -> list[Problem]:
    """Targets that are not there."""
    channels = {way.id for way in directory.ways}
    there: Mapping[TargetKind, frozenset[UUID | None]] = {
        TargetKind.PERSON: frozenset(each.id for each in directory.people.values() if not each.disabled),
        TargetKind.SCHEDULE: frozenset(directory.schedules),
        TargetKind.CHANNEL: frozenset(channels),
    }
    return [
        Problem(
            f"levels.{number}.targets.{place}.id",
            f"level {number + 1} names a {target.kind.value} that is not there: choose another {target.kind.value}",
        )
        for number, level in enumerate(levels)
        for place, target in enumerate(level.targets)
        if target.id is not None and target.kind in there and target.id not in there[target.kind]
    ]


def _record(work: Work, kind: str, policy_id: UUID, name: str, message: str) -> None:
    work.record(kind, policy_id, subject_name=name, message=f"{message} by {work.actor.name}.")
