"""Load for rules: services whose requests and gauges are known to the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from century.core.ids import new_id
from century.core.work import Works
from century.rules import editing
from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.service import Rulebook
from century.rules.severity import Severity
from century.rules.signals import Sources
from century.rules.telemetry_source import TelemetrySource
from century.telemetry import block
from century.telemetry.instants import nanoseconds
from century.telemetry.listening import Listening
from century.telemetry.query import Reader
from century.telemetry.targets import Comparison
from tests.telemetry.feed import SECOND, Feed, numbers, sketches

ABOVE, BELOW = Comparison.ABOVE, Comparison.BELOW


@dataclass
class Shop:
    """A service with two routes, failures apart, and a CPU gauge."""

    feed: Feed
    series: dict[tuple[str, str], int]
    cpu: int

    @classmethod
    async def new(cls, works: Works, name: str = "shop") -> Shop:
        feed = await Feed.new(works, name)
        series = {
            (route, status): await feed.series(
                http__route=route, http__request__method="GET", http__response__status_code=status
            )
            for route in ("/", "/pay")
            for status in ("200", "500")
        }
        cpu = await feed.series("process.cpu.utilization", form="number", kind="gauge", unit="1")
        return cls(feed, series, cpu)

    async def export(
        self, at: datetime, *, good: int = 10, bad: int = 0, latency: float = 0.1, cpu: float = 0.2, route: str = "/"
    ) -> None:
        """One export of so many requests."""
        when = nanoseconds(at)
        parts = [numbers(self.cpu, [when], [cpu])]
        if good:
            parts.append(sketches(self.series[route, "200"], [when], [np.full(good, latency)]))
        if bad:
            parts.append(sketches(self.series[route, "500"], [when], [np.full(bad, latency)]))
        await self.feed.send(block.concat(parts))

    async def exports(self, begin: datetime, length: timedelta, every: float = 10, **what: float) -> None:
        """Exports for a while, each a second after its slot began, as one block an hour."""
        parts = []
        for number in range(int(length.total_seconds() / every)):
            when = nanoseconds(begin) + int(number * every * SECOND) + SECOND
            parts.append(numbers(self.cpu, [when], [what.get("cpu", 0.2)]))
            for status, count in (("200", int(what.get("good", 10))), ("500", int(what.get("bad", 0)))):
                if count:
                    values = np.full(count, what.get("latency", 0.1))
                    parts.append(sketches(self.series["/", status], [when], [values]))
        await self.feed.send(block.concat(parts))


def rulebook(works: Works) -> Rulebook:
    """An evaluator of its own."""
    return Rulebook(works, Sources([TelemetrySource(works, Reader(works.engine))]))


async def listens(works: Works) -> None:
    """Somebody takes telemetry from now on."""
    await Listening(works).say()


async def save(works: Works, condition: Condition, name: str = "rule", **more: object) -> Rule:
    """A saved rule."""
    async with works.begin() as work:
        draft = Rule(new_id(work.now), name, enabled=True, severity=Severity.CRITICAL, condition=condition)
        draft = Rule(**{**{key: getattr(draft, key) for key in draft.__slots__}, **more})
        return (await editing.save_rule(work, draft, new=True)).rule


def errors(threshold: float = 0.05, **more: object) -> Condition:
    """An error rate above a threshold."""
    return Condition(Signal.ERROR_RATE, ABOVE, threshold, **more)  # type: ignore[arg-type]
