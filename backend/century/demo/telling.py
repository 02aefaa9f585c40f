"""Tell what went wrong in the loaded past, once, going on where it was interrupted."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import track

from century.alerts import evidence, windows
from century.alerts.kept import alerts_by_id
from century.core.bus import Bus
from century.core.clock import SystemClock
from century.core.db import connect
from century.core.settings import Settings, read_settings
from century.core.timerange import TimeRange
from century.core.work import Works
from century.demo import crew
from century.demo.answers import Cause, cause
from century.demo.incidents import Incident, find, together
from century.demo.loading import Loaded
from century.demo.past import DAYS
from century.demo.replay import Replay, is_told, past_work
from century.demo.traffic import PAYMENTS, SERVICE
from century.demo.weather import weather
from century.installation import reach
from century.migrations import import_tables
from century.rules import kept, past
from century.telemetry.query import Reader

REBUILT, LATER = timedelta(days=8.63), timedelta(days=3)
"""The maintenance that was, before the end of the past (the weather has it take longer than planned), and the next."""


@dataclass(frozen=True, slots=True)
class At:
    """A clock that stands."""

    instant: datetime

    def now(self) -> datetime:
        """The instant."""
        return self.instant


async def tell(data_dir: Path, noted: Path) -> None:
    """Tell the past's alerts to the installation of a folder, unless that is done already."""
    loaded = Loaded.read(noted)
    if loaded.told >= loaded.end:
        return
    import_tables()
    with reach(data_dir, os.environ) as defaults:
        settings = read_settings(os.environ, defaults=defaults)
    engine, bus = connect(settings.database_url, pool_size=3), Bus(settings.redis_url)
    try:
        await tell_past(Works(engine, SystemClock(), bus), settings, loaded, noted)
    finally:
        await bus.close()
        await engine.dispose()


async def tell_past(works: Works, settings: Settings, loaded: Loaded, noted: Path) -> None:
    """Plant who answers, find what went wrong, and tell it, group by group; how far is noted in `noted`."""
    end = _instant(loaded.end)
    begin = end - timedelta(days=DAYS)
    await plant(works, settings, loaded.end)
    async with works.read() as work:
        mustered, rules = await crew.muster(work), await kept.rules(work)
    if mustered is not None:
        found = await find(works, rules, (SERVICE, PAYMENTS), TimeRange(begin, end))
        left = [each for each in found if loaded.told < each.over.timestamp() < loaded.end]
        for group in track(list(together(left)), "Telling what went wrong", disable=not os.isatty(1)):
            await _tell_group(works, settings, mustered, group, loaded.end)
            loaded = replace(loaded, told=int(max(each.over for each in group).timestamp()))
            loaded.write(noted)
    replace(loaded, told=loaded.end).write(noted)


async def plant(works: Works, settings: Settings, end: int) -> None:
    """Who answers, and all that is theirs, as of when the past begins; once."""
    rebuilt, later = _instant(end) - REBUILT, (_instant(end) + LATER).replace(hour=5, minute=0, second=0)
    async with Works(works.engine, At(_instant(end) - timedelta(days=DAYS)), works.bus).begin(
        crew.DEMONSTRATION
    ) as work:
        await crew.plant(work, settings, rebuilt, later)
    # What was planned for the past is over: nothing that is wrong today was held by it.
    async with Works(works.engine, At(_instant(end)), works.bus).begin(crew.DEMONSTRATION) as work:
        await windows.release_ended(work)


async def _tell_group(works: Works, settings: Settings, known: crew.Crew, group: list[Incident], end: int) -> None:
    seen = {id(each): await _seen(works, each) for each in group}

    def causes(incident: Incident) -> Cause:
        return cause(weather(incident.opened.timestamp() - 30, end))

    async with past_work(works, group[0].begins) as work:
        new = [each for each in group if not await is_told(work, each)]
        made = await Replay(work, settings, known, causes).run(new)
        alerts = await alerts_by_id(work, list(made))
        await evidence.fill(work, [(each, seen[id(made[each.id])]) for each in alerts.values()])


async def _seen(works: Works, incident: Incident) -> list[evidence.Series]:
    traces = await past.evidence(works, Reader(works.engine), incident.rule, incident.subject, incident.opened)
    return [evidence.Series(each.name, each.unit, each.at.tolist(), each.values.tolist()) for each in traces]


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
