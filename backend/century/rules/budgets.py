"""What the requests of an objective's window came to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from century.core.work import Works
from century.rules.objective import Budget, Objective, ObjectiveKind, budget
from century.telemetry import summary
from century.telemetry.instants import nanoseconds
from century.telemetry.query import Reader
from century.telemetry.raw import reading
from century.telemetry.slots import one_slot


async def budgets(works: Works, reader: Reader, objectives: Sequence[Objective], now: datetime) -> list[Budget]:
    """The error budget of each objective over its window until `now`, in one transaction."""
    if not objectives:
        return []
    async with reading(works.engine) as raw:
        names = sorted({each.service for each in objectives})
        numbers = {
            row["name"]: row["id"]
            for row in await raw.fetch("SELECT name, id FROM service WHERE name = ANY($1::text[])", names)
        }
        made = []
        for each in objectives:
            if each.service not in numbers:
                made.append(budget(each, 0, 0))
                continue
            span = one_slot(nanoseconds(now - each.window), nanoseconds(now))
            whole = summary.total(await reader.summaries(raw, [numbers[each.service]], span))
            count = int(whole.requests.count[0])
            if each.kind is ObjectiveKind.LATENCY and each.latency is not None:
                good = min(round(float(whole.requests.below(each.latency)[0])), count)
            else:
                good = count - int(whole.errors[0])
            made.append(budget(each, good, count - good))
    return made
