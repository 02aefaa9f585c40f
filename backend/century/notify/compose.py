"""Putting a message together from what was claimed: its alerts in words, and links that answer for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from century.alerts.alert import Alert
from century.core.settings import Settings
from century.notify import links
from century.notify.channel import Channel
from century.notify.event import Event
from century.notify.links import LIFETIME, About, Link, Whose
from century.notify.message import Message, alert_page, alerts_page, brief, in_order


def message_of(
    settings: Settings, channel: Channel, alerts: Iterable[tuple[str, Alert]], *, event: Event, key: str, level: int,
    at: datetime, delivery_id: UUID | None, answers: bool = True, notice: str | None = None,
) -> Message:  # fmt: skip
    """The message of these alerts for a channel; with `answers` it carries links that acknowledge."""
    whose, holder = (Whose.PERSON, channel.person_id) if channel.person_id else (Whose.CHANNEL, channel.id)

    def link(about: About, id: UUID, episode: int) -> str | None:
        if not answers or event is not Event.FIRING:
            return None
        signed = Link(about, id, episode, whose, holder, at + LIFETIME)
        return links.address(settings.public_url, settings.secret, signed)

    briefs = in_order(
        brief(alert, key, settings.public_url, acknowledge=link(About.ALERT, alert.id, alert.episode))
        for key, alert in alerts
    )
    several = delivery_id is not None and len(briefs) > 1
    return Message(
        event=event,
        key=key,
        at=at,
        alerts=briefs,
        level=level,
        page=alert_page(settings.public_url, briefs[0].id) if len(briefs) == 1 else alerts_page(settings.public_url),
        acknowledge=(
            link(About.MESSAGE, delivery_id, 0)
            if several and delivery_id
            else briefs[0].acknowledge
            if len(briefs) == 1
            else None
        ),
        notice=notice,
    )
