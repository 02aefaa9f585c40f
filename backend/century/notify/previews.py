"""What a channel would be told of a real alert, before it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from century.alerts.alert import AlertState
from century.alerts.service import alerts_by_id
from century.core.errors import NotFound
from century.core.settings import Settings
from century.core.work import Work
from century.notify import kept
from century.notify.blocks import slack
from century.notify.channel import Channel, ChannelKind
from century.notify.compose import message_of
from century.notify.event import Event, delivery_key, notification_key
from century.notify.mail import html
from century.notify.message import Message
from century.notify.rendering import subject, text
from century.rules.severity import Severity

EVENTS = {AlertState.ACKNOWLEDGED: Event.ACKNOWLEDGED, AlertState.RESOLVED: Event.RESOLVED}


@dataclass(frozen=True, slots=True)
class Preview:
    """The message in every form in which the channel, or any, would get it."""

    subject: str
    text: str
    html: str | None
    slack: dict[str, object] | None


async def preview(
    work: Work, settings: Settings, alert_id: UUID, channel_id: UUID | None, kind: ChannelKind | None
) -> Preview:
    """The message about an alert as it stands. Its links answer for nothing: they are not signed."""
    alert = (await alerts_by_id(work, [alert_id])).get(alert_id)
    if alert is None:
        raise NotFound(f"no alert {alert_id}")
    channel = await kept.get_channel(work, channel_id) if channel_id else _any(work, kind)
    event = EVENTS.get(alert.state, Event.FIRING)
    key = notification_key(alert.id, alert.episode, event, max(alert.level, 1), channel.id, channel.person_id)
    message = message_of(
        settings, channel, [(key, alert)], event=event, key=delivery_key([key]), level=max(alert.level, 1),
        at=work.now, delivery_id=None, answers=False,
    )  # fmt: skip
    if event is Event.FIRING:
        message = _with_button(message, settings)
    wanted = channel.kind if channel_id else kind
    return Preview(
        subject=subject(message),
        text=text(message),
        html=html(message) if wanted in (None, ChannelKind.EMAIL) else None,
        slack=slack(message) if wanted in (None, ChannelKind.SLACK) else None,
    )


def _with_button(message: Message, settings: Settings) -> Message:
    link = f"{settings.public_url}/a/preview"
    return replace(message, acknowledge=link, alerts=tuple(replace(each, acknowledge=link) for each in message.alerts))


def _any(work: Work, kind: ChannelKind | None) -> Channel:
    return Channel(UUID(int=0), "preview", kind or ChannelKind.EMAIL, frozenset(Severity), work.now, work.now)
