"""Policies in the schema, how an alert climbs one, and how it would."""

from datetime import datetime, timedelta

import strawberry

from century.access.graphql.types import Person
from century.alerts.alert import Alert, AlertState
from century.core.graphql import Info, Notice, field, notices
from century.escalation import policy as policies
from century.escalation.graphql.people import named
from century.escalation.ladder import Ladder, rungs
from century.escalation.policies import Saved, warnings
from century.escalation.policy import TargetKind
from century.escalation.reach import Directory
from century.escalation.simulation import Rehearsed
from century.notify.channel import ChannelKind
from century.rules.severity import Severity

strawberry.enum(TargetKind, description="CHANNELS_OF_SEVERITY: every shared channel that takes the alert's severity.")


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
