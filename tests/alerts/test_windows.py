"""Maintenance windows on PostgreSQL and over the API: planned, changed, ended, and what they release."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from century.alerts import kept, service, sweeps, windows
from century.alerts.paging import HoldKind
from century.alerts.plan import Planned
from century.alerts.window import Matcher, MatcherField, MatcherOperator
from century.core.errors import Conflict
from century.rules.verdict import Standing
from tests.access.conftest import Site, house, site
from tests.alerts.conftest import ADA, Desk
from tests.alerts.examples import a_rule
from tests.world import START

__all__ = ["house", "site"]

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CHECKOUT = (Matcher(MatcherField.SERVICE, MatcherOperator.IS, "checkout"),)
PLANNED = Planned(CHECKOUT, START - HOUR, START + HOUR, "new disks")
FIELDS = """{ id reason active recurrence timeZone startsAt endsAt endedAt affects createdBy { name }
  matchers { field operator value key } next { startsAt } occurrences(first: 2) { startsAt endsAt } }"""
CREATE = f"mutation($window: MaintenanceWindowInput!) {{ createMaintenanceWindow(input: $window) {{ maintenanceWindow {FIELDS} }} }}"
UPDATE = f"mutation($window: MaintenanceWindowInput!) {{ updateMaintenanceWindow(input: $window) {{ maintenanceWindow {FIELDS} }} }}"
END = f"mutation($id: ID!) {{ endMaintenanceWindow(input: {{ id: $id }}) {{ maintenanceWindow {FIELDS} }} }}"
LIST = f"query($past: Boolean! = false) {{ maintenanceWindows(past: $past) {FIELDS} }}"


async def plan(desk: Desk, planned: Planned = PLANNED) -> windows.MaintenanceWindow:
    async with desk.works.begin(ADA) as work:
        return await windows.plan(work, planned)


async def sweep(desk: Desk) -> int:
    async with desk.works.begin() as work:
        return await windows.release_ended(work)


async def held(desk: Desk) -> dict[str, HoldKind]:
    alerts = await desk.alerts()
    async with desk.works.read() as work:
        found = await kept.holds(work, alerts)
    return {each.subject: found[each.id].kind for each in alerts if each.id in found}


async def test_what_is_still_wrong_after_a_window_is_released_once(desk: Desk) -> None:
    await plan(desk)
    await desk.find(a_rule(), Standing.FIRING)
    await desk.find(a_rule(), Standing.FIRING, service="billing")
    assert await held(desk) == {"checkout": HoldKind.MAINTENANCE}
    assert await sweep(desk) == 0
    desk.clock.advance(hours=1)
    assert [await sweep(desk), await sweep(desk)] == [1, 0]
    by_subject = {each.subject: each for each in await desk.alerts()}
    now = desk.clock.now()
    assert by_subject["checkout"].due_at == now
    assert by_subject["checkout"].response_due_at == now + 5 * MINUTE
    assert by_subject["billing"].due_at == START
    assert [kind for kind, _ in await desk.timeline(by_subject["checkout"])] == ["alert.opened", "alert.released"]
    assert await held(desk) == {}


async def test_each_occurrence_releases_what_it_held(desk: Desk) -> None:
    await plan(desk, replace(PLANNED, recurrence="FREQ=DAILY"))
    await desk.find(a_rule(), Standing.FIRING)
    for _ in range(3):
        desk.clock.advance(hours=1)
        assert [await sweep(desk), await sweep(desk)] == [1, 0]
        desk.clock.advance(hours=23)
        assert await held(desk) == {"checkout": HoldKind.MAINTENANCE}
    assert (await desk.told()).count("alert.released") == 3


async def test_what_is_resolved_in_a_window_is_resolved(desk: Desk) -> None:
    await plan(desk)
    await desk.find(a_rule(), Standing.FIRING)
    await desk.find(a_rule(), Standing.OK)
    desk.clock.advance(hours=1)
    await sweep(desk)
    assert await desk.told() == ["alert.opened", "alert.resolved"]


async def test_a_window_that_somebody_ends_releases_at_once_but_for_what_else_holds(desk: Desk) -> None:
    first = await plan(desk)
    await plan(desk, replace(PLANNED, matchers=(), reason="everything", starts_at=START, ends_at=START + 2 * HOUR))
    (fired,) = await desk.find(a_rule(), Standing.FIRING)
    async with desk.works.begin(ADA) as work:
        await windows.end(work, first.window.id)
    assert await desk.told() == ["alert.opened"]
    async with desk.works.begin(ADA) as work:
        await service.suppress(work, fired.id, HOUR, "known")
        (other,) = await windows.listed(work, past=False)
        await windows.end(work, other.window.id)
    assert await desk.told() == ["alert.opened", "alert.suppressed"]
    with pytest.raises(Conflict):
        async with desk.works.begin(ADA) as work:
            await windows.end(work, other.window.id)


async def test_a_window_that_is_changed_lets_go_of_what_it_no_longer_covers(desk: Desk) -> None:
    made = await plan(desk)
    await desk.find(a_rule(), Standing.FIRING)
    elsewhere = (Matcher(MatcherField.SERVICE, MatcherOperator.IS, "billing"),)
    async with desk.works.begin(ADA) as work:
        await windows.change(work, made.window.id, replace(PLANNED, matchers=elsewhere))
    assert await desk.told() == ["alert.opened", "alert.released"]
    assert await held(desk) == {}


async def test_a_window_that_is_made_longer_lets_go_of_nothing(desk: Desk) -> None:
    made = await plan(desk)
    await desk.find(a_rule(), Standing.FIRING)
    async with desk.works.begin() as work:
        await windows.change(work, made.window.id, replace(PLANNED, ends_at=PLANNED.ends_at + timedelta(hours=1)))
    assert await desk.told() == ["alert.opened"]
    assert await held(desk) == {"checkout": HoldKind.MAINTENANCE}


async def test_windows_over_the_api(site: Site) -> None:
    desk = Desk(site.house.world)
    await desk.find(a_rule(), Standing.FIRING)
    operator = await site.house.bearer("operator")
    window: dict[str, Any] = {
        "matchers": [{"field": "SERVICE", "operator": "MATCHES", "value": "check.*"}],
        "startsAt": "2026-11-02T08:00:00Z", "endsAt": "2026-11-02T10:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=MO",
        "timeZone": "Europe/Vienna", "reason": "new disks",
    }  # fmt: skip
    assert await site.code(await site.house.bearer("viewer"), CREATE, window=window) == "FORBIDDEN"
    made = (await site.data(operator, CREATE, window=window))["createMaintenanceWindow"]["maintenanceWindow"]
    assert (made["active"], made["affects"], made["createdBy"]) == (True, 1, {"name": "operator"})
    assert made["matchers"] == [{"field": "SERVICE", "operator": "MATCHES", "value": "check.*", "key": None}]
    assert made["next"] == {"startsAt": "2026-11-09T08:00:00Z"}
    assert [each["startsAt"] for each in made["occurrences"]] == ["2026-11-02T08:00:00Z", "2026-11-09T08:00:00Z"]
    answer = await site.ask(operator, CREATE, window=window | {"reason": "", "endsAt": "2026-11-02T07:00:00Z"})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INVALID"
    assert {each["field"] for each in error["extensions"]["fields"]} == {"reason", "endsAt"}
    changed = await site.data(operator, UPDATE, window=window | {"id": made["id"], "reason": "old disks"})
    assert changed["updateMaintenanceWindow"]["maintenanceWindow"]["reason"] == "old disks"
    assert await site.code(operator, UPDATE, window=window) == "INVALID"
    assert await site.code(operator, UPDATE, window=window | {"id": str(uuid4())}) == "NOT_FOUND"
    assert [each["id"] for each in (await site.data(operator, LIST))["maintenanceWindows"]] == [made["id"]]
    ended = (await site.data(operator, END, id=made["id"]))["endMaintenanceWindow"]["maintenanceWindow"]
    assert (ended["active"], ended["endedAt"]) == (False, "2026-11-02T09:00:00Z")
    assert await site.code(operator, END, id=made["id"]) == "CONFLICT"
    assert (await site.data(operator, LIST))["maintenanceWindows"] == []
    desk.clock.advance(minutes=1)
    assert len((await site.data(operator, LIST, past=True))["maintenanceWindows"]) == 1


async def test_nobody_is_late_while_a_window_holds(desk: Desk) -> None:
    await plan(desk)
    await desk.find(a_rule(), Standing.FIRING)
    looks = 0
    for minutes in (5, 20, 35):
        desk.clock.advance(minutes=minutes)
        async with desk.works.begin() as work:
            looks += await sweeps.attend_due(work)
        async with desk.works.begin() as work:
            await windows.release_ended(work)
    assert await desk.told() == ["alert.opened", "alert.released"]
    assert looks == 1, "when it would have been late"
    desk.clock.advance(minutes=5)
    async with desk.works.begin() as work:
        await sweeps.attend_due(work)
    assert (await desk.told())[-1] == "alert.response_breached"
