"""Whom a level reaches at a moment, by which channels, and why it does not reach the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from century.escalation.policy import Level, Target, TargetKind
from century.escalation.schedule import Schedule, people_at
from century.notify.channel import Channel, ChannelKind
from century.notify.quiet import QuietHours, free_at
from century.rules.severity import Severity


@dataclass(frozen=True, slots=True)
class Way:
    """A channel as a way to reach people: everybody's, or a person's own. `problem` says why it cannot be used.

    Without an `id` it is the e-mail of the person's account: a channel that is made when it is first needed.
    """

    id: UUID | None
    name: str
    kind: ChannelKind
    severities: frozenset[Severity]
    person: UUID | None = None
    problem: str | None = None
    quiet: QuietHours | None = None

    def at(self, now: datetime, severity: Severity) -> datetime:
        """When a message that is due now goes out: quiet hours hold back what is below critical."""
        return free_at(self.quiet, severity, now)

    def hindrance(self, severity: Severity) -> str | None:
        """Why an alert of this severity does not go this way."""
        if self.problem:
            return self.problem
        return None if severity in self.severities else f"the channel '{self.name}' takes no {severity.value} alerts"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person as somebody to be told."""

    id: UUID
    name: str
    disabled: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that decides who is told: people, schedules, and every way to be reached, with its `channels`."""

    people: Mapping[UUID, Someone]
    schedules: Mapping[UUID, Schedule]
    ways: Sequence[Way]
    channels: Mapping[UUID, Channel] = field(default_factory=dict)
    _on_call: dict[tuple[UUID, datetime], tuple[UUID, ...]] = field(default_factory=dict)

    def on_call(self, schedule: Schedule, at: datetime) -> tuple[UUID, ...]:
        """Who is on call; asked once for a moment."""
        if (schedule.id, at) not in self._on_call:
            self._on_call[schedule.id, at] = people_at(schedule, at)
        return self._on_call[schedule.id, at]

    def name(self, person: UUID) -> str:
        """The person's name."""
        return self.people[person].name if person in self.people else "somebody unknown"

    def own(self, person: UUID) -> list[Way]:
        """A person's own ways to be reached."""
        return [way for way in self.ways if way.person == person]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one target came to: a person and their channels, or a channel; or the sentence that says why not."""

    target: str
    person: UUID | None = None
    ways: tuple[Way, ...] = ()
    problem: str | None = None
    hindered: tuple[tuple[Way, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Receiver:
    """A channel that was told, for a person where it was a person that was meant; see `Way` for one without an id."""

    channel: UUID | None
    person: UUID | None

    @property
    def key(self) -> UUID | None:
        """What tells it from other receivers."""
        return self.channel or self.person


@dataclass(frozen=True, slots=True)
class Reached:
    """What a level came to."""

    outcomes: tuple[Outcome, ...]
    names: tuple[str, ...]
    receivers: tuple[Receiver, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Why whom it did not reach."""
        return tuple(dict.fromkeys(each.problem for each in self.outcomes if each.problem))


def reach(directory: Directory, level: Level, severity: Severity, at: datetime) -> Reached:
    """Whom a level tells of an alert of this severity at a moment; each channel once."""
    outcomes: list[Outcome] = []
    for target in level.targets:
        outcomes += _target(directory, target, severity, at)
    return collect(directory, outcomes)


def reach_admins(directory: Directory, severity: Severity) -> Reached:
    """The last resort: every admin, by whatever way of theirs works."""
    admins = [each for each in directory.people.values() if each.admin and not each.disabled]
    return collect(directory, [_person(directory, each.id, "admins", severity) for each in admins])


def collect(directory: Directory, outcomes: Iterable[Outcome]) -> Reached:
    """The names and the channels of outcomes, each once."""
    kept = tuple(outcomes)
    names: dict[str, None] = {}
    receivers: dict[UUID | None, Receiver] = {}
    for outcome in kept:
        for way in outcome.ways:
            receiver = Receiver(way.id, outcome.person)
            receivers.setdefault(receiver.key, receiver)
            names.setdefault(directory.name(outcome.person) if outcome.person else way.name)
    return Reached(kept, tuple(names), tuple(receivers.values()))


def _target(directory: Directory, target: Target, severity: Severity, at: datetime) -> list[Outcome]:
    match target.kind:
        case TargetKind.PERSON:
            assert target.id is not None
            return [_person(directory, target.id, directory.name(target.id), severity)]
        case TargetKind.SCHEDULE:
            schedule = directory.schedules.get(target.id) if target.id else None
            if schedule is None:
                return [Outcome("a schedule", problem="the schedule is gone")]
            people = directory.on_call(schedule, at)
            if not people:
                return [Outcome(schedule.name, problem=f"nobody is on call in '{schedule.name}'")]
            return [_person(directory, person, schedule.name, severity) for person in people]
        case TargetKind.CHANNEL:
            way = next((each for each in directory.ways if each.id == target.id), None)
            if way is None:
                return [Outcome("a channel", problem="the channel is gone")]
            hindrance = way.hindrance(severity)
            return [Outcome(way.name, problem=hindrance) if hindrance else Outcome(way.name, way.person, (way,))]
        case TargetKind.CHANNELS_OF_SEVERITY:
            label = f"every channel that takes {severity.value} alerts"
            shared = [way for way in directory.ways if way.person is None]
            ways = tuple(way for way in shared if not way.hindrance(severity))
            hindered = tuple((way, way.problem) for way in shared if way.problem)
            if not ways:
                return [Outcome(label, problem=f"no channel takes {severity.value} alerts", hindered=hindered)]
            return [Outcome(label, None, ways, hindered=hindered)]


def _person(directory: Directory, person: UUID, label: str, severity: Severity) -> Outcome:
    known = directory.people.get(person)
    if known is None or known.disabled:
        return Outcome(label, person, problem=f"{known.name if known else 'the person'} is disabled")
    own = directory.own(person)
    hindrances = [(way, hindrance) for way in own if (hindrance := way.hindrance(severity))]
    ways = tuple(way for way in own if not way.hindrance(severity))
    if ways:
        return Outcome(label, person, ways, hindered=tuple(hindrances))
    if hindrances:
        said = "; ".join(hindrance for _, hindrance in hindrances)
        return Outcome(label, person, problem=f"{known.name} cannot be reached: {said}", hindered=tuple(hindrances))
    return Outcome(label, person, problem=f"{known.name} has no way to be reached")
