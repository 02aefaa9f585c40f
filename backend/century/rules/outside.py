"""Taking in alerts that others decided: each is a row that a rule reads, and a name not known yet brings its rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import orjson
from sqlalchemy import select, text

from century.core.ids import new_id
from century.core.work import Work
from century.rules import editing
from century.rules.condition import Condition, Signal
from century.rules.outside_alert import SEVERITY, OutsideAlert, rule_name, web_address
from century.rules.outside_subjects import fits
from century.rules.rule import Rule
from century.rules.tables import RuleRow
from century.telemetry.targets import Comparison

TOPIC = "outside.received"
MOST_RULES = 200
MOST_ALERTS = 10_000
"""Every one of them is read whenever one changes."""
KEPT = timedelta(hours=1)
"""So long after its end an alert can still be seen by its rule."""

RULES = (
    select(RuleRow.id, RuleRow.service, RuleRow.condition)
    .where(RuleRow.condition["signal"].astext == Signal.EXTERNAL.value)
    .order_by(RuleRow.created_at, RuleRow.id)
)
NAMES = select(RuleRow.name)
COUNT = text("SELECT count(*) FROM outside_alert")
KNOWN = text("SELECT fingerprint FROM outside_alert WHERE fingerprint = ANY(:fingerprints)")
# An older stretch of the same alert, come late, is passed over.
PUT = text("""
    INSERT INTO outside_alert AS known (fingerprint, rule_id, subject, labels, annotations, generator_url, starts_at,
                                        ends_at, received_at, key_id)
    VALUES (:fingerprint, :rule_id, :subject, CAST(:labels AS jsonb), CAST(:annotations AS jsonb), :generator_url,
            :starts_at, :ends_at, :now, :key_id)
    ON CONFLICT (fingerprint) DO UPDATE SET rule_id = excluded.rule_id, subject = excluded.subject,
        annotations = excluded.annotations, generator_url = excluded.generator_url, starts_at = excluded.starts_at,
        ends_at = excluded.ends_at, received_at = excluded.received_at, key_id = excluded.key_id
    WHERE known.starts_at <= excluded.starts_at""")
FORGET = text("DELETE FROM outside_alert WHERE ends_at < :before")

TAKE_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
Reader = tuple[UUID, str | None, Condition]

RUNBOOK = "Decided outside, by a Prometheus. The first one said:\n\n"


async def take(work: Work, alerts: Sequence[OutsideAlert]) -> list[str]:
    """Keep what is told; answers a sentence for each alert that is refused."""
    await work.execute(FORGET, {"before": work.now - KEPT})
    told = {each.fingerprint: each for each in alerts}
    known = {row.fingerprint for row in await work.rows(KNOWN, {"fingerprints": list(told)})}
    rules = await _rules(work)
    room = MOST_ALERTS - (await work.scalar(COUNT))
    locked = False
    refused: list[str] = []
    rows = []
    # In one order, so that two requests wait for each other instead of blocking each other.
    for fingerprint in sorted(told):
        alert = told[fingerprint]
        if alert.ends_at <= work.now and fingerprint not in known:
            continue
        if fingerprint not in known:
            if room <= 0:
                refused.append(f"{alert.name}: {MOST_ALERTS:,} alerts stand already, and no more are taken")
                continue
            room -= 1
        rule = _reading(rules, alert)
        if rule is None and not locked:
            # Two of a pair tell the same at once: whoever comes second finds the rule that the first one made.
            await work.execute(TAKE_LOCK, {"lock": editing.LOCK})
            locked, rules = True, await _rules(work)
            rule = _reading(rules, alert)
        if rule is None:
            if len(rules) >= MOST_RULES:
                refused.append(
                    f"{alert.name}: there are {MOST_RULES} rules of alerts from outside, and no more are made"
                )
                continue
            made = await _rule(work, alert)
            rules.append((made.id, made.service, made.condition))
            rule = made.id
        rows.append(_row(work, alert, rule))
    if rows:
        await work.execute(PUT, rows)
        work.announce(TOPIC, {"alerts": len(rows)})
    return refused


async def _rules(work: Work) -> list[Reader]:
    return [(row.id, row.service, Condition.from_json(row.condition)) for row in await work.rows(RULES)]


def _reading(rules: Sequence[Reader], alert: OutsideAlert) -> UUID | None:
    """The rule that reads an alert, the oldest of them."""
    return next((rule for rule, service, condition in rules if _reads(service, condition, alert)), None)


def _reads(service: str | None, condition: Condition, alert: OutsideAlert) -> bool:
    if condition.metric != alert.name or service not in (None, alert.subject.service):
        return False
    return fits(condition, dict(alert.subject.attributes))


async def _rule(work: Work, alert: OutsideAlert) -> Rule:
    """A rule for alerts of this name and severity; what it is called, how bad it is and whom it tells can be changed."""
    taken = {row.name for row in await work.rows(NAMES)}
    first = rule_name(alert.name)
    names = (first, f"{first} ({alert.severity.value})", f"{first} (outside)")
    name = next((each for each in names if each not in taken), f"{first} {alert.fingerprint[:8]}")
    said = [alert.text("summary", "message", "title"), alert.text("description")]
    if alert.generator_url:
        said.append(f"<{alert.generator_url}>")
    url = alert.text("runbook_url", "runbookUrl")
    draft = Rule(
        id=new_id(work.now),
        name=name,
        enabled=True,
        severity=alert.severity,
        condition=Condition(
            Signal.EXTERNAL,
            Comparison.ABOVE,
            0.0,
            metric=alert.name,
            filter=((SEVERITY, frozenset({alert.severity.value})),),
        ),
        runbook=RUNBOOK + "\n\n".join(each for each in said if each),
        runbook_url=url if web_address(url) else None,
    )
    return (await editing.save_rule(work, draft, new=True)).rule


def _row(work: Work, alert: OutsideAlert, rule: UUID) -> dict[str, object]:
    return {
        "fingerprint": alert.fingerprint,
        "rule_id": rule,
        "subject": alert.subject.text,
        "labels": orjson.dumps(dict(alert.labels)).decode(),
        "annotations": orjson.dumps(dict(alert.annotations)).decode(),
        "generator_url": alert.generator_url,
        "starts_at": alert.starts_at,
        "ends_at": alert.ends_at,
        "now": work.now,
        "key_id": work.actor.credential,
    }
