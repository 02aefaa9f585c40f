"""One id scheme: UUID version 7 (RFC 9562), which sorts by the time it was made."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

RANDOM_BITS = 74


def new_id(now: datetime) -> UUID:
    """A fresh id whose first 48 bits are the milliseconds of `now`."""
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    random = secrets.randbits(RANDOM_BITS)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
