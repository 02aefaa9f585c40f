"""Rules, objectives, channels, escalation, on-call and maintenance in a real browser, on a real installation."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.sender import Sender

PAGES = (
    "/settings/rules",
    "/settings/rules/new",
    "/settings/objectives",
    "/settings/channels",
    "/settings/escalation",
    "/settings/escalation/new",
    "/monitoring/on-call",
    "/monitoring/on-call/new",
    "/monitoring/maintenance",
    "/monitoring/runbooks/high_error_rate",
)


def ready(page: Page) -> None:
    expect(page.get_by_role("main")).to_be_visible(timeout=20_000)
    expect(page.locator("main[aria-busy=true], .bones")).to_have_count(0, timeout=20_000)


def test_a_rule_is_changed_in_its_sentence_and_restored(console: Console, sender: Sender) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open("/settings/rules?find=high_error_rate")
    page.get_by_role("link", name="high_error_rate").click()
    threshold = page.get_by_label("Threshold, %")
    expect(threshold).to_have_value("5")
    threshold.fill("7")
    unsaved = page.get_by_role("group", name="Unsaved")
    expect(unsaved).to_contain_text("threshold")
    expect(page.get_by_role("main")).to_contain_text(re.compile(r"above 7"))
    unsaved.get_by_role("button", name="Save").click()
    expect(unsaved).to_have_count(0)
    versions = page.get_by_role("region", name="Versions")
    expect(versions.get_by_role("button")).to_have_count(2)
    versions.get_by_role("button", name=re.compile("the first version")).click()
    page.get_by_role("button", name="Restore this version").click()
    expect(threshold).to_have_value("5")
    expect(versions.get_by_role("button")).to_have_count(3)


def test_a_threshold_is_moved_by_keyboard_and_pointer(console: Console, sender: Sender) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open("/settings/rules?find=high_error_rate")
    page.get_by_role("link", name="high_error_rate").click()
    tried = page.get_by_role("region", name="On what was measured")
    handle = tried.get_by_role("slider", name="Threshold")
    expect(handle).to_have_attribute("aria-valuetext", "5%", timeout=20_000)
    handle.focus()
    handle.press("PageUp")
    expect(handle).not_to_have_attribute("aria-valuetext", "5%")
    expect(page.get_by_label("Threshold, %")).not_to_have_value("5")
    expect(page.get_by_role("group", name="Unsaved")).to_contain_text("threshold")
    typed = page.get_by_label("Threshold, %").input_value()
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2 + 60, steps=4)
    page.mouse.up()
    expect(page.get_by_label("Threshold, %")).not_to_have_value(typed)
    tried.get_by_role("button", name="The last 7 days").click()
    expect(page).to_have_url(re.compile("history=P7D"))
    expect(tried.get_by_text("in the last 7 days").first).to_be_visible(timeout=20_000)


def rule_page(console: Console) -> Page:
    page = console.open("/settings/rules?find=high_memory_usage")
    page.get_by_role("link", name="high_memory_usage").click()
    expect(page.get_by_label("Threshold, %")).to_be_visible()
    return page


def test_two_people_change_one_rule_and_nothing_is_lost(console: Console, colleague: Console) -> None:
    mine, theirs = rule_page(console), rule_page(colleague)
    began = mine.get_by_label("Threshold, %").input_value()
    theirs.get_by_label("Threshold, %").fill("81")
    theirs.get_by_label("Minimum samples").fill("7")
    mine.get_by_label("Threshold, %").fill("82")
    mine.get_by_label("Address of more").fill("https://wiki.example/memory")
    theirs.get_by_role("group", name="Unsaved").get_by_role("button", name="Save").click()
    expect(theirs.get_by_role("group", name="Unsaved")).to_have_count(0)

    bar = mine.get_by_role("group", name="Unsaved")
    bar.get_by_role("button", name="Save").click()
    dialog = mine.get_by_role("dialog", name="nadia saved it in between")
    fields = dialog.get_by_role("group")
    expect(fields).to_have_count(3)
    threshold = fields.filter(has_text="You both changed it")
    expect(threshold.get_by_role("radio", name="nadia: 81%")).not_to_be_checked()
    expect(threshold.get_by_role("radio", name="You: 82%")).to_be_checked()
    expect(dialog.get_by_role("radio", name="nadia: 7")).to_be_checked()
    expect(dialog.get_by_role("radio", name="You: https://wiki.example/memory")).to_be_checked()
    violations = Axe().run(mine).response["violations"]
    assert not violations, [each["id"] for each in violations]

    # Closed, it leaves everything as it was, and theirs can be taken, and that taken back.
    dialog.get_by_role("button", name="Close").click()
    expect(mine.get_by_label("Threshold, %")).to_have_value("82")
    mine.get_by_role("button", name="Compare").click()
    dialog.get_by_role("button", name="Take theirs, drop mine").click()
    expect(mine.get_by_label("Threshold, %")).to_have_value("81")
    expect(bar).to_have_count(0)
    mine.get_by_role("button", name="Undo").click()
    expect(mine.get_by_label("Threshold, %")).to_have_value("82")

    bar.get_by_role("button", name="Save").click()
    dialog.get_by_role("button", name="Save what is chosen").click()
    expect(bar).to_have_count(0)
    for page in (mine, theirs):
        page.reload()
        expect(page.get_by_label("Threshold, %")).to_have_value("82")
        expect(page.get_by_label("Minimum samples")).to_have_value("7")
        expect(page.get_by_label("Address of more")).to_have_value("https://wiki.example/memory")
    versions = mine.get_by_role("region", name="Versions").get_by_role("button")
    expect(versions).to_have_count(3)
    versions.last.click()
    mine.get_by_role("button", name="Restore this version").click()
    expect(mine.get_by_label("Threshold, %")).to_have_value(began)


def test_changes_wait_for_whoever_walks_away(console: Console) -> None:
    page = rule_page(console)
    read = page.get_by_label("Threshold, %").input_value()
    page.get_by_label("Threshold, %").fill("83")
    page.get_by_role("navigation").get_by_role("link", name="Escalation").first.click()
    expect(page.get_by_role("heading", name="Escalation")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Threshold, %")).to_have_value("83")
    page.get_by_role("group", name="Unsaved").get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Threshold, %")).to_have_value(read)


def test_what_cannot_be_saved_is_said_at_its_field(console: Console) -> None:
    page = console.open("/settings/rules/new")
    page.get_by_label("Name", exact=True).fill("never fires")
    page.get_by_label("Threshold, %").fill("250")
    expect(page.locator(".sentence .wrong, .sentence .doubt").first).to_be_visible(timeout=20_000)
    page = console.open("/settings/channels")
    page.get_by_role("button", name="New channel").click()
    page.get_by_role("button", name=re.compile("^Webhook")).click()
    page.get_by_label("Name", exact=True).fill("metadata")
    page.get_by_label(re.compile("Address|URL")).first.fill("http://169.254.169.254/latest")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").locator(".wrong")).to_be_visible()


def test_a_message_leads_to_the_runbook(console: Console) -> None:
    page = console.open("/monitoring/runbooks/high_error_rate")
    expect(page.get_by_role("heading", name="high_error_rate", level=2)).to_be_visible()
    todo = page.get_by_role("region", name="What to do")
    expect(todo.get_by_role("listitem").first).to_contain_text("Review application error logs")
    expect(page.get_by_role("main")).to_contain_text(re.compile("Critical. Error rate of any service above 5"))
    expect(page.get_by_role("region", name="Open now")).to_contain_text("No alert of this rule is open.")
    page.get_by_role("link", name="The rule").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("high_error_rate")
    page = console.open("/monitoring/runbooks/renamed_since")
    page.get_by_role("heading", name="No rule is called renamed_since").wait_for()
    page.get_by_role("link", name="All rules").click()
    expect(page).to_have_url(re.compile("/settings/rules$"))


def test_an_objective_brings_its_rules(console: Console, sender: Sender) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open("/settings/objectives")
    page.get_by_role("button", name="New objective").click()
    page.get_by_label("Name", exact=True).fill("shop works")
    page.get_by_label("Service").fill("shop")
    page.get_by_role("button", name="Promise it").click()
    card = page.get_by_role("region", name="shop works")
    expect(card).to_contain_text("of the budget")
    expect(card.get_by_role("link")).to_have_count(2)


def test_whoever_is_on_call_is_told_first(console: Console) -> None:
    page = console.open("/monitoring/on-call/new")
    page.get_by_label("Name", exact=True).fill("Night watch")
    preview = page.get_by_role("region", name="As it would be")
    expect(preview).to_contain_text("Choose who takes turns")
    page.get_by_label("Add somebody to Weekly").select_option(label="admin")
    expect(preview).to_contain_text("somebody is on call at any time")
    page.get_by_label("On duty", exact=True).select_option("some")
    expect(preview).to_contain_text("nobody is on call")
    page.get_by_label("On duty", exact=True).select_option("always")
    page.get_by_role("button", name="Make the schedule").click()
    expect(page).to_have_url(re.compile(r"/monitoring/on-call\?schedule="))
    duty = page.get_by_role("listitem").filter(has_text="Night watch")
    expect(duty.get_by_text("It is you")).to_be_visible()
    expect(page.get_by_role("group", name=re.compile("^Shifts of Night watch"))).to_contain_text("admin")

    page.set_viewport_size({"width": 390, "height": 844})
    address = page.locator(".subscribe code")
    page.get_by_role("button", name="Calendar address").click()
    before = address.inner_text()
    page.get_by_role("button", name="New address").click()
    page.get_by_role("dialog").get_by_role("button", name="New address").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Calendar address").click()
    expect(address).not_to_have_text(before)
    page.set_viewport_size({"width": 1440, "height": 900})

    page.goto(console.address + "/settings/escalation/new")
    page.get_by_label("Name", exact=True).fill("At night")
    page.get_by_label("Tell somebody at level 1").select_option(label="Night watch")
    page.get_by_role("button", name="Make the policy").click()
    rehearsal = page.get_by_role("region", name="Rehearse it")
    expect(rehearsal.get_by_text("admin").first).to_be_visible()
    rehearsal.get_by_role("button", name="Tonight at 3").click()
    expect(rehearsal.get_by_text("admin").first).to_be_visible()


def test_a_window_holds_and_ends(console: Console) -> None:
    page = console.open("/monitoring/maintenance")
    page.get_by_role("button", name="Plan a window").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why, so that others know").fill("The shop is released")
    dialog.get_by_label("Value").fill("shop")
    dialog.get_by_label("How often").select_option("WEEKLY")
    expect(dialog.get_by_text(re.compile("It comes every"))).to_be_visible()
    dialog.get_by_role("button", name="Plan it").click()
    row = page.get_by_role("listitem").filter(has_text="The shop is released").first
    expect(row).to_contain_text("alerts whose service is shop")
    expect(row).to_contain_text("every")
    row.get_by_role("button", name=re.compile("^(Cancel it|End now)")).click()
    dialog.get_by_role("button", name=re.compile("^(Cancel it|End now)")).click()
    expect(page.get_by_text("The shop is released")).to_have_count(0)


def test_ones_own_way_to_be_reached(console: Console) -> None:
    page = console.open("/settings/account")
    ways = page.get_by_role("region", name="How you are reached")
    ways.get_by_role("button", name="Add a way").click()
    page.get_by_role("button", name=re.compile("^Webhook")).click()
    page.get_by_label("Name", exact=True).fill("my pager")
    page.get_by_label(re.compile("Address|URL")).first.fill("https://pager.example/hook")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="I have stored it").click()
    expect(ways.get_by_text("my pager")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(console: Console, sender: Sender, path: str, scheme: str) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open(path)
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    ready(page)
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)
    found = Axe().run(page).response["violations"]
    assert not found, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]
