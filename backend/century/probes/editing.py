"""Probes as people set them up: checked before they are saved, secrets sealed, every change in the journal."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from century.core.errors import Conflict, Invalid
from century.core.ids import new_id
from century.core.sealing import PROBES, Seal, Unsealable
from century.core.settings import Settings
from century.core.work import Work
from century.probes.due import QUICK
from century.probes.kept import DUE, PROBE, probe
from century.probes.kind import Problem
from century.probes.kinds import kind_of, known_kinds
from century.probes.probe import SHARD, Probe, ProbeState
from century.probes.problems import Draft, Known, config_of, problems, values_of
from century.probes.settling import CHANGED, MOVED
from century.probes.tables import ChangeRow, DueRow, NowRow, ProbeRow

MOST = 5_000
LOCK = 0x50524F42
PAUSED, MADE, RESUMED = "it was paused", "it was made", "it goes on"


@dataclass(frozen=True, slots=True)
class Saved:
    """The probe as it is now, and what may not be meant."""

    probe: Probe
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft with everything that is to be said of it, and its settings."""

    draft: Draft
    before: Probe | None
    values: Mapping[str, str]
    problems: tuple[Problem, ...]

    @property
    def refused(self) -> dict[str, str]:
        """What cannot be taken, by field."""
        return {each.field: each.message for each in self.problems if each.refused}


async def check(work: Work, settings: Settings, draft: Draft) -> Checked:
    """Look at a draft as a whole; NotFound for an id that is none."""
    draft = replace(
        draft, name=" ".join(draft.name.split()), service=draft.service or None, runs_on=draft.runs_on or None
    )
    before = await probe(work, draft.id) if draft.id is not None else None
    if draft.kind not in known_kinds():
        return Checked(draft, before, {}, tuple(problems(draft, Known())))
    if before is not None and before.kind is not draft.kind:
        said = Problem("kind", "a probe keeps its kind; make a new one, and remove this one")
        return Checked(draft, before, {}, (said,))
    if reason := kind_of(draft.kind).unavailable(settings):
        return Checked(draft, before, {}, (Problem("kind", reason),))
    stored = await _stored(work, settings, before) if before else {}
    rows = await work.rows(select(PROBE.c.id, PROBE.c.parent_id, PROBE.c.name))
    found = problems(draft, Known({row.id: row.parent_id for row in rows}, stored))
    if any(row.name == draft.name and row.id != draft.id for row in rows):
        found.append(Problem("name", f"another probe is named '{draft.name}': choose another name"))
    return Checked(draft, before, values_of(draft, stored), tuple(found))


async def save(work: Work, settings: Settings, draft: Draft) -> Saved:
    """Make or change a probe; NotFound; Conflict if it has changed since; Invalid, naming every field that cannot be taken."""
    # Of two who save at once, one sees what the other did: names, parents, how many there are.
    await work.execute(select(func.pg_advisory_xact_lock(LOCK)))
    checked = await check(work, settings, draft)
    if wrong := checked.refused:
        raise Invalid("; ".join(wrong.values()), fields=wrong)
    if checked.before is None:
        probe_id = await make(work, settings, checked)
    else:
        probe_id = await _change(work, settings, checked, checked.before)
    work.announce(CHANGED, [probe_id])
    return Saved(await probe(work, probe_id), tuple(each for each in checked.problems if not each.refused))


