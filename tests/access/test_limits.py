"""Limits on guessing: a stranger slows down, the person on call does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from century.access.limits import ACCOUNT, NETWORK, OWN, Admitted, Failures, Wait, admit, network_of

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
NONE = Failures()


def failed(count: int, ago: float = 0.0) -> Failures:
    return Failures(count, NOW - timedelta(seconds=ago))


@pytest.mark.parametrize(
    ("known", "own", "account", "network", "answer", "why"),
    [
        (False, NONE, NONE, NONE, Admitted(False), "a first try"),
        (False, NONE, failed(4), failed(4), Admitted(False), "a few slips"),
        (False, NONE, failed(5), NONE, Wait(NOW + timedelta(seconds=1)), "the fifth slip costs a second"),
        (False, NONE, failed(8), NONE, Wait(NOW + timedelta(seconds=8)), "and then twice as much each time"),
        (False, NONE, failed(8, ago=8), NONE, Admitted(False), "which passes"),
        (False, NONE, failed(500), NONE, Wait(NOW + ACCOUNT.longest), "but never longer than this"),
        (False, NONE, NONE, failed(20), Wait(NOW + timedelta(seconds=1)), "many accounts from one address"),
        (False, NONE, failed(6), failed(900), Wait(NOW + NETWORK.longest), "the longer wait counts"),
        (True, NONE, failed(500), failed(900), Admitted(True), "the person on call, under attack"),
        (True, failed(9), failed(500), failed(900), Admitted(True), "who mistypes at 03:00"),
        (True, failed(10), NONE, NONE, Wait(NOW + timedelta(seconds=1)), "their own allowance has an end too"),
        (True, failed(99), NONE, NONE, Wait(NOW + OWN.longest), "but it is half a minute at most"),
    ],
)
def test_who_must_wait(
    known: bool, own: Failures, account: Failures, network: Failures, answer: Admitted | Wait, why: str
) -> None:
    assert admit(known=known, own=own, account=account, network=network, now=NOW) == answer, why


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str | None, network: str) -> None:
    assert network_of(address) == network
