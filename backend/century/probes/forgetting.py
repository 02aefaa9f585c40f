"""What is kept of checks, runs and states only for a while."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import TextClause, text

from century.core.work import Works

CHECKS, RUNS, CHANGES, WORKERS = timedelta(days=7), timedelta(days=30), timedelta(days=400), timedelta(days=1)
AT_ONCE = 10_000


def _older(table: str, key: str, column: str = "at") -> TextClause:
    return text(
        f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {column} < :before LIMIT {AT_ONCE})"
    )


def _passed(table: str, owner: str) -> TextClause:
    """Rows of a ledger that a later one, itself old, has ended: the one that holds at the edge stays."""
    return text(
        f"DELETE FROM {table} WHERE ({owner}, at) IN (SELECT {owner}, at FROM {table} old WHERE at < :before AND EXISTS ("
        f"SELECT 1 FROM {table} later WHERE later.{owner} = old.{owner} AND later.at > old.at AND later.at < :before)"
        f" LIMIT {AT_ONCE})"
    )


KEPT = (
    (_older("probe_check", "id"), CHECKS),
    (_older("heartbeat_run", "id"), RUNS),
    (_older("probe_worker", "name", "seen_at"), WORKERS),
    (_passed("probe_change", "probe_id"), CHANGES),
    (_passed("heartbeat_change", "heartbeat_id"), CHANGES),
)


async def forget(works: Works) -> int:
    """Remove what was kept for long enough; answers how many rows that were."""
    removed = 0
    for statement, kept in KEPT:
        while True:
            async with works.begin() as work:
                count = (await work.execute(statement, {"before": work.now - kept})).rowcount
            removed += count
            if count < AT_ONCE:
                break
    return removed
