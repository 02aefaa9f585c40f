"""Verdicts and the health of rules as they are kept: written by compare-and-set, many in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, select, text

from century.core.work import Work
from century.rules.change import Change
from century.rules.subject import Subject
from century.rules.tables import VerdictRow
from century.rules.verdict import Standing, Verdict

Key = tuple[UUID, str]
"""A rule and the text of its subject."""

COLUMNS = """
    unnest(CAST(:rules AS uuid[]), CAST(:subjects AS text[]), CAST(:befores AS text[]), CAST(:services AS text[]),
           CAST(:attributes AS text[]), CAST(:standings AS text[]), CAST(:sinces AS timestamptz[]),
           CAST(:values AS float8[]), CAST(:samples AS int[]), CAST(:observed AS timestamptz[]),
           CAST(:looks AS timestamptz[]))
    AS given (rule_id, subject, before, service, attributes, standing, since, value, samples, observed_at, look_at)"""
# A rule that was deleted meanwhile takes no verdict, and one of another evaluator stands.
ENTER = text(f"""
    INSERT INTO verdict (rule_id, subject, service, attributes, standing, since, value, samples, observed_at, look_at)
    SELECT rule.id, subject, given.service, CAST(given.attributes AS jsonb), standing, since, value, samples,
           observed_at, look_at
    FROM {COLUMNS} JOIN rule ON rule.id = given.rule_id ORDER BY rule.id, subject
    ON CONFLICT (rule_id, subject) DO NOTHING RETURNING rule_id, subject""")
# In one order everywhere, so that two evaluators cannot wait for each other.
MOVE = text(f"""
    WITH mine AS (
        SELECT given.* FROM verdict JOIN {COLUMNS}
        ON verdict.rule_id = given.rule_id AND verdict.subject = given.subject AND verdict.standing = given.before
        ORDER BY verdict.rule_id, verdict.subject FOR NO KEY UPDATE OF verdict
    )
    UPDATE verdict SET standing = mine.standing, since = mine.since, value = mine.value, samples = mine.samples,
        observed_at = mine.observed_at, look_at = mine.look_at
    FROM mine WHERE verdict.rule_id = mine.rule_id AND verdict.subject = mine.subject
    RETURNING verdict.rule_id, verdict.subject""")
# What is only shown: whoever comes second leaves it.
REFRESH = text("""
    UPDATE verdict SET value = given.value, samples = given.samples, observed_at = given.observed_at
    FROM unnest(CAST(:rules AS uuid[]), CAST(:subjects AS text[]), CAST(:standings AS text[]),
                CAST(:values AS float8[]), CAST(:samples AS int[]), CAST(:observed AS timestamptz[]))
         AS given (rule_id, subject, standing, value, samples, observed_at)
    WHERE verdict.ctid IN (
        SELECT v.ctid FROM verdict v JOIN unnest(CAST(:rules AS uuid[]), CAST(:subjects AS text[])) AS asked (r, s)
        ON v.rule_id = asked.r AND v.subject = asked.s FOR UPDATE OF v SKIP LOCKED)
    AND verdict.rule_id = given.rule_id AND verdict.subject = given.subject AND verdict.standing = given.standing""")
FORGET = text("""
    DELETE FROM verdict USING unnest(CAST(:rules AS uuid[]), CAST(:subjects AS text[])) AS gone (rule_id, subject)
    WHERE verdict.rule_id = gone.rule_id AND verdict.subject = gone.subject
    AND verdict.standing NOT IN ('firing', 'pending')""")
HEALTH = text("""
    UPDATE rule SET evaluated_at = given.at, evaluation_seconds = given.seconds, evaluation_error = given.error
    FROM unnest(CAST(:rules AS uuid[]), CAST(:ats AS timestamptz[]), CAST(:seconds AS float8[]),
                CAST(:errors AS text[])) AS given (id, at, seconds, error)
    WHERE rule.id = given.id AND rule.id IN (
        SELECT id FROM rule WHERE id = ANY(CAST(:rules AS uuid[])) FOR NO KEY UPDATE SKIP LOCKED)""")
FINGERPRINT = text("SELECT count(*), coalesce(sum(version), 0), max(updated_at) FROM rule")


@dataclass(frozen=True, slots=True)
class Health:
    """How the last evaluation of a rule went."""

    at: datetime
    seconds: float
    error: str | None


async def load(work: Work, rules: Iterable[UUID]) -> list[tuple[UUID, Subject, Verdict]]:
    """What is kept of these rules' subjects."""
    rows = await work.rows(select(VerdictRow.__table__).where(VerdictRow.rule_id.in_(list(rules))))
    return [_kept(row) for row in rows]


