"""The demonstration's past alerts: what `judge` finds in telemetry, told by the product's own services with a moved clock."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text

from century.alerts.service import alerts_by_id
from century.alerts.tables import AlertRow
from century.core import journal
from century.core.settings import Settings
from century.core.work import Work, Works
from century.demo import crew, telling
from century.demo.answers import EACH_STEP, LONG, Answer, Cause, answer, cause
from century.demo.incidents import Incident, incidents, together
from century.demo.loading import Loaded
from century.demo.replay import Replay, is_told, past_work
from century.demo.traffic import SERVICE
from century.demo.weather import DAY, weather
from century.escalation import defaults as escalation
from century.escalation.directory import load_directory
from century.escalation.policies import saved
from century.notify.kept import list_channels
from century.rules import defaults, kept
from century.rules.condition import Condition, Signal
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.signals import Course
from century.rules.subject import Subject
from century.telemetry.targets import Comparison
from tests.world import START, MovableClock

MINUTE = timedelta(minutes=1)
SITE = Subject(SERVICE, SERVICE)
BEGIN = START - timedelta(days=30)
DATABASE = Cause("The property database is locked by a long query.", "The long query has been ended.")


def rule(**changes: Any) -> Rule:
    condition = Condition(Signal.ERROR_RATE, Comparison.ABOVE, 5.0)
    made = Rule(crew.new_id(START), "errors", enabled=True, severity=Severity.CRITICAL, condition=condition)
    return replace(made, **changes)


def found(*values: float, at: datetime = BEGIN, of: Rule | None = None) -> list[Incident]:
    """The incidents of one value a minute."""
    moments = at.timestamp() + 60.0 * np.arange(1, len(values) + 1)
    return list(incidents(of or rule(), SITE, moments, Course(np.array(values), np.full(len(values), 50))))


HOLDS = Condition(Signal.ERROR_RATE, Comparison.ABOVE, 5.0, hold_for=2 * MINUTE)


@pytest.mark.parametrize(
    ("said", "condition", "values", "expected"),
    [
        ("all is well", None, (1, 2), []),
        ("wrong, and well again, worst in between", None, (1, 6, 9, 7, 1), [(2, 2, 5, 9.0)]),
        ("the first value is the worst", None, (9, 6, 1), [(1, 1, 3, None)]),
        ("still wrong at the end: that is not the past", None, (1, 6, 7), []),
        ("it holds first", HOLDS, (6, 6, 7, 8, 1), [(1, 3, 5, 8.0)]),
        ("what only began to is nothing", HOLDS, (6, 6, 1), []),
        ("two of them", None, (6, 1, 7, 1), [(1, 1, 2, None), (3, 3, 4, None)]),
    ],
)
def test_what_went_wrong_is_what_judge_finds(
    said: str,
    condition: Condition | None,
    values: tuple[float, ...],
    expected: list[tuple[int, int, int, float | None]],
) -> None:
    of = rule(condition=condition) if condition else rule()
    told = [
        (each.begins, each.opened, each.over, each.worst[1].value if each.worst else None)
        for each in found(*values, of=of)
    ]
    assert told == [
        (BEGIN + begins * MINUTE, BEGIN + opened * MINUTE, BEGIN + over * MINUTE, worst)
        for begins, opened, over, worst in expected
    ]


def test_what_overlaps_is_told_together() -> None:
    (first,) = found(6, 6, 6, 1)
    (during,) = found(6, 1, at=BEGIN + MINUTE)
    (soon,) = found(6, 1, at=BEGIN + 10 * MINUTE)
    (later,) = found(6, 1, at=BEGIN + 60 * MINUTE)
    assert list(together([first, during, soon, later])) == [[first, during, soon], [later]]
    assert list(together([])) == []


def answers(length: timedelta, severity: Severity = Severity.CRITICAL, hour: int = 10) -> list[Answer]:
    begin = START.replace(hour=hour)
    return [answer(f"rule {number}", severity, begin, begin + length, 1, DATABASE) for number in range(400)]


def test_most_are_answered_some_late_and_some_not_at_all() -> None:
    day, night = answers(timedelta(minutes=30)), answers(timedelta(minutes=30), hour=3)
    begin = START.replace(hour=10)
    share = sum(each.acknowledged is None for each in day) / len(day)
    assert 0.05 < share < 0.15
    waits = [each.acknowledged - begin for each in day if each.acknowledged]
    assert min(waits) >= MINUTE
    late = [each for each in waits if each > 5 * MINUTE]
    assert 0.05 < len(late) / len(waits) < 0.2
    sleeping = [each.acknowledged - START.replace(hour=3) for each in night if each.acknowledged]
    assert sum(each > 5 * MINUTE for each in sleeping) > 2 * len(late)
    assert answers(timedelta(minutes=30)) == day, "the same whenever it is asked"


def test_nobody_answers_what_is_over() -> None:
    for minutes in (1, 2, 5, 30):
        over = START.replace(hour=10) + minutes * MINUTE
        for each in answers(minutes * MINUTE):
            if each.acknowledged is None:
                assert each == Answer()
                continue
            assert each.acknowledged < over
            assert each.acknowledged + each.steps * EACH_STEP < over
            assert each.ended is None or each.acknowledged < each.ended[0] < over


def test_what_lasts_is_suppressed_when_it_comes_again() -> None:
    over = START + 2 * LONG
    first, second = (answer("search", Severity.INFO, START, over, episode, DATABASE) for episode in (1, 2))
    assert first.acknowledged is not None, "somebody answers"
    assert (first.suppressed, first.ended) == (None, None)
    assert second.suppressed is not None


@pytest.mark.parametrize(
    ("said", "days", "seen"),
    [
        ("a release that broke inquiries", 16.3, "Every third inquiry fails"),
        ("a release that made searching slow", 12.0, "lost its index"),
        ("a locked database", 8.6, "locked by a long query"),
        ("payments that failed", 4.42, "card network does not answer"),
    ],
)
def test_a_cause_is_that_of_the_telemetry(said: str, days: float, seen: str) -> None:
    end = int(START.timestamp())
    # Chance adds its own trouble to some minutes.
    causes = {cause(weather(end - days * DAY + minute * 60, end)).seen for minute in range(-10, 10)}
    assert any(seen in each for each in causes)


async def settle(works: Works, settings: Settings) -> crew.Crew:
    """A new installation, with the demonstration's people."""
    async with works.begin() as work:
        await defaults.plant(work)
        await escalation.plant(work)
    await telling.plant(works, settings, int(START.timestamp()))
    async with works.read() as work:
        mustered = await crew.muster(work)
    assert mustered is not None
    return mustered


