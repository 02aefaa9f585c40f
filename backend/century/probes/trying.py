"""Asking once, now, also what is not saved yet: nothing of it is stored."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta

from century.core.actor import Actor
from century.core.guard import Guard, Names
from century.core.ids import new_id
from century.core.settings import Settings
from century.core.work import Works
from century.probes import editing
from century.probes.beat_kept import last_good
from century.probes.claims import Held
from century.probes.kind import Problem
from century.probes.kinds import Target
from century.probes.measurement import Measurement
from century.probes.probe import Probe
from century.probes.problems import Draft, config_of
from century.probes.runner import ask
from century.probes.wire import TlsContexts, Wire

LONGEST = timedelta(seconds=8)
"""Whoever tries waits for the answer."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one check found (None: the draft cannot be asked), and what would be said on saving."""

    measured: Measurement | None
    problems: tuple[Problem, ...]


async def try_probe(works: Works, settings: Settings, actor: Actor, draft: Draft) -> Tried:
    """Ask a draft once; what it leaves out of its settings is taken from the stored probe. NotFound."""
    async with works.read(actor) as work:
        checked = await editing.check(work, settings, draft)
        now = work.now
    problems = checked.problems
    if checked.refused:
        return Tried(None, problems)
    draft, here = checked.draft, socket.gethostname()
    if draft.runs_on and draft.runs_on != here:
        said = f"it was tried from '{here}', and will be asked from '{draft.runs_on}'"
        problems = (*problems, Problem("runsOn", said, refused=False))
    probe = Probe(draft.id or new_id(now), draft.name, draft.kind, {}, now, now)
    config = config_of(draft.kind, checked.values)
    target = Target(
        id=probe.id, name=probe.name, config=config, timeout=min(draft.usual_timeout, LONGEST).total_seconds(),
        interval=draft.usual_interval.total_seconds(), memory={}, now=now, hostname=here,
    )  # fmt: skip
    names = Names()
    try:
        wire = Wire(Guard(settings.egress_allow, names), settings, TlsContexts(), last_good(works))
        return Tried(await ask(target, Held(probe, config), wire), problems)
    finally:
        names.close()
