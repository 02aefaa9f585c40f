"""Which groups a rule watches where there are too many: a sentence a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from century.rules import fitting
from century.rules.verdict import Standing
from century.telemetry.metrics import Group

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NAMES = "abcde"
OK, FIRING, PENDING, UNKNOWN = Standing.OK, Standing.FIRING, Standing.PENDING, Standing.UNKNOWN


def named(name: str) -> tuple[tuple[str, str], ...]:
    return (("queue", name),)


CASES = [
    ("nothing is known: by name", {}, {}, "abc", ""),
    ("what is wrong, then what is watched", {"e": FIRING, "d": PENDING, "c": OK}, {}, "dec", ""),
    ("what is watched stays, though others reported later", {"e": OK, "d": OK, "c": UNKNOWN}, {"a": 0}, "cde", ""),
    ("of those that are new, whoever reported last", {}, {"e": 1, "d": 2}, "eda", ""),
    ("what is silent comes last", {"a": OK, "b": OK}, {"a": 90, "c": 70}, "bde", "a"),
    ("what is wrong stays, though it is silent", {"a": FIRING}, {"a": 90}, "abc", ""),
    ("more are wrong than fit", dict.fromkeys(NAMES, FIRING), {}, "abc", "de"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("standings", "ago", "watched", "known"), [row[1:] for row in CASES], ids=[row[0] for row in CASES]
)
def test_what_fits(
    monkeypatch: pytest.MonkeyPatch, standings: dict[str, Standing], ago: dict[str, int], watched: str, known: str
) -> None:
    monkeypatch.setattr(fitting, "MOST_GROUPS", 3)
    groups = [Group(named(name), (2 * number, 2 * number + 1)) for number, name in enumerate(NAMES)]
    seen = {2 * number: NOW - timedelta(minutes=ago.get(name, 10)) for number, name in enumerate(NAMES)}
    found = fitting.fit(
        groups, {named(name): each for name, each in standings.items()}, seen, NOW - timedelta(minutes=60)
    )
    assert [each.attributes[0][1] for each in found.watched] == list(watched)
    assert sorted(each[0][1] for each in found.known) == list(known)
    assert len(found.watched) + len(found.left_out) == len(groups)


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        ({}, None),
        ({"shop": 100}, None),
        ({"shop": 101, "cart": 3}, "1 of the 101 groups of shop are left out: a rule watches 100 of each service; "),
        ({"shop": 101, "cart": 300, "pay": 102}, "200 of the 300 groups of cart are left out (likewise of 2 other services): "),
    ],
)  # fmt: skip
def test_what_is_said(totals: dict[str, int], said: str | None) -> None:
    found = fitting.said(totals)
    assert found == said or (found or "").startswith(said or "?")
