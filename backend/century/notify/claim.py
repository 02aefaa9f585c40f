"""What is looked at again before a message leaves: whether its alerts still want it told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from century.alerts.alert import Alert, AlertState
from century.alerts.paging import Hold
from century.notify.event import Event

LOOK_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Go:
    """Tell it."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Nobody needs to hear it any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Something holds it: look again then."""

    until: datetime
    reason: str


def decide(
    event: Event, episode: int, alert: Alert | None, hold: Hold | None, now: datetime, *, heard: bool
) -> Go | Drop | Wait:
    """Whether an alert's news still is news. `heard`: the channel was told, or may have been, that the alert fires."""
    if alert is None:
        return Drop("the alert is gone")
    match event, alert.state:
        case Event.FIRING, AlertState.ACKNOWLEDGED:
            return Drop(f"{alert.acknowledged_by_name or 'somebody'} acknowledged the alert")
        case Event.FIRING, AlertState.RESOLVED:
            return Drop("the alert is resolved")
        case Event.FIRING, AlertState.PENDING:
            return Drop("the alert does not fire")
        case Event.FIRING, _ if alert.episode != episode:
            return Drop("the alert opened again since")
        case Event.FIRING, _ if hold is not None:
            # What holds it may end earlier than it says: a suppression is lifted, a window ended.
            return Wait(min(hold.until or now + LOOK_AGAIN, now + LOOK_AGAIN), hold.reason)
        case Event.ACKNOWLEDGED, state if state is not AlertState.ACKNOWLEDGED:
            return Drop("the alert is no longer acknowledged")
        case Event.RESOLVED, state if state is not AlertState.RESOLVED:
            return Drop("the alert is not resolved")
        case Event.ACKNOWLEDGED | Event.RESOLVED, _ if not heard:
            return Drop("the channel never heard of the alert")
    return Go()
