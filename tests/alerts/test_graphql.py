"""Alerts as the schema gives them, over the running server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from century.alerts import evidence
from century.alerts import service as alerts
from century.alerts.alert import AlertState
from century.core.ids import new_id
from century.core.settings import Settings
from century.rules.severity import Severity
from century.rules.verdict import Standing
from tests.access.conftest import House, Site, house, serving, site
from tests.alerts.conftest import ADA, Desk
from tests.alerts.examples import a_rule

__all__ = ["house", "site"]

LIST = """query($filter: AlertFilter, $first: Int! = 50, $after: String) { alerts(filter: $filter, first: $first, after: $after) {
  totalCount pageInfo { endCursor hasNextPage } nodes { id severity state service { name } rule { name openAlerts } } } }"""
DETAIL = """query($id: ID!) { alert(id: $id) {
  id state severity summary subject attributes { key value } ruleName value threshold unit peak openedAt responseDueAt episode
  service { name openAlerts { critical warning info } } rule { name } parent { id } children { id }
  heldBy { kind until reason } timeline { number at kind actor message }
  evidence { observedAt value threshold recovery comparison window ruleVersion sentence series { name unit at values } }
  runbook { url text steps { id text doneAt doneBy } } deployments { version service } postMortem } }"""
GATE = (
    """query($service: String!) { service(name: $service) { alerts(filter: { states: [FIRING] }) { totalCount } } }"""
)
ACKNOWLEDGE = """mutation($id: ID!, $note: String) { acknowledgeAlert(input: { id: $id, note: $note }) {
  alert { id state acknowledgedAt acknowledgedBy { id name } } } }"""
UNACKNOWLEDGE = (
    "mutation($id: ID!) { unacknowledgeAlert(input: { id: $id }) { alert { state acknowledgedBy { name } } } }"
)
SUPPRESS = """mutation($id: ID!, $duration: Duration!, $reason: String!) {
  suppressAlert(input: { id: $id, duration: $duration, reason: $reason }) {
    alert { suppressedUntil suppressedBy { name } suppressionReason heldBy { kind until reason } } } }"""
UNSUPPRESS = "mutation($id: ID!) { unsuppressAlert(input: { id: $id }) { alert { suppressedUntil } } }"
RESOLVE = "mutation($id: ID!, $note: String) { resolveAlert(input: { id: $id, note: $note }) { alert { state resolvedAt resolvedBy { name } } } }"
COMMENT = "mutation($id: ID!, $text: String!) { commentOnAlert(input: { id: $id, text: $text }) { alert { timeline { kind actor message } } } }"
TICK = """mutation($id: ID!, $step: ID!, $done: Boolean!) { tickRunbookStep(input: { id: $id, step: $step, done: $done }) {
  alert { runbook { steps { id text doneAt doneBy } } } } }"""
MANY = """mutation($ids: [ID!]!) { acknowledgeAlerts(input: { ids: $ids }) { alerts { id state } refused { id reason } } }"""
RESOLVE_MANY = (
    """mutation($ids: [ID!]!) { resolveAlerts(input: { ids: $ids }) { alerts { id state } refused { id reason } } }"""
)
REVIEW = """query($range: TimeRange!) { alertReview(range: $range) { opened resolved escalatedShare acknowledgedShare breachedShare
  timeToAcknowledge { median p90 } timeToResolve { median p90 } pages pagesAtNight
  rules { rule { name } ruleName opened acknowledgedShare escalatedShare medianDuration openFor flapping }
  byDay { at critical warning info } } }"""


@pytest.fixture
def desk_of(site: Site) -> Desk:
    return Desk(site.house.world)


async def service(desk: Desk, name: str = "checkout") -> int:
    async with desk.works.begin() as work:
        row = (
            await work.rows(
                text(
                    "INSERT INTO service (uid, name, first_seen_at, last_seen_at) VALUES (:uid, :name, :now, :now) RETURNING id"
                ),
                {"uid": uuid4(), "name": name, "now": work.now},
            )
        )[0]
    return int(row.id)


async def test_an_alert_explains_itself(site: Site, desk_of: Desk) -> None:
    desk = desk_of
    number = await service(desk)
    async with desk.works.begin() as work:
        insert = "INSERT INTO deployment (id, service_id, at, version) VALUES (:id, :service, :at, 'v7')"
        await work.execute(
            text(insert), {"id": new_id(work.now), "service": number, "at": work.now - timedelta(minutes=9)}
        )
    rule = a_rule()
    await desk.keep(rule)
    (fired,) = await desk.find(rule, Standing.FIRING, region="eu")
    async with desk.works.begin() as work:
        (lacking,) = await evidence.lacking(work)
        await evidence.fill(work, [(lacking, [evidence.Series("error rate", "1", [1.0, 2.0], [0.01, float("nan")])])])
        assert await evidence.lacking(work) == []
    viewer = await site.house.bearer("viewer")
    alert = (await site.data(viewer, DETAIL, id=str(fired.id)))["alert"]
    assert (alert["state"], alert["severity"], alert["subject"]) == ("FIRING", "CRITICAL", "checkout region=eu")
    assert alert["attributes"] == [{"key": "region", "value": "eu"}]
    assert alert["service"] == {"name": "checkout", "openAlerts": {"critical": 1, "warning": 0, "info": 0}}
    assert (alert["rule"], alert["parent"], alert["children"], alert["heldBy"]) == (
        {"name": "high_error_rate"}, None, [], None,
    )  # fmt: skip
    assert [(each["kind"], each["actor"]) for each in alert["timeline"]] == [("alert.opened", "century")]
    seen = alert["evidence"]
    assert (seen["value"], seen["threshold"], seen["recovery"], seen["comparison"], seen["window"]) == (
        0.07, 0.05, 0.04, "ABOVE", "PT5M",
    )  # fmt: skip
    assert seen["series"] == [{"name": "error rate", "unit": "1", "at": [1.0, 2.0], "values": [0.01, None]}]
    assert [step["text"] for step in alert["runbook"]["steps"]] == ["Look at the newest deployment", "Roll it back"]
    assert alert["deployments"] == [{"version": "v7", "service": "checkout"}]
    assert alert["postMortem"].startswith("# Error rate of checkout region=eu is 7 %")
    assert (await site.data(viewer, GATE, service="checkout"))["service"]["alerts"]["totalCount"] == 1


async def test_what_an_operator_does_with_an_alert(site: Site, desk_of: Desk) -> None:
    desk = desk_of
    rule = a_rule()
    await desk.keep(rule)
    (fired,) = await desk.find(rule, Standing.FIRING)
    operator, id = await site.house.bearer("operator"), str(fired.id)
    for operation in (ACKNOWLEDGE, RESOLVE):
        assert await site.code(await site.house.bearer("viewer"), operation, id=id) == "FORBIDDEN"
    done = (await site.data(operator, ACKNOWLEDGE, id=id, note="on it"))["acknowledgeAlert"]["alert"]
    assert (done["state"], done["acknowledgedBy"]["name"]) == ("ACKNOWLEDGED", "operator")
    assert (await desk.alert()).due_at == desk.clock.now()
    answer = await site.ask(operator, ACKNOWLEDGE, id=id)
    assert answer["errors"][0]["message"] == "already acknowledged by operator"
    assert answer["errors"][0]["extensions"]["code"] == "CONFLICT"
    back = (await site.data(operator, UNACKNOWLEDGE, id=id))["unacknowledgeAlert"]["alert"]
    assert back == {"state": "FIRING", "acknowledgedBy": None}
    assert await site.code(operator, UNACKNOWLEDGE, id=id) == "CONFLICT"
    held = (await site.data(operator, SUPPRESS, id=id, duration="PT1H", reason="known"))["suppressAlert"]["alert"]
    assert held["heldBy"] == {
        "kind": "SUPPRESSED", "until": "2026-11-02T10:00:00Z", "reason": "suppressed by operator: known",
    }  # fmt: skip
    for bad in (
        {"duration": "PT0S", "reason": "x"},
        {"duration": "P31D", "reason": "x"},
        {"duration": "PT1H", "reason": " "},
    ):
        assert await site.code(operator, SUPPRESS, id=id, **bad) == "INVALID"
    assert (await site.data(operator, UNSUPPRESS, id=id))["unsuppressAlert"]["alert"] == {"suppressedUntil": None}
    assert await site.code(operator, UNSUPPRESS, id=id) == "CONFLICT"
    assert await site.code(operator, COMMENT, id=id, text=" ") == "INVALID"
    said = (await site.data(operator, COMMENT, id=id, text="it was the cache"))["commentOnAlert"]["alert"]["timeline"][
        -1
    ]
    assert said == {"kind": "alert.commented", "actor": "operator", "message": "it was the cache"}
    steps = (await site.data(operator, DETAIL, id=id))["alert"]["runbook"]["steps"]
    for _ in range(2):
        ticked = await site.data(operator, TICK, id=id, step=steps[0]["id"], done=True)
    first, second = ticked["tickRunbookStep"]["alert"]["runbook"]["steps"]
    assert (first["doneBy"], first["doneAt"], second["doneBy"]) == ("operator", "2026-11-02T09:00:00Z", None)
    undone = await site.data(operator, TICK, id=id, step=steps[0]["id"], done=False)
    assert undone["tickRunbookStep"]["alert"]["runbook"]["steps"][0]["doneBy"] is None
    assert await site.code(operator, TICK, id=id, step="nope", done=True) == "INVALID"
    over = (await site.data(operator, RESOLVE, id=id, note="done"))["resolveAlert"]["alert"]
    assert (over["state"], over["resolvedBy"]["name"]) == ("RESOLVED", "operator")
    for operation in (ACKNOWLEDGE, RESOLVE, UNACKNOWLEDGE):
        assert await site.code(operator, operation, id=id) == "CONFLICT"
    assert await site.code(operator, ACKNOWLEDGE, id=str(uuid4())) == "NOT_FOUND"
    assert await site.code(operator, ACKNOWLEDGE, id="nope") == "INVALID"
    assert [message for _, message in await desk.timeline()] == [
        "Error rate of checkout is 7 %, above 5 % over 5 min",
        "operator acknowledged it: on it",
        "operator gave it back",
        "operator suppressed it for 1 h: known",
        "operator ended the suppression",
        "it was the cache",
        "Done: Look at the newest deployment",
        "Not done after all: Look at the newest deployment",
        "operator resolved it: done",
    ]


async def test_many_at_once(site: Site, desk_of: Desk) -> None:
    desk = desk_of
    operator = await site.house.bearer("operator")
    fired = [(await desk.find(a_rule(), Standing.FIRING, service=f"s{n}"))[0] for n in range(3)]
    await desk.find(a_rule(), Standing.OK, service="s2")
    ids, nobody = [str(each.id) for each in fired], str(uuid4())
    done = (await site.data(operator, MANY, ids=[*ids, ids[0], nobody]))["acknowledgeAlerts"]
    assert {each["id"] for each in done["alerts"]} == set(ids[:2])
    assert done["refused"] == [
        {"id": ids[2], "reason": "it is resolved already"}, {"id": nobody, "reason": f"no alert {nobody}"},
    ]  # fmt: skip
    assert await site.code(operator, MANY, ids=[]) == "INVALID"
    assert len((await site.data(operator, RESOLVE_MANY, ids=ids))["resolveAlerts"]["alerts"]) == 2


async def test_a_list_goes_by_severity_while_open_and_by_age_otherwise(site: Site, desk_of: Desk) -> None:
    desk = desk_of
    viewer = await site.house.bearer("viewer")
    for number, severity in enumerate((Severity.INFO, Severity.CRITICAL, Severity.WARNING, Severity.CRITICAL)):
        rule = a_rule(number + 1, f"rule {number}", severity=severity)
        await desk.keep(rule)
        await desk.find(rule, Standing.FIRING)
        desk.clock.advance(minutes=1)
    await desk.find(a_rule(9, "pending"), Standing.PENDING)
    await desk.find(a_rule(4, "rule 3", severity=Severity.CRITICAL), Standing.OK)

    async def names(**filter: Any) -> list[str]:
        found, after = [], None
        while True:
            page = (await site.data(viewer, LIST, filter=filter, first=2, after=after))["alerts"]
            found += [each["rule"]["name"] if each["rule"] else "none" for each in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                assert page["totalCount"] == len(found)
                return found

    assert await names() == ["rule 3", "rule 2", "rule 1", "rule 0"]
    assert await names(states=["FIRING", "ACKNOWLEDGED"]) == ["rule 1", "rule 2", "rule 0"]
    assert await names(states=["PENDING"]) == ["none"]
    assert await names(severities=["CRITICAL"], states=["FIRING", "RESOLVED"]) == ["rule 3", "rule 1"]
    assert await names(text="RULE 2") == ["rule 2"]
    assert await names(text="%") == ["rule 3", "rule 2", "rule 1", "rule 0"]
    assert await names(text="_ule") == []
    assert await names(service="billing") == []
    assert await names(subject="checkout", openedFrom="2026-11-02T09:02:00Z", openedTo="2026-11-02T09:03:00Z") == [
        "rule 2"
    ]
    assert await names(suppressed=True) == []
    assert await names(rule=str(a_rule(2).id), suppressed=False) == ["rule 1"]
    bad = [
        {"after": "rubbish"}, {"after": "WzFd"}, {"after": "W251bGwsIngiLCJ5Il0"}, {"first": 0},
        {"filter": {"rule": "x"}}, {"filter": {"text": "a\0b"}},
    ]  # fmt: skip
    for variables in bad:
        assert await site.code(viewer, LIST, **variables) == "INVALID", variables
    ranked = (await site.data(viewer, LIST, filter={"states": ["FIRING"]}, first=1))["alerts"]["pageInfo"]["endCursor"]
    assert await site.code(viewer, LIST, after=ranked) == "INVALID"


async def test_a_review(site: Site, desk_of: Desk) -> None:
    desk = desk_of
    rule = a_rule()
    await desk.keep(rule)
    for minutes in (10, 20, 30):
        (fired,) = await desk.find(rule, Standing.FIRING)
        desk.clock.advance(minutes=2)
        async with desk.works.begin(ADA) as work:
            await alerts.acknowledge(work, fired.id)
        desk.clock.advance(minutes=minutes - 2)
        await desk.find(rule, Standing.OK)
    await desk.find(a_rule(2, "other", severity=Severity.INFO), Standing.FIRING)
    desk.clock.advance(seconds=1)
    operator = await site.house.bearer("operator")
    found = (await site.data(operator, REVIEW, range={"last": "P1D"}))["alertReview"]
    assert (found["opened"], found["resolved"], found["acknowledgedShare"], found["breachedShare"]) == (4, 3, 0.75, 0)
    assert found["timeToAcknowledge"] == {"median": "PT2M", "p90": "PT2M"}
    assert found["timeToResolve"] == {"median": "PT20M", "p90": "PT28M"}
    first, second = found["rules"]
    assert (first["ruleName"], first["opened"], first["openFor"], first["flapping"]) == (
        "high_error_rate",
        3,
        "PT1H",
        False,
    )
    assert (second["ruleName"], second["rule"], second["medianDuration"]) == ("other", None, None)
    assert found["byDay"]["critical"] == [0, 3]
    assert found["byDay"]["info"] == [0, 1]


async def test_two_who_acknowledge_at_once(settings: Settings, house: House) -> None:
    desk = Desk(house.world)
    (fired,) = await desk.find(a_rule(), Standing.FIRING)
    async with serving(settings, house) as site:
        operator = await site.house.bearer("operator")
        first = await site.ask(operator, ACKNOWLEDGE, id=str(fired.id))
        second = await site.ask(operator, ACKNOWLEDGE, id=str(fired.id))
    assert ("errors" in first, "errors" in second) == (False, True)
    assert (await desk.alert()).state is AlertState.ACKNOWLEDGED
