"""The console in a real browser, on a real installation."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, Console
from tests.browser.sender import Sender

PAGES = (
    "/monitoring/dashboard",
    "/monitoring/performance?service=shop",
    "/monitoring/alerts",
    "/monitoring/alerts/history?state=resolved",
    "/monitoring/alerts/review",
    "/settings/people",
    "/settings/keys",
    "/settings/keys?create=INGEST",
    "/settings/audit",
    "/settings/account",
    "/settings/telemetry",
    "/nowhere",
)


def test_a_sent_request_appears_without_reloading(console: Console, sender: Sender) -> None:
    page = console.open("/monitoring/dashboard")
    expect(page.get_by_role("status").get_by_text("Live")).to_be_visible()
    services = page.get_by_role("region", name="Services", exact=True)
    sender.request("/cart", seconds=0.05)
    row = services.get_by_role("link", name=re.compile("shop"))
    expect(row).to_be_visible(timeout=20_000)
    row.click()
    expect(page).to_have_url(re.compile(r"/monitoring/performance\?service=shop"))
    expect(page.get_by_role("heading", name="shop", exact=True)).to_be_visible()
    requests = page.get_by_role("region", name="Failed and slow requests")
    expect(requests.get_by_text("No request failed or was slow")).to_be_visible()
    sender.request("/checkout", seconds=0.7, status=502, method="POST", error="GatewayError")
    expect(requests.get_by_text("/checkout")).to_be_visible(timeout=20_000)
    expect(requests.get_by_text("GatewayError")).to_be_visible()


def test_the_range_is_held_by_the_address(console: Console, sender: Sender) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open("/monitoring/performance?service=shop")
    ranges = page.get_by_role("group", name="Time range")
    expect(ranges.get_by_role("button", name="Last hour")).to_have_attribute("aria-pressed", "true")
    ranges.get_by_role("button", name="Last 24 hours").click()
    expect(page).to_have_url(re.compile(r"last=PT24H"))
    page.reload()
    expect(ranges.get_by_role("button", name="Last 24 hours")).to_have_attribute("aria-pressed", "true")
    page.go_back()
    expect(ranges.get_by_role("button", name="Last hour")).to_have_attribute("aria-pressed", "true")


def test_every_chart_is_also_a_table_and_a_file(console: Console, sender: Sender) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open("/monitoring/performance?service=shop&last=PT15M")
    chart = page.get_by_role("region", name="Response time", exact=True)
    chart.get_by_role("button", name="Response time as a table").click()
    expect(chart.get_by_role("columnheader", name="p95")).to_be_visible()
    chart.get_by_role("button", name="Response time as a chart").click()
    for choice, name in (("Table (CSV)", "response-time-shop.csv"), ("Picture (PNG)", "response-time-shop.png")):
        chart.get_by_role("button", name="Download Response time").click()
        with page.expect_download() as download:
            chart.get_by_role("button", name=choice).click()
        assert download.value.suggested_filename == name


def test_a_key_is_shown_once_and_revoked(console: Console) -> None:
    page = console.open("/settings/keys")
    page.get_by_role("button", name="Create a key").first.click()
    page.get_by_label("Name, usually the service").fill("by hand")
    page.get_by_role("button", name="Create", exact=True).click()
    secret = page.get_by_role("dialog").locator(".secret code")
    expect(secret).to_contain_text("cpt_monitor_")
    page.get_by_role("button", name="I have stored it").click()
    page.get_by_role("button", name="Revoke by hand").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke by hand")).to_have_count(0)


def test_a_person_gets_a_link_and_another_role(console: Console) -> None:
    page = console.open("/settings/people")
    page.get_by_role("button", name="Add a person").click()
    page.get_by_label("Name, to sign in with").fill("noor")
    page.get_by_label("E-mail").fill("noor@example.com")
    page.get_by_role("button", name="Add and make a sign-in link").click()
    expect(page.get_by_role("dialog").locator(".secret code")).to_contain_text("/sign-in#token=")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Role of noor: Viewer. Change").click()
    page.get_by_role("button", name=re.compile("^Operator")).click()
    expect(page.get_by_role("button", name="Role of noor: Operator. Change")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Role of noor: Viewer. Change")).to_be_visible()


def test_graphiql_runs_a_query_and_a_subscription(console: Console, sender: Sender) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open("/graphiql")
    run = page.get_by_role("button", name=re.compile("Execute query"))
    answer = page.get_by_role("region", name="Result Window")
    expect(page.get_by_role("tab", name="Services")).to_be_visible(timeout=30_000)
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("availability", timeout=30_000)
    run.click()
    expect(answer).to_contain_text('"shop"', timeout=20_000)
    page.get_by_role("tab", name="Live").click()
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("performanceLive")
    run.click()
    expect(page.get_by_role("button", name=re.compile("Stop query"))).to_be_visible()
    sender.request("/cart", seconds=0.05)
    expect(answer).to_contain_text('"performanceLive"', timeout=20_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(console: Console, sender: Sender, path: str, scheme: str) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open(path)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    expect(page.get_by_role("main")).to_be_visible(timeout=20_000)
    expect(page.locator("main[aria-busy=true], .bones")).to_have_count(0, timeout=20_000)
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    found = Axe().run(page).response["violations"]
    assert not found, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]


def test_who_signs_out_is_asked_for_a_password(console: Console) -> None:
    page = console.open("/monitoring/performance?service=century")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert not Axe().run(page).response["violations"]
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    stored = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "eyJ" not in stored, "a token lies in storage"
    assert PASSWORD not in stored
