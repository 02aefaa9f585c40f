"""The worker's own network: while it is gone, nobody is reported down for it, and that is said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import psutil
from sqlalchemy import text

from century.core.errors import CenturyError
from century.core.guard import Guard
from century.core.settings import Settings
from century.core.work import Work
from century.probes.connectivity import MOST_COINCIDENCE, Connected, Evidence, Gone, door_of, host_of, is_here, judge
from century.probes.settling import MOVED, Done
from century.probes.wire import Failed, TlsContexts, Wire, dial

logger = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""A machine that answered so lately speaks for our network."""
FAILING_SECONDS = 120.0
MOST_KEPT = 1_000
ANCHOR_SECONDS = 1.0
MOST_NEIGHBOURS = 3
NEIGHBOUR_SECONDS = 600.0
"""So many machines that answered within this time, and are not due yet, are asked before our network is blamed."""
ROUTES = (Path("/proc/net/route"), Path("/proc/net/ipv6_route"))

SAY = text(
    """
    INSERT INTO probe_worker (name, host, seen_at, connected, since, reason, checks_per_second, lateness)
    VALUES (:name, :host, :now, :connected, :since, :reason, :rate, :lateness)
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, connected = excluded.connected, since = excluded.since,
        reason = excluded.reason, checks_per_second = excluded.checks_per_second, lateness = excluded.lateness
    """
)


class OwnNetwork:
    """What one worker knows of its network."""

    def __init__(self, settings: Settings, name: str, host: str, now: datetime) -> None:
        self._anchors = settings.connectivity
        # Anchors are the installation's own choice, so they may lie in a private network.
        self._wire = Wire(Guard(("0.0.0.0/0", "::/0")), settings, TlsContexts())
        self._neighbour_wire = Wire(Guard(settings.egress_allow), settings, TlsContexts())
        self._neighbours: dict[tuple[str, int], float] = {}
        self._name = name
        self._host = host
        self._answered_at = float("-inf")
        self._failing: dict[str, float] = {}
        self._told: str | None = None
        self.since = now
        self.reason: str | None = None

    @property
    def connected(self) -> bool:
        """Whether it is there."""
        return self.reason is None

    async def look(self, done: Sequence[tuple[Done, str]], now: datetime) -> frozenset[UUID]:
        """The checks, each with the host and port it asked, that say nothing of their targets: our network is gone."""
        seconds = asyncio.get_running_loop().time()
        remote = [(each, host) for each, place in done if place and not is_here(host := host_of(place))]
        self._meet(done, seconds)
        if any(each.measured.ok or each.measured.reached for each, _ in remote):
            self._answered_at = seconds
            self._failing.clear()
            self._found(Connected(), now)
        unreached = [(each, host) for each, host in remote if each.measured.unreached]
        if not unreached:
            return frozenset()
        self._failing.update((host, seconds) for _, host in unreached)
        if seconds - self._answered_at > FRESH_SECONDS:
            self._found(judge(await self._evidence(seconds)), now)
        return frozenset() if self.connected else frozenset(each.claim.probe_id for each, _ in unreached)

    async def say(self, work: Work, rate: float, lateness: float) -> None:
        """Say that this worker is here, and whether its network is; a change of that is told once."""
        await work.execute(
            SAY,
            {
                "name": self._name, "host": self._host, "now": work.now, "connected": self.connected,
                "since": self.since, "reason": self.reason, "rate": rate, "lateness": lateness,
            },
        )  # fmt: skip
        if self.reason is None and self._told is not None:
            said = f"The network of {self._host} is there again: what its worker asks counts from now on"
            work.record("probing.seen", None, subject_name=f"network of {self._host}", message=said)
            work.announce(MOVED, [])
        elif self.reason is not None and self._told is None:
            said = f"The network of {self._host} is gone ({self.reason}): its worker reports nobody down meanwhile"
            work.record("probing.blinded", None, subject_name=f"network of {self._host}", message=said)
            work.announce(MOVED, [])
        reason = self.reason
        work.afterwards(lambda: self._remember(reason))

    @property
    def is_news(self) -> bool:
        """Whether something is to be told."""
        return (self.reason is None) is not (self._told is None)

    def _remember(self, reason: str | None) -> None:
        self._told = reason

    def _found(self, found: Connected | Gone, now: datetime) -> None:
        reason = found.reason if isinstance(found, Gone) else None
        if (reason is None) is not self.connected:
            self.since = now
            logger.warning("our own network is %s", f"gone: {reason}" if reason else "there again")
        self.reason = reason

    async def _evidence(self, seconds: float) -> Evidence:
        self._failing = {host: at for host, at in self._failing.items() if seconds - at < FAILING_SECONDS}
        interfaces, routes = await asyncio.to_thread(lambda: (any_interface(), any_route()))
        anchors: Sequence[bool] = ()
        if interfaces and routes and self._anchors:
            anchors = await asyncio.gather(*(self._answers(host, port) for host, port in self._anchors))
        elif (
            interfaces and routes and len(self._failing) >= MOST_COINCIDENCE and await self._neighbour_answers(seconds)
        ):
            self._answered_at = seconds
            self._failing.clear()
        return Evidence(interfaces, routes, anchors, frozenset(self._failing))

    def _meet(self, done: Sequence[tuple[Done, str]], seconds: float) -> None:
        """Keep the doors at which somebody answered, the newest last."""
        for each, place in done:
            door = door_of(place, each.held.config["url"])
            if door is not None and not is_here(door[0]):
                self._neighbours.pop(door, None)
                if each.measured.ok or each.measured.reached:
                    self._neighbours[door] = seconds
        while len(self._neighbours) > MOST_KEPT:
            del self._neighbours[next(iter(self._neighbours))]

    async def _neighbour_answers(self, seconds: float) -> bool:
        """Whether one answers now of those that answered before any failed: it was not asked since, and nobody knows."""
        doors = [
            door
            for door, at in self._neighbours.items()
            if door[0] not in self._failing and seconds - at < NEIGHBOUR_SECONDS
        ][-MOST_NEIGHBOURS:]
        return any(await asyncio.gather(*(self._answers(*door, wire=self._neighbour_wire) for door in doors)))

    async def _answers(self, host: str, port: int, *, wire: Wire | None = None) -> bool:
        try:
            async with asyncio.timeout(ANCHOR_SECONDS):
                dialled = await dial(wire or self._wire, host, port, asyncio.Protocol)
        except (Failed, CenturyError, OSError, TimeoutError):
            return False
        dialled.transport.abort()
        return True


def any_interface() -> bool:
    """Whether an interface is up besides loopback."""
    return any(each.isup and not name.startswith("lo") for name, each in psutil.net_if_stats().items())


def any_route() -> bool:
    """Whether any route leads out; true where that cannot be told."""
    known = False
    for path in ROUTES:
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        known = True
        # The interface is the first word of IPv4's lines (below a heading), the last of IPv6's.
        if path.name == "route" and any(line.split()[0] != "lo" for line in lines[1:] if line.split()):
            return True
        if path.name == "ipv6_route" and any(line.split()[-1] != "lo" for line in lines if line.split()):
            return True
    return not known
