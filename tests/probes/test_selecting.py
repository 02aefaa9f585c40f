"""What can be told of a query before PostgreSQL is asked."""

from __future__ import annotations

import pytest

from century.probes.selecting import LONGEST, one_number, query_problem


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", None),
        ("SELECT 1", None),
        ("select 1;", None),
        ("SELECT 1; -- and that is all", None),
        ("(SELECT 1)", None),
        ("-- how many\nSELECT count(*) FROM orders", None),
        ("/* a /* nested */ comment with DELETE */ VALUES (1)", None),
        ("SELECT 'DELETE FROM orders; --'", None),
        ("SELECT 'it''s; DELETE'", None),
        (r"SELECT E'it\'s; DELETE'", None),
        ("SELECT $$DELETE; '$$", None),
        ("SELECT $a$DELETE; $$ '$a$", None),
        ('SELECT "update" FROM orders', None),
        ("SELECT last_update FROM orders", None),
        ("SELECT $1", None),
        (";", "the query is empty"),
        ("-- nothing", "the query is empty"),
        ("DELETE FROM orders", "it begins with DELETE"),
        ("EXPLAIN ANALYZE DELETE FROM orders", "it begins with EXPLAIN"),
        ("42", "it begins with no word"),
        ("WITH gone AS (delete FROM orders RETURNING 1) SELECT 1", "it says DELETE"),
        ("SELECT 1 FROM orders FOR UPDATE", "it says UPDATE"),
        ("SELECT update FROM orders", "put it in double quotes"),
        ("SELECT 1; DROP TABLE orders", "something follows the semicolon"),
        ("SELECT * INTO copied FROM orders", "SELECT INTO makes a table"),
        ("SELECT 'open", "the ' at character 8 has no end"),
        ('SELECT "open', 'the " at character 8 has no end'),
        ("SELECT 1 /* open /* */", "the comment that begins with /* has no end"),
        ("SELECT " + "1" * LONGEST, "4000 characters at most"),
    ],
)
def test_a_query_may_only_read(query: str, said: str | None) -> None:
    problem = query_problem(query)
    assert problem is None if said is None else problem is not None and said in problem


def test_a_query_is_part_of_one_of_ours() -> None:
    assert one_number(" SELECT 1; ") == (
        "SELECT pg_catalog.row_to_json(century)::text FROM (SELECT 1\n) AS century LIMIT 1"
    )


def test_no_query_takes_long_to_read() -> None:
    # Each is as long as may be, and made of what a bad expression would try over and over.
    for piece in ("'", "''", "$a$", "$", "/*", "e'\\'", '"', "a;"):
        query_problem((piece * LONGEST)[:LONGEST])
