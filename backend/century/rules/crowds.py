"""Services with more groups of a metric than a rule watches: which are chosen, and what is told of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from century.rules import fitting
from century.rules.rule import Rule
from century.rules.signals import Found, Partly
from century.rules.subject import Subject, subject_of
from century.rules.verdict import Reading, Standing
from century.telemetry.metrics import MOST_GROUPS, Group
from century.telemetry.raw import Connection
from century.telemetry.series import SEEN_SERIES_SECONDS

TOLD = timedelta(minutes=5)
"""So long it is told of a service, unless it is read again meanwhile."""
SEEN_AGAIN = timedelta(seconds=SEEN_SERIES_SECONDS)
WATCHED = "SELECT attributes, standing FROM verdict WHERE rule_id = $1 AND service = $2"
SEEN = "SELECT id, last_seen_at FROM series WHERE id = ANY($1::int[])"


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many groups a service had, and the texts of those that were watched before and are no more."""

    at: datetime
    total: int
    left_out: tuple[str, ...]


class Crowds:
    """One a source."""

    def __init__(self) -> None:
        self._of: dict[UUID, dict[str, Crowd]] = {}

    async def choose(
        self, connection: Connection, rule: Rule, service: str, groups: list[Group], now: datetime
    ) -> list[Group]:
        """The groups that a rule watches: by what is kept of them, so that all who evaluate it choose the same."""
        if len(groups) <= MOST_GROUPS:
            self._of.get(rule.id, {}).pop(service, None)
            return groups
        standings = {}
        for attributes, standing in await connection.fetch(WATCHED, rule.id, service):
            known = orjson.loads(attributes) if isinstance(attributes, str) else attributes
            key = tuple((name, str(known.get(name, ""))) for name in rule.condition.group_by)
            standings[key] = Standing(standing)
        seen = dict(await connection.fetch(SEEN, [number for group in groups for number in group.series]))
        chosen = fitting.fit(groups, standings, seen, now - rule.condition.window - SEEN_AGAIN)
        left = tuple(subject_of(service, each).text for each in chosen.known)
        self._of.setdefault(rule.id, {})[service] = Crowd(now, len(groups), left)
        return list(chosen.watched)

    def told(self, rule: UUID, read: Mapping[Subject, Reading], now: datetime) -> Found:
        """What a rule read, with what it says of the groups that are left out, if any are."""
        if rule not in self._of:
            return read
        kept = {service: each for service, each in self._of[rule].items() if now - each.at < TOLD}
        why = fitting.said({service: each.total for service, each in kept.items()})
        if why is None:
            self._of.pop(rule, None)
            return read
        return Partly(read, frozenset(text for each in kept.values() for text in each.left_out), why)
