"""How a service is now, from its last five minutes."""

from __future__ import annotations

from enum import StrEnum

from century.telemetry.performance import Totals

WINDOW_SECONDS = 300
BROKEN_ERROR_RATE = 0.05
FEWEST_ERRORS = 3
"""Fewer errors than this say nothing about a rate."""


class Health(StrEnum):
    """Silent: nothing was heard. Degraded: a target is missed. Unhealthy: more than one request in twenty fails."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    SILENT = "silent"


def assess(last: Totals, heard: bool) -> Health:
    """`last` are the totals of the last five minutes; `heard` says whether anything came in them at all."""
    if not heard and not last.request_count and last.cpu is None and last.memory is None:
        return Health.SILENT
    telling = last.error_count >= FEWEST_ERRORS
    if telling and last.error_rate is not None and last.error_rate > BROKEN_ERROR_RATE:
        return Health.UNHEALTHY
    if last.availability is not None and last.availability < 0.5 and telling:
        return Health.UNHEALTHY
    for target in last.targets():
        if target.met is False and (telling or target.name not in ("error_rate", "availability")):
            return Health.DEGRADED
    return Health.HEALTHY
