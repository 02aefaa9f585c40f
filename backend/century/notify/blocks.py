"""Messages as Slack's Block Kit; whatever comes from outside is escaped."""

from __future__ import annotations

from typing import Any

from century.core.wording import one_line
from century.notify.event import Event
from century.notify.message import AlertBrief, Message
from century.notify.rendering import intro, since, subject
from century.rules.severity import Severity

COLOURS = {Severity.CRITICAL: "#b00f2f", Severity.WARNING: "#b87a00", Severity.INFO: "#2b5cb0"}
RESOLVED = "#0f9c85"
SIGNS = {Severity.CRITICAL: "◆", Severity.WARNING: "▲", Severity.INFO: "●"}
LONGEST = 2_900

Block = dict[str, Any]


def escape(said: str) -> str:
    """Text that Slack shows as it is: no mention, link or channel comes out of it."""
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack(message: Message) -> dict[str, Any]:
    """What an incoming webhook takes: a line for the notification, and the blocks with a colour beside them."""
    colour = RESOLVED if message.event is not Event.FIRING else COLOURS[message.severity]
    return {
        "text": escape(subject(message)),
        "unfurl_links": False,
        "unfurl_media": False,
        "attachments": [{"color": colour, "fallback": escape(subject(message)), "blocks": blocks(message)}],
    }


def blocks(message: Message) -> list[Block]:
    """The message as blocks; its last line carries the key, by which a repeat is recognised."""
    made: list[Block] = []
    if message.notice or message.event is Event.TEST:
        made.append(_section(escape(message.notice or "Messages of Century reach you here.")))
        made.append(_buttons([("Open Century", message.page, None)]))
    else:
        if said := intro(message):
            made.append(_section(f"*{escape(said)}*"))
        for alert in message.shown:
            made += _alert(alert, message)
        if message.unshown:
            made.append(_section(f"And {message.unshown} more."))
        if len(message.alerts) > 1:
            every = [("Acknowledge all", message.acknowledge, "primary")] if message.acknowledge else []
            made.append(_buttons([*every, ("Open alerts", message.page, None)]))
    made.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"Century · {escape(message.key)}"}]})
    return made


def _alert(alert: AlertBrief, message: Message) -> list[Block]:
    alone = len(message.alerts) == 1
    sign = "✓" if message.event is Event.RESOLVED else SIGNS[alert.severity]
    title = f"{sign} *{alert.severity.value.upper()}  <{alert.page}|{escape(one_line(alert.subject, 200))}>*"
    lines = [title, f"{escape(one_line(alert.what, 500))}.", escape(since(alert, message))]
    if message.event is Event.FIRING and alone and alert.steps:
        lines += ["", "*First steps*"]
        lines += [f"{number}. {escape(one_line(step, 300))}" for number, step in enumerate(alert.steps, 1)]
        if alert.more_steps:
            lines.append(f"_{alert.more_steps} more in the runbook_")
    made = [_section("\n".join(lines))]
    if not alone:
        return made
    buttons: list[tuple[str, str, str | None]] = []
    if alert.acknowledge:
        buttons.append(("Acknowledge", alert.acknowledge, "primary"))
    buttons.append(("Open the alert", alert.page, None))
    if alert.runbook_url and message.event is Event.FIRING:
        buttons.append(("Runbook", alert.runbook_url, None))
    return [*made, _buttons(buttons)]


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST]}}


def _buttons(buttons: list[tuple[str, str, str | None]]) -> Block:
    made = []
    for number, (label, url, style) in enumerate(buttons):
        button: Block = {
            "type": "button",
            "action_id": f"open-{number}",
            "text": {"type": "plain_text", "text": label},
            "url": url,
        }
        made.append(button | ({"style": style} if style else {}))
    return {"type": "actions", "elements": made}
