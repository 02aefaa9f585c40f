"""A probe as it was set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from century.probes.kind import ProbeKind

SHARD = 64
"""So many probes keep their samples together."""


class ProbeState(StrEnum):
    """How a probe stands.

    DOUBTFUL: it fails, but not for as often as it must to be DOWN. BLOCKED: it fails while what it depends on does.
    UNKNOWN: nobody has asked, or nobody could.
    """

    UP = "up"
    DOUBTFUL = "doubtful"
    DOWN = "down"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a check must fail until its probe is DOWN, and succeed until it is UP again."""

    failures: int = 3
    successes: int = 2


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that is asked every `interval`, while in doubt every `retry`; `settings` are those that are no secret."""

    id: UUID
    name: str
    kind: ProbeKind
    settings: Mapping[str, str] = field(repr=False)
    created_at: datetime
    updated_at: datetime
    enabled: bool = True
    service: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    parent_id: UUID | None = None
    interval: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=10)
    retry: timedelta = timedelta(seconds=5)
    patience: Patience = Patience()
    runs_on: str | None = None
    shard: int = 0
    version: int = 1

    @property
    def keeps(self) -> str:
        """The service under which its samples are kept."""
        return f"century/probes-{self.shard}"

    @property
    def is_own(self) -> bool:
        """Whether it watches what this installation itself stands on."""
        return self.settings.get("own") == "true"
