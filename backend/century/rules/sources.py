"""Every source of what rules look at."""

from __future__ import annotations

from century.core.work import Works
from century.rules.heartbeat_source import HeartbeatSource
from century.rules.outside_source import OutsideSource
from century.rules.probe_source import ProbeSource
from century.rules.signals import Sources
from century.rules.telemetry_source import TelemetrySource
from century.telemetry.query import Reader


def sources_of(works: Works, reader: Reader) -> Sources:
    """The sources of this installation, each with what it holds in memory: one of each a process."""
    return Sources(
        [TelemetrySource(works, reader), ProbeSource(works, reader), HeartbeatSource(works), OutsideSource(works)]
    )
