"""The last checks of a probe in a few bytes: when, how long, and whether it answered."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

MOST = 60
_CHECK = struct.Struct("<If")


@dataclass(frozen=True, slots=True)
class Beat:
    """One check: Unix seconds, and the latency of an answer; NaN where there was none."""

    at: int
    latency: float

    @property
    def ok(self) -> bool:
        """Whether it answered as it should."""
        return not math.isnan(self.latency)


def add(recent: bytes, at: float, *, ok: bool, latency: float | None) -> bytes:
    """The last checks with one more."""
    added = recent + _CHECK.pack(int(at), (latency or 0.0) if ok else math.nan)
    return added[-MOST * _CHECK.size :]


def read(recent: bytes) -> list[Beat]:
    """The last checks, the oldest first."""
    return [Beat(at, latency) for at, latency in _CHECK.iter_unpack(recent)]
