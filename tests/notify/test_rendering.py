"""What people read: the subject at 03:00, the text, the mail, Slack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest

from century.alerts.alert import Alert, AlertState
from century.core.redaction import clean
from century.core.settings import Settings
from century.notify.blocks import slack
from century.notify.channel import Channel, ChannelKind
from century.notify.channels import pagerduty, webhook
from century.notify.channels.webhook import sign
from century.notify.compose import message_of
from century.notify.event import Event
from century.notify.mail import html
from century.notify.message import SHOWN, Message
from century.notify.rendering import subject, text
from century.rules.condition import Condition, Signal
from century.rules.severity import Severity
from century.telemetry.metrics import Aggregation
from century.telemetry.targets import Comparison
from tests.notify.conftest import SECRET, rule
from tests.world import START

SETTINGS = Settings("", "", "s" * 40, "j" * 40, Path("/"), public_url="https://century.example")
CHANNEL = Channel(UUID(int=9), "ops", ChannelKind.EMAIL, frozenset(Severity), START, START)
NOW = START + timedelta(minutes=12)


def alert(subject: str = "checkout", number: int = 1, severity: Severity = Severity.CRITICAL, **more: object) -> Alert:
    made = Alert(
        id=UUID(int=number), rule=rule(severity), subject=subject, service=subject.split()[0], attributes=(),
        severity=severity, state=AlertState.FIRING, episode=1, summary="", value=0.072, peak=0.081, threshold=0.05,
        unit="1", pending_since=None, opened_at=START, updated_at=START,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def message(alerts: Sequence[Alert], event: Event = Event.FIRING, level: int = 1) -> Message:
    return message_of(
        SETTINGS, CHANNEL, [(f"key-{each.id}", each) for each in alerts], event=event, key="msg_1", level=level, at=NOW,
        delivery_id=UUID(int=5),
    )  # fmt: skip


OVER = {"state": AlertState.RESOLVED, "resolved_at": NOW}
TAKEN = {"state": AlertState.ACKNOWLEDGED, "acknowledged_by_name": "Ada"}
QUEUE = Condition(Signal.METRIC, Comparison.ABOVE, 1000, metric="queue.length", aggregation=Aggregation.MAX)
SILENT = Condition(Signal.SILENCE, Comparison.ABOVE, 300)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(message([alert()]), "CRITICAL checkout: error rate 7.2 % (above 5 %)", id="one"),
        pytest.param(message([alert()], level=3), "CRITICAL (level 3) checkout: error rate 7.2 % (above 5 %)", id="escalated"),
        pytest.param(
            message([alert(**TAKEN)], Event.ACKNOWLEDGED), "Acknowledged checkout: error rate 7.2 % (above 5 %)", id="taken"
        ),
        pytest.param(
            message([alert(**OVER)], Event.RESOLVED), "Resolved checkout: error rate 8.1 % at its worst (above 5 %)", id="over"
        ),
        pytest.param(
            message([alert("a", 1, Severity.INFO), alert("b", 2), alert("c", 3, Severity.WARNING)]),
            "CRITICAL 3 alerts: b, c and a", id="several, the worst first",
        ),
        pytest.param(
            message([alert(f"service-{number}", number) for number in range(12)]),
            "CRITICAL 12 alerts: service-0, service-1 and 10 more services", id="a storm",
        ),
        pytest.param(
            message([alert(rule=replace(rule(), condition=QUEUE), value=2500.0, unit="{jobs}")]),
            "CRITICAL checkout: max of queue.length 2 500 jobs (above 1 000 jobs)", id="a metric of one's own",
        ),
        pytest.param(
            message([alert(rule=replace(rule(), condition=SILENT), value=None, unit="s")]),
            "CRITICAL checkout: time without telemetry no data (above 5 min)", id="nothing heard",
        ),
        pytest.param(
            message([alert("evil\r\nBcc: x\u202e")]), "CRITICAL evil Bcc: x : error rate 7.2 % (above 5 %)", id="hostile"
        ),
    ],
)  # fmt: skip
def test_the_subject_says_it_at_once(said: Message, expected: str) -> None:
    assert subject(said) == expected


def test_the_text_says_what_to_do() -> None:
    said = message([alert()], level=2)
    assert text(said).splitlines() == [
        "Nobody has answered for 12 min: this is level 2.",
        "",
        "CRITICAL checkout",
        "Error rate is 7.2 %, above 5 % over 5 min.",
        "Since 09:00 UTC, 12 min ago.",
        "",
        "First steps",
        "1. Look at the newest deployment and roll it back if it fits.",
        "2. Ask the payment provider's status page.",
        "3. Raise the pool to 40 connections.",
        "(1 more in the runbook)",
        "",
        f"Acknowledge: {said.acknowledge}",
        "Runbook: https://wiki.example.com/errors",
        f"Alert: https://century.example/monitoring/alerts/{UUID(int=1)}",
        "",
        "Century · msg_1",
    ]


def test_a_storm_is_told_shortly_and_nothing_is_kept_quiet() -> None:
    said = message([alert(f"service-{number:03}", number) for number in range(500)])
    for form in (text(said), html(said), str(slack(said))):
        assert "service-000" in form and f"service-{SHOWN:03}" not in form
        assert f"{500 - SHOWN} more" in form
        assert str(said.acknowledge) in form
        assert len(form) < 40_000
    assert len(webhook.payload(said)["data"]["alerts"]) == 500


def test_an_acknowledgement_and_an_end_carry_no_button() -> None:
    for said in (message([alert(**TAKEN)], Event.ACKNOWLEDGED), message([alert(**OVER)], Event.RESOLVED)):
        assert said.acknowledge is None
        for form in (text(said), html(said), str(slack(said))):
            assert "/a/" not in form
    assert "Acknowledged by Ada" in text(message([alert(**TAKEN)], Event.ACKNOWLEDGED))
    assert "Resolved after 12 min; it began at 09:00 UTC." in text(message([alert(**OVER)], Event.RESOLVED))


HOSTILE = "<script>alert(1)</script>&\"'><!channel>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [str(value) for name, value in attributes if name in ("src", "background", "srcset")]


@pytest.mark.parametrize("count", [1, 3])
def test_the_mail_loads_nothing_and_lets_nothing_in(count: int) -> None:
    told = replace(rule(), runbook=f"1. {HOSTILE}", runbook_url='https://x.example/"><script>')
    parser = Tags()
    parser.feed(html(message([alert(HOSTILE, number, rule=told) for number in range(count)])))
    assert "script" not in parser.tags and parser.loads == []


@pytest.mark.parametrize("count", [1, 3])
def test_slack_shows_what_came_from_outside_as_it_is(count: int) -> None:
    told = replace(rule(), runbook=f"1. {HOSTILE}")
    said = slack(message([alert(HOSTILE, number, rule=told) for number in range(count)]))
    assert "<!channel>" not in str(said) and "<script>" not in str(said)
    blocks = said["attachments"][0]["blocks"]
    assert len(blocks) <= 50
    assert all(len(block["text"]["text"]) <= 3000 for block in blocks if block["type"] == "section")
    assert blocks[-1]["elements"][0]["text"] == "Century · msg_1"


def test_a_webhook_is_signed_after_the_standard() -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    body = b'{"email":"test@example.com","username":"test_user"}'
    signed = sign(secret, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "1649367553", body)
    assert signed == "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="


@pytest.mark.parametrize(
    ("event", "action"),
    [(Event.FIRING, "trigger"), (Event.ACKNOWLEDGED, "acknowledge"), (Event.RESOLVED, "resolve")],
)
def test_pagerduty_follows_an_alert_under_one_key(event: Event, action: str) -> None:
    said = pagerduty.event("k" * 32, message([alert()], event), pagerduty.ACTIONS[event])
    assert (said["event_action"], said["dedup_key"]) == (action, f"century-{UUID(int=1)}")
    assert ("payload" in said) == (action == "trigger")
    if action == "trigger":
        assert said["payload"]["severity"] == "critical"
        assert [each["text"] for each in said["links"]] == ["Alert", "Runbook", "Acknowledge"]


@pytest.mark.parametrize(
    ("detail", "secrets", "shown"),
    [
        pytest.param("400: bad\r\nthing\x00", (), "400: bad thing", id="one line"),
        pytest.param(f"no {SECRET}", (SECRET,), "no …", id="a secret"),
        pytest.param("no", ("", "x"), "no", id="nothing that is none"),
        pytest.param(
            "https://hooks.slack.com/services/T00/B00/verysecretpart says no",
            ("https://hooks.slack.com/services/T00/B00/verysecretpart",), "… says no", id="an address",
        ),
        pytest.param("token verysecretpart is bad", ("https://hooks.slack.com/services/T00/verysecretpart",),
                     "token … is bad", id="a part of an address"),
        pytest.param("123456789:abcdef is bad", ("tgram://123456789:abcdef/42",), "… is bad", id="where a host would be"),
        pytest.param(f"Bearer {'a' * 90}…", (f"Bearer {'a' * 100}",), "……", id="the beginning of one that is cut off"),
        pytest.param(f'says "Bearer {"a" * 20}"', (f"Bearer {'a' * 100}",), 'says "…"', id="or in quotation marks"),
        pytest.param("Bearer of good", (f"Bearer of good news {'a' * 9}",), "…", id="or at its end"),
        pytest.param("Authorization is missing", (f"Authorization: {'a' * 20}",), "Authorization is missing", id="no more than that"),
        pytest.param("x" * 1000, (), "x" * 399 + "…", id="long"),
    ],
)  # fmt: skip
def test_a_detail_may_be_shown(detail: str, secrets: tuple[str, ...], shown: str) -> None:
    assert clean(detail, secrets) == shown
