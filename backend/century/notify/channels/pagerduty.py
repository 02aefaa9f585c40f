"""PagerDuty, by its Events API v2 (https://developer.pagerduty.com/docs/events-api-v2/overview/)."""

from __future__ import annotations

import re
from typing import Any

import orjson

from century.core.errors import Invalid
from century.core.settings import Settings
from century.notify.event import Event
from century.notify.message import Message
from century.notify.rendering import subject
from century.notify.wire import Config, Field, Permanent, Receipt, Wire, post, words

LABEL = "PagerDuty"
HELP = "Triggers, acknowledges and resolves incidents of a PagerDuty service, one for each alert."
GROUPS = False
READ = False
LANES = 8
CHILD = False
FIELDS = (
    Field(
        "routing_key",
        "Integration key",
        "From PagerDuty: the service, Integrations, Events API V2. 32 letters and digits.",
        secret=True,
    ),
)
LONGEST_SUMMARY = 1_024
ACTIONS = {
    Event.FIRING: "trigger",
    Event.ACKNOWLEDGED: "acknowledge",
    Event.RESOLVED: "resolve",
    Event.TEST: "trigger",
    Event.NOTICE: "trigger",
}
_KEY = re.compile(r"[0-9A-Za-z]{32}", re.ASCII)


def unavailable(settings: Settings) -> str | None:
    """It works everywhere."""
    return None


async def check(config: Config, wire: Wire) -> None:
    """The key looks like one."""
    if not _KEY.fullmatch(config["routing_key"]):
        raise Invalid("an integration key has 32 letters and digits", field="routing_key")


async def send(config: Config, message: Message, wire: Wire) -> Receipt:
    """Send one event. A test triggers an incident and resolves it at once."""
    receipt = await _send(config, event(config["routing_key"], message, ACTIONS[message.event]), message, wire)
    if message.event is Event.TEST:
        await _send(config, event(config["routing_key"], message, "resolve"), message, wire)
    return receipt


async def _send(config: Config, body: dict[str, Any], message: Message, wire: Wire) -> Receipt:
    headers = {"Content-Type": "application/json"}
    url = wire.settings.pagerduty_url
    try:
        return Receipt(words(await post(wire, url, orjson.dumps(body), headers, now=message.at, what="PagerDuty")))
    except Permanent as error:
        # 400 with these words means the key itself, whatever the event.
        raise Permanent(error.detail, stops=error.stops or "routing key" in error.detail.lower()) from None


def event(routing_key: str, message: Message, action: str) -> dict[str, Any]:
    """The event; every one about an alert has that alert's `dedup_key`."""
    alert = message.alerts[0] if message.alerts else None
    said: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"century-{alert.id}" if alert else message.key,
    }
    if action != "trigger":
        return said
    said |= {"client": "Century", "client_url": alert.page if alert else message.page}
    said["payload"] = {
        "summary": subject(message)[:LONGEST_SUMMARY],
        "source": alert.subject if alert else "century",
        "severity": message.severity.value,
        "timestamp": alert.since if alert else message.at,
    }
    if alert:
        said["payload"] |= {
            "component": alert.place,
            "class": alert.rule,
            "custom_details": {
                "what": alert.what,
                "value": alert.value,
                "threshold": alert.bound,
                "first steps": list(alert.steps),
                "key": message.key,
            },
        }
        links = [("Alert", alert.page), ("Runbook", alert.runbook_url), ("Acknowledge", alert.acknowledge)]
        said["links"] = [{"text": label, "href": href} for label, href in links if href]
    return said
