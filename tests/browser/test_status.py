"""The status page: set up in the console, and seen by people without an account and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Console
from tests.browser.sender import Sender
from tests.browser.test_phone import too_small
from tests.platform.installation import Up

SOON = 20_000
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


@pytest.fixture
def stranger(installation: Up, chromium: Browser) -> Iterator[Console]:
    """Somebody without an account, whose browser runs no scripts."""
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(SOON)
    yield Console(context, f"http://127.0.0.1:{installation.port}")
    context.close()


@pytest.fixture(scope="module")
def published(console: Console, sender: Sender) -> Page:
    """The page with the shop on it, as an admin sets it up."""
    sender.request("/cart", seconds=0.05)
    page = console.open("/settings/status")
    expect(page.get_by_text("Not published")).to_be_visible(timeout=SOON)
    page.get_by_label("Title").fill("Status of our shop")
    page.get_by_label("Heading").fill("Website")
    choice = page.get_by_role("combobox", name="Show something")
    expect(choice.locator("option", has_text="shop")).to_have_count(1, timeout=SOON)
    choice.select_option(label="shop")
    page.get_by_label("What people read for shop").fill("Web shop")
    page.get_by_role("switch", name="Published").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. Anybody can see it.")).to_be_visible()
    return page


def strip(page: Page) -> Locator:
    return page.get_by_role("region", name="Now")


def test_nobody_sees_it_before(console: Console, stranger: Console, sender: Sender) -> None:
    sender.request("/cart", seconds=0.05)
    page = stranger.open("/status")
    expect(page.get_by_role("heading", name="There is no status page here")).to_be_visible()


def test_what_is_published_is_seen_by_anybody(published: Page, stranger: Console) -> None:
    page = stranger.open("/status")
    expect(page.get_by_role("heading", name="Status of our shop")).to_be_visible()
    expect(strip(page)).to_contain_text("Everything works")
    group = page.get_by_role("region", name="Website")
    expect(group.get_by_role("listitem")).to_contain_text("Operational")
    expect(group.get_by_role("img", name=re.compile("of the last 90 days"))).to_be_visible()
    expect(group.get_by_role("heading", name="Web shop")).to_be_visible()
    assert page.title() == "Everything works · Status of our shop"
    assert stranger.faults == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(published: Page, installation: Up, chromium: Browser, scheme: str, size: str) -> None:
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light"
    )
    stranger = Console(context, f"http://127.0.0.1:{installation.port}")
    try:
        page = stranger.open("/status")
        expect(strip(page)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert size == "desktop" or too_small(page) == []
        found = Axe().run(page).response["violations"]
        assert not found, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]
        assert stranger.faults == []
    finally:
        context.close()


def test_what_is_announced_is_seen_and_ended(published: Page, console: Console, stranger: Console) -> None:
    page = console.open("/settings/status")
    page.get_by_role("button", name="Announce").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("What people are told").fill("We move to a new host")
    form.get_by_label("It says that").select_option(label="Maintenance")
    form.get_by_role("button", name="Announce").click()
    said = page.get_by_role("listitem").filter(has_text="We move to a new host")
    expect(said).to_contain_text("Now · Maintenance")
    shown = stranger.open("/status")
    expect(strip(shown)).to_contain_text("We move to a new host")
    said.get_by_role("button", name="End it").click()
    expect(said).to_contain_text("Over")
    shown.reload()
    expect(strip(shown)).to_contain_text("Everything works")
    expect(shown.get_by_role("region", name="The last 14 days")).to_contain_text("We move to a new host")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_settings_are_accessible(published: Page, console: Console, scheme: str, size: str) -> None:
    page = console.open("/settings/status")
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    expect(page.get_by_label("What people read for shop")).to_be_visible()
    page.get_by_role("button", name="Another group").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    assert size == "desktop" or too_small(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page).response["violations"]
    assert not found, [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found]
    page.get_by_role("button", name="Discard").click()
