"""Every field × role × transport: printed from the schema, tried on the running server, held to `matrix.txt`.

A changed permission shows as a changed line of that file, which
`CENTURY_WRITE_MATRIX=1 uv run pytest tests/access/test_matrix.py` writes anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
)
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from century.core.actor import Permission, Role, Scope, permissions_of
from century.schema import make_api
from tests.access.conftest import Site

COMMITTED = Path(__file__).with_name("matrix.txt")
PROTOCOL = Subprotocol("graphql-transport-ws")
TRANSPORTS = ("GET", "POST", "websocket")
ALLOWED, REFUSED, ANONYMOUS, ELSEWHERE = "yes", "no", "401", "405"
ROLES: dict[str, frozenset[Permission] | None] = {
    "nobody": None,
    "viewer": permissions_of(Role.VIEWER),
    "operator": permissions_of(Role.OPERATOR),
    "admin": permissions_of(Role.ADMIN),
    "ingest": permissions_of(Role.SYSTEM, frozenset({Scope.INGEST})),
    "read": permissions_of(Role.SYSTEM, frozenset({Scope.READ})),
    "configure": permissions_of(Role.SYSTEM, frozenset({Scope.CONFIGURE})),
}
SAMPLES: dict[str, Any] = {
    "ID": "0193a5d0-0000-7000-8000-000000000000",
    "String": "nothing",
    "Int": 1,
    "Float": 1.0,
    "Boolean": False,
    "DateTime": "2026-11-02T09:00:00Z",
    "Duration": "PT1H",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A field that names a permission, and the smallest operation that selects it."""

    field: str
    operation: str
    requires: tuple[Permission, ...]
    document: str

    def expected(self, transport: str, held: frozenset[Permission] | None) -> str:
        """What the rule of the house says, without asking the server."""
        if held is None:
            return ANONYMOUS
        if transport != "websocket" and (
            self.operation == "subscription" or (transport, self.operation) == ("GET", "mutation")
        ):
            return ELSEWHERE
        return ALLOWED if held.issuperset(self.requires) else REFUSED


def sample(kind: Any) -> Any:
    """A value of an input type: no more than it must have, but a range needs a length."""
    if isinstance(kind, GraphQLNonNull):
        return sample(kind.of_type)
    if isinstance(kind, GraphQLList):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        if kind.name == "TimeRange":
            return {"last": SAMPLES["Duration"]}
        return {name: sample(each.type) for name, each in kind.fields.items() if _needed(each)}
    return SAMPLES[kind.name]


def _needed(argument: Any) -> bool:
    return isinstance(argument.type, GraphQLNonNull) and argument.ast_node.default_value is None


def literal(value: Any, kind: Any) -> str:
    """The sample as it is written in a document."""
    named = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(named, GraphQLEnumType):
        return str(value)
    if isinstance(named, GraphQLInputObjectType):
        inside = (f"{name}: {literal(each, named.fields[name].type)}" for name, each in value.items())
        return "{" + ", ".join(inside) + "}"
    return orjson.dumps(value).decode()


def selected(name: str, made: GraphQLField, inside: str | None = None) -> str:
    arguments: Mapping[str, GraphQLArgument] = made.args
    given = ", ".join(
        f"{key}: {literal(sample(each.type), each.type)}" for key, each in arguments.items() if _needed(each)
    )
    called = f"{name}({given})" if given else name
    if inside is None and not is_leaf_type(get_named_type(made.type)):
        inside = "__typename"
    return f"{called} {{ {inside} }}" if inside else called


def requires(made: GraphQLField) -> tuple[Permission, ...]:
    directives = made.ast_node.directives if made.ast_node else ()
    names = [each.arguments[0].value.value for each in directives or () if each.name.value == "requires"]  # type: ignore[union-attr]
    return tuple(Permission[name] for name in names)


def cases(schema: GraphQLSchema) -> Iterator[Case]:
    """Root fields as the schema has them, then the fields below them that name a permission of their own."""
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    below: dict[str, Case] = {}
    for operation, root in roots.items():
        for name, made in root.fields.items() if root else ():
            document = f"{operation} {{ {selected(name, made)} }}"
            yield Case(f"{root.name}.{name}", operation, requires(made), document)  # type: ignore[union-attr]
            child = get_named_type(made.type)
            for inner, field in child.fields.items() if isinstance(child, GraphQLObjectType) else ():
                if own := requires(field):
                    document = f"{operation} {{ {selected(name, made, selected(inner, field))} }}"
                    case = Case(f"{child.name}.{inner}", operation, (*requires(made), *own), document)
                    below.setdefault(case.field, case)
    yield from below.values()


async def over_http(site: Site, transport: str, authorization: str | None, case: Case) -> str:
    headers = {"Authorization": authorization} if authorization else {}
    if transport == "GET":
        response = await site.http.get("/graphql", params={"query": case.document}, headers=headers)
    else:
        response = await site.http.post("/graphql", json={"query": case.document}, headers=headers)
    if response.status_code in (401, 405):
        return str(response.status_code)
    return verdict(response.json().get("errors") or [], case)


