"""Alerts that others decided, read from what they send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from century.core.errors import Invalid
from century.rules.outside_alert import LONGEST_TEXT, OutsideAlert, read, rule_name
from century.rules.severity import Severity

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def told(said: Any) -> OutsideAlert:
    found = read(orjson.dumps(said), NOW)
    assert found.refused == []
    return found.alerts[0]


def alert(labels: dict[str, Any] | None = None, **said: Any) -> dict[str, Any]:
    return {"labels": {"alertname": "DiskFull", **(labels or {})}, **said}


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ("critical", Severity.CRITICAL),
        ("Page", Severity.CRITICAL),
        ("warning", Severity.WARNING),
        ("info", Severity.INFO),
        ("none", Severity.INFO),
        ("sev3", Severity.WARNING),
        ("", Severity.WARNING),
    ],
)
def test_its_severity_is_ours(said: str, severity: Severity) -> None:
    assert told([alert({"severity": said})]).severity is severity


@pytest.mark.parametrize(
    ("shape", "until"),
    [
        ([alert()], timedelta(minutes=5)),
        ([alert(endsAt="2026-11-24T12:01:00.123456789Z")], timedelta(minutes=1, microseconds=123456)),
        ([alert(endsAt="2026-11-24T13:00:00+02:00")], timedelta(hours=-1)),
        ([alert(endsAt="0001-01-01T00:00:00Z")], timedelta(minutes=5)),
        ({"version": "4", "alerts": [alert(status="firing", endsAt="0001-01-01T00:00:00Z")]}, timedelta(days=1)),
        ({"version": "4", "alerts": [alert(status="resolved")]}, timedelta(0)),
        ({"version": "4", "alerts": [alert(status="resolved", endsAt="2026-11-24T11:00:00Z")]}, timedelta(hours=-1)),
    ],
    ids=[
        "five minutes where it does not say", "as it says, to the nanosecond", "in any zone", "Go's zero is no time",
        "a webhook tells the end, and repeats seldom", "what is resolved is over", "and has been since it says",
    ],
)  # fmt: skip
def test_it_stands_until(shape: Any, until: timedelta) -> None:
    assert told(shape).ends_at - NOW == until


def test_it_began_when_it_says_but_not_in_the_future() -> None:
    assert told([alert(startsAt="2026-11-24T11:00:00Z")]).starts_at == NOW - timedelta(hours=1)
    assert told([alert(startsAt="2026-11-24T12:00:09Z")]).starts_at == NOW
    assert told([alert()]).starts_at == NOW


@pytest.mark.parametrize(
    ("labels", "service", "text"),
    [
        ({"service": "shop", "job": "node", "instance": "a:1"}, "shop", "shop instance=a:1 job=node"),
        ({"job": "node", "instance": "a:1", "severity": "page"}, "node", "node instance=a:1"),
        ({"job": "node", "mountpoint": "/var lib"}, "node", 'node mountpoint="/var lib"'),
        ({}, None, "everything"),
    ],
)
def test_it_is_about_the_service_its_labels_name(labels: dict[str, str], service: str | None, text: str) -> None:
    subject = told([alert(labels)]).subject
    assert (subject.service, subject.text) == (service, text)


def test_subjects_that_differ_at_their_end_alone_are_told_apart() -> None:
    one, two = (told([alert({"job": "a", "path": "x" * 900 + end})]).subject for end in "12")
    assert one.text != two.text
    assert len(one.text) <= LONGEST_TEXT + 10


def test_its_fingerprint_is_that_of_its_labels_alone() -> None:
    assert told([alert({"a": "1", "b": "2"})]).fingerprint == told([alert({"b": "2", "a": "1"}, endsAt="")]).fingerprint
    assert told([alert({"a": "1"})]).fingerprint != told([alert({"a": "2"})]).fingerprint


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"labels": {"job": "a"}}, "its labels must name it (alertname)"),
        ({"labels": ["alertname"]}, "its labels must be an object of texts"),
        ({"labels": {"alertname": 1}}, "its labels must be an object of texts"),
        ("DiskFull", "it must be an object with labels"),
        (alert({str(number): "x" for number in range(64)}), "it may have 64 labels"),
        (alert({"a": "x" * 1025}), "a label may have 1024 characters"),
        (alert(endsAt="9999-12-31T23:59:59-14:00"), "endsAt must be a time before the year 9000"),
        (alert(startsAt="yesterday"), "startsAt must be a time like 2026-11-24T15:00:00Z"),
    ],
)
def test_one_that_cannot_be_taken_is_refused_with_its_place_and_the_others_are_taken(said: Any, reason: str) -> None:
    found = read(orjson.dumps([alert(), said]), NOW)
    assert len(found.alerts) == 1
    assert found.refused == [f"alert 2: {reason}"]


@pytest.mark.parametrize("body", [b"", b"{", b"3", b'{"alerts": 3}', b"{}", orjson.dumps([{}] * 1001)])
def test_what_is_no_list_of_alerts_is_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        read(body, NOW)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("DiskFull", "DiskFull"), ("disk/full\n", "disk_full_"), (" ", "outside"), ("x" * 200, "x" * 80)],
)
def test_its_name_is_one_that_a_rule_may_have(name: str, expected: str) -> None:
    assert rule_name(name) == expected
