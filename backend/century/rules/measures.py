"""From a summary of windows to what a rule reads of it: one entry a slot, live (one slot) and over history alike."""

from __future__ import annotations

import numpy as np

from century.rules.condition import Signal
from century.rules.objective import Objective, ObjectiveKind
from century.telemetry.performance import SATISFIED, Columns
from century.telemetry.sketch import Floats, Ints
from century.telemetry.summary import Summary

OF_SUMMARIES = frozenset(
    {
        Signal.LATENCY_AVG, Signal.LATENCY_P95, Signal.LATENCY_P99, Signal.ERROR_RATE, Signal.THROUGHPUT,
        Signal.AVAILABILITY, Signal.APDEX, Signal.CPU, Signal.MEMORY, Signal.BURN_RATE,
    }
)  # fmt: skip
FIRST_REPORT = 60.0
WITHOUT_SKETCHES = frozenset(
    {Signal.LATENCY_AVG, Signal.ERROR_RATE, Signal.THROUGHPUT, Signal.AVAILABILITY, Signal.CPU, Signal.MEMORY}
)
"""Signals that need no more of the latencies than their count and sum."""


def measured(
    signal: Signal, given: Summary, seconds: Floats, objective: Objective | None = None
) -> tuple[Floats, Ints]:
    """(values, samples) of each slot; NaN where nothing was measured. `seconds` is how much of each slot was known.

    Samples are requests, for availability minutes with requests, for resources measurements.
    """
    columns, count = Columns(given, seconds), given.requests.count
    match signal:
        case Signal.LATENCY_AVG:
            return columns.latency_avg, count
        case Signal.LATENCY_P95:
            return columns.quantile(0.95), count
        case Signal.LATENCY_P99:
            return columns.quantile(0.99), count
        case Signal.ERROR_RATE:
            return columns.error_rate, count
        case Signal.THROUGHPUT:
            # A service that reports its resources and no requests has none, and that was measured.
            heard = np.maximum(count, given.cpu_weight + given.memory_weight)
            return np.where(heard > 0, columns.throughput, np.nan), heard
        case Signal.AVAILABILITY:
            return columns.availability, given.observed
        case Signal.APDEX:
            return _apdex(given), count
        case Signal.CPU:
            return given.cpu, given.cpu_weight
        case Signal.MEMORY:
            return given.memory, given.memory_weight
        case Signal.BURN_RATE:
            assert objective is not None
            return burning(given, objective), count
        case _:
            raise ValueError(f"{signal} is not read from summaries")


def known_for(since_known: Floats, window: float) -> Floats:
    """How much of a window a service was known, of the seconds since it first was; its first report tells of a minute."""
    return np.clip(since_known, min(window, FIRST_REPORT), window)


def bad(given: Summary, objective: Objective) -> Floats:
    """How many requests of each slot were not good."""
    if objective.kind is ObjectiveKind.LATENCY and objective.latency is not None:
        good: Floats = given.requests.below(objective.latency)
        return given.requests.count - good
    return given.errors.astype(np.float64)


def burning(given: Summary, objective: Objective) -> Floats:
    """The burn rate of each slot; NaN without requests."""
    count = given.requests.count
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 0, bad(given, objective) / count / (1.0 - objective.target), np.nan)


def _apdex(given: Summary) -> Floats:
    one, count = given.requests, given.requests.count
    with np.errstate(invalid="ignore", divide="ignore"):
        happy = (one.below(SATISFIED) + one.below(SATISFIED * 4)) / 2 / count
        return np.where(count > 0, np.minimum(happy, 1.0), np.nan)
