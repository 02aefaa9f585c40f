"""What was seen when an alert opened, kept with it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import bindparam, select, text

from century.alerts.alert import Alert, AlertState
from century.alerts.kept import ALERT, COLUMNS, of_row
from century.alerts.wording import LONGEST_WHY
from century.core.wording import one_line
from century.core.work import Work
from century.rules.rule import Rule
from century.rules.verdict import Verdict
from century.rules.wording import sentence
from century.telemetry.targets import Comparison

NEARBY = timedelta(hours=1)
MOST_NEARBY = 20
FILLED_WITHIN = timedelta(minutes=10)
FILLED_AT_ONCE = 50

DEPLOYED = text(
    """SELECT d.id, d.at, d.version, d.url, s.name AS service FROM deployment d JOIN service s ON s.id = d.service_id
    WHERE s.name = :service AND d.at > :since AND d.at <= :until ORDER BY d.at DESC LIMIT :most"""
)
FILL = ALERT.update().where(ALERT.c.id == bindparam("alert")).values(evidence=bindparam("seen"))


@dataclass(frozen=True, slots=True)
class Series:
    """A column of the evidence: Unix seconds and values."""

    name: str
    unit: str
    at: Sequence[float]
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen and by which condition it was wrong; `series` around the breach."""

    observed_at: datetime
    value: float | None
    reason: str | None
    samples: int
    threshold: float | None
    recovery: float | None
    comparison: Comparison
    window: timedelta
    rule_version: int
    sentence: str
    series: list[Series]
    deployments: list[dict[str, Any]]


def seen(rule: Rule, verdict: Verdict, now: datetime) -> dict[str, Any]:
    """The evidence that an alert opens with, as it is stored; its series and deployments follow (`fill`)."""
    condition = rule.condition
    return {
        "observed_at": (verdict.observed_at or now).isoformat(),
        "value": verdict.value,
        "reason": one_line(verdict.why, LONGEST_WHY) or None,
        "samples": verdict.samples,
        "threshold": condition.threshold,
        "recovery": condition.recovery,
        "comparison": condition.comparison.value,
        "window": condition.window.total_seconds(),
        "rule_version": rule.version,
        "sentence": sentence(rule),
    }


async def lacking(work: Work) -> list[Alert]:
    """Alerts that opened of late and whose series are still to be kept, the oldest first."""
    rows = await work.rows(
        select(*COLUMNS)
        .where(
            ALERT.c.opened_at > work.now - FILLED_WITHIN,
            ALERT.c.state != AlertState.PENDING.value,
            ~ALERT.c.evidence.has_key("series"),
        )
        .order_by(ALERT.c.opened_at)
        .limit(FILLED_AT_ONCE)
    )
    return [of_row(row) for row in rows]


async def fill(work: Work, found: Sequence[tuple[Alert, Sequence[Series]]]) -> None:
    """Keep series and the deployments nearby with the evidence of these alerts."""
    if not found:
        return
    kept = await _stored(work, [alert.id for alert, _ in found])
    rows = []
    for alert, columns in found:
        nearby = await work.rows(
            DEPLOYED,
            {
                "service": alert.service, "since": alert.opened_at - NEARBY, "until": alert.opened_at,
                "most": MOST_NEARBY,
            },
        ) if alert.service else []  # fmt: skip
        more = {
            "series": [
                {"name": each.name, "unit": each.unit, "at": list(each.at), "values": _plain(each.values)}
                for each in columns
            ],
            "deployments": [
                {"id": str(row.id), "at": row.at, "version": row.version, "url": row.url, "service": row.service}
                for row in nearby
            ],
        }
        rows.append({"alert": alert.id, "seen": kept.get(alert.id, {}) | orjson.loads(orjson.dumps(more))})
    await work.execute(FILL, rows)


def _plain(values: Sequence[float | None]) -> list[float | None]:
    return [each if each is not None and math.isfinite(each) else None for each in values]


async def _stored(work: Work, ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    rows = await work.rows(select(ALERT.c.id, ALERT.c.evidence).where(ALERT.c.id.in_(list(ids))))
    return {row.id: row.evidence for row in rows}


async def evidence(work: Work, ids: Collection[UUID]) -> dict[UUID, Evidence]:
    """The evidence of these alerts."""
    return {id: _evidence(each) for id, each in (await _stored(work, ids)).items()}


def _evidence(stored: dict[str, Any]) -> Evidence:
    return Evidence(
        observed_at=datetime.fromisoformat(stored["observed_at"]),
        value=stored["value"],
        reason=stored.get("reason"),
        samples=stored["samples"],
        threshold=stored["threshold"],
        recovery=stored["recovery"],
        comparison=Comparison(stored["comparison"]),
        window=timedelta(seconds=stored["window"]),
        rule_version=stored["rule_version"],
        sentence=stored["sentence"],
        series=[Series(each["name"], each["unit"], each["at"], each["values"]) for each in stored.get("series") or ()],
        deployments=list(stored.get("deployments") or ()),
    )
