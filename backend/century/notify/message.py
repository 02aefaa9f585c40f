"""A message: what is told of which alerts, under which key, and where it leads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from century.alerts.alert import Alert
from century.alerts.lifecycle import AlertState
from century.alerts.wording import of_itself
from century.notify.event import Event
from century.rules import wording
from century.rules.condition import Signal
from century.rules.runbook import steps
from century.rules.severity import Severity

FIRST_STEPS = 3
SHOWN = 12


@dataclass(frozen=True, slots=True)
class AlertBrief:
    """An alert as a message carries it. `key` is the notification's, `page` shows it, `acknowledge` answers for it."""

    id: UUID
    key: str
    severity: Severity
    service: str | None
    subject: str
    rule: str
    what: str
    short: str
    value: str
    bound: str
    since: datetime
    page: str
    ended: datetime | None = None
    by: str | None = None
    steps: tuple[str, ...] = ()
    more_steps: int = 0
    runbook_url: str | None = None
    acknowledge: str | None = None

    @property
    def place(self) -> str:
        """Where it is wrong, in a word: the service, or what else the alert is about."""
        return self.service or self.subject


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one channel. Several alerts that were due together are one; the worst, then the oldest, is first.

    `key` is the same at every try. `acknowledge` answers for all of them. `notice` is a sentence of its own.
    """

    event: Event
    key: str
    at: datetime
    alerts: tuple[AlertBrief, ...]
    level: int
    page: str
    acknowledge: str | None = None
    notice: str | None = None

    @property
    def severity(self) -> Severity:
        """The worst of its alerts'."""
        ranks = list(Severity)
        return min((each.severity for each in self.alerts), key=ranks.index, default=Severity.INFO)

    @property
    def shown(self) -> Sequence[AlertBrief]:
        """The alerts that are written out."""
        return self.alerts[:SHOWN]

    @property
    def unshown(self) -> int:
        """How many more there are."""
        return max(0, len(self.alerts) - SHOWN)

    @property
    def services(self) -> tuple[str, ...]:
        """The places of its alerts, each once."""
        return tuple(dict.fromkeys(each.place for each in self.alerts))


def brief(alert: Alert, key: str, public_url: str, *, acknowledge: str | None = None) -> AlertBrief:
    """What a message says of an alert."""
    condition = alert.rule.condition
    over = alert.state is AlertState.RESOLVED
    # By now it is well again: what is told of is how bad it was.
    measured = alert.peak if over and alert.peak is not None else alert.value
    value = _show(alert, measured)
    side = f"{condition.comparison.value} {_show(alert, condition.threshold)}"
    todo = steps(alert.rule.runbook)
    name = wording.name(condition)
    verb = ("had" if over else "has") if measured is None else ("was" if over else "is")
    worst = " at its worst" if over and measured is not None else ""
    told = (
        wording.bound(condition, alert.unit) if measured is None else wording.against(condition, measured, alert.unit)
    )
    what = f"{name[:1].upper()}{name[1:]} {verb} {value}{worst}, {told}"
    short = f"{name} {value}{worst} ({side})"
    if condition.is_state and measured is not None:
        value = wording.show(condition, measured)
        what, short, side = f"It {verb} {value}", value, "expected up"
    elif condition.signal is Signal.HEARTBEAT and measured is not None:
        what, short = f"It {verb} {value} late{worst}", f"{value} late{worst}"
    if not over and measured is not None and (itself := of_itself(alert)) is not None:
        what, short = f"It {itself}", itself.removeprefix("is ")
    acknowledged = alert.state is AlertState.ACKNOWLEDGED
    return AlertBrief(
        id=alert.id,
        key=key,
        severity=alert.severity,
        service=alert.service,
        subject=alert.subject,
        rule=alert.rule_name,
        what=what,
        short=short,
        value=value,
        bound=side,
        since=alert.opened_at,
        page=alert_page(public_url, alert.id),
        ended=alert.resolved_at,
        by=alert.acknowledged_by_name if acknowledged else alert.resolved_by_name,
        steps=tuple(step.text for step in todo[:FIRST_STEPS]),
        more_steps=max(0, len(todo) - FIRST_STEPS),
        runbook_url=alert.rule.runbook_url,
        acknowledge=acknowledge,
    )


def _show(alert: Alert, value: float | None) -> str:
    # The alert's unit is that of its values already; `wording.show` would work it out of the metric's own.
    if value is None or wording.in_percent(alert.rule.condition):
        return wording.show(alert.rule.condition, value)
    return wording.quantity(value, alert.unit)


def in_order(alerts: Iterable[AlertBrief]) -> tuple[AlertBrief, ...]:
    """The worst first, then the oldest."""
    ranks = list(Severity)
    return tuple(sorted(alerts, key=lambda each: (ranks.index(each.severity), each.since, each.id)))


def alert_page(public_url: str, alert_id: UUID) -> str:
    """Where an alert is shown."""
    return f"{public_url}/monitoring/alerts/{alert_id}"


def alerts_page(public_url: str) -> str:
    """Where the open alerts are shown."""
    return f"{public_url}/monitoring/alerts"
