"""The guide's addresses of alerts, over the running server."""

from __future__ import annotations

from typing import Any

import pytest

from century.core.actor import Scope
from century.rules.severity import Severity
from century.rules.verdict import Standing
from tests.access.conftest import Site, house, site
from tests.alerts.conftest import Desk
from tests.alerts.examples import a_rule

__all__ = ["house", "site"]

PAGE = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def desk_of(site: Site) -> Desk:
    return Desk(site.house.world)


async def test_a_program_reads_alerts_as_json(site: Site, desk_of: Desk) -> None:
    desk = desk_of
    errors, disk = a_rule(), a_rule(2, "disk", severity=Severity.INFO)
    await desk.keep(errors, disk)
    await desk.find(errors, Standing.FIRING)
    await desk.find(disk, Standing.FIRING)
    desk.clock.advance(minutes=1)
    await desk.find(errors, Standing.OK)
    headers = {"Authorization": await site.key(Scope.READ)}

    async def rules(**asked: str) -> list[str]:
        answer = await site.http.get("/monitoring/alerts", params=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["ruleName"] for each in answer.json()["data"]["alerts"]["nodes"]]

    assert await rules() == ["disk"]
    assert set(await rules(last="PT1H")) == {"disk", "high_error_rate"}
    assert await rules(state="resolved") == ["high_error_rate"]
    assert await rules(severity="critical,warning", last="PT1H", service="checkout", first="1") == ["high_error_rate"]
    assert await rules(**{"from": "2026-11-02T09:00:30Z"}) == []
    for bad in ({"state": "sad"}, {"last": "yesterday"}, {"first": "many"}, {"after": "x"}, {"first": "1000"}):
        answer = await site.http.get("/monitoring/alerts", params=bad, headers=headers)
        assert answer.status_code == 400, (bad, answer.text)
    assert (await site.http.get("/monitoring/alerts")).status_code == 401
    assert (
        await site.http.get("/monitoring/alerts", headers={"Authorization": await site.key(Scope.INGEST)})
    ).status_code == 403


async def test_a_rules_alerts_are_acknowledged_as_the_guide_says(site: Site, desk_of: Desk) -> None:
    desk = desk_of
    rule = a_rule()
    await desk.keep(rule, a_rule(2, "quiet"))
    for service in ("checkout", "billing"):
        await desk.find(rule, Standing.FIRING, service=service)
    address, operator = "/monitoring/alerts/high_error_rate/acknowledge", await site.house.bearer("operator")

    async def ask(bearer: str | None = operator, at: str = address, **more: Any) -> Any:
        return await site.http.post(at, headers={"Authorization": bearer} if bearer else {}, **more)

    assert (await ask(None)).status_code == 401
    assert (await ask(await site.house.bearer("viewer"))).status_code == 403
    assert (await ask(at="/monitoring/alerts/unheard_of/acknowledge")).status_code == 404
    assert (await ask(content=b"{")).status_code == 400
    assert (await ask(json={"acknowledged_by": 5})).status_code == 400
    assert (await ask(json={"acknowledged_by": "x" * 20_000})).status_code == 413
    answer = await ask(json={"acknowledged_by": "somebody else"})
    assert answer.status_code == 200, answer.text
    done = answer.json()["data"]["acknowledgeAlertsOfRule"]["alerts"]
    assert {(each["subject"], each["state"], each["acknowledgedBy"]["name"]) for each in done} == {
        ("checkout", "ACKNOWLEDGED", "operator"), ("billing", "ACKNOWLEDGED", "operator"),
    }  # fmt: skip
    assert (await desk.timeline())[-1][1] == "operator acknowledged it: acknowledged by somebody else"
    again = await ask()
    assert (again.status_code, again.json()["data"]["acknowledgeAlertsOfRule"]["alerts"]) == (200, [])
    assert (await ask(at="/monitoring/alerts/quiet/acknowledge")).status_code == 200


async def test_a_runbook_is_read_by_people_and_programs(site: Site, desk_of: Desk) -> None:
    await desk_of.keep(a_rule(runbook="# Look\n\n- here <script>alert(1)</script> [x](javascript:alert(1))\n"))
    address, bearer = "/monitoring/runbooks/high_error_rate", {"Authorization": await site.house.bearer("viewer")}
    plain = await site.http.get(address, headers=bearer)
    assert plain.headers["content-type"] == "text/markdown; charset=utf-8"
    assert plain.text.startswith("# Look")
    page = await site.http.get(address, headers=bearer | PAGE)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Look</h1>" in page.text
    assert "<script" not in page.text
    assert 'href="javascript' not in page.text
    assert (await site.http.get(address)).status_code == 401
    assert (await site.http.get("/monitoring/runbooks/none", headers=bearer)).status_code == 404
