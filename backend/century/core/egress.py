"""Which addresses may be reached: public ones, private ones by leave, a cloud's metadata never."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Where clouds answer with credentials; no leave opens these.
METADATA: frozenset[Address] = frozenset(
    ip_address(each)
    for each in (
        "169.254.169.254",
        "169.254.169.253",
        "169.254.169.123",
        "169.254.170.2",
        "169.254.170.23",
        "169.254.0.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fe80::a9fe:a9fe",
    )
)
NEVER: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8")
)
# What is not the public internet, whatever `is_private` says of it.
PRIVATE: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "::1/128",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fec0::/10",
    )
)
NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
SIX_TO_FOUR = ip_network("2002::/16")
TEREDO = ip_network("2001::/32")
LAST_32_BITS = (1 << 32) - 1


class Verdict(StrEnum):
    """Whether an address may be reached."""

    PUBLIC = "public"
    ALLOWED = "allowed"
    PRIVATE = "private"
    FORBIDDEN = "forbidden"

    @property
    def may(self) -> bool:
        return self in (Verdict.PUBLIC, Verdict.ALLOWED)


def embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address stands for, by mapping, translation or tunnel."""
    if isinstance(address, IPv4Address):
        return []
    number = int(address)
    found: list[IPv4Address] = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    elif number >> 32 in (0, 0xFFFF0000) and number > 1:
        # IPv4-compatible (::a.b.c.d) and IPv4-translated (::ffff:0:a.b.c.d).
        found.append(IPv4Address(number & LAST_32_BITS))
    if any(address in each for each in NAT64):
        found.append(IPv4Address(number & LAST_32_BITS))
    if address in SIX_TO_FOUR:
        found.append(IPv4Address(number >> 80 & LAST_32_BITS))
    if address in TEREDO:
        found.append(IPv4Address(number >> 64 & LAST_32_BITS))
        found.append(IPv4Address(number & LAST_32_BITS ^ LAST_32_BITS))
    if number >> 32 & 0xFFFFFFFF in (0x5EFE, 0x2005EFE):
        # ISATAP.
        found.append(IPv4Address(number & LAST_32_BITS))
    return found


def judge(address: Address, allowed: Iterable[Network] = ()) -> Verdict:
    """Whether an address may be reached, given the networks that somebody opened; the worst of what it stands for."""
    open_networks = tuple(allowed)
    meant: list[Address] = [address, *embedded(address)]
    if any(each in METADATA or any(each in network for network in NEVER) for each in meant):
        return Verdict.FORBIDDEN
    if not any(any(each in network for network in PRIVATE) or not each.is_global for each in meant):
        return Verdict.PUBLIC
    if any(address in network for network in open_networks):
        return Verdict.ALLOWED
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped and any(mapped in network for network in open_networks):
        return Verdict.ALLOWED
    return Verdict.PRIVATE


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that `MONITORING_EGRESS_ALLOW` names; ValueError where one is none."""
    return tuple(ip_network(each, strict=False) for each in texts)
