"""An installation as people start it, and a browser that finds fault with every page it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from century import pages
from tests.browser.sender import Sender
from tests.browser.watched import Watched, token_of, watch
from tests.platform.installation import Up, century, link_in, up

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "a passphrase of several words"


@dataclass(slots=True)
class Console:
    """Somebody's browser, signed in; `faults` holds every error a page printed or threw."""

    context: BrowserContext
    address: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.on("console", lambda message: self._hear(message))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(self.address + path if path.startswith("/") else path)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.faults.append(f"{message.text} {message.location.get('url', '')}")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`century up` on a folder of its own."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's Chromium is not installed")
    assert pages.Console().has(pages.INDEX), "the console is not built: run `just web`"
    # Probes of this machine may be made, as there is no other to ask.
    folder = tmp_path_factory.mktemp("browser") / "installation"
    with up(folder, MONITORING_EGRESS_ALLOW="127.0.0.0/8") as running:
        yield running


@pytest.fixture(scope="module")
def sender(installation: Up) -> Sender:
    """A service that sends telemetry with a key of its own."""
    made = century("keys", "create", "shop", "--scope", "ingest", "--data-dir", str(installation.data_dir))
    assert made.returncode == 0, made.stderr
    return Sender(f"http://127.0.0.1:{installation.port}", made.stdout.split()[-1], "shop")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # The plugin's own fixtures live as long as the session, and their event loop would stand in the way of other tests.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def console(installation: Up, chromium: Browser) -> Iterator[Console]:
    """The first admin's browser, signed in by the link that the first start printed."""
    link = link_in(installation.said)
    assert link is not None
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    console = Console(context, f"http://127.0.0.1:{installation.port}")
    page = console.open(link)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=20_000)
    page.close()
    yield console
    context.close()


@pytest.fixture(scope="module")
def watched(installation: Up, console: Console) -> Watched:
    """A probe and a heartbeat in trouble: each with an open alert, or soon."""
    return watch(installation, token_of(console.address, "admin", PASSWORD))


@pytest.fixture
def colleague(installation: Up, chromium: Browser) -> Iterator[Console]:
    """Another admin, nadia, at a browser of their own."""
    name = "nadia"
    made = century(
        *("users", "create", name, "nadia@example.com", "--role", "admin", "--password-stdin"),
        *("--data-dir", str(installation.data_dir)),
        typed=PASSWORD,
    )
    assert made.returncode == 0, made.stderr
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(20_000)
    console = Console(context, f"http://127.0.0.1:{installation.port}")
    page = console.open("/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").first.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=20_000)
    page.close()
    console.faults.clear()  # a browser that is signed out hears so once
    yield console
    context.close()
    assert console.faults == []


@pytest.fixture(autouse=True)
def _finds_no_fault(console: Console) -> Iterator[None]:
    console.faults.clear()
    yield
    for page in console.context.pages:
        page.close()
    assert console.faults == []
