"""The schema: what the stages give, in the order in which a measurement travels."""

import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import strawberry

from century.core.graphql.api import Api

STAGES = ("access", "telemetry", "probes", "rules", "alerts", "notify", "escalation", "overview")


def _merge(name: str, modules: Sequence[ModuleType]) -> type | None:
    parts = tuple(part for module in modules if (part := getattr(module, name, None)))
    if not parts:
        return None
    merged: Any = strawberry.type(type(name, parts, {}))
    return merged  # type: ignore[no-any-return]


def make_api() -> Api:
    """Every stage's queries, mutations and subscriptions as one schema."""
    modules = [import_module(f"century.{stage}.graphql") for stage in STAGES]
    query = _merge("Query", modules)
    assert query is not None
    return Api(query, _merge("Mutation", modules), _merge("Subscription", modules))


if __name__ == "__main__":
    sys.stdout.write(make_api().sdl())
