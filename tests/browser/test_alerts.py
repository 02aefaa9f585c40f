"""Alerts in a real browser, on a real installation: what goes wrong is seen, answered and read again."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console
from tests.browser.sender import Sender

ENOUGH = 22  # of failed requests, for the rule `high_error_rate` to be sure
SOON = 20_000
BROKEN = re.compile("^Error rate of shop")


@pytest.fixture(scope="module")
def failing(sender: Sender) -> Sender:
    """The shop's checkout fails, so that `high_error_rate` opens an alert."""
    sender.requests(ENOUGH, "/checkout", seconds=0.05, status=500, error="GatewayError")
    return sender


def opened(console: Console) -> tuple[Page, Locator]:
    """The page of open alerts and the line of the shop's error rate."""
    page = console.open("/monitoring/alerts")
    line = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=BROKEN))
    expect(line).to_be_visible(timeout=SOON)
    return page, line


def test_an_alert_appears_without_reloading_and_is_called_out(console: Console, sender: Sender) -> None:
    page = console.open("/monitoring/alerts")
    expect(page.get_by_role("heading", name="No open alerts")).to_be_visible()
    sender.requests(ENOUGH, "/checkout", seconds=0.05, status=500, error="GatewayError")
    line = page.get_by_role("listitem").filter(has=page.get_by_role("link", name=BROKEN))
    expect(line).to_be_visible(timeout=SOON)
    expect(line.get_by_text("Critical", exact=True)).to_be_visible()
    expect(line.get_by_text(re.compile(r"^Answer within \d:\d\d$"))).to_be_visible()
    expect(page.locator("[aria-live=assertive]")).to_contain_text("Critical alert: Error rate of shop")
    expect(
        page.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile("Alerts.*active"))
    ).to_be_visible()


def test_the_overview_says_what_is_wrong_and_leads_there(console: Console, failing: Sender) -> None:
    page = console.open("/monitoring/dashboard")
    strip = page.get_by_role("region", name="What is wrong")
    expect(strip.get_by_role("heading", name=BROKEN)).to_be_visible(timeout=SOON)
    strip.get_by_role("link", name="Open alert").click()
    expect(page).to_have_url(re.compile("/monitoring/alerts/[0-9a-f-]{36}"))
    expect(page.get_by_role("heading", name=BROKEN)).to_be_visible()


def test_an_alert_is_worked_on(console: Console, failing: Sender) -> None:
    page, line = opened(console)
    line.get_by_role("link", name=BROKEN).click()
    page.get_by_role("button", name=re.compile("^Acknowledge")).first.click()
    expect(page.get_by_text("admin has it", exact=False).first).to_be_visible()
    timeline = page.get_by_role("region", name="Timeline")
    page.get_by_label("Comment").fill("The gateway times out.")
    timeline.get_by_role("button", name="Comment").click()
    expect(timeline.get_by_text("The gateway times out.", exact=True)).to_be_visible()
    runbook = page.get_by_role("region", name="Runbook")
    runbook.get_by_role("checkbox").first.check()
    expect(runbook.get_by_role("heading", name=re.compile("1 of"))).to_be_visible()
    expect(timeline.get_by_text(re.compile("Check Logs")).first).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nobody has acknowledged it")).to_be_visible()
    assert console.faults == []


def test_an_alert_is_suppressed_with_a_reason_and_released(console: Console, failing: Sender) -> None:
    page, line = opened(console)
    line.get_by_role("link", name=BROKEN).focus()
    page.keyboard.press("s")
    dialog = page.get_by_role("dialog", name="Suppress")
    dialog.get_by_role("button", name="4 hours").click()
    dialog.get_by_label(re.compile("^Why")).fill("the gateway is being replaced")
    dialog.get_by_role("button", name="Suppress").click()
    expect(line.get_by_text(re.compile("^Suppressed until"))).to_be_visible()
    expect(line.get_by_text("the gateway is being replaced")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(line.get_by_text(re.compile("^Answer"))).to_be_visible()


def test_keys_move_select_and_acknowledge(console: Console, failing: Sender) -> None:
    page, line = opened(console)
    page.keyboard.press("j")
    expect(line.get_by_role("link", name=BROKEN)).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_role("region", name="Selected alerts")).to_contain_text("1 alert selected")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name=re.compile("^Being worked on"))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name=re.compile("^Waiting for an answer"))).to_be_visible()


def test_the_history_is_sifted_by_its_address(console: Console, failing: Sender) -> None:
    opened(console)
    page = console.open("/monitoring/alerts/history?state=resolved")
    expect(page.get_by_text("No alert fits these filters")).to_be_visible()
    page.get_by_label("State").select_option("Any")
    listed = page.get_by_role("table").get_by_role("link", name=BROKEN)  # not in the strip above
    expect(listed).to_be_visible()
    page.get_by_label("Text").fill("nothing of the kind")
    page.get_by_label("Text").press("Enter")
    expect(page).to_have_url(re.compile(r"q=nothing"))
    expect(page.get_by_text("No alert fits these filters")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(listed).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_alert_and_the_list_are_accessible(console: Console, failing: Sender, scheme: str) -> None:
    page, line = opened(console)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    for name in ("the list", "the alert", "the review"):
        found = Axe().run(page).response["violations"]
        assert not found, (name, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found])
        if name == "the list":
            line.get_by_role("link", name=BROKEN).click()
            expect(page.get_by_role("region", name="Timeline")).to_be_visible()
        elif name == "the alert":
            page.goto(console.address + "/monitoring/alerts/review")
            expect(page.get_by_role("region", name="Noisiest rules")).to_be_visible()


def test_on_a_phone_the_actions_are_the_bottom_bar(console: Console, failing: Sender) -> None:
    page, line = opened(console)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(line.get_by_role("button", name="Acknowledge", exact=True)).to_be_visible()
    line.get_by_role("link", name=BROKEN).click()
    expect(page.get_by_role("region", name="Timeline")).to_be_visible()
    button = page.locator(".bottom").get_by_role("button", name=re.compile("^Acknowledge"))
    expect(button).to_be_in_viewport()
    box = button.bounding_box()
    assert box is not None and box["height"] >= 44 and box["y"] + box["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
