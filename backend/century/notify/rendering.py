"""Messages as text: the subject line that is read at 03:00, and the text below it."""

from __future__ import annotations

from datetime import datetime, timedelta

from century.core.wording import duration, one_line
from century.notify.event import Event
from century.notify.message import AlertBrief, Message

LONGEST_SUBJECT = 160
NAMED = 2


def subject(message: Message) -> str:
    """One line, the most telling words first: "CRITICAL checkout: error rate 7.2 % (above 5 %)"."""
    return one_line(_subject(message), LONGEST_SUBJECT)


def headline(message: Message) -> str:
    """The subject as a page's first line has it: without the severity, which stands beside it."""
    if message.notice:
        return one_line(message.notice, 300)
    if message.event is Event.TEST:
        return "This channel works"
    if len(message.alerts) > 1:
        return f"{len(message.alerts)} alerts {_verb(message.event)}{_where(message)}"
    alert = message.alerts[0]
    return alert.what if message.event is Event.FIRING else f"{alert.place}: {alert.short}"


def _subject(message: Message) -> str:
    if message.notice:
        return f"Century: {message.notice}"
    if message.event is Event.TEST:
        return "Century: a test of this channel"
    head = {
        Event.FIRING: message.severity.value.upper(),
        Event.ACKNOWLEDGED: "Acknowledged",
        Event.RESOLVED: "Resolved",
    }[message.event]
    if message.event is Event.FIRING and message.level > 1:
        head += f" (level {message.level})"
    if len(message.alerts) > 1:
        return f"{head} {len(message.alerts)} alerts{_where(message)}"
    alert = message.alerts[0]
    return f"{head} {alert.subject}: {alert.short}"


def _verb(event: Event) -> str:
    return {Event.ACKNOWLEDGED: "were acknowledged", Event.RESOLVED: "are resolved"}.get(event, "fire")


def _where(message: Message) -> str:
    places = message.services
    if len(places) <= NAMED + 1:
        named = ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + places[-1]
        return f": {named}"
    return f": {', '.join(places[:NAMED])} and {len(places) - NAMED} more services"


def text(message: Message) -> str:
    """The message as plain text."""
    if message.notice:
        return "\n".join((message.notice, "", message.page, "", f"Century · {message.key}"))
    if message.event is Event.TEST:
        return f"Messages of Century reach you here.\n\n{message.page}\n\nCentury · {message.key}"
    parts = [intro(message)] if intro(message) else []
    if message.acknowledge and len(message.alerts) > 1:
        parts.append(f"Acknowledge all of them: {message.acknowledge}")
    parts += ["\n".join(_alert(each, message, alone=len(message.alerts) == 1)) for each in message.shown]
    if message.unshown:
        parts.append(f"And {message.unshown} more: {message.page}")
    parts.append(f"Century · {message.key}")
    return "\n\n".join(parts)


def intro(message: Message) -> str:
    """What comes before the alerts: that others were asked before, and how many there are."""
    said = []
    if message.event is Event.FIRING and message.level > 1:
        waited = message.at - min(each.since for each in message.alerts)
        said.append(f"Nobody has answered for {span(waited)}: this is level {message.level}.")
    if len(message.alerts) > 1:
        said.append(f"{headline(message)}.")
    return " ".join(said)


def _alert(alert: AlertBrief, message: Message, *, alone: bool) -> list[str]:
    lines = [f"{alert.severity.value.upper()} {alert.subject}", f"{alert.what}.", since(alert, message)]
    if message.event is Event.FIRING:
        if alert.steps and alone:
            lines += ["", "First steps"]
            lines += [f"{number}. {step}" for number, step in enumerate(alert.steps, 1)]
            if alert.more_steps:
                lines.append(f"({alert.more_steps} more in the runbook)")
        if alone:
            lines.append("")
        if alert.acknowledge:
            lines.append(f"Acknowledge: {alert.acknowledge}")
        if alert.runbook_url and alone:
            lines.append(f"Runbook: {alert.runbook_url}")
    lines.append(f"Alert: {alert.page}")
    return lines


def since(alert: AlertBrief, message: Message) -> str:
    """Since when it is wrong, or how long it was, and who took it."""
    begun = clock(alert.since, message.at)
    match message.event:
        case Event.RESOLVED:
            by = f" by {alert.by}" if alert.by else ""
            return f"Resolved{by} after {span((alert.ended or message.at) - alert.since)}; it began at {begun}."
        case Event.ACKNOWLEDGED:
            return f"Acknowledged by {alert.by or 'somebody'}; since {begun}, {span(message.at - alert.since)} ago."
    ago = message.at - alert.since
    return f"Since {begun}, {span(ago)} ago." if ago >= timedelta(minutes=1) else f"Since {begun}, just now."


def clock(moment: datetime, now: datetime) -> str:
    """A time of day in UTC, with its date where that is another than today's."""
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%a} {moment.day} {moment:%b %H:%M} UTC"


def span(length: timedelta) -> str:
    """A span in at most two units, whole minutes from two minutes on."""
    seconds = max(0, round(length.total_seconds()))
    return duration(timedelta(seconds=seconds if seconds < 120 else seconds - seconds % 60))
