"""Facts of PostgreSQL: the share of hits, parts, and numbers."""

from __future__ import annotations

from typing import Any

import pytest

from century.probes.database import (
    Seen,
    facts,
    hits,
    number_of,
    slow_statements,
    statement_line,
    too_old,
    version_name,
)

SEEN = Seen(
    version=180004,
    standby=False,
    sees_others=True,
    usable=97,
    connections=12,
    active=2,
    idle=10,
    idle_in_transaction=0,
    waiting=0,
    slow=0,
    longest_query=0.5,
    longest_transaction=1.5,
    blocks_hit=90,
    blocks_read=10,
    deadlocks=3,
    size=None,
    behind=None,
)


@pytest.mark.parametrize(
    ("sentence", "memory", "hit", "read", "share", "from_hit"),
    [
        ("at first, since the server began to count", {}, 90, 10, 0.9, 90),
        ("nothing was ever asked for", {}, 0, 0, None, 0),
        ("too few since: the share is that of before", {"hit": 90, "read": 10, "share": 0.9}, 95, 500, 0.9, 90),
        ("a thousand since: theirs alone", {"hit": 90, "read": 10, "share": 0.9}, 590, 510, 0.5, 590),
        ("the server began anew", {"hit": 90, "read": 10, "share": 0.9}, 3, 1, 0.75, 3),
        ("what is remembered is none of ours", {"hit": "90"}, 3, 1, 0.75, 3),
    ],
)
def test_the_share_of_hits(
    sentence: str, memory: dict[str, Any], hit: int, read: int, share: float | None, from_hit: int
) -> None:
    found = hits(memory, hit, read)
    assert found.share == share, sentence
    assert found.memory() == {"hit": from_hit, "read": found.read, "share": share}


def test_what_is_not_known_is_left_out() -> None:
    told = {each.name for each in facts(SEEN, hits({}, 0, 0), None)}
    assert "database.connections_active" in told
    assert not told & {"database.size", "database.cache_hit_share", "database.replication_lag"}


def test_standbys_of_one_name_are_told_apart() -> None:
    from dataclasses import replace

    seen = replace(SEEN, standbys=[("a", "10.0.0.1", 1.0), ("b", "10.0.0.2", 2.0), ("b", "10.0.0.3", 3.0)])
    lags = {each.part: each.value for each in facts(seen, hits({}, 0, 0), None) if each.part}
    assert lags == {"a": 1.0, "b at 10.0.0.2": 2.0, "b at 10.0.0.3": 3.0}


@pytest.mark.parametrize(
    ("text", "value"), [('{"n":1}', 1.0), ('{"n":1.25}', 1.25), ('{"n":true}', 1.0), ('{"n":null}', None)]
)
def test_a_number_of_a_row(text: str, value: float | None) -> None:
    assert number_of(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"n":"1"}', 'it answers "1"'),
        ('{"n":1,"n":2}', "it answers 2"),
        ("{}", "it answers 0"),
        ('{"n":[1]}', "it answers [1]"),
        ('{"n":1e999}', "a finite number"),
    ],
)
def test_what_is_no_number_of_a_row(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        number_of(text)
    assert said in str(refused.value)


def test_statements_and_versions_for_people() -> None:
    assert statement_line(3, 0.0125, "SELECT\n  1") == "12.5 ms on average, 3 calls: SELECT 1"
    assert len(statement_line(3, 0.0125, "x" * 400)) < 200
    assert version_name(150014) == "15.14"
    assert version_name(90624) == "9.6"


@pytest.mark.parametrize(
    ("major", "said"),
    [
        pytest.param(9, "it is PostgreSQL 9, and the oldest that can be asked is 12", id="long gone"),
        pytest.param(11, "it is PostgreSQL 11, and the oldest that can be asked is 12", id="just too old"),
        pytest.param(12, None, id="the oldest"),
        pytest.param(18, None, id="new"),
    ],
)
def test_a_version_that_cannot_be_asked_is_said_to_be_too_old(major: int, said: str | None) -> None:
    assert too_old(major) == said


@pytest.mark.parametrize(
    ("version", "mean"),
    [
        pytest.param(120_000, "mean_time", id="before it was renamed"),
        pytest.param(129_999, "mean_time", id="the last before"),
        pytest.param(130_000, "mean_exec_time", id="since 13"),
        pytest.param(180_001, "mean_exec_time", id="now"),
    ],
)
def test_statements_are_asked_for_by_the_name_of_their_time(version: int, mean: str) -> None:
    said = slow_statements("public", version)
    assert f"ORDER BY {mean} DESC" in said and f"{mean} / 1000 AS seconds" in said
