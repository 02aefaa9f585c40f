"""How the people of the demonstration answer an alert: some at once, some late, some not at all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from century.alerts.statistics import at_night
from century.demo.weather import Weather
from century.rules.severity import Severity

MINUTE = timedelta(minutes=1)
LONG = timedelta(hours=12)
EACH_STEP = timedelta(seconds=70)


@dataclass(frozen=True, slots=True)
class Answer:
    """When somebody acknowledges it (None: nobody does), what they note, and what they do meanwhile.

    `written`: a comment and when; `steps` of the runbook are ticked; `ended` by hand then, with a note;
    `suppressed` for so long from then on.
    """

    acknowledged: datetime | None = None
    note: str = ""
    written: tuple[datetime, str] | None = None
    steps: int = 0
    ended: tuple[datetime, str] | None = None
    suppressed: tuple[datetime, timedelta, str] | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What was the matter, in the words of those who answered."""

    seen: str
    done: str


def cause(sky: Weather) -> Cause:
    """Told from the trouble that the telemetry was made with."""
    if sky.database > 10:
        return Cause("The property database is locked by a long query.", "The long query has been ended.")
    if sky.payments_failing > 0.1:
        return Cause(
            "The card network does not answer; the payment provider knows of it.",
            "The card network answers again; visitors were asked to pay once more.",
        )
    if sky.inquiries_failing > 0.1:
        return Cause("Every third inquiry fails since 2.5.0 went out.", "2.5.1 mends the inquiries.")
    if sky.database > 1.5:
        return Cause(
            "Searching lost its index with 2.6.0.",
            "2.6.1 brings the index back.",
        )
    return Cause("Looking at it.", "Nothing is left to do; the numbers are back to what they were.")


def answer(name: str, severity: Severity, at: datetime, over: datetime, episode: int, told: Cause) -> Answer:
    """How an episode that fires at a time is answered, the same whenever it is asked; `over` is when it ends anyway."""
    dice = _dice(f"{name} {at.isoformat()} {episode}")
    long = over - at > LONG
    if dice % 100 < 10 and not long:
        return Answer()
    # At night the phone is far: some hear it only when the next level is told.
    late = dice // 100 % 100 < (45 if at_night(at) else 12)
    wait = _between(dice, 6, 11) if late else _between(dice, 1, 3 if severity is Severity.CRITICAL else 7)
    acknowledged = at + wait
    if acknowledged >= over - MINUTE / 2:
        return Answer()
    left = over - acknowledged
    written = (acknowledged + left / 2, told.done if long else told.seen) if left > 20 * MINUTE else None
    ended = None
    if not long and dice // 10_000 % 100 < 45 and left > 3 * MINUTE:
        # The window still holds some of it: whoever sees that it is over need not wait for that.
        ended = (over - min(2 * MINUTE, left / 3), told.done)
    suppressed = None
    if long and episode == 2:
        suppressed = (acknowledged + 10 * MINUTE, timedelta(hours=8), "It is known, and mended with the next release.")
    note = told.seen if episode == 1 else "Still at it."
    steps = min(1 + dice // 1_000_000 % 3, int(left / EACH_STEP) - 1)
    return Answer(acknowledged, note, written, max(steps, 0), ended, suppressed)


def stumbles(key: str) -> bool:
    """Whether the first try of a message fails: a few do."""
    return _dice(key) % 25 == 0


def _between(dice: int, least: int, most: int) -> timedelta:
    return timedelta(seconds=least * 60 + dice // 1_000 % ((most - least) * 60))


def _dice(what: str) -> int:
    return int.from_bytes(hashlib.blake2b(what.encode(), digest_size=6).digest())
