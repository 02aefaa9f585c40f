"""Verdicts move alerts: one transaction for the verdicts, the alerts they move, and what is told of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, and_, bindparam, cast, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert

from century.alerts import dependencies
from century.alerts.alert import Alert, AlertState
from century.alerts.evidence import seen
from century.alerts.kept import ALERT, COLUMNS, of_row
from century.alerts.lifecycle import Fire, Open, Resolve, Update, Withdraw, advance, answer_by, attention
from century.alerts.paging import COUNTED, damped_until
from century.alerts.recording import record
from century.alerts.wording import recovered, summary
from century.core.ids import new_id
from century.core.work import Work
from century.rules.condition import Signal, unit
from century.rules.rule import Rule
from century.rules.subject import Subject
from century.rules.verdict import Standing, Verdict

Pair = tuple[UUID, str]

UNITS = text(
    """SELECT DISTINCT ON (m.name) m.name, m.unit, m.kind FROM metric m WHERE m.name = ANY(:names)
    ORDER BY m.name, m.id DESC"""
)
# As text, since it is asked with most batches: built of parts it would take longer than it runs.
HANGS = text(
    """alert.parent_id = ANY(ARRAY(SELECT ending.id FROM alert ending
    WHERE ending.rule_id = ANY(CAST(:rules AS uuid[])) AND ending.subject = ANY(CAST(:subjects AS text[]))
        AND ending.state <> 'resolved'))"""
)
SUPPRESSION = ("suppressed_until", "suppressed_by_id", "suppressed_by_name", "suppression_reason")
FIRED = (
    "state", "summary", "value", "peak", "opened_at", "response_due_at", "due_at", "attention_at", "damped_until",
    *SUPPRESSION, "evidence", "updated_at",
)  # fmt: skip
FIRE = (
    ALERT.update()
    .where(ALERT.c.id == bindparam("alert"), ALERT.c.state == AlertState.PENDING.value)
    .values({name: bindparam(f"new_{name}") for name in FIRED})
)
RESOLVE = (
    ALERT.update()
    .where(ALERT.c.id == bindparam("alert"), ALERT.c.state != AlertState.RESOLVED.value)
    .values(
        state=AlertState.RESOLVED.value, value=bindparam("new_value"), resolved_at=bindparam("now"),
        due_at=bindparam("now"), attention_at=None, reopens_at=None, updated_at=bindparam("now"),
    )
)  # fmt: skip
UPDATE = (
    ALERT.update()
    .where(ALERT.c.id == bindparam("alert"))
    .values(
        value=bindparam("new_value"), peak=bindparam("new_peak"), summary=bindparam("new_summary"),
        updated_at=bindparam("now"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule finds of a subject now; `moved` when it stands otherwise than before, else only its value is new.

    `reason` is given where it is not a reading that changed it: "the rule was switched off".
    """

    rule: Rule
    subject: Subject
    verdict: Verdict
    moved: bool = True
    reason: str | None = None

    @property
    def pair(self) -> Pair:
        return (self.rule.id, self.subject.text)


@dataclass(frozen=True, slots=True)
class Before:
    """How often a subject broke its rule within the last hour, and the suppression that still holds of it."""

    openings: int = 0
    suppressed: Mapping[str, Any] = field(default_factory=dict)


async def follow(work: Work, findings: Sequence[Finding]) -> list[Alert]:
    """Move the alerts of these findings, and answer those that fire now.

    Of two that follow the same finding at once one moves the alert: what is open is locked, what is new is unique.
    """
    if not findings:
        return []
    latest = {each.pair: each for each in findings}
    opened = await _open(work, latest, _related(latest.values()))
    moves = [
        (each, alert, move)
        for pair, each in latest.items()
        if (move := advance(alert := opened.get(pair), each.verdict, work.now)) is not None
        # What somebody resolved by hand stays so, though the values of its rule go on coming in.
        and (alert is not None or each.moved)
    ]
    if not moves:
        return []
    units = await _units(work, [each.rule for each, _, _ in moves])
    begins = [(each, alert, move) for each, alert, move in moves if isinstance(move, Open | Fire)]
    fired = await _begin(work, begins, units) if begins else []
    opened_before = [(each, alert, move) for each, alert, move in moves if alert is not None]
    await _update(work, [(each, alert, move) for each, alert, move in opened_before if isinstance(move, Update)], units)
    withdrawn = [alert.id for _, alert, move in opened_before if isinstance(move, Withdraw)]
    if withdrawn:
        await work.execute(ALERT.delete().where(ALERT.c.id.in_(withdrawn), ALERT.c.state == AlertState.PENDING.value))
    over = [
        (alert, move.value, _why(each, alert, units))
        for each, alert, move in moves
        if alert is not None and isinstance(move, Resolve)
    ]
    await resolve(work, over)
    if fired:
        await dependencies.link(work, fired)
    return fired


