"""Changing rules: every save is a version, checked, compared with the one that was read, and told."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from century.core.actor import ActorKind
from century.core.errors import Conflict, Invalid
from century.core.work import Work
from century.rules import kept, routes
from century.rules.condition import Condition, Signal
from century.rules.problems import Known, Problem, problems
from century.rules.rule import Rule
from century.rules.tables import CriticalRouteRow, RuleRow, RuleVersionRow
from century.rules.versions import Change, changes, sentence

MOST_RULES = 5_000
LOCK = 0x52554C45
"""Held by whoever changes rules: circles of dependencies and counts are checked against what stays."""
POLICY, POLICY_FIELD = "fk_rule_policy_id", "escalationPolicy"

EXPORTS = text(
    "SELECT received_at FROM block JOIN service ON service.id = block.service_id"
    " WHERE service.name = :service ORDER BY block.first_at DESC LIMIT 20"
)
METRICS = text(
    "SELECT DISTINCT metric.name FROM metric JOIN service ON service.id = metric.service_id"
    " WHERE service.name = :service OR CAST(:service AS text) IS NULL"
)
GROUPS = text(
    """SELECT service.name, count(DISTINCT (
        SELECT array_agg(coalesce(series.attributes->>named.key, '') ORDER BY named.place)
        FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS named (key, place))) AS groups
    FROM series JOIN metric ON metric.id = series.metric_id JOIN service ON service.id = series.service_id
    WHERE metric.name = :metric AND (service.name = :service OR CAST(:service AS text) IS NULL)
        AND series.last_seen_at > :since AND NOT EXISTS (
            SELECT FROM jsonb_each(CAST(:filter AS jsonb)) AS wanted
            WHERE NOT wanted.value ? coalesce(series.attributes->>wanted.key, ''))
    GROUP BY service.name ORDER BY groups DESC, service.name LIMIT 1"""
)
REPORTING = timedelta(days=1)
"""What was heard within so long counts as a group of a rule that is saved."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule with the unit of its values and what is to be said about it."""

    rule: Rule
    problems: tuple[Problem, ...]
    unit: str = ""

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What keeps it from being saved."""
        return tuple(each for each in self.problems if each.refused)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What may be saved all the same."""
        return tuple(each for each in self.problems if not each.refused)


async def known_of(work: Work, rule: Rule) -> Known:
    """What a rule can be held against."""
    rows = await work.rows(select(RuleRow.id, RuleRow.name, RuleRow.depends_on))
    metrics = frozenset(row.name for row in await work.rows(METRICS, {"service": rule.service}))
    every = None
    if rule.service is not None:
        every = _usual([row.received_at for row in await work.rows(EXPORTS, {"service": rule.service})])
    taken = frozenset(row.name for row in rows if row.id != rule.id)
    depends_on = {row.id: tuple(row.depends_on) for row in rows}
    return Known(metrics or None, every, depends_on, taken, await _groups(work, rule))


async def _groups(work: Work, rule: Rule) -> tuple[str, int] | None:
    condition = rule.condition
    if condition.signal is not Signal.METRIC or not condition.group_by:
        return None
    wanted = {key: sorted(values) for key, values in condition.filter}
    row = await work.one_or_none(
        GROUPS,
        {
            "keys": list(condition.group_by), "metric": condition.metric, "service": rule.service,
            "since": work.now - REPORTING, "filter": orjson.dumps(wanted).decode(),
        },
    )  # fmt: skip
    return (row.name, row.groups) if row is not None else None


async def check(work: Work, draft: Rule) -> Checked:
    """What would be said about a rule that is not saved yet, or not saved so."""
    before = next((each for each in await kept.rules(work) if each.id == draft.id), None)
    return await _check(work, _of_objective(before, draft) if before is not None else draft)


async def _check(work: Work, draft: Rule) -> Checked:
    [said] = await kept.units(work, [draft])
    return Checked(draft, tuple(problems(draft, await known_of(work, draft))), said)


async def save_rule(work: Work, draft: Rule, *, read: int | None = None, new: bool) -> Checked:
    """Save a rule and answer it with its warnings.

    Invalid with every refused field; Conflict where somebody saved a version after the one that was `read`; NotFound.
    A save that changes nothing makes no version.
    """
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    before = None
    if new:
        await _room(work)
        draft = replace(draft, version=1)
    else:
        found = await kept.one_saved(work, draft.id, lock=True)
        before = found.rule
        if read is not None and read != before.version:
            raise Conflict(
                f"{found.updated_by_name} changed {before.name} meanwhile (version {before.version}, yours is {read}): "
                "load it again, then change it"
            )
        draft = _of_objective(before, replace(draft, version=before.version + 1))
    checked = await _check(work, draft)
    refuse(checked)
    if before is not None and not changes(before, draft):
        return replace(checked, rule=before)
    await write(work, before, draft)
    return checked


async def write(work: Work, before: Rule | None, after: Rule, kind: str | None = None) -> None:
    """Keep a rule that was checked, with its version, and record what changed. Invalid where its policy is unknown."""
    try:
        await _store(work, before, after)
    except IntegrityError as error:
        if POLICY not in str(error.orig):
            raise
        raise Invalid("there is no such escalation policy: leave it out for the default one", POLICY_FIELD) from None
    made = changes(before, after, await _names(work, before, after)) if before is not None else ()
    work.record(
        kind or ("rule.changed" if before is not None else "rule.created"),
        after.id,
        subject_name=after.name,
        message=sentence(after.name, made) if made else f"{after.name} was created",
        version=after.version,
        changes=[_shown(each) for each in made],
    )


