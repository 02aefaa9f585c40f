"""What people do with alerts: acknowledge, suppress, resolve, and what they write down meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from century.alerts import dependencies
from century.alerts.alert import Alert, AlertState
from century.alerts.answering import (
    LONGEST_TEXT,
    MOST_AT_ONCE,
    check_note,
    check_suppression,
    refused_acknowledgement,
    refused_resolution,
    refused_suppression,
    refused_withdrawal,
    said,
)
from century.alerts.kept import ALERT, alerts_by_id, holds, lock_with_children, look
from century.alerts.lifecycle import answer_by, attention, returned
from century.alerts.recording import record
from century.alerts.tables import TickRow
from century.core.errors import Conflict, Invalid, NotFound
from century.core.wording import duration as in_words
from century.core.work import Work
from century.rules import runbook
from century.rules.tables import RuleRow

__all__ = ["Alert", "AlertState", "alerts_by_id", "holds", "look"]


@dataclass(frozen=True, slots=True)
class Refused:
    """An alert that a bulk operation left as it was, and why."""

    id: UUID
    reason: str


async def alert(work: Work, alert_id: UUID, *, lock: bool = False) -> Alert:
    """One alert; NotFound."""
    found = await alerts_by_id(work, [alert_id], lock="update" if lock else None)
    if alert_id not in found:
        raise NotFound(f"no alert {alert_id}")
    return found[alert_id]


async def acknowledge(work: Work, alert_id: UUID, note: str | None = None) -> Alert:
    """Answer for an alert: nobody else is told. NotFound; Conflict unless it fires."""
    check_note(note)
    found = await alert(work, alert_id, lock=True)
    if reason := refused_acknowledgement(found):
        raise Conflict(reason)
    return (await _acknowledge(work, [found], note))[0]


async def acknowledge_many(work: Work, ids: Sequence[UUID], note: str | None) -> tuple[list[Alert], list[Refused]]:
    """Answer for all of these that fire; the others are answered with the reason why not."""
    check_note(note)
    willing, refused = await _sorted(work, ids, refused_acknowledgement)
    return await _acknowledge(work, willing, note), refused


async def acknowledge_rule(work: Work, rule_name: str, note: str | None) -> list[Alert]:
    """Answer for every firing alert of a rule; NotFound where there is neither the rule nor an alert of it."""
    check_note(note)
    if "\0" in rule_name:
        raise NotFound("no rule has such a name")
    rows = await work.rows(
        select(ALERT.c.id).where(ALERT.c.rule_name == rule_name, ALERT.c.state == AlertState.FIRING.value)
    )
    if not rows:
        known = await work.rows(select(RuleRow.id).where(RuleRow.name == rule_name))
        if not known:
            raise NotFound(f"no rule named {rule_name!r}")
        return []
    found = await alerts_by_id(work, [row.id for row in rows], lock="update")
    return await _acknowledge(work, [each for each in found.values() if not refused_acknowledgement(each)], note)


async def unacknowledge(work: Work, alert_id: UUID, note: str | None = None) -> Alert:
    """Give an alert back: those who were told are told anew. NotFound; Conflict unless it is acknowledged."""
    check_note(note)
    found = await alert(work, alert_id, lock=True)
    if reason := refused_withdrawal(found):
        raise Conflict(reason)
    changed = replace(
        returned(found), state=AlertState.FIRING, acknowledged_at=None, acknowledged_by_id=None, acknowledged_by_name=None,
        reopens_at=None, due_at=work.now,
        response_due_at=found.response_due_at if found.response_breached_at else answer_by(found, work.now),
    )  # fmt: skip
    record(work, "alert.unacknowledged", found, said(f"{work.actor.name} gave it back", note), note=note)
    return (await _save(work, [changed]))[0]


async def resolve(work: Work, alert_id: UUID, note: str | None = None) -> Alert:
    """Say that it is over. What its rule still finds wrong some time later opens anew. NotFound; Conflict."""
    check_note(note)
    await lock_with_children(work, [alert_id])
    found = await alert(work, alert_id, lock=True)
    if reason := refused_resolution(found):
        raise Conflict(reason)
    return (await _resolve(work, [found], note))[0]


async def resolve_many(work: Work, ids: Sequence[UUID], note: str | None) -> tuple[list[Alert], list[Refused]]:
    """End all of these that are open; the others are answered with the reason why not."""
    check_note(note)
    willing, refused = await _sorted(work, ids, refused_resolution, ending=True)
    return await _resolve(work, willing, note), refused


async def suppress(work: Work, alert_id: UUID, duration: timedelta, reason: str) -> Alert:
    """Hide an alert's paging for a while; it goes on being watched, and resolves as ever. NotFound; Conflict; Invalid."""
    check_suppression(duration, reason)
    found = await alert(work, alert_id, lock=True)
    if refusal := refused_suppression(found):
        raise Conflict(refusal)
    changed = replace(
        found, suppressed_until=work.now + duration, suppressed_by_id=work.actor.id,
        suppressed_by_name=work.actor.name, suppression_reason=reason.strip(),
    )  # fmt: skip
    record(
        work, "alert.suppressed", found, f"{work.actor.name} suppressed it for {in_words(duration)}: {reason.strip()}",
        until=changed.suppressed_until, reason=reason.strip(),
    )  # fmt: skip
    return (await _save(work, [changed]))[0]


