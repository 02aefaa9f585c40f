"""Signals that are read from telemetry: what services say of themselves, and that they say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from century.core.timerange import TimeRange
from century.core.work import Works
from century.rules import past, windows
from century.rules.condition import Signal
from century.rules.crowds import Crowds
from century.rules.measures import OF_SUMMARIES, known_for
from century.rules.memory import SHORT
from century.rules.moment import Moment, Window, newest, reading
from century.rules.rule import Rule
from century.rules.signals import Found, History, Trace
from century.rules.subject import Subject, subject_of
from century.rules.verdict import Reading
from century.telemetry import hour, metrics, raw, summary
from century.telemetry.identity import SHOWN
from century.telemetry.instants import nanoseconds
from century.telemetry.lately import Lately
from century.telemetry.listening import listening_since
from century.telemetry.live import AWAY
from century.telemetry.metrics import Group
from century.telemetry.plain import Series
from century.telemetry.query import Reader
from century.telemetry.raw import Connection
from century.telemetry.recent import points_of
from century.telemetry.slots import SECOND, one_slot

LATELY = timedelta(hours=24)
"""A service of which nothing was heard for longer is looked at only by rules that name it."""
AHEAD = 30 * SECOND
"""So far may a service's clock be ahead of ours."""
AT_ONCE = 20
ROUTES_KEPT = timedelta(seconds=5)

HEARD = f"""
    SELECT id, name, greatest(last_seen_at, (
        SELECT received_at FROM block WHERE service_id = service.id ORDER BY first_at DESC LIMIT 1))
    FROM service WHERE {SHOWN}"""


@dataclass(frozen=True, slots=True)
class Heard:
    """A service, and when it was heard last."""

    id: int
    name: str
    at: datetime


class TelemetrySource:
    """Reads rules' windows: those of up to five minutes from points, longer ones from what is kept of them."""

    signals = OF_SUMMARIES | {Signal.SILENCE, Signal.METRIC}
    topics: frozenset[str] = frozenset()

    def __init__(self, works: Works, reader: Reader) -> None:
        self.works = works
        self.reader = reader
        self.lately = Lately(reader.recent)
        self.known_from: dict[int, int] = {}
        self.crowds = Crowds()
        self._critical: dict[str, tuple[str, ...]] = {}
        self._critical_at: datetime | None = None

    async def services(self, now: datetime) -> Mapping[str, datetime]:
        """The services that were heard of in the last day, and when each was last."""
        async with raw.asking(self.works.engine) as connection:
            return {each.name: each.at for each in await heard(connection, None) if now - each.at <= LATELY}

    async def listening_since(self) -> datetime | None:
        """Since when some server has been taking telemetry."""
        return await listening_since(self.works.bus)

    async def ended(self, subjects: Collection[Subject]) -> Mapping[Subject, str]:
        """None: a service that is not heard of is silent."""
        return {}

    async def news(self, now: datetime) -> frozenset[str]:
        """None: what is new is told by the service that reported."""
        return frozenset()

    async def read(
        self, rules: Sequence[Rule], services: Sequence[str] | None, now: datetime, only: Collection[str] | None = None
    ) -> Mapping[UUID, Found]:
        """What rules read of these services, or of all."""
        if services is None:
            named = {rule.service for rule in rules if rule.service is not None}
            everywhere = await self.services(now) if any(rule.service is None for rule in rules) else {}
            services = sorted({*named, *everywhere})
        readings: dict[UUID, dict[Subject, Reading]] = {rule.id: {} for rule in rules}
        failed: dict[UUID, Exception] = {}
        for begin in range(0, len(services), AT_ONCE):
            names = services[begin : begin + AT_ONCE]
            async with raw.reading(self.works.engine) as connection:
                look = Look(self, connection, now)
                await look.load(rules, names)
                for rule in rules:
                    try:
                        readings[rule.id] |= await look.read(rule)
                    except AWAY:
                        raise
                    except Exception as error:  # noqa: BLE001 (whatever is the matter with one rule, the others are read)
                        failed[rule.id] = error
            await asyncio.sleep(0)
        found = {rule.id: self.crowds.told(rule.id, readings[rule.id], now) for rule in rules}
        return {**found, **failed}

    async def critical(self, connection: Connection, service: str, now: datetime) -> tuple[str, ...]:
        """The patterns of the routes that a service calls critical."""
        if self._critical_at is None or not timedelta(0) <= now - self._critical_at < ROUTES_KEPT:
            self._critical = {}
            for name, pattern in await connection.fetch("SELECT service, pattern FROM critical_route ORDER BY 1, 2"):
                self._critical[name] = (*self._critical.get(name, ()), pattern)
            self._critical_at = now
        return self._critical.get(service, ())

    async def history(self, rule: Rule, span: TimeRange, step: timedelta | None = None) -> History:
        """What a rule would have read in a range."""
        return await past.history(self.works, self.reader, rule, span, step)

    async def evidence(self, rule: Rule, subject: Subject, now: datetime) -> list[Trace]:
        """What led to a breach."""
        return await past.evidence(self.works, self.reader, rule, subject, now)