async def _store(work: Work, before: Rule | None, after: Rule) -> None:
    if before is None:
        never = {"evaluated_at": None, "evaluation_seconds": None, "evaluation_error": None}
        await work.execute(
            insert(RuleRow).values(
                id=after.id, created_at=work.now, updated_at=work.now, **_by(work, "updated_by"), **never,
                **kept.columns(after),
            )
        )  # fmt: skip
    else:
        await work.execute(
            update(RuleRow)
            .where(RuleRow.id == after.id)
            .values(updated_at=work.now, **_by(work, "updated_by"), **kept.columns(after))
        )
    await work.execute(
        insert(RuleVersionRow).values(
            rule_id=after.id, version=after.version, at=work.now, rule=after.to_json(), **_by(work, "by")
        )
    )


async def restore_rule(work: Work, rule_id: UUID, version: int) -> Checked:
    """Save a rule again as it was in an earlier version."""
    now = await kept.rule(work, rule_id)
    then = (await kept.version(work, rule_id, version)).rule
    again = replace(then, id=now.id, objective_id=now.objective_id, objective=now.objective)
    return await save_rule(work, again, new=False)


async def set_enabled(work: Work, rule_id: UUID, *, enabled: bool) -> Rule:
    """Switch a rule on or off; a version like any other."""
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    before = (await kept.one_saved(work, rule_id, lock=True)).rule
    if before.enabled == enabled:
        return before
    after = replace(before, enabled=enabled, version=before.version + 1)
    await write(work, before, after, "rule.enabled" if enabled else "rule.disabled")
    return after


async def delete_rule(work: Work, rule_id: UUID) -> Rule:
    """Remove a rule with its versions and verdicts; rules that depended on it do so no longer."""
    await work.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    gone = (await kept.one_saved(work, rule_id, lock=True)).rule
    if gone.objective is not None:
        raise Conflict(
            f"{gone.name} belongs to the objective {gone.objective.name!r}: disable the rule, or delete the objective"
        )
    for each in await kept.rules(work):
        if rule_id in each.depends_on:
            others = tuple(other for other in each.depends_on if other != rule_id)
            await write(work, each, replace(each, depends_on=others, version=each.version + 1))
    await remove(work, gone)
    return gone


async def remove(work: Work, rule: Rule) -> None:
    """Take a rule away, and record it."""
    await work.execute(delete(RuleRow).where(RuleRow.id == rule.id))
    work.record(
        "rule.deleted", rule.id, subject_name=rule.name, message=f"{rule.name} was deleted", rule=rule.to_json()
    )


async def set_critical_routes(work: Work, service: str, patterns: Sequence[str]) -> tuple[str, ...]:
    """Say which routes of a service are critical; Invalid patterns."""
    if not 1 <= len(service) <= 255:
        raise Invalid("name the service", field="service")
    wanted = tuple(dict.fromkeys(pattern.strip() for pattern in patterns))
    if len(wanted) > routes.MOST:
        raise Invalid(f"{routes.MOST} patterns at most: use patterns like /api/*", field="routes")
    if wrong := next((found for found in map(routes.problem, wanted) if found), None):
        raise Invalid(wrong, field="routes")
    await work.execute(delete(CriticalRouteRow).where(CriticalRouteRow.service == service))
    if wanted:
        rows = [{"service": service, "pattern": pattern} for pattern in wanted]
        await work.execute(insert(CriticalRouteRow).values(rows))
    said = ", ".join(wanted) or "none"
    work.record("rule.routes_set", service, message=f"critical routes of {service}: {said}", routes=list(wanted))
    return tuple(sorted(wanted))


def refuse(checked: Checked) -> None:
    """Raise Invalid with every field that cannot be taken."""
    fields: dict[str, str] = {}
    for each in checked.refused:
        fields.setdefault(each.field, each.message)
    if fields:
        raise Invalid("; ".join(fields.values()), fields=fields)


def _of_objective(before: Rule, draft: Rule) -> Rule:
    """A rule of an objective stays one: its short window and its objective are not the editor's to change."""
    if before.objective_id is None:
        return draft
    condition: Condition = replace(draft.condition, signal=Signal.BURN_RATE, short_window=before.condition.short_window)
    return replace(
        draft, service=before.service, objective_id=before.objective_id, objective=before.objective, condition=condition
    )


async def _room(work: Work) -> None:
    count = (await work.execute(text("SELECT count(*) FROM rule"))).scalar_one()
    if count >= MOST_RULES:
        raise Conflict(f"there are {MOST_RULES} rules already: delete some, or let one rule judge every service")


async def _names(work: Work, before: Rule | None, after: Rule) -> dict[UUID, str]:
    wanted = {*after.depends_on, *(before.depends_on if before else ())}
    if not wanted:
        return {}
    rows = await work.rows(select(RuleRow.id, RuleRow.name).where(RuleRow.id.in_(wanted)))
    return {row.id: row.name for row in rows}


def _by(work: Work, prefix: str) -> dict[str, Any]:
    person = work.actor.kind is ActorKind.PERSON
    return {f"{prefix}_id": work.actor.id if person else None, f"{prefix}_name": work.actor.name}


def _shown(change: Change) -> dict[str, str | None]:
    return {"field": change.field, "before": change.before, "after": change.after}


def _usual(received: Sequence[Any]) -> timedelta | None:
    """The usual time between exports, from the newest ones; None where there are too few to tell."""
    times = sorted(received)
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    return gaps[len(gaps) // 2] if len(gaps) >= 3 else None
