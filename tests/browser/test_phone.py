"""On a phone nothing runs off the side, and a finger finds whatever can be pressed."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console
from tests.browser.sender import Sender
from tests.browser.test_oncall import ready

PAGES = (
    "/monitoring/alerts",
    "/monitoring/alerts/history",
    "/monitoring/alerts/review",
    "/monitoring/runbooks/high_error_rate",
    "/settings/rules",
    "/settings/rules/new",
    "/settings/channels",
    "/settings/escalation",
    "/settings/escalation/new",
    "/monitoring/on-call",
    "/monitoring/on-call/new",
    "/monitoring/maintenance",
    "/monitoring/infrastructure",
    "/monitoring/heartbeats",
    "/settings/status",
)

# What is felt reaches as far as a rim around what is seen; links within running text are as tall as their line.
SMALL = """() => {
  const felt = (one) => {
    const box = (one.matches('[type=checkbox], [type=radio]') && one.closest('label') || one).getBoundingClientRect();
    const rim = getComputedStyle(one, '::before');
    const grown = (a, b) => rim.position === 'absolute' && rim.content !== 'none'
      ? Math.max(0, -(parseFloat(a) || 0)) + Math.max(0, -(parseFloat(b) || 0)) : 0;
    return [box.width + grown(rim.left, rim.right), box.height + grown(rim.top, rim.bottom)];
  };
  return [...document.querySelectorAll(':is(main, dialog[open]) :is(a, button, input, select, textarea, summary), .bar :is(a, button)')]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 1)
    .filter((one) => !(one.matches('a') && getComputedStyle(one).display === 'inline'))
    .filter((one) => !one.matches(':disabled'))
    .map((one) => [one.outerHTML.slice(0, 120), ...felt(one)])
    .filter(([, width, height]) => width < 43.5 || height < 43.5);
}"""


def too_small(page: Page) -> list[list[object]]:
    """What can be pressed and is less than 44 pixels wide or high."""
    found: list[list[object]] = page.evaluate(SMALL)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_a_finger_finds_it(console: Console, sender: Sender, path: str) -> None:
    sender.request("/cart", seconds=0.05)
    page = console.open("/")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(console.address + path)
    ready(page)
    expect(page.locator("html")).to_have_js_property("scrollWidth", 390)
    assert too_small(page) == []
