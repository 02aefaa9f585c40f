"""The world a test lives in: a clock that moves when told, and a database of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from century.core.bus import Bus
from century.core.settings import Settings
from century.core.work import Works

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@dataclass
class MovableClock:
    """A clock that stands still until it is moved."""

    instant: datetime = START

    def now(self) -> datetime:
        """The instant it was moved to."""
        return self.instant

    def advance(self, **duration: float) -> None:
        """Move on, in the words of `timedelta`."""
        self.instant += timedelta(**duration)


@dataclass
class World:
    """A migrated database, Valkey, and a clock."""

    settings: Settings
    works: Works
    bus: Bus
    clock: MovableClock = field(default_factory=MovableClock)

    def advance(self, **duration: float) -> None:
        """Move the world's clock on."""
        self.clock.advance(**duration)