async def tell(works: Works, settings: Settings, known: crew.Crew, *group: Incident) -> list[Any]:
    async with past_work(works, min(each.begins for each in group)) as work:
        made = await Replay(work, settings, known, lambda _: DATABASE).run(group)
    async with works.read() as work:
        return list((await alerts_by_id(work, list(made))).values())


async def counted(work: Work, table: str) -> dict[str, int]:
    rows = await work.rows(text(f"SELECT {table}.state, count(*) AS many FROM {table} GROUP BY 1"))
    return {row.state: row.many for row in rows}


async def the_rule(works: Works, name: str = "high_error_rate") -> Rule:
    async with works.read() as work:
        return next(each for each in await kept.rules(work) if each.name == name)


async def test_people_are_planted_once_and_reach_nobody_live(works: Works, settings: Settings) -> None:
    mustered = await settle(works, settings)
    assert await settle(works, settings) == mustered
    assert len(mustered.people) == len(mustered.channels) == 4
    async with works.read() as work:
        default, *others = await saved(work)
        assert default.policy.name == "Default"
        assert [(each.policy.name, each.used_by) for each in others] == [(crew.POLICY, 0)]
        directory = await load_directory(work, settings)
        channels = await list_channels(work)
    assert all(each.name.endswith("(demo)") for each in mustered.people.values())
    assert all("sends nothing" in each.name for each in channels)
    assert all(each.settings["url"].startswith("https://demo.invalid/") for each in channels)
    assert [each for each in directory.ways if each.person is None] == [], "no channel that everything goes to"


