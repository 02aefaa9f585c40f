"""When a probe is asked next, and beside whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from century.probes.measurement import Measurement, Trouble
from century.probes.probe import Probe
from century.probes.standing import Now

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUICK, SLOW = 0, 1
SLOW_SECONDS = 1.0


def phase(probe_id: UUID, interval: timedelta, after: datetime) -> datetime:
    """The next instant after `after` at a probe's own place in its interval.

    The place follows from the id: many probes are spread evenly, and after a restart as before.
    """
    share = int.from_bytes(blake2b(probe_id.bytes, digest_size=8).digest(), "big") / 2**64
    offset = share * interval
    return after + interval - (after - EPOCH - offset) % interval


def next_due(probe: Probe, now: Now, due_at: datetime, at: datetime, *, first: bool = False) -> datetime:
    """When a probe is asked again that was due at `due_at` and has been asked by `at`.

    After its first check it takes its own place: many that were made at once are not asked at once for ever.
    """
    if now.in_doubt:
        return at + probe.retry
    usual = due_at + probe.interval
    return usual if usual > at and not first else phase(probe.id, probe.interval, at)


def lane(measured: Measurement, took: float) -> int:
    """Where it is asked next: what takes long is kept apart from what does not."""
    return SLOW if took > SLOW_SECONDS or measured.trouble is Trouble.TIMEOUT else QUICK
