"""A rotation: people who take turns, in order, from a start date; on duty always or only at some hours of some days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from century.escalation.wallclock import instant, shown
from century.notify.quiet import WEEK, Weekday

DAY = timedelta(days=1)


class RotationKind(StrEnum):
    """In what a turn's length is counted."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


UNITS = {RotationKind.HOURLY: timedelta(hours=1), RotationKind.DAILY: DAY, RotationKind.WEEKLY: timedelta(weeks=1)}
LONGEST = {RotationKind.HOURLY: 24 * 7, RotationKind.DAILY: 84, RotationKind.WEEKLY: 12}
LONGEST_TURN = timedelta(days=86)
MOST_PARTICIPANTS = 100


@dataclass(frozen=True, slots=True)
class Rotation:
    """Turns of `length` hours, days or weeks that begin at `hand_off_at` (of `hand_off_day`, where weekly).

    `days` without any means every day; `from_time` to `to_time` are the hours of duty of a day (past midnight where
    `to_time` is the earlier), both or neither.
    """

    id: UUID
    name: str
    kind: RotationKind
    length: int
    hand_off_at: time
    starts_on: date
    participants: tuple[UUID, ...]
    hand_off_day: Weekday | None = None
    days: frozenset[Weekday] = frozenset()
    from_time: time | None = None
    to_time: time | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "id": str(self.id),
            "name": self.name,
            "kind": self.kind.value,
            "length": self.length,
            "hand_off_at": clock(self.hand_off_at),
            "hand_off_day": self.hand_off_day.value if self.hand_off_day is not None else None,
            "starts_on": self.starts_on.isoformat(),
            "participants": [str(each) for each in self.participants],
            "days": [each.value for each in WEEK if each in self.days],
            "from": clock(self.from_time) if self.from_time is not None else None,
            "to": clock(self.to_time) if self.to_time is not None else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Rotation:
        """What `to_json` wrote."""
        day, start, end = stored["hand_off_day"], stored["from"], stored["to"]
        return cls(
            id=UUID(stored["id"]),
            name=stored["name"],
            kind=RotationKind(stored["kind"]),
            length=stored["length"],
            hand_off_at=time.fromisoformat(stored["hand_off_at"]),
            hand_off_day=Weekday(day) if day else None,
            starts_on=date.fromisoformat(stored["starts_on"]),
            participants=tuple(UUID(each) for each in stored["participants"]),
            days=frozenset(Weekday(each) for each in stored["days"]),
            from_time=time.fromisoformat(start) if start else None,
            to_time=time.fromisoformat(end) if end else None,
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody's duty, from an instant to another."""

    person: UUID
    start: datetime
    end: datetime


def clock(at: time) -> str:
    """A time of day as people write it."""
    return f"{at:%H:%M}"


def turns(rotation: Rotation, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Turn]:
    """Every turn that touches this span, whole, in order; duty hours cut it into pieces."""
    if not rotation.participants:
        return
    for number, begins, ends in _handed_over(rotation, zone, start, end):
        person = rotation.participants[number % len(rotation.participants)]
        for piece_start, piece_end in _on_duty(rotation, zone, begins, ends):
            if piece_start < end and piece_end > start:
                yield Turn(person, piece_start, piece_end)


def _handed_over(
    rotation: Rotation, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[int, datetime, datetime]]:
    step = UNITS[rotation.kind] * rotation.length
    first = datetime.combine(rotation.starts_on, rotation.hand_off_at)
    anchor = first
    if rotation.kind is RotationKind.WEEKLY and rotation.hand_off_day is not None:
        # The first turn ends at the first hand-off on the right day, and may be short for that.
        anchor -= DAY * ((rotation.starts_on.weekday() - WEEK.index(rotation.hand_off_day)) % 7)
    number = max(0, (shown(start, zone) - anchor) // step - 1)
    begins = instant(max(first, anchor + step * number), zone)
    while begins < end:
        ends = instant(anchor + step * (number + 1), zone)
        if ends > start and ends > begins:
            yield number, begins, ends
        number, begins = number + 1, ends


def _on_duty(
    rotation: Rotation, zone: ZoneInfo, begins: datetime, ends: datetime
) -> Iterator[tuple[datetime, datetime]]:
    if not rotation.days and rotation.from_time is None:
        yield begins, ends
        return
    opens = rotation.from_time or time()
    closes = rotation.to_time or time()
    day, last = shown(begins, zone).date() - DAY, shown(ends, zone).date()
    pieces: list[tuple[datetime, datetime]] = []
    while day <= last:
        if not rotation.days or WEEK[day.weekday()] in rotation.days:
            closing = day if closes > opens else day + DAY
            piece_start = max(begins, instant(datetime.combine(day, opens), zone))
            piece_end = min(ends, instant(datetime.combine(closing, closes), zone))
            if piece_start < piece_end:
                if pieces and pieces[-1][1] == piece_start:
                    pieces[-1] = (pieces[-1][0], piece_end)
                else:
                    pieces.append((piece_start, piece_end))
        day += DAY
    yield from pieces
