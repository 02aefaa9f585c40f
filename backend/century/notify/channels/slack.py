"""Slack, by an incoming webhook."""

from __future__ import annotations

import orjson

from century.core.errors import Invalid
from century.core.settings import Settings
from century.notify.blocks import slack
from century.notify.message import Message
from century.notify.wire import Config, Field, Receipt, Wire, post, words

LABEL = "Slack"
HELP = "Writes into a Slack channel by an incoming webhook of your workspace."
GROUPS = True
READ = True
LANES = 1
CHILD = False
FIELDS = (
    Field(
        "url",
        "Incoming webhook",
        "From Slack: Apps, Incoming Webhooks, Add to Slack. Whoever knows it can write into the channel.",
        secret=True,
        placeholder="https://hooks.slack.com/services/…",
    ),
)


def unavailable(settings: Settings) -> str | None:
    """It works everywhere."""
    return None


async def check(config: Config, wire: Wire) -> None:
    """The address may be reached."""
    if "@" in config["url"]:
        raise Invalid("this is no incoming webhook; it looks like https://hooks.slack.com/services/…", field="url")
    await wire.outbound.check(config["url"])


async def send(config: Config, message: Message, wire: Wire) -> Receipt:
    """Write the message into the channel."""
    body = orjson.dumps(slack(message))
    headers = {"Content-Type": "application/json"}
    return Receipt(words(await post(wire, config["url"], body, headers, now=message.at, what="Slack")))