async def resolve(work: Work, over: Sequence[tuple[Alert, float | None, str]]) -> None:
    """End alerts by themselves, each with its last value and the sentence that says why; what hung on them is released."""
    if not over:
        return
    told = [(alert, value, why) for alert, value, why in over if alert.is_told]
    never = [alert.id for alert, _, _ in over if alert.state is AlertState.PENDING]
    if never:
        await work.execute(ALERT.delete().where(ALERT.c.id.in_(never), ALERT.c.state == AlertState.PENDING.value))
    if not told:
        return
    await work.execute(RESOLVE, [{"alert": alert.id, "new_value": value, "now": work.now} for alert, value, _ in told])
    for alert, value, why in told:
        record(work, "alert.resolved", alert, why, value=value)
    await dependencies.release(work, [alert for alert, _, _ in told])


def _related(findings: Collection[Finding]) -> list[Any]:
    """What is moved with the alerts of findings: what hangs on one that ends, what one that fires may hang on."""
    related: list[Any] = []
    if over := [each.pair for each in findings if each.verdict.standing is Standing.OK]:
        related.append(HANGS.bindparams(rules=[rule for rule, _ in over], subjects=[subject for _, subject in over]))
    fires = [each for each in findings if each.rule.depends_on and each.verdict.standing is Standing.FIRING]
    if causes := {rule for each in fires for rule in each.rule.depends_on}:
        services = {each.subject.service for each in fires if each.subject.service is not None}
        serves = or_(ALERT.c.service.is_(None), ALERT.c.service.in_(services))
        related.append(and_(ALERT.c.rule_id.in_(causes), serves))
    return related


async def _open(work: Work, wanted: Collection[Pair], related: Sequence[Any]) -> dict[Pair, Alert]:
    """The open alerts of these pairs, locked: with what is related to them, all in the order in which everybody locks."""
    rows = await work.rows(
        select(*COLUMNS)
        .where(or_(_of(wanted), *related), ALERT.c.state != AlertState.RESOLVED.value)
        .order_by(ALERT.c.id)
        .with_for_update()
    )
    found = [of_row(row) for row in rows]
    return {pair: each for each in found if (pair := (each.rule_id, each.subject)) in wanted}


def _of(pairs: Collection[Pair]) -> Any:
    """Rows of these rules and of these subjects: those of the pairs, and perhaps some more."""
    rules, subjects = sorted({rule for rule, _ in pairs}), sorted({subject for _, subject in pairs})
    return and_(
        ALERT.c.rule_id == func.any(cast(literal(rules, ARRAY(Uuid)), ARRAY(Uuid))),
        ALERT.c.subject == func.any(cast(literal(subjects, ARRAY(Text)), ARRAY(Text))),
    )


async def _before(work: Work, pairs: Collection[Pair]) -> dict[Pair, Before]:
    since = work.now - COUNTED
    names = [ALERT.c.rule_id, ALERT.c.subject, ALERT.c.opened_at, *(ALERT.c[name] for name in SUPPRESSION)]
    rows = await work.rows(
        select(*names)
        .where(
            _of(pairs),
            ALERT.c.state != AlertState.PENDING.value,
            or_(ALERT.c.opened_at > since, ALERT.c.suppressed_until > work.now),
        )
        .order_by(ALERT.c.opened_at)
    )
    found: dict[Pair, Before] = {}
    for row in rows:
        known = found.get((row.rule_id, row.subject), Before())
        held = row.suppressed_until is not None and row.suppressed_until > work.now
        found[row.rule_id, row.subject] = Before(
            known.openings + (row.opened_at > since),
            {name: getattr(row, name) for name in SUPPRESSION} if held else known.suppressed,
        )
    return found


async def _units(work: Work, rules: Sequence[Rule]) -> dict[str, tuple[str, bool]]:
    """The unit of each stored metric that these rules read, and whether it is a histogram's."""
    names = {rule.condition.metric for rule in rules if rule.condition.signal is Signal.METRIC}
    if not names:
        return {}
    return {row.name: (row.unit, row.kind == "histogram") for row in await work.rows(UNITS, {"names": list(names)})}


