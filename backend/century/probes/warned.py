"""What can be said at once of where a probe is to reach: an address that the guard refuses, a name that leads nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from century.core.errors import Unavailable
from century.core.guard import AddressRefused, Guard, Names
from century.core.settings import Settings
from century.probes.hosts import host_of
from century.probes.kind import Config, Problem
from century.probes.kinds import kind_of
from century.probes.probe import Probe

SECONDS = 0.8
"""Whoever saves does not wait for a name server that is away; trying says the rest."""
URLS, HOSTS = ("url", "fallbackUrl"), ("host", "nameserver")


def hosts(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """The fields of a probe's settings that say where it reaches, each with a host."""
    config = Config(values)
    found = [(field, config[field]) for field in URLS]
    found += [(field, f"//{config[field]}") for field in HOSTS]
    found += [("sentinels", f"//{line}") for line in config.lines("sentinels")]
    told = []
    for field, place in found:
        # What cannot be read as an address was refused before.
        with suppress(ValueError):
            bare = place.removeprefix("//")
            # An address of version 6 may stand alone.
            alone = bare != place and bare.count(":") > 1 and "[" not in bare
            host = bare if alone else urlsplit(place.strip()).hostname or ""
            told.append((field, host_of(host)))
    return list(dict.fromkeys(told))


async def warnings(settings: Settings, probe: Probe, names: Names | None = None) -> list[Problem]:
    """A sentence for each field that leads where nothing can be reached, as far as that is known within a moment."""
    if probe.is_own or not kind_of(probe.kind).REMOTE:
        return []
    known = names or Names()
    guard = Guard(settings.egress_allow, known)
    try:
        said = await asyncio.gather(*(_said(guard, host) for _, host in hosts(probe.settings)))
    finally:
        known.close()
    # Another machine may know names that this one does not, and is let out to the same addresses.
    told = [
        Problem(f"settings.{field}", message, refused=False)
        for (field, _), (refused, message) in zip(hosts(probe.settings), said, strict=True)
        if message and (refused or probe.runs_on is None)
    ]
    return list(dict.fromkeys(told))


async def _said(guard: Guard, host: str) -> tuple[bool, str]:
    """Whether it may not be reached, and what is to be said of it."""
    try:
        async with asyncio.timeout(SECONDS):
            await guard.addresses(host, 0)
    except AddressRefused as error:
        return True, error.message
    except Unavailable as error:
        return False, f"{error.message} now: the probe will be down until it has one"
    except TimeoutError:
        pass
    return False, ""
