"""What the worker does beside its timetable."""

from __future__ import annotations

import asyncio

import pytest

from century import worker
from century.core.work import Work, Works
from century.rules import kept
from century.rules.defaults import DEFAULTS


async def rules(works: Works) -> int:
    async with works.read() as work:
        return len(await kept.rules(work))


async def test_of_two_workers_that_start_one_plants(works: Works) -> None:
    await asyncio.gather(worker.plant_seeds(works), worker.plant_seeds(works))
    planted = await rules(works)
    assert planted == len(DEFAULTS)
    await worker.plant_seeds(works)
    assert await rules(works) == planted


tries = 0


async def fails_once(work: Work) -> None:
    global tries
    tries += 1
    if tries == 1:
        raise RuntimeError("the database is not migrated yet")


async def test_a_seed_that_fails_is_tried_again_and_keeps_no_other_waiting(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SEEDS", (f"{__name__}:fails_once", *worker.SEEDS))
    monkeypatch.setattr(worker, "AWAY_SECONDS", 0)
    await worker.plant_seeds(works)
    assert (tries, await rules(works)) == (2, len(DEFAULTS))
