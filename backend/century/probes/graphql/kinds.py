"""The kinds of probes in the schema, and what their forms ask for."""

from collections.abc import Iterable
from datetime import timedelta

import strawberry

import century.probes.graphql.inputs  # noqa: F401 (its enums are ours too)
from century.core.settings import Settings
from century.probes import facts
from century.probes.graphql.checks import FactName
from century.probes.kind import Field as TheField
from century.probes.kind import FieldType, ProbeKind
from century.probes.kinds import kind_of, known_kinds

strawberry.enum(
    FieldType,
    name="ProbeFieldType",
    description='LINES: one entry a line (headers as `Name: value`). A CHOICE has `options`. A FLAG is "true" or "false".',
)


@strawberry.type
class ProbeField:
    name: str
    label: str
    help: str
    type: FieldType
    required: bool
    placeholder: str
    default: str | None
    options: list[str]
    advanced: bool = strawberry.field(description="It belongs to what is rarely set.")

    @classmethod
    def of(cls, known: TheField) -> "ProbeField":
        return cls(
            name=known.name, label=known.label, help=known.help, type=known.type, required=known.required,
            placeholder=known.placeholder, default=known.default, options=list(known.options), advanced=known.advanced,
        )  # fmt: skip


@strawberry.type(description="A kind of probe, and what its form asks for.")
class ProbeKindInfo:
    kind: ProbeKind
    label: str
    help: str
    available: bool
    unavailable_reason: str | None
    fields: list[ProbeField]
    facts: list[FactName]
    shortest_interval: timedelta = strawberry.field(description="The intervals it may have, and what is proposed.")
    interval: timedelta
    timeout: timedelta

    @classmethod
    def of(cls, kind: ProbeKind, settings: Settings) -> "ProbeKindInfo":
        known = kind_of(kind)
        reason = known.unavailable(settings)
        return cls(
            kind=kind, label=known.LABEL, help=known.HELP, available=reason is None, unavailable_reason=reason,
            fields=[ProbeField.of(each) for each in known.FIELDS],
            facts=[FactName.of(each) for each in facts.facts_of(kind)],
            shortest_interval=timedelta(seconds=known.SHORTEST), interval=timedelta(seconds=known.INTERVAL),
            timeout=timedelta(seconds=known.TIMEOUT),
        )  # fmt: skip


def kinds(settings: Settings) -> Iterable[ProbeKindInfo]:
    """Every kind that there is."""
    return (ProbeKindInfo.of(each, settings) for each in known_kinds())
