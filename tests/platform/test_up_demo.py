"""`century up --demo`: what somebody who tries Century sees, asked for through the API."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from century.demo.loading import Loaded
from century.demo.past import DAYS, STRETCH, stretches
from century.demo.traffic import PAYMENTS, SERVICE
from century.demo.weather import DAY, RELEASES
from tests.platform.installation import alive, century, commands, until, up

RECENT = 4
"""The stretches (six hours each) that are loaded here; those before are noted as loaded, as after an interruption."""
QUESTION = """query Demo($name: String!, $past: TimeRange!, $live: TimeRange!, $month: TimeRange!) { service(name: $name) {
  past: performance(range: $past) { requestCount latency { p95 } timeline(maxPoints: 30) { requestCount } }
  live: performance(range: $live) { requestCount latency { p95 } }
  deployments(range: $month) { version } } }"""

TRIAL = """query Trial($input: SaveRuleInput!, $range: TimeRange!) {
  backtestRule(input: $input, range: $range) { firings { openedAt resolvedAt } } }"""
ERRORS = {
    "name": "trial", "severity": "CRITICAL", "service": SERVICE,
    "condition": {"signal": "ERROR_RATE", "comparison": "ABOVE", "threshold": 0.05, "recovery": 0.04, "minSamples": 20,
                  "whenNoData": "OK", "window": "PT5M"},
}  # fmt: skip
HISTORY = """query History($from: DateTime!, $to: DateTime!) {
  alerts(filter: {openedFrom: $from, openedTo: $to, service: "property-tax"}, first: 100) {
    nodes { openedAt state rule { name } notifications { attempts { detail } } } }
  maintenanceWindows { reason } objectives { name } schedules { name } escalationPolicies { name isDefault } }"""


def moment(seconds: float) -> str:
    """As GraphQL takes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def pay(site: str) -> bool:
    """Whether a visitor got through to the payments, paid or declined."""
    made = httpx.post(f"{site}/inquiries?parcel=R00007", timeout=20, trust_env=False)
    if made.status_code != 201:
        return False
    httpx.post(f"{site}/inquiries/{made.json()['number']}/payment", timeout=20, trust_env=False)
    return True


def test_the_demo_has_a_past_and_a_present_and_leaves_no_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("demo") / "installation"
    (folder / "demo").mkdir(parents=True)
    begun = int(time.time()) // 60 * 60
    end = begun - 60  # a minute apart, so that the past's last point is not taken for the present
    Loaded(end, 0.3, stretches=len(stretches(end)) - RECENT).write(folder / "demo" / "loaded.json")
    with up(folder, None, None, "--demo") as running:
        key = century("keys", "create", "reader", "--scope", "read", "--data-dir", str(folder)).stdout.split()[-1]

        def answer(name: str) -> Any:
            return running.ask(
                key,
                QUESTION,
                name=name,
                past={"from": moment(end - RECENT * STRETCH), "to": moment(end)},
                live={"from": moment(begun), "to": moment(time.time() + 1)},
                month={"last": "P30D"},
            )["service"]

        log = folder / "logs" / "demo.log"
        until(lambda: log.exists() and "The watched service is at " in log.read_text(), "the demo serves")
        site = log.read_text().split("The watched service is at ")[1].split()[0].rstrip(".")
        # At night hardly anybody pays, so somebody does.
        until(lambda: pay(site), "a payment", every=0.5)

        def stands(name: str) -> bool:
            known = {service["name"] for service in running.ask(key, "{ services { name } }")["services"]}
            return name in known and answer(name)["live"]["requestCount"] > 0

        for name in (SERVICE, PAYMENTS):
            until(lambda name=name: stands(name), f"{name} is heard live", within=90, every=0.5)
            said = answer(name)
            assert said["past"]["requestCount"] > 1000
            hours = said["past"]["timeline"]["requestCount"]
            assert len(hours) in (24, 25)
            assert all(hours), "the past has no hole"
            for part in ("past", "live"):
                assert 0 < said[part]["latency"]["p95"] < 60
        versions = {made["version"] for made in answer(SERVICE)["deployments"]}
        assert {release.version for release in RELEASES} <= versions

        began = end - DAYS * DAY
        trial = running.ask(key, TRIAL, input=ERRORS, range={"from": moment(began), "to": moment(end)})["backtestRule"]
        history = running.ask(key, HISTORY, **{"from": moment(began), "to": moment(end)})
        told = [each for each in history["alerts"]["nodes"] if each["rule"]["name"] == "high_error_rate"]
        assert sorted(each["openedAt"] for each in told) == sorted(
            each["openedAt"] for each in trial["firings"] if each["resolvedAt"]
        ), "the past's alerts are those that a trial of the rule finds in it"
        assert {each["state"] for each in told} <= {"RESOLVED"}
        tries = [one for each in told for sent in each["notifications"] for one in sent["attempts"]]
        assert all("nothing was sent" in one["detail"] for one in tries)
        assert [each["name"] for each in history["escalationPolicies"] if each["isDefault"]] == ["Default"]
        for kind in ("escalationPolicies", "objectives", "schedules"):
            assert any("(demo)" in each["name"] for each in history[kind])
        assert any("(demo)" in each["reason"] for each in history["maintenanceWindows"])

        family = running.family
        assert any("century.demo" in line for line in commands(family))
        assert running.end() < 10
        until(lambda: not alive(family), "all have ended", within=10)
        assert running.process.returncode == 0