def verdict(errors: list[dict[str, Any]], case: Case) -> str:
    codes = {error["extensions"]["code"] for error in errors}
    if "FORBIDDEN" in codes and "permissions" in errors[0]["extensions"]:
        return REFUSED
    assert "INTERNAL" not in codes, (case, errors)
    # A document that cannot be run would prove nothing: every complaint must come from its field.
    assert all("path" in error for error in errors) or case.operation == "subscription", (case, errors)
    return ALLOWED


async def over_websocket(client: ClientConnection, case: Case) -> str:
    """Ask for the field, then for something harmless: when that is answered, so was a refusal."""
    # Ids of its own: an answer of the case before may still be under way when it is ended.
    asked, after = f"asked {case.field}", f"after {case.field}"
    for key, document in ((asked, case.document), (after, "{ __typename }")):
        message = {"type": "subscribe", "id": key, "payload": {"query": document}}
        await client.send(orjson.dumps(message).decode())
    answered: set[str] = set()
    errors: list[dict[str, Any]] = []
    while after not in answered or (case.operation != "subscription" and asked not in answered):
        message = orjson.loads(await client.recv())
        assert message["id"] != after or message["type"] != "error"
        if message["type"] == "error" and message["id"] == asked:
            errors = message["payload"]
        elif message["type"] == "next" and message["id"] == asked:
            errors = message["payload"].get("errors") or []
        if message["type"] in ("error", "complete"):
            answered.add(message["id"])
    if asked not in answered:
        await client.send(orjson.dumps({"type": "complete", "id": asked}).decode())
    return verdict(errors, case)


async def refused_without_credentials(site: Site) -> str:
    async with connect(f"ws://{site.address}/graphql", subprotocols=[PROTOCOL], compression=None) as client:
        await client.send('{"type": "connection_init"}')
        try:
            return f"answered {await client.recv()!r}"
        except ConnectionClosed:
            assert client.close_code in (4401, 4403)
            return ANONYMOUS


async def observe(site: Site) -> dict[tuple[str, str, str], str]:
    """What the server does, for each (field, transport, role)."""
    schema = build_schema(make_api().sdl())
    seen: dict[tuple[str, str, str], str] = {}
    for role in ROLES:
        # Its own words for each role: an operation may change what the one before it stands on.
        authorization: str | None = None
        if role in ("viewer", "operator", "admin"):
            authorization = await site.house.bearer(role)
        elif role != "nobody":
            authorization = await site.key(Scope(role))
        for case in cases(schema):
            for transport in ("GET", "POST"):
                seen[case.field, transport, role] = await over_http(site, transport, authorization, case)
        if authorization is None:
            answer = await refused_without_credentials(site)
            seen |= {(case.field, "websocket", role): answer for case in cases(schema)}
            continue
        async with connect(f"ws://{site.address}/graphql", subprotocols=[PROTOCOL], compression=None) as client:
            hello = {"type": "connection_init", "payload": {"Authorization": authorization}}
            await client.send(orjson.dumps(hello).decode())
            await client.recv()
            for case in cases(schema):
                seen[case.field, "websocket", role] = await over_websocket(client, case)
    return seen


def table(seen: dict[tuple[str, str, str], str]) -> str:
    """The matrix as it is committed: a line for each field and transport, a column for each role or scope."""
    schema = build_schema(make_api().sdl())
    rows = [["field", "requires", "transport", *ROLES]]
    for case in cases(schema):
        needed = "+".join(permission.name for permission in case.requires)
        rows += [
            [case.field, needed, transport, *(seen[case.field, transport, role] for role in ROLES)]
            for transport in TRANSPORTS
        ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def test_every_root_field_names_a_permission() -> None:
    schema = build_schema(make_api().sdl())
    roots = {root.name for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root}
    unguarded = [case.field for case in cases(schema) if case.field.split(".")[0] in roots and not case.requires]
    assert not unguarded


async def test_who_may_what_by_which_way(site: Site) -> None:
    seen = await observe(site)
    for case in cases(build_schema(make_api().sdl())):
        for transport in TRANSPORTS:
            for role, held in ROLES.items():
                expected = case.expected(transport, held)
                assert seen[case.field, transport, role] == expected, (case.field, transport, role)
    printed = table(seen)
    print(printed)
    if os.environ.get("CENTURY_WRITE_MATRIX"):
        COMMITTED.write_text(printed)
    assert printed == COMMITTED.read_text(), "a permission changed: look at the difference, then write the file anew"


async def test_what_was_refused_never_ran(site: Site) -> None:
    """No journal entry, no row: a refusal comes before anything happens."""
    schema = build_schema(make_api().sdl())
    mutations = [case for case in cases(schema) if case.operation == "mutation"]
    key = await site.key(Scope.CONFIGURE)
    tables = ("person", "session", "api_key", "sign_in_link", "journal")

    async def rows() -> list[int]:
        async with site.house.world.works.read() as work:
            return [(await work.rows(text(f"SELECT count(*) FROM {name}")))[0][0] for name in tables]

    before = await rows()
    for case in mutations:
        assert await over_http(site, "POST", key, case) == REFUSED
    assert await rows() == before
