"""Ids as they come in, and complaints as they go out."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from century.core.errors import Invalid
from century.core.graphql.payloads import Notice


class Complaint(Protocol):
    """What may not be meant, or cannot be taken, of which field."""

    @property
    def field(self) -> str: ...
    @property
    def message(self) -> str: ...


def id_of(given: str, name: str = "id") -> UUID:
    """An id as it came in, or Invalid."""
    try:
        return UUID(given)
    except ValueError:
        raise Invalid("this is no id", field=name) from None


def notices(problems: Iterable[Complaint]) -> list[Notice]:
    """Complaints as the schema has them."""
    return [Notice(field=each.field, message=each.message) for each in problems]
