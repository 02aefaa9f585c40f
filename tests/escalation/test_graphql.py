"""Policies and schedules as the schema gives them, over the running server; the calendar at its secret address."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from icalendar import Calendar
from sqlalchemy import text

from century.core.errors import NotFound
from century.core.settings import Settings
from century.escalation.defaults import plant
from century.escalation.http import calendar_url, number_of
from tests.access.conftest import House, Site, house, site
from tests.escalation.conftest import Tower

__all__ = ["house", "site"]

POLICIES = "{ escalationPolicies { id name isDefault usedBy levels { number name delay targets { kind id name } \
onlySeverities } problems { field message } } }"
SAVE_POLICY = "mutation($input: SaveEscalationPolicyInput!) { saveEscalationPolicy(input: $input) { policy { id name \
isDefault levels { number delay targets { kind name } } } warnings { field message } } }"
DELETE_POLICY = "mutation($id: ID!) { deleteEscalationPolicy(input: {id: $id}) { id } }"
SCHEDULES = "query($range: TimeRange!) { schedules { id name timeZone usedBy calendarUrl now { name } \
problems { field message } gaps { startsAt endsAt } shifts(range: $range) { person { name } startsAt endsAt override } \
overrides { id kind person { name } replaces { name } createdBy { name } } \
rotations { id name kind length handOffAt handOffDay startsOn days from to participants { id name } } } }"
SAVE_SCHEDULE = "mutation($input: SaveScheduleInput!) { saveSchedule(input: $input) { schedule { id now { name } \
rotations { id name } gaps { startsAt endsAt } } warnings { field message } } }"
DELETE_SCHEDULE = "mutation($id: ID!) { deleteSchedule(input: {id: $id}) { id } }"
ON_CALL = "{ onCall { schedule { name timeZone } now { name } until next { name } } }"
OVERRIDE = "mutation($input: CreateOverrideInput!) { createOverride(input: $input) { override { id kind } \
schedule { now { name } } } }"
DELETE_OVERRIDE = "mutation($id: ID!) { deleteOverride(input: {id: $id}) { id } }"
SIMULATE = "query($policy: ID!, $at: DateTime!) { simulateEscalation(policyId: $policy, severity: CRITICAL, at: $at) \
{ steps { at level name target person { name } channels { name kind at problem } problem } } }"
RANGE = {"from": "2026-11-02T09:00:00Z", "to": "2026-11-16T09:00:00Z"}


@pytest.fixture
async def planted(site: Site, house: House) -> Site:
    async with house.world.works.begin() as work:
        await plant(work)
    return site


def rotation(*people: object, **changes: Any) -> dict[str, Any]:
    return {
        "name": "weeks", "kind": "WEEKLY", "handOffDay": "MONDAY", "startsOn": "2026-11-02",
        "participants": [str(each) for each in people], **changes,
    }  # fmt: skip


async def test_the_planted_policy_is_shown(planted: Site) -> None:
    viewer = await planted.house.bearer("viewer")
    (policy,) = (await planted.data(viewer, POLICIES))["escalationPolicies"]
    assert (policy["name"], policy["isDefault"], policy["usedBy"]) == ("Default", True, 0)
    assert [each["delay"] for each in policy["levels"]] == ["PT0S", "PT15M", "PT30M", "PT1H"]
    assert policy["levels"][3]["onlySeverities"] == ["CRITICAL"]
    assert [each["name"] for each in policy["levels"][0]["targets"]] == [
        "every channel of the severity",
        "Initial responder",
    ]
    assert [each["field"] for each in policy["problems"]][:1] == ["levels"], "without mail nobody is reached"
    (rows,) = [(await planted.data(viewer, "{ coverage { field message } people { name } }"))]
    assert {
        "field": "schedule Executives",
        "message": "'Executives' has nobody on it: nobody is on call at any time",
    } in (rows["coverage"])
    assert [each["name"] for each in rows["people"]] == ["admin", "operator", "viewer"]


async def test_an_admin_makes_changes_and_removes_a_policy(planted: Site) -> None:
    admin = await planted.house.bearer("admin")
    levels = [
        {"name": "First", "delay": "PT0S", "targets": [{"kind": "PERSON", "id": str(planted.house.operator.id)}]},
        {"name": "Second", "delay": "PT10M", "targets": [{"kind": "CHANNELS_OF_SEVERITY"}], "onlySeverities": ["INFO"]},
    ]
    made = (await planted.data(admin, SAVE_POLICY, input={"name": "Nights", "levels": levels}))["saveEscalationPolicy"]
    assert made["policy"]["isDefault"] is False
    assert [each["field"] for each in made["warnings"]] == ["levels", "levels.0.targets", "levels.1.targets"]
    policy = {"id": made["policy"]["id"], "name": "Nights", "levels": levels[:1]}
    changed = (await planted.data(admin, SAVE_POLICY, input={**policy, "isDefault": True}))["saveEscalationPolicy"]
    assert changed["policy"]["isDefault"] is True
    every = (await planted.data(admin, POLICIES))["escalationPolicies"]
    assert [(each["name"], each["isDefault"]) for each in every] == [("Nights", True), ("Default", False)]
    assert await planted.code(admin, DELETE_POLICY, id=policy["id"]) == "CONFLICT"
    default = every[1]["id"]
    await planted.data(admin, DELETE_POLICY, id=default)
    assert len((await planted.data(admin, POLICIES))["escalationPolicies"]) == 1
    assert await planted.code(admin, DELETE_POLICY, id=default) == "NOT_FOUND"


async def test_a_policy_that_is_used_is_not_removed_and_says_by_whom(planted: Site) -> None:
    admin = await planted.house.bearer("admin")
    levels = [{"name": "First", "delay": "PT0S", "targets": [{"kind": "CHANNELS_OF_SEVERITY"}]}]
    saved = (await planted.data(admin, SAVE_POLICY, input={"name": "Nights", "levels": levels}))["saveEscalationPolicy"]
    condition = {"signal": "ERROR_RATE", "comparison": "ABOVE", "threshold": 0.05}
    rule = {
        "name": "too_many",
        "severity": "CRITICAL",
        "condition": condition,
        "escalationPolicy": saved["policy"]["id"],
    }
    save = "mutation($input: SaveRuleInput!) { saveRule(input: $input) { rule { id escalationPolicy { name } } } }"
    answer = (await planted.data(admin, save, input=rule))["saveRule"]["rule"]
    assert answer["escalationPolicy"] == {"name": "Nights"}
    (error,) = (await planted.ask(admin, DELETE_POLICY, id=saved["policy"]["id"]))["errors"]
    assert error["message"] == "'Nights' is used by the rule too_many"
    used = {each["name"]: each["usedBy"] for each in (await planted.data(admin, POLICIES))["escalationPolicies"]}
    assert used == {"Default": 0, "Nights": 1}
    missing = {**rule, "name": "another", "escalationPolicy": str(planted.house.admin.id)}
    assert await planted.code(admin, save, input=missing) in ("NOT_FOUND", "INVALID")


@pytest.mark.parametrize(
    ("why", "changes", "field"),
    [
        ("no level", {"levels": []}, "levels"),
        ("no name", {"name": " "}, "name"),
        ("a level without targets", {"levels": [{"name": "a", "delay": "PT0S", "targets": []}]}, "levels.0.targets"),
        ("an id that is none",
         {"levels": [{"name": "a", "delay": "PT0S", "targets": [{"kind": "PERSON", "id": "x"}]}]}, "levels.0.targets.0.id"),
        ("somebody who is not there",
         {"levels": [{"name": "a", "delay": "PT0S",
                      "targets": [{"kind": "SCHEDULE", "id": "0197a000-0000-7000-8000-000000000000"}]}]},
         "levels.0.targets.0.id"),
    ],
)  # fmt: skip
async def test_a_policy_that_is_wrong_is_refused(planted: Site, why: str, changes: dict[str, Any], field: str) -> None:
    admin = await planted.house.bearer("admin")
    sound = {"name": "Ours", "levels": [{"name": "a", "delay": "PT0S", "targets": [{"kind": "CHANNELS_OF_SEVERITY"}]}]}
    (error,) = (await planted.ask(admin, SAVE_POLICY, input={**sound, **changes}))["errors"]
    assert error["extensions"]["code"] == "INVALID", why
    assert field in str(error["extensions"]), (why, error)
    taken = {**sound, "name": "default"}
    assert await planted.code(admin, SAVE_POLICY, input=taken) == "CONFLICT"


async def test_the_last_default_stays_the_default(planted: Site) -> None:
    admin = await planted.house.bearer("admin")
    (policy,) = (await planted.data(admin, POLICIES))["escalationPolicies"]
    levels = [{"name": "a", "delay": "PT0S", "targets": [{"kind": "CHANNELS_OF_SEVERITY"}]}]
    refused = {"id": policy["id"], "name": "Default", "isDefault": False, "levels": levels}
    assert await planted.code(admin, SAVE_POLICY, input=refused) == "INVALID"


async def test_a_schedule_is_made_shown_and_removed(planted: Site) -> None:
    admin, house = await planted.house.bearer("admin"), planted.house
    rotations = [rotation(house.operator.id, house.admin.id)]
    given = {"name": "Web", "timeZone": "Europe/Berlin", "rotations": rotations}
    made = (await planted.data(admin, SAVE_SCHEDULE, input=given))["saveSchedule"]
    assert made["schedule"]["now"] == [{"name": "operator"}]
    assert made["warnings"] == []
    shown = (await planted.data(admin, SCHEDULES, range=RANGE))["schedules"]
    web = next(each for each in shown if each["name"] == "Web")
    assert web["shifts"] == [
        {"person": {"name": "operator"}, "startsAt": "2026-11-02T08:00:00Z", "endsAt": "2026-11-09T08:00:00Z",
         "override": False},
        {"person": {"name": "admin"}, "startsAt": "2026-11-09T08:00:00Z", "endsAt": "2026-11-16T08:00:00Z",
         "override": False},
        {"person": {"name": "operator"}, "startsAt": "2026-11-16T08:00:00Z", "endsAt": "2026-11-23T08:00:00Z",
         "override": False},
    ]  # fmt: skip
    empty = next(each for each in shown if each["name"] == "Senior engineer")
    assert len(empty["gaps"]) == 1, "a schedule without anybody is a gap from end to end"
    assert empty["problems"][0]["message"].startswith("'Senior engineer' has nobody on it")
    assert empty["usedBy"] == ["Default"]
    on_call = {each["schedule"]["name"]: each for each in (await planted.data(admin, ON_CALL))["onCall"]}
    assert on_call["Web"]["until"] == "2026-11-09T08:00:00Z"
    assert on_call["Web"]["next"] == [{"name": "admin"}]
    assert on_call["Executives"]["now"] == []
    (error,) = (await planted.ask(admin, DELETE_SCHEDULE, id=empty["id"]))["errors"]
    assert error["message"] == "'Senior engineer' is used by the policy 'Default': take it out of there first"
    kept = {**given, "id": web["id"], "rotations": [{**rotations[0], "id": web["rotations"][0]["id"], "name": "turns"}]}
    again = (await planted.data(admin, SAVE_SCHEDULE, input=kept))["saveSchedule"]["schedule"]
    assert again["rotations"] == [{"id": web["rotations"][0]["id"], "name": "turns"}], "a rotation keeps its id"
    await planted.data(admin, DELETE_SCHEDULE, id=web["id"])
    assert await planted.code(admin, DELETE_SCHEDULE, id=web["id"]) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("why", "changes", "fields"),
    [
        ("a zone nobody knows", {"timeZone": "Mars/Olympus"}, ["timeZone"]),
        ("nobody takes part", {"rotations": [rotation()]}, ["rotations.0.participants"]),
        ("turns of no length", {"rotations": [rotation("OPERATOR", length=0)]}, ["rotations.0.length"]),
        ("a time that is none", {"rotations": [rotation("OPERATOR", handOffAt="25:00")]}, ["rotations.0.handOffAt"]),
        ("a day that is none", {"rotations": [rotation("OPERATOR", startsOn="2026-02-30")]}, ["rotations.0.startsOn"]),
        ("hours without an end", {"rotations": [rotation("OPERATOR", **{"from": "09:00"})]}, ["rotations.0.to"]),
        ("hours of no length", {"rotations": [rotation("OPERATOR", **{"from": "09:00", "to": "09:00"})]},
         ["rotations.0.to"]),
        ("a day for daily turns", {"rotations": [rotation("OPERATOR", kind="DAILY")]}, ["rotations.0.handOffDay"]),
        ("somebody who is not there", {"rotations": [rotation("0197a000-0000-7000-8000-000000000000")]},
         ["rotations.0.participants"]),
        ("two things at once", {"timeZone": "", "rotations": [rotation("OPERATOR", name="")]},
         ["timeZone", "rotations.0.name"]),
    ],
)  # fmt: skip
async def test_a_schedule_that_is_wrong_is_refused(
    planted: Site, why: str, changes: dict[str, Any], fields: list[str]
) -> None:
    admin = await planted.house.bearer("admin")
    given = {"name": "Web", "timeZone": "UTC", "rotations": [rotation("OPERATOR")], **changes}
    for each in given["rotations"]:
        each["participants"] = [
            str(planted.house.operator.id) if one == "OPERATOR" else one for one in each["participants"]
        ]
    (error,) = (await planted.ask(admin, SAVE_SCHEDULE, input=given))["errors"]
    assert error["extensions"]["code"] == "INVALID", why
    for field in fields:
        assert field in str(error["extensions"]), (why, error)


async def test_an_operator_swaps_a_shift_and_takes_it_back(planted: Site) -> None:
    admin, operator, house = await planted.house.bearer("admin"), await planted.house.bearer("operator"), planted.house
    given = {"name": "Web", "rotations": [rotation(house.operator.id)]}
    schedule = (await planted.data(admin, SAVE_SCHEDULE, input=given))["saveSchedule"]["schedule"]["id"]
    swap = {
        "schedule": schedule, "kind": "REPLACE", "person": str(house.admin.id), "replaces": str(house.operator.id),
        "startsAt": "2026-11-02T08:00:00Z", "endsAt": "2026-11-02T18:00:00Z",
    }  # fmt: skip
    made = (await planted.data(operator, OVERRIDE, input=swap))["createOverride"]
    assert made["schedule"]["now"] == [{"name": "admin"}]
    (error,) = (await planted.ask(operator, OVERRIDE, input=swap))["errors"]
    assert error["extensions"]["code"] == "INVALID"
    assert "another override of" in error["message"]
    past = {**swap, "startsAt": "2026-11-01T08:00:00Z", "endsAt": "2026-11-01T18:00:00Z"}
    assert await planted.code(operator, OVERRIDE, input=past) == "INVALID"
    assert await planted.code(operator, OVERRIDE, input={**swap, "schedule": str(house.admin.id)}) == "NOT_FOUND"
    assert await planted.code(await house.bearer("viewer"), OVERRIDE, input=swap) == "FORBIDDEN"
    shown = (await planted.data(operator, SCHEDULES, range=RANGE))["schedules"]
    (override,) = next(each for each in shown if each["name"] == "Web")["overrides"]
    assert (override["kind"], override["createdBy"]) == ("REPLACE", {"name": "operator"})
    await planted.data(operator, DELETE_OVERRIDE, id=override["id"])
    assert await planted.code(operator, DELETE_OVERRIDE, id=override["id"]) == "NOT_FOUND"
    async with house.world.works.read() as work:
        rows = await work.rows(
            text("SELECT details->>'message' AS said FROM journal WHERE kind LIKE 'schedule.o%' ORDER BY number")
        )
    assert [row.said for row in rows] == [
        "admin is on call in 'Web' in place of operator from 2026-11-02 08:00 to 2026-11-02 18:00 UTC, entered by operator.",
        "An override of 'Web' was taken back by operator.",
    ]


async def test_times_that_nobody_can_speak_of_are_refused(planted: Site) -> None:
    admin, house = await planted.house.bearer("admin"), planted.house
    (policy,) = (await planted.data(admin, POLICIES))["escalationPolicies"]
    given = {"name": "Web", "rotations": [rotation(house.operator.id)]}
    schedule = (await planted.data(admin, SAVE_SCHEDULE, input=given))["saveSchedule"]["schedule"]["id"]
    for moment in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert await planted.code(admin, SIMULATE, policy=policy["id"], at=moment) == "INVALID"
        override = {"schedule": schedule, "kind": "ADD", "person": str(house.admin.id), "startsAt": moment,
                    "endsAt": moment}  # fmt: skip
        assert await planted.code(admin, OVERRIDE, input=override) == "INVALID"
        wide = {"from": moment.replace("-31T", "-30T"), "to": moment.replace("01T00", "02T00")}
        assert "INVALID" in {
            each["extensions"]["code"] for each in (await planted.ask(admin, SCHEDULES, range=wide))["errors"]
        }
    long = {"from": "2026-11-02T09:00:00Z", "to": "2027-11-02T09:00:00Z"}
    answer = await planted.ask(admin, SCHEDULES, range=long)
    assert answer["errors"][0]["message"] == "shifts are shown for 100 days at most"


async def test_a_policy_is_rehearsed(planted: Site) -> None:
    viewer = await planted.house.bearer("viewer")
    (policy,) = (await planted.data(viewer, POLICIES))["escalationPolicies"]
    answer = await planted.data(viewer, SIMULATE, policy=policy["id"], at="2026-11-03T03:00:00Z")
    steps = answer["simulateEscalation"]["steps"]
    assert [each["name"] for each in steps] == [
        "Initial responder", "Initial responder", "Senior engineer", "Engineering manager", "Executives", "Last resort",
    ]  # fmt: skip
    assert steps[1]["person"] == {"name": "admin"}
    assert steps[1]["problem"] == "admin has no way to be reached"


async def test_a_calendar_lies_at_a_secret_address(planted: Site) -> None:
    admin, house = await planted.house.bearer("admin"), planted.house
    given = {"name": "Web", "rotations": [rotation(house.operator.id)]}
    await planted.data(admin, SAVE_SCHEDULE, input=given)
    shown = (await planted.data(admin, SCHEDULES, range=RANGE))["schedules"]
    url = next(each for each in shown if each["name"] == "Web")["calendarUrl"]
    path = url.removeprefix(house.world.settings.public_url)
    assert path != url
    answer = await planted.http.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert len(Calendar.from_ical(answer.content).walk("VEVENT")) > 20
    other = next(each for each in shown if each["name"] == "Executives")["calendarUrl"].rsplit("/", 1)[1]
    for wrong in (path[:-8] + "aaaa.ics", f"{path.rsplit('/', 1)[0]}/{other}", "/monitoring/schedules/x/é.ics"):
        assert (await planted.http.get(wrong)).status_code == 404, wrong
    house.world.advance(minutes=1)
    schedule = next(each for each in shown if each["name"] == "Web")["id"]
    await planted.data(admin, DELETE_SCHEDULE, id=schedule)
    assert (await planted.http.get(path)).status_code == 404


def test_a_calendars_address_of_the_secret_before_holds_while_that_is_named(settings: Settings) -> None:
    changed = replace(settings, secret="the secret of today", previous_secret=settings.secret)
    for number in (0, 3):
        schedule, key = calendar_url(settings, UUID(int=1), number).split("/")[-2:]
        assert number_of(changed, schedule, key) == number
        with pytest.raises(NotFound):
            number_of(replace(changed, previous_secret=""), schedule, key)


PREVIEW = "query($input: PreviewScheduleInput!) { previewSchedule(input: $input) { startsAt endsAt \
shifts { person { name } startsAt endsAt override } gaps { startsAt endsAt } } }"


async def test_the_turns_of_an_unsaved_schedule_are_shown_with_their_gaps(planted: Site) -> None:
    house = planted.house
    viewer, begun = await house.bearer("viewer"), house.world.clock.now()
    days = rotation(house.operator.id, house.admin.id, kind="WEEKLY", startsOn=f"{begun:%Y-%m-%d}", **{"from": "08:00"})
    asked = {"rotations": [{**days, "to": "20:00", "handOffDay": f"{begun:%A}".upper()}]}
    found = (await planted.data(viewer, PREVIEW, input=asked))["previewSchedule"]
    assert datetime.fromisoformat(found["endsAt"]) - datetime.fromisoformat(found["startsAt"]) == timedelta(weeks=4)
    assert {each["person"]["name"] for each in found["shifts"]} == {"operator", "admin"}
    assert len(found["shifts"]) >= 27
    assert {(each["startsAt"][11:16], each["endsAt"][11:16]) for each in found["gaps"][1:-1]} == {("20:00", "08:00")}
    shown = (await planted.data(viewer, SCHEDULES, range=RANGE))["schedules"]
    assert all(each["rotations"] == [] or each["name"] == "Initial responder" for each in shown), "nothing is stored"
    (error,) = (await planted.ask(viewer, PREVIEW, input={"rotations": [rotation()], "timeZone": "Mars"}))["errors"]
    assert {each["field"] for each in error["extensions"]["fields"]} == {"timeZone", "rotations.0.participants"}
    assert await planted.code(viewer, PREVIEW, input={"id": str(house.admin.id)}) == "NOT_FOUND"


async def test_a_preview_keeps_the_overrides_of_the_schedule(planted: Site) -> None:
    house = planted.house
    admin, now = await house.bearer("admin"), house.world.clock.now()
    given = {"name": "Web", "rotations": [rotation(house.operator.id)]}
    schedule = (await planted.data(admin, SAVE_SCHEDULE, input=given))["saveSchedule"]["schedule"]["id"]
    stands = {"schedule": schedule, "kind": "ADD", "person": str(house.viewer.id),
              "startsAt": (now + timedelta(days=1)).isoformat(), "endsAt": (now + timedelta(days=2)).isoformat()}  # fmt: skip
    await planted.data(admin, OVERRIDE, input=stands)
    asked = {"id": schedule, "rotations": [rotation(house.admin.id)]}
    found = (await planted.data(admin, PREVIEW, input=asked))["previewSchedule"]["shifts"]
    assert {(each["person"]["name"], each["override"]) for each in found} == {("admin", False), ("viewer", True)}


RENEW = "mutation($id: ID!) { renewCalendarAddress(input: {id: $id}) { schedule { calendarUrl } } }"
ADDRESSES = "{ schedules { id name calendarUrl } }"


async def test_a_calendars_address_is_given_anew(planted: Site) -> None:
    house = planted.house
    operator, http, root = await house.bearer("operator"), planted.http, house.world.settings.public_url
    first = (await planted.data(operator, ADDRESSES))["schedules"][0]
    addresses = [first["calendarUrl"]]
    for _ in range(2):
        renewed = (await planted.data(operator, RENEW, id=first["id"]))["renewCalendarAddress"]
        addresses.append(renewed["schedule"]["calendarUrl"])
    paths = [each.removeprefix(root) for each in addresses]
    assert [(await http.get(each)).status_code for each in paths] == [404, 404, 200]
    assert (await planted.data(operator, ADDRESSES))["schedules"][0]["calendarUrl"] == addresses[2]
    # The number is signed with the rest: none can be made of another.
    assert (await http.get(paths[1].replace("/1.", "/2."))).status_code == 404
    async with house.world.works.read() as work:
        rows = await work.rows(text("SELECT details FROM journal WHERE kind = 'schedule.calendar_renewed'"))
    name = first["name"]
    said = f"The calendar of '{name}' was given a new address by operator."
    assert [row.details["message"] for row in rows] == [said, said]
    assert await planted.code(operator, RENEW, id=str(house.operator.id)) == "NOT_FOUND"
    assert await planted.code(await house.bearer("viewer"), RENEW, id=first["id"]) == "FORBIDDEN"


async def test_a_calendars_address_is_shown_to_operators_and_to_whoever_is_in_it(planted: Site) -> None:
    house = planted.house
    admin, viewer = await house.bearer("admin"), await house.bearer("viewer")
    await planted.data(admin, SAVE_SCHEDULE, input={"name": "Mine", "rotations": [rotation(house.viewer.id)]})
    await planted.data(admin, SAVE_SCHEDULE, input={"name": "Web", "rotations": [rotation(house.operator.id)]})

    async def seen(bearer: str) -> set[str]:
        found = (await planted.data(bearer, ADDRESSES))["schedules"]
        return {each["name"] for each in found if each["calendarUrl"]}

    every = {each["name"] for each in (await planted.data(viewer, ADDRESSES))["schedules"]}
    assert await seen(viewer) == {"Mine"}
    assert await seen(await house.bearer("operator")) == await seen(admin) == every


async def test_an_alert_says_where_it_stands(planted: Site) -> None:
    tower = Tower(planted.house.world, planted.house.world.settings)
    await tower.channel("#ops")
    alert = await tower.alert()
    viewer = await planted.house.bearer("viewer")
    ask = (
        "query($id: ID!) { alert(id: $id) { escalation { policy level levels nextLevelAt steps { level name at reached \
told reason } } } }"
    )
    assert (await planted.data(viewer, ask, id=str(alert)))["alert"] == {"escalation": None}
    await tower.climb()
    found = (await planted.data(viewer, ask, id=str(alert)))["alert"]["escalation"]
    steps = found.pop("steps")
    assert found == {"policy": "Default", "level": 1, "levels": 4, "nextLevelAt": "2026-11-02T09:15:00Z"}
    assert [(each["name"], each["reached"], each["told"]) for each in steps] == [
        ("Initial responder", True, ["#ops"]),
        ("Senior engineer", False, []),
        ("Engineering manager", False, []),
        ("Executives", False, []),
    ]
