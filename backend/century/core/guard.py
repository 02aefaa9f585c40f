"""Which addresses a name leads to, once every one of them was looked at: the only resolver of what leaves this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from century.core.egress import Address, Verdict, judge, parse_networks
from century.core.errors import Forbidden, Unavailable

Resolve = Callable[[str, int], Awaitable[list[Address]]]

THREADS = 32
KEPT_SECONDS = 5.0
MOST_KEPT = 10_000
LONGEST_SHOWN = 100


class AddressRefused(Forbidden):
    """An address that may not be reached from here."""

    code = "ADDRESS_REFUSED"


async def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name."""
    return _addresses(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))


class Names:
    """Resolves for many at once: in threads of its own, a name once for all who ask, and kept for five seconds.

    A name server that is away holds up its own askers alone.
    """

    def __init__(self, *, look_up: Callable[[str, int], list[Address]] | None = None) -> None:
        self._look_up = look_up or _look_up
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="names")
        self._kept: dict[tuple[str, int], tuple[float, asyncio.Future[list[Address]]]] = {}

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Every address of a name; OSError where it has none."""
        loop = asyncio.get_running_loop()
        asked_at, asked = self._kept.get((host, port), (0.0, None))
        if asked is None or (asked.done() and loop.time() - asked_at > KEPT_SECONDS):
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            asked = loop.run_in_executor(self._pool, self._look_up, host, port)
            # Whoever asked may be gone before the answer comes.
            asked.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._kept[host, port] = (loop.time(), asked)
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(asked)

    def close(self) -> None:
        """Wait for nobody any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Guard:
    """Answers addresses that may be reached. `allow` are the networks of `MONITORING_EGRESS_ALLOW`."""

    def __init__(self, allow: Iterable[str] = (), resolve: Resolve = resolve) -> None:
        self._allow = parse_networks(allow)
        self._resolve = resolve
        self._passed: set[Address] = set()

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, every one of which may be reached; AddressRefused if a single one may not.

        Raises Unavailable where it has none.
        """
        shown = host[:LONGEST_SHOWN]
        try:
            # A zone leads nowhere else, and would hide what the address is.
            found = [ip_address(host.strip("[]").partition("%")[0])]
        except ValueError:
            try:
                found = await self._resolve(host, port)
            except (OSError, UnicodeError):
                raise Unavailable(f"{shown} has no address") from None
        if not found:
            raise Unavailable(f"{shown} has no address")
        for address in found:
            self.check(address, shown)
        return found

    def check(self, address: Address, named: str = "") -> None:
        """Raise AddressRefused for an address that may not be reached."""
        # What is allowed never changes, and a probe asks for the same address every few seconds.
        if address in self._passed:
            return
        at = "" if named in ("", str(address)) else f"{named} is at {address}, "
        match judge(address, self._allow):
            case Verdict.FORBIDDEN:
                raise AddressRefused(
                    f"{at}which is never reached from here" if at else f"{address} is never reached from here"
                )
            case Verdict.PRIVATE:
                raise AddressRefused(f"{at or f'{address} is '}a private address: open it with MONITORING_EGRESS_ALLOW")
        if len(self._passed) < MOST_KEPT:
            self._passed.add(address)


def _look_up(host: str, port: int) -> list[Address]:
    return _addresses(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _addresses(found: Iterable[tuple[object, object, object, object, tuple[object, ...]]]) -> list[Address]:
    return list(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))
