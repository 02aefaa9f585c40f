"""The alerts of a range as a review sees them, read from their rows and the journal."""

from __future__ import annotations

from sqlalchemy import text

from century.alerts.statistics import Past, Review, review
from century.core.timerange import TimeRange
from century.core.work import Work
from century.rules.severity import Severity

MOST = 100_000
OPENED = text(
    """SELECT a.rule_id, a.rule_name, a.subject, a.severity, a.opened_at, a.resolved_at, a.acknowledged_at, a.level,
        told.answered_at, told.level AS told_level,
        a.response_breached_at IS NOT NULL OR coalesce(told.breached, false) AS breached
    FROM alert a LEFT JOIN (
        SELECT subject_id, min(at) FILTER (WHERE kind = 'alert.acknowledged') AS answered_at,
            max((details->>'level')::int) FILTER (WHERE kind = 'alert.escalated') AS level,
            bool_or(kind = 'alert.response_breached') AS breached
        FROM journal
        WHERE kind IN ('alert.acknowledged', 'alert.escalated', 'alert.response_breached') AND at >= :start
        GROUP BY subject_id
    ) told ON told.subject_id = a.id
    WHERE a.opened_at >= :start AND a.opened_at < :end AND a.state <> 'pending'
    ORDER BY a.opened_at DESC LIMIT :most"""
)
PAGES = text(
    """SELECT at FROM journal WHERE kind = 'alert.escalated' AND at >= :start AND at < :end
        AND jsonb_array_length(coalesce(details->'told', '[]')) > 0 LIMIT :most"""
)


async def of_range(work: Work, span: TimeRange) -> Review:
    """The review of the alerts that opened in a range."""
    within = {"start": span.start, "end": span.end, "most": MOST}
    alerts = [
        Past(
            rule_id=row.rule_id, rule_name=row.rule_name, subject=row.subject, severity=Severity(row.severity),
            opened_at=row.opened_at, resolved_at=row.resolved_at, answered_at=row.answered_at or row.acknowledged_at,
            breached=row.breached, level=max(row.level, row.told_level or 0),
        )
        for row in await work.rows(OPENED, within)
    ]  # fmt: skip
    pages = [row.at for row in await work.rows(PAGES, within)]
    return review(alerts, pages, span, work.now)