async def make(work: Work, settings: Settings, checked: Checked) -> UUID:
    """Enter a new probe; Conflict where there are too many."""
    draft = checked.draft
    count = await work.scalar(select(func.count()).select_from(PROBE))
    if count >= MOST:
        raise Conflict(f"there are {MOST} probes already: remove one that is not used")
    probe_id = new_id(work.now)
    made = {"id": probe_id, "kind": draft.kind.value, "shard": count // SHARD, "version": 1, "created_at": work.now}
    await work.execute(insert(ProbeRow).values(**made, **_columns(work, settings, checked, probe_id)))
    state = ProbeState.UNKNOWN if draft.enabled else ProbeState.PAUSED
    await work.execute(
        insert(NowRow).values(
            probe_id=probe_id, state=state.value, since=work.now, streak=0, streak_ok=False, message="", facts=[],
            memory={}, recent=b"", updated_at=work.now,
        )
    )  # fmt: skip
    await work.execute(
        insert(ChangeRow).values(
            probe_id=probe_id, at=work.now, state=state.value, reason=MADE if draft.enabled else PAUSED
        )
    )
    if draft.enabled:
        await _due(work, probe_id, work.now, draft.runs_on)
    said = f"{work.actor.name} made the probe '{draft.name}' ({kind_of(draft.kind).LABEL})"
    work.record("probe.created", probe_id, subject_name=draft.name, message=said)
    return probe_id


async def set_enabled(work: Work, probe_id: UUID, *, enabled: bool) -> Probe:
    """Pause a probe, or let it go on; NotFound."""
    await _lock(work, probe_id)
    before = await probe(work, probe_id)
    if before.enabled != enabled:
        await work.execute(update(ProbeRow).where(ProbeRow.id == probe_id).values(enabled=enabled, **_written(work)))
        await _switch(work, before, enabled=enabled)
        kind, verb = (
            ("probe.resumed", "let the probe '{}' go on") if enabled else ("probe.paused", "paused the probe '{}'")
        )
        said = f"{work.actor.name} {verb.format(before.name)}"
        work.record(kind, probe_id, subject_name=before.name, message=said)
        work.announce(CHANGED, [probe_id])
    return await probe(work, probe_id)


async def check_soon(work: Work, probe_id: UUID) -> Probe:
    """Let a probe be asked next; Conflict while it is paused."""
    known = await probe(work, probe_id)
    if not known.enabled:
        raise Conflict(f"'{known.name}' is paused: let it go on first")
    await work.execute(
        update(DueRow).where(DueRow.probe_id == probe_id, DueRow.due_at > work.now).values(due_at=work.now, claims=0)
    )
    work.announce(CHANGED, [probe_id])
    return known


async def remove(work: Work, probe_id: UUID) -> None:
    """Remove a probe with its history; NotFound."""
    await _lock(work, probe_id)
    before = await probe(work, probe_id)
    await work.execute(delete(ProbeRow).where(ProbeRow.id == probe_id))
    said = f"{work.actor.name} removed the probe '{before.name}'"
    work.record("probe.removed", probe_id, subject_name=before.name, message=said)
    work.announce(CHANGED, [probe_id])
    work.announce(MOVED, [probe_id])


async def reseal(work: Work, settings: Settings) -> int:
    """Seal anew whatever an earlier secret that is still named sealed; answers how many probes that were."""
    seal, done = Seal(settings.secrets, PROBES), 0
    rows = await work.rows(
        select(PROBE.c.id, PROBE.c.secrets)
        .where(PROBE.c.secrets.is_not(None))
        .order_by(PROBE.c.id)
        .with_for_update(skip_locked=True)
    )
    for row in rows:
        if seal.is_current(row.secrets):
            continue
        try:
            hidden = seal.open(row.id, row.secrets)
        except Unsealable:
            continue  # its checks say so, and here nobody else is kept from being sealed anew
        await work.execute(update(ProbeRow).where(ProbeRow.id == row.id).values(secrets=seal.close(row.id, hidden)))
        done += 1
    return done


async def _change(work: Work, settings: Settings, checked: Checked, before: Probe) -> UUID:
    draft = checked.draft
    version = before.version if draft.version is None else draft.version
    await _lock(work, before.id)
    changed_to = _columns(work, settings, checked, before.id)
    changed = await work.execute(
        update(ProbeRow)
        .where(ProbeRow.id == before.id, ProbeRow.version == version)
        .values(**changed_to, version=version + 1)
    )
    if changed.rowcount == 0:
        raise Conflict(f"'{before.name}' has been changed since: look at it as it is now")
    await _switch(work, before, enabled=draft.enabled)
    if dict(before.settings) != changed_to["settings"]:
        # What its kind kept in mind is of something else: sizes, counters, that it was let in without TLS.
        await work.execute(update(NowRow).where(NowRow.probe_id == before.id).values(memory={}))
    # What it found before was of something else, perhaps; it is asked at once.
    if draft.enabled:
        await work.execute(
            update(DueRow)
            .where(DueRow.probe_id == before.id)
            .values(
                due_at=work.now, claims=0, runs_on=draft.runs_on, owner=None, leased_until=None, fence=DueRow.fence + 1
            )
        )
    said = f"{work.actor.name} changed the probe '{draft.name}'"
    work.record("probe.updated", before.id, subject_name=draft.name, message=said)
    work.announce(MOVED, [before.id])
    return before.id


async def _switch(work: Work, before: Probe, *, enabled: bool) -> None:
    if before.enabled == enabled:
        return
    state, reason = (ProbeState.UNKNOWN, RESUMED) if enabled else (ProbeState.PAUSED, PAUSED)
    await work.execute(
        update(NowRow)
        .where(NowRow.probe_id == before.id)
        .values(
            state=state.value, since=work.now, streak=0, streak_ok=False, streak_since=None, updated_at=work.now,
        )
    )  # fmt: skip
    await work.execute(
        upsert(ChangeRow)
        .values(probe_id=before.id, at=work.now, state=state.value, reason=reason)
        .on_conflict_do_update(index_elements=["probe_id", "at"], set_={"state": state.value, "reason": reason})
    )
    if enabled:
        await _due(work, before.id, work.now, before.runs_on)
    else:
        await work.execute(delete(DueRow).where(DueRow.probe_id == before.id))
    work.announce(MOVED, [before.id])


async def _lock(work: Work, probe_id: UUID) -> None:
    """Wait for a check that is being settled: it takes this row first too, so that neither waits for the other."""
    await work.execute(select(DUE.c.probe_id).where(DUE.c.probe_id == probe_id).with_for_update())


async def _due(work: Work, probe_id: UUID, due_at: datetime, runs_on: str | None) -> None:
    # A check that was begun before a pause must not settle what came after it.
    await work.execute(
        upsert(DueRow)
        .values(probe_id=probe_id, due_at=due_at, lane=QUICK, fence=secrets.randbits(30), claims=0, runs_on=runs_on)
        .on_conflict_do_nothing()
    )


async def _stored(work: Work, settings: Settings, before: Probe) -> dict[str, str]:
    sealed = await work.scalar(select(PROBE.c.secrets).where(PROBE.c.id == before.id))
    try:
        hidden = Seal(settings.secrets, PROBES).open(before.id, sealed)
    except Unsealable:
        # They must be given again, and then the probe works as before.
        hidden = {}
    return {**before.settings, **hidden}


def _columns(work: Work, settings: Settings, checked: Checked, probe_id: UUID) -> dict[str, Any]:
    draft, values = checked.draft, checked.values
    hidden = config_of(draft.kind, values).secret_names
    return {
        "name": draft.name,
        "enabled": draft.enabled,
        "settings": {name: value for name, value in values.items() if name not in hidden},
        "secrets": Seal(settings.secrets, PROBES).close(
            probe_id, {name: value for name, value in values.items() if name in hidden}
        ),
        "service": draft.service,
        "labels": dict(draft.labels),
        "parent_id": draft.parent_id,
        "interval_s": draft.usual_interval.total_seconds(),
        "timeout_s": draft.usual_timeout.total_seconds(),
        "retry_s": draft.usual_retry.total_seconds(),
        "failures": draft.patience.failures,
        "successes": draft.patience.successes,
        "runs_on": draft.runs_on,
        **_written(work),
    }


def _written(work: Work) -> dict[str, Any]:
    return {"updated_at": work.now, "updated_by_id": work.actor.id, "updated_by_name": work.actor.name}
