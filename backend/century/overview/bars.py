"""The bars of the last days: a drawing whose height and words say what its colour does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from century.core.wording import duration
from century.probes.uptime import Days

STEP, WIDTH = 4, 3
HEIGHT = 32
HEIGHTS = {"none": 8, "well": 16, "partly": 24, "down": 32}
BAD = 0.99
"""A day below this share is drawn as one that was down."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: where it is drawn, how high, as what, and what it says."""

    x: int
    y: int
    height: int
    tone: str
    title: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A day on which something was down."""

    day: str
    down: str


def bars(days: Days) -> list[Bar]:
    """A bar a day, the oldest first."""
    found = []
    for place, (at, up, down) in enumerate(zip(days.at, days.uptime, days.down, strict=True)):
        tone = tone_of(up, down)
        height = HEIGHTS[tone]
        found.append(Bar(place * STEP, HEIGHT - height, height, tone, f"{day_of(at)}: {_said(up, down)}"))
    return found


def width(days: Days) -> int:
    """How wide the drawing is."""
    return max(len(days.at) * STEP - (STEP - WIDTH), WIDTH)


def tone_of(up: float, down: float) -> str:
    """How a day is drawn."""
    if math.isnan(up):
        return "none"
    if down <= 0:
        return "well"
    return "down" if up < BAD else "partly"


def troubles(days: Days) -> list[Trouble]:
    """The days on which something was down, the newest first."""
    ill = [
        (at, down)
        for at, up, down in zip(days.at, days.uptime, days.down, strict=True)
        if tone_of(up, down) in ("partly", "down")
    ]
    return [Trouble(day_of(at), _long(down)) for at, down in reversed(ill)]


def described(days: Days, uptime: float | None) -> str:
    """The whole drawing in a sentence."""
    if uptime is None:
        return f"Nothing is known of the last {len(days.at)} days."
    found = troubles(days)
    number = "no day" if not found else "1 day" if len(found) == 1 else f"{len(found)} days"
    return f"Up for {percent(uptime)} of the last {len(days.at)} days, down on {number}."


def percent(share: float) -> str:
    """A share as people read it, cut and not rounded: 99.99 % is no 100 %."""
    if share >= 1:
        return "100 %"
    return f"{math.floor(share * 10_000 + 1e-6) / 100:.2f} %"


def day_of(at: float) -> str:
    day = datetime.fromtimestamp(at, UTC)
    return f"{day.day} {day:%b}"


def _said(up: float, down: float) -> str:
    if math.isnan(up):
        return "nothing is known"
    return "no trouble" if down <= 0 else f"down for {_long(down)}, up for {percent(up)}"


def _long(seconds: float) -> str:
    return duration(timedelta(seconds=max(round(seconds), 1)))
