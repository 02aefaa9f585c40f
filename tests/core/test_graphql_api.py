"""An operation is bounded, validated and permitted before any of it runs, and its failures say what they may."""

import logging
import time
from typing import Any

import orjson
import pytest
import strawberry
from graphql import get_introspection_query

from century.core.actor import Permission, Role
from century.core.graphql import decode_cursor, encode_cursor, field
from century.core.graphql.api import Api
from century.core.graphql.scalars import parse_date_time, parse_duration, print_duration
from tests.core.small_schema import Recorder, context, make_api

API = make_api()


async def answer(query: str, role: Role = Role.ADMIN, api: Api = API, **variables: Any) -> dict[str, Any]:
    return orjson.loads((await api.run(query, context(role), variables)).encode())


async def test_permission_prints_as_a_directive() -> None:
    assert "service(name: String!): Service! @requires(permission: READ)" in API.sdl()
    assert "requests: [String!]! @requires(permission: OPERATE)" in API.sdl()
    assert API.sdl() == make_api().sdl()


@pytest.mark.parametrize(
    ("role", "query", "paths", "permissions"),
    [
        (Role.VIEWER, "{ secrets }", ["secrets"], ["ADMINISTER"]),
        (Role.VIEWER, "{ a: secrets service(name: 1) { name } }".replace("1", '"x"'), ["secrets"], ["ADMINISTER"]),
        (Role.VIEWER, '{ service(name: "x") { me { requests } } }', ["service.me.requests"], ["OPERATE"]),
        (
            Role.VIEWER,
            '{ service(name: "x") { ...F } } fragment F on Service { requests }',
            ["service.requests"],
            ["OPERATE"],
        ),
        (
            Role.VIEWER,
            '{ service(name: "x") { ... { requests } } secrets }',
            ["service.requests", "secrets"],
            ["OPERATE", "ADMINISTER"],
        ),
        (Role.VIEWER, "{ everyone { note } }", ["everyone.note"], ["ADMINISTER"]),
        (Role.VIEWER, "{ everyone { ... on Guarded { note } } }", ["everyone.note"], ["ADMINISTER"]),
        (Role.VIEWER, "{ secrets @skip(if: true) }", ["secrets"], ["ADMINISTER"]),
        (Role.VIEWER, 'mutation { rename(name: "x") { name } }', ["rename"], ["OPERATE"]),
        (Role.SYSTEM, '{ service(name: "x") { name } }', ["service"], ["READ"]),
    ],
)
async def test_a_missing_permission_refuses_the_whole(
    role: Role, query: str, paths: list[str], permissions: list[str]
) -> None:
    recorder = Recorder()
    refused = await API.run(query, context(role, recorder))
    assert refused.status == 403
    assert not refused.ran
    [error] = refused.errors
    assert error["extensions"] == {"code": "FORBIDDEN", "paths": paths, "permissions": permissions}
    assert recorder.calls == []


async def test_only_the_chosen_operation_counts() -> None:
    query = 'query A { secrets } query B { service(name: "x") { name } }'
    assert (await API.run(query, context(Role.VIEWER), None, "B")).data == {"service": {"name": "x"}}
    assert (await API.run(query, context(Role.VIEWER), None, "A")).status == 403
    assert (await API.run(query, context(Role.VIEWER))).errors[0]["extensions"]["code"] == "INVALID"


def test_a_root_field_without_permission_is_no_schema() -> None:
    @strawberry.type
    class Open:
        @field()
        def everything(self) -> str:
            return ""

    with pytest.raises(ValueError, match="everything"):
        Api(Open)


