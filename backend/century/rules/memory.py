"""What an evaluator remembers of every subject, and when each is to be looked at without anything new."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from century.rules.condition import AGES, Condition, Signal
from century.rules.subject import Subject
from century.rules.verdict import Verdict

Place = tuple[UUID, str | None]
"""A rule and a service: what is read together."""
Key = tuple[UUID, str]
"""A rule and the text of a subject."""

SHORT = timedelta(minutes=5)
"""A window of so much is read whenever something arrives; a longer one a thirtieth of it, at most a minute, later."""
SLOWEST = timedelta(minutes=1)
AGAIN = timedelta(seconds=3)


def rhythm(condition: Condition) -> timedelta:
    """How much time passes between two looks at a subject that reports all the time; none: none has to."""
    if condition.signal in AGES or (condition.window <= SHORT and condition.signal is not Signal.BURN_RATE):
        return timedelta(0)
    return min(condition.window / 30, SLOWEST)


@dataclass(slots=True)
class Held:
    """A subject as it stands. `told_at`: when its value was last handed on; `queued`: its place among what is due."""

    rule: UUID
    subject: Subject
    verdict: Verdict
    told_at: datetime | None = None
    queued: datetime | None = None
    shown: bool = True


class Memory:
    """Every subject that was judged, by rule and service."""

    def __init__(self) -> None:
        self._held: dict[Place, dict[str, Held]] = {}
        self._places: dict[UUID, set[str | None]] = {}
        self._queue: list[tuple[datetime, int, Held]] = []
        self._number = 0

    def get(self, rule: UUID, subject: Subject) -> Held | None:
        """What is held of a subject."""
        return self._held.get((rule, subject.service), {}).get(subject.text)

    def put(self, rule: UUID, subject: Subject, verdict: Verdict) -> Held:
        """Hold a verdict."""
        place = (rule, subject.service)
        if place not in self._held:
            self._held[place] = {}
            self._places.setdefault(rule, set()).add(subject.service)
        mine = self._held[place]
        held = mine.get(subject.text)
        if held is None:
            held = mine[subject.text] = Held(rule, subject, verdict)
        else:
            held.verdict = verdict
        look_at = verdict.look_at
        if look_at is not None and (held.queued is None or look_at < held.queued):
            self._push(held, look_at)
        return held

    def drop(self, rule: UUID, subject: Subject) -> None:
        """Hold nothing of a subject any more."""
        mine = self._held.get((rule, subject.service), {})
        held = mine.pop(subject.text, None)
        if held is not None:
            held.queued = None

    def at(self, rule: UUID, service: str | None) -> list[Held]:
        """What is held of a rule's subjects of a service."""
        return list(self._held.get((rule, service), {}).values())

    def of(self, rule: UUID) -> list[Held]:
        """What is held of a rule."""
        return [held for service in self._places.get(rule, ()) for held in self._held[rule, service].values()]

    def rules(self) -> set[UUID]:
        """The rules of which something is held."""
        return set(self._places)

    def everything(self) -> Iterator[Held]:
        """All that is held."""
        for mine in self._held.values():
            yield from mine.values()

    def due(self, now: datetime) -> set[Place]:
        """Where something may have changed by time alone. They are due again after the next look."""
        found: set[Place] = set()
        while self._queue and self._queue[0][0] <= now:
            at, _, held = heapq.heappop(self._queue)
            if held.queued != at:
                continue  # it moved to another place, or is held no more
            held.queued = None
            look_at = held.verdict.look_at
            if look_at is None:
                continue
            if look_at > now:
                self._push(held, look_at)
            else:
                found.add((held.rule, held.subject.service))
                # Should the look fail, or lead to nothing that is kept, it is not forgotten.
                self._push(held, now + AGAIN)
        return found

    def _push(self, held: Held, at: datetime) -> None:
        held.queued = at
        self._number += 1
        heapq.heappush(self._queue, (at, self._number, held))
