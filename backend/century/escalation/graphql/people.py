"""People as policies and schedules name them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

import strawberry

from century.access.graphql.types import Person
from century.escalation.reach import Someone


def named(people: Mapping[UUID, Someone], person: UUID) -> Person:
    known = people.get(person)
    return Person(id=strawberry.ID(str(person)), name=known.name if known else "somebody unknown")


def all_named(people: Mapping[UUID, Someone], wanted: Iterable[UUID]) -> list[Person]:
    return [named(people, each) for each in wanted]
