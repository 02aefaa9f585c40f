"""Probes and heartbeats in the console: set up, seen to fail and to report, and found from the alert."""

from __future__ import annotations

import re
import urllib.request
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.test_oncall import ready
from tests.browser.test_phone import too_small
from tests.browser.watched import HEARTBEAT, PROBE, Watched
from tests.platform.installation import Up, free_port

SOON = 20_000
PROBES = "/monitoring/infrastructure"


def test_what_century_stands_on_is_asked_from_the_start(console: Console) -> None:
    page = console.open(PROBES)
    row = page.get_by_role("row").filter(has_text="database")
    expect(row.first).to_contain_text("Up", timeout=60_000)
    row.first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=2, name="Century's database")).to_be_visible()
    expect(page.get_by_role("region", name="Latency", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="Last check")).to_contain_text("yes")
    page.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Name", exact=True)).to_have_value("Century's database")
    expect(form.get_by_label("Address")).to_have_count(0)  # the installation's settings have it
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0, timeout=SOON)


def test_a_database_is_added_by_its_address_alone(console: Console, installation: Up) -> None:
    page = console.open("/monitoring/dashboard")
    page.get_by_role("region", name="Infrastructure").get_by_role("link", name="Add a database").click(timeout=SOON)
    form = page.get_by_role("dialog")
    form.get_by_label("Address").fill(f"postgresql://somebody@127.0.0.1:{free_port()}/orders")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=2, name=re.compile(r"^orders at 127\.0\.0\.1"))).to_be_visible(
        timeout=SOON
    )
    page.get_by_role("button", name="Delete this probe").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page).to_have_url(re.compile(f"{PROBES}$"))


def test_a_probe_is_tried_and_a_wrong_field_is_named(console: Console) -> None:
    page = console.open(PROBES)
    page.get_by_role("button", name="New probe").click()
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="TCP").click()
    form.get_by_label("Name", exact=True).fill("our queue")
    form.get_by_label("Host").fill("127.0.0.1")
    form.get_by_label("Port").fill("99999")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert").first).to_contain_text("65535")
    form.get_by_label("Port").fill("1")
    form.get_by_role("button", name="Try it now").click()
    expect(form.get_by_text("It fails.")).to_be_visible(timeout=SOON)
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=2, name="our queue")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible(timeout=SOON)
    page.goto(console.address + PROBES + "?text=queue")
    expect(page.get_by_role("row").filter(has_text="our queue")).to_contain_text("Paused")
    page.get_by_role("link", name=re.compile("our queue")).click()
    page.get_by_role("button", name="Delete this probe").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Infrastructure")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("link", name=re.compile("our queue"))).to_have_count(0)


def test_a_job_reports(console: Console) -> None:
    page = console.open("/monitoring/heartbeats")
    page.get_by_role("button", name="New heartbeat").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name", exact=True).fill("nightly report")
    form.get_by_role("button", name="By a cron line").click()
    form.get_by_label("Cron line").fill("30 2 * * *")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    expect(form.get_by_text("Next:")).to_be_visible(timeout=SOON)
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=2, name="nightly report")).to_be_visible(timeout=SOON)
    line = page.get_by_role("region", name="the lines for curl").inner_text()
    found = re.search(r"https?://\S+", line)
    assert found is not None, line
    with urllib.request.urlopen(found[0], data=b"42 rows", timeout=10) as answer:
        assert answer.status == 200
    runs = page.get_by_role("region", name="Runs")
    expect(runs).to_contain_text("Good", timeout=SOON)
    expect(runs.get_by_text("What it said")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="systemd").click()
    expect(page.get_by_role("region", name="the lines for systemd")).to_contain_text("ExecStopPost")


def test_a_probe_and_its_alert_lead_to_each_other(console: Console, watched: Watched) -> None:
    page = console.open(watched.probe)
    alarms = page.get_by_role("list", name="Open alerts")
    alarms.get_by_role("link", name=re.compile(PROBE)).click(timeout=60_000)
    expect(page).to_have_url(re.compile("/monitoring/alerts/[0-9a-f-]{36}"))
    page.get_by_role("link", name=f"{PROBE}, down now").click()
    expect(page).to_have_url(re.compile(f"{watched.probe}$"))
    expect(page.get_by_role("heading", level=2, name=PROBE)).to_be_visible()
    page.goto(console.address + f"/monitoring/alerts?probe={quote(PROBE)}")
    listed = page.get_by_role("region", name="Open alerts").get_by_role("listitem")
    expect(listed.get_by_role("link", name=re.compile(PROBE)).first).to_be_visible()
    expect(listed.get_by_role("link", name=re.compile(HEARTBEAT))).to_have_count(0)
    page.get_by_role("button", name=re.compile("Show those of others too")).click()
    expect(listed.get_by_role("link", name=re.compile(HEARTBEAT)).first).to_be_visible(timeout=SOON)


