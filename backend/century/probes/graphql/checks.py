"""What probes told, in the schema: facts, checks, changes of state, and the detail of an answer."""

from datetime import datetime
from typing import Any

import strawberry

from century.core.graphql import Instants, Numbers, PageInfo
from century.probes import facts, lists
from century.probes.kind import FactName as TheFactName
from century.probes.measurement import Fact as TheFact
from century.probes.measurement import Measurement
from century.probes.probe import ProbeState


@strawberry.type(description="`part` tells several of a name apart: a file system, a quota policy.")
class Fact:
    name: str
    value: float
    unit: str
    part: str | None

    @classmethod
    def of(cls, fact: TheFact) -> "Fact":
        return cls(name=fact.name, value=fact.value, unit=facts.unit_of(fact.name), part=fact.part or None)


@strawberry.type
class FactName:
    name: str
    label: str
    unit: str

    @classmethod
    def of(cls, fact: TheFactName) -> "FactName":
        return cls(name=fact.name, label=fact.label, unit=fact.unit)


@strawberry.type(description="One time that it was asked; `state` is that of the probe after it, seconds.")
class Check:
    at: datetime
    ok: bool
    state: ProbeState
    latency: float | None
    message: str
    facts: list[Fact]

    @classmethod
    def of(cls, check: lists.Check) -> "Check":
        return cls(
            at=check.at, ok=check.ok, state=check.state, latency=check.latency, message=check.message,
            facts=[Fact.of(each) for each in check.facts],
        )  # fmt: skip


@strawberry.type
class CheckConnection:
    nodes: list[Check]
    page_info: PageInfo


@strawberry.type
class StateChange:
    at: datetime
    state: ProbeState
    until: datetime | None
    reason: str


@strawberry.type
class StateChangeConnection:
    nodes: list[StateChange]
    page_info: PageInfo


@strawberry.type(description="Columns of equal length; `up` is 1, 0, or NaN where nobody asked.")
class Beats:
    at: Instants
    up: Numbers
    latency: Numbers


@strawberry.type(description="How long a part of the last check took, in seconds.")
class ProbeStep:
    name: str
    seconds: float
    detail: str


@strawberry.type
class ProbeAnswer:
    at: datetime
    lines: list[str]
    steps: list[ProbeStep]

    @classmethod
    def of(cls, answer: Any) -> "ProbeAnswer":
        return cls(
            at=datetime.fromisoformat(answer["at"]), lines=answer["lines"],
            steps=[ProbeStep(**each) for each in answer["steps"]],
        )  # fmt: skip

    @classmethod
    def measured(cls, measured: Measurement, at: datetime) -> "ProbeAnswer":
        steps = [ProbeStep(name=each.name, seconds=each.seconds, detail=each.detail) for each in measured.steps]
        return cls(at=at, lines=list(measured.lines), steps=steps)
