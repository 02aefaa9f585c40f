"""What is given to change policies and schedules."""

from datetime import datetime, timedelta
from uuid import UUID

import strawberry

import century.escalation.graphql.rosters
import century.escalation.graphql.types  # noqa: F401 (its enums are ours too)
from century.core.graphql import id_of
from century.escalation.planning import read_clock, read_day
from century.escalation.policy import Level, Target, TargetKind
from century.escalation.rotation import Rotation, RotationKind
from century.escalation.schedule import OverrideKind
from century.notify.quiet import Weekday
from century.rules.severity import Severity


@strawberry.input(description="`id` names the person, schedule or channel; CHANNELS_OF_SEVERITY has none.")
class EscalationTargetInput:
    kind: TargetKind
    id: strawberry.ID | None = None

    def target(self, at: str) -> Target:
        return Target(self.kind, id_of(self.id, f"{at}.id") if self.id else None)


@strawberry.input
class EscalationLevelInput:
    name: str
    delay: timedelta
    targets: list[EscalationTargetInput]
    only_severities: list[Severity] = strawberry.field(default_factory=list)

    def level(self, at: str) -> Level:
        return Level(
            self.name.strip(),
            self.delay,
            tuple(each.target(f"{at}.targets.{place}") for place, each in enumerate(self.targets)),
            frozenset(self.only_severities),
        )


@strawberry.input(description="Without `id` a new policy; without `isDefault` that stays as it is.")
class SaveEscalationPolicyInput:
    id: strawberry.ID | None = None
    name: str
    is_default: bool | None = None
    levels: list[EscalationLevelInput]


@strawberry.input(description="Without `id` a new rotation. Times of day like 09:00, days like 2026-11-24.")
class RotationInput:
    id: strawberry.ID | None = None
    name: str
    kind: RotationKind
    length: int = 1
    hand_off_at: str = "09:00"
    hand_off_day: Weekday | None = None
    starts_on: str
    participants: list[strawberry.ID]
    days: list[Weekday] = strawberry.field(default_factory=list)
    from_: str | None = strawberry.field(name="from", default=None)
    to: str | None = None

    def rotation(self, at: str, fresh: UUID) -> Rotation:
        return Rotation(
            id=id_of(self.id, f"{at}.id") if self.id else fresh,
            name=self.name.strip(),
            kind=self.kind,
            length=self.length,
            hand_off_at=read_clock(self.hand_off_at, f"{at}.handOffAt"),
            starts_on=read_day(self.starts_on, f"{at}.startsOn"),
            participants=tuple(
                id_of(each, f"{at}.participants.{place}") for place, each in enumerate(self.participants)
            ),
            hand_off_day=self.hand_off_day,
            days=frozenset(self.days),
            from_time=read_clock(self.from_, f"{at}.from") if self.from_ else None,
            to_time=read_clock(self.to, f"{at}.to") if self.to else None,
        )


@strawberry.input(description="Without `id` a new schedule.")
class SaveScheduleInput:
    id: strawberry.ID | None = None
    name: str
    time_zone: str = "UTC"
    rotations: list[RotationInput] = strawberry.field(default_factory=list)


@strawberry.input(description="As for `saveSchedule`; `id` brings the overrides of a schedule that there is.")
class PreviewScheduleInput:
    id: strawberry.ID | None = None
    time_zone: str = "UTC"
    rotations: list[RotationInput] = strawberry.field(default_factory=list)


@strawberry.input(description="`replaces` belongs to the kind REPLACE alone.")
class CreateOverrideInput:
    schedule: strawberry.ID
    kind: OverrideKind
    person: strawberry.ID
    replaces: strawberry.ID | None = None
    starts_at: datetime
    ends_at: datetime
