"""What is wrong with a rule before anybody relies on it: each complaint names its field and says what would be right."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from century.core.wording import duration
from century.probes.facts import known_facts
from century.rules import fitting, routes, runbook
from century.rules.condition import AGES, NAMED, OF_REQUESTS, OUTSIDE, RATIOS, Condition, Signal, WhenNoData
from century.rules.rule import Rule
from century.rules.wording import NAMES, PERCENT, show
from century.telemetry.targets import Comparison

SHORTEST_WINDOW = timedelta(seconds=10)
LONGEST_WINDOW = timedelta(days=30)
LONGEST_HOLD = timedelta(days=7)
REOPEN = (timedelta(minutes=1), timedelta(days=30))
MOST_SAMPLES = 1_000_000
MOST_GROUPED_BY = 5
MOST_FILTERS = 20
MOST_VALUES = 100
MOST_DEPENDED_ON = 20
LONGEST_NAME = 100
LONGEST_URL = 2_000
SLOT = timedelta(seconds=10)
"""How often a service is expected to report gauges."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A complaint; what is not refused is only warned of."""

    field: str
    message: str
    refused: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule can be held against.

    `metrics` are the names that were ever sent by the rule's service (by any, without one) and None where nothing can be
    said because it never reported; `exports_every` is how often it reports; `depends_on` are the rules that each rule
    names; `taken` the names of all other rules; `groups` the service with the most groups of the rule's metric, and how
    many these are.
    """

    metrics: frozenset[str] | None = None
    exports_every: timedelta | None = None
    depends_on: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    groups: tuple[str, int] | None = None


def problems(rule: Rule, known: Known) -> list[Problem]:
    """Everything that is wrong with a rule, or may not be meant."""
    return [
        *_of_rule(rule, known),
        *_of_dependencies(rule, known),
        *_of_condition(rule.condition),
        *_of_signal(rule, known),
    ]


def _of_rule(rule: Rule, known: Known) -> Iterator[Problem]:
    if not 1 <= len(rule.name) <= LONGEST_NAME or not rule.name.isprintable() or "/" in rule.name:
        yield Problem("name", f"a rule's name has 1 to {LONGEST_NAME} printable characters without '/'")
    elif rule.name in known.taken:
        yield Problem("name", f"another rule is named {rule.name!r} already: choose another name")
    if rule.service is not None and not 1 <= len(rule.service) <= 255:
        yield Problem("service", "a service's name has 1 to 255 characters; leave it out to judge every service apart")
    if len(rule.routes) > routes.MOST:
        yield Problem("routes", f"a rule names {routes.MOST} routes at most: use patterns like /api/*")
    wrong = next((found for found in map(routes.problem, rule.routes) if found), None)
    if wrong:
        yield Problem("routes", wrong)
    if (rule.routes or rule.critical_routes) and rule.condition.signal not in OF_REQUESTS:
        named = "routes" if rule.routes else "criticalRoutes"
        yield Problem(named, f"{_name(rule.condition)} is not measured by route: leave the routes out")
    if len(rule.runbook) > runbook.LONGEST:
        yield Problem("runbook", f"a runbook has {runbook.LONGEST} characters at most: link to the rest by runbookUrl")
    if rule.runbook_url is not None and not _is_address(rule.runbook_url):
        yield Problem("runbookUrl", "this is no address: write it whole, like https://wiki.example.com/runbook")
    if rule.reopen_after is not None and not REOPEN[0] <= rule.reopen_after <= REOPEN[1]:
        yield Problem(
            "reopenAfter",
            f"reopenAfter must lie between {duration(REOPEN[0])} and {duration(REOPEN[1])}, or be left out",
        )


def _of_dependencies(rule: Rule, known: Known) -> Iterator[Problem]:
    if rule.id in rule.depends_on:
        yield Problem("dependsOn", "a rule cannot depend on itself")
    elif missing := [each for each in rule.depends_on if each not in known.depends_on]:
        yield Problem("dependsOn", f"there is no rule {missing[0]} to depend on")
    elif rule.id in _reached(rule.depends_on, known.depends_on):
        yield Problem("dependsOn", "these rules depend on each other in a circle: let only the cause be depended on")
    if len(rule.depends_on) > MOST_DEPENDED_ON:
        yield Problem("dependsOn", f"a rule depends on {MOST_DEPENDED_ON} others at most")


def _reached(begin: tuple[UUID, ...], depends_on: Mapping[UUID, tuple[UUID, ...]]) -> set[UUID]:
    found: set[UUID] = set()
    ahead = list(begin)
    while ahead:
        each = ahead.pop()
        if each not in found:
            found.add(each)
            ahead.extend(depends_on.get(each, ()))
    return found


def _of_condition(condition: Condition) -> Iterator[Problem]:
    if not math.isfinite(condition.threshold):
        yield Problem("condition.threshold", "the threshold must be a finite number")
    else:
        yield from _of_threshold(condition)
    yield from _of_recovery(condition)
    if not SHORTEST_WINDOW <= condition.window <= LONGEST_WINDOW:
        yield Problem(
            "condition.window",
            f"the window must lie between {duration(SHORTEST_WINDOW)} and {duration(LONGEST_WINDOW)}",
        )
    if not timedelta(0) <= condition.hold_for <= LONGEST_HOLD:
        yield Problem(
            "condition.holdFor",
            f"holdFor must lie between 0 s and {duration(LONGEST_HOLD)}: nothing is wrong for longer unseen",
        )
    if not 1 <= condition.min_samples <= MOST_SAMPLES:
        yield Problem("condition.minSamples", f"minSamples must lie between 1 and {MOST_SAMPLES}")
    if condition.signal in NAMED and not condition.metric:
        yield Problem("condition.metric", f"the signal {condition.signal.value} needs the name of what it reads")
    for given, named, allowed in (
        (condition.metric, "metric", NAMED), (condition.aggregation, "aggregation", NAMED),
        (condition.filter, "filter", NAMED | OUTSIDE), (condition.group_by, "groupBy", NAMED - OUTSIDE),
    ):  # fmt: skip
        if given and condition.signal not in allowed:
            yield Problem(
                f"condition.{named}", f"{named} is for stored metrics: choose the signal METRIC or leave it out"
            )
    if len(condition.group_by) > MOST_GROUPED_BY or len(set(condition.group_by)) < len(condition.group_by):
        yield Problem("condition.groupBy", f"group by {MOST_GROUPED_BY} different attributes at most")
    if len(condition.filter) > MOST_FILTERS or any(
        not 1 <= len(values) <= MOST_VALUES for _, values in condition.filter
    ):
        yield Problem(
            "condition.filter", f"filter by {MOST_FILTERS} attributes at most, each with 1 to {MOST_VALUES} values"
        )


def _of_threshold(condition: Condition) -> Iterator[Problem]:
    where, signal, threshold = "condition.threshold", condition.signal, condition.threshold
    above = condition.comparison is Comparison.ABOVE
    if signal in AGES and not above:
        yield Problem("condition.comparison", f"{_name(condition)} is wrong when it is ABOVE its threshold")
    if signal in NAMED:
        return
    if threshold < 0 or (threshold == 0 and not above):
        how = "can never be below 0" if not above else "is always above a threshold below 0"
        yield Problem(where, f"{_name(condition)} {how}: set a threshold above 0")
    elif signal in RATIOS and (threshold > 1 or (threshold == 1 and above)):
        example = "0.999 for 99.9 %" if signal is Signal.AVAILABILITY else "0.05 for 5 %"
        said = f" (write {example})" if signal in PERCENT else ""
        how = "can never be above" if above else "is always below"
        yield Problem(
            where, f"{_name(condition)} lies between 0 and 1 and {how} {threshold:g}: set a threshold below 1{said}"
        )
    elif signal is Signal.CPU and threshold > 1 and above:
        yield Problem(
            where, f"a CPU usage of {threshold:g} is more than one whole: write 0.7 for 70 %", refused=threshold > 1024
        )
    elif signal is Signal.PROBE_STATE and (threshold > 1 or (above and threshold == 1)):
        yield Problem(where, "a probe's state is 1 when it answers and 0 when not: it is wrong BELOW 1")


def _of_recovery(condition: Condition) -> Iterator[Problem]:
    recovery, threshold = condition.recovery, condition.threshold
    if recovery is None:
        return
    if not math.isfinite(recovery):
        yield Problem("condition.recovery", "the recovery must be a finite number")
    elif math.isfinite(threshold) and condition.breaks(recovery):
        side = "at or below" if condition.comparison is Comparison.ABOVE else "at or above"
        yield Problem(
            "condition.recovery",
            f"what is wrong {condition.comparison.value} {show(condition, threshold)} recovers {side} it: "
            f"{show(condition, recovery)} is on the wrong side",
        )
    elif condition.signal not in NAMED and recovery < 0:
        yield Problem("condition.recovery", f"{_name(condition)} never gets below 0: it would never be well again")
    elif condition.signal in RATIOS and recovery > 1:
        yield Problem("condition.recovery", f"{_name(condition)} never gets above 1: it would never be well again")


def _of_signal(rule: Rule, known: Known) -> Iterator[Problem]:
    condition, every = rule.condition, known.exports_every
    if condition.signal is Signal.BURN_RATE and rule.objective_id is None:
        yield Problem(
            "condition.signal", "burn rates belong to an objective: save an objective, and it brings its rules"
        )
    if condition.signal is Signal.FACT and condition.metric and condition.metric not in known_facts():
        near = difflib.get_close_matches(condition.metric, known_facts(), n=3, cutoff=0.5)
        yield Problem(
            "condition.metric",
            f"no fact {condition.metric!r}: " + (f"is {' or '.join(near)} meant?" if near else "a kind of probe lists its facts"),
        )  # fmt: skip
    if condition.signal is Signal.METRIC and condition.metric and known.metrics is not None:
        if condition.metric not in known.metrics:
            yield Problem("condition.metric", _unknown_metric(rule, condition.metric, known.metrics))
    elif condition.signal is Signal.METRIC and condition.metric:
        of = f"the service {rule.service!r}" if rule.service else "any service"
        yield Problem(
            "condition.metric", f"nothing has been heard of {of} yet, so whether it sends {condition.metric!r} is not known",
            refused=False,
        )  # fmt: skip
    if crowded := fitting.said(dict([known.groups]) if known.groups else {}):
        yield Problem("condition.groupBy", crowded, refused=False)
    if condition.signal in OUTSIDE:
        every = None  # what is asked does not depend on how often a service reports
    if every is not None and condition.signal in AGES and timedelta(seconds=_finite(condition.threshold)) <= every:
        yield Problem(
            "condition.threshold",
            f"the service reports every {duration(every)}: a silence of {show(condition, condition.threshold)} is usual",
            refused=False,
        )
    elif every is not None and condition.signal not in AGES and SHORTEST_WINDOW <= condition.window < every:
        yield Problem(
            "condition.window",
            f"the service reports every {duration(every)}: a window of {duration(condition.window)} is often empty",
            refused=False,
        )
    gauges = condition.signal in (Signal.CPU, Signal.MEMORY, Signal.AVAILABILITY)
    possible = int(condition.window / (every or SLOT))
    if gauges and condition.min_samples > max(possible, 1):
        yield Problem(
            "condition.minSamples",
            f"a window of {duration(condition.window)} holds about {possible} samples of {_name(condition)}: "
            f"{condition.min_samples} are hardly ever reached",
            refused=False,
        )
    if condition.signal in AGES and condition.when_no_data is WhenNoData.OK:
        yield Problem(
            "condition.whenNoData", f"{_name(condition)} is about silence: KEEP says what is meant", refused=False
        )


def _unknown_metric(rule: Rule, metric: str, metrics: frozenset[str]) -> str:
    who = f"{rule.service} sends" if rule.service else "any service sends"
    near = difflib.get_close_matches(metric, metrics, n=3, cutoff=0.5) or sorted(metrics)[:3]
    return f"no metric {metric!r} is among those that {who}" + (f": is {' or '.join(near)} meant?" if near else "")


def _name(condition: Condition) -> str:
    return NAMES.get(condition.signal, condition.signal.value)


def _finite(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WINDOW.total_seconds()) if math.isfinite(seconds) else 0.0


def _is_address(url: str) -> bool:
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
