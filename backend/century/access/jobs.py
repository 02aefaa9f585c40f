"""What the worker runs for this stage: rows that can open no door any more are removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, or_, select

from century.access.limits import KNOWN_FOR, WINDOW
from century.access.tables import SessionRow, SignInAttemptRow, SignInLinkRow
from century.core.work import Works

# An ended session stays this long, so that what it was can still be seen.
ENDED_SESSIONS = timedelta(days=30)
AT_ONCE = 5_000


async def expire(context: dict[str, Any]) -> int:
    """The timetable's door to `forget_expired`."""
    return await forget_expired(context["works"])


async def forget_expired(works: Works) -> int:
    """Remove sessions that ended long ago, links that are used or over, and tries that count no longer."""
    now = works.clock.now()
    ended = now - ENDED_SESSIONS
    failed = ~SignInAttemptRow.succeeded & (SignInAttemptRow.at < now - WINDOW)
    over = (
        (SessionRow, or_(SessionRow.expires_at < ended, SessionRow.revoked_at < ended)),
        (SignInLinkRow, or_(SignInLinkRow.expires_at < now, SignInLinkRow.used_at < now)),
        (SignInAttemptRow, or_(SignInAttemptRow.at < now - KNOWN_FOR, failed)),
    )
    removed = 0
    for table, condition in over:
        # In portions, so that no transaction holds many rows for long.
        portion = AT_ONCE
        while portion == AT_ONCE:
            async with works.begin() as work:
                some = select(table.id).where(condition).limit(AT_ONCE)
                portion = (await work.execute(delete(table).where(table.id.in_(some)))).rowcount
            removed += portion
    return removed
