"""Exemplars of a metric: asked for by range, forgotten when the traces they name are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from century.core.errors import NotFound
from century.core.graphql.pages import check_first
from century.core.timerange import TimeRange
from century.core.work import Work, Works

KEPT = timedelta(days=7)
AT_ONCE = 5_000

METRIC = text("SELECT id FROM metric WHERE service_id = :service AND name = :metric")
# Of each series the newest few lie together in the index: the rest of a long range is not read.
NEWEST = text("""
    SELECT exemplar.*, series.attributes
    FROM series CROSS JOIN LATERAL (
        SELECT at, value, trace_id, span_id FROM exemplar
        WHERE series_id = series.id AND at >= :start AND at < :end
        ORDER BY at DESC, trace_id DESC, span_id DESC LIMIT :first
    ) AS exemplar
    WHERE series.metric_id = :metric
    ORDER BY at DESC, trace_id DESC, span_id DESC LIMIT :first""").columns(attributes=JSONB)
FORGET = text("""
    DELETE FROM exemplar WHERE ctid = ANY(ARRAY(SELECT ctid FROM exemplar WHERE at < :before LIMIT :portion))""")


@dataclass(frozen=True, slots=True)
class Shown:
    """An exemplar with the attributes of its series; without a span, only the trace is known."""

    at: datetime
    value: float
    trace_id: str
    span_id: str | None
    attributes: Mapping[str, str]


async def newest(work: Work, service: int, metric: str, span: TimeRange, first: int) -> list[Shown]:
    """The newest exemplars of a service's metric in a range; NotFound, Invalid."""
    check_first(first)
    known = await work.one_or_none(METRIC.bindparams(service=service, metric=metric))
    if known is None:
        raise NotFound(f"the service has no metric {metric!r}")
    parameters = {"metric": known.id, "start": span.start, "end": span.end, "first": first}
    return [
        Shown(row.at, row.value, row.trace_id, row.span_id or None, row.attributes)
        for row in await work.rows(NEWEST, parameters)
    ]


async def forget(works: Works) -> int:
    """Remove the exemplars older than seven days; how many."""
    removed = 0
    # In portions, so that no transaction holds many rows for long.
    portion = AT_ONCE
    while portion == AT_ONCE:
        async with works.begin() as work:
            result = await work.execute(FORGET, {"before": work.now - KEPT, "portion": AT_ONCE})
            portion = result.rowcount
        removed += portion
    return removed
