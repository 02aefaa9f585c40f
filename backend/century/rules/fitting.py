"""Which groups of a metric a rule watches where there are more than fit, and what it says of those that are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from century.rules.moment import Attributes
from century.rules.verdict import Standing
from century.telemetry.metrics import MOST_GROUPS, Group

RIGHT = "group by fewer attributes, or filter"


@dataclass(frozen=True, slots=True)
class Fitting:
    """The groups that are watched, and those left out, of which `known` were watched before."""

    watched: tuple[Group, ...]
    left_out: tuple[Group, ...]
    known: tuple[Attributes, ...] = ()


def fit(
    groups: Sequence[Group], standings: Mapping[Attributes, Standing], seen: Mapping[int, datetime], since: datetime
) -> Fitting:
    """The groups that fit: those that are wrong, then those watched already, then whoever reported last, then by name.

    What was not heard `since` comes last, unless it is wrong; so the choice stays as it is while all of them report.
    `seen` says of each series when it was heard last.
    """

    def rank(group: Group) -> tuple[int, float, Attributes]:
        standing = standings.get(group.attributes)
        last = max((seen[each] for each in group.series if each in seen), default=since)
        if standing in (Standing.FIRING, Standing.PENDING):
            return 0, 0.0, group.attributes
        if last < since:
            return 3, 0.0, group.attributes
        return (1, 0.0, group.attributes) if standing else (2, -last.timestamp(), group.attributes)

    ordered = sorted(groups, key=rank)
    watched, left = ordered[:MOST_GROUPS], ordered[MOST_GROUPS:]
    return Fitting(tuple(watched), tuple(left), tuple(each.attributes for each in left if each.attributes in standings))


def said(totals: Mapping[str, int]) -> str | None:
    """What a rule's health says of the services that have more groups than fit; `totals` has those of each service."""
    over = sorted(((name, total) for name, total in totals.items() if total > MOST_GROUPS), key=lambda each: -each[1])
    if not over:
        return None
    (name, total), others = over[0], len(over) - 1
    likewise = f" (likewise of {others} other service{'s' if others > 1 else ''})" if others else ""
    return (
        f"{total - MOST_GROUPS} of the {total} groups of {name} are left out{likewise}: "
        f"a rule watches {MOST_GROUPS} of each service; {RIGHT}"
    )
