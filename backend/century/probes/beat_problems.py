"""What is wrong with a heartbeat before anybody relies on it: each complaint names its field and says what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from century.core.wording import duration
from century.probes.cron import BadCron, Cron, is_zone, read_cron
from century.probes.heartbeat import Schedule
from century.probes.kind import Problem

LONGEST_NAME, LONGEST_SERVICE = 100, 255
MOST_LABELS, LONGEST_KEY, LONGEST_VALUE = 10, 100, 255
PERIOD = (timedelta(seconds=10), timedelta(days=366))
GRACE = (timedelta(seconds=1), timedelta(days=30))
RUN = (timedelta(seconds=1), timedelta(days=30))


@dataclass(frozen=True, slots=True)
class BeatDraft:
    """A heartbeat as somebody wants it; with an `id`, the one that is changed."""

    name: str
    id: UUID | None = None
    enabled: bool = True
    service: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    period: timedelta | None = None
    cron: str | None = None
    time_zone: str = "UTC"
    grace: timedelta = timedelta(minutes=5)
    longest_run: timedelta | None = None

    @property
    def schedule(self) -> Schedule:
        """Its schedule; raises BadCron."""
        line = read_cron(self.cron, self.time_zone) if self.cron is not None else None
        return Schedule(self.grace, self.period, line, self.longest_run)


def problems(draft: BeatDraft) -> list[Problem]:
    """Everything that is wrong with a heartbeat, or may not be meant. A cron line may take a moment: in a thread."""
    return [*_of_names(draft), *_of_labels(draft), *_of_schedule(draft)]


def _of_names(draft: BeatDraft) -> Iterator[Problem]:
    if not 1 <= len(draft.name) <= LONGEST_NAME or not draft.name.isprintable():
        yield Problem("name", f"a heartbeat's name has 1 to {LONGEST_NAME} printable characters")
    if draft.service is not None and not (1 <= len(draft.service) <= LONGEST_SERVICE and draft.service.isprintable()):
        yield Problem("service", f"a service's name has 1 to {LONGEST_SERVICE} printable characters, or is left out")


def _of_labels(draft: BeatDraft) -> Iterator[Problem]:
    if len(draft.labels) > MOST_LABELS:
        yield Problem("labels", f"there may be {MOST_LABELS} labels at most")
    for key, value in draft.labels.items():
        if not (1 <= len(key) <= LONGEST_KEY and len(value) <= LONGEST_VALUE and (key + value).isprintable()):
            yield Problem(
                "labels", f"a label has a name of 1 to {LONGEST_KEY} and a value of up to {LONGEST_VALUE} characters"
            )
            return


def _of_schedule(draft: BeatDraft) -> Iterator[Problem]:
    if (draft.period is None) == (draft.cron is None):
        said = "not both" if draft.period is not None else "one of them is needed"
        yield Problem("period", f"give either a period, like PT1H, or a cron line, like 0 2 * * *: {said}")
    yield from _between("period", "the period", draft.period, PERIOD)
    yield from _between("grace", "the grace", draft.grace, GRACE)
    yield from _between("longestRun", "the longest run", draft.longest_run, RUN)
    line: Cron | None = None
    if draft.cron is None and not is_zone(draft.time_zone):
        yield Problem("timeZone", "the time zone must be a name like Europe/Vienna")
    elif draft.cron is not None:
        try:
            line = read_cron(draft.cron, draft.time_zone)
        except BadCron as error:
            yield Problem(error.field, str(error))
    if draft.period is not None and draft.longest_run is not None and draft.longest_run > draft.period:
        yield Problem(
            "longestRun", f"a run may last longer than the period ({duration(draft.period)}): the next begins beside it",
            refused=False,
        )  # fmt: skip
    if line is not None and draft.period is None and draft.grace > timedelta(days=1):
        yield Problem("grace", f"its silence is noticed only after {duration(draft.grace)}", refused=False)
    if not draft.enabled:
        yield Problem("enabled", "nobody waits for it while it is paused", refused=False)


def _between(
    name: str, called: str, given: timedelta | None, allowed: tuple[timedelta, timedelta]
) -> Iterator[Problem]:
    if given is not None and not allowed[0] <= given <= allowed[1]:
        yield Problem(name, f"{called} must lie between {duration(allowed[0])} and {duration(allowed[1])}")