@dataclass(slots=True)
class Look:
    """One look at some services, within one transaction."""

    source: TelemetrySource
    raw: Connection
    now: datetime
    services: dict[str, Heard | None] = field(default_factory=dict)
    _moments: dict[str, Moment] = field(default_factory=dict)
    _series: dict[str, Mapping[int, Series]] = field(default_factory=dict)
    _chosen: dict[tuple[int, tuple[str, ...]], frozenset[int]] = field(default_factory=dict)
    _long: dict[tuple[int, int, tuple[str, ...] | None], Window] = field(default_factory=dict)

    async def load(self, rules: Sequence[Rule], names: Sequence[str]) -> None:
        """Read once what several rules are about."""
        known = {each.name: each for each in await heard(self.raw, names)}
        self.services = {name: known.get(name) for name in names}
        short = [each for each in rules if _of_points(each)]
        asked = [each for each in known.values() if any(rule.service in (None, each.name) for rule in short)]
        if not asked:
            return
        longest = max(_length(rule.condition.window) for rule in short)
        named = {rule.condition.metric for rule in short if rule.condition.signal is Signal.METRIC}
        end = nanoseconds(self.now) + 1
        points, series = await self.source.lately.points(
            self.raw, [each.id for each in asked], end - longest, end + AHEAD,
            lambda each: hour.summarized(each) or each.metric in named,
        )  # fmt: skip
        for each in asked:
            mine = points if len(asked) == 1 else points_of(points, series, each.id)
            self._series[each.name] = series if len(asked) == 1 else {
                number: one for number, one in series.items() if one.service_id == each.id
            }  # fmt: skip
            # A service whose clock is ahead is not heard late.
            last = newest(mine)
            self._moments[each.name] = Moment(mine, self._series[each.name], max(end, last + 1 if last else 0))

    async def read(self, rule: Rule) -> dict[Subject, Reading]:
        """What a rule reads of the services that it is about."""
        found: dict[Subject, Reading] = {}
        for name, service in self.services.items():
            if rule.service not in (None, name):
                continue
            readings = [] if service is None else await self._readings(rule, service)
            found |= {subject: said for subject, said in readings if said.samples or rule.service is not None}
            said_nothing = not readings and rule.condition.signal is not Signal.SILENCE
            if said_nothing and rule.service is not None and not rule.condition.group_by:
                found[subject_of(name)] = Reading(None, 0, None)
        return found

    async def _readings(self, rule: Rule, service: Heard) -> list[tuple[Subject, Reading]]:
        condition, subject = rule.condition, subject_of(service.name)
        match condition.signal:
            case Signal.SILENCE:
                silence = await self._silence(rule, service)
                return [] if silence is None else [(subject, silence)]
            case Signal.METRIC:
                groups = await self._metric(rule, service)
                return [(subject_of(service.name, attributes), said) for attributes, said in groups]
            case Signal.BURN_RATE:
                return [(subject, await self._burning(rule, service))]
            case signal:
                window = await self._window(rule, service, condition.window)
                if window is None:
                    return []
                return [(subject, window.reading(signal, await self._seconds(rule, service)))]

    async def _silence(self, rule: Rule, service: Heard) -> Reading | None:
        at = service.at
        if rule.condition.breaks((self.now - at).total_seconds()):
            since = await self.source.listening_since()
            if since is None:
                return None
            at = max(at, since)
        return Reading(max((self.now - at).total_seconds(), 0.0), 1, at)

    async def _metric(self, rule: Rule, service: Heard) -> list[tuple[tuple[tuple[str, str], ...], Reading]]:
        condition = rule.condition
        if _of_points(rule):
            moment = self._moments[service.name]
            return moment.metric(condition, await self._choose(rule, service, moment.groups(condition)))
        series = await raw.series_of(self.raw, [service.id], [condition.metric or ""])
        groups = metrics.grouped(series, condition.group_by, dict(condition.filter))
        groups = await self._choose(rule, service, groups)
        end = nanoseconds(self.now) + 1
        slots = one_slot(end - _length(condition.window), end)
        made = await windows.metric(
            self.raw, self.source.reader, condition, series, groups, slots, 1, condition.window.total_seconds()
        )
        at = nanoseconds(min(self.now, service.at))
        return [
            (attributes, reading(float(values[0]), int(samples[0]), at if samples[0] else None))
            for attributes, values, samples in made
        ]

    async def _choose(self, rule: Rule, service: Heard, groups: list[Group]) -> list[Group]:
        return await self.source.crowds.choose(self.raw, rule, service.name, groups, self.now)

    async def _burning(self, rule: Rule, service: Heard) -> Reading:
        condition, objective = rule.condition, rule.objective
        if objective is None:
            raise ValueError("a burn rate is an objective's, and this rule has none")
        window = await self._window(rule, service, condition.window)
        assert window is not None
        said = window.reading(Signal.BURN_RATE, condition.window.total_seconds(), objective)
        if condition.short_window is None:
            return said
        short = await self._window(rule, service, condition.short_window)
        assert short is not None
        now = short.reading(Signal.BURN_RATE, condition.short_window.total_seconds(), objective)
        return Reading(said.value, said.samples, said.observed_at, now.value)

    async def _window(self, rule: Rule, service: Heard, span: timedelta) -> Window | None:
        """The window of what the rule is about; None where a service names no such routes."""
        length, patterns = _length(span), rule.routes
        if rule.critical_routes:
            patterns = (*patterns, *await self.source.critical(self.raw, service.name, self.now))
        scoped = bool(rule.routes) or rule.critical_routes
        if scoped and not patterns:
            return None
        if _of_points(rule):
            moment = self._moments[service.name]
            if not scoped:
                return moment.window(length)
            key = (service.id, patterns)
            if key not in self._chosen:
                self._chosen[key] = frozenset(windows.on_routes(self._series[service.name], patterns))
            return moment.window(length, self._chosen[key])
        place = (service.id, length, patterns if scoped else None)
        if place not in self._long:
            self._long[place] = await self._long_window(service, length, patterns if scoped else None)
        return self._long[place]

    async def _long_window(self, service: Heard, length: int, patterns: tuple[str, ...] | None) -> Window:
        end = nanoseconds(self.now) + 1
        chosen = None
        if patterns is not None:
            chosen = windows.on_routes(await raw.series_of(self.raw, [service.id], [hour.REQUESTS]), patterns)
        slots = one_slot(end - length, end)
        whole = summary.total(await windows.summaries(self.raw, self.source.reader, service.id, slots, chosen))
        at = nanoseconds(min(self.now, service.at))
        return Window(whole, at if whole.requests.count[0] else None, at)

    async def _seconds(self, rule: Rule, service: Heard) -> float:
        """How long the service was known in the window: throughput is told of that time."""
        span = rule.condition.window.total_seconds()
        if rule.condition.signal is not Signal.THROUGHPUT:
            return span
        known = self.source.known_from
        if service.id not in known:
            first = await self.raw.fetchval(past.KNOWN_FROM, service.id)
            known[service.id] = nanoseconds(first) if first else nanoseconds(self.now)
        return float(known_for(np.array((nanoseconds(self.now) - known[service.id]) / SECOND), span))


async def heard(connection: Connection, names: Sequence[str] | None) -> list[Heard]:
    """Services, and when each was heard last."""
    if names is None:
        return [Heard(*row) for row in await connection.fetch(HEARD)]
    return [Heard(*row) for row in await connection.fetch(HEARD + " AND name = ANY($1::text[])", list(names))]


def _of_points(rule: Rule) -> bool:
    """Whether a rule reads its window from points."""
    condition = rule.condition
    return condition.window <= SHORT and condition.signal not in (Signal.SILENCE, Signal.BURN_RATE)


def _length(span: timedelta) -> int:
    return round(span.total_seconds() * SECOND)
