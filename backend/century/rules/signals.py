"""Where the values of signals come from. A source brings some signals; a later stage brings a source of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from century.core.timerange import TimeRange
from century.rules import wording
from century.rules.condition import Signal
from century.rules.rule import Rule
from century.rules.subject import Subject
from century.rules.verdict import Reading
from century.telemetry.sketch import Floats, Ints


class Unmeasured(Exception):
    """A rule cannot be evaluated as things are; what it says goes into the rule's health."""


@dataclass(frozen=True, slots=True)
class Partly:
    """What a rule reads of some of its subjects. `left_out` are texts of subjects of which nothing can be said; `why`
    goes into the rule's health.
    """

    found: Mapping[Subject, Reading]
    left_out: frozenset[str]
    why: str


Found = Mapping[Subject, Reading] | Partly | Exception
"""What a rule reads of each subject, or of some of them, or why it could not be read."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a rule would have read of one subject at each moment: values[n] (NaN: none), samples[n], and short[n] where
    the rule has a short window. Values are of the window that ends at the moment.
    """

    values: Floats
    samples: Ints
    short: Floats | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The moments at[n], in Unix seconds and `step` apart, and what each subject would have shown at them."""

    at: Floats
    step: timedelta
    subjects: Mapping[Subject, Course]


@dataclass(frozen=True, slots=True)
class Trace:
    """A column that shows what happened around a breach: at[n] in Unix seconds, values[n] (NaN: none) in `unit`."""

    name: str
    unit: str
    at: Floats
    values: Floats


class Source(Protocol):
    """Measures some signals. `topics` are those of the bus on which it is told that some value changed.

    What reports by the name of its service has none: its rules are looked at whenever a service reports.
    """

    signals: frozenset[Signal]
    topics: frozenset[str]

    async def services(self, now: datetime) -> Mapping[str, datetime]:
        """The services that it heard of lately, and when it heard of them last."""

    async def read(
        self, rules: Sequence[Rule], services: Sequence[str] | None, now: datetime, only: Collection[str] | None = None
    ) -> Mapping[UUID, Found]:
        """What these rules read now, of subjects of these services (none: of all, and of those without a service).

        A subject of which nothing was measured may be left out, and those whose texts are not in `only`.
        """

    async def listening_since(self) -> datetime | None:
        """Since when it has been hearing without a break whatever there is to hear; None: it is not now.

        What was not heard before that, or is not heard without it, tells nothing of the service.
        """

    async def ended(self, subjects: Collection[Subject]) -> Mapping[Subject, str]:
        """Which of these there are no more, and why: what stands of them is over, whatever silence means."""

    async def news(self, now: datetime) -> frozenset[str]:
        """The texts of the subjects whose values may have changed since this was asked last."""

    async def history(self, rule: Rule, span: TimeRange, step: timedelta | None = None) -> History:
        """What a rule would have read in a range; without a step, as finely as is useful."""

    async def evidence(self, rule: Rule, subject: Subject, now: datetime) -> list[Trace]:
        """About sixty points of what led to a breach, the judged signal first."""


class Sources:
    """The sources there are, each signal's own."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.all = tuple(sources)
        self._of = {signal: source for source in self.all for signal in source.signals}

    @property
    def measured(self) -> list[Source]:
        """Those that tell by themselves when something changed, instead of by the names of services."""
        return [each for each in self.all if each.topics]

    def of(self, signal: Signal) -> Source | None:
        """The source of a signal, if there is one."""
        return self._of.get(signal)

    def measuring(self, rule: Rule) -> Source:
        """The source of what a rule looks at; raises `Unmeasured`."""
        source = self.of(rule.condition.signal)
        if source is None:
            raise Unmeasured(f"nothing measures the {wording.name(rule.condition)} yet")
        return source

    async def services(self, now: datetime) -> dict[str, datetime]:
        """The services that any source heard of lately, and when that was last."""
        heard: dict[str, datetime] = {}
        for source in self.all:
            for name, at in (await source.services(now)).items():
                heard[name] = max(at, heard.get(name, at))
        return heard

    async def history(self, rule: Rule, span: TimeRange, step: timedelta | None = None) -> History:
        """What a rule would have read in a range; raises `Unmeasured`."""
        return await self.measuring(rule).history(rule, span, step)

    async def evidence(self, rule: Rule, subject: Subject, now: datetime) -> list[Trace]:
        """What led to a breach; nothing where nothing measures it."""
        source = self.of(rule.condition.signal)
        return [] if source is None else await source.evidence(rule, subject, now)
