"""Names lead only to addresses that were looked at, and many who ask at once wait for one answer."""

from __future__ import annotations

import asyncio
import threading
from ipaddress import ip_address

import pytest

from century.core.egress import Address
from century.core.errors import Unavailable
from century.core.guard import AddressRefused, Guard, Names


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
