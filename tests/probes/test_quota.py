"""How much of a quota is left, in each of the ways that servers say it."""

from __future__ import annotations

from datetime import timedelta
from time import process_time

import pytest

from century.probes.quota import Quota, quotas
from tests.probes.servers import NOW

EPOCH = int(NOW.timestamp())
TOLD = [
    ("a name, as the draft has it", {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
     [Quota("default", 100, 50, 30)]),
    ("two of them", {"ratelimit": '"burst";r=0;t=3, "day";r=900', "ratelimit-policy": '"burst";q=10;w=1,"day";q=1000;w=86400;pk=:abc=:'},
     [Quota("burst", 10, 0, 3), Quota("day", 1000, 900)]),
    ("a name in which there is a comma", {"ratelimit": '"a, b";r=5'}, [Quota("a, b", None, 5)]),
    ("a policy alone", {"ratelimit-policy": '"day";q=1000;w=86400'}, [Quota("day", 1000)]),
    ("an earlier draft", {"ratelimit": "limit=100, remaining=40, reset=5"}, [Quota("", 100, 40, 5)]),
    ("three headers", {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "40", "ratelimit-reset": "5"}, [Quota("", 100, 40, 5)]),
    ("three headers with X", {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-reset": str(EPOCH + 90)},
     [Quota("", 5000, 4999, 90)]),
    ("the reset in milliseconds", {"x-ratelimit-remaining": "1", "x-ratelimit-reset": str((EPOCH + 90) * 1000)}, [Quota("", None, 1, 90)]),
    ("a reset that has been", {"x-ratelimit-remaining": "1", "x-ratelimit-reset": str(EPOCH - 90)}, [Quota("", None, 1, 0)]),
    ("a reset as a date", {"x-ratelimit-remaining": "1", "x-ratelimit-reset": (NOW + timedelta(seconds=7)).isoformat()}, [Quota("", None, 1, 7)]),
    ("a reset like 6m0s", {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "6m0.5s"}, [Quota("", None, 1, 360.5)]),
    ("several, named at the end",
     {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-remaining-tokens": "149984"},
     [Quota("requests", 60, 59, 1), Quota("tokens", None, 149984)]),
    ("several, named before", {"acme-ratelimit-input-tokens-remaining": "7", "acme-ratelimit-input-tokens-limit": "70"},
     [Quota("input-tokens", 70, 7)]),
    ("another way of writing it", {"x-rate-limit-limit": "15", "x-rate-limit-remaining": "3"}, [Quota("", 15, 3)]),
    ("a reset alone is no quota", {"x-ratelimit-reset": "5"}, []),
    ("nonsense", {"x-ratelimit-remaining": "many", "ratelimit": '"a";r=x', "x-ratelimit-limit": "-5"}, []),
    ("nothing", {"content-type": "text/html"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "told"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD])
def test_what_is_left(headers: dict[str, str], told: list[Quota]) -> None:
    assert list(quotas(list(headers.items()), 200, NOW)) == told


REFUSED = [
    ("without a word", {}, [Quota("", None, 0)]),
    ("until when, in seconds", {"retry-after": "30"}, [Quota("", None, 0, 30)]),
    ("until when, as a date", {"retry-after": "Tue, 24 Nov 2026 12:01:00 GMT"}, [Quota("", None, 0, 60)]),
    ("although there is some left", {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3", "retry-after": "5"}, [Quota("", 10, 0, 5)]),
    ("because one is empty", {"ratelimit": '"burst";r=0;t=3', "retry-after": "5"}, [Quota("burst", None, 0, 3)]),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "told"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_429_is_an_empty_quota(headers: dict[str, str], told: list[Quota]) -> None:
    assert list(quotas(list(headers.items()), 429, NOW)) == told


def test_headers_of_another_name() -> None:
    headers = [
        ("x-acme-left-limit", "1"),
        ("x-acme-quota-limit", "9"),
        ("x-acme-quota-remaining-day", "4"),
        ("x-ratelimit-remaining", "5"),
    ]
    assert quotas(headers, 200, NOW, "X-Acme-Quota") == (Quota("", 9), Quota("day", None, 4))
    assert quotas(headers, 200, NOW, "none") == ()


def test_a_server_cannot_tell_without_end() -> None:
    many = [("ratelimit", ",".join(f'"{number}";r=1' for number in range(1000)))]
    assert len(quotas(many, 200, NOW)) == 20


def test_nor_choose_how_long_it_is_read() -> None:
    began = process_time()
    members = "; " * 18 + "x" * 300
    assert quotas([("ratelimit", f'a{members}, "b";r=2')], 200, NOW) == (Quota("b", None, 2),)
    assert quotas([("ratelimit", f"{members},a" * 200)], 200, NOW) == ()
    # Without care for how a text can be divided, the first takes nine seconds, and twice as long for each "; ".
    assert process_time() - began < 1


def test_a_time_zone_beyond_all_bounds_is_no_date() -> None:
    again = ("retry-after", "Mon, 01 Jan 2024 00:00:00 +99999999999999")
    assert quotas([again], 429, NOW) == (Quota("", None, 0),)


@pytest.mark.parametrize(
    ("quota", "share"),
    [
        (Quota("", 10, 5), 0.5),
        (Quota("", 0, 0), 0),
        (Quota("", None, 0), 0),
        (Quota("", 0, 5), None),
        (Quota("", 10), None),
        (Quota("", None, 1), None),
    ],
)
def test_the_share(quota: Quota, share: float | None) -> None:
    assert quota.share == share
