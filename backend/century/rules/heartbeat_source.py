"""The delay of heartbeats: how long ago each should have been heard of, failed, or should have been over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from century.core.timerange import TimeRange
from century.core.work import Works
from century.probes.beat_kept import MOVED
from century.probes.beat_wording import trouble
from century.probes.cron import Cron
from century.probes.heartbeat import WRONG, Beat, HeartbeatState, Schedule, unheard
from century.rules import wording
from century.rules.condition import Signal
from century.rules.outside_subjects import concerns, of_heartbeat
from century.rules.rule import Rule
from century.rules.signals import Course, Found, History, Trace
from century.rules.subject import Subject
from century.rules.verdict import Reading
from century.telemetry.listening import listening_since
from century.telemetry.raw import asking

WRONG_STATES = sorted(WRONG)
# Since when it is wrong: the first row of its ledger after the last good one.
STANDING = """
    SELECT h.id, h.name, h.service, h.labels, h.enabled, h.state, h.since, h.due_at, h.period_s, h.cron, h.time_zone,
        h.grace_s, h.longest_run_s, h.last_ping_at, h.started_at, now.state AS ledger, now.reason,
        (SELECT min(wrong.at) FROM heartbeat_change wrong
         WHERE wrong.heartbeat_id = h.id AND now.state = ANY($1::text[]) AND wrong.at > coalesce(
            (SELECT max(good.at) FROM heartbeat_change good
             WHERE good.heartbeat_id = h.id AND good.state <> ALL($1::text[])), '-infinity')) AS wrong_since
    FROM heartbeat h LEFT JOIN LATERAL (
        SELECT state, reason FROM heartbeat_change WHERE heartbeat_id = h.id ORDER BY at DESC LIMIT 1) now ON true
    ORDER BY h.name"""


@dataclass(frozen=True, slots=True)
class Delayed:
    """A heartbeat, as far as its delay goes: `limit` is when it should have been heard of, ahead or past; `reason` is its
    ledger's."""

    subject: Subject
    enabled: bool
    wrong_since: datetime | None
    beat: Beat
    schedule: Schedule
    time_zone: str
    reason: str

    @property
    def due_at(self) -> datetime | None:
        return self.beat.due_at

    def limit(self, now: datetime, listening_since: datetime | None) -> datetime | None:
        """From when its delay counts; None: nothing can be said."""
        if not self.enabled:
            return None
        if self.wrong_since is not None:
            return self.wrong_since
        if self.due_at is None or now < self.due_at:
            return self.due_at
        return unheard(self.schedule, self.due_at, listening_since)

    def reading(self, now: datetime, listening_since: datetime | None) -> Reading:
        """How late it is; and why, if it is."""
        limit = self.limit(now, listening_since)
        read = delay(limit, now)
        if limit is None or not read.value:
            return read
        return replace(read, why=trouble(self.schedule, self.beat, self.reason, limit, self.time_zone))


class HeartbeatSource:
    """Reads how late heartbeats are."""

    signals = frozenset({Signal.HEARTBEAT})
    topics = frozenset({MOVED})

    def __init__(self, works: Works) -> None:
        self.works = works
        self._seen: dict[str, tuple[object, ...]] = {}

    async def services(self, now: datetime) -> Mapping[str, datetime]:
        """None: what reports here is no service."""
        return {}

    async def listening_since(self) -> datetime | None:
        """Since when some server has been taking pings."""
        return await listening_since(self.works.bus)

    async def read(
        self, rules: Sequence[Rule], services: Sequence[str] | None, now: datetime, only: Collection[str] | None = None
    ) -> Mapping[UUID, Found]:
        """Seconds since each should have been heard of, 0 until then."""
        known = await self._all()
        since = await self.listening_since()
        readings = {each.subject: each.reading(now, since) for each in known}
        return {
            rule.id: {
                subject: reading for subject, reading in readings.items()
                if (services is None or subject.service in services) and concerns(rule, subject)
            }
            for rule in rules
        }  # fmt: skip

    async def ended(self, subjects: Collection[Subject]) -> Mapping[Subject, str]:
        """Those that were removed, renamed or paused."""
        known = {each.subject.text: each for each in await self._all()}
        gone = {}
        for subject in subjects:
            now = known.get(subject.text)
            if now is None:
                gone[subject] = "the heartbeat was removed, or has another name now"
            elif not now.enabled:
                gone[subject] = "the heartbeat was paused"
            elif now.subject.service != subject.service:
                gone[subject] = "the heartbeat belongs to another service now"
        return gone

    async def news(self, now: datetime) -> frozenset[str]:
        """Those that moved, were changed or are new."""
        before = self._seen
        self._seen = {
            each.subject.text: (each.subject, each.enabled, each.wrong_since, each.due_at) for each in await self._all()
        }
        return frozenset(text for text, seen in self._seen.items() if before.get(text) != seen)

    async def history(self, rule: Rule, span: TimeRange, step: timedelta | None = None) -> History:
        """How late each was, by its ledger."""
        return await past(self.works, rule, span, step)

    async def evidence(self, rule: Rule, subject: Subject, now: datetime) -> list[Trace]:
        """The delay over the last hours."""
        span = TimeRange(now - timedelta(hours=6), now)
        found = await past(self.works, rule, span, timedelta(minutes=6))
        course = next((each for known, each in found.subjects.items() if known.text == subject.text), None)
        return [] if course is None else [Trace(wording.name(rule.condition), "s", found.at, course.values)]

    async def _all(self) -> list[Delayed]:
        async with asking(self.works.engine) as raw:
            return [_delayed(row) for row in await raw.fetch(STANDING, WRONG_STATES)]


