"""A review of alerts, counted by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from century.alerts.statistics import Past, Spread, at_night, review, spread
from century.core.timerange import TimeRange
from century.rules.severity import Severity

START = datetime(2026, 11, 1, tzinfo=UTC)
SPAN = TimeRange(START, START + timedelta(days=3))
MINUTE = timedelta(minutes=1)


def past(minutes: float, *, lasts: float | None = 10, answered: float | None = None, **more: object) -> Past:
    opened = START + minutes * MINUTE
    made = {
        "rule_id": UUID(int=1), "rule_name": "errors", "subject": "shop", "severity": Severity.CRITICAL,
        "breached": False, "level": 1,
    } | more  # fmt: skip
    return Past(
        opened_at=opened, resolved_at=opened + lasts * MINUTE if lasts is not None else None,
        answered_at=opened + answered * MINUTE if answered is not None else None, **made,  # type: ignore[arg-type]
    )  # fmt: skip


def test_nothing_happened() -> None:
    found = review([], [], SPAN, SPAN.end)
    assert (found.opened, found.escalated_share, found.to_resolve, found.rules) == (0, None, Spread(None, None), [])
    assert [sum(day.opened.values()) for day in found.days] == [0, 0, 0]


def test_shares_and_times_are_of_what_opened() -> None:
    alerts = [
        past(0, answered=2),
        past(1500, lasts=30, answered=4, level=3, breached=True),
        past(1600, lasts=None, rule_id=UUID(int=2), rule_name="disk", severity=Severity.INFO),
        past(3000, lasts=20),
    ]
    told = [START + timedelta(hours=hour) for hour in (3, 12, 23)]
    found = review(alerts, told, SPAN, SPAN.end)
    assert (found.opened, found.resolved, found.pages, found.pages_at_night) == (4, 3, 3, 2)
    assert (found.escalated_share, found.acknowledged_share, found.breached_share) == (0.25, 0.5, 0.25)
    assert found.to_acknowledge == Spread(3 * MINUTE, 3.8 * MINUTE)
    assert found.to_resolve == Spread(20 * MINUTE, 28 * MINUTE)
    errors, disk = found.rules
    assert (errors.opened, errors.median_duration, errors.open_for, errors.flapping) == (
        3,
        20 * MINUTE,
        60 * MINUTE,
        False,
    )
    assert (disk.opened, disk.median_duration, disk.open_for) == (1, None, SPAN.end - alerts[2].opened_at)
    assert [day.opened[Severity.CRITICAL] for day in found.days] == [1, 1, 1]
    assert [day.opened[Severity.INFO] for day in found.days] == [0, 1, 0]


@pytest.mark.parametrize(
    ("minutes", "flaps"), [((0, 10, 20, 59), True), ((0, 10, 20, 60), False), ((0, 10, 20), False)]
)
def test_what_flaps_opened_so_often_within_an_hour_that_it_was_delayed(minutes: tuple[float, ...], flaps: bool) -> None:
    (rule,) = review([past(each) for each in minutes], [], SPAN, SPAN.end).rules
    assert rule.flapping is flaps
    apart = [past(each, subject=f"shop {each}") for each in minutes]
    assert not review(apart, [], SPAN, SPAN.end).rules[0].flapping


@pytest.mark.parametrize(("hour", "night"), [(21, False), (22, True), (0, True), (6, True), (7, False)])
def test_night_is_from_ten_to_seven(hour: int, night: bool) -> None:
    assert at_night(START + timedelta(hours=hour)) is night


def test_a_spread_lies_between_the_nearest_two() -> None:
    assert spread([MINUTE]) == Spread(MINUTE, MINUTE)
    assert spread([MINUTE, 3 * MINUTE]).median == 2 * MINUTE
