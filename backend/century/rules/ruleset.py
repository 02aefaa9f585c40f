"""The rules that are evaluated, by the services that they are about, each in its rhythm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from century.rules.memory import Place, rhythm
from century.rules.rule import Rule


class RuleSet:
    """Rules at hand. A report of a service leads to the rules to look at; those of long windows are owed until later."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.all: dict[UUID, Rule] = {}
        self.by_service: dict[str, list[Rule]] = {}
        self._everywhere: list[Rule] = []
        self._next: dict[Place, datetime] = {}
        self._owed: set[Place] = set()
        self.replace(rules)

    def replace(self, rules: Iterable[Rule]) -> dict[UUID, Rule]:
        """Have these rules from now on; answers those that there were."""
        before, self.all = self.all, {each.id: each for each in rules}
        self.by_service, self._everywhere = {}, []
        for rule in self.all.values():
            if rule.service is None:
                self._everywhere.append(rule)
            else:
                self.by_service.setdefault(rule.service, []).append(rule)
        self._next = {place: at for place, at in self._next.items() if place[0] in self.all}
        self._owed = {place for place in self._owed if place[0] in self.all}
        return before

    def reporting(self, names: Sequence[str], now: datetime) -> list[Rule]:
        """The rules to look at when these services reported."""
        chosen: dict[UUID, Rule] = {}
        for name in names:
            for rule in (*self._everywhere, *self.by_service.get(name, ())):
                pause = rhythm(rule.condition)
                if pause:
                    place = (rule.id, name)
                    if self._next.get(place, now) > now:
                        self._owed.add(place)
                        continue
                    self._next[place] = now + pause
                    self._owed.discard(place)
                chosen[rule.id] = rule
        return list(chosen.values())

    def owed(self, now: datetime) -> set[Place]:
        """Where a report is still to be looked at, and may be by now."""
        places = {place for place in self._owed if self._next.get(place, now) <= now}
        self._owed -= places
        for place in places:
            self._next[place] = now + rhythm(self.all[place[0]].condition)
        return places