async def test_an_incident_is_opened_told_answered_and_over(
    works: Works, settings: Settings, clock: MovableClock
) -> None:
    mustered, broken = await settle(works, settings), await the_rule(works)
    begin = BEGIN + timedelta(days=2)
    group = [
        each
        for hours in range(40)
        for each in found(*(0.01, 0.09, 0.11, *(0.2,) * 20, 0.01), at=begin + hours * timedelta(hours=11), of=broken)
    ]
    told = await tell(works, settings, mustered, *group)
    assert [each.opened_at for each in told] == [each.opened for each in group]
    assert {each.state for each in told} == {"resolved"}
    assert all(each.peak == 0.2 for each in told)
    assert all(each.resolved_at <= one.over for each, one in zip(told, group, strict=True))
    by = {each.acknowledged_by_name for each in told}
    assert {*crew.RESPONDERS, crew.EXPERT, None} == by, "those on call in turn, the senior one, and nobody"
    assert {each.level for each in told} >= {1, 2}
    assert any(each.response_breached_at for each in told)
    assert any(each.resolved_by_name for each in told)
    assert (await the_rule(works)).policy_id is None, "the rule goes on telling whom it told"
    async with works.read() as work:
        attempts = await work.rows(text("SELECT outcome, detail FROM attempt"))
        assert await counted(work, "notification") == await counted(work, "delivery") | {
            "delivered": len(await work.rows(text("SELECT id FROM notification")))
        }
        assert all("nothing was sent: this message belongs to the demonstration" in each.detail for each in attempts)
        assert Counter(each.outcome for each in attempts)["temporary"] > 0, "a few stumble, and go again"
        assert (await journal.verify(work.connection)).ok
        kinds = {row.kind for row in await work.rows(text("SELECT DISTINCT kind FROM journal"))}
        left = await work.rows(
            select(AlertRow.id).where(AlertRow.due_at.is_not(None) | AlertRow.attention_at.is_not(None))
        )
    assert kinds >= {
        "alert.opened", "alert.escalated", "alert.acknowledged", "alert.resolved", "alert.step_ticked",
        "alert.response_breached", "notification.delivered", "notification.failed",
    }  # fmt: skip
    assert not left, "no worker finds anything to do"


async def test_what_maintenance_held_is_told_when_it_is_over(works: Works, settings: Settings) -> None:
    mustered, broken = await settle(works, settings), await the_rule(works)
    rebuilt = START - telling.REBUILT
    (during,) = found(*(0.2,) * 50, 0.01, at=rebuilt + 5 * MINUTE, of=broken)
    [alert] = await tell(works, settings, mustered, during)
    async with works.read() as work:
        entries = await work.rows(
            text("SELECT at, kind FROM journal WHERE subject_id = :id ORDER BY number"), {"id": alert.id}
        )
    kinds = [each.kind for each in entries]
    assert kinds[:3] == ["alert.opened", "alert.held", "alert.escalated"]
    assert entries[2].at == rebuilt + 30 * MINUTE


async def test_what_is_told_is_not_told_again(works: Works, settings: Settings) -> None:
    mustered, broken = await settle(works, settings), await the_rule(works)
    (once,) = found(0.2, 0.2, 0.01, of=broken)
    (again,) = found(0.2, 0.2, 0.01, at=BEGIN + timedelta(hours=1), of=broken)
    await tell(works, settings, mustered, once)
    async with works.read() as work:
        assert await is_told(work, once)
        assert not await is_told(work, again)


async def test_without_telemetry_there_is_a_crew_and_nothing_to_tell(
    works: Works, settings: Settings, tmp_path: Path
) -> None:
    await settle(works, settings)
    loaded = Loaded(int(START.timestamp()), 0.3)
    await telling.tell_past(works, settings, loaded, tmp_path / "loaded.json")
    assert json.loads((tmp_path / "loaded.json").read_text())["told"] == loaded.end
    async with works.read() as work:
        assert await work.rows(select(AlertRow.id)) == []
    # Once is enough: there need not even be an installation.
    await telling.tell(tmp_path / "nowhere", tmp_path / "loaded.json")


async def test_who_takes_the_crew_apart_keeps_a_demo(works: Works, settings: Settings) -> None:
    mustered = await settle(works, settings)
    async with works.begin() as work:
        await work.execute(text("DELETE FROM escalation_policy WHERE id = :id"), {"id": mustered.policy})
    async with works.read() as work:
        assert await crew.muster(work) is None
