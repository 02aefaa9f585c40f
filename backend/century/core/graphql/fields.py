"""Fields that say in the schema which permission they need."""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from century.core.actor import Permission, Role, Scope

Resolver = TypeVar("Resolver", bound=Callable[..., Any])

for _enum in (Permission, Role, Scope):
    strawberry.enum(_enum)


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requires",
    description="The permission without which an operation that selects this field is refused as a whole.",
)
class Requires:
    permission: Permission


SHARED = "shared"
CURSOR = "cursor"


def field(
    *,
    requires: Permission | None = None,
    name: str | None = None,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Callable[[Resolver], Resolver]:
    """A field of a GraphQL type; a root field must name its permission, a child without one asks for none of its own."""
    return _field(requires, name, description, deprecation_reason, is_subscription=False, metadata={})


mutation = field


def subscription(
    *,
    requires: Permission,
    name: str | None = None,
    description: str | None = None,
    shared: bool = True,
    cursor: str | None = None,
) -> Callable[[Resolver], Resolver]:
    """A subscription; `shared=False` when its resolver looks at the actor, so that each actor gets its own execution.

    `cursor` names the argument after which a log of events is told. Its resolver sets `info.context.place` before each
    event, by which executions that began at different places become one where they meet.
    """
    metadata = {SHARED: shared, CURSOR: cursor}
    return _field(requires, name, description, None, is_subscription=True, metadata=metadata)


def _field(
    requires: Permission | None,
    name: str | None,
    description: str | None,
    deprecation_reason: str | None,
    *,
    is_subscription: bool,
    metadata: dict[str, Any],
) -> Callable[[Resolver], Resolver]:
    def decorate(resolver: Resolver) -> Resolver:
        made: StrawberryField = strawberry.field(
            resolver,
            name=name,
            description=description or _sentence(resolver),
            deprecation_reason=deprecation_reason,
            is_subscription=is_subscription,
            metadata=metadata,
            directives=[Requires(permission=requires)] if requires is not None else [],
        )
        return made  # type: ignore[return-value]

    return decorate


def _sentence(resolver: Callable[..., Any]) -> str | None:
    return " ".join(resolver.__doc__.split()) if resolver.__doc__ else None


def permission_of(made: StrawberryField) -> Permission | None:
    """The permission that a field's `@requires` names."""
    return next((each.permission for each in made.directives if isinstance(each, Requires)), None)


def is_shared(made: StrawberryField) -> bool:
    """Whether subscribers with equal permissions may share one execution of this subscription."""
    return bool(made.metadata.get(SHARED))


def cursor_of(made: StrawberryField) -> str | None:
    """The argument after which a log of events is told; None of other subscriptions."""
    named = made.metadata.get(CURSOR)
    return str(named) if named else None


def extends(target: type) -> Callable[[type], type]:
    """Give a type of an earlier stage the fields of this class; their resolvers take it as `strawberry.Parent[…]`."""

    def decorate(part: type) -> type:
        made: Any = strawberry.type(part)
        known: Any = target
        known.__strawberry_definition__.fields.extend(made.__strawberry_definition__.fields)
        return part

    return decorate
