"""Whether it is our own network that is gone, when nothing answers us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

MOST_COINCIDENCE = 3
"""So many machines do not fail at once of themselves, while none answers."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at once: is any interface up besides loopback, does any route lead out, which of the anchors
    answered, and which machines failed since one answered.
    """

    interfaces: bool
    routes: bool
    anchors: Sequence[bool] = ()
    failing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Connected:
    """Our network is there: what fails, fails by itself."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Our network is gone: what fails says nothing of itself."""

    reason: str


def judge(evidence: Evidence) -> Connected | Gone:
    """Whether our network is there. Anchors, where there are any, have the last word."""
    if not evidence.interfaces:
        return Gone("no network interface is up")
    if not evidence.routes:
        return Gone("no route leads out of this machine")
    if evidence.anchors:
        return Connected() if any(evidence.anchors) else Gone("none of MONITORING_CONNECTIVITY answers")
    if len(evidence.failing) >= MOST_COINCIDENCE:
        return Gone(f"{len(evidence.failing)} machines fail at once, and none answers")
    return Connected()


def host_of(place: str) -> str:
    """The host of a host and port."""
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return place.rpartition(":")[0] or place if place.count(":") == 1 else place


def door_of(place: str, url: str) -> tuple[str, int] | None:
    """Host and port of a place, where it is one and its port is known: that of its URL's scheme where none is named."""
    host, port = host_of(place), place.removeprefix(f"[{host_of(place)}]").rpartition(":")[2]
    if not host or "," in place:
        return None
    if port.isdecimal() and host != place:
        return host, int(port)
    usual = {"https": 443, "http": 80}.get(url.partition("://")[0].lower())
    return (host, usual) if usual else None


def is_here(host: str) -> bool:
    """Whether a host is this machine, which needs no network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