async def unsuppress(work: Work, alert_id: UUID) -> Alert:
    """Let it page again; what is still wrong does so at once. NotFound; Conflict unless it is suppressed."""
    found = await alert(work, alert_id, lock=True)
    if not found.is_told or found.suppressed_until is None or found.suppressed_until <= work.now:
        raise Conflict("it is not suppressed")
    changed = replace(
        found, suppressed_until=None, suppressed_by_id=None, suppressed_by_name=None, suppression_reason=None
    )
    if found.state is AlertState.FIRING:
        late = found.response_breached_at is not None
        changed = replace(
            returned(changed),
            due_at=work.now,
            response_due_at=found.response_due_at if late else answer_by(found, work.now),
        )
    record(work, "alert.released", found, f"{work.actor.name} ended the suppression")
    return (await _save(work, [changed]))[0]


async def comment(work: Work, alert_id: UUID, text: str) -> Alert:
    """Write something on the timeline; an acknowledged alert does not count as idle then. NotFound; Invalid."""
    if not text.strip() or len(text) > LONGEST_TEXT or "\0" in text:
        raise Invalid(f"a comment has 1 to {LONGEST_TEXT} characters", field="text")
    found = await alert(work, alert_id, lock=True)
    record(work, "alert.commented", found, text.strip())
    return await _busy(work, found)


async def tick(work: Work, alert_id: UUID, step: str, *, done: bool) -> Alert:
    """Note that a step of the runbook was done, or was not after all. NotFound; Invalid without such a step."""
    found = await alert(work, alert_id, lock=True)
    steps = {each.id: each.text for each in runbook.steps(found.rule.runbook)}
    if step not in steps:
        raise Invalid("step must be the id of a step of this alert's runbook", field="step")
    if done:
        ticked = insert(TickRow).values(
            alert_id=alert_id, step=step, done_at=work.now, done_by_id=work.actor.id, done_by_name=work.actor.name
        )
        changed = await work.execute(ticked.on_conflict_do_nothing())
    else:
        changed = await work.execute(delete(TickRow).where(TickRow.alert_id == alert_id, TickRow.step == step))
    if changed.rowcount:
        word = "Done" if done else "Not done after all"
        record(work, "alert.step_ticked", found, f"{word}: {steps[step]}", step=step, done=done)
    return await _busy(work, found)


async def _busy(work: Work, found: Alert) -> Alert:
    """Whoever writes something down is not idle."""
    after = found.rule.reopen_after
    if found.state is not AlertState.ACKNOWLEDGED or after is None:
        return found
    return (await _save(work, [replace(found, reopens_at=work.now + after)]))[0]


async def _sorted(
    work: Work, ids: Sequence[UUID], refusal: Callable[[Alert], str | None], *, ending: bool = False
) -> tuple[list[Alert], list[Refused]]:
    if not 1 <= len(ids) <= MOST_AT_ONCE:
        raise Invalid(f"ids names 1 to {MOST_AT_ONCE} alerts", field="ids")
    if ending:
        await lock_with_children(work, set(ids))
    found = await alerts_by_id(work, set(ids), lock="update")
    willing, refused = [], []
    for each in dict.fromkeys(ids):
        reason = refusal(found[each]) if each in found else f"no alert {each}"
        if reason:
            refused.append(Refused(each, reason))
        else:
            willing.append(found[each])
    return willing, refused


async def _acknowledge(work: Work, found: Sequence[Alert], note: str | None) -> list[Alert]:
    for each in found:
        record(work, "alert.acknowledged", each, said(f"{work.actor.name} acknowledged it", note), note=note)
    return await _save(
        work,
        [
            replace(
                each, state=AlertState.ACKNOWLEDGED, acknowledged_at=work.now, acknowledged_by_id=work.actor.id,
                acknowledged_by_name=work.actor.name, due_at=work.now,
                reopens_at=work.now + each.rule.reopen_after if each.rule.reopen_after else None,
            )
            for each in found
        ],
    )  # fmt: skip


async def _resolve(work: Work, found: Sequence[Alert], note: str | None) -> list[Alert]:
    for each in found:
        record(work, "alert.resolved", each, said(f"{work.actor.name} resolved it", note), note=note)
    over = await _save(
        work,
        [
            replace(
                each, state=AlertState.RESOLVED, resolved_at=work.now, resolved_by_id=work.actor.id,
                resolved_by_name=work.actor.name, due_at=work.now, reopens_at=None,
            )
            for each in found
        ],
    )  # fmt: skip
    if over:
        await dependencies.release(work, over)
    return over


CHANGED = (
    "state", "episode", "level", "acknowledged_at", "acknowledged_by_id", "acknowledged_by_name", "suppressed_until", "suppressed_by_id",
    "suppressed_by_name", "suppression_reason", "resolved_at", "resolved_by_id", "resolved_by_name", "response_due_at",
    "reopens_at", "due_at", "attention_at",
)  # fmt: skip


SAVE = (
    ALERT.update().where(ALERT.c.id == bindparam("alert")).values({name: bindparam(f"new_{name}") for name in CHANGED})
)


async def _save(work: Work, changed: Collection[Alert]) -> list[Alert]:
    """Write alerts that are locked."""
    saved = [replace(each, attention_at=attention(each)) for each in changed]
    if saved:
        rows = [{f"new_{name}": getattr(each, name) for name in CHANGED} | {"alert": each.id} for each in saved]
        await work.execute(SAVE, rows)
    return saved
