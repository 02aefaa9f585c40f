"""Delivering: the states of a message on its way, when it is tried again, and when a channel is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (1, 5, 15, 30, 60, 120, 300))
GIVE_UP = timedelta(hours=24)
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=1)
LEASE = timedelta(seconds=6)
MOST_CLAIMS = 5
CIRCUIT_OPENS = 3
LONGEST_CIRCUIT = timedelta(minutes=1)
FAILING_TRIES = 2


class DeliveryState(StrEnum):
    """Where a notification, and the message it goes in, stands."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"
    SET_ASIDE = "set_aside"


class AttemptOutcome(StrEnum):
    """What became of a try: not known yet, taken, to be tried again, refused for good, or never known."""

    SENDING = "sending"
    DELIVERED = "delivered"
    TEMPORARY = "temporary"
    REFUSED = "refused"
    UNKNOWN = "unknown"


OPEN = (DeliveryState.WAITING, DeliveryState.SENDING)
FAILED_TRIES = (AttemptOutcome.TEMPORARY, AttemptOutcome.REFUSED, AttemptOutcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at this time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It was tried for long enough."""

    reason: str


def after_failure(
    failed: int, first_due_at: datetime, now: datetime, *, spread: float, retry_after: float | None = None
) -> Again | GiveUp:
    """What follows the `failed`th failure in a row; `spread` in 0..1 is chance, and what the receiver asked counts."""
    wait = RETRIES[min(max(failed, 1), len(RETRIES)) - 1]
    wait *= 1 + JITTER * (2 * spread - 1)
    if retry_after is not None:
        wait = max(wait, min(timedelta(seconds=max(retry_after, 0)), LONGEST_RETRY_AFTER))
    if now + wait - first_due_at > GIVE_UP:
        return GiveUp("it could not be delivered within 24 hours")
    return Again(now + wait)


def circuit(failures: int, now: datetime) -> datetime | None:
    """Until when a channel that failed so often in a row is left alone; None while it is not."""
    if failures < CIRCUIT_OPENS:
        return None
    return now + min(RETRIES[min(failures - 1, len(RETRIES) - 1)], LONGEST_CIRCUIT)


def is_away(failures: int, open_until: datetime | None, now: datetime) -> bool:
    """Whether a channel is left alone for so long, or after so many failures, that another way is to be found."""
    if open_until is None:
        return False
    # A receiver may ask for an hour: that is no answer to what is urgent.
    return failures >= FAILING_TRIES or open_until - now > LONGEST_CIRCUIT


def is_failing(state: DeliveryState, outcomes: Sequence[AttemptOutcome], *, circuit_open: bool) -> bool:
    """Whether a notification is not to be counted on: refused, set aside, or its way failed twice in a row.

    `outcomes` are those of its tries, the newest last. One that waits behind an open circuit fails with its channel.
    """
    match state:
        case DeliveryState.FAILED | DeliveryState.SET_ASIDE:
            return True
        case DeliveryState.WAITING | DeliveryState.SENDING:
            known = [each for each in outcomes if each is not AttemptOutcome.SENDING]
            newest = known[-FAILING_TRIES:]
            failed = len(newest) == FAILING_TRIES and all(each in FAILED_TRIES for each in newest)
            return failed or circuit_open
    return False
