"""People, keys, sessions and the log as the schema gives them, over the running server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from century.core.actor import Scope
from tests.access import test_token
from tests.access.conftest import DESK, PASSWORD, Site

ME = "{ me { id name email role permissions scopes } }"
USERS = "query($first: Int!, $after: String) { users(first: $first, after: $after) { nodes { id name email role \
createdAt lastLoginAt disabledAt invited } pageInfo { endCursor hasNextPage } totalCount } }"
CREATE_USER = (
    "mutation($input: CreateUserInput!) { createUser(input: $input) { user { id name role invited } signInUrl } }"
)
UPDATE_USER = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { id name email role } } }"
DISABLE = "mutation($id: ID!) { disableUser(input: {id: $id}) { user { disabledAt } } }"
ENABLE = "mutation($id: ID!) { enableUser(input: {id: $id}) { user { disabledAt } } }"
INVITE = "mutation($id: ID!) { inviteUser(input: {id: $id}) { user { name } signInUrl expiresAt } }"
CREATE_KEY = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id name prefix scopes role \
createdBy { name } expiresAt revokedAt } secret } }"
REVOKE_KEY = "mutation($id: ID!) { revokeApiKey(input: {id: $id}) { apiKey { id revokedAt } } }"
KEYS = "{ apiKeys { id name lastUsedAt revokedAt } }"
SESSIONS = "{ sessions { id address userAgent current } }"
AUDIT = (
    "query($first: Int!, $after: String, $filter: AuditFilter) { auditLog(first: $first, after: $after, filter: $filter) \
{ nodes { number at actor { name kind } action subject ip outcome details { key value } } \
pageInfo { endCursor hasNextPage } } }"
)
VERIFY = "{ auditVerification { ok entries firstBrokenAt } }"


@contextlib.asynccontextmanager
async def socket(site: Site, authorization: str) -> AsyncIterator[ClientConnection]:
    url = f"ws://{site.address}/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as client:
        hello = {"type": "connection_init", "payload": {"Authorization": authorization}}
        await client.send(orjson.dumps(hello).decode())
        assert orjson.loads(await client.recv()) == {"type": "connection_ack"}
        yield client


async def closed_within(client: ClientConnection, seconds: float) -> int | None:
    async with asyncio.timeout(seconds):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await client.recv()
    return client.close_code


async def test_everybody_learns_who_they_are(site: Site) -> None:
    me = (await site.data(await site.house.bearer("operator"), ME))["me"]
    assert me == {
        "id": str(site.house.operator.id),
        "name": "operator",
        "email": "operator@example.com",
        "role": "OPERATOR",
        "permissions": ["READ", "OPERATE"],
        "scopes": [],
    }
    me = (await site.data(await site.key(Scope.READ, Scope.INGEST), ME))["me"]
    assert (me["email"], me["role"], me["scopes"]) == (None, "SYSTEM", ["INGEST", "READ"])


async def test_an_admin_runs_the_house(site: Site) -> None:
    admin = await site.house.bearer("admin")
    made = await site.data(
        admin, CREATE_USER, input={"name": "ada", "email": "ada@example.com", "role": "OPERATOR", "password": PASSWORD}
    )
    ada = made["createUser"]["user"]
    assert made["createUser"]["signInUrl"] is None
    assert (ada["role"], ada["invited"]) == ("OPERATOR", False)
    invited = await site.data(admin, CREATE_USER, input={"name": "bob", "email": "bob@example.com", "role": "VIEWER"})
    assert invited["createUser"]["signInUrl"].startswith("http://127.0.0.1:8000/sign-in#token=")
    names: list[str] = []
    after = None
    while True:
        users = (await site.data(admin, USERS, first=2, after=after))["users"]
        assert users["totalCount"] == 5
        names += [user["name"] for user in users["nodes"]]
        after = users["pageInfo"]["endCursor"]
        if not users["pageInfo"]["hasNextPage"]:
            break
    assert sorted(names) == ["ada", "admin", "bob", "operator", "viewer"]
    bearer = await site.house.bearer("ada")
    changed = await site.data(admin, UPDATE_USER, input={"id": ada["id"], "role": "VIEWER", "name": "Ada"})
    assert changed["updateUser"]["user"] == {
        "id": ada["id"],
        "name": "Ada",
        "email": "ada@example.com",
        "role": "VIEWER",
    }
    assert (await site.data(bearer, ME))["me"]["role"] == "VIEWER"
    assert (await site.data(admin, DISABLE, id=ada["id"]))["disableUser"]["user"]["disabledAt"]
    assert await site.code(bearer, ME) == "UNAUTHENTICATED"
    assert (await site.data(admin, ENABLE, id=ada["id"]))["enableUser"]["user"]["disabledAt"] is None
    assert (await site.data(admin, INVITE, id=ada["id"]))["inviteUser"]["expiresAt"] == "2026-11-03T09:00:00Z"


async def test_what_an_admin_cannot_do(site: Site) -> None:
    admin = await site.house.bearer("admin")
    own, nobody = str(site.house.admin.id), str(uuid4())
    refusals = [
        ("CONFLICT", DISABLE, {"id": own}),
        ("CONFLICT", UPDATE_USER, {"input": {"id": own, "role": "VIEWER"}}),
        ("NOT_FOUND", DISABLE, {"id": nobody}),
        ("NOT_FOUND", DISABLE, {"id": "not an id"}),
        ("NOT_FOUND", INVITE, {"id": nobody}),
        ("NOT_FOUND", REVOKE_KEY, {"id": nobody}),
        ("INVALID", UPDATE_USER, {"input": {"id": own, "role": "SYSTEM"}}),
        ("INVALID", UPDATE_USER, {"input": {"id": own, "name": "viewer"}}),
        ("INVALID", UPDATE_USER, {"input": {"id": own, "name": "a\0b"}}),
        ("INVALID", CREATE_KEY, {"input": {"name": "x", "scopes": []}}),
        ("INVALID", CREATE_KEY, {"input": {"name": "x", "scopes": ["READ"], "expiresAt": "2020-01-01T00:00:00Z"}}),
        ("INVALID", USERS, {"first": 0}),
        ("INVALID", USERS, {"first": 101}),
        ("INVALID", USERS, {"first": 1, "after": "rubbish"}),
        ("INVALID", USERS, {"first": 1, "after": "WzFd"}),
        ("INVALID", AUDIT, {"first": 1, "after": "WyJ4Il0"}),
        ("INVALID", AUDIT, {"first": 1, "after": "WzFlMzAwXQ"}),
        ("INVALID", AUDIT, {"first": 1, "after": "WzE4NDQ2NzQ0MDczNzA5NTUxNjE1XQ"}),
    ]
    for code, operation, variables in refusals:
        assert await site.code(admin, operation, **variables) == code, variables


async def test_a_viewer_who_asks_for_an_admins_field_is_told_its_path_and_nothing_runs(site: Site) -> None:
    viewer = await site.house.bearer("viewer")
    operation = 'mutation($input: CreateApiKeyInput!) { changePassword(input: {new: "x"}) { ok } \
made: createApiKey(input: $input) { secret } }'
    answer = await site.ask(viewer, operation, input={"name": "x", "scopes": ["READ"]})
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "FORBIDDEN", "paths": ["createApiKey"], "permissions": ["ADMINISTER"]}
    assert answer.get("data") is None
    assert (await site.data(await site.house.bearer("admin"), KEYS))["apiKeys"] == []


async def test_without_credentials_nothing_is_even_parsed(site: Site) -> None:
    response = await site.http.post("/graphql", content=b"{ this is not GraphQL")
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_is_made_used_and_revoked_within_a_second_its_sockets_within_five(site: Site) -> None:
    admin = await site.house.bearer("admin")
    made = (await site.data(admin, CREATE_KEY, input={"name": "deploys", "scopes": ["INGEST", "READ"]}))["createApiKey"]
    key, bearer = made["apiKey"], f"Bearer {made['secret']}"
    assert made["secret"].startswith(key["prefix"])
    assert (key["role"], key["scopes"], key["createdBy"]) == ("SYSTEM", ["INGEST", "READ"], {"name": "admin"})
    assert (await site.data(bearer, ME))["me"]["name"] == "deploys"
    assert (await site.data(admin, KEYS))["apiKeys"][0]["lastUsedAt"]
    async with socket(site, bearer) as client:
        assert (await site.data(admin, REVOKE_KEY, id=key["id"]))["revokeApiKey"]["apiKey"]["revokedAt"]
        assert await site.code(bearer, ME) == "UNAUTHENTICATED"
        assert await closed_within(client, 5) == 4403
    assert await site.code(admin, REVOKE_KEY, id=key["id"]) == "CONFLICT"


async def test_another_process_revokes_a_key_and_lowers_a_role(site: Site) -> None:
    """As the command line does: this server is not told, and finds out by itself."""
    bearer, key = await site.house.bearer("admin"), await site.key(Scope.READ)
    await site.data(key, ME)
    await site.data(bearer, KEYS)
    loop = asyncio.get_running_loop()
    async with socket(site, key) as by_key, socket(site, bearer) as by_person:
        changed = loop.time()
        async with site.house.world.works.begin() as work:
            await work.execute(text("UPDATE api_key SET revoked_at = :now"), {"now": work.now})
            await work.execute(text("UPDATE person SET role = 'viewer' WHERE name = 'admin'"))

        async def until_known() -> float:
            while "errors" not in await site.ask(key, ME) or "errors" not in await site.ask(bearer, KEYS):
                await asyncio.sleep(0.02)
            return loop.time() - changed

        assert await until_known() <= 1.0
        assert await site.code(bearer, KEYS) == "FORBIDDEN"
        assert await closed_within(by_key, 5) == 4403
        assert await closed_within(by_person, 5) == 4403
        assert loop.time() - changed <= 5


async def test_ones_own_sessions_are_shown_and_ended(site: Site) -> None:
    here, there = await site.house.bearer("viewer"), await site.house.bearer("viewer")
    seen = (await site.data(here, SESSIONS))["sessions"]
    assert [each["userAgent"] for each in seen] == ["a browser"] * 2
    (other,) = [each["id"] for each in seen if not each["current"]]
    revoke = "mutation($id: ID!) { revokeSession(input: {id: $id}) { session { id current } } }"
    assert (await site.data(here, revoke, id=other))["revokeSession"]["session"] == {"id": other, "current": False}
    assert await site.code(there, ME) == "UNAUTHENTICATED"
    assert await site.code(here, revoke, id=other) == "NOT_FOUND"
    assert await site.code(await site.house.bearer("admin"), revoke, id=seen[0]["id"]) == "NOT_FOUND"
    assert (await site.data(await site.key(Scope.READ), SESSIONS))["sessions"] == []


async def test_no_forged_token_gets_through(site: Site) -> None:
    """The table of `test_token` at the real door, signed with the real secret as far as the forger may have it."""
    house = site.house
    grant = await house.access.login("admin", PASSWORD, DESK)
    real = grant.access_token
    head, body, mac = real.split(".")
    at = int(house.world.clock.now().timestamp())
    said = {"sub": str(house.admin.id), "iat": at, "exp": at + 600}
    secret = house.world.settings.jwt_secret
    forged = [
        test_token.signed(test_token.claims(**said), key=secret, algorithm="none"),
        test_token.signed(test_token.claims(**said), key="a guess at the secret of this house"),
        test_token.signed(test_token.claims(**said), key=secret, algorithm="HS512"),
        test_token.signed(test_token.claims(**said), key=secret),
        f"{head}.{body}.",
        f"{head}.{body}.{mac[::-1]}",
        f"{head}.{body}{mac}",
        real[:-3],
        grant.refresh_token,
        (await site.key(Scope.READ)).removeprefix("Bearer ")[:-1],
        "cpt_monitor_" + "a" * 12 + "_" + "b" * 43,
        "null",
        "\u00e9",
    ]
    assert (await site.data(f"Bearer {real}", ME))["me"]["role"] == "ADMIN"
    for token in forged:
        headers = {"Authorization": f"Bearer {token}".encode()}
        response = await site.http.post("/graphql", json={"query": ME}, headers=headers)
        assert response.status_code == 401, token
        for path in (f"/graphql?query={ME}&access_token={real}", f"/graphql?query={ME}&token={real}"):
            assert (await site.http.get(path, headers=headers)).status_code == 401


async def test_a_cookie_alone_is_nobody(site: Site) -> None:
    await site.http.post("/auth/login", json={"username": "admin", "password": PASSWORD})
    assert site.http.cookies
    assert (await site.http.post("/graphql", json={"query": ME})).status_code == 401


async def test_the_log_tells_who_did_what_from_where(site: Site) -> None:
    admin = await site.house.bearer("admin")
    site.house.world.advance(minutes=1)
    await site.data(admin, CREATE_KEY, input={"name": "deploys", "scopes": ["READ"]})
    nodes = (await site.data(admin, AUDIT, first=1))["auditLog"]["nodes"]
    entry = nodes[0]
    assert (entry["actor"], entry["action"], entry["subject"], entry["ip"], entry["outcome"], entry["at"]) == (
        {"name": "admin", "kind": "person"},
        "key.created",
        "deploys",
        "127.0.0.1",
        "ok",
        "2026-11-02T09:01:00Z",
    )
    assert {"key": "scopes", "value": '["read"]'} in entry["details"]
    numbers: list[int] = []
    after = None
    while True:
        page = (await site.data(admin, AUDIT, first=2, after=after))["auditLog"]
        numbers += [each["number"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert numbers == list(range(numbers[0], 0, -1))

    async def actions(**filter: str) -> set[str]:
        page = (await site.data(admin, AUDIT, first=50, filter=filter))["auditLog"]
        return {each["action"] for each in page["nodes"]}

    assert await actions(action="user") == {"user.created"}
    assert await actions(action="key.created") == {"key.created"}
    assert await actions(action="key.cre") == set()
    assert await actions(action="%") == set()
    assert await actions(actor="ADM") == {"session.opened", "key.created"}
    assert await actions(**{"from": "2026-11-02T09:01:00Z"}) == {"key.created"}
    assert "key.created" not in await actions(to="2026-11-02T09:01:00Z")


async def test_the_log_proves_itself_and_says_where_it_was_touched(site: Site) -> None:
    admin = await site.house.bearer("admin")
    for minute in range(3):
        site.house.world.advance(minutes=1)
        await site.data(admin, CREATE_KEY, input={"name": f"key {minute}", "scopes": ["READ"]})
    whole = (await site.data(admin, VERIFY))["auditVerification"]
    assert whole == {"ok": True, "entries": 7, "firstBrokenAt": None}

    async def touch(statement: str) -> Any:
        async with site.house.world.works.begin() as work:
            await work.execute(text(statement))
        return (await site.data(admin, VERIFY))["auditVerification"]

    # A person is erased: what names them goes, and with the salt goes the last way to guess it back.
    erased = await touch(
        "UPDATE journal SET salt = NULL, subject = '', actor_id = NULL, actor_name = '', address = NULL, "
        "details = '{}' WHERE number = 4"
    )
    assert erased == whole
    broken = {"ok": False, "entries": 5, "firstBrokenAt": "2026-11-02T09:02:00Z"}
    for change, back in (
        ('details = details || \'{"scopes": ["ingest"]}\'', 'details = details || \'{"scopes": ["read"]}\''),
        ("actor_name = 'viewer'", "actor_name = 'admin'"),
        ("subject = 'another'", "subject = 'key 1'"),
        ("kind = 'key.revoked'", "kind = 'key.created'"),
        ("outcome = 'denied'", "outcome = 'ok'"),
    ):
        assert await touch(f"UPDATE journal SET {change} WHERE number = 6") == broken, change
        assert await touch(f"UPDATE journal SET {back} WHERE number = 6") == whole
    moved = await touch("UPDATE journal SET at = at - interval '1 day' WHERE number = 6")
    assert moved == broken | {"firstBrokenAt": "2026-11-01T09:02:00Z"}
    removed = await touch("DELETE FROM journal WHERE number = 6")
    assert removed == {"ok": False, "entries": 5, "firstBrokenAt": "2026-11-02T09:03:00Z"}
