"""HTTP for every route: nobody anonymous, errors as problems, headers on every answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from century.core import http
from century.core.graphql.transport import GRAPHQL_JSON, JSON, negotiate
from tests.core.small_site import Rooms, make_site, serving

VIEWER = {"Authorization": "Bearer viewer"}


@pytest.fixture
def rooms() -> Rooms:
    return Rooms()


@pytest.fixture
async def client(rooms: Rooms) -> AsyncIterator[httpx.AsyncClient]:
    site, _ = make_site(rooms)
    transport = httpx.ASGITransport(site, client=("10.0.0.9", 5000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://century.test") as client:
        yield client


async def test_nobody_is_anonymous(client: httpx.AsyncClient) -> None:
    for body in ('{"query": "{ secrets }"}', "{", ""):
        answer = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await client.get("/graphql?query={__typename}")).status_code == 401


async def test_forbidden_keeps_to_its_media_type(client: httpx.AsyncClient) -> None:
    for media, status in ((JSON, 200), (GRAPHQL_JSON, 403)):
        answer = await client.post("/graphql", json={"query": "{ secrets }"}, headers={**VIEWER, "Accept": media})
        assert answer.status_code == status
        assert answer.json() == {
            "errors": [
                {
                    "message": "not permitted: secrets",
                    "extensions": {"code": "FORBIDDEN", "paths": ["secrets"], "permissions": ["ADMINISTER"]},
                }
            ]
        }


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        ('{"query": "{ __typename }"}', {"Content-Type": "text/plain"}, 415),
        ("query={__typename}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ('{"query": "{ __typename }"}', {"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ('{"query": "{ __typename }"}', {"Content-Type": "application/json; charset=latin-1"}, 415),
        ('{"query": "{ __typename }"}', {"Content-Type": JSON, "Accept": "text/html"}, 406),
        ('[{"query": "{ __typename }"}]', {"Content-Type": JSON}, 400),
        ('{"query": "' + "x" * 140_000 + '"}', {"Content-Type": JSON}, 413),
        ("[" * 100_000, {"Content-Type": JSON}, 400),
    ],
)
async def test_a_request_that_is_none(
    client: httpx.AsyncClient, content: str, headers: dict[str, str], status: int
) -> None:
    answer = await client.post("/graphql", content=content, headers={**VIEWER, **headers})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


async def test_get_changes_nothing(client: httpx.AsyncClient, rooms: Rooms) -> None:
    answer = await client.get(
        "/graphql",
        params={"query": 'mutation { rename(name: "x") { name } }'},
        headers={"Authorization": "Bearer admin"},
    )
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert rooms.calls == []


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", GRAPHQL_JSON),
        ("application/graphql-response+json, application/json", GRAPHQL_JSON),
        ("application/graphql-response+json;q=0.5, application/json", JSON),
        ("application/graphql-response+json;q=0, */*", JSON),
        ("text/html, application/json;q=0.2", JSON),
    ],
)
def test_the_media_type_is_the_one_liked_best(accept: str | None, media: str) -> None:
    assert negotiate(accept) == media


async def test_every_answer_carries_the_headers(client: httpx.AsyncClient) -> None:
    for path, status in (("/graphql", 401), ("/nowhere", 404), ("/conflict", 409), ("/broken", 500)):
        answer = await client.get(path)
        assert answer.status_code == status
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert len(answer.headers["x-request-id"]) == 16
        assert "strict-transport-security" not in answer.headers


async def test_transport_is_strict_only_behind_tls(rooms: Rooms) -> None:
    site, _ = make_site(rooms)
    site.secure = True
    transport = httpx.ASGITransport(site)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://century.test") as client:
        assert "max-age=" in (await client.get("/nowhere")).headers["strict-transport-security"]


async def test_head_is_answered_as_get(client: httpx.AsyncClient) -> None:
    assert (await client.head("/conflict")).status_code == 409


async def test_errors_of_routes_are_problems(client: httpx.AsyncClient) -> None:
    conflict = await client.get("/conflict")
    assert conflict.headers["content-type"] == "application/problem+json"
    assert conflict.json() == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "already there",
        "code": "CONFLICT",
    }
    broken = (await client.get("/broken")).json()
    assert (broken["code"], "swordfish" in str(broken)) == ("INTERNAL", False)
    assert broken["id"] in broken["detail"]


async def test_only_trusted_proxies_say_who_asks(client: httpx.AsyncClient, rooms: Rooms) -> None:
    seen: list[str | None] = []
    authenticate = rooms.access.authenticate

    async def watch(authorization: str | None, address: str | None) -> Any:
        seen.append(address)
        return await authenticate(authorization, address)

    rooms.access.authenticate = watch  # type: ignore[method-assign]
    forwarded = {**VIEWER, "X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.0.0.7"}
    await client.get("/graphql", headers=forwarded)
    rooms.trusted_proxies = ("10.0.0.0/8",)
    await client.get("/graphql", headers=forwarded)
    await client.get("/graphql", headers={**VIEWER, "X-Forwarded-For": "rubbish"})
    assert seen == ["10.0.0.9", "1.2.3.4", "10.0.0.9"]


async def test_a_body_that_stalls_gives_its_place_back(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.05)
    site, sockets = make_site(rooms)
    async with serving(site, sockets) as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer viewer\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in answer.lower()