async def test_expected_failures_keep_their_code() -> None:
    assert (await answer('{ service(name: "nobody") { name } }'))["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
    assert (await answer('{ service(name: "taken") { name } }'))["errors"][0]["extensions"] == {"code": "CONFLICT"}
    invalid = await answer('mutation { rename(name: "") { name } }')
    assert invalid["errors"][0]["extensions"] == {
        "code": "INVALID",
        "fields": [{"field": "name", "message": "a name is needed"}],
    }
    assert (await answer("{"))["errors"][0]["extensions"] == {"code": "INVALID"}
    assert "data" not in await answer("{ nothing }")


async def test_the_unexpected_is_masked_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        result = await answer('{ service(name: "x") { broken } }')
    [error] = result["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["path"] == ["service", "broken"]
    assert "swordfish" not in orjson.dumps(result).decode()
    assert [record for record in caplog.records if error["extensions"]["id"] in record.getMessage()] == caplog.records


async def test_rejected_documents_leave_no_literals_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await answer('{ service(name: "hunter2", nope: "hunter2") { name } }')
        await answer("query($name: Int!) { service(name: $name) { name } }", name="hunter2")
        await answer('{ service(name: "hunter2" ')
    assert "hunter2" not in caplog.text


async def test_a_deadline_ends_an_operation() -> None:
    late = await make_api(deadline=0.05).run("{ slow }", context(Role.VIEWER))
    assert late.status == 503
    assert late.errors[0]["extensions"]["code"] == "TOO_COMPLEX"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{ service(name: "a\\u0000") { name } }', {}),
        ("query($n: String!) { service(name: $n) { name } }", {"n": "\0"}),
        ('query($n: String! = "\\u0000") { service(name: $n) { name } }', {}),
    ],
)
async def test_a_text_that_cannot_be_kept_is_refused(query: str, variables: dict[str, str]) -> None:
    assert (await answer(query, **variables))["errors"][0]["extensions"]["code"] == "INVALID"


def test_what_is_kept_of_documents_is_bounded_by_their_text() -> None:
    made = make_api()
    first = made.prepare("{ __typename }")
    assert made.prepare("{ __typename }") is first
    for number in range(100):
        made.prepare(f"query Q{number} {{ __typename }}{' ' * 8_000}")
    kept = sum(len(text) for text, _ in made._prepared)
    assert kept == made._characters <= 256 * 1024
    assert len(made._prepared) == 32
    assert made.prepare("{ __typename }") is not first


async def test_columns_are_arrays() -> None:
    result = await answer('{ service(name: "x") { columns { at values } } }')
    assert result["data"]["service"]["columns"] == {"at": [1, 2, 3], "values": [0.5, None, None]}


async def test_introspection_is_answered() -> None:
    for descriptions in (False, True):
        query = get_introspection_query(
            descriptions=descriptions,
            specified_by_url=True,
            directive_is_repeatable=True,
            schema_description=True,
            input_value_deprecation=True,
        )
        assert (await answer(query, Role.VIEWER))["data"]["__schema"]["queryType"]["name"] == "Query"


