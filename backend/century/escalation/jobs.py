"""What the worker runs for escalation: the loop that climbs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta

import orjson
from sqlalchemy import update
from sqlalchemy.exc import InterfaceError, OperationalError

from century.alerts.tables import AlertRow
from century.core import journal
from century.core.bus import Message
from century.core.rounds import rounds
from century.core.settings import Settings
from century.core.work import Works
from century.escalation import defaults, service

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
PLANT_SECONDS = 30.0
SET_ASIDE = timedelta(seconds=30)


async def climb(settings: Settings, works: Works) -> None:
    """Look at alerts as soon as the journal tells of one, and every second at those whose time has come."""
    loop = asyncio.get_running_loop()
    swept = planted = loop.time() - PLANT_SECONDS
    settled = False
    async with contextlib.aclosing(rounds(works.bus, journal.TOPIC, every=SWEEP_SECONDS)) as rhythm:
        async for heard in rhythm:
            if heard and not any(concerns(each) for each in heard) and loop.time() - swept < SWEEP_SECONDS:
                continue
            swept = loop.time()
            await climb_all(settings, works)
            if not settled and loop.time() - planted >= PLANT_SECONDS:
                planted = loop.time()
                async with works.begin() as work:
                    settled = await defaults.plant_responder(work)


# What the ladder says itself, or what does not move it.
QUIET = frozenset(
    {
        "alert.commented",
        "alert.escalated",
        "alert.held",
        "alert.level_failed",
        "alert.response_breached",
        "alert.step_ticked",
        "alert.unreachable",
    }
)


def concerns(message: Message) -> bool:
    """Whether something was said that may move a ladder, or may have been."""
    if not message.data:
        return True
    kind = str(orjson.loads(message.data).get("kind", ""))
    return (kind.startswith("alert.") and kind not in QUIET) or kind == "notification.failed"


async def climb_all(settings: Settings, works: Works) -> int:
    """Every alert that is due, a batch at a time; answers how many there were."""
    found = 0
    while True:
        try:
            async with works.begin() as work:
                batch = await service.climb(work, settings)
        except (InterfaceError, OperationalError, OSError):
            raise
        except Exception:
            logger.exception("a batch of alerts could not be looked at: each is looked at on its own")
            batch = await _one_by_one(settings, works)
        found += batch
        if batch < service.BATCH:
            return found


async def _one_by_one(settings: Settings, works: Works) -> int:
    """The next batch with a transaction for each: the one that cannot be looked at keeps no other from its turn."""
    async with works.read() as reading:
        alerts = await service.due(reading)
    for alert in alerts:
        try:
            async with works.begin() as work:
                await service.climb(work, settings, [alert])
        except (InterfaceError, OperationalError, OSError):
            raise
        except Exception:
            logger.exception("alert %s could not be looked at, and is set aside for a while", alert)
            async with works.begin() as work:
                later = work.now + SET_ASIDE
                await work.execute(update(AlertRow).where(AlertRow.id == alert).values(due_at=later))
    return len(alerts)
