"""Heartbeats as the schema gives them, over the running server."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from century.alerts.jobs import Watcher
from century.core.bus import Message
from century.core.ids import new_id
from century.rules import editing
from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.sources import sources_of
from century.telemetry.query import Reader
from century.telemetry.targets import Comparison
from tests.access.conftest import House, Site, house, site

__all__ = ["house", "site"]

FIELDS = "id name enabled service labels { key value } period cron timeZone schedule grace longestRun state since \
lastPingAt expectedBy lastDuration pingUrl next(first: 2)"
SAVE = f"mutation($input: SaveHeartbeatInput!) {{ saveHeartbeat(input: $input) {{ heartbeat {{ {FIELDS} }} \
warnings {{ field message }} }} }}"
ALL = f"{{ heartbeats {{ {FIELDS} }} }}"
ONE = (
    f"query($id: ID!) {{ heartbeat(id: $id) {{ {FIELDS} runs(first: 2) {{ nodes {{ key state startedAt endedAt duration \
exitCode }} pageInfo {{ hasNextPage endCursor }} }} }} }}"
)
RUNS = (
    "query($id: ID!, $after: String) { heartbeat(id: $id) { runs(first: 2, after: $after) { nodes { key state output } \
pageInfo { hasNextPage endCursor } } } }"
)
RENEW = "mutation($id: ID!) { renewHeartbeatToken(input: {id: $id}) { heartbeat { pingUrl } } }"
ENABLE = "mutation($id: ID!, $on: Boolean!) { setHeartbeatEnabled(input: {id: $id, enabled: $on}) { heartbeat { state next } } }"
DELETE = "mutation($id: ID!) { deleteHeartbeat(input: {id: $id}) { id } }"
CRON = "query($cron: String!, $zone: String!) { previewCron(cron: $cron, timeZone: $zone) { sentence next problem } }"


async def save(site: Site, who: str, **changes: Any) -> Any:
    asked = {"name": "nightly", "cron": "0 2 * * *", "timeZone": "Europe/Vienna", **changes}
    return (await site.data(who, SAVE, input=asked))["saveHeartbeat"]


async def test_a_heartbeat_is_made_shown_and_pinged(site: Site, house: House) -> None:
    admin, viewer = await house.bearer("admin"), await house.bearer("viewer")
    made = (await save(site, admin, service="shop", labels=[{"key": "team", "value": "data"}]))["heartbeat"]
    assert made | {"id": "", "pingUrl": ""} == {
        "id": "", "name": "nightly", "enabled": True, "service": "shop", "labels": [{"key": "team", "value": "data"}],
        "period": None, "cron": "0 2 * * *", "timeZone": "Europe/Vienna",
        "schedule": "At 02:00 every day (Europe/Vienna)", "grace": "PT5M", "longestRun": None, "state": "NEW",
        "since": "2026-11-02T09:00:00Z", "lastPingAt": None, "expectedBy": "2026-11-03T01:05:00Z", "lastDuration": None,
        "pingUrl": "", "next": ["2026-11-03T01:00:00Z", "2026-11-04T01:00:00Z"],
    }  # fmt: skip
    path = made["pingUrl"].removeprefix(house.world.settings.public_url)
    assert len(path) == len("/ping/") + 22
    for said in ("/start?run=a", "?run=a", "/start", "/fail"):
        house.world.advance(seconds=90)
        assert (await site.http.post(path + said, content="log " + said)).status_code == 200
    shown = (await site.data(viewer, ONE, id=made["id"]))["heartbeat"]
    assert (shown["state"], shown["pingUrl"], shown["lastDuration"]) == ("FAILED", None, 90.0)
    assert [(each["key"], each["state"], each["duration"]) for each in shown["runs"]["nodes"]] == [
        (None, "FAILED", 90.0), ("a", "OK", 90.0),
    ]  # fmt: skip
    assert shown["runs"]["pageInfo"]["hasNextPage"] is False
    assert [each["name"] for each in (await site.data(viewer, ALL))["heartbeats"]] == ["nightly"]


async def test_runs_come_by_the_page_and_their_output_to_operators(site: Site, house: House) -> None:
    admin, operator, viewer = [await house.bearer(name) for name in ("admin", "operator", "viewer")]
    made = (await save(site, admin))["heartbeat"]
    path = made["pingUrl"].removeprefix(house.world.settings.public_url)
    for number in range(3):
        house.world.advance(seconds=1)
        await site.http.post(f"{path}?run={number}", content=f"log {number}")
    first = (await site.data(operator, RUNS, id=made["id"]))["heartbeat"]["runs"]
    assert [each["output"] for each in first["nodes"]] == ["log 2", "log 1"]
    rest = (await site.data(operator, RUNS, id=made["id"], after=first["pageInfo"]["endCursor"]))["heartbeat"]["runs"]
    assert ([each["key"] for each in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == (["0"], False)
    assert await site.code(viewer, RUNS, id=made["id"]) == "FORBIDDEN"
    assert await site.code(operator, RUNS, id=made["id"], after="WzFd") == "INVALID"


async def test_what_cannot_be_taken_is_told_field_by_field(site: Site, house: House) -> None:
    admin = await house.bearer("admin")
    await save(site, admin)
    asked = {"name": "nightly", "period": "PT1S", "grace": "PT0S", "timeZone": "Vienna"}
    (error,) = (await site.ask(admin, SAVE, input=asked))["errors"]
    assert error["extensions"]["code"] == "INVALID"
    assert {each["field"] for each in error["extensions"]["fields"]} == {"name", "period", "grace", "timeZone"}
    assert await site.code(await house.bearer("operator"), SAVE, input={"name": "x", "period": "PT1H"}) == "FORBIDDEN"
    assert await site.code(admin, "{ heartbeats { next(first: 21) } }") == "INVALID"
    assert await site.code(admin, SAVE, input={"id": made_up(), "name": "x", "period": "PT1H"}) == "NOT_FOUND"


def made_up() -> str:
    return "00000000-0000-7000-8000-000000000000"


async def test_a_change_keeps_the_address_and_holds_at_once(site: Site, house: House) -> None:
    admin = await house.bearer("admin")
    made = (await save(site, admin))["heartbeat"]
    path = made["pingUrl"].removeprefix(house.world.settings.public_url)
    await site.http.get(path)
    asked = {"id": made["id"], "name": "hourly", "period": "PT1H", "longestRun": "PT2H"}
    changed = (await site.data(admin, SAVE, input=asked))["saveHeartbeat"]
    assert changed["heartbeat"]["pingUrl"] == made["pingUrl"]
    assert (changed["heartbeat"]["schedule"], changed["heartbeat"]["state"]) == ("every 1 h", "UP")
    assert changed["heartbeat"]["expectedBy"] == "2026-11-02T10:05:00Z"
    assert [each["field"] for each in changed["warnings"]] == ["longestRun"]
    house.world.advance(minutes=8)
    await site.http.get(path)
    (shown,) = (await site.data(admin, ALL))["heartbeats"]
    assert shown["expectedBy"] == "2026-11-02T10:13:00Z", "the server that held it in memory goes by the new schedule"


async def test_pausing_renewing_removing(site: Site, house: House) -> None:
    admin, operator = await house.bearer("admin"), await house.bearer("operator")
    made = (await save(site, admin))["heartbeat"]
    paused = (await site.data(operator, ENABLE, id=made["id"], on=False))["setHeartbeatEnabled"]["heartbeat"]
    assert paused == {"state": "PAUSED", "next": []}
    again = (await site.data(operator, ENABLE, id=made["id"], on=True))["setHeartbeatEnabled"]["heartbeat"]
    assert (again["state"], len(again["next"])) == ("NEW", 5)
    assert await site.code(operator, RENEW, id=made["id"]) == "FORBIDDEN"
    renewed = (await site.data(admin, RENEW, id=made["id"]))["renewHeartbeatToken"]["heartbeat"]["pingUrl"]
    assert renewed != made["pingUrl"]
    assert (await site.data(admin, DELETE, id=made["id"]))["deleteHeartbeat"] == {"id": made["id"]}
    assert (await site.data(admin, ALL))["heartbeats"] == []
    assert await site.code(admin, DELETE, id=made["id"]) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("cron", "zone", "sentence", "problem"),
    [
        ("30 2 * * 1-5", "Europe/Vienna", "At 02:30 on Monday through Friday (Europe/Vienna)", None),
        ("* * */20 * 1L", "UTC", "", "'* * */20 * 1L' never comes: no day is all that it asks for"),
        ("0 2 * * *", "Mars", "", "the time zone must be a name like Europe/Vienna"),
    ],
)
async def test_a_cron_line_is_previewed(
    site: Site, house: House, cron: str, zone: str, sentence: str, problem: str | None
) -> None:
    said = (await site.data(await house.bearer("viewer"), CRON, cron=cron, zone=zone))["previewCron"]
    assert (said["sentence"], said["problem"], len(said["next"])) == (sentence, problem, 0 if problem else 5)


async def test_a_token_is_in_no_journal_and_not_in_the_table(site: Site, house: House) -> None:
    made = (await save(site, await house.bearer("admin")))["heartbeat"]
    token = made["pingUrl"].rpartition("/")[2]
    async with house.world.works.read() as work:
        rows = await work.rows(
            text("SELECT heartbeat::text FROM heartbeat UNION ALL SELECT journal::text FROM journal")
        )
    assert len(rows) > 1
    assert not [row for (row,) in rows if token in row or token.encode().hex() in row]


UPTIME = '{ heartbeats { uptime(range: {last: "PT1H"}) openAlerts { critical warning info } } }'
ALERT = "{ alerts { nodes { summary heartbeat { name state } } } }"


async def test_how_long_it_was_up_and_what_is_open_of_it(site: Site, house: House) -> None:
    admin = await house.bearer("admin")
    path = (await save(site, admin))["heartbeat"]["pingUrl"].removeprefix(house.world.settings.public_url)
    await site.http.get(path)
    house.world.advance(minutes=6)
    await site.http.get(path + "/fail")
    house.world.advance(minutes=2)
    async with house.world.works.begin() as work:
        condition = Condition(Signal.HEARTBEAT, Comparison.ABOVE, 0.0)
        rule = Rule(new_id(work.now), "silent", enabled=True, severity=Severity.WARNING, condition=condition)
        await editing.save_rule(work, rule, new=True)
    watcher = Watcher(house.world.works, sources_of(house.world.works, Reader(house.world.works.engine)))
    await watcher.turn([Message("heartbeats.moved", b"[]")])
    assert (await site.data(admin, UPTIME))["heartbeats"] == [
        {"uptime": 0.75, "openAlerts": {"critical": 0, "warning": 1, "info": 0}}
    ]
    assert (await site.data(admin, ALERT))["alerts"]["nodes"] == [
        {
            "summary": "nightly failed, as it said itself",
            "heartbeat": {"name": "nightly", "state": "FAILED"},
        }
    ]
