"""Objectives are saved with the two rules that watch how fast their error budget is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, insert, select, text, update

from century.core.errors import Conflict, Invalid, NotFound
from century.core.ids import new_id
from century.core.work import Work
from century.rules import editing, kept
from century.rules.burning import burn_conditions
from century.rules.objective import Objective, ObjectiveKind
from century.rules.rule import Rule
from century.rules.tables import ObjectiveRow
from century.rules.versions import changes

MOST_OBJECTIVES = 1_000
SHORTEST = timedelta(days=1)
LONGEST = timedelta(days=30)
RUNBOOK = """\
The error budget of this objective is being spent too fast.

1. **Check Logs**: Review application error logs
2. **External APIs**: Check third-party service status
3. **Code Issues**: Look for recent deployments or changes
4. **Assess Impact**: See on the objective how much of the budget is left
"""


@dataclass(frozen=True, slots=True)
class SavedObjective:
    """An objective with its rules, the urgent one first."""

    objective: Objective
    rules: tuple[Rule, ...]


async def save_objective(
    work: Work,
    objective_id: UUID | None,
    name: str,
    service: str,
    kind: ObjectiveKind,
    latency: float | None,
    target: float,
    window: timedelta,
) -> SavedObjective:
    """Save an objective and make, or renew, its two burn-rate rules.

    What people changed on the rules stays: their names, severities, runbooks, policies, and whether they are enabled.
    """
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": editing.LOCK})
    wanted = Objective(objective_id or new_id(work.now), name.strip(), service.strip(), kind, latency, target, window)
    _check(wanted)
    before = await kept.objective(work, objective_id) if objective_id is not None else None
    taken = await work.one_or_none(
        select(ObjectiveRow.id).where(ObjectiveRow.name == wanted.name, ObjectiveRow.id != wanted.id)
    )
    if taken is not None:
        raise Conflict(f"an objective named {wanted.name!r} stands already: choose another name")
    values = {
        "name": wanted.name, "service": wanted.service, "kind": kind.value, "latency": latency, "target": target,
        "window": window, "updated_at": work.now,
    }  # fmt: skip
    if before is None:
        if len(await kept.objectives(work)) >= MOST_OBJECTIVES:
            raise Conflict(f"there are {MOST_OBJECTIVES} objectives already: delete some")
        await work.execute(insert(ObjectiveRow).values(id=wanted.id, created_at=work.now, **values))
    else:
        await work.execute(update(ObjectiveRow).where(ObjectiveRow.id == wanted.id).values(**values))
    if before != wanted:
        work.record(
            "objective.changed" if before else "objective.created", wanted.id, subject_name=wanted.name,
            message=f"{wanted.name}: {target:.5g} of the requests of {wanted.service} over {window.days} days",
            objective=wanted.to_json(),
        )  # fmt: skip
    return SavedObjective(wanted, await _renew(work, wanted))


async def delete_objective(work: Work, objective_id: UUID) -> Objective:
    """Remove an objective with its rules."""
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": editing.LOCK})
    gone = await kept.objective(work, objective_id)
    for each in await kept.rules(work):
        if each.objective_id == objective_id:
            await editing.remove(work, each)
    await work.execute(delete(ObjectiveRow).where(ObjectiveRow.id == objective_id))
    work.record(
        "objective.deleted", gone.id, subject_name=gone.name, message=f"{gone.name} was deleted",
        objective=gone.to_json(),
    )  # fmt: skip
    return gone


async def saved(work: Work) -> list[SavedObjective]:
    """Every objective with its rules, by name."""
    rules = await kept.rules(work)
    return [SavedObjective(each, _in_order(rules, each.id)) for each in await kept.objectives(work)]


async def one(work: Work, objective_id: UUID) -> SavedObjective:
    """An objective with its rules; NotFound."""
    found = next((each for each in await saved(work) if each.objective.id == objective_id), None)
    if found is None:
        raise NotFound(f"no objective {objective_id}")
    return found


async def _renew(work: Work, objective: Objective) -> tuple[Rule, ...]:
    standing = _in_order(await kept.rules(work), objective.id)
    made = []
    for place, burn in enumerate(burn_conditions(objective)):
        before = standing[place] if place < len(standing) else None
        if before is None:
            after = Rule(
                new_id(work.now), f"{objective.name}: {burn.name}", enabled=True, severity=burn.severity,
                condition=burn.condition, service=objective.service, runbook=RUNBOOK, objective_id=objective.id,
                objective=objective,
            )  # fmt: skip
        else:
            condition = replace(
                before.condition, threshold=burn.condition.threshold, window=burn.condition.window,
                short_window=burn.condition.short_window, recovery=None,
            )  # fmt: skip
            after = replace(
                before, condition=condition, service=objective.service, objective=objective, version=before.version + 1
            )
        if before is not None and before.objective == objective and not changes(before, after):
            made.append(before)
            continue
        await editing.write(work, before, after)
        made.append(after)
    return tuple(made)


def _in_order(rules: list[Rule], objective_id: UUID) -> tuple[Rule, ...]:
    mine = [each for each in rules if each.objective_id == objective_id]
    return tuple(sorted(mine, key=lambda each: each.condition.window))


def _check(objective: Objective) -> None:
    fields: dict[str, str] = {}
    if not 1 <= len(objective.name) <= 80 or not objective.name.isprintable() or "/" in objective.name:
        fields["name"] = "an objective's name has 1 to 80 printable characters without '/'"
    if not 1 <= len(objective.service) <= 255:
        fields["service"] = "name the service whose requests are meant"
    if not 0 < objective.target < 1:
        fields["target"] = (
            "the target is a share between 0 and 1 (write 0.999 for 99.9 %); 1 would leave nothing to fail"
        )
    elif objective.target < 0.5:
        fields["target"] = "a target below 0.5 would let most requests fail: write 0.999 for 99.9 %"
    if not SHORTEST <= objective.window <= LONGEST:
        fields["window"] = f"the window must lie between {SHORTEST.days} and {LONGEST.days} days"
    latency = objective.latency
    if objective.kind is ObjectiveKind.LATENCY and (
        latency is None or not math.isfinite(latency) or not 0 < latency <= 3600
    ):
        fields["latency"] = "say within how many seconds (up to 3600) a request is good, like 0.3"
    if objective.kind is ObjectiveKind.AVAILABILITY and latency is not None:
        fields["latency"] = "latency is for objectives of the kind LATENCY: leave it out"
    if fields:
        raise Invalid("; ".join(fields.values()), fields=fields)
