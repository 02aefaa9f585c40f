"""What the ladder wants told: stored once, put off by quiet hours, and told what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import orjson
import pytest
from sqlalchemy import insert, select, update

from century.core.ids import new_id
from century.core.work import Works
from century.notify.event import Event
from century.notify.quiet import QuietHours, Weekday
from century.notify.service import Wanted, channels_of_people, list_channels, notify, shared_channels, states
from century.notify.tables import AttemptRow, ChannelRow, DeliveryRow, NotificationRow
from century.rules.severity import Severity
from tests.notify.conftest import Stored
from tests.world import START, World


def wanted(alert: UUID, channel: UUID, severity: Severity = Severity.CRITICAL) -> Wanted:
    return Wanted(alert, 1, Event.FIRING, 0, None, channel, None, severity, START)


async def test_what_is_wanted_twice_is_stored_once(works: Works, stored: Stored) -> None:
    alert, channel = await stored.alert(), await stored.channel()
    async with works.begin() as work:
        assert await notify(work, [wanted(alert, channel), wanted(alert, channel)]) == 1
    async with works.begin() as work:
        assert await notify(work, [wanted(alert, channel)]) == 0
        assert await notify(work, [replace(wanted(alert, channel), level=1)]) == 1


async def test_the_channels_with_something_new_are_announced(world: World, stored: Stored) -> None:
    alert, channel = await stored.alert(), await stored.channel()
    async with world.bus.subscribe("notify.due") as heard:
        async with world.works.begin() as work:
            await notify(work, [wanted(alert, channel)])
        assert orjson.loads((await anext(heard)).data) == {"channels": [str(channel)]}


async def test_a_channel_that_is_gone_is_passed_over(works: Works, stored: Stored) -> None:
    alert = await stored.alert()
    async with works.begin() as work:
        assert await notify(work, [wanted(alert, UUID(int=5))]) == 0


async def test_a_channel_that_is_off_or_stopped_fails_at_once_and_says_why(works: Works, stored: Stored) -> None:
    alert = await stored.alert()
    off = await stored.channel("off", enabled=False)
    stopped = await stored.channel("stopped", stopped_at=START, stopped_reason="550 no such user")
    async with works.begin() as work:
        await notify(work, [wanted(alert, off), wanted(alert, stopped)])
        told = {each.channel: each for each in (await states(work, [alert]))[alert]}
    assert told["off"].failing and told["off"].reason == "the channel 'off' is switched off"
    assert told["stopped"].failing and told["stopped"].reason == "the channel 'stopped' is stopped: 550 no such user"


@pytest.mark.parametrize(
    ("severity", "hours"),
    [
        pytest.param(Severity.CRITICAL, 0, id="critical goes at once"),
        pytest.param(Severity.WARNING, 8, id="a warning waits for the end of the quiet hours"),
        pytest.param(Severity.INFO, 8, id="and so does info"),
    ],
)
async def test_quiet_hours_put_off_what_is_below_critical(
    works: Works, stored: Stored, severity: Severity, hours: int
) -> None:
    quiet = {"from": "08:00", "to": "17:00", "time_zone": "UTC", "days": ["monday"]}
    alert, channel = await stored.alert(), await stored.channel(quiet_hours=quiet)
    async with works.begin() as work:
        await notify(work, [wanted(alert, channel, severity)])
        row = (await work.rows(select(NotificationRow.due_at)))[0]
    assert row.due_at == START + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("outcomes", "state", "failing"),
    [
        pytest.param(["sending"], "sending", False, id="the first try is under way"),
        pytest.param(["temporary"], "waiting", False, id="one failure may be chance"),
        pytest.param(["temporary", "unknown"], "waiting", True, id="two in a row are not"),
        pytest.param(["temporary", "temporary", "sending"], "sending", True, id="while a third is under way neither"),
        pytest.param(["temporary", "temporary", "delivered"], "delivered", False, id="delivered in the end"),
        pytest.param(["refused"], "failed", True, id="refused for good"),
        pytest.param([], "dropped", False, id="dropped because it was acknowledged"),
        pytest.param([], "set_aside", True, id="set aside"),
    ],
)
async def test_states_tell_what_is_not_to_be_counted_on(
    works: Works, stored: Stored, outcomes: list[str], state: str, failing: bool
) -> None:
    alert, channel = await stored.alert(), await stored.channel()
    async with works.begin() as work:
        await notify(work, [wanted(alert, channel)])
        delivery = new_id(work.now)
        await work.execute(
            insert(DeliveryRow).values(
                id=delivery,
                key="k",
                channel_id=channel,
                event="firing",
                level=0,
                state=state,
                due_at=START,
                first_due_at=START,
                claims=0,
                fence=1,
                created_at=START,
            )
        )
        for number, outcome in enumerate(outcomes, 1):
            await work.execute(
                insert(AttemptRow).values(delivery_id=delivery, number=number, at=START, outcome=outcome, detail="")
            )
        await work.execute(update(NotificationRow).values(state=state, delivery_id=delivery))
        told = (await states(work, [alert]))[alert][0]
    assert (told.state, told.failing) == (state, failing)


async def test_what_waits_behind_an_open_circuit_fails_with_it(works: Works, stored: Stored) -> None:
    alert = await stored.alert()
    channel = await stored.channel(failures=3, open_until=START + timedelta(seconds=15))
    async with works.begin() as work:
        await notify(work, [wanted(alert, channel)])
        assert (await states(work, [alert]))[alert][0].failing


async def test_shared_channels_are_those_of_nobody_that_take_the_severity(works: Works, stored: Stored) -> None:
    person = await stored.person()
    await stored.channel("everything")
    await stored.channel("critical only", severities=["critical"])
    await stored.channel("of Ada", person_id=person)
    async with works.read() as work:
        assert [each.name for each in await shared_channels(work, Severity.CRITICAL)] == ["critical only", "everything"]
        assert [each.name for each in await shared_channels(work, Severity.INFO)] == ["everything"]


async def test_a_person_without_a_channel_is_reached_by_the_mail_of_their_account(works: Works, stored: Stored) -> None:
    ada, ben, eve = (
        await stored.person("Ada"),
        await stored.person("Ben"),
        await stored.person("Eve", disabled_at=START),
    )
    own = await stored.channel("Ada's phone", person_id=ada)
    await stored.channel("E-mail of Ben")
    async with works.read() as work:
        found = await channels_of_people(work, [ada, ben, eve], mail=True, make=False)
        assert not found[ben][0].stored and len(await list_channels(work)) == 2
        assert (await channels_of_people(work, [ben], mail=False))[ben] == []
    async with works.begin() as work:
        found = await channels_of_people(work, [ada, ben, eve], mail=True)
    assert [each.id for each in found[ada]] == [own]
    assert eve not in found
    assert found[ben][0].stored and found[ben][0].name.startswith("E-mail of Ben (")
    async with works.begin() as work:
        again = await channels_of_people(work, [ben], mail=True)
        assert again[ben] == found[ben]
        assert len(await work.rows(select(ChannelRow.id))) == 3


@pytest.mark.parametrize(
    ("day", "clock", "ends"),
    [
        pytest.param(2, "21:59", None, id="before they begin"),
        pytest.param(2, "22:00", (3, "07:00"), id="from their first minute"),
        pytest.param(3, "06:59", (3, "07:00"), id="past midnight"),
        pytest.param(3, "07:00", None, id="until their end"),
        pytest.param(3, "22:30", None, id="not on a day on which they do not begin"),
    ],
)
def test_quiet_hours(day: int, clock: str, ends: tuple[int, str] | None) -> None:
    def at(day: int, clock: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-{day:02}T{clock}:00+00:00")

    quiet = QuietHours(time(22), time(7), "UTC", frozenset({Weekday.MONDAY}))
    assert quiet.until(at(day, clock)) == (at(*ends) if ends else None)
    assert QuietHours.from_json(quiet.to_json()) == quiet
    berlin = QuietHours(time(22), time(7), "Europe/Berlin")
    # The night on which clocks go back lasts an hour longer.
    assert berlin.until(datetime(2026, 10, 24, 20, tzinfo=UTC)) == datetime(2026, 10, 25, 6, tzinfo=UTC)
