"""From summaries to what a performance page shows: totals, columns over time, a table of routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from century.telemetry import summary
from century.telemetry.grid import Grid
from century.telemetry.plain import Series
from century.telemetry.sketch import Floats, Ints
from century.telemetry.slots import Slots
from century.telemetry.summary import Summary
from century.telemetry.targets import DEFAULTS, Objective, Target, hold

SATISFIED = 0.5
"""Apdex: a request within this many seconds satisfies, within four times as many it is tolerated."""
SHARES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds; None where nothing was measured. `approximate` where explicit buckets took part."""

    avg: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Availability:
    """The minutes with requests in each slot of a range, and those of them that went well."""

    slots: Slots
    observed: Ints
    up: Ints


@dataclass(frozen=True, slots=True)
class Totals:
    """What a range comes to. Throughput is per second of the part in which the services were known."""

    request_count: int
    error_count: int
    throughput: float | None
    error_rate: float | None
    availability: float | None
    apdex: float | None
    latency: Latency
    cpu: float | None
    memory: float | None

    def targets(self, objectives: Sequence[Objective] = DEFAULTS) -> list[Target]:
        """Each target, met or missed."""
        return hold(
            objectives,
            {
                "latency_avg": self.latency.avg,
                "latency_p95": self.latency.p95,
                "error_rate": self.error_rate,
                "availability": self.availability,
                "cpu": self.cpu,
                "memory": self.memory,
            },
        )


def totals(given: Summary, seconds: float) -> Totals:
    """A summary as a whole; `seconds` is how long the services were known in it (0: not at all)."""
    whole = summary.total(given)
    count, errors = int(whole.requests.count[0]), int(whole.errors[0])
    observed = int(whole.observed[0])
    return Totals(
        count,
        errors,
        count / seconds if seconds > 0 else None,
        errors / count if count else None,
        int(whole.up[0]) / observed if observed else None,
        apdex(whole.requests),
        latency(whole.requests),
        _known(whole.cpu[0]),
        _known(whole.memory[0]),
    )


def latency(one: Grid) -> Latency:
    """The latencies of a grid of one slot."""
    count = int(one.count[0])
    if not count:
        return Latency()
    p50, p95, p99 = one.quantiles(SHARES)[:, 0]
    return Latency(
        float(one.sum[0]) / count, _known(p50), _known(p95), _known(p99), _known(one.high[0]), one.approximate
    )


def apdex(one: Grid) -> float | None:
    """Satisfied requests and half of those tolerated, as a share of all."""
    count = int(one.count[0])
    if not count:
        return None
    satisfied, tolerated = float(one.below(SATISFIED)[0]), float(one.below(SATISFIED * 4)[0])
    return min((satisfied + tolerated) / 2 / count, 1.0)


class Columns:
    """A summary as columns, one entry a slot; NaN where there is none. `seconds` is how much of each slot was known."""

    def __init__(self, given: Summary, seconds: Floats) -> None:
        self._given = given
        self._seconds = seconds

    @cached_property
    def at(self) -> Floats:
        """When each slot begins, in Unix seconds."""
        return self._given.starts / 1e9

    @cached_property
    def request_count(self) -> Floats:
        return np.where(self._seconds > 0, self._given.requests.count.astype(np.float64), np.nan)

    @cached_property
    def throughput(self) -> Floats:
        return _ratio(self._given.requests.count, self._seconds)

    @cached_property
    def error_rate(self) -> Floats:
        return _ratio(self._given.errors, self._given.requests.count)

    @cached_property
    def availability(self) -> Floats:
        return _ratio(self._given.up, self._given.observed)

    @cached_property
    def latency_avg(self) -> Floats:
        return _ratio(self._given.requests.sum, self._given.requests.count)

    def quantile(self, share: float) -> Floats:
        """The latency that this share of a slot's requests does not exceed."""
        made: Floats = self._given.requests.quantiles([share], self._running)[0]
        return made

    @cached_property
    def _running(self) -> NDArray[np.integer]:
        return self._given.requests.running()

    @property
    def cpu(self) -> Floats:
        return self._given.cpu

    @property
    def memory(self) -> Floats:
        return self._given.memory


@dataclass(frozen=True, slots=True)
class Point:
    """One slot of one service as it happens."""

    service: str
    at: int
    request_count: int
    throughput: float
    error_rate: float | None
    latency_avg: float | None
    latency_p50: float | None
    latency_p95: float | None
    latency_p99: float | None
    cpu: float | None
    memory: float | None


def points(service: str, given: Summary, places: Iterable[int]) -> list[Point]:
    """Some slots of a summary, each on its own."""
    columns = Columns(given, np.full(given.slots, given.step / 1e9))
    p50, p95, p99 = (columns.quantile(share) for share in SHARES)
    return [
        Point(
            service, int(columns.at[n]), int(given.requests.count[n]), float(columns.throughput[n]),
            _known(columns.error_rate[n]), _known(columns.latency_avg[n]), _known(p50[n]), _known(p95[n]),
            _known(p99[n]), _known(columns.cpu[n]), _known(columns.memory[n]),
        )
        for n in places
    ]  # fmt: skip


class RouteOrder(StrEnum):
    """What the table of routes is ordered by, the greatest first."""

    LATENCY_P95 = "latency_p95"
    LATENCY_AVG = "latency_avg"
    REQUEST_COUNT = "request_count"
    ERROR_RATE = "error_rate"


@dataclass(frozen=True, slots=True)
class Route:
    """What one route did in a range."""

    method: str
    route: str
    request_count: int
    error_rate: float | None
    throughput: float | None
    latency: Latency


def route_of(series: Series) -> tuple[str, str]:
    """(method, route) of a series of requests."""
    attributes = series.attributes
    return attributes.get("http.request.method", ""), attributes.get("http.route", "")


def routes(
    keys: Sequence[tuple[str, str]], grids: Sequence[Grid], errors: Mapping[int, int], seconds: float, order: RouteOrder
) -> list[Route]:
    """A table of routes: one grid of one slot a key; `errors` by place. Routes without requests are left out."""
    made = [
        Route(
            method, route, count, errors.get(place, 0) / count, count / seconds if seconds > 0 else None, latency(one)
        )
        for place, ((method, route), one) in enumerate(zip(keys, grids, strict=True))
        for count in [int(one.count[0])]
        if count
    ]
    return sorted(made, key=lambda each: (-_rank(each, order), each.route, each.method))


def _rank(route: Route, order: RouteOrder) -> float:
    match order:
        case RouteOrder.LATENCY_P95:
            value = route.latency.p95
        case RouteOrder.LATENCY_AVG:
            value = route.latency.avg
        case RouteOrder.REQUEST_COUNT:
            value = route.request_count
        case RouteOrder.ERROR_RATE:
            value = route.error_rate
    return value if value is not None else -1.0


def _ratio(part: Ints | Floats, whole: Ints | Floats) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / np.maximum(whole, 1e-12), np.nan)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
