"""What is said at once of where a probe is to reach."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from uuid import UUID

import pytest

from century.core.egress import Address
from century.core.guard import Names
from century.probes.kind import ProbeKind
from century.probes.probe import Probe
from century.probes.warned import hosts, warnings
from tests.probes.asking import NOW, SETTINGS

KNOWN = {"shop.example.com": "93.184.216.34", "db.internal": "10.0.0.5", "metadata": "169.254.169.254"}
CLOSED = "a private address: open it with MONITORING_EGRESS_ALLOW"


def look_up(host: str, port: int) -> list[Address]:
    if host not in KNOWN:
        raise OSError("no such name")
    return [ip_address(KNOWN[host])]


def probe(kind: ProbeKind, settings: Mapping[str, str], runs_on: str | None = None) -> Probe:
    return Probe(UUID(int=1), "shop", kind, settings, NOW, NOW, runs_on=runs_on)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({"url": "https://shop.example.com:8443/a?b"}, [("url", "shop.example.com")], id="a web address"),
        pytest.param({"url": "postgresql://me@10.0.0.5/app"}, [("url", "10.0.0.5")], id="a database's"),
        pytest.param({"url": "http://[::1]:80/"}, [("url", "::1")], id="an address in brackets"),
        pytest.param({"host": "::1", "port": "22"}, [("host", "::1")], id="an address of its own"),
        pytest.param({"nameserver": "9.9.9.9:53"}, [("nameserver", "9.9.9.9")], id="a name server"),
        pytest.param({"sentinels": "one:26379\n\ntwo"}, [("sentinels", "one"), ("sentinels", "two")], id="several lines"),
        pytest.param({"url": "http://a", "fallbackUrl": "http://b"}, [("url", "a"), ("fallbackUrl", "b")], id="two fields"),
        pytest.param({"folder": "/backups"}, [], id="it reaches nothing"),
    ],
)  # fmt: skip
def test_where_a_probe_reaches(settings: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert hosts(settings) == expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        pytest.param(probe(ProbeKind.HTTP, {"url": "https://shop.example.com"}), {}, id="it may be reached"),
        pytest.param(probe(ProbeKind.HTTP, {"url": "http://10.9.8.7/"}), {"settings.url": f"10.9.8.7 is {CLOSED}"}, id="a private address"),
        pytest.param(probe(ProbeKind.TCP, {"host": "db.internal", "port": "5432"}), {"settings.host": f"db.internal is at 10.0.0.5, {CLOSED}"}, id="a name of one"),
        pytest.param(probe(ProbeKind.TCP, {"host": "metadata", "port": "80"}), {"settings.host": "metadata is at 169.254.169.254, which is never reached from here"}, id="never"),
        pytest.param(probe(ProbeKind.HTTP, {"url": "https://nowhere"}), {"settings.url": "nowhere has no address now: the probe will be down until it has one"}, id="a name of nothing"),
        pytest.param(probe(ProbeKind.HTTP, {"url": "https://nowhere"}, "there"), {}, id="another machine may know it"),
        pytest.param(probe(ProbeKind.HTTP, {"url": "http://10.9.8.7/"}, "there"), {"settings.url": f"10.9.8.7 is {CLOSED}"}, id="and may not go where this one may not"),
        pytest.param(probe(ProbeKind.POSTGRES, {"own": "true", "url": "postgresql://a@10.9.8.7"}), {}, id="our own"),
        pytest.param(probe(ProbeKind.HOST, {}), {}, id="the machine itself"),
    ],
)  # fmt: skip
async def test_what_is_said_on_saving(made: Probe, expected: dict[str, str]) -> None:
    found = await warnings(SETTINGS, made, Names(look_up=look_up))
    assert {each.field: each.message for each in found} == expected
    assert not any(each.refused for each in found)


async def test_what_is_allowed_is_not_warned_of() -> None:
    allowing = replace(SETTINGS, egress_allow=("10.0.0.0/8",))
    assert await warnings(allowing, probe(ProbeKind.HTTP, {"url": "http://10.9.8.7/"})) == []


async def test_a_name_server_that_is_away_holds_up_nobody() -> None:
    answer = threading.Event()

    def away(host: str, port: int) -> list[Address]:
        answer.wait(10)
        return []

    began = asyncio.get_running_loop().time()
    sentinels = "\n".join(f"sentinel{number}" for number in range(5))
    made = probe(ProbeKind.REDIS, {"sentinels": sentinels, "master": "m"})
    assert await warnings(SETTINGS, made, Names(look_up=away)) == []
    assert asyncio.get_running_loop().time() - began < 2
    answer.set()
