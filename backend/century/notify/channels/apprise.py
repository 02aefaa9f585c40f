"""Every service that apprise reaches (https://appriseit.com/services/), in a child process that is held on a short lead."""

from __future__ import annotations

from century.core.errors import Invalid, Unavailable
from century.core.settings import Settings
from century.notify.contained import run
from century.notify.event import Event
from century.notify.message import Message
from century.notify.rendering import subject, text
from century.notify.wire import Config, Field, Permanent, Receipt, Temporary, Wire
from century.rules.severity import Severity

LABEL = "Another service"
HELP = "Telegram, Microsoft Teams, Discord, Matrix, Pushover, SMS and about a hundred more, by their apprise address."
GROUPS = True
READ = True
LANES = 1
CHILD = True
FIELDS = (
    Field(
        "url",
        "Apprise address",
        "As appriseit.com/services describes it for your service; it holds your credentials there.",
        secret=True,
        placeholder="tgram://bot-token/chat-id",
    ),
)
SECONDS = 30.0
GONE = ("404", "410")
TYPES = {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}


def unavailable(settings: Settings) -> str | None:
    """It works everywhere."""
    return None


async def check(config: Config, wire: Wire) -> None:
    """apprise knows the address, and where it names a host, that may be reached."""
    said = await run({"do": "check", "url": config["url"]}, SECONDS)
    if not said.get("ok"):
        raise Invalid(str(said.get("detail") or "apprise does not know this address"), field="url")
    if host := said.get("host"):
        await wire.outbound.check(f"https://{host}/")


async def send(config: Config, message: Message, wire: Wire) -> Receipt:
    """Hand the message to the service."""
    work = {
        "do": "send",
        "url": config["url"],
        "title": subject(message),
        "body": text(message),
        "type": TYPES[message.severity] if message.event is Event.FIRING else "success",
        "allow": list(wire.settings.egress_allow),
    }
    try:
        said = await run(work, SECONDS)
    except Unavailable as error:
        raise Temporary(error.message, unknown=True) from None
    detail = str(said.get("detail") or "the service did not take it")
    if said.get("ok"):
        return Receipt(detail)
    if said.get("forbidden"):
        raise Permanent(detail)
    if any(f"error={code}" in detail for code in GONE):
        raise Permanent(detail, stops=True)
    raise Temporary(detail)