def test_a_heartbeat_and_its_alert_lead_to_each_other(console: Console, watched: Watched) -> None:
    page = console.open(watched.heartbeat)
    alarms = page.get_by_role("list", name="Open alerts")
    alarms.get_by_role("link", name=re.compile(HEARTBEAT)).click(timeout=60_000)
    page.get_by_role("link", name=f"{HEARTBEAT}, failed now").click()
    expect(page.get_by_role("heading", level=2, name=HEARTBEAT)).to_be_visible()


def test_the_overview_says_how_what_services_stand_on_is(console: Console, watched: Watched) -> None:
    page = console.open("/monitoring/dashboard")
    strip = page.get_by_role("region", name="Infrastructure")
    expect(strip.get_by_role("link", name=re.compile(f"1 failed, [34] well.*{HEARTBEAT}"))).to_be_visible(timeout=SOON)
    strip.get_by_role("link", name=re.compile(f"1 down, .* up.*{PROBE}")).click(timeout=60_000)
    expect(page).to_have_url(re.compile(f"{watched.probe}$"))


def test_a_rule_reads_a_fact_by_what_it_is_called(console: Console, watched: Watched) -> None:
    page = console.open("/settings/rules/new")
    page.get_by_label("Name", exact=True).fill("queue is slow")
    page.get_by_label("Signal").select_option("FACT")
    page.get_by_label("Fact").select_option(label="Share of the memory used, %")
    expect(page.get_by_label("Threshold, %")).to_have_value("90")
    page.get_by_label("Fact").select_option("tcp.connect_time")
    expect(page.get_by_text("tcp.connect_time").first).to_be_visible()
    page.get_by_role("button", name="Only some probes").click()
    page.get_by_role("combobox", name="Values of kind").fill("tcp")
    page.get_by_role("combobox", name="Values of kind").press("Enter")
    page.get_by_label("Aggregation").select_option(label="95th percentile")
    page.get_by_role("button", name="Make the rule").click()
    expect(page).to_have_url(re.compile("/settings/rules/[0-9a-f-]{36}"), timeout=SOON)
    said = page.get_by_role("main").get_by_text(re.compile("time to connect of any probe where kind is tcp"))
    expect(said.first).to_be_visible()
    page.reload()
    expect(page.get_by_label("Aggregation")).to_have_value("P95")
    expect(page.get_by_role("button", name="Remove tcp")).to_be_visible()


PLACES = ("the probes", "the heartbeats", "a probe", "a heartbeat", "the probe form", "the heartbeat form")


def at(console: Console, watched: Watched, place: str) -> Page:
    """Somebody's page at a place, and what the place is for is there."""
    page = console.open("/")
    match place:
        case "the probes" | "the probe form":
            page.goto(console.address + PROBES)
            expect(page.get_by_role("table")).to_be_visible(timeout=SOON)
        case "the heartbeats" | "the heartbeat form":
            page.goto(console.address + "/monitoring/heartbeats")
            expect(page.get_by_role("table")).to_be_visible(timeout=SOON)
        case "a probe":
            page.goto(console.address + watched.probe)
            expect(page.get_by_role("region", name="Last check").get_by_role("definition").first).to_be_visible(
                timeout=60_000
            )
        case "a heartbeat":
            page.goto(console.address + watched.heartbeat)
            expect(page.get_by_role("region", name="Runs").get_by_role("listitem").first).to_be_visible(timeout=SOON)
    if place == "the probe form":
        page.get_by_role("button", name="New probe").click()
        page.get_by_role("dialog").get_by_role("button", name=re.compile("^PostgreSQL")).click()
        page.get_by_role("dialog").get_by_text("More settings").click()
        expect(page.get_by_role("dialog").get_by_label("Labels")).to_be_visible()
    elif place == "the heartbeat form":
        page.get_by_role("button", name="New heartbeat").click()
        page.get_by_role("dialog").get_by_role("button", name="By a cron line").click()
        expect(page.get_by_role("dialog").get_by_text("Next:")).to_be_visible(timeout=SOON)
    ready(page)
    return page


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(console: Console, watched: Watched, place: str, scheme: str) -> None:
    page = at(console, watched, place)
    page.emulate_media(color_scheme="light" if scheme == "light" else "dark", reduced_motion="reduce")
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("place", PLACES)
def test_a_finger_finds_it(console: Console, watched: Watched, place: str) -> None:
    page = at(console, watched, place)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert too_small(page) == []
