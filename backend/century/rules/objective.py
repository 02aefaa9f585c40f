"""What share of a service's requests is to be good, and what is left of the share that may fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


class ObjectiveKind(StrEnum):
    """Good is a request that did not fail, or one that was faster than the objective's latency."""

    AVAILABILITY = "availability"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Objective:
    """A service's `target` (a share below 1) of good requests over a rolling `window`; `latency` in seconds."""

    id: UUID
    name: str
    service: str
    kind: ObjectiveKind
    latency: float | None
    target: float
    window: timedelta

    def to_json(self) -> dict[str, Any]:
        """As it stands in the snapshot of a rule."""
        return {
            "id": str(self.id),
            "name": self.name,
            "service": self.service,
            "kind": self.kind.value,
            "latency": self.latency,
            "target": self.target,
            "window": self.window.total_seconds(),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Objective:
        """What `to_json` wrote."""
        return cls(
            id=UUID(stored["id"]),
            name=stored["name"],
            service=stored["service"],
            kind=ObjectiveKind(stored["kind"]),
            latency=stored["latency"],
            target=stored["target"],
            window=timedelta(seconds=stored["window"]),
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """What may fail and what did. `allowed` and `spent` are counts of requests; `left` is a signed share of the budget,
    `left_duration` for how long every request could still fail; `actual` the share that was good, `burn_rate` the speed of spending
    at which 1 uses up the budget exactly at the window's end. None where nothing was measured.
    """

    allowed: float
    spent: float
    left: float
    left_duration: timedelta
    good: int
    bad: int
    actual: float | None
    burn_rate: float | None


def budget(objective: Objective, good: int, bad: int) -> Budget:
    """The error budget after so many requests of one window; without any, all of it is left."""
    total, share = good + bad, 1.0 - objective.target
    allowed = total * share
    left = 1.0 - bad / allowed if allowed > 0 else 1.0
    return Budget(
        allowed=allowed,
        spent=float(bad),
        left=left,
        left_duration=objective.window * (share * left),
        good=good,
        bad=bad,
        actual=good / total if total else None,
        burn_rate=burn_rate(objective, good, bad),
    )


def burn_rate(objective: Objective, good: int, bad: int) -> float | None:
    """How many times faster than allowed requests fail; None without requests."""
    total = good + bad
    return bad / total / (1.0 - objective.target) if total else None
