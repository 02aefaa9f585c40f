"""Alerts that others decided, as rules read them: 1 while they stand, 0 once they are over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from century.core.timerange import TimeRange
from century.core.work import Works
from century.rules import wording
from century.rules.condition import Signal
from century.rules.outside import TOPIC
from century.rules.outside_alert import ALERTNAME, SEVERITIES, SEVERITY, subject
from century.rules.outside_subjects import concerns
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.signals import Course, Found, History, Trace
from century.rules.subject import Subject
from century.rules.verdict import Reading
from century.telemetry.listening import listening_since
from century.telemetry.raw import asking

ALERTS = "SELECT fingerprint, labels, annotations, starts_at, ends_at FROM outside_alert ORDER BY fingerprint"
STEP = timedelta(minutes=1)
SHOWN = timedelta(hours=1)
MOST_MOMENTS = 10_000
LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert, and from when until when it stands."""

    name: str
    subject: Subject
    summary: str
    starts_at: datetime
    ends_at: datetime

    def reading(self, now: datetime) -> Reading:
        """Whether it stands now; seen when it was last told of."""
        stands = self.starts_at <= now < self.ends_at
        return Reading(float(stands), 1, now if stands else min(self.ends_at, now))


class OutsideSource:
    """Reads what `outside.take` keeps."""

    signals = frozenset({Signal.EXTERNAL})
    topics = frozenset({TOPIC})

    def __init__(self, works: Works) -> None:
        self.works = works
        self._seen: dict[tuple[str, str], object] = {}

    async def services(self, now: datetime) -> Mapping[str, datetime]:
        """None: what is told here is no service."""
        return {}

    async def listening_since(self) -> datetime | None:
        """Since when some server has been taking alerts."""
        return await listening_since(self.works.bus)

    async def read(
        self, rules: Sequence[Rule], services: Sequence[str] | None, now: datetime, only: Collection[str] | None = None
    ) -> Mapping[UUID, Found]:
        """1 or 0 of each alert of a rule's name that its filter fits; of two with one subject, whether either stands."""
        known = await self._all()
        found: dict[UUID, Found] = {}
        for rule in rules:
            readings: dict[Subject, Reading] = {}
            for each in _of(known, rule):
                if services is not None and each.subject.service not in services:
                    continue
                reading, other = each.reading(now), readings.get(each.subject)
                if other is None or (reading.value or 0) > (other.value or 0):
                    readings[each.subject] = reading
            found[rule.id] = readings
        return found

    async def ended(self, subjects: Collection[Subject]) -> Mapping[Subject, str]:
        """Those that were over for so long that they are forgotten."""
        known = {(each.name, each.subject.text) for each in await self._all()}
        return {
            each: "it is not told of any more"
            for each in subjects
            if (dict(each.attributes).get(ALERTNAME, ""), each.text) not in known
        }

    async def news(self, now: datetime) -> frozenset[str]:
        """Those that began, ended or are new."""
        before = self._seen
        self._seen = {
            (each.name, each.subject.text): (each.subject, each.starts_at, each.reading(now).value)
            for each in await self._all()
        }
        return frozenset(key[1] for key, seen in self._seen.items() if before.get(key) != seen)

    async def history(self, rule: Rule, span: TimeRange, step: timedelta | None = None) -> History:
        """When each of those that are still known stood; what was over an hour before is forgotten."""
        end = min(span.end, self.works.clock.now())
        length = max((end - span.start).total_seconds(), 0.0)
        every = step.total_seconds() if step else max(STEP.total_seconds(), length // MOST_MOMENTS)
        first = span.start.timestamp() // every * every
        at = first + every * np.arange(1, int((end.timestamp() - first) // every) + 1, dtype=np.float64)
        courses: dict[Subject, Course] = {}
        for each in _of(await self._all(), rule):
            course = courses.setdefault(each.subject, Course(np.zeros(len(at)), np.ones(len(at), dtype=np.int64)))
            course.values[(at >= each.starts_at.timestamp()) & (at < each.ends_at.timestamp())] = 1.0
        return History(at, timedelta(seconds=every), courses)

    async def evidence(self, rule: Rule, subject: Subject, now: datetime) -> list[Trace]:
        """When it stood in the last hour, under what whoever decided it says of it."""
        found = await self.history(rule, TimeRange(now - SHOWN, now), STEP)
        course = next((each for known, each in found.subjects.items() if known.text == subject.text), None)
        if course is None:
            return []
        said = next((each.summary for each in _of(await self._all(), rule) if each.subject.text == subject.text), "")
        return [Trace(said[:LONGEST_TITLE] or wording.name(rule.condition), "1", found.at, course.values)]

    async def _all(self) -> list[Standing]:
        async with asking(self.works.engine) as raw:
            return [_standing(row) for row in await raw.fetch(ALERTS)]


def _of(known: Sequence[Standing], rule: Rule) -> list[Standing]:
    return [each for each in known if each.name == rule.condition.metric and concerns(rule, each.subject)]


def _standing(row: Any) -> Standing:
    labels, annotations = (
        orjson.loads(each) if isinstance(each, str) else each for each in (row["labels"], row["annotations"])
    )
    severity = SEVERITIES.get(labels.get(SEVERITY, "").lower(), Severity.WARNING)
    said = next(
        (annotations[each] for each in ("summary", "message", "title", "description") if each in annotations), ""
    )
    return Standing(
        labels[ALERTNAME], subject(labels, severity, row["fingerprint"]), " ".join(said.split()), row["starts_at"],
        row["ends_at"],
    )  # fmt: skip
