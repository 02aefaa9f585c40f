"""Rules, objectives and critical routes as they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, text

from century.core.errors import NotFound
from century.core.work import Work
from century.rules.condition import Condition, unit
from century.rules.objective import Objective, ObjectiveKind
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.tables import CriticalRouteRow, ObjectiveRow, RuleRow, RuleVersionRow, VerdictRow
from century.rules.verdict import Standing

METRICS = text(
    "SELECT service.name AS service, metric.name, metric.unit, metric.kind"
    " FROM metric JOIN service ON service.id = metric.service_id"
    " WHERE metric.name = ANY(CAST(:names AS text[])) ORDER BY metric.id"
)


@dataclass(frozen=True, slots=True)
class Saved:
    """A rule with its history at a glance and its health; `duration` of the last evaluation in seconds."""

    rule: Rule
    created_at: datetime
    updated_at: datetime
    updated_by_id: UUID | None
    updated_by_name: str
    evaluated_at: datetime | None
    duration: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A rule as somebody saved it."""

    at: datetime
    by_id: UUID | None
    by_name: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule last found of a subject."""

    subject: str
    service: str | None
    attributes: tuple[tuple[str, str], ...]
    standing: Standing
    since: datetime
    value: float | None
    observed_at: datetime | None


async def rules(work: Work) -> list[Rule]:
    """Every rule, by name."""
    return [each.rule for each in await saved(work)]


async def rule(work: Work, rule_id: UUID) -> Rule:
    """The rule of this id; NotFound."""
    return (await one_saved(work, rule_id)).rule


async def saved(work: Work) -> list[Saved]:
    """Every rule with what is known of it, by name."""
    rows = await work.rows(select(RuleRow.__table__).order_by(RuleRow.name))
    known = {each.id: each for each in await objectives(work)} if any(row.objective_id for row in rows) else {}
    return [_saved(row, known) for row in rows]


async def one_saved(work: Work, rule_id: UUID, *, lock: bool = False) -> Saved:
    """One rule with what is known of it; NotFound. With `lock` nobody else changes it meanwhile."""
    statement: Select[Any] = select(RuleRow.__table__).where(RuleRow.id == rule_id)
    row = await work.one_or_none(statement.with_for_update() if lock else statement)
    if row is None:
        raise NotFound(f"no rule {rule_id}")
    known = {row.objective_id: await objective(work, row.objective_id)} if row.objective_id else {}
    return _saved(row, known)


async def versions(work: Work, rule_ids: Sequence[UUID]) -> dict[UUID, list[Version]]:
    """Every version of these rules, the newest first."""
    rows = await work.rows(
        select(RuleVersionRow.__table__)
        .where(RuleVersionRow.rule_id.in_(rule_ids))
        .order_by(RuleVersionRow.version.desc())
    )
    found: dict[UUID, list[Version]] = {each: [] for each in rule_ids}
    for row in rows:
        found[row.rule_id].append(Version(row.at, row.by_id, row.by_name, Rule.from_json(row.rule)))
    return found


async def version(work: Work, rule_id: UUID, number: int) -> Version:
    """One version of a rule; NotFound."""
    row = await work.one_or_none(
        select(RuleVersionRow.__table__).where(RuleVersionRow.rule_id == rule_id, RuleVersionRow.version == number)
    )
    if row is None:
        raise NotFound(f"no version {number} of the rule {rule_id}")
    return Version(row.at, row.by_id, row.by_name, Rule.from_json(row.rule))


async def names(work: Work) -> dict[UUID, str]:
    """The name of every rule."""
    return {row.id: row.name for row in await work.rows(select(RuleRow.id, RuleRow.name))}


async def found(work: Work, rule_ids: Sequence[UUID]) -> dict[UUID, list[Found]]:
    """What these rules last found of their subjects: what is wrong first, then by name."""
    rows = await work.rows(select(VerdictRow.__table__).where(VerdictRow.rule_id.in_(rule_ids)))
    by_rule: dict[UUID, list[Found]] = {each: [] for each in rule_ids}
    for row in rows:
        attributes = tuple((str(key), str(value)) for key, value in row.attributes.items())
        by_rule[row.rule_id].append(
            Found(row.subject, row.service, attributes, Standing(row.standing), row.since, row.value, row.observed_at)
        )
    order = [Standing.FIRING, Standing.PENDING, Standing.UNKNOWN, Standing.OK]
    for each in by_rule.values():
        each.sort(key=lambda one: (order.index(one.standing), one.subject))
    return by_rule


async def objectives(work: Work) -> list[Objective]:
    """Every objective, by name."""
    rows = await work.rows(select(ObjectiveRow.__table__).order_by(ObjectiveRow.name))
    return [_objective(row) for row in rows]


async def objective(work: Work, objective_id: UUID) -> Objective:
    """The objective of this id; NotFound."""
    row = await work.one_or_none(select(ObjectiveRow.__table__).where(ObjectiveRow.id == objective_id))
    if row is None:
        raise NotFound(f"no objective {objective_id}")
    return _objective(row)


async def critical_routes(work: Work) -> dict[str, tuple[str, ...]]:
    """The patterns of critical routes of every service that names some."""
    rows = await work.rows(
        select(CriticalRouteRow.service, CriticalRouteRow.pattern).order_by(CriticalRouteRow.pattern)
    )
    named: dict[str, tuple[str, ...]] = {}
    for row in rows:
        named[row.service] = (*named.get(row.service, ()), row.pattern)
    return named


async def units(work: Work, asked: Sequence[Rule]) -> list[str]:
    """The unit (UCUM) of what each rule looks at; that of a stored metric is what its service, or any, says it is."""
    wanted = sorted({each.condition.metric for each in asked if each.condition.metric})
    rows = await work.rows(METRICS, {"names": wanted}) if wanted else ()
    own: dict[tuple[str | None, str], Row[Any]] = {}
    for row in rows:
        own[row.service, row.name] = own[None, row.name] = row
    said = []
    for each in asked:
        found = own.get((each.service, each.condition.metric or ""))
        kind = found.kind if found else ""
        said.append(unit(each.condition, found.unit if found else "", histogram=kind == "histogram"))
    return said


def columns(rule: Rule) -> dict[str, Any]:
    """A rule as its row holds it, without its id and its times."""
    return {
        "name": rule.name,
        "enabled": rule.enabled,
        "severity": rule.severity.value,
        "service": rule.service,
        "routes": list(rule.routes),
        "critical_routes": rule.critical_routes,
        "condition": rule.condition.to_json(),
        "runbook": rule.runbook,
        "runbook_url": rule.runbook_url,
        "reopen_after": rule.reopen_after,
        "depends_on": list(rule.depends_on),
        "policy_id": rule.policy_id,
        "objective_id": rule.objective_id,
        "version": rule.version,
    }


def _saved(row: Row[Any], known: Mapping[UUID, Objective]) -> Saved:
    return Saved(
        Rule(
            id=row.id,
            name=row.name,
            enabled=row.enabled,
            severity=Severity(row.severity),
            condition=Condition.from_json(row.condition),
            service=row.service,
            routes=tuple(row.routes),
            critical_routes=row.critical_routes,
            runbook=row.runbook,
            runbook_url=row.runbook_url,
            reopen_after=row.reopen_after,
            depends_on=tuple(row.depends_on),
            policy_id=row.policy_id,
            objective_id=row.objective_id,
            version=row.version,
            objective=known.get(row.objective_id) if row.objective_id else None,
        ),
        row.created_at, row.updated_at, row.updated_by_id, row.updated_by_name, row.evaluated_at,
        row.evaluation_seconds, row.evaluation_error,
    )  # fmt: skip


def _objective(row: Row[Any]) -> Objective:
    return Objective(row.id, row.name, row.service, ObjectiveKind(row.kind), row.latency, row.target, row.window)
