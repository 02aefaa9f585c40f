"""Probes as the schema gives them, over the running server."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from century.probes.settling import CHECKED
from tests.access.conftest import House, Site, house, site
from tests.probes.probing import Probing, door

__all__ = ["house", "site"]

FIELDS = """id name kind target enabled service labels { key value } interval timeout retryInterval failuresBeforeDown
    successesBeforeUp runsOn settings { name value secret } state since reason nextCheckAt version parent { name }
    children { name } lastCheck { at ok state latency message facts { name value unit part } }
    facts { name label unit } beats(last: 3) { at up latency }"""
SAVE = (
    f"mutation($input: SaveProbeInput!) {{ saveProbe(input: $input) {{ probe {{ {FIELDS} }} warnings {{ field }} }} }}"
)
TRY = """mutation($input: SaveProbeInput!) { tryProbe(input: $input) { ok message latency facts { name } answer { lines }
    problems { field message } } }"""
ONE = f"query($id: ID!) {{ probe(id: $id) {{ {FIELDS} }} }}"
ALL = "query($filter: ProbeFilter) { probes(filter: $filter) { name } }"
HISTORY = """query($id: ID!) { probe(id: $id) {
    changes(range: {last: "PT1H"}) { nodes { at state until reason } pageInfo { hasNextPage } }
    checks(first: 1) { nodes { ok state message } pageInfo { hasNextPage endCursor } }
    fact(name: "probe.ok", range: {last: "PT10M"}) { unit series { at values } } } }"""
ENABLE = "mutation($id: ID!, $on: Boolean!) { setProbeEnabled(input: {id: $id, enabled: $on}) { probe { state nextCheckAt } } }"
CHECK = "mutation($id: ID!) { checkProbe(input: {id: $id}) { probe { nextCheckAt } } }"
DELETE = "mutation($id: ID!) { deleteProbe(input: {id: $id}) { id } }"


def asked(name: str, port: int = 1, **changes: Any) -> dict[str, Any]:
    settings = [{"name": "host", "value": "127.0.0.1"}, {"name": "port", "value": str(port)}]
    return {"name": name, "kind": "TCP", "settings": settings, "interval": "PT10S", "timeout": "PT1S", **changes}


async def save(site: Site, who: str, name: str, port: int = 1, **changes: Any) -> Any:
    return (await site.data(who, SAVE, input=asked(name, port, **changes)))["saveProbe"]["probe"]


async def test_a_probe_is_made_asked_and_shown(site: Site, house: House) -> None:
    admin, viewer = await house.bearer("admin"), await house.bearer("viewer")
    probing = Probing(house.world)
    await probing.runner.start()
    async with door() as shop:
        network = await save(site, admin, "network", shop.port)
        made = await save(
            site,
            admin,
            "shop",
            shop.port,
            parent=network["id"],
            service="shop",
            labels=[{"key": "team", "value": "web"}],
        )
        assert (made["state"], made["reason"], made["lastCheck"]) == ("UNKNOWN", "nobody has asked it yet", None)
        assert (made["interval"], made["retryInterval"], made["version"]) == ("PT10S", "PT5S", 1)
        assert made["target"] == f"127.0.0.1:{shop.port}"
        await probing.rounds(2, 10)
    await probing.rounds(1, 10)
    await probing.runner.flush()
    shown = (await site.data(viewer, ONE, id=made["id"]))["probe"]
    assert (shown["state"], shown["parent"], shown["since"]) == (
        "BLOCKED",
        {"name": "network"},
        "2026-11-02T09:00:20Z",
    )
    assert shown["reason"] == shown["lastCheck"]["message"] and shown["lastCheck"]["ok"] is False
    assert shown["beats"]["up"] == [1.0, 1.0, 0.0] and shown["beats"]["latency"][2] is None
    assert {"name": "tcp.up", "label": "Up", "unit": "1"} in shown["facts"]
    parent = (await site.data(viewer, ONE, id=network["id"]))["probe"]
    assert parent["children"] == [{"name": "shop"}]
    history = (await site.data(viewer, HISTORY, id=made["id"]))["probe"]
    assert [(each["state"], each["until"] is None) for each in history["changes"]["nodes"]] == [
        ("BLOCKED", True), ("UP", False), ("UNKNOWN", False),
    ]  # fmt: skip
    assert history["checks"]["nodes"][0]["ok"] is False and history["checks"]["pageInfo"]["hasNextPage"]
    values = [each for each in history["fact"]["series"][0]["values"] if each is not None]
    assert values[-3:] == [1.0, 1.0, 0.0]
    await probing.runner.stop()


async def test_probes_are_found_by_what_they_are(site: Site, house: House) -> None:
    admin, viewer = await house.bearer("admin"), await house.bearer("viewer")
    await save(site, admin, "shop", service="shop")
    await save(site, admin, "mail", enabled=False, labels=[{"key": "team", "value": "Post"}])

    async def names(**wanted: Any) -> list[str]:
        return [each["name"] for each in (await site.data(viewer, ALL, filter=wanted))["probes"]]

    assert await names() == ["mail", "shop"]
    assert await names(service="shop") == ["shop"]
    assert await names(states=["PAUSED"]) == ["mail"]
    assert await names(text="post") == ["mail"]
    assert await names(kinds=["DNS"]) == []


async def test_a_key_in_an_address_is_read_by_whoever_may_change_it_alone(site: Site, house: House) -> None:
    admin, viewer = await house.bearer("admin"), await house.bearer("viewer")
    settings = [{"name": "url", "value": "http://127.0.0.1:1/health?apikey=hidden&page=1"}]
    made = (await site.data(admin, SAVE, input={"name": "shop", "kind": "HTTP", "settings": settings}))["saveProbe"]
    assert made["warnings"][0]["field"] == "settings.url"
    ask = "query ($filter: ProbeFilter) { probes(filter: $filter) { target settings { name value } } }"
    for who, shown in ((admin, "hidden"), (viewer, "…")):
        for text, number in (("127.0.0.1:1/health", 1), ("apikey=h", 0)):
            found = (await site.data(who, ask, filter={"text": text}))["probes"]
            assert [each["value"] for probe in found for each in probe["settings"] if each["name"] == "url"] == [
                f"http://127.0.0.1:1/health?apikey={shown}&page=1"
            ] * number


async def test_a_draft_is_tried_and_nothing_of_it_is_stored(site: Site, house: House) -> None:
    admin = await house.bearer("admin")
    tried = (await site.data(admin, TRY, input=asked("shop")))["tryProbe"]
    assert tried["ok"] is False and "private address" in tried["message"]
    wrong = (await site.data(admin, TRY, input=asked("", interval="PT1S")))["tryProbe"]
    assert {each["field"] for each in wrong["problems"]} >= {"name", "interval"}
    assert (await site.data(admin, ALL))["probes"] == []


async def test_a_probe_is_paused_resumed_hurried_and_removed(site: Site, house: House) -> None:
    admin, operator = await house.bearer("admin"), await house.bearer("operator")
    made = await save(site, admin, "shop")
    paused = (await site.data(operator, ENABLE, id=made["id"], on=False))["setProbeEnabled"]["probe"]
    assert paused == {"state": "PAUSED", "nextCheckAt": None}
    assert await site.code(operator, CHECK, id=made["id"]) == "CONFLICT"
    house.world.advance(seconds=5)
    resumed = (await site.data(operator, ENABLE, id=made["id"], on=True))["setProbeEnabled"]["probe"]
    assert resumed == {"state": "UNKNOWN", "nextCheckAt": "2026-11-02T09:00:05Z"}
    await site.data(admin, DELETE, id=made["id"])
    assert await site.code(admin, ONE, id=made["id"]) == "NOT_FOUND"


async def test_an_address_that_may_not_be_reached_is_warned_of_and_saved(site: Site, house: House) -> None:
    admin = await house.bearer("admin")
    given = asked("far", 80) | {
        "settings": [{"name": "host", "value": "169.254.169.254"}, {"name": "port", "value": "80"}]
    }
    made = (await site.data(admin, SAVE, input=given))["saveProbe"]
    assert made["probe"]["state"] == "UNKNOWN"
    assert [each["field"] for each in made["warnings"]] == ["settings.host"]


async def test_of_two_who_change_it_the_second_is_told(site: Site, house: House) -> None:
    admin = await house.bearer("admin")
    made = await save(site, admin, "shop")
    again = await save(site, admin, "shop of ours", id=made["id"], version=1)
    assert again["version"] == 2
    assert await site.code(admin, SAVE, input=asked("shop of theirs", id=made["id"], version=1)) == "CONFLICT"


async def test_checks_are_heard_as_they_are_made(site: Site, house: House) -> None:
    admin, viewer = await house.bearer("admin"), await house.bearer("viewer")
    probing = Probing(house.world)
    await probing.runner.start()
    protocol = Subprotocol("graphql-transport-ws")
    async with door() as shop, connect(f"ws://{site.address}/graphql", subprotocols=[protocol]) as client:
        made = await save(site, admin, "shop", shop.port)
        await client.send(orjson.dumps({"type": "connection_init", "payload": {"Authorization": viewer}}).decode())
        assert orjson.loads(await client.recv())["type"] == "connection_ack"
        for name, arguments in (("all", ""), ("moves", "(changesOnly: true)")):
            query = f"subscription {{ checkCompleted{arguments} {{ probe {{ id }} at ok state message }} }}"
            said = {"id": name, "type": "subscribe", "payload": {"query": query}}
            await client.send(orjson.dumps(said).decode())
        async with asyncio.timeout(10):
            await site.listens(CHECKED, 2)
            await probing.rounds(2, 10)
            told = [orjson.loads(await client.recv()) for _ in range(3)]
    heard = [(each["id"], each["payload"]["data"]["checkCompleted"]) for each in told]
    assert sorted(name for name, _ in heard) == ["all", "all", "moves"]
    assert {each["probe"]["id"] for _, each in heard} == {made["id"]}
    assert [each["at"] for name, each in heard if name == "all"] == ["2026-11-02T09:00:00Z", "2026-11-02T09:00:10Z"]
    await probing.runner.stop()


@pytest.mark.parametrize(
    "what",
    ["probes { name }", "probeKinds { kind label fields { name type } facts { name } }", "probeWorkers { host }"],
)
async def test_whoever_may_read_sees_them(site: Site, house: House, what: str) -> None:
    viewer = await house.bearer("viewer")
    assert await site.data(viewer, f"{{ {what} }}")
