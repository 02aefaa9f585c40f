"""Cron lines: which can be taken, what they say, and when they come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from century.probes.cron import BadCron, read_cron

VIENNA = "Europe/Vienna"


@pytest.mark.parametrize(
    ("line", "zone", "after", "comes"),
    [
        ("30 2 * * *", "UTC", "2026-11-24T02:29", "2026-11-24T02:30"),
        ("30 2 * * *", "UTC", "2026-11-24T02:30", "2026-11-25T02:30"),  # strictly after
        ("@daily", "UTC", "2026-11-24T02:30", "2026-11-25T00:00"),
        ("30 2 * * *", VIENNA, "2026-11-24T02:29", "2026-11-25T01:30"),  # on the wall of its zone
        ("30 2 * * *", VIENNA, "2026-03-28T12:00", "2026-03-29T01:00"),  # 02:30 is left out: at 03:00
        ("30 2 * * *", VIENNA, "2026-10-24T12:00", "2026-10-25T00:30"),  # 02:30 comes twice: once
        ("0  9,17   1 * MON#2", "UTC", "2026-11-02T12:00", "2026-11-09T09:00"),
        ("0 0 29 2 *", "UTC", "2026-11-02T12:00", "2028-02-29T00:00"),
    ],
)
def test_when_a_line_comes(line: str, zone: str, after: str, comes: str) -> None:
    at = datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert read_cron(line, zone).after(at) == datetime.fromisoformat(comes).replace(tzinfo=UTC)


def test_what_comes_in_the_doubled_hour_comes_once() -> None:
    first, second = read_cron("30 2 * * *", VIENNA).next(datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert (first, second) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("line", "zone", "said"),
    [
        ("", "UTC", "five fields"),
        ("* * * *", "UTC", "not 4"),
        ("* * * * * *", "UTC", "seconds have no place in it"),
        ("61 * * * *", "UTC", "the minute '61' cannot be: it is 0 to 59"),
        ("0 24 * * *", "UTC", "the hour '24' cannot be"),
        ("* * 30 2 *", "UTC", "the day of month '30' cannot be"),
        ("* * * 13 *", "UTC", "the month '13' cannot be"),
        ("* * * * 8", "UTC", "the day of week '8' cannot be"),
        ("* * */20 * 1L", "UTC", "never comes"),
        ("@reboot", "UTC", "@reboot is not among @hourly"),
        ("* " * 60, "UTC", "100 characters"),
    ],
)
def test_a_line_that_cannot_be_taken_is_told_why(line: str, zone: str, said: str) -> None:
    with pytest.raises(BadCron, match=".") as caught:
        read_cron(line, zone)
    assert said in str(caught.value)
    assert caught.value.field == "cron"


def test_a_zone_that_is_none_is_told() -> None:
    with pytest.raises(BadCron, match="a name like Europe/Vienna") as caught:
        read_cron("0 0 * * *", "Vienna")
    assert caught.value.field == "timeZone"


@pytest.mark.parametrize(
    ("line", "zone", "sentence"),
    [
        ("0 2 * * *", "UTC", "At 02:00 every day"),
        ("30 2 * * 1-5", VIENNA, "At 02:30 on Monday through Friday (Europe/Vienna)"),
        ("@weekly", "UTC", "At 00:00 on Sunday"),
    ],
)
def test_a_line_in_words(line: str, zone: str, sentence: str) -> None:
    assert read_cron(line, zone).sentence == sentence
