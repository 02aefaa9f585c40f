"""What holds an alert, a sentence a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from century.alerts.alert import Alert, AlertState
from century.alerts.paging import HoldKind, damped_until, held
from century.alerts.window import Matcher, MatcherField, MatcherOperator, Window
from tests.alerts.examples import a_rule, an_alert
from tests.world import START

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
WINDOW = Window(UUID(int=5), (), START - HOUR, START + HOUR, "new disks")
LATER = Window(UUID(int=6), (), START + HOUR, START + 2 * HOUR, "later")
LONGER = Window(UUID(int=7), (), START - HOUR, START + 3 * HOUR, "a new network")
ELSEWHERE = Window(
    UUID(int=8), (Matcher(MatcherField.SERVICE, MatcherOperator.IS, "billing"),), START - HOUR, START + HOUR, "billing"
)
PARENT = an_alert(id=UUID(int=50), rule=a_rule(2, "database_down"), summary="the database does not answer")
SUPPRESSED = an_alert(suppressed_until=START + HOUR, suppressed_by_name="ada", suppression_reason="known")
DAMPED = an_alert(damped_until=START + MINUTE)


@dataclass(frozen=True)
class Case:
    told: str
    alert: Alert
    windows: tuple[Window, ...] = ()
    parent: Alert | None = None
    kind: HoldKind | None = None
    until: object = None
    reason: str = ""


CASES = [
    Case("nothing holds what nobody held", an_alert()),
    Case("a suppression holds until it ends", SUPPRESSED, kind=HoldKind.SUPPRESSED, until=START + HOUR,
         reason="suppressed by ada: known"),
    Case("a suppression that ended holds nothing", an_alert(suppressed_until=START)),
    Case("a window holds until it ends", an_alert(), (WINDOW,), kind=HoldKind.MAINTENANCE, until=START + HOUR,
         reason="maintenance: new disks"),
    Case("a window that has not begun holds nothing", an_alert(), (LATER,)),
    Case("a window for another service holds nothing", an_alert(), (ELSEWHERE,)),
    Case("of two windows the longer one counts", an_alert(), (WINDOW, LONGER), kind=HoldKind.MAINTENANCE,
         until=START + 3 * HOUR, reason="maintenance: a new network"),
    Case("an open parent holds until somebody says so", an_alert(), parent=PARENT, kind=HoldKind.DEPENDENCY,
         reason="database_down is open: the database does not answer"),
    Case("what flaps is held for a while", DAMPED, kind=HoldKind.FLAPPING, until=START + MINUTE,
         reason="it opened several times within the last hour"),
    Case("what flapped pages when its time is over", an_alert(damped_until=START)),
    Case("what people decided is told before what we found", SUPPRESSED, (WINDOW,), PARENT, HoldKind.SUPPRESSED,
         START + HOUR, "suppressed by ada: known"),
    Case("an acknowledged alert is held as well", an_alert(AlertState.ACKNOWLEDGED), (WINDOW,),
         kind=HoldKind.MAINTENANCE, until=START + HOUR, reason="maintenance: new disks"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.told)
def test_what_holds_an_alert(case: Case) -> None:
    hold = held(case.alert, case.windows, case.parent, START)
    found = (hold.kind, hold.until, hold.reason) if hold else (None, None, "")
    assert found == (case.kind, case.until, case.reason)


@pytest.mark.parametrize(
    ("openings", "minutes"),
    [(1, 0), (2, 0), (3, 0), (4, 1), (5, 2), (6, 4), (7, 8), (8, 16), (9, 30), (10, 30), (999, 30)],
)
def test_what_opens_often_pages_later_and_later(openings: int, minutes: int) -> None:
    assert damped_until(openings, START) == (START + minutes * MINUTE if minutes else None)
