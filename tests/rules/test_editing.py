"""Rules are saved in versions, compared with the one that was read, and told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from century.core.errors import Conflict, Invalid, NotFound
from century.core.ids import new_id
from century.core.journal import JournalRow
from century.core.work import Work, Works
from century.rules import defaults, editing, kept, objectives
from century.rules.condition import Condition, Signal
from century.rules.objective import ObjectiveKind
from century.rules.rule import Rule
from century.rules.severity import Severity
from century.rules.versions import changes
from century.telemetry.targets import Comparison
from tests.telemetry.feed import Feed
from tests.world import START, MovableClock

ERRORS = Condition(Signal.ERROR_RATE, Comparison.ABOVE, 0.05, min_samples=20)


def draft(name: str = "errors", **fields: object) -> Rule:
    made = Rule(new_id(START), name, enabled=True, severity=Severity.CRITICAL, condition=ERRORS)
    return replace(made, **fields)  # type: ignore[arg-type]


async def saved(works: Works, rule: Rule, *, read: int | None = None, new: bool = True) -> Rule:
    async with works.begin() as work:
        return (await editing.save_rule(work, rule, read=read, new=new)).rule


async def told(work: Work) -> list[str]:
    return [row.kind for row in await work.rows(select(JournalRow.__table__).order_by(JournalRow.number))]


async def test_a_rule_is_made_changed_and_kept_in_versions(works: Works, clock: MovableClock) -> None:
    first = await saved(works, draft())
    clock.advance(minutes=5)
    second = await saved(
        works, replace(first, condition=replace(ERRORS, threshold=0.1), severity=Severity.WARNING), read=1, new=False
    )
    assert (first.version, second.version) == (1, 2)
    async with works.read() as work:
        [found] = await kept.saved(work)
        assert found.rule == second
        assert (found.created_at, found.updated_at) == (START, clock.now())
        [newest, oldest] = (await kept.versions(work, [first.id]))[first.id]
        assert (oldest.rule, newest.rule) == (first, second)
        assert [(each.field, each.before, each.after) for each in changes(oldest.rule, newest.rule)] == [
            ("severity", "critical", "warning"),
            ("condition.threshold", "0.05", "0.1"),
        ]
        row = (await work.rows(select(JournalRow.__table__).order_by(JournalRow.number)))[1]
        assert (row.kind, row.subject_id, row.subject) == ("rule.changed", first.id, "errors")
        assert row.details["message"] == "errors: severity critical → warning, condition.threshold 0.05 → 0.1"
        assert row.details["changes"][0] == {"field": "severity", "before": "critical", "after": "warning"}
        assert await told(work) == ["rule.created", "rule.changed"]


async def test_a_save_that_changes_nothing_makes_no_version(works: Works) -> None:
    first = await saved(works, draft())
    assert await saved(works, first, new=False) == first
    async with works.read() as work:
        assert await told(work) == ["rule.created"]


async def test_of_two_who_read_the_same_version_the_second_is_told(works: Works) -> None:
    first = await saved(works, draft())
    await saved(works, replace(first, runbook="1. Look"), read=1, new=False)
    with pytest.raises(Conflict, match="version 2, yours is 1"):
        await saved(works, replace(first, runbook="1. Look again"), read=1, new=False)


async def test_more_groups_than_are_watched_are_warned_of(works: Works, clock: MovableClock) -> None:
    feed = await Feed.new(works, "shop")
    for number in range(102):
        await feed.series(
            "queue.depth", form="number", kind="gauge", queue=str(number), region="eu" if number else "us"
        )
    condition = Condition(Signal.METRIC, Comparison.ABOVE, 1.0, metric="queue.depth", group_by=("queue",))
    cases = [
        (condition, ["2 of the 102 groups of shop"]),
        (replace(condition, group_by=("region",)), []),
        (replace(condition, group_by=("region", "nothing", "queue")), ["2 of the 102 groups of shop"]),
        (replace(condition, filter=(("region", frozenset({"eu"})),)), ["1 of the 101 groups of shop"]),
        (replace(condition, filter=(("queue", frozenset({"1", "2"})),)), []),
    ]

    async def warned() -> list[list[str]]:
        async with works.read() as work:
            found = [await editing.check(work, draft(condition=asked, service=None)) for asked, _ in cases]
        return [
            [each.message.split(" are ")[0] for each in checked.warnings if each.field == "condition.groupBy"]
            for checked in found
        ]

    assert await warned() == [said for _, said in cases]
    clock.advance(days=2)
    assert await warned() == [[]] * len(cases), "they are gone"


async def test_a_name_stands_once(works: Works) -> None:
    first = await saved(works, draft())
    with pytest.raises(Invalid, match="another rule is named 'errors'"):
        await saved(works, draft())
    other = await saved(works, draft("others"))
    with pytest.raises(Invalid):
        await saved(works, replace(other, name=first.name), new=False)


async def test_everything_that_is_wrong_is_said_at_once(works: Works) -> None:
    with pytest.raises(Invalid) as refused:
        await saved(works, draft(condition=replace(ERRORS, threshold=5.0, recovery=9.0), runbook_url="wiki"))
    assert set(refused.value.fields) == {"condition.threshold", "condition.recovery", "runbookUrl"}
    async with works.read() as work:
        assert await kept.rules(work) == []
        assert await told(work) == []


async def test_an_earlier_version_comes_back_as_a_new_one(works: Works) -> None:
    first = await saved(works, draft(runbook="1. Look"))
    await saved(works, replace(first, runbook="", service="shop"), new=False)
    async with works.begin() as work:
        third = (await editing.restore_rule(work, first.id, 1)).rule
    assert third == replace(first, version=3)
    async with works.begin() as work:
        with pytest.raises(NotFound, match="no version 9"):
            await editing.restore_rule(work, first.id, 9)


async def test_a_rule_is_switched_off_and_on(works: Works) -> None:
    first = await saved(works, draft())
    async with works.begin() as work:
        off = await editing.set_enabled(work, first.id, enabled=False)
    async with works.begin() as work:
        assert await editing.set_enabled(work, first.id, enabled=False) == off
    async with works.begin() as work:
        on = await editing.set_enabled(work, first.id, enabled=True)
    assert (off.enabled, off.version, on.enabled, on.version) == (False, 2, True, 3)
    async with works.read() as work:
        assert await told(work) == ["rule.created", "rule.disabled", "rule.enabled"]


async def test_what_depended_on_a_deleted_rule_depends_on_it_no_longer(works: Works) -> None:
    cause = await saved(works, draft("cause"))
    effect = await saved(works, draft("effect", depends_on=(cause.id,)))
    with pytest.raises(Invalid, match="circle"):
        await saved(works, replace(cause, depends_on=(effect.id,)), new=False)
    async with works.begin() as work:
        await editing.delete_rule(work, cause.id)
    async with works.read() as work:
        assert await kept.rules(work) == [replace(effect, depends_on=(), version=2)]
        assert await told(work) == ["rule.created", "rule.created", "rule.changed", "rule.deleted"]
    async with works.begin() as work:
        with pytest.raises(NotFound):
            await editing.delete_rule(work, cause.id)


async def test_critical_routes_are_set_as_a_whole(works: Works) -> None:
    async with works.begin() as work:
        assert await editing.set_critical_routes(work, "shop", ["/pay*", " /cart", "/cart"]) == ("/cart", "/pay*")
        await editing.set_critical_routes(work, "search", ["/"])
    async with works.begin() as work:
        await editing.set_critical_routes(work, "shop", ["POST /pay"])
        with pytest.raises(Invalid, match="must begin with /"):
            await editing.set_critical_routes(work, "shop", ["pay"])
    async with works.begin() as work:
        assert await kept.critical_routes(work) == {"search": ("/",), "shop": ("POST /pay",)}
        assert await editing.set_critical_routes(work, "search", []) == ()


async def test_the_default_rules_are_planted_once(works: Works) -> None:
    await saved(works, draft("high_error_rate"))
    for _ in range(2):
        async with works.begin() as work:
            await defaults.plant(work)
    async with works.read() as work:
        found = await kept.rules(work)
    assert {each.name for each in found} == {each[0] for each in defaults.DEFAULTS}
    assert len(found) == len(defaults.DEFAULTS) == 17
    async with works.begin() as work:
        await editing.delete_rule(work, found[0].id)
        await defaults.plant(work)
        assert len(await kept.rules(work)) == 16


async def test_an_older_installation_is_brought_up_to_date_once(works: Works) -> None:
    for name, condition in defaults.CHANGED.items():
        await saved(works, replace(draft(name), condition=condition))
    mine = await saved(works, replace(draft("mine"), condition=defaults.CHANGED["redis_unhealthy"]))
    for _ in range(2):
        async with works.begin() as work:
            await defaults.plant_more(work)
    async with works.read() as work:
        found = {each.name: each for each in await kept.rules(work)}
    assert set(found) == {"mine", *defaults.CHANGED, *defaults.ADDED}
    assert (found["redis_unhealthy"].condition, found["redis_unhealthy"].version) == (defaults.UNHEALTHY, 2)
    assert found["system_unavailable"].condition == defaults.UNAVAILABLE
    assert found["mine"].condition == mine.condition, "a rule of theirs is theirs"


async def test_what_somebody_changed_is_left_as_it_is(works: Works) -> None:
    before = replace(draft("redis_unhealthy"), condition=defaults.CHANGED["redis_unhealthy"])
    kept_rule = await saved(works, before)
    async with works.begin() as work:
        await editing.save_rule(work, replace(kept_rule, reopen_after=timedelta(hours=1)), new=False)
    async with works.begin() as work:
        await defaults.plant_more(work)
        found = {each.name: each for each in await kept.rules(work)}
    assert (found["redis_unhealthy"].condition, found["redis_unhealthy"].version) == (before.condition, 2)


async def test_an_objective_brings_its_two_rules_and_renews_them(works: Works) -> None:
    async with works.begin() as work:
        made = await objectives.save_objective(
            work, None, "shop answers", "shop", ObjectiveKind.AVAILABILITY, None, 0.999, objectives.LONGEST
        )
    fire, leak = made.rules
    assert [(each.name, each.severity.value, each.condition.threshold) for each in made.rules] == [
        ("shop answers: fast burn", "critical", 14.4),
        ("shop answers: slow burn", "warning", 6.0),
    ]
    mine = await saved(works, replace(fire, runbook="1. Call", severity=Severity.INFO), new=False)
    async with works.begin() as work:
        again = await objectives.save_objective(
            work, made.objective.id, "shop answers", "shop", ObjectiveKind.LATENCY, 0.3, 0.99, objectives.LONGEST / 2
        )
    renewed, _ = again.rules
    async with works.read() as work:
        assert (await editing.check(work, replace(renewed, objective_id=None, objective=None))).problems == ()
    assert (renewed.id, renewed.runbook, renewed.severity, renewed.version) == (
        fire.id, "1. Call", Severity.INFO, mine.version + 1,
    )  # fmt: skip
    assert renewed.condition.window == fire.condition.window / 2
    assert renewed.objective == again.objective
    async with works.begin() as work:
        with pytest.raises(Conflict, match="belongs to the objective"):
            await editing.delete_rule(work, leak.id)
    async with works.read() as work:
        assert await objectives.saved(work) == [again]
    async with works.begin() as work:
        await objectives.delete_objective(work, made.objective.id)
        assert await kept.rules(work) == []


OBJECTIVES = [
    ("a whole target", 1.0, 30, ObjectiveKind.AVAILABILITY, None, "target"),
    ("a target in percent", 99.9, 30, ObjectiveKind.AVAILABILITY, None, "target"),
    ("a target that lets most fail", 0.1, 30, ObjectiveKind.AVAILABILITY, None, "target"),
    ("a window of an hour", 0.999, 0.04, ObjectiveKind.AVAILABILITY, None, "window"),
    ("latency without a bound", 0.999, 30, ObjectiveKind.LATENCY, None, "latency"),
    ("latency without an end", 0.999, 30, ObjectiveKind.LATENCY, float("inf"), "latency"),
    ("availability with a bound", 0.999, 30, ObjectiveKind.AVAILABILITY, 0.3, "latency"),
]


@pytest.mark.parametrize(
    ("told", "target", "days", "kind", "latency", "field"), OBJECTIVES, ids=[row[0] for row in OBJECTIVES]
)
async def test_an_objective_is_refused(
    works: Works, told: str, target: float, days: float, kind: ObjectiveKind, latency: float | None, field: str
) -> None:
    async with works.begin() as work:
        with pytest.raises(Invalid) as refused:
            await objectives.save_objective(
                work, None, "shop", "shop", kind, latency, target, objectives.SHORTEST * days
            )
    assert set(refused.value.fields) == {field}
