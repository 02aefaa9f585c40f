"""Subjects whose names hold spaces, equals signs or quotes are called otherwise, so that no two are called the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Naming = Callable[[str | None, list[tuple[str, str]]], str]
METHOD, ROUTE = "http.request.method", "http.route"
# What was never divided is called as before.
VERDICTS = """
    SELECT v.rule_id, v.subject, v.service, v.attributes, r.condition->'group_by' AS grouped
    FROM verdict v JOIN rule r ON r.id = v.rule_id
    WHERE v.attributes <> '{}' OR v.service ~ '[[:space:]="]'"""
ALERTS = """
    SELECT id, subject, service, attributes, rule->'condition'->'group_by' AS grouped FROM alert
    WHERE attributes <> '{}' OR service ~ '[[:space:]="]'"""
CALL_VERDICT = """
    UPDATE verdict v SET subject = :called WHERE rule_id = :rule AND subject = :subject AND NOT EXISTS (
        SELECT 1 FROM verdict o WHERE o.rule_id = v.rule_id AND o.subject = :called)"""
CALL_ALERT = """
    UPDATE alert a SET subject = :called WHERE id = :id AND NOT (state <> 'resolved' AND EXISTS (
        SELECT 1 FROM alert o WHERE o.rule_id = a.rule_id AND o.subject = :called AND o.state <> 'resolved'))"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _call(_now)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _call(_before)


def _call(named: Naming) -> None:
    connection = op.get_bind()
    for row, called in _otherwise(connection.execute(sa.text(VERDICTS)).all(), named):
        given = {"called": called, "rule": row.rule_id, "subject": row.subject}
        connection.execute(sa.text(CALL_VERDICT), given)
    for row, called in _otherwise(connection.execute(sa.text(ALERTS)).all(), named):
        connection.execute(sa.text(CALL_ALERT), {"called": called, "id": row.id})


def _otherwise(rows: Sequence[sa.Row[Any]], named: Naming) -> Iterator[tuple[sa.Row[Any], str]]:
    """The rows whose subject is called otherwise than before."""
    for row in rows:
        # In the order in which they were grouped by, which their own column does not keep.
        known = [(key, row.attributes[key]) for key in row.grouped or () if key in row.attributes]
        if len(known) == len(row.attributes) and (called := named(row.service, known)) != row.subject:
            yield row, called


def _before(service: str | None, known: list[tuple[str, str]]) -> str:
    given = dict(known)
    route = " ".join(part for part in (given.get(METHOD), given.get(ROUTE)) if part)
    words = [word for word in (service, route) if word]
    words += [f"{key}={value}" for key, value in known if key not in (METHOD, ROUTE)]
    return " ".join(words) or "everything"


def _now(service: str | None, known: list[tuple[str, str]]) -> str:
    given = dict(known)
    method, route = given.get(METHOD), given.get(ROUTE)
    words = [_word(service)] if service else []
    if method and not route and method.startswith("/"):
        words.append(f"{METHOD}={_word(method)}")
    elif method:
        words += [_word(method), _word(route)] if route else [_word(method)]
    elif route:
        told = method is not None and not route.startswith("/")
        words.append(f"{ROUTE}={_word(route)}" if told else _word(route))
    words += [f"{_word(key)}={_word(value)}" for key, value in known if key not in (METHOD, ROUTE)]
    return " ".join(words) or "everything"


def _word(text: str) -> str:
    divided = any(each.isspace() or each in '="' for each in text)
    return json.dumps(text, ensure_ascii=False) if divided else text
