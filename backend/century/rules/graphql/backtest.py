"""A rule tried on history, in the schema."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import strawberry

from century.core.errors import Invalid
from century.core.graphql import Info, Instants, Numbers, TimeRangeInput
from century.core.ids import new_id
from century.rules import editing
from century.rules.backtest import shown
from century.rules.editing import Checked
from century.rules.graphql.inputs import SaveRuleInput
from century.rules.rule import Rule
from century.rules.subject import Subject
from century.telemetry.graphql.services import span_of

MOST_FIRINGS = 1_000
MOST_SUBJECTS = 50


@strawberry.type(description="A time in which a subject would have been wrong; `peak` is its worst value.")
class Firing:
    subject: str
    pending_at: datetime | None
    opened_at: datetime
    resolved_at: datetime | None
    peak: float


@strawberry.type(description="What the rule would have read of a subject; of many moments the worst is shown.")
class BacktestSubject:
    subject: str
    at: Instants
    values: Numbers


@strawberry.type(
    description="What a rule would have done: the newest 1,000 firings, oldest first; `pages` counts all above INFO, and"
    " `pagesAtNight` those between 22:00 and 07:00. `evaluated` is how many verdicts were reached."
)
class Backtest:
    firings: list[Firing]
    pages: int
    pages_at_night: int
    subjects: list[BacktestSubject]
    resolution: timedelta
    evaluated: int


async def tried(info: Info, input: SaveRuleInput, range: TimeRangeInput, time_zone: str) -> Backtest:
    """The backtest of a rule as it would be saved; its name and its runbook do not matter."""
    span = span_of(info, range)
    async with info.context.works.read(info.context.actor) as work:
        checked = await editing.check(work, input.rule(new_id(work.now)))
    rule = _sound(checked)
    history, outcome = await info.context.app.backtests.run(rule, span, _zone(time_zone))
    wrong = {each.subject for each in outcome.firings}
    subjects: list[Subject] = sorted(history.subjects, key=lambda each: (each.text not in wrong, each.text))
    return Backtest(
        firings=[
            Firing(
                subject=each.subject, pending_at=each.pending_at, opened_at=each.opened_at,
                resolved_at=each.resolved_at, peak=each.peak,
            )
            for each in outcome.firings[-MOST_FIRINGS:]
        ],
        pages=outcome.pages,
        pages_at_night=outcome.pages_at_night,
        subjects=[
            BacktestSubject(subject=each.text, at=Instants(at), values=Numbers(values))
            for each in subjects[:MOST_SUBJECTS]
            for at, values in [shown(history.at, history.subjects[each].values, rule.condition)]
        ],
        resolution=history.step,
        evaluated=outcome.evaluated,
    )  # fmt: skip


def _sound(checked: Checked) -> Rule:
    """The rule, if what it looks at can be told; Invalid."""
    fields = {
        each.field: each.message
        for each in reversed(checked.refused)
        if each.field.startswith(("condition", "routes", "criticalRoutes", "service"))
    }
    if fields:
        raise Invalid("; ".join(fields.values()), fields=fields)
    return checked.rule


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Invalid(f"{name!r} is no time zone: write one like Europe/Berlin or UTC", field="timeZone") from None
