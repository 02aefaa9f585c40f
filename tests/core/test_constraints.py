"""A constraint that PostgreSQL finds broken is told by its name."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from century.core.constraints import broken
from tests.world import World


@pytest.mark.parametrize(
    ("statement", "code", "message"),
    [
        ("INSERT INTO thing VALUES (2, 'a', 5, NULL)", "CONFLICT", "this name is taken already"),
        ("INSERT INTO thing VALUES (2, 'b', -1, NULL)", "INVALID", "this how many cannot be taken"),
        ("INSERT INTO thing VALUES (2, 'b', 1, 99)", "NOT_FOUND", "nothing of this parent"),
    ],
)
async def test_a_broken_constraint_has_a_sentence(world: World, statement: str, code: str, message: str) -> None:
    table = """CREATE TABLE thing (id int PRIMARY KEY, name text CONSTRAINT uq_thing_name UNIQUE,
        how_many int CONSTRAINT ck_thing_how_many CHECK (how_many >= 0),
        parent_id int CONSTRAINT fk_thing_parent_id REFERENCES thing (id))"""
    caught: Any = None
    async with world.works.begin() as work:
        await work.execute(text(table))
        await work.execute(text("INSERT INTO thing VALUES (1, 'a', 1, NULL)"))
    try:
        async with world.works.begin() as work:
            await work.execute(text(statement))
    except IntegrityError as error:
        caught = broken(error)
    assert (caught.code, caught.message) == (code, message)
    assert getattr(caught, "fields", {}) == ({"howMany": message} if code == "INVALID" else {})


async def test_a_failed_statement_does_not_show_what_it_was_given(world: World) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with world.works.read() as work:
            await work.execute(
                text("SELECT 1 / :nothing, CAST(:secret AS text)"), {"nothing": 0, "secret": "swordfish"}
            )
    assert "swordfish" not in str(failed.value)


def test_anything_else_is_not_ours() -> None:
    assert broken(None) is None
    assert broken(KeyError("x")) is None
