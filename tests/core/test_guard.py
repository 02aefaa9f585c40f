"""Names lead only to addresses that were looked at, and many who ask at once wait for one answer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from ipaddress import ip_address

import pytest

from century.core.egress import Address
from century.core.errors import Unavailable
from century.core.guard import AT_ONCE, AT_ONCE_A_ZONE, AddressRefused, Guard, Names, zone_of


def leads_to(*addresses: str) -> Guard:
    async def resolve(host: str, port: int) -> list[Address]:
        return [ip_address(each) for each in addresses]

    return Guard(["10.0.0.0/8"], resolve)


async def test_every_address_of_a_name_must_be_reachable() -> None:
    assert [str(each) for each in await leads_to("10.1.1.1", "9.9.9.9").addresses("shop", 80)] == [
        "10.1.1.1",
        "9.9.9.9",
    ]
    with pytest.raises(AddressRefused, match=r"shop is at 127.0.0.1, a private address: open it"):
        await leads_to("9.9.9.9", "127.0.0.1").addresses("shop", 80)
    with pytest.raises(AddressRefused, match="never reached from here"):
        await leads_to("169.254.169.254").addresses("shop", 80)


async def test_a_zone_does_not_hide_what_an_address_is() -> None:
    guard = Guard(["::/0"])
    for host in ("fd00:ec2::254%1", "fd00:ec2::254%eth0", "[fd20:ce::254%1]", "fe80::a9fe:a9fe%1"):
        with pytest.raises(AddressRefused, match="never reached from here"):
            await guard.addresses(host, 80)
    assert [str(each) for each in await guard.addresses("fd00::1%1", 80)] == ["fd00::1"]


async def test_a_name_without_addresses_is_said_to_have_none() -> None:
    with pytest.raises(Unavailable, match="shop has no address"):
        await leads_to().addresses("shop", 80)


async def test_those_who_ask_at_once_ask_once_and_who_gives_up_takes_nothing_away() -> None:
    asked: list[str] = []
    go = threading.Event()

    def look_up(host: str, port: int) -> list[Address]:
        asked.append(host)
        assert go.wait(5)
        return [ip_address("9.9.9.9")]

    names = Names(look_up=look_up)
    waiting = [asyncio.create_task(names("shop", 80)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    go.set()
    assert await waiting[1] == await waiting[2] == [ip_address("9.9.9.9")]
    assert await names("shop", 80) == [ip_address("9.9.9.9")]
    assert asked == ["shop"]
    names.close()


async def test_a_name_server_that_fails_fails_each_who_asked() -> None:
    def look_up(host: str, port: int) -> list[Address]:
        raise OSError("no such name")

    names = Names(look_up=look_up)
    guard = Guard((), names)
    for _ in range(2):
        with pytest.raises(Unavailable, match="shop has no address"):
            await guard.addresses("shop", 80)
    names.close()


async def test_a_zone_that_is_dead_holds_up_its_own_names_alone() -> None:
    go, hanging, most = threading.Event(), 0, 0
    counting = threading.Lock()

    def look_up(host: str, port: int) -> list[Address]:
        nonlocal hanging, most
        if host.endswith("dead.example"):
            with counting:
                hanging += 1
                most = max(most, hanging)
            assert go.wait(10)
            with counting:
                hanging -= 1
        return [ip_address("9.9.9.9")]

    names = Names(look_up=look_up)
    guard = Guard((), names)
    dead = [asyncio.create_task(guard.addresses(f"n{number}.dead.example", 80)) for number in range(AT_ONCE + 8)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await guard.addresses("shop.example.com", 443) == [ip_address("9.9.9.9")]
        assert not any(each.done() for each in dead)
        go.set()
        await asyncio.gather(*dead)
    assert most == AT_ONCE_A_ZONE
    names.close()


async def test_when_nobody_looks_up_any_more_who_waits_is_let_go() -> None:
    go = threading.Event()

    def look_up(host: str, port: int) -> list[Address]:
        assert go.wait(10)
        return []

    names = Names(look_up=look_up)
    waiting = [asyncio.create_task(names(f"n{number}.dead.example", 80)) for number in range(AT_ONCE_A_ZONE + 1)]
    await asyncio.sleep(0)
    names.close()
    async with asyncio.timeout(5):
        await asyncio.wait([waiting[-1]])
    assert waiting[-1].cancelled()
    with pytest.raises(OSError, match="nobody looks names up"):
        await names("shop", 80)
    go.set()
    await asyncio.gather(*waiting[:-1])


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("shop", "shop"),
        ("example.com.", "example.com"),
        ("api.eu.Example.com", "example.com"),
        ("api.shop.co.uk", "shop.co.uk"),
        ("shop.de", "shop.de"),
        ("main.db.svc.cluster.local", "cluster.local"),
    ],
)
def test_a_name_belongs_to_a_zone(host: str, zone: str) -> None:
    assert zone_of(host) == zone


HANGING = """
import asyncio, threading
from century.core.guard import Names

async def work():
    names = Names(look_up=lambda host, port: threading.Event().wait())
    asked = asyncio.ensure_future(names("dead.example", 80))
    await asyncio.sleep(0.05)
    asked.cancel()

asyncio.run(work())
print("ended", flush=True)
"""


def test_a_process_that_ends_waits_for_no_name() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=20, check=True)
    assert (done.stdout, done.stderr) == ("ended\n", "")
