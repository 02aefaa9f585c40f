"""Rules tried on history: what was read is kept for a minute, so that a threshold that is dragged is judged at once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from century.core.errors import Invalid
from century.core.timerange import TimeRange
from century.core.work import Works
from century.rules.backtest import Outcome, backtest
from century.rules.rule import Rule
from century.rules.signals import History, Sources, Unmeasured

KEPT = 8
FRESH = timedelta(minutes=1)
AT_ONCE = 2
LONGEST = timedelta(days=31)


class Backtests:
    """One a process."""

    def __init__(self, works: Works, sources: Sources) -> None:
        self._works = works
        self.sources = sources
        self._read: OrderedDict[Hashable, tuple[datetime, asyncio.Task[History]]] = OrderedDict()
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def run(self, rule: Rule, span: TimeRange, zone: ZoneInfo | None = None) -> tuple[History, Outcome]:
        """What a rule would have done in a range, and what it would have read; Invalid."""
        if span.length > LONGEST:
            raise Invalid(f"a rule is tried on {LONGEST.days} days at most", field="range")
        history = await self._history(rule, span)
        # A threshold that is crossed every minute takes a while to judge: others are answered meanwhile.
        return history, await asyncio.to_thread(backtest, rule.condition, rule.severity, history, zone)

    async def _history(self, rule: Rule, span: TimeRange) -> History:
        now, key = self._works.clock.now(), _key(rule, span)
        held = self._read.get(key)
        if held is not None and timedelta(0) <= now - held[0] < FRESH and not _failed(held[1]):
            task = held[1]
        else:
            task = asyncio.create_task(self._load(rule, span))
            self._read[key] = (now, task)
            while len(self._read) > KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(key)
        # Who asked may go away; others may wait for the same.
        return await asyncio.shield(task)

    async def _load(self, rule: Rule, span: TimeRange) -> History:
        async with self._reading:
            try:
                return await self.sources.history(rule, span)
            except Unmeasured as error:
                raise Invalid(f"{error}: it cannot be tried", field="condition.signal") from None


def _failed(task: asyncio.Task[History]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _key(rule: Rule, span: TimeRange) -> Hashable:
    """What decides which values are read: neither the threshold nor what is made of them."""
    condition = rule.condition
    kept = replace(
        condition, threshold=0.0, recovery=None, hold_for=timedelta(0), min_samples=1,
        when_no_data=type(condition.when_no_data).KEEP, comparison=type(condition.comparison).ABOVE,
    )  # fmt: skip
    edges = tuple(round(each.timestamp() / FRESH.total_seconds()) for each in (span.start, span.end))
    return rule.service, rule.routes, rule.critical_routes, rule.objective, kept, edges
