"""Alerts that a Prometheus (or what passes its alerts on) decided: read from what it sends, and as subjects of rules.

Both shapes are read: Alertmanager's API (`postableAlerts`) and the webhook that Alertmanager and Grafana send (version 4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from century.core.errors import Invalid
from century.rules.problems import LONGEST_NAME
from century.rules.severity import Severity
from century.rules.subject import Subject, subject_of

ALERTNAME, SEVERITY = "alertname", "severity"
MOST_ALERTS = 1_000
MOST_LABELS = 64
LONGEST_LABEL = 1_024
LONGEST_ANNOTATION = 8_192
LONGEST_TEXT = 300
LAST_YEAR = 9_000
LASTS = timedelta(minutes=5)
"""For how long an alert stands that does not say until when: whoever sends it sends it again before."""
WEBHOOK_LASTS = timedelta(days=1)
"""The same by webhook, where it is sent again every few hours and its end is told."""
SEVERITIES = {
    "critical": Severity.CRITICAL,
    "page": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "info": Severity.INFO,
    "none": Severity.INFO,
    "informational": Severity.INFO,
}


class Refused(Exception):
    """An alert that cannot be taken, with the reason."""


@dataclass(frozen=True, slots=True)
class OutsideAlert:
    """One alert as it was told: since when, and until when it stands unless it is told again."""

    fingerprint: str
    name: str
    severity: Severity
    subject: Subject
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generator_url: str | None
    starts_at: datetime
    ends_at: datetime

    def text(self, *names: str) -> str:
        """The first of these annotations that is there."""
        return next((self.annotations[each] for each in names if self.annotations.get(each)), "")


@dataclass(slots=True)
class Told:
    """The alerts of a request, and a sentence for each that is refused."""

    alerts: list[OutsideAlert] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def read(body: bytes, now: datetime) -> Told:
    """What a request says; Invalid where it is none."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Invalid("the body must be JSON: a list of alerts, or a webhook's message with `alerts`") from None
    lasts = LASTS
    if isinstance(said, dict):
        said, lasts = said.get("alerts"), WEBHOOK_LASTS
    if not isinstance(said, list):
        raise Invalid("the body must be a list of alerts, or a webhook's message with `alerts`")
    if len(said) > MOST_ALERTS:
        raise Invalid(f"one request may tell {MOST_ALERTS} alerts")
    told = Told()
    for place, each in enumerate(said, 1):
        try:
            told.alerts.append(_alert(each, now, lasts))
        except Refused as reason:
            told.refused.append(f"alert {place}: {reason}")
    return told


def _alert(said: Any, now: datetime, lasts: timedelta) -> OutsideAlert:
    if not isinstance(said, dict):
        raise Refused("it must be an object with labels")
    labels = _texts(said.get("labels"), "label", LONGEST_LABEL)
    annotations = _texts(said.get("annotations") or {}, "annotation", LONGEST_ANNOTATION)
    name = labels.get(ALERTNAME, "")
    if not name:
        raise Refused(f"its labels must name it ({ALERTNAME})")
    starts_at = min(_moment(said, "startsAt") or now, now)
    ends_at = _moment(said, "endsAt") or now + lasts
    if said.get("status") == "resolved":
        ends_at = min(ends_at, now)
    severity = SEVERITIES.get(labels.get(SEVERITY, "").lower(), Severity.WARNING)
    generator = said.get("generatorURL")
    digest = hashlib.sha256(orjson.dumps(sorted(labels.items()))).hexdigest()
    return OutsideAlert(
        fingerprint=digest,
        name=name,
        severity=severity,
        subject=subject(labels, severity, digest),
        labels=labels,
        annotations=annotations,
        generator_url=generator if isinstance(generator, str) and web_address(generator) else None,
        starts_at=starts_at,
        ends_at=ends_at,
    )


def subject(labels: Mapping[str, str], severity: Severity, fingerprint: str) -> Subject:
    """What an alert is about: the service is its label `service`, or `job`; the text tells it from every other."""
    service = labels.get("service") or labels.get("job") or None
    told = "service" if labels.get("service") else "job"
    rest = sorted(each for each in labels.items() if each[0] not in (ALERTNAME, SEVERITY, told))
    text = subject_of(service, rest).text
    if len(text) > LONGEST_TEXT:
        # Two that are told apart by what is cut off are still told apart.
        text = f"{text[:LONGEST_TEXT]}… {fingerprint[:8]}"
    known = {**labels, SEVERITY: severity.value}
    return Subject(text, service, tuple(sorted(known.items())))


def rule_name(name: str) -> str:
    """An alert's name as a rule may have it."""
    kept = "".join(each if each.isprintable() and each != "/" else "_" for each in name)
    return kept[: LONGEST_NAME - 20].strip() or "outside"


def web_address(url: str) -> bool:
    """Whether people can follow an address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    return whole and len(url) <= 2_000 and url.isprintable() and " " not in url


def _texts(said: Any, what: str, longest: int) -> dict[str, str]:
    if not isinstance(said, dict) or not all(isinstance(each, str) for each in said.values()):
        raise Refused(f"its {what}s must be an object of texts")
    if len(said) > MOST_LABELS:
        raise Refused(f"it may have {MOST_LABELS} {what}s")
    if what == "label" and any(len(key) > 255 or len(value) > longest for key, value in said.items()):
        raise Refused(f"a label may have {longest} characters")
    return {key.replace("\0", ""): value.replace("\0", "")[:longest] for key, value in said.items() if value}


def _moment(said: Mapping[str, Any], name: str) -> datetime | None:
    text = said.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise Refused(f"{name} must be a time like 2026-11-24T15:00:00Z") from None
    if found.year <= 1:
        # How Go says: not known.
        return None
    if found.year >= LAST_YEAR:
        raise Refused(f"{name} must be a time before the year {LAST_YEAR}")
    return found if found.tzinfo else found.replace(tzinfo=UTC)
