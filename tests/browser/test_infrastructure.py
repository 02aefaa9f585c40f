"""Probes and heartbeats in the console: set up, seen to fail and to report, and found from the alert."""

from __future__ import annotations

import re
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Console

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


@pytest.mark.parametrize("path", [PROBES, "/monitoring/heartbeats"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(console: Console, path: str, scheme: str) -> None:
    page = console.open("/")
    page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    page.goto(console.address + path)
    expect(page.get_by_role("table")).to_be_visible(timeout=SOON)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