CIRCLE = "fields { type { " * 4 + "name" + " } }" * 4
HOSTILE = {
    "tokens": "{ " + "a " * 2_100 + "}",
    "depth": '{ service(name: "x") ' + "{ me " * 10 + "{ name }" + " }" * 10 + " }",
    "depth in fragments": '{ service(name: "x") { ...A } } fragment A on Service { me { me { me { me { ...B } } } } } '
    "fragment B on Service { me { me { me { me { me { name } } } } } }",
    "inline depth": "{ " + "... { " * 60 + "secrets" + " }" * 61,
    "recursion": "{ " + "... { " * 950 + "secrets" + " }" * 951,
    "fields": "{ " + "".join(f"f{n} " for n in range(301)) + "}",
    "fields in fragments": "{ ...A } "
    + "".join(
        f"fragment {a} on Query {{ x {{ ...{b} }} y {{ ...{b} }} z {{ ...{b} }} }} "
        for a, b in zip("ABCDEFG", "BCDEFGH", strict=True)
    )
    + "fragment H on Query { secrets }",
    "root fields": "{ " + "".join(f"f{n} " for n in range(11)) + "}",
    "aliases": '{ service(name: "x") {' + "".join(f"a{n}: name " for n in range(31)) + "} }",
    "same key": '{ service(name: "x") {' + "name " * 4 + "} }",
    "same key, merged": "{ " + '... { service(name: "x") { me { name name } } } ' * 3 + "}",
    "same key, in fragments": "{ s: secrets ...A ...B ...C } fragment A on Query { s: secrets } "
    "fragment B on Query { s: secrets } fragment C on Query { s: secrets }",
    "directives": "{ secrets" + " @a" * 6 + " }",
    "many directives": "query " + "@a " * 990 + "{ secrets }",
    "fragments": "{ secrets } " + "".join(f"fragment F{n} on Query {{ secrets }} " for n in range(21)),
    "operations": "".join(f"query Q{n} {{ secrets }} " for n in range(6)),
    "cycle": "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
    "introspection circle": "{ __schema { types { " + CIRCLE + " } } }",
    "body": '{ service(name: "' + "x" * 140_000 + '") { name } }',
    "escapes": '{ service(name: "' + "\\u0041" * 20_000 + '", nope: 1) { name } }',
    "block string": '{ service(name: """' + "\n  x" * 30_000 + '""", nope: 1) { name } }',
    "comments": "{ secrets } " + "#\n" * 60_000,
    "variables": "query(" + "".join(f"$v{n}: Int " for n in range(400)) + ") { secrets }",
    "nested list": "{ service(name: " + "[" * 900 + "]" * 900 + ") { name } }",
    "wide object": "{ length(range: {" + "".join(f"a{n}: 1 " for n in range(480)) + "}) }",
    "unknown arguments": "{ service(" + "".join(f"a{n}: 1 " for n in range(480)) + ") { name } }",
    "unknown types": "{ secrets } " + "".join(f"fragment F{n} on T{n} {{ a{n} }} " for n in range(20)),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_refused_cheaply(name: str) -> None:
    await API.run("{ warm }", context(Role.ADMIN))
    cheapest = float("inf")
    for _ in range(3):
        start = time.process_time()
        refused = await API.run(HOSTILE[name], context(Role.ADMIN))
        cheapest = min(cheapest, time.process_time() - start)
    assert not refused.ran
    assert refused.errors[0]["extensions"]["code"] in ("TOO_COMPLEX", "INVALID")
    assert cheapest <= 0.05, f"{cheapest * 1000:.0f} ms"
    assert len(refused.encode()) < 16_384


async def test_ranges_name_one_meaning() -> None:
    assert (await answer('{ length(range: {last: "PT90M"}) }'))["data"] == {"length": "PT1H30M"}
    whole = await answer('{ length(range: {from: "2026-11-23T06:00:00Z", to: "2026-11-24T08:00:00+02:00"}) }')
    assert whole["data"] == {"length": "P1D"}
    for wrong in (
        "{}",
        '{last: "PT1H", to: "2026-11-24T06:00:00Z"}',
        '{last: "PT0S"}',
        '{from: "2027-01-01T00:00:00Z"}',
        '{last: "P999D"}',
    ):
        refused = await answer(f"{{ length(range: {wrong}) }}")
        assert refused["errors"][0]["extensions"]["fields"][0]["field"] == "range", wrong
    for wrong in (
        '{last: "1h"}',
        '{last: "P1M"}',
        '{last: "PT"}',
        '{from: "2026-11-24"}',
        '{from: "2026-02-30T00:00:00Z"}',
    ):
        assert (await answer(f"{{ length(range: {wrong}) }}"))["errors"][0]["extensions"]["code"] == "INVALID", wrong


@pytest.mark.parametrize("text", ["PT15M", "P7D", "PT1H30M", "P1DT12H", "PT0.5S", "PT0S", "PT10S"])
def test_a_duration_reads_as_it_is_written(text: str) -> None:
    assert print_duration(parse_duration(text)) == text


def test_a_time_is_utc() -> None:
    assert parse_date_time("2026-11-24t08:00:00.5+02:00").isoformat() == "2026-11-24T06:00:00.500000+00:00"


def test_a_cursor_is_opaque_and_checked() -> None:
    assert decode_cursor(encode_cursor("a", 1, None)) == ["a", 1, None]
    for wrong in ("", "!", "e30", "W3t9XQ", "x" * 3000):
        with pytest.raises(Exception, match="after"):
            decode_cursor(wrong)


def test_every_permission_can_be_required() -> None:
    assert all(f"  {each.name}\n" in API.sdl() for each in Permission)
