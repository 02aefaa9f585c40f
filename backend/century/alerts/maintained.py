"""When maintenance windows held what is watched from outside, and how long it was up beside that."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from century.alerts.kept import windows
from century.alerts.window import MatcherField, Window
from century.core.timerange import TimeRange
from century.core.work import Work
from century.probes import beat_kept, kept
from century.probes.uptime import Moved, share, spans
from century.rules.outside_subjects import of_heartbeat, of_probe
from century.rules.severity import Severity
from century.rules.subject import Subject

OF_ALERTS = frozenset({MatcherField.RULE, MatcherField.SEVERITY})
"""A window that asks for these holds some of its alerts, not the thing itself."""

Held = Mapping[UUID, Sequence[tuple[datetime, datetime]]]


@dataclass(frozen=True, slots=True)
class Maintainable:
    """A probe, a heartbeat or a service, as matchers see it."""

    id: UUID
    service: str | None
    name: str
    attributes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, number: UUID, subject: Subject) -> Maintainable:
        """As the subject of a rule it is held, too."""
        return cls(number, subject.service, subject.text, subject.attributes)

    @property
    def subject(self) -> str:
        return self.name

    @property
    def rule_name(self) -> str:
        return ""

    @property
    def severity(self) -> Severity | None:
        return None


async def maintained(work: Work, what: Sequence[Maintainable], within: TimeRange) -> Held:
    """When each of these was held in a range."""
    known = [each for each in await windows(work, ended_since=within.start) if _holds_things(each)]
    times = [
        [(each.starts_at, each.ends_at) for each in window.within(within.start, within.end)] for window in known
    ]  # fmt: skip
    return {
        each.id: [span for window, mine in zip(known, times, strict=True) if window.covers(each) for span in mine]
        for each in what
    }


def _holds_things(window: Window) -> bool:
    return not any(matcher.field in OF_ALERTS for matcher in window.matchers)


async def uptimes_of_probes(
    work: Work, ids: Collection[UUID], ranges: Sequence[TimeRange]
) -> dict[UUID, list[float | None]]:
    """How long each of these probes was up in each range."""
    known = await kept.by_ids(work, ids)
    what = [
        Maintainable.of(each.id, of_probe(each.name, each.kind.value, each.service, each.labels))
        for each in known.values()
    ]
    moves = await kept.changes(work, list(known), min(each.start for each in ranges))
    return await _uptimes(work, what, moves, ranges)


async def uptimes_of_heartbeats(
    work: Work, ids: Collection[UUID], ranges: Sequence[TimeRange]
) -> dict[UUID, list[float | None]]:
    """How long each of these heartbeats was heard of in time in each range."""
    known = await beat_kept.by_ids(work, ids)
    what = [Maintainable.of(each.id, of_heartbeat(each.name, each.service, each.labels)) for each in known.values()]
    moves = await beat_kept.changes(work, list(known), min(each.start for each in ranges))
    return await _uptimes(work, what, moves, ranges)


async def _uptimes(
    work: Work, what: Sequence[Maintainable], moves: Mapping[UUID, Sequence[Moved]], ranges: Sequence[TimeRange]
) -> dict[UUID, list[float | None]]:
    whole = TimeRange(min(each.start for each in ranges), max(each.end for each in ranges))
    held = await maintained(work, what, whole)
    return {
        each.id: [share(spans(moves[each.id], within, work.now), held[each.id]) for within in ranges] for each in what
    }
