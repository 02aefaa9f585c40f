"""A maintenance window that somebody plans, and what must be right about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import re2  # type: ignore[import-untyped]

from century.alerts.window import Matcher, MatcherField, MatcherOperator, Window, expression
from century.core.errors import Invalid
from century.rules.severity import Severity

LONGEST_REASON = 1_000
LONGEST_VALUE = 500
MOST_MATCHERS = 20
LONGEST = timedelta(days=31)
# Occurrences are counted from the first: of one of long ago there are millions, and nobody plans for another age.
BEFORE, AHEAD = timedelta(days=366), timedelta(days=3_660)
LONGEST_RULE = 500
# What may stand in an RRULE, and beside which frequency: nothing that could be looked for in vain for ages.
PARTS = {
    "HOURLY": {"INTERVAL", "COUNT", "UNTIL"},
    "DAILY": {"INTERVAL", "COUNT", "UNTIL", "BYDAY"},
    "WEEKLY": {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"},
    "MONTHLY": {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYSETPOS", "WKST"},
    "YEARLY": {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"},
}
EXAMPLE = "like FREQ=WEEKLY;BYDAY=TU"
_PART = re.compile(r"[A-Z]+=[-+A-Z0-9,]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Planned:
    """A maintenance window as it is asked for."""

    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    reason: str
    recurrence: str | None = None
    time_zone: str = "UTC"


def check(planned: Planned, now: datetime, *, began: bool = False) -> None:
    """Invalid, with a sentence for each field that cannot be taken."""
    wrong: dict[str, str] = {}
    if not planned.reason.strip() or len(planned.reason) > LONGEST_REASON or "\0" in planned.reason:
        wrong["reason"] = f"reason must say why, in 1 to {LONGEST_REASON} characters"
    if planned.starts_at - now > AHEAD or (now - planned.starts_at > BEFORE and not began):
        wrong["startsAt"] = "startsAt must lie within the last year or the next ten"
    if planned.ends_at <= planned.starts_at:
        wrong["endsAt"] = "endsAt must lie after startsAt"
    elif planned.ends_at - planned.starts_at > LONGEST:
        wrong["endsAt"] = f"a maintenance window may last {LONGEST.days} days at most"
    elif planned.recurrence is None and planned.ends_at <= now:
        wrong["endsAt"] = "endsAt must lie ahead: a window that is over holds nothing"
    if planned.time_zone not in available_timezones():
        wrong["timeZone"] = "timeZone must be a name like Europe/Vienna"
    if len(planned.matchers) > MOST_MATCHERS:
        wrong["matchers"] = f"there may be {MOST_MATCHERS} matchers at most"
    for number, matcher in enumerate(planned.matchers):
        if said := matcher_problem(matcher):
            wrong[f"matchers.{number}"] = said
    if planned.recurrence is not None and not wrong:
        if said := recurrence_problem(planned):
            wrong["recurrence"] = said
        elif not began and _following(planned, now) is None:
            wrong["recurrence"] = "recurrence has no occurrence that lies ahead"
    if wrong:
        raise Invalid("; ".join(wrong.values()), fields=wrong)


def matcher_problem(matcher: Matcher) -> str | None:
    """Why a matcher could fit nothing it is meant for."""
    if len(matcher.value) > LONGEST_VALUE or "\0" in matcher.value:
        return f"value has {LONGEST_VALUE} characters at most"
    if matcher.field is MatcherField.ATTRIBUTE and not matcher.key:
        return "key must name the attribute to look at"
    if matcher.field is not MatcherField.ATTRIBUTE and matcher.key:
        return "key is for field ATTRIBUTE alone"
    if matcher.operator is MatcherOperator.MATCHES:
        try:
            expression(matcher.value)
        except re2.error as error:
            detail = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
            return f"value is no regular expression (RE2): {detail}"
    elif matcher.field is MatcherField.SEVERITY and matcher.value not in [each.value for each in Severity]:
        return "value must be critical, warning or info"
    return None


def recurrence_problem(planned: Planned) -> str | None:
    """Why an RRULE cannot be taken."""
    assert planned.recurrence is not None
    text = planned.recurrence
    if len(text) > LONGEST_RULE or not all(_PART.fullmatch(part) for part in text.split(";")):
        return f"recurrence must be an RRULE {EXAMPLE}"
    parts = dict(part.split("=", 1) for part in text.split(";"))
    if len(parts) < text.count(";") + 1:
        return "recurrence says something twice"
    frequency = parts.pop("FREQ", "")
    if frequency not in PARTS:
        return f"FREQ must be one of {', '.join(PARTS)}, {EXAMPLE}"
    if unknown := sorted(set(parts) - PARTS[frequency]):
        return f"{unknown[0]} has no place beside FREQ={frequency}"
    interval = parts.get("INTERVAL", "1")
    if not interval.isdecimal() or not 1 <= int(interval) <= 1000:
        return "INTERVAL must lie between 1 and 1000"
    if frequency == "DAILY" and "BYDAY" in parts and interval != "1":
        return "FREQ=DAILY with an INTERVAL cannot have BYDAY: use FREQ=WEEKLY"
    window = _window(planned)
    try:
        found = window.occurrences(planned.starts_at, 2)
    except (ValueError, TypeError, OverflowError):
        return f"recurrence must be an RRULE {EXAMPLE}"
    if not found:
        return "recurrence never happens"
    if len(found) > 1 and found[1].starts_at < found[0].ends_at:
        return "recurrence comes again before the window is over: end it earlier, or repeat it less often"
    return None


def _following(planned: Planned, now: datetime) -> object:
    window = _window(planned)
    return window.active(now) or window.next(now)


def _window(planned: Planned) -> Window:
    return Window(
        UUID(int=0), planned.matchers, planned.starts_at, planned.ends_at, planned.reason, planned.recurrence,
        str(ZoneInfo(planned.time_zone)),
    )  # fmt: skip