def delay(limit: datetime | None, now: datetime) -> Reading:
    """A delay as a reading: it grows by itself from its limit on."""
    if limit is None:
        return Reading(None, 0, None)
    return Reading(max((now - limit).total_seconds(), 0.0), 1, limit)


def _delayed(row: Any) -> Delayed:
    labels = orjson.loads(row["labels"]) if isinstance(row["labels"], str) else row["labels"]
    cron = Cron(row["cron"], row["time_zone"]) if row["cron"] is not None else None
    period = timedelta(seconds=row["period_s"]) if row["period_s"] is not None else None
    longest = timedelta(seconds=row["longest_run_s"]) if row["longest_run_s"] is not None else None
    state = HeartbeatState(row["state"])
    return Delayed(
        of_heartbeat(row["name"], row["service"], labels), row["enabled"], row["wrong_since"],
        Beat(
            state, row["since"], HeartbeatState(row["ledger"]) if row["ledger"] else state, row["last_ping_at"],
            row["started_at"], due_at=row["due_at"],
        ),
        Schedule(timedelta(seconds=row["grace_s"]), period, cron, longest), row["time_zone"], row["reason"] or "",
    )  # fmt: skip


LEDGER = """
    SELECT h.name, h.service, h.labels, c.at, c.state FROM heartbeat_change c JOIN heartbeat h ON h.id = c.heartbeat_id
    WHERE c.at < $2 AND c.at >= coalesce(
        (SELECT max(good.at) FROM heartbeat_change good
         WHERE good.heartbeat_id = h.id AND good.at <= $1 AND good.state <> ALL($3::text[])), '-infinity')
    ORDER BY h.name, c.at"""
STEPS = (10, 60, 300, 900, 3600)
MOST_MOMENTS = 10_000


async def past(works: Works, rule: Rule, span: TimeRange, step: timedelta | None) -> History:
    """How late heartbeats were at each moment; between two rows of the ledger it is the later that is late."""
    end = min(span.end, works.clock.now())
    length = max((end - span.start).total_seconds(), 0.0)
    every = step.total_seconds() if step else next((each for each in STEPS if length / each <= MOST_MOMENTS), STEPS[-1])
    first = span.start.timestamp() // every * every
    at = first + every * np.arange(1, int((end.timestamp() - first) // every) + 1, dtype=np.float64)
    async with asking(works.engine) as raw:
        rows = await raw.fetch(LEDGER, span.start, end, WRONG_STATES)
    courses: dict[Subject, Course] = {}
    for row in rows:
        labels = orjson.loads(row["labels"]) if isinstance(row["labels"], str) else row["labels"]
        subject = of_heartbeat(row["name"], row["service"], labels)
        if not concerns(rule, subject):
            continue
        if subject not in courses:
            courses[subject] = Course(np.full(len(at), np.nan), np.zeros(len(at), dtype=np.int64))
        values, begin = courses[subject].values, row["at"].timestamp()
        after = at >= begin
        state = HeartbeatState(row["state"])
        if state in WRONG:
            # What is wrong already goes on from when it began to be.
            values[after] = np.where(np.nan_to_num(values[after]) > 0, values[after], at[after] - begin)
        else:
            values[after] = np.nan if state is HeartbeatState.PAUSED else 0.0
    for course in courses.values():
        course.samples[:] = ~np.isnan(course.values)
    return History(at, timedelta(seconds=every), courses)
