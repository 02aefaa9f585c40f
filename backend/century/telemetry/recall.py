"""A request that says what an earlier one said but for its times and numbers, as exporters send every ten seconds.

Once every other byte is known to be the same, there is nothing to read but those: numpy gathers them from their places.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from century.telemetry.block import F8, I4, I8, Mask
from century.telemetry.layout import views
from century.telemetry.wire import Malformed, varint

MOST_BYTES = 64 << 20
MOST_ALIKE = 4
MOST_SEEN = 10_000

Key = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request of number points: its bytes, which of them say the same every time, and where the others lie."""

    body: NDArray[np.uint8]
    same: NDArray[np.uint8]
    series: I4
    begin: I8
    time: I8
    started: Mask
    whole: Mask
    services: list[str]
    owners: tuple[I4, I4, I4] | None

    def matches(self, body: NDArray[np.uint8]) -> bool:
        """Whether a body of the same length differs in nothing but times and numbers."""
        return not ((self.body ^ body) & self.same).any()

    def read(self, body: bytes) -> tuple[I8, I8, F8]:
        """Time, start (0: none) and value of each point; padding must follow the body."""
        _, longs = views(body)
        bits = longs[self.time + 10]
        value: F8 = bits.view(np.float64)
        if self.whole.any():
            value = np.where(self.whole, bits.astype(np.float64), value)
        return longs[self.time + 1], np.maximum(longs[self.begin + 1] * self.started, 0), value


@dataclass(slots=True)
class Memory:
    """What is remembered, by the length of a request and the resource it begins with."""

    requests: dict[Key, list[Remembered]] = field(default_factory=dict)
    seen: dict[Key, int] = field(default_factory=dict)
    size: int = 0

    def find(self, body: bytes) -> Remembered | None:
        """The earlier request that this one repeats but for times and numbers."""
        alike = self.requests.get(key(body)) if self.requests else None
        if alike:
            octets = np.frombuffer(body, np.uint8)
            for each in alike:
                if each.matches(octets):
                    return each
        return None

    def keep(self, body: bytes, series: I4, begin: I8, services: list[str], owners: tuple[I4, I4, I4] | None) -> None:
        """Remember a request whose points are all numbers of the usual layout, the second time one like it comes."""
        of = key(body)
        if len(self.seen) >= MOST_SEEN:
            self.seen.clear()
        times = self.seen[of] = self.seen.get(of, 0) + 1
        # One that is never alike is not worth remembering every time.
        if times == 1 or (times > 2 * MOST_ALIKE and times % 16):
            return
        octets = np.frombuffer(body, np.uint8)
        started = octets[begin] == 0x11
        time = begin + 9 * started
        same = np.full(len(octets), 0xFF, np.uint8)
        eight = np.arange(8)
        for places in (time + 1, time + 10, begin[started] + 1):
            same[places[:, None] + eight] = 0
        self.size += 2 * len(body) + 32 * len(series)
        if self.size > MOST_BYTES:
            self.requests.clear()
            self.size = 2 * len(body) + 32 * len(series)
        alike = self.requests.setdefault(of, [])
        if len(alike) >= MOST_ALIKE:
            del alike[0]
        whole = octets[time + 9] == 0x31
        alike.append(Remembered(octets, same, series, begin, time, started, whole, services, owners))


def key(body: bytes) -> Key:
    """The length of a request, and its first resource as it lies on the wire."""
    try:
        if body[0] == 0x0A:
            _, position = varint(body, 1)
            if body[position] == 0x0A:
                length, position = varint(body, position + 1)
                return len(body), body[position : position + length]
    except (IndexError, Malformed):
        pass
    return len(body), b""
