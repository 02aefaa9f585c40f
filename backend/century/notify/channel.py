"""A channel: one way to reach people, everybody's or one person's own, and whether it works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from century.notify.quiet import QuietHours
from century.rules.severity import Severity


class ChannelKind(StrEnum):
    """What stands behind a channel; each is a file in `channels`."""

    EMAIL = "email"
    SLACK = "slack"
    WEBHOOK = "webhook"
    PAGERDUTY = "pagerduty"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as it is stored, without its secrets.

    `person` is whose own it is. `stopped_at`: refused for good, until somebody resumes it. `open_until`: its circuit is
    open, and it is tried again then. One that is not `stored` is the e-mail of a person's account, made when first needed.
    """

    id: UUID
    name: str
    kind: ChannelKind
    severities: frozenset[Severity]
    created_at: datetime
    updated_at: datetime
    enabled: bool = True
    person_id: UUID | None = None
    person_name: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    failures: int = 0
    open_until: datetime | None = None
    stopped_at: datetime | None = None
    stopped_reason: str | None = None
    stored: bool = True

    @property
    def problem(self) -> str | None:
        """Why nothing goes this way now, as a sentence; None if something may."""
        if not self.enabled:
            return f"the channel '{self.name}' is switched off"
        if self.stopped_at is not None:
            return f"the channel '{self.name}' is stopped: {self.stopped_reason or 'it was refused for good'}"
        return None


def default_name(person: str) -> str:
    """What the e-mail channel of a person's account is called."""
    return f"E-mail of {person}"