def _why(finding: Finding, alert: Alert, units: Mapping[str, tuple[str, bool]]) -> str:
    if finding.reason:
        return f"Over: {finding.reason}"
    return recovered(alert.rule.condition, alert.subject, finding.verdict.value, _own(alert.rule, units))


def _own(rule: Rule, units: Mapping[str, tuple[str, bool]]) -> str:
    return units.get(rule.condition.metric or "", ("", False))[0]


def _unit(rule: Rule, units: Mapping[str, tuple[str, bool]]) -> str:
    own, histogram = units.get(rule.condition.metric or "", ("", False))
    return unit(rule.condition, own, histogram=histogram)


async def _begin(
    work: Work, begins: Sequence[tuple[Finding, Alert | None, Open | Fire]], units: Mapping[str, tuple[str, bool]]
) -> list[Alert]:
    """Insert what is new and fire what was pending; answers what fires now."""
    now = work.now
    firing = [each.pair for each, _, move in begins if isinstance(move, Fire) or move.state is AlertState.FIRING]
    before = await _before(work, firing) if firing else {}
    fresh: list[tuple[Alert, dict[str, Any]]] = []
    lit: list[tuple[Alert, dict[str, Any]]] = []
    for each, alert, move in begins:
        made = _made(each, alert, units, now)
        if isinstance(move, Fire) or move.state is AlertState.FIRING:
            made = _lit(made, before.get(each.pair, Before()), now)
        (fresh if alert is None else lit).append((made, seen(each.rule, each.verdict, now)))
    taken: set[UUID] = set()
    if fresh:
        rows = await work.execute(
            insert(ALERT).on_conflict_do_nothing().returning(ALERT.c.id), [_row(*each) for each in fresh]
        )
        taken = {row.id for row in rows}
    if lit:
        await work.execute(FIRE, [_parameters(*each) for each in lit])
    began = [made for made, _ in fresh if made.id in taken] + [made for made, _ in lit]
    fired = [made for made in began if made.state is AlertState.FIRING]
    for new in fired:
        record(work, "alert.opened", new, new.summary, value=new.value, threshold=new.threshold)
    return fired


def _made(each: Finding, alert: Alert | None, units: Mapping[str, tuple[str, bool]], now: datetime) -> Alert:
    condition, value = each.rule.condition, each.verdict.value
    said = summary(condition, each.subject.text, value, _own(each.rule, units), each.verdict.why)
    if alert is not None:
        return replace(alert, summary=said, value=value, peak=value, updated_at=now)
    return Alert(
        id=new_id(now), rule=each.rule, subject=each.subject.text, service=each.subject.service,
        attributes=each.subject.attributes, severity=each.rule.severity, state=AlertState.PENDING, episode=1,
        summary=said, value=value, peak=value, threshold=condition.threshold, unit=_unit(each.rule, units),
        pending_since=each.verdict.pending_since or now, opened_at=now, updated_at=now,
    )  # fmt: skip


def _lit(made: Alert, before: Before, now: datetime) -> Alert:
    damped = damped_until(before.openings + 1, now)
    fired = replace(
        made, state=AlertState.FIRING, opened_at=now, response_due_at=answer_by(made, damped or now),
        damped_until=damped, due_at=damped or now, **before.suppressed,
    )  # fmt: skip
    return replace(fired, attention_at=attention(fired))


def _row(made: Alert, evidence: dict[str, Any]) -> dict[str, Any]:
    plain = {name: getattr(made, name) for name in _PLAIN}
    return plain | {
        "rule": made.rule.to_json(), "attributes": dict(made.attributes), "severity": made.severity.value,
        "state": made.state.value, "evidence": evidence,
    }  # fmt: skip


_PLAIN = [
    column.name for column in ALERT.c if column.name not in ("rule", "attributes", "severity", "state", "evidence")
]


def _parameters(made: Alert, evidence: dict[str, Any]) -> dict[str, Any]:
    row = _row(made, evidence)
    return {f"new_{name}": row[name] for name in FIRED} | {"alert": made.id}


async def _update(
    work: Work, due: Sequence[tuple[Finding, Alert, Update]], units: Mapping[str, tuple[str, bool]]
) -> None:
    if not due:
        return
    await work.execute(
        UPDATE,
        [
            {
                "alert": alert.id, "new_value": move.value, "new_peak": move.peak, "now": work.now,
                "new_summary": summary(
                    alert.rule.condition, alert.subject, move.value, _own(alert.rule, units), each.verdict.why
                ),
            }
            for each, alert, move in due
        ],
    )  # fmt: skip
