"""The schema is what was agreed: printed, validated by what clients send, and guarded from its roots."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLObjectType,
    OperationDefinitionNode,
    build_schema,
    parse,
    print_ast,
    specified_rules,
    validate,
)

from century.core.actor import Permission
from century.schema import make_api

ROOT = Path(__file__).parents[1]
PRINTED = ROOT / "frontend/schema.graphql"
CONTRACT = ROOT.parent / "shared/contract"
API = make_api()

# Operations of stages that do not stand yet. One that begins to validate must leave this list.
NOT_YET = {
    "Business",
    "MorningCheck",
    "Retention",
    "Erase",
    "Export",
    "Backups",
    "TrackEvents",
    "ApplyConfiguration",
}


def contract() -> list[tuple[str, str]]:
    """Every operation of the contract, by name, as a document of its own."""
    found = []
    for path in sorted(CONTRACT.glob("*.graphql")):
        for each in parse(path.read_text()).definitions:
            assert isinstance(each, OperationDefinitionNode)
            assert each.name
            found.append((each.name.value, print_ast(each)))
    return found


def test_the_printed_schema_is_the_schema() -> None:
    assert PRINTED.read_text() == API.sdl(), "print it again: just schema"
    assert make_api().sdl() == API.sdl()
    build_schema(API.sdl())


@pytest.mark.skipif(not CONTRACT.is_dir(), reason="the contract lies beside the repository")
def test_what_clients_send_is_valid() -> None:
    operations = contract()
    assert {name for name, _ in operations} >= NOT_YET
    for name, text in operations:
        errors = validate(API.schema._schema, parse(text), specified_rules)
        assert bool(errors) == (name in NOT_YET), f"{name}: {[each.message for each in errors]}"
        if not errors:
            assert API.prepare(text).name == name


def test_every_root_field_names_its_permission() -> None:
    roots = [API.schema._schema.query_type, API.schema._schema.mutation_type, API.schema._schema.subscription_type]
    for root in roots:
        assert isinstance(root, GraphQLObjectType)
        for name in root.fields:
            required = API.permissions.of(root.name, name)
            assert required, f"{root.name}.{name}"
            assert required <= frozenset(Permission)


def test_every_stage_is_in_the_schema() -> None:
    assert {"me", "users", "services", "performance"} <= set(API.schema._schema.query_type.fields)  # type: ignore[union-attr]
