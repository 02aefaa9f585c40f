"""What a new installation watches from its first start: its own database, its Redis, and each worker's machine."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from century.core.seeds import plant as once
from century.core.settings import Settings
from century.core.work import Work
from century.probes import editing
from century.probes.editing import Checked
from century.probes.kept import PROBE
from century.probes.kind import ProbeKind
from century.probes.problems import OWN, Draft
from century.probes.settling import CHANGED

DATABASE, REDIS = "Century's database", "Century's Redis"
EVERY = timedelta(seconds=30)
LONGEST_NAME = 100


async def plant(work: Work, settings: Settings, host: str) -> None:
    """Plant what is not planted yet; what somebody removes stays away."""
    if await once(work, "probes.own"):
        await _plant(work, settings, Draft(DATABASE, ProbeKind.POSTGRES, {}, interval=EVERY), {OWN: "true"})
        await _plant(work, settings, Draft(REDIS, ProbeKind.REDIS, {}, interval=EVERY), {OWN: "true"})
    if await once(work, f"probes.host.{host}"):
        await _plant(work, settings, Draft(machine(host), ProbeKind.HOST, {}, interval=EVERY, runs_on=host), {})


def machine(host: str) -> str:
    """What the probe of a machine is called."""
    return f"Machine {re.sub(r'[^!-~]', '?', host)}"[:LONGEST_NAME]


async def _plant(work: Work, settings: Settings, draft: Draft, values: dict[str, Any]) -> None:
    if await work.scalar(select(PROBE.c.id).where(PROBE.c.name == draft.name)) is None:
        work.announce(CHANGED, [await editing.make(work, settings, Checked(draft, None, values, ()))])
