"""A schedule: who is on call at a moment, until when and who follows, and when nobody is.

Rotations stand side by side. Overrides come last: they add somebody, take somebody off, or put somebody in another's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from century.core.actor import Actor, Permission
from century.core.timerange import TimeRange
from century.escalation.rotation import LONGEST_TURN, Rotation, turns
from century.escalation.wallclock import zone

SOON = timedelta(microseconds=1)
# How far ahead a change is looked for, step by step: most come soon.
HORIZONS = (timedelta(days=2), timedelta(days=16), timedelta(days=100), timedelta(days=400))


class OverrideKind(StrEnum):
    """What an override does."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Override:
    """For a while `person` is on call too (add), is not (remove: then `person` alone), or is in the place of `replaces`."""

    id: UUID
    kind: OverrideKind
    person: UUID
    replaces: UUID | None
    start: datetime
    end: datetime

    @property
    def touches(self) -> frozenset[UUID]:
        """Whose duty it changes."""
        return frozenset({self.person} if self.replaces is None else {self.person, self.replaces})


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rotations in a time zone, and the overrides that count."""

    id: UUID
    name: str
    time_zone: str
    rotations: tuple[Rotation, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def people(self) -> frozenset[UUID]:
        """Everybody who takes part, now or by an override."""
        found = {person for rotation in self.rotations for person in rotation.participants}
        return frozenset(found.union(*(each.touches for each in self.overrides)))


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody on call from an instant to another; by a rotation, or by an override."""

    person: UUID
    start: datetime
    end: datetime
    rotation: UUID | None = None
    override: UUID | None = None


@dataclass(frozen=True, slots=True)
class OnCall:
    """Who is on call, until when that stays so (None: for good, as far as can be seen), and who is afterwards."""

    now: tuple[UUID, ...]
    until: datetime | None
    next: tuple[UUID, ...]


def shifts(schedule: Schedule, span: TimeRange) -> list[Shift]:
    """Every shift that touches the span, whole (its ends may lie outside), by start; overrides cut shifts into pieces."""
    where = zone(schedule.time_zone)
    found = [
        Shift(turn.person, turn.start, turn.end, rotation=rotation.id)
        for rotation in schedule.rotations
        for turn in turns(rotation, where, span.start, span.end)
    ]
    for override in sorted(schedule.overrides, key=lambda each: (each.start, each.id)):
        if override.start < span.end + LONGEST_TURN and override.end > span.start - LONGEST_TURN:
            found = _override(found, override)
    touching = [each for each in found if each.start < span.end and each.end > span.start]
    return sorted(touching, key=lambda each: (each.start, each.end, each.person))


def _override(found: Iterable[Shift], override: Override) -> list[Shift]:
    after: list[Shift] = []
    for shift in found:
        absent = override.replaces if override.kind is OverrideKind.REPLACE else override.person
        covered = shift.start < override.end and shift.end > override.start
        if override.kind is OverrideKind.ADD or shift.person != absent or not covered:
            after.append(shift)
            continue
        if shift.start < override.start:
            after.append(replace(shift, end=override.start))
        if override.kind is OverrideKind.REPLACE:
            start, end = max(shift.start, override.start), min(shift.end, override.end)
            after.append(Shift(override.person, start, end, shift.rotation, override.id))
        if shift.end > override.end:
            after.append(replace(shift, start=override.end))
    if override.kind is OverrideKind.ADD:
        after.append(Shift(override.person, override.start, override.end, override=override.id))
    return after


def may_subscribe(actor: Actor, schedule: Schedule, now: datetime) -> bool:
    """Whether somebody may know the address of its calendar: operators, and whoever is in it now or will be."""
    ahead = replace(schedule, overrides=tuple(each for each in schedule.overrides if each.end > now))
    return actor.may(Permission.OPERATE) or actor.id in ahead.people


def people_at(schedule: Schedule, at: datetime) -> tuple[UUID, ...]:
    """Who is on call at a moment, each once, in the order of the rotations, those added last."""
    return _ordered(schedule, shifts(schedule, TimeRange(at, at + SOON)))


def on_call(schedule: Schedule, at: datetime) -> OnCall:
    """Who is on call at a moment, until when, and who next."""
    now = people_at(schedule, at)
    for horizon in HORIZONS:
        span = TimeRange(at, at + horizon)
        found = shifts(schedule, span)
        changes = sorted({edge for shift in found for edge in (shift.start, shift.end) if at < edge < span.end})
        for change in changes:
            present = [each for each in found if each.start <= change < each.end]
            if {each.person for each in present} != set(now):
                return OnCall(now, change, _ordered(schedule, present))
    return OnCall(now, None, ())


def gaps(schedule: Schedule, span: TimeRange) -> list[TimeRange]:
    """When nobody is on call within the span; the whole span, where the schedule is empty."""
    found: list[TimeRange] = []
    covered = span.start
    for shift in shifts(schedule, span):
        if shift.start > covered:
            found.append(TimeRange(covered, shift.start))
        covered = max(covered, shift.end)
    if covered < span.end:
        found.append(TimeRange(covered, span.end))
    return found


def refusal(schedule: Schedule, override: Override, named: dict[UUID, str]) -> str | None:
    """Why an override cannot be taken: it is empty, says nothing, or another one speaks of the same person then."""
    name = named.get(override.person, "this person")
    if override.end <= override.start:
        return "an override must end after it starts"
    if override.kind is OverrideKind.REPLACE:
        if override.replaces is None:
            return "say whom the person replaces"
        if override.replaces == override.person:
            return f"{name} cannot replace themself"
    elif override.replaces is not None:
        return "only an override of kind REPLACE replaces somebody"
    for other in schedule.overrides:
        shared = other.touches & override.touches
        if shared and other.start < override.end and other.end > override.start:
            who = named.get(next(iter(shared)), "this person")
            return (
                f"another override of {who} covers {_span(other.start, other.end)} UTC: "
                "remove it first, or choose a time beside it"
            )
    if override.kind is not OverrideKind.ADD:
        absent = override.replaces if override.kind is OverrideKind.REPLACE else override.person
        span = TimeRange(override.start, override.end)
        if not any(shift.person == absent for shift in shifts(schedule, span)):
            who = named.get(absent, "this person") if absent else name
            return f"{who} is not on call between {_span(override.start, override.end)} UTC: it would change nothing"
    return None


def _span(start: datetime, end: datetime) -> str:
    return f"{start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M}"


def _ordered(schedule: Schedule, present: Sequence[Shift]) -> tuple[UUID, ...]:
    places = {rotation.id: place for place, rotation in enumerate(schedule.rotations)}
    ranked = sorted(
        present, key=lambda each: (places.get(each.rotation, len(places)) if each.rotation else len(places), each.start)
    )
    return tuple(dict.fromkeys(each.person for each in ranked))