async def settle(work: Work, changes: Sequence[Change]) -> set[Key]:
    """Write changes whose subject still stands as it did before; answers which those are."""
    won: set[Key] = set()
    for statement, mine in (
        (ENTER, [each for each in changes if each.before is None]),
        (MOVE, [each for each in changes if each.before is not None]),
    ):
        if mine:
            rows = await work.rows(statement, _columns(mine))
            won |= {(row.rule_id, row.subject) for row in rows}
    return won


async def wrong(work: Work) -> list[tuple[UUID, Subject, Verdict]]:
    """What is kept of every subject that is wrong."""
    standings = [Standing.FIRING.value, Standing.PENDING.value]
    rows = await work.rows(select(VerdictRow.__table__).where(VerdictRow.standing.in_(standings)))
    return [_kept(row) for row in rows]


async def these(work: Work, keys: Sequence[Key]) -> list[tuple[UUID, Subject, Verdict]]:
    """What is kept of these subjects."""
    wanted = set(keys)
    found = await load(work, {rule for rule, _ in keys})
    return [each for each in found if (each[0], each[1].text) in wanted]


async def refresh(work: Work, found: Sequence[tuple[UUID, Subject, Verdict]]) -> None:
    """Write the values of subjects that stand as they stood."""
    await work.execute(
        REFRESH,
        {
            "rules": [rule for rule, _, _ in found],
            "subjects": [subject.text for _, subject, _ in found],
            "standings": [verdict.standing.value for *_, verdict in found],
            "values": [verdict.value for *_, verdict in found],
            "samples": [min(verdict.samples, 2**31 - 1) for *_, verdict in found],
            "observed": [verdict.observed_at for *_, verdict in found],
        },
    )


async def forget(work: Work, keys: Sequence[Key]) -> None:
    """Remove what is kept of subjects that nothing looks at any more, unless it is wrong."""
    await work.execute(FORGET, {"rules": [rule for rule, _ in keys], "subjects": [subject for _, subject in keys]})


async def write_health(work: Work, health: Sequence[tuple[UUID, Health]]) -> None:
    """Write how evaluations went."""
    await work.execute(
        HEALTH,
        {
            "rules": [rule for rule, _ in health],
            "ats": [each.at for _, each in health],
            "seconds": [each.seconds for _, each in health],
            "errors": [each.error for _, each in health],
        },
    )


async def fingerprint(work: Work) -> tuple[Any, ...]:
    """Something that is another whenever a rule is."""
    return tuple((await work.rows(FINGERPRINT))[0])


def _columns(changes: Sequence[Change]) -> dict[str, Any]:
    return {
        "rules": [each.rule.id for each in changes],
        "subjects": [each.subject.text for each in changes],
        "befores": [each.before.standing.value if each.before else None for each in changes],
        "services": [each.subject.service for each in changes],
        "attributes": [orjson.dumps(dict(each.subject.attributes)).decode() for each in changes],
        "standings": [each.after.standing.value for each in changes],
        "sinces": [each.after.since for each in changes],
        "values": [each.after.value for each in changes],
        "samples": [min(each.after.samples, 2**31 - 1) for each in changes],
        "observed": [each.after.observed_at for each in changes],
        "looks": [each.after.look_at for each in changes],
    }


def _kept(row: Row[Any]) -> tuple[UUID, Subject, Verdict]:
    standing = Standing(row.standing)
    attributes = tuple((str(key), str(value)) for key, value in row.attributes.items())
    verdict = Verdict(
        standing, row.since, row.value, row.samples, row.observed_at, row.look_at,
        row.since if standing is Standing.PENDING else None,
    )  # fmt: skip
    return row.rule_id, Subject(row.subject, row.service, attributes), verdict
