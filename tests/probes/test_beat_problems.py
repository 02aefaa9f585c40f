"""What is wrong with a heartbeat, field by field."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from century.probes.beat_problems import BeatDraft, problems

GOOD = BeatDraft("nightly", period=timedelta(hours=1))
NIGHTLY = BeatDraft("nightly", cron="0 2 * * *", time_zone="Europe/Vienna")


@pytest.mark.parametrize("draft", [GOOD, NIGHTLY, replace(GOOD, service="shop", labels={"team": "data"})])
def test_nothing_is_wrong_with_a_good_one(draft: BeatDraft) -> None:
    assert problems(draft) == []


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "1 to 100 printable characters"),
        ({"name": "a\nb"}, "name", "printable"),
        ({"service": "x" * 256}, "service", "1 to 255"),
        ({"labels": {str(each): "" for each in range(11)}}, "labels", "10 labels at most"),
        ({"labels": {"": "x"}}, "labels", "a name of 1 to 100"),
        ({"period": None}, "period", "one of them is needed"),
        ({"cron": "0 2 * * *"}, "period", "not both"),
        ({"period": timedelta(seconds=1)}, "period", "the period must lie between 10 s and 366 d"),
        ({"grace": timedelta(0)}, "grace", "the grace must lie between 1 s and 30 d"),
        ({"longest_run": timedelta(days=31)}, "longestRun", "the longest run must lie between 1 s and 30 d"),
        ({"time_zone": "Vienna"}, "timeZone", "a name like Europe/Vienna"),
        ({"period": None, "cron": "0 2 * * *", "time_zone": "Mars"}, "timeZone", "a name like Europe/Vienna"),
        ({"period": None, "cron": "* * */20 * 1L"}, "cron", "never comes"),
        ({"period": None, "cron": "* * * * * *"}, "cron", "seconds have no place"),
    ],
)
def test_what_cannot_be_taken_is_told_by_field(changes: dict[str, Any], field: str, said: str) -> None:
    (found,) = [each for each in problems(replace(GOOD, **changes)) if each.refused]
    assert (found.field, said in found.message) == (field, True), found.message


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"longest_run": timedelta(hours=2)}, "longestRun"),
        ({"enabled": False}, "enabled"),
        ({"period": None, "cron": "@daily", "grace": timedelta(days=2)}, "grace"),
    ],
)
def test_what_may_not_be_meant_is_told(changes: dict[str, Any], field: str) -> None:
    assert [(each.field, each.refused) for each in problems(replace(GOOD, **changes))] == [(field, False)]
