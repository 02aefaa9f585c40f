"""Which addresses a name leads to, once every one of them was looked at: the only resolver of what leaves this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from century.core.egress import Address, Verdict, judge, parse_networks
from century.core.errors import Forbidden, Unavailable

Resolve = Callable[[str, int], Awaitable[list[Address]]]

AT_ONCE = 32
AT_ONCE_A_ZONE = 4
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

    A name server that is away holds up its own askers alone: of one zone so many are looked up at once, and the others
    of it wait. Those threads are daemons: a process that ends waits for none of them, as it would for a pool's.
    """

    def __init__(self, *, look_up: Callable[[str, int], list[Address]] | None = None) -> None:
        self._look_up = look_up or _look_up
        self._kept: dict[tuple[str, int], tuple[float, asyncio.Future[list[Address]]]] = {}
        self._waiting: deque[_Asked] = deque()
        self._busy: Counter[str] = Counter()
        self._closed = False

    async def __call__(self, host: str, port: int) -> list[Address]:
        """Every address of a name; OSError where it has none."""
        loop = asyncio.get_running_loop()
        asked_at, answer = self._kept.get((host, port), (0.0, None))
        if answer is None or (answer.done() and loop.time() - asked_at > KEPT_SECONDS):
            if self._closed:
                raise OSError("nobody looks names up any more")
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            answer = loop.create_future()
            # Whoever asked may be gone before the answer comes.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._kept[host, port] = (loop.time(), answer)
            self._waiting.append(_Asked(host, port, zone_of(host), answer))
            self._begin()
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(answer)

    def close(self) -> None:
        """Wait for nobody any more."""
        self._closed = True
        while self._waiting:
            self._waiting.popleft().answer.cancel()

    def _begin(self) -> None:
        """Look up what waits, as far as there is room for it and for its zone."""
        held: list[_Asked] = []
        while self._waiting and self._busy.total() < AT_ONCE:
            asked = self._waiting.popleft()
            if self._busy[asked.zone] >= AT_ONCE_A_ZONE:
                held.append(asked)
                continue
            self._busy[asked.zone] += 1
            threading.Thread(target=self._work, args=(asked,), name="names", daemon=True).start()
        self._waiting.extendleft(reversed(held))

    def _work(self, asked: _Asked) -> None:
        found: list[Address] | Exception
        try:
            found = self._look_up(asked.host, asked.port)
        except Exception as error:  # noqa: BLE001 (whatever it was, it is raised where it was asked)
            found = error
        with contextlib.suppress(RuntimeError):  # its loop was closed meanwhile
            asked.answer.get_loop().call_soon_threadsafe(self._end, asked, found)

    def _end(self, asked: _Asked, found: list[Address] | Exception) -> None:
        self._busy[asked.zone] -= 1
        if not self._busy[asked.zone]:
            del self._busy[asked.zone]
        if not asked.answer.done():
            if isinstance(found, Exception):
                asked.answer.set_exception(found)
            else:
                asked.answer.set_result(found)
        self._begin()


@dataclass(frozen=True, slots=True)
class _Asked:
    """A name that is looked up, or waits for it."""

    host: str
    port: int
    zone: str
    answer: asyncio.Future[list[Address]]


def zone_of(host: str) -> str:
    """Whose name servers tell of a name, as far as it tells itself: its last two labels, three below a "co.uk".

    Names without a dot are each their own: they are a machine's or a cluster's.
    """
    labels = host.lower().rstrip(".").split(".")
    short = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if short else labels[-2:])


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
