"""Rules and objectives as the schema gives them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from century.access.service import Access
from century.alerts.feed import Feed
from century.core.actor import INTERNAL
from century.core.graphql.context import Context
from century.schema import make_api
from century.server import App
from century.telemetry.service import Telemetry
from tests.rules.load import Shop
from tests.world import START, World

API = make_api()
RULE: dict[str, Any] = {
    "name": "errors",
    "severity": "CRITICAL",
    "condition": {"signal": "ERROR_RATE", "comparison": "ABOVE", "threshold": 0.05, "window": "PT10M"},
}
SAVE = "mutation($input: SaveRuleInput!) { saveRule(input: $input) { rule { id name version } warnings { field } } }"
RULES = """{ rules { id name enabled severity service condition { signal comparison threshold recovery window holdFor
minSamples whenNoData sentence unit } runbookUrl health { evaluatedAt durationMs error } updatedBy { id name }
dependsOn { name } subjects { subject } versions { version by { name } changes { field before after } } } }"""
# Nothing measures it before the stage that brings it.
BUSINESS = {"signal": "BUSINESS", "metric": "orders.paid", "comparison": "BELOW", "threshold": 21.0}
ADMIN = replace(INTERNAL, name="ada")


async def ask(world: World, query: str, **variables: Any) -> Any:
    app = App(
        world.settings, world.works, world.bus, Access(world.settings, world.works),
        Telemetry(world.settings, world.works), Feed(world.works), API,
    )  # fmt: skip
    answer = await API.run(query, Context(app=app, actor=ADMIN), variables)
    if answer.errors:
        return [(each["extensions"]["code"], each["extensions"].get("fields")) for each in answer.errors]
    return answer.data


async def test_a_rule_is_saved_read_restored_and_deleted(world: World) -> None:
    saved = (await ask(world, SAVE, input=RULE))["saveRule"]["rule"]
    assert (saved["name"], saved["version"]) == ("errors", 1)
    changed = RULE | {"id": saved["id"], "version": 1, "severity": "WARNING", "runbookUrl": "https://wiki.example.com/"}
    assert (await ask(world, SAVE, input=changed))["saveRule"]["rule"]["version"] == 2
    [(code, _)] = await ask(world, SAVE, input=changed)
    assert code == "CONFLICT"
    other = (await ask(world, SAVE, input=RULE | {"name": "other", "dependsOn": [saved["id"]]}))["saveRule"]["rule"]
    [first, second] = (await ask(world, RULES))["rules"]
    assert first["severity"] == "WARNING"
    assert first["condition"] == {
        "signal": "ERROR_RATE", "comparison": "ABOVE", "threshold": 0.05, "recovery": None, "window": "PT10M",
        "holdFor": "PT0S", "minSamples": 1, "whenNoData": "KEEP", "unit": "1",
        "sentence": "error rate of any service above 5 % over 10 min",
    }  # fmt: skip
    assert first["versions"] == [
        {
            "version": 2,
            "by": {"name": "ada"},
            "changes": [
                {"field": "severity", "before": "critical", "after": "warning"},
                {"field": "runbookUrl", "before": None, "after": "https://wiki.example.com/"},
            ],
        },
        {"version": 1, "by": {"name": "ada"}, "changes": []},
    ]
    assert first["updatedBy"] == {"id": None, "name": "ada"}
    assert (second["dependsOn"], second["subjects"]) == ([{"name": "errors"}], [])
    restored = await ask(
        world,
        "mutation($id: ID!) { restoreRule(input: {id: $id, version: 1}) { rule { version severity runbookUrl } } }",
        id=saved["id"],
    )
    assert restored["restoreRule"]["rule"] == {"version": 3, "severity": "CRITICAL", "runbookUrl": None}
    off = await ask(
        world,
        "mutation($id: ID!) { setRuleEnabled(input: {id: $id, enabled: false}) { rule { enabled version } } }",
        id=saved["id"],
    )
    assert off["setRuleEnabled"]["rule"] == {"enabled": False, "version": 4}
    gone = "mutation($id: ID!) { deleteRule(input: {id: $id}) { id } }"
    assert await ask(world, gone, id=saved["id"]) == {"deleteRule": {"id": saved["id"]}}
    assert await ask(world, gone, id=saved["id"]) == [("NOT_FOUND", None)]
    one = await ask(world, "query($id: ID!) { rule(id: $id) { name version dependsOn { id } } }", id=other["id"])
    assert one["rule"] == {"name": "other", "version": 2, "dependsOn": []}


async def test_a_rule_is_checked_without_being_saved(world: World) -> None:
    check = (
        "query($input: SaveRuleInput!) { checkRule(input: $input) { sentence unit warnings { field message } problems \
{ field message } } }"
    )
    said = (await ask(world, check, input=RULE | {"condition": RULE["condition"] | {"threshold": 5}}))["checkRule"]
    assert said["problems"] == [
        {
            "field": "condition.threshold",
            "message": "error rate lies between 0 and 1 and can never be above 5: set a threshold below 1 "
            "(write 0.05 for 5 %)",
        }
    ]
    unheard = {"signal": "METRIC", "metric": "jobs", "comparison": "ABOVE", "threshold": 5}
    said = (await ask(world, check, input=RULE | {"condition": unheard}))["checkRule"]
    assert (said["problems"], [each["field"] for each in said["warnings"]]) == ([], ["condition.metric"])
    assert (await ask(world, RULES))["rules"] == []


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("id", {"id": "7"}),
        ("dependsOn", {"dependsOn": ["x"]}),
        ("escalationPolicy", {"escalationPolicy": "x"}),
        ("escalationPolicy", {"escalationPolicy": "01a20ada-2c00-79ba-b592-260b42b33f30"}),
        ("condition.window", {"condition": RULE["condition"] | {"window": "PT1S"}}),
        ("routes", {"routes": ["pay"]}),
    ],
)
async def test_what_cannot_be_taken_is_named(world: World, field: str, wrong: dict[str, Any]) -> None:
    [(code, fields)] = await ask(world, SAVE, input=RULE | wrong)
    assert code == "INVALID"
    assert [each["field"] for each in fields] == [field]


async def test_an_objective_shows_its_budget_and_its_rules(world: World) -> None:
    save = "mutation($input: SaveObjectiveInput!) { saveObjective(input: $input) { objective { id name } } }"
    wanted = {"name": "shop answers", "service": "shop", "kind": "AVAILABILITY", "target": 0.999}
    made = (await ask(world, save, input=wanted))["saveObjective"]["objective"]
    shown = await ask(
        world,
        "{ objectives { name window budget { allowed spent left leftDuration good bad actual burnRate } rules { name "
        "objective { name } condition { shortWindow threshold } } } rules { name } }",
    )
    [objective] = shown["objectives"]
    assert objective["budget"] == {
        "allowed": 0, "spent": 0, "left": 1, "leftDuration": "PT43M12S", "good": 0, "bad": 0, "actual": None, "burnRate": None,
    }  # fmt: skip
    assert objective["rules"][0] == {
        "name": "shop answers: fast burn",
        "objective": {"name": "shop answers"},
        "condition": {"shortWindow": "PT5M", "threshold": 14.4},
    }
    assert len(shown["rules"]) == 2
    gone = await ask(world, "mutation($id: ID!) { deleteObjective(input: {id: $id}) { id } }", id=made["id"])
    assert gone == {"deleteObjective": {"id": made["id"]}}
    assert (await ask(world, RULES))["rules"] == []


async def test_critical_routes(world: World) -> None:
    answer = await ask(
        world,
        'mutation { setCriticalRoutes(input: {service: "shop", routes: ["/pay*", "/cart"]}) { routes } }',
    )
    assert answer == {"setCriticalRoutes": {"routes": ["/cart", "/pay*"]}}
    assert await ask(world, '{ criticalRoutes(service: "shop") }') == {"criticalRoutes": ["/cart", "/pay*"]}


BACKTEST = """query($input: SaveRuleInput!, $range: TimeRange!, $zone: String! = "UTC") {
  backtestRule(input: $input, range: $range, timeZone: $zone) { pages pagesAtNight resolution evaluated
    firings { subject pendingAt openedAt resolvedAt peak } subjects { subject at values } } }"""


async def test_a_rule_is_tried_before_it_is_saved(world: World) -> None:
    shop = await Shop.new(world.works)
    await shop.exports(START - timedelta(minutes=30), timedelta(minutes=10))
    await shop.exports(START - timedelta(minutes=20), timedelta(minutes=10), bad=5)
    await shop.exports(START - timedelta(minutes=10), timedelta(minutes=10))
    asked = RULE | {"name": "", "service": "shop", "condition": RULE["condition"] | {"window": "PT1M"}}
    span = {"from": (START - timedelta(minutes=30)).isoformat(), "to": START.isoformat()}
    made = (await ask(world, BACKTEST, input=asked, range=span))["backtestRule"]
    [firing] = made["firings"]
    assert firing["subject"] == "shop"
    assert firing["openedAt"].startswith("2026-11-02T08:40:10")
    assert firing["resolvedAt"].startswith("2026-11-02T08:51:00")
    assert firing["peak"] == pytest.approx(1 / 3)
    assert (made["pages"], made["pagesAtNight"], made["resolution"], made["evaluated"]) == (1, 0, "PT10S", 180)
    assert len(made["subjects"][0]["values"]) == 180
    night = (await ask(world, BACKTEST, input=asked, range=span, zone="America/New_York"))["backtestRule"]
    assert night["pagesAtNight"] == 1
    wrong = asked | {"condition": asked["condition"] | {"threshold": 5.0}}
    for given, field in ((wrong, "condition.threshold"), (asked | {"condition": BUSINESS}, "condition.signal")):
        [(code, fields)] = await ask(world, BACKTEST, input=given, range=span)
        assert code == "INVALID"
        assert [each["field"] for each in fields] == [field]
    [(code, fields)] = await ask(world, BACKTEST, input=asked, range=span, zone="Mars/Olympus")
    assert (code, [each["field"] for each in fields]) == ("INVALID", ["timeZone"])
