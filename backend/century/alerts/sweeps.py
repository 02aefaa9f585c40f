"""What time alone does to alerts, and what a crash may have left: found again from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, select, text

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT, COLUMNS, holds, lock_with_children, of_row
from century.alerts.lifecycle import (
    Breach,
    Due,
    Expired,
    Released,
    Reopen,
    answer_by,
    attend,
    attention,
    believed_until,
    returned,
)
from century.alerts.recording import record
from century.alerts.watching import Finding, follow, resolve
from century.core.wording import duration
from century.core.work import Work
from century.rules.rule import Rule
from century.rules.subject import Subject
from century.rules.verdict import Standing, Verdict

AT_ONCE = 500
HELD_AGAIN = timedelta(minutes=1)

SET = (
    "state", "episode", "level", "acknowledged_at", "acknowledged_by_id", "acknowledged_by_name", "suppressed_until",
    "suppressed_by_id", "suppressed_by_name", "suppression_reason", "response_due_at", "response_breached_at",
    "reopens_at", "due_at", "attention_at",
)  # fmt: skip
ATTENDED = (
    ALERT.update().where(ALERT.c.id == bindparam("alert")).values({name: bindparam(f"new_{name}") for name in SET})
)
# A verdict says that it is wrong, and no alert of it is open; the newest one that was, if it was resolved by hand.
# In one order, from where the page before ended: what somebody resolved and is believed stands in nobody's way.
WITHOUT_ALERT = text(
    """SELECT v.rule_id, v.subject, v.service, v.attributes, v.standing, v.since, v.value, v.samples, v.observed_at,
        v.look_at, last.resolved_at, last.by_hand, last.opened_at
    FROM verdict v JOIN rule r ON r.id = v.rule_id AND r.enabled
    LEFT JOIN LATERAL (
        SELECT a.opened_at, a.resolved_at, a.resolved_by_name IS NOT NULL AS by_hand FROM alert a
        WHERE a.rule_id = v.rule_id AND a.subject = v.subject ORDER BY a.opened_at DESC, a.id DESC LIMIT 1
    ) last ON true
    WHERE v.standing IN ('firing', 'pending') AND (v.rule_id, v.subject) > (CAST(:rule AS uuid), :subject)
    AND NOT EXISTS (
        SELECT 1 FROM alert o WHERE o.rule_id = v.rule_id AND o.subject = v.subject AND o.state <> 'resolved'
    ) ORDER BY v.rule_id, v.subject LIMIT :most"""
)
# An alert is open, and its verdict says that all is well; or fires where the alert is only pending.
BEHIND = text(
    """SELECT a.id, v.standing, v.since, v.value, v.samples, v.observed_at, v.look_at
    FROM alert a JOIN verdict v ON v.rule_id = a.rule_id AND v.subject = a.subject
    WHERE a.state <> 'resolved'
        AND (v.standing = 'ok' OR (a.state = 'pending' AND v.standing IN ('firing', 'unknown')))
    ORDER BY a.id LIMIT :most"""
)
# An alert is open that no rule looks at any more: the rule is gone or off, or its verdict of this subject is.
FORSAKEN = text(
    """SELECT a.id, CASE WHEN r.id IS NULL THEN 'deleted' WHEN NOT r.enabled THEN 'disabled' ELSE 'elsewhere' END AS why
    FROM alert a LEFT JOIN rule r ON r.id = a.rule_id
    LEFT JOIN verdict v ON v.rule_id = a.rule_id AND v.subject = a.subject
    WHERE a.state <> 'resolved' AND (r.id IS NULL OR NOT r.enabled OR (v.rule_id IS NULL AND a.updated_at < :before))
    ORDER BY a.id LIMIT :most"""
)
FORSAKEN_AFTER = timedelta(minutes=2)
WHY = {
    "deleted": "Its rule was deleted",
    "disabled": "Its rule was disabled",
    "elsewhere": "Its rule does not look at it any more",
}


async def attend_due(work: Work) -> int:
    """Do what has become due of alerts by time alone; answers how many were looked at."""
    rows = await work.rows(
        select(*COLUMNS)
        .where(ALERT.c.attention_at <= work.now, ALERT.c.state != AlertState.RESOLVED.value)
        .order_by(ALERT.c.attention_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    alerts = [of_row(row) for row in rows]
    if not alerts:
        return 0
    held = await holds(work, alerts)
    changed = []
    for each in alerts:
        hold = held.get(each.id)
        after = each
        for due in attend(each, work.now, held=hold is not None):
            after = _after(work, after, due)
        after = replace(after, attention_at=attention(after))
        if after.attention_at is not None and after.attention_at <= work.now:
            # It would be late, but something holds it: whoever releases it comes first, and sets its clock anew.
            again = (hold.until if hold and hold.until else work.now) + HELD_AGAIN
            suppressed = after.suppressed_until
            after = replace(after, attention_at=min(again, suppressed) if suppressed else again)
        changed.append(after)
    rows_of = [{f"new_{name}": getattr(each, name) for name in SET} | {"alert": each.id} for each in changed]
    await work.execute(ATTENDED, rows_of)
    return len(alerts)


def _after(work: Work, alert: Alert, due: Due) -> Alert:
    now = work.now
    match due:
        case Breach():
            record(work, "alert.response_breached", alert, "Nobody answered in time", due_at=alert.response_due_at)
            return replace(alert, response_breached_at=now)
        case Reopen():
            idle = duration(alert.rule.reopen_after) if alert.rule.reopen_after else "a while"
            by = alert.acknowledged_by_name or "somebody"
            record(
                work, "alert.reopened", alert, f"{by} acknowledged it, and nothing was heard for {idle}",
                episode=alert.episode + 1,
            )  # fmt: skip
            return replace(
                alert, state=AlertState.FIRING, episode=alert.episode + 1, level=0, acknowledged_at=None,
                acknowledged_by_id=None, acknowledged_by_name=None, reopens_at=None, due_at=now,
                response_due_at=answer_by(alert, now), response_breached_at=None,
            )  # fmt: skip
        case Released():
            record(work, "alert.released", alert, "The suppression is over, and this is still wrong")
            late = alert.response_breached_at is not None
            return replace(
                returned(_unsuppressed(alert)), due_at=now,
                response_due_at=alert.response_due_at if late else answer_by(alert, now),
            )  # fmt: skip
        case Expired():
            return _unsuppressed(alert)


def _unsuppressed(alert: Alert) -> Alert:
    return replace(
        alert, suppressed_until=None, suppressed_by_id=None, suppressed_by_name=None, suppression_reason=None
    )


async def find_again(work: Work, rules: Sequence[Rule]) -> list[Alert]:
    """Bring alerts and verdicts together where they were left apart; answers what fires now.

    What somebody resolved by hand is believed for a while, though its rule still finds it wrong.
    """
    known = {each.id: each for each in rules}
    findings = await _without_alert(work, known)
    for row, alert in await _with_alerts(work, await work.rows(BEHIND, {"most": AT_ONCE})):
        subject = Subject(alert.subject, alert.service, alert.attributes)
        findings.append(Finding(known.get(alert.rule_id, alert.rule), subject, _verdict(row)))
    return await follow(work, findings)


async def end_forsaken(work: Work) -> int:
    """End the open alerts that no rule looks at any more; answers how many. In a transaction of its own: it locks."""
    forsaken = await work.rows(FORSAKEN, {"most": AT_ONCE, "before": work.now - FORSAKEN_AFTER})
    await lock_with_children(work, [row.id for row in forsaken])
    over = await _with_alerts(work, forsaken)
    await resolve(work, [(alert, alert.value, WHY[row.why]) for row, alert in over])
    return len(over)


async def _without_alert(work: Work, known: Mapping[UUID, Rule]) -> list[Finding]:
    """Up to a batch of what is wrong without an alert, beyond all that is believed to be over."""
    found: list[Finding] = []
    rule, subject = UUID(int=0), ""
    while True:
        rows = await work.rows(WITHOUT_ALERT, {"rule": rule, "subject": subject, "most": AT_ONCE})
        lost = [row for row in rows if row.rule_id in known and not _is_believed(known[row.rule_id], row, work.now)]
        for row in lost:
            attributes = tuple((str(key), str(value)) for key, value in row.attributes.items())
            about = Subject(row.subject, row.service, attributes)
            found.append(Finding(known[row.rule_id], about, _verdict(row)))
        if len(rows) < AT_ONCE or len(found) >= AT_ONCE:
            return found[:AT_ONCE]
        rule, subject = rows[-1].rule_id, rows[-1].subject


def _is_believed(rule: Rule, row, now: datetime) -> bool:  # type: ignore[no-untyped-def]
    by_hand = row.by_hand and row.since <= row.resolved_at
    return bool(by_hand and now < believed_until(rule.condition, row.resolved_at))


async def _with_alerts(work: Work, rows: Sequence) -> list[tuple]:  # type: ignore[type-arg]
    if not rows:
        return []
    by_id = {row.id: row for row in rows}
    statement = (
        select(*COLUMNS)
        .where(ALERT.c.id.in_(list(by_id)), ALERT.c.state != AlertState.RESOLVED.value)
        .order_by(ALERT.c.id)
    )
    return [(by_id[row.id], of_row(row)) for row in await work.rows(statement)]


def _verdict(row) -> Verdict:  # type: ignore[no-untyped-def]
    return Verdict(Standing(row.standing), row.since, row.value, row.samples, row.observed_at, row.look_at)
