"""What rules on probes and heartbeats are about: their subjects, and which of them a rule means."""

from __future__ import annotations

from collections.abc import Mapping

from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.subject import Subject, word

PROBE, KIND, PART, HOST, HEARTBEAT = "probe", "kind", "part", "host", "heartbeat"
NETWORK = "network"
"""The kind of the subject that says whether a worker's own network is there."""
LATENCY, DAYS_LEFT, OK = "probe.latency", "tls.days_left", "probe.ok"


def of_probe(name: str, kind: str, service: str | None, labels: Mapping[str, str], part: str = "") -> Subject:
    """A probe, or a part of what it tells: "db 1", "host disk /var"."""
    attributes = ((PROBE, name), (KIND, kind), *sorted(labels.items()))
    if not part:
        return Subject(name, service, attributes)
    return Subject(f"{name} {word(part)}", service, (*attributes, (PART, part)))


def of_network(host: str) -> Subject:
    """The network of a machine whose worker asks."""
    return Subject(f"network of {host}", None, ((KIND, NETWORK), (HOST, host)))


def of_heartbeat(name: str, service: str | None, labels: Mapping[str, str]) -> Subject:
    """A heartbeat."""
    return Subject(name, service, ((HEARTBEAT, name), *sorted(labels.items())))


def concerns(rule: Rule, subject: Subject) -> bool:
    """Whether a rule is about a subject: its service, and what it filters by."""
    return rule.service in (None, subject.service) and fits(rule.condition, dict(subject.attributes))


def fits(condition: Condition, attributes: Mapping[str, str]) -> bool:
    """Whether all that a condition filters by is so; what is not there is empty."""
    return all(attributes.get(key, "") in values for key, values in condition.filter)


def metric_of(condition: Condition) -> str:
    """The fact that a condition reads; PROBE_STATE is none."""
    match condition.signal:
        case Signal.PROBE_LATENCY:
            return LATENCY
        case Signal.TLS_DAYS_LEFT:
            return DAYS_LEFT
        case Signal.FACT:
            return condition.metric or ""
        case _:
            return ""
