"""Policies, schedules and who is on call, in the schema."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import strawberry

from century.access.graphql import Person
from century.alerts.alert import Alert, AlertState
from century.core.errors import Invalid
from century.core.graphql import Info, Notice, TimeRangeInput, field, notices
from century.core.timerange import TimeRange
from century.escalation import coverage
from century.escalation import policy as policies
from century.escalation import schedule as rosters
from century.escalation.http import calendar_url
from century.escalation.ladder import Ladder, rungs
from century.escalation.planning import check_near
from century.escalation.policies import Saved, warnings
from century.escalation.policy import TargetKind
from century.escalation.reach import Directory, Someone
from century.escalation.rotation import Rotation as TheRotation
from century.escalation.rotation import RotationKind, clock
from century.escalation.schedule import OverrideKind
from century.escalation.schedules import Board
from century.escalation.simulation import Rehearsed
from century.notify.channel import ChannelKind
from century.notify.quiet import Weekday
from century.rules.severity import Severity

strawberry.enum(RotationKind, description="In what the length of a turn is counted.")
strawberry.enum(OverrideKind, description="On call as well, not on call, or in another's place.")
strawberry.enum(TargetKind, description="CHANNELS_OF_SEVERITY: every shared channel that takes the alert's severity.")

# How far ahead gaps are told where no range is asked for.
AHEAD = coverage.AHEAD
LONGEST_VIEW = timedelta(days=100)
# How far ahead the turns of a schedule that is being written are shown.
PREVIEWED = timedelta(weeks=4)


def named(people: Mapping[UUID, Someone], person: UUID) -> Person:
    known = people.get(person)
    return Person(id=strawberry.ID(str(person)), name=known.name if known else "somebody unknown")


def span_of(range: TimeRangeInput, now: datetime) -> TimeRange:
    """The range meant, where something can be said about it."""
    span = range.resolve(now)
    check_near(span.start, now, "range")
    check_near(span.end, now, "range")
    return span


def view_of(range: TimeRangeInput, now: datetime) -> TimeRange:
    """The range meant, where it is short enough to be drawn."""
    span = span_of(range, now)
    if span.length > LONGEST_VIEW:
        raise Invalid(f"shifts are shown for {LONGEST_VIEW.days} days at most", field="range")
    return span


def all_named(people: Mapping[UUID, Someone], wanted: Iterable[UUID]) -> list[Person]:
    return [named(people, each) for each in wanted]


@strawberry.type
class EscalationTarget:
    kind: TargetKind
    id: strawberry.ID | None
    name: str

    @classmethod
    def of(cls, target: policies.Target, directory: Directory) -> "EscalationTarget":
        name = "every channel of the severity"
        if target.id is not None:
            match target.kind:
                case TargetKind.PERSON:
                    name = directory.name(target.id)
                case TargetKind.SCHEDULE:
                    found = directory.schedules.get(target.id)
                    name = found.name if found else "a schedule that is gone"
                case _:
                    way = next((each for each in directory.ways if each.id == target.id), None)
                    name = way.name if way else "a channel that is gone"
        return cls(kind=target.kind, id=strawberry.ID(str(target.id)) if target.id else None, name=name)


@strawberry.type(
    description="`delay` is the age at which an unanswered alert reaches it; without `onlySeverities` all alerts do."
)
class EscalationLevel:
    number: int
    name: str
    delay: timedelta
    targets: list[EscalationTarget]
    only_severities: list[Severity]

    @classmethod
    def of(cls, number: int, level: policies.Level, directory: Directory) -> "EscalationLevel":
        return cls(
            number=number,
            name=level.name,
            delay=level.delay,
            targets=[EscalationTarget.of(each, directory) for each in level.targets],
            only_severities=[each for each in Severity if each in level.only_severities],
        )


@strawberry.type(
    description="Whom an unanswered alert reaches, level by level. `usedBy` counts the rules whose alerts climb it."
)
class EscalationPolicy:
    saved: strawberry.Private[Saved]
    directory: strawberry.Private[Directory]
    id: strawberry.ID
    name: str
    is_default: bool
    levels: list[EscalationLevel]
    used_by: int
    updated_at: datetime

    @classmethod
    def of(cls, saved: Saved, directory: Directory) -> "EscalationPolicy":
        return cls(
            saved=saved,
            directory=directory,
            id=strawberry.ID(str(saved.policy.id)),
            name=saved.policy.name,
            is_default=saved.is_default,
            levels=[EscalationLevel.of(number, each, directory) for number, each in enumerate(saved.policy.levels, 1)],
            used_by=saved.used_by,
            updated_at=saved.updated_at,
        )

    @field(description="What would go wrong if an alert climbed it now.")
    def problems(self, info: Info) -> list[Notice]:
        return notices(warnings(self.saved.policy, self.directory, info.context.works.clock.now()))


@strawberry.type(
    description="People who take turns of `length` hours, days or weeks; with `from`, `to` and `days` only then on duty."
)
class Rotation:
    id: strawberry.ID
    name: str
    kind: RotationKind
    length: int
    hand_off_at: str
    hand_off_day: Weekday | None
    starts_on: str
    participants: list[Person]
    days: list[Weekday]
    from_: str | None = strawberry.field(name="from")
    to: str | None

    @classmethod
    def of(cls, rotation: TheRotation, people: Mapping[UUID, Someone]) -> "Rotation":
        return cls(
            id=strawberry.ID(str(rotation.id)),
            name=rotation.name,
            kind=rotation.kind,
            length=rotation.length,
            hand_off_at=clock(rotation.hand_off_at),
            hand_off_day=rotation.hand_off_day,
            starts_on=rotation.starts_on.isoformat(),
            participants=all_named(people, rotation.participants),
            days=[each for each in Weekday if each in rotation.days],
            from_=clock(rotation.from_time) if rotation.from_time is not None else None,
            to=clock(rotation.to_time) if rotation.to_time is not None else None,
        )


@strawberry.type(description="For a while `person` is on call too, is not, or is in the place of `replaces`.")
class Override:
    id: strawberry.ID
    kind: OverrideKind
    person: Person
    replaces: Person | None
    starts_at: datetime
    ends_at: datetime
    created_by: Person | None

    @classmethod
    def of(cls, override: rosters.Override, board: Board) -> "Override":
        made = board.made.get(override.id)
        return cls(
            id=strawberry.ID(str(override.id)),
            kind=override.kind,
            person=named(board.people, override.person),
            replaces=named(board.people, override.replaces) if override.replaces else None,
            starts_at=override.start,
            ends_at=override.end,
            created_by=Person(id=strawberry.ID(str(made.by_id)) if made.by_id else None, name=made.by_name)
            if made
            else None,
        )


@strawberry.type(description="Somebody on call; `rotation` is the id of the one that put them there.")
class Shift:
    person: Person
    starts_at: datetime
    ends_at: datetime
    override: bool
    rotation: str | None


@strawberry.type(description="Nobody is on call.")
class Gap:
    starts_at: datetime
    ends_at: datetime


@strawberry.type(description="Who would be on call within the range, and when nobody would.")
class SchedulePreview:
    starts_at: datetime
    ends_at: datetime
    shifts: list[Shift]
    gaps: list[Gap]

    @classmethod
    def of(cls, known: rosters.Schedule, people: Mapping[UUID, Someone], span: TimeRange) -> "SchedulePreview":
        return cls(
            starts_at=span.start,
            ends_at=span.end,
            shifts=shifts_of(known, people, span),
            gaps=[Gap(starts_at=each.start, ends_at=each.end) for each in rosters.gaps(known, span)],
        )


def shifts_of(known: rosters.Schedule, people: Mapping[UUID, Someone], span: TimeRange) -> list[Shift]:
    return [
        Shift(
            person=named(people, each.person),
            starts_at=each.start,
            ends_at=each.end,
            override=each.override is not None,
            rotation=str(each.rotation) if each.rotation else None,
        )
        for each in rosters.shifts(known, span)
    ]


@strawberry.type(description="Who is on call when.")
class Schedule:
    known: strawberry.Private[rosters.Schedule]
    board: strawberry.Private[Board]
    id: strawberry.ID
    name: str
    time_zone: str
    rotations: list[Rotation]
    used_by: list[str] = strawberry.field(description="The names of the policies that tell it.")

    @classmethod
    def of(cls, known: rosters.Schedule, board: Board) -> "Schedule":
        return cls(
            known=known,
            board=board,
            id=strawberry.ID(str(known.id)),
            name=known.name,
            time_zone=known.time_zone,
            rotations=[Rotation.of(each, board.people) for each in known.rotations],
            used_by=board.used_by.get(known.id, []),
        )

    @field(description="Those that touch the range; without one, those of now and later.")
    def overrides(self, info: Info, range: TimeRangeInput | None = None) -> list[Override]:
        now = info.context.works.clock.now()
        span = span_of(range, now) if range else None
        return [
            Override.of(each, self.board)
            for each in self.known.overrides
            if (each.start < span.end and each.end > span.start if span else each.end > now)
        ]

    @field()
    def now(self, info: Info) -> list[Person]:
        return all_named(self.board.people, rosters.people_at(self.known, info.context.works.clock.now()))

    @field(description="Every shift that touches the range, whole, by its start.")
    def shifts(self, info: Info, range: TimeRangeInput) -> list[Shift]:
        span = view_of(range, info.context.works.clock.now())
        return shifts_of(self.known, self.board.people, span)

    @field(description="When nobody is on call within the range; without one, within the next 14 days.")
    def gaps(self, info: Info, range: TimeRangeInput | None = None) -> list[Gap]:
        now = info.context.works.clock.now()
        span = span_of(range, now) if range else TimeRange(now, now + AHEAD)
        return [Gap(starts_at=each.start, ends_at=each.end) for each in rosters.gaps(self.known, span)]

    @field(description="The gaps of the next 14 days, in a sentence.")
    def problems(self, info: Info) -> list[Notice]:
        return notices(coverage.schedule_warnings(self.known, info.context.works.clock.now()))

    @field(
        description="An iCalendar feed. The address is a secret, shown to operators and to whoever is in the schedule: "
        "whoever knows it may read it until `renewCalendarAddress`."
    )
    def calendar_url(self, info: Info) -> str | None:
        if not rosters.may_subscribe(info.context.actor, self.known, info.context.works.clock.now()):
            return None
        return calendar_url(info.context.settings, self.known.id, self.board.calendars[self.known.id])


@strawberry.type(
    description="`until` is when somebody else is on call, `next` who that is; null: that does not change."
)
class OnCall:
    schedule: Schedule
    now: list[Person]
    until: datetime | None
    next: list[Person]

    @classmethod
    def of(cls, known: rosters.Schedule, board: Board, at: datetime) -> "OnCall":
        found = rosters.on_call(known, at)
        return cls(
            schedule=Schedule.of(known, board),
            now=all_named(board.people, found.now),
            until=found.until,
            next=all_named(board.people, found.next),
        )


@strawberry.type(description="A channel that would be used, and when: later than its level in quiet hours.")
class SimulatedChannel:
    id: strawberry.ID | None
    name: str
    kind: ChannelKind
    at: datetime
    problem: str | None


@strawberry.type(description="What one target of a level would come to.")
class SimulationStep:
    at: datetime
    level: int
    name: str
    target: str
    person: Person | None
    channels: list[SimulatedChannel]
    problem: str | None

    @classmethod
    def of(cls, step: Rehearsed, directory: Directory) -> "SimulationStep":
        return cls(
            at=step.at,
            level=step.level,
            name=step.name,
            target=step.target,
            person=named(directory.people, step.person) if step.person else None,
            channels=[
                SimulatedChannel(
                    id=strawberry.ID(str(each.channel)) if each.channel else None,
                    name=each.name,
                    kind=each.kind,
                    at=each.at,
                    problem=each.problem,
                )
                for each in step.channels
            ],
            problem=step.problem,
        )


@strawberry.type(description="An alert that nobody answers, rehearsed.")
class Simulation:
    steps: list[SimulationStep]


@strawberry.type(description="A level that was reached, or is planned for `at`: null while it is held or answered.")
class LadderStep:
    level: int
    name: str
    at: datetime | None
    reached: bool
    told: list[str]
    reason: str | None = strawberry.field(description="Why it came early, or reached no one.")


@strawberry.type(description="Where an alert stands on its ladder; `policy` as it was when it began to climb.")
class AlertEscalation:
    policy: str
    level: int
    levels: int
    next_level_at: datetime | None
    steps: list[LadderStep]

    @classmethod
    def of(cls, ladder: Ladder, alert: Alert) -> "AlertEscalation":
        found = rungs(ladder, alert.severity, firing=alert.state is AlertState.FIRING)
        levels = len(ladder.policy.levels)
        return cls(
            policy=ladder.policy.name,
            level=min(ladder.level, levels),
            levels=levels,
            next_level_at=next((each.at for each in found if not each.reached), None),
            steps=[
                LadderStep(
                    level=each.level,
                    name=each.name,
                    at=each.at,
                    reached=each.reached,
                    told=list(each.told),
                    reason=each.reason,
                )
                for each in found
            ],
        )
