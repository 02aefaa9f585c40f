"""Schedules and who is on call, in the schema."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import strawberry

from century.access.graphql.types import Person
from century.core.errors import Invalid
from century.core.graphql import Info, Notice, TimeRangeInput, field, notices
from century.core.timerange import TimeRange
from century.escalation import coverage
from century.escalation import schedule as rosters
from century.escalation.graphql.people import all_named, named
from century.escalation.http import calendar_url
from century.escalation.planning import check_near
from century.escalation.reach import Someone
from century.escalation.rotation import Rotation as TheRotation
from century.escalation.rotation import RotationKind, clock
from century.escalation.schedule import OverrideKind
from century.escalation.schedules import Board
from century.notify.quiet import Weekday

strawberry.enum(RotationKind, description="In what the length of a turn is counted.")
strawberry.enum(OverrideKind, description="On call as well, not on call, or in another's place.")

# How far ahead gaps are told where no range is asked for.
AHEAD = coverage.AHEAD
LONGEST_VIEW = timedelta(days=100)
# How far ahead the turns of a schedule that is being written are shown.
PREVIEWED = timedelta(weeks=4)


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
