"""Looking: what rules read now is judged against how their subjects stood; each rule by itself, whatever ails another."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Container, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from century.core.errors import CenturyError
from century.core.work import Works
from century.rules.change import Change
from century.rules.condition import Condition
from century.rules.memory import Key, Memory
from century.rules.rule import Rule
from century.rules.signals import Found, Partly, Source, Sources, Unmeasured
from century.rules.subject import Subject
from century.rules.verdict import Reading, Standing, judge
from century.rules.verdicts import Health
from century.telemetry.live import AWAY

logger = logging.getLogger(__name__)

TELL_AGAIN = timedelta(seconds=30)
LONGEST_ERROR = 500
SHOWN_ASIDE = timedelta(minutes=2)
"""So long what could not be followed is told of, unless it fails again: it may have become well by itself."""
EMPTY = Reading(None, 0, None)


def _reason(rule: Rule, error: Exception) -> str:
    """What a rule's health says of an error: ours in its words, others by their name, since theirs may be a statement."""
    if isinstance(error, CenturyError):
        return str(error)
    logger.error("the rule %s could not be evaluated", rule.name, exc_info=error)
    return f"it could not be evaluated ({type(error).__name__}); the worker's log says why"


class Looker:
    """Reads and judges. `health` tells how it went with each rule; of what is `closing` nothing is judged any more."""

    def __init__(self, works: Works, sources: Sources, memory: Memory, closing: Container[Key]) -> None:
        self.works = works
        self.sources = sources
        self.health: dict[UUID, Health] = {}
        self._memory = memory
        self._closing = closing
        self._aside: dict[Key, tuple[datetime, str]] = {}

    def set_aside(self, rule: Rule, subject: Subject, now: datetime, why: str) -> None:
        """Say in the health of a rule that what it found of a subject could not be acted on."""
        self._aside[rule.id, subject.text] = (now + SHOWN_ASIDE, why)
        known = self.health.get(rule.id)
        self.note(rule, now, known.seconds if known else 0.0, None)

    def take_up(self, key: Key) -> None:
        """What was found of a subject has been acted on."""
        self._aside.pop(key, None)

    def _unheeded(self, rule: UUID, now: datetime) -> str | None:
        if not self._aside:
            return None
        self._aside = {key: said for key, said in self._aside.items() if said[0] > now}
        mine = [(text, why) for (number, text), (_, why) in self._aside.items() if number == rule]
        if not mine:
            return None
        (text, why), others = mine[0], len(mine) - 1
        more = f" and of {others} other{'s' if others > 1 else ''}" if others else ""
        return f"what it finds of {text}{more} could not be acted on ({why}); it is tried again, and the worker's log says why"

    def note(self, rule: Rule, now: datetime, seconds: float, error: str | None) -> None:
        """Note how an evaluation went."""
        error = error or self._unheeded(rule.id, now)
        self.health[rule.id] = Health(now, seconds, error[:LONGEST_ERROR] if error else None)

    async def look(
        self,
        rules: Sequence[Rule],
        services: Sequence[str] | None,
        now: datetime,
        only: Collection[str] | None = None,
    ) -> list[Change]:
        """What changes in what these rules find of these services, or of all; `only`: of subjects of these texts."""
        changes: list[Change] = []
        by_source: dict[int, tuple[Source, list[Rule]]] = {}
        for rule in rules:
            source = self.sources.measuring(rule)
            by_source.setdefault(id(source), (source, []))[1].append(rule)
        for source, mine in by_source.values():
            began = time.perf_counter()
            found = await self._read(source, mine, services, now, only)
            seconds = (time.perf_counter() - began) / len(mine)
            absent = _Absence(source)
            for rule in mine:
                said = found.get(rule.id, {})
                try:
                    if isinstance(said, Exception):
                        raise said
                    part = said if isinstance(said, Partly) else Partly(said, frozenset(), "")
                    changes += await self._judged(rule, part, services, absent, now)
                except Unmeasured as error:
                    self.note(rule, now, seconds, str(error))
                except AWAY:
                    raise
                except Exception as error:  # noqa: BLE001 (it goes into the health of the rule)
                    self.note(rule, now, seconds, _reason(rule, error))
                else:
                    self.note(rule, now, seconds, part.why or None)
        return changes

    async def _read(
        self,
        source: Source,
        rules: Sequence[Rule],
        services: Sequence[str] | None,
        now: datetime,
        only: Collection[str] | None,
    ) -> dict[UUID, Found]:
        """What rules read; where reading them together fails, each by itself, so that one disturbs no other."""
        try:
            return dict(await source.read(rules, services, now, only))
        except Exception as error:  # noqa: BLE001 (it goes into the health of the rule at fault)
            if isinstance(error, AWAY):
                async with self.works.read() as work:  # away altogether: everything waits
                    await work.execute(text("SELECT 1"))
            if len(rules) == 1:
                return {rules[0].id: Unmeasured(_reason(rules[0], error))}
        found: dict[UUID, Found] = {}
        for rule in rules:
            found |= await self._read(source, [rule], services, now, only)
        return found

    async def _judged(
        self,
        rule: Rule,
        part: Partly,
        services: Sequence[str] | None,
        absent: _Absence,
        now: datetime,
    ) -> list[Change]:
        changes: list[Change] = []
        readings = dict(part.found)
        texts = {subject.text for subject in readings} | part.left_out
        remembered = self._memory.of(rule.id) if services is None else [
            held for name in services for held in self._memory.at(rule.id, name)
        ]  # fmt: skip
        readings |= {held.subject: EMPTY for held in remembered if held.subject.text not in texts}
        for subject, reading in readings.items():
            if (rule.id, subject.text) in self._closing:
                continue
            held = self._memory.get(rule.id, subject)
            if reading.value is None and not reading.samples and await absent.covers(rule.condition, now):
                continue
            before = held.verdict if held else None
            after = judge(rule.condition, before, reading, now)
            if before is None and after.standing is Standing.UNKNOWN:
                continue
            if before is None or before.standing is not after.standing:
                changes.append(Change(rule, subject, before, after))
                continue
            told = self._memory.put(rule.id, subject, after)
            told.shown = told.shown and (before.value, before.samples) == (after.value, after.samples)
            again = told.told_at is None or now - told.told_at >= TELL_AGAIN
            if after.standing is Standing.FIRING and after.value != before.value and again:
                told.told_at = now
                changes.append(Change(rule, subject, before, after))
        return changes


class _Absence:
    """Whether nothing was measured merely because nobody measured; asked once a look."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._asked = False
        self._since: datetime | None = None

    async def covers(self, condition: Condition, now: datetime) -> bool:
        """Whether the source was away at some time of the window that ends now."""
        if not self._asked:
            self._since, self._asked = await self._source.listening_since(), True
        return self._since is None or now - condition.window < self._since
