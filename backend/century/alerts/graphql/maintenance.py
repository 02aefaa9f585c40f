"""Maintenance windows in the schema."""

from datetime import datetime

import strawberry

from century.access.graphql.types import Person
from century.alerts import windows
from century.alerts.plan import Planned
from century.alerts.window import Matcher as TheMatcher
from century.alerts.window import MatcherField, MatcherOperator
from century.alerts.window import Occurrence as TheOccurrence
from century.core.graphql import Info, check_first, field, loaded
from century.core.work import Work
from century.rules.graphql.types import person

strawberry.enum(MatcherField, description="What of an alert a matcher looks at; ATTRIBUTE wants a `key`.")
strawberry.enum(
    MatcherOperator, description="How it compares. MATCHES takes a regular expression (RE2) for the whole of the text."
)


@strawberry.type(description="One time that a window holds.")
class Occurrence:
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, made: TheOccurrence) -> "Occurrence":
        return cls(starts_at=made.starts_at, ends_at=made.ends_at)


@strawberry.type(description="One thing that must be so of an alert.")
class Matcher:
    field: MatcherField
    key: str | None
    operator: MatcherOperator
    value: str


@strawberry.input
class MatcherInput:
    field: MatcherField
    operator: MatcherOperator = MatcherOperator.IS
    value: str
    key: str | None = None

    def matcher(self) -> TheMatcher:
        return TheMatcher(self.field, self.operator, self.value, self.key)


@strawberry.type(
    description="While it holds, alerts that fit all of its matchers (none: all alerts) do not page; they go on otherwise."
)
class MaintenanceWindow:
    known: strawberry.Private[windows.MaintenanceWindow]
    now: strawberry.Private[datetime]
    id: strawberry.ID
    matchers: list[Matcher]
    starts_at: datetime
    ends_at: datetime
    recurrence: str | None
    time_zone: str
    reason: str
    created_by: Person | None
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, known: windows.MaintenanceWindow, now: datetime) -> "MaintenanceWindow":
        window = known.window
        return cls(
            known=known, now=now, id=strawberry.ID(str(window.id)),
            matchers=[
                Matcher(field=each.field, key=each.key, operator=each.operator, value=each.value)
                for each in window.matchers
            ],
            starts_at=window.starts_at, ends_at=window.ends_at, recurrence=window.recurrence,
            time_zone=window.time_zone, reason=window.reason,
            created_by=person(known.created_by_id, known.created_by_name), created_at=known.created_at,
            ended_at=window.ended_at,
        )  # fmt: skip

    @field(description="Whether it holds now.")
    def active(self) -> bool:
        return self.known.window.active(self.now) is not None

    @field(description="The next time it begins.")
    def next(self) -> Occurrence | None:
        following = self.known.window.next(self.now)
        return Occurrence.of(following) if following else None

    @field(description="The one that holds now, if any, and those after it.")
    def occurrences(self, first: int = 5) -> list[Occurrence]:
        return [Occurrence.of(each) for each in self.known.window.occurrences(self.now, check_first(first))]

    @field(description="How many alerts that are open now fit its matchers.")
    async def affects(self, info: Info) -> int:
        async def load(work: Work, asked: list[tuple[TheMatcher, ...]]) -> list[int]:
            return await windows.affected(work, asked)

        return await loaded(info, "window affects", load).load(self.known.window.matchers)


@strawberry.input(
    description="`recurrence` is an iCalendar RRULE like FREQ=WEEKLY;BYDAY=TU, on the wall clock of `timeZone`; without "
    "matchers it holds everything. `id` when it is changed."
)
class MaintenanceWindowInput:
    starts_at: datetime
    ends_at: datetime
    reason: str
    matchers: list[MatcherInput] = strawberry.field(default_factory=list)
    recurrence: str | None = None
    time_zone: str = "UTC"
    id: strawberry.ID | None = None

    def planned(self) -> Planned:
        recurrence = self.recurrence.strip().upper().removeprefix("RRULE:") if self.recurrence else None
        return Planned(
            tuple(each.matcher() for each in self.matchers), self.starts_at, self.ends_at, self.reason,
            recurrence or None, self.time_zone,
        )  # fmt: skip


@strawberry.type
class MaintenanceWindowPayload:
    maintenance_window: MaintenanceWindow
