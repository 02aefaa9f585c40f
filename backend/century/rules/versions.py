"""What a change to a rule changed, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from century.core.wording import duration
from century.rules.rule import Rule


@dataclass(frozen=True, slots=True)
class Change:
    """A field by its name in the API, and its value as text before and after; None where it had or has none."""

    field: str
    before: str | None
    after: str | None


def changes(before: Rule | None, after: Rule, names: Mapping[UUID, str] | None = None) -> tuple[Change, ...]:
    """The fields that differ, in the order in which a rule is read; `names` are those of rules depended on."""
    old = _texts(before, names or {}) if before is not None else {}
    new = _texts(after, names or {})
    return tuple(
        Change(field, old.get(field), value) for field, value in new.items() if old.get(field) != value
    )  # fmt: skip


def sentence(name: str, made: tuple[Change, ...]) -> str:
    """A change in words, for the journal."""
    said = [
        f"{each.field} {each.before} → {each.after}"
        for each in made
        if each.field != "runbook" and each.before is not None and each.after is not None
    ]
    said += [
        f"{each.field} {'removed' if each.after is None else 'changed' if each.before is not None else each.after}"
        for each in made
        if each.field == "runbook" or each.before is None or each.after is None
    ]
    return f"{name}: {', '.join(said)}" if said else name


def _texts(rule: Rule, names: Mapping[UUID, str]) -> dict[str, str | None]:
    condition = rule.condition
    return {
        "name": rule.name,
        "enabled": _yes(on=rule.enabled),
        "severity": rule.severity.value,
        "service": rule.service,
        "routes": _list(rule.routes),
        "criticalRoutes": _yes(on=rule.critical_routes),
        "condition.signal": condition.signal.value,
        "condition.metric": condition.metric,
        "condition.aggregation": condition.aggregation.value if condition.aggregation else None,
        "condition.filter": _list(f"{key} is {' or '.join(sorted(values))}" for key, values in condition.filter),
        "condition.groupBy": _list(condition.group_by),
        "condition.comparison": condition.comparison.value,
        "condition.threshold": f"{condition.threshold:g}",
        "condition.recovery": f"{condition.recovery:g}" if condition.recovery is not None else None,
        "condition.window": duration(condition.window),
        "condition.shortWindow": duration(condition.short_window) if condition.short_window else None,
        "condition.holdFor": duration(condition.hold_for),
        "condition.minSamples": str(condition.min_samples),
        "condition.whenNoData": condition.when_no_data.value,
        "runbook": rule.runbook or None,
        "runbookUrl": rule.runbook_url,
        "reopenAfter": duration(rule.reopen_after) if rule.reopen_after is not None else None,
        "dependsOn": _list(names.get(each, str(each)) for each in rule.depends_on),
        "escalationPolicy": str(rule.policy_id) if rule.policy_id else None,
        "objective": rule.objective.name if rule.objective else None,
    }


def _yes(*, on: bool) -> str:
    return "yes" if on else "no"


def _list(values: Iterable[str]) -> str | None:
    return ", ".join(values) or None
