"""From what was read to what the page shows: each thing's level, its days, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from century.overview.status import (
    SHOWN_DAYS,
    StatusIncident,
    StatusItem,
    StatusKind,
    StatusLevel,
    level_of,
    level_of_service,
    outages,
    troubles,
)
from century.probes.uptime import Days, Ranges, Span, days, midnight, share
from century.rules.severity import Severity
from century.telemetry.health import Health
from century.telemetry.performance import Availability
from century.telemetry.slots import SECOND


@dataclass(frozen=True, slots=True)
class Chosen:
    """A shown thing as it was chosen."""

    id: UUID
    group: str
    kind: StatusKind
    source: str
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is open now: what it is about, and how bad it is."""

    service: str | None
    attributes: Mapping[str, str]
    severity: Severity
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Watched:
    """A probe or a heartbeat: how it stands since when, and how it stood."""

    up: bool | None
    since: datetime
    spans: Sequence[Span]
    alerts: Sequence[OpenAlert] = ()
    held: Ranges = ()


@dataclass(frozen=True, slots=True)
class Served:
    """A service: its health, its days, when critical alerts of it were open, and the share of its time that it was up."""

    health: Health
    days: Days
    uptime: float | None
    critical: Ranges = ()
    alerts: Sequence[OpenAlert] = ()
    held: Ranges = field(default=())


def first_day(now: datetime) -> datetime:
    """The midnight from which on days are shown."""
    return midnight(now) - timedelta(days=SHOWN_DAYS - 1)


def shown_watched(chosen: Chosen, found: Watched, now: datetime) -> tuple[StatusItem, list[StatusIncident]]:
    """A probe or a heartbeat as it is shown, and what went wrong with it."""
    level = level_of(found.up, _worst(found.alerts), maintained=_holds(found.held, now))
    item = StatusItem(
        chosen.id, chosen.kind, chosen.source, chosen.name, chosen.slug, level,
        _since(level, found.since, found.alerts, found.held, now), share(found.spans, found.held),
        days(found.spans, found.held, first_day(now), SHOWN_DAYS),
    )  # fmt: skip
    return item, outages(chosen.name, chosen.kind, found.spans, found.held, now)


def shown_service(chosen: Chosen, found: Served, now: datetime) -> tuple[StatusItem, list[StatusIncident]]:
    """A service as it is shown, and what went wrong with it."""
    level = level_of_service(found.health, _worst(found.alerts), maintained=_holds(found.held, now))
    item = StatusItem(
        chosen.id, chosen.kind, chosen.source, chosen.name, chosen.slug, level,
        _since(level, None, found.alerts, found.held, now), found.uptime, found.days,
    )  # fmt: skip
    return item, troubles(chosen.name, found.critical, found.held, now)


def days_served(stood: Availability) -> tuple[Days, float | None]:
    """A service's days, and the share of the minutes with requests in which they went well."""
    observed, up = stood.observed, stood.up
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = up / observed
    total = int(observed.sum())
    columns = Days((stood.slots.starts / SECOND).tolist(), shares.tolist(), ((observed - up) * 60.0).tolist())
    return columns, int(up.sum()) / total if total else None


def _worst(alerts: Sequence[OpenAlert]) -> Severity | None:
    order = list(Severity)
    return min((each.severity for each in alerts), key=order.index, default=None)


def _holds(held: Ranges, now: datetime) -> bool:
    return any(start <= now < end for start, end in held)


def _since(
    level: StatusLevel, own: datetime | None, alerts: Sequence[OpenAlert], held: Ranges, now: datetime
) -> datetime | None:
    """Since when it is at its level, as far as that is known."""
    match level:
        case StatusLevel.MAINTENANCE:
            return min(start for start, end in held if start <= now < end)
        case StatusLevel.DEGRADED | StatusLevel.DOWN if own is None or level is StatusLevel.DEGRADED:
            bad = [each.opened_at for each in alerts if each.severity is not Severity.INFO]
            return min(bad, default=None)
        case _:
            return own
