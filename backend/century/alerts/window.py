"""A maintenance window: when it holds, and what."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import re2  # type: ignore[import-untyped]
from dateutil.rrule import rrule, rrulestr

from century.rules.severity import Severity

_RFC = "%Y%m%dT%H%M%S"


class Held(Protocol):
    """What a window may hold: an alert, or what alerts are about."""

    @property
    def service(self) -> str | None: ...
    @property
    def subject(self) -> str: ...
    @property
    def attributes(self) -> Sequence[tuple[str, str]]: ...
    @property
    def rule_name(self) -> str: ...
    @property
    def severity(self) -> Severity | None: ...


class MatcherField(StrEnum):
    """What of an alert a matcher looks at."""

    SERVICE = "service"
    RULE = "rule"
    SEVERITY = "severity"
    SUBJECT = "subject"
    ATTRIBUTE = "attribute"


class MatcherOperator(StrEnum):
    """How it compares; `matches` takes an RE2 expression for the whole of the text."""

    IS = "is"
    IS_NOT = "is_not"
    MATCHES = "matches"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One thing that must be so of an alert; `key` names the attribute. What an alert has not is an empty text."""

    field: MatcherField
    operator: MatcherOperator
    value: str
    key: str | None = None

    def fits(self, alert: Held) -> bool:
        """Whether it is so."""
        said = self._said(alert)
        match self.operator:
            case MatcherOperator.IS:
                return said == self.value
            case MatcherOperator.IS_NOT:
                return said != self.value
            case MatcherOperator.MATCHES:
                return expression(self.value).fullmatch(said) is not None

    def _said(self, alert: Held) -> str:
        match self.field:
            case MatcherField.SERVICE:
                return alert.service or ""
            case MatcherField.RULE:
                return alert.rule_name
            case MatcherField.SEVERITY:
                return alert.severity.value if alert.severity is not None else ""
            case MatcherField.SUBJECT:
                return alert.subject
            case MatcherField.ATTRIBUTE:
                return dict(alert.attributes).get(self.key or "", "")

    def to_json(self) -> dict[str, Any]:
        return {"field": self.field.value, "operator": self.operator.value, "value": self.value, "key": self.key}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Matcher:
        return cls(MatcherField(stored["field"]), MatcherOperator(stored["operator"]), stored["value"], stored["key"])


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a window holds, half open."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """Holds whatever all of its matchers fit (none: everything), from `starts_at` to `ends_at`, once or by an RRULE.

    A recurring window keeps its hours on the wall of its time zone, whatever daylight saving does. One that was ended
    (`ended_at`) holds nothing from then on.
    """

    id: UUID
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    reason: str
    recurrence: str | None = None
    time_zone: str = "UTC"
    ended_at: datetime | None = None

    def covers(self, alert: Held) -> bool:
        """Whether all of its matchers fit."""
        return all(matcher.fits(alert) for matcher in self.matchers)

    def active(self, at: datetime) -> Occurrence | None:
        """The occurrence that holds at this instant."""
        begun = itertools.takewhile(lambda each: each.starts_at <= at, self._since(at))
        return next((each for each in begun if at < each.ends_at), None)

    def next(self, at: datetime) -> Occurrence | None:
        """The first occurrence that begins after this instant."""
        return next((each for each in self._since(at) if each.starts_at > at), None)

    def occurrences(self, at: datetime, first: int) -> list[Occurrence]:
        """The occurrence that holds now, if any, and those after it."""
        return list(itertools.islice((each for each in self._since(at) if each.ends_at > at), first))

    def within(self, start: datetime, end: datetime) -> Iterator[Occurrence]:
        """Its occurrences that hold at some time of a range."""
        return itertools.takewhile(lambda each: each.starts_at < end, self._since(start))

    def last_end(self, at: datetime) -> datetime | None:
        """When it last stopped to hold, at or before this instant; None if it never did."""
        if self.recurrence is None:
            ends_at = self._cut(Occurrence(self.starts_at, self.ends_at))
            return ends_at.ends_at if ends_at is not None and ends_at.ends_at <= at else None
        rule, length, zone = self._recurring()
        local = at.astimezone(zone).replace(tzinfo=None)
        # An end may lie an hour off the wall's arithmetic where the clocks change.
        begin = rule.before(local - length + timedelta(hours=3), inc=True)
        found = None
        while begin is not None:
            made = self._cut(_occurrence(begin, length, zone))
            if made is not None and made.ends_at <= at:
                found = made.ends_at
                break
            begin = rule.before(begin)
        return found

    def _since(self, at: datetime) -> Iterator[Occurrence]:
        """Its occurrences that end after an instant, oldest first, at most as long as it was not ended."""
        for each in self._planned(at):
            cut = self._cut(each)
            if cut is None:
                return
            yield cut

    def _cut(self, each: Occurrence) -> Occurrence | None:
        if self.ended_at is None or each.ends_at <= self.ended_at:
            return each
        return Occurrence(each.starts_at, self.ended_at) if each.starts_at < self.ended_at else None

    def _planned(self, at: datetime) -> Iterator[Occurrence]:
        if self.recurrence is None:
            yield Occurrence(self.starts_at, self.ends_at)
            return
        rule, length, zone = self._recurring()
        local = at.astimezone(zone).replace(tzinfo=None)
        for begin in rule.xafter(local - length - timedelta(hours=3), inc=True):
            yield _occurrence(begin, length, zone)

    def _recurring(self) -> tuple[rrule, timedelta, ZoneInfo]:
        assert self.recurrence is not None
        zone = ZoneInfo(self.time_zone)
        begin = self.starts_at.astimezone(zone).replace(tzinfo=None)
        end = self.ends_at.astimezone(zone).replace(tzinfo=None)
        return recurring(self.recurrence, begin, self.time_zone), end - begin, zone


def _occurrence(begin: datetime, length: timedelta, zone: ZoneInfo) -> Occurrence:
    starts_at = begin.replace(tzinfo=zone).astimezone(UTC)
    end = begin + length
    # An hour that comes twice is held both times.
    ends_at = max(end.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return Occurrence(starts_at, max(ends_at, starts_at))


@lru_cache(maxsize=256)
def recurring(recurrence: str, begin: datetime, time_zone: str) -> rrule:
    """An RRULE from a beginning on the wall; ValueError or TypeError where it says nothing sensible."""
    parts = dict(part.split("=", 1) for part in recurrence.upper().split(";"))
    until = parts.get("UNTIL", "")
    if until.endswith("Z"):
        at = datetime.strptime(until, f"{_RFC}Z").replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone))
        parts["UNTIL"] = at.strftime(_RFC)
    made = rrulestr(";".join(f"{key}={value}" for key, value in parts.items()), dtstart=begin, cache=True)
    if not isinstance(made, rrule):
        raise TypeError("more than one rule")
    return made


@lru_cache(maxsize=256)
def expression(pattern: str) -> Any:
    """A compiled RE2 expression; `re2.error` where it is none."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options=options)
