"""What a check reaches its target with."""

from __future__ import annotations

from dataclasses import dataclass

from century.core.guard import Guard
from century.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Wire:
    """The guard that every address passes, and the installation's settings."""

    guard: Guard
    settings: Settings
