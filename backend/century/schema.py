"""The schema: what the stages give, in the order in which a measurement travels."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import strawberry

from century.core.graphql.api import Api

STAGES = ("access", "telemetry")


def _modules() -> list[ModuleType]:
    return [import_module(name) for stage in STAGES if find_spec(name := f"century.{stage}.graphql")]


def _merge(name: str, modules: Sequence[ModuleType]) -> type | None:
    parts = tuple(part for module in modules if (part := getattr(module, name, None)))
    if not parts:
        return None
    # The first base comes last in strawberry's order of fields.
    merged: Any = strawberry.type(type(name, tuple(reversed(parts)), {}))
    return merged  # type: ignore[no-any-return]


def make_api() -> Api:
    """Every stage's queries, mutations and subscriptions as one schema."""
    modules = _modules()
    query = _merge("Query", modules)
    assert query is not None
    return Api(query, _merge("Mutation", modules), _merge("Subscription", modules))


if __name__ == "__main__":
    print(make_api().sdl(), end="")
