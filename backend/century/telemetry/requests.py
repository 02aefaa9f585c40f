"""Request records: the slow and failed requests that an operator looks at, newest first."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, tuple_

from century.core.errors import Invalid
from century.core.graphql.pages import Page, check_first, decode_cursor
from century.core.timerange import TimeRange
from century.core.work import Work
from century.telemetry.tables import RequestRow


class RequestFilter(StrEnum):
    """Which of them."""

    FAILED = "failed"
    SLOW = "slow"
    ALL = "all"


async def page(
    work: Work, service: int, span: TimeRange, wanted: RequestFilter, first: int, after: str | None
) -> Page[Row[Any]]:
    """A page of a service's records in a range; Invalid for a cursor of something else."""
    statement = (
        select(RequestRow.__table__)
        .where(RequestRow.service_id == service, RequestRow.at >= span.start, RequestRow.at < span.end)
        .order_by(RequestRow.at.desc(), RequestRow.id.desc())
        .limit(check_first(first) + 1)
    )
    if wanted is not RequestFilter.ALL:
        statement = statement.where(RequestRow.failed if wanted is RequestFilter.FAILED else RequestRow.slow)
    if after is not None:
        statement = statement.where(tuple_(RequestRow.at, RequestRow.id) < tuple_(*_place(after)))
    rows = await work.rows(statement)
    return Page.cut(rows, first, lambda row: (row.at.isoformat(), str(row.id)))


def _place(after: str) -> tuple[datetime, UUID]:
    try:
        at, number = decode_cursor(after)
        return datetime.fromisoformat(str(at)), UUID(str(number))
    except ValueError as error:
        raise Invalid("after is not a cursor of this list", field="after") from error
