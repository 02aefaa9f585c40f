"""Limits on guessing passwords: who must wait before the next try, and for how long.

A try is counted for the account it is aimed at and for the network it comes from. Whoever signed in to the account
before, from this network or on this device, is measured by their own failures alone: a stranger who hammers an
account from a thousand addresses slows strangers down and not the person on call.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

# Failures older than this are forgotten; a place stays known for longer.
WINDOW = timedelta(hours=1)
KNOWN_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed tries within `WINDOW`, and the last of them."""

    count: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many tries at once, then a pause that doubles from a second up to `longest`."""

    free: int
    longest: timedelta

    def ready_at(self, failures: Failures) -> datetime | None:
        """When the next try is admitted; `None` means now."""
        over = failures.count - self.free
        if over < 0 or failures.last_at is None:
            return None
        return failures.last_at + min(self.longest, timedelta(seconds=2.0 ** min(over, 20)))


OWN = Allowance(free=10, longest=timedelta(seconds=30))
ACCOUNT = Allowance(free=5, longest=timedelta(minutes=5))
NETWORK = Allowance(free=20, longest=timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Admitted:
    """The try may be made. `trusted`: it comes from a place that the account knows."""

    trusted: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """Too soon: the try is admitted from `until` on."""

    until: datetime


def admit(*, known: bool, own: Failures, account: Failures, network: Failures, now: datetime) -> Admitted | Wait:
    """Admit a try or say how long to wait. `own` counts this place on this account; the others count strangers."""
    if known:
        ready = OWN.ready_at(own)
    else:
        ready = max(filter(None, (ACCOUNT.ready_at(account), NETWORK.ready_at(network))), default=None)
    return Admitted(trusted=known) if ready is None or ready <= now else Wait(until=ready)


def network_of(address: str | None) -> str:
    """What counts as one address: IPv4 as it is, IPv6 by its /64, since a household has that many of them."""
    if not address:
        return "unknown"
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
