"""What one check found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from century.telemetry.samples import Sample

LONGEST_MESSAGE = 400
MOST_LINES, LONGEST_LINE = 40, 200
LARGEST_MEMORY = 4096


@dataclass(frozen=True, slots=True)
class Fact:
    """A number that a check told; `part` tells several of a name apart."""

    name: str
    value: float
    part: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """How long a part of a check took, in seconds."""

    name: str
    seconds: float
    detail: str = ""


class Trouble(StrEnum):
    """Why a check failed.

    NETWORK: no route, no name, refused, reset; ANSWER: it answered wrongly; REFUSED: an address that may not be reached;
    SETUP: its secrets cannot be read, or the mistake is ours.
    """

    NETWORK = "network"
    TIMEOUT = "timeout"
    ANSWER = "answer"
    REFUSED = "refused"
    SETUP = "setup"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a check found, in a clean sentence of at most 400 characters.

    `latency` in seconds; `lines` (at most 40 of 200 characters) are what the answer said; `memory` (at most 4 KiB as
    JSON) is handed to the next check. `reached`: bytes came from the target; `remote`: it is not this machine.
    """

    ok: bool
    message: str
    latency: float | None = None
    facts: Sequence[Fact] = ()
    trouble: Trouble | None = None
    steps: tuple[Step, ...] = ()
    lines: tuple[str, ...] = ()
    memory: Mapping[str, Any] = field(default_factory=dict)
    reached: bool = False
    remote: bool = True
    samples: Sequence[Sample] = ()

    @property
    def unreached(self) -> bool:
        """Whether its failure may be our own network's."""
        return not self.ok and self.remote and self.trouble in (Trouble.NETWORK, Trouble.TIMEOUT)
