"""How long something was up: from its ledger, what is left out taken away, in all and by days."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from century.core.timerange import TimeRange

DAY = timedelta(days=1)
DAY_SECONDS = DAY.total_seconds()
_READS = {
    "up": True, "doubtful": True, "running": True,
    "down": False, "late": False, "failed": False, "overdue": False,
}  # fmt: skip

Ranges = Sequence[tuple[datetime, datetime]]


class Moved(Protocol):
    """A row of the ledger of a probe or a heartbeat."""

    @property
    def at(self) -> datetime: ...
    @property
    def state(self) -> StrEnum: ...


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time; `up` is None while nobody knew."""

    start: datetime
    end: datetime
    up: bool | None

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True, slots=True)
class Days:
    """A column a day: its first second (Unix), the share of the time known that it was up (NaN: none was known), and
    the seconds that it was down."""

    at: list[float]
    uptime: list[float]
    down: list[float]


def reads(state: StrEnum) -> bool | None:
    """Whether a state of the ledger means up; None where it means nothing."""
    return _READS.get(state.value)


def spans(changes: Sequence[Moved], within: TimeRange, now: datetime) -> list[Span]:
    """A range as its ledger has it (rows oldest first, with the one that held at its start), up to now; neighbours that
    mean the same are one."""
    end = min(within.end, now)
    edges = [*((each.at, reads(each.state)) for each in changes), (end, None)]
    found: list[Span] = []
    here = within.start
    up: bool | None = None
    for at, then in edges:
        at = min(max(at, here), end)
        if at > here:
            if found and found[-1].up is up:
                found[-1] = Span(found[-1].start, at, up)
            else:
                found.append(Span(here, at, up))
            here = at
        up = then
    return found


def outside(spans: Iterable[Span], left_out: Ranges) -> Iterator[Span]:
    """The parts of spans that no range left out covers."""
    away = united(left_out)
    for span in spans:
        here = span.start
        for start, end in away:
            if end <= here or start >= span.end:
                continue
            if start > here:
                yield Span(here, start, span.up)
            here = end
            if here >= span.end:
                break
        if here < span.end:
            yield Span(here, span.end, span.up)


def united(ranges: Ranges) -> list[tuple[datetime, datetime]]:
    """Ranges in order, those that touch as one, empty ones not at all."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(ranges):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def share(spans: Iterable[Span], left_out: Ranges = ()) -> float | None:
    """The share of the time known that it was up; None where nothing is known."""
    up = known = 0.0
    for each in outside(spans, left_out) if left_out else spans:
        if each.up is not None:
            known += each.seconds
            up += each.seconds if each.up else 0.0
    return up / known if known else None


def days(spans: Iterable[Span], left_out: Ranges, first: datetime, number: int) -> Days:
    """So many days (UTC) from the first on."""
    start = midnight(first)
    origin = start.timestamp()
    up, down = [0.0] * number, [0.0] * number
    for each in outside(spans, left_out) if left_out else spans:
        if each.up is None:
            continue
        sums = up if each.up else down
        here, end = each.start.timestamp() - origin, each.end.timestamp() - origin
        while here < end:
            place = int(here // DAY_SECONDS)
            until = min(end, (place + 1) * DAY_SECONDS)
            if 0 <= place < number:
                sums[place] += until - here
            here = until
    return Days(
        [(start + place * DAY).timestamp() for place in range(number)],
        [well / (well + ill) if well + ill else math.nan for well, ill in zip(up, down, strict=True)],
        down,
    )


def midnight(at: datetime) -> datetime:
    """The beginning of its day (UTC)."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
