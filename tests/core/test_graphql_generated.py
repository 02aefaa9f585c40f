"""Whatever is asked, valid or not: an answer with a code, nothing that only we should know."""

from collections import Counter
from typing import Any

import httpx
import orjson

from century.access.people import create_person
from century.core.actor import Role
from century.core.graphql.api import Api
from century.server import create_app
from tests.core.generated import Generated
from tests.core.small_schema import context, make_api
from tests.world import World

LEAKS = ("Traceback", "sqlalchemy", "asyncpg", "swordfish", "/century/", "[SQL:", "object at 0x")


def codes(answer: dict[str, Any]) -> set[str]:
    return {each["extensions"]["code"] for each in answer.get("errors", [])}


async def test_the_small_schema_answers_everything() -> None:
    api = make_api(deadline=0.01)
    made = Generated(api.schema._schema, seed=1)
    seen: Counter[str] = Counter()
    for _ in range(500):
        query = made.operation().replace("strange", "everyone { name }")
        answer = orjson.loads((await api.run(query, context(Role.ADMIN))).encode())
        seen.update(codes(answer) or {"ok"})
        assert not any(leak in str(answer) for leak in LEAKS), query
        assert "INTERNAL" not in codes(answer) or "broken" in query, query
    assert seen["ok"] > 80
    assert seen["INVALID"] > 40


async def test_the_real_schema_answers_everything(world: World) -> None:
    site = create_app(world.settings)
    api: Api = site.state.century.api
    async with world.works.begin() as work:
        await create_person(work, world.settings, "admin", "admin@example.com", Role.ADMIN, "four walnut trees")
    transport = httpx.ASGITransport(site, raise_app_exceptions=False)  # type: ignore[arg-type]
    made = Generated(api.schema._schema, seed=2)
    seen: Counter[str] = Counter()
    async with site.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        login = await client.post("/auth/login", json={"username": "admin", "password": "four walnut trees"})
        headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
        for _ in range(200):
            query = made.operation()
            answer = await client.post("/graphql", json={"query": query}, headers=headers)
            if answer.status_code == 401:
                break
            assert answer.status_code == 200, query
            seen.update(codes(answer.json()) or {"ok"})
            assert not any(leak in answer.text for leak in LEAKS), (query, answer.text)
            assert "INTERNAL" not in codes(answer.json()), (query, answer.text)
    assert seen["ok"] + seen["FORBIDDEN"] > 20
