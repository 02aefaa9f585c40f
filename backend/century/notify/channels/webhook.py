"""Webhooks, signed after Standard Webhooks (https://www.standardwebhooks.com): any program can check who calls it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any

import orjson

from century.core.errors import Invalid
from century.core.settings import Settings
from century.notify.message import AlertBrief, Message
from century.notify.rendering import subject, text
from century.notify.wire import Config, Field, Receipt, Wire, post, words

LABEL = "Webhook"
HELP = "POSTs JSON to an address of yours, signed after Standard Webhooks, so that your program can check who calls."
GROUPS = True
READ = False
LANES = 2
CHILD = False
FIELDS = (
    Field("url", "Address", "Where to POST to.", placeholder="https://example.com/alerts"),
    Field(
        "secret",
        "Signing secret",
        "Begins with whsec_. Left empty, one is made and shown once.",
        required=False,
        secret=True,
        placeholder="whsec_…",
    ),
    Field(
        "authorization",
        "Authorization header",
        "Sent along as it is, for receivers that ask for one.",
        required=False,
        secret=True,
        placeholder="Bearer …",
    ),
)
PREFIX = "whsec_"
SECRET_LENGTH = 32


def unavailable(settings: Settings) -> str | None:
    """It works everywhere."""
    return None


def new_secret() -> str:
    """A signing secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_LENGTH)).decode()


async def check(config: Config, wire: Wire) -> None:
    """The address may be reached, and the secret is one."""
    await wire.outbound.check(config["url"])
    if config["secret"]:
        _key(config["secret"])
    if any(not 32 <= ord(each) < 127 for each in config["authorization"]):
        raise Invalid("a header holds letters, digits and signs of ASCII alone", field="authorization")


async def send(config: Config, message: Message, wire: Wire) -> Receipt:
    """POST the message as JSON."""
    body = orjson.dumps(payload(message))
    stamp = str(int(message.at.timestamp()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.key,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(config["secret"], message.key, stamp, body),
    }
    if config["authorization"]:
        headers["Authorization"] = config["authorization"]
    answer = await post(wire, config["url"], body, headers, now=message.at, what="the receiver")
    return Receipt(words(answer))


def sign(secret: str, key: str, stamp: str, body: bytes) -> str:
    """The signature: HMAC-SHA256 over id, time and body."""
    mac = hmac.new(_key(secret), b".".join((key.encode(), stamp.encode(), body)), hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


def _key(secret: str) -> bytes:
    try:
        if not secret.startswith(PREFIX):
            raise ValueError("no prefix")
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise Invalid(
            "a signing secret looks like whsec_ and base64; leave it empty to have one made", field="secret"
        ) from None
    if not 24 <= len(key) <= 64:
        raise Invalid("a signing secret holds 24 to 64 bytes", field="secret")
    return key


def payload(message: Message) -> dict[str, Any]:
    """The message as programs read it."""
    return {
        "type": f"alert.{message.event.value}" if message.alerts else message.event.value,
        "timestamp": message.at,
        "data": {
            "key": message.key,
            "event": message.event.value,
            "severity": message.severity.value if message.alerts else None,
            "title": subject(message),
            "text": text(message),
            "level": message.level,
            "url": message.page,
            "acknowledge_url": message.acknowledge,
            "alerts": [_alert(each) for each in message.alerts],
        },
    }


def _alert(alert: AlertBrief) -> dict[str, Any]:
    return {
        "id": str(alert.id),
        "key": alert.key,
        "severity": alert.severity.value,
        "service": alert.service,
        "subject": alert.subject,
        "rule": alert.rule,
        "summary": alert.what,
        "value": alert.value,
        "threshold": alert.bound,
        "opened_at": alert.since,
        "resolved_at": alert.ended,
        "by": alert.by,
        "runbook_url": alert.runbook_url,
        "steps": alert.steps,
        "url": alert.page,
        "acknowledge_url": alert.acknowledge,
    }
