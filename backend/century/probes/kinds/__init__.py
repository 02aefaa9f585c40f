"""The kinds of probes, one file each: `LABEL`, `HELP`, `FIELDS`, `FACTS`, `problems` and `check`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast
from uuid import UUID

from century.core.settings import Settings
from century.probes.kind import Config, FactName, Field, ProbeKind, Problem
from century.probes.measurement import Measurement

if TYPE_CHECKING:
    from century.probes.wire import Wire


@dataclass(frozen=True, slots=True)
class Target:
    """What a check is given: the probe, seconds, what the last check kept in mind, and the instant."""

    id: UUID
    name: str
    config: Config = field(repr=False)
    timeout: float
    interval: float
    memory: Mapping[str, Any]
    now: datetime
    hostname: str


class Kind(Protocol):
    """What a file in here offers.

    `PREFIX` begins the names of its facts; the runner adds `<PREFIX>.up`, `probe.ok` and `probe.latency`. `INTERVAL`,
    `TIMEOUT` and `SHORTEST` (interval) are seconds. `REMOTE`: its target is another machine.
    `problems` is quick and pure; `target` is for people, without secrets; `check` answers for whatever its target does,
    and raises only for mistakes of ours.
    """

    LABEL: str
    HELP: str
    FIELDS: Sequence[Field]
    FACTS: Sequence[FactName]
    PREFIX: str
    INTERVAL: float
    TIMEOUT: float
    SHORTEST: float
    REMOTE: bool

    def unavailable(self, settings: Settings) -> str | None: ...
    def target(self, config: Config) -> str: ...
    def problems(self, config: Config) -> list[Problem]: ...
    async def check(self, target: Target, wire: Wire) -> Measurement: ...


@cache
def kind_of(kind: ProbeKind) -> Kind:
    """The file of a kind."""
    return cast("Kind", import_module(f"{__name__}.{kind.value}"))


@cache
def known_kinds() -> tuple[ProbeKind, ...]:
    """The kinds that there are."""
    return tuple(each for each in ProbeKind if find_spec(f"{__name__}.{each.value}"))
