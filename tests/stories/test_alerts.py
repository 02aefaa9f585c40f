"""From a broken rule to a person who answers, in the words of the operational guide."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from century.access.people import create_person
from century.core.actor import Role
from tests.notify.receivers import Answer
from tests.stories.rounds import Rounds
from tests.stories.telling import Receiver, Story

MINUTE = timedelta(minutes=1)


def told(receiver: Receiver, event: str = "firing") -> list[Any]:
    """The messages of an event that a pager got."""
    return [each.json["data"] for each in receiver.received if each.json["data"]["event"] == event]


def keys(receiver: Receiver) -> list[str]:
    """By which a receiver recognises a repeat."""
    return [each.headers["webhook-id"] for each in receiver.received]


async def test_a_high_error_rate_pages(story: Story, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    await story.goes_well()
    assert not pager.received
    await story.pass_by(seconds=10)
    await story.fails()

    (page,) = told(pager)
    (alert,) = page["alerts"]
    assert (alert["severity"], alert["service"], alert["rule"]) == ("critical", "checkout", "high_error_rate")
    assert "25 %" in alert["summary"], "the value: 100 of 400 requests"
    assert "5 %" in alert["summary"], "and the threshold"
    assert "Check Logs" in alert["steps"][0], "the guide's first step"
    assert page["url"].startswith(story.settings.public_url)
    assert page["acknowledge_url"].startswith(story.settings.public_url)
    # The first admin is the initial responder, and is reached by e-mail.
    (mail,) = story.mailbox.mails
    assert "checkout" in str(mail["Subject"])
    assert story.mailbox.recipients == [["admin@example.com"]]

    seen = await story.alert()
    assert (seen["state"], seen["severity"]) == ("FIRING", "CRITICAL")
    due = datetime.fromisoformat(seen["responseDueAt"]) - datetime.fromisoformat(seen["openedAt"])
    assert due == 5 * MINUTE, "critical: within 5 minutes"
    assert {each["state"] for each in seen["notifications"]} == {"DELIVERED"}

    # Nothing is said twice while it lasts.
    for _ in range(3):
        await story.pass_by(seconds=10)
        await story.fails()
    assert len(told(pager)) == 1
    assert len(story.mailbox.mails) == 1


async def test_what_is_well_again_resolves_and_those_who_were_told_hear_of_it(story: Story, pager: Receiver) -> None:
    await story.without("telemetry_missing")
    await story.webhook("Pager", pager.url)
    await story.fails()
    await story.pass_by(minutes=6)
    assert (await story.alert())["state"] == "RESOLVED"
    assert len(told(pager)) == 1
    assert len(told(pager, "resolved")) == 1


LEVELS = ("Initial responder", "Senior engineer", "Engineering manager", "Executives")


async def put_on_call(story: Story, *names: str) -> None:
    """Somebody else for each of the guide's levels, always on call."""
    schedules = {
        each["name"]: each["id"] for each in (await story.admin.data("{ schedules { id name } }"))["schedules"]
    }
    for level, name in zip(LEVELS, names, strict=True):
        async with story.works.begin() as work:
            made = await create_person(work, story.settings, name, f"{name}@example.com", Role.OPERATOR)
        rotation = {
            "name": "Always", "kind": "WEEKLY", "startsOn": "2026-10-01", "participants": [str(made.person.id)],
            "handOffDay": "MONDAY",
        }  # fmt: skip
        schedule = {"id": schedules[level], "name": level, "rotations": [rotation]}
        await story.admin.do("saveSchedule", schedule, "schedule { id }")


async def test_nobody_answers_and_all_four_levels_follow(story: Story) -> None:
    await put_on_call(story, "ria", "sam", "mia", "cto")
    began = story.clock.now()
    heard: dict[str, timedelta] = {}

    def listen() -> None:
        for (recipient,) in story.mailbox.recipients:
            heard.setdefault(recipient, story.clock.now() - began)

    await story.fails()
    listen()
    for minutes in (1, 13, 1, 14, 1, 29, 1, 5):
        await story.pass_by(minutes=minutes, failing=["checkout"])
        listen()
    assert heard == {
        "ria@example.com": timedelta(0),
        "sam@example.com": 15 * MINUTE,
        "mia@example.com": 30 * MINUTE,
        "cto@example.com": 60 * MINUTE,
    }
    assert len(story.mailbox.mails) == 4, "each is told once"
    seen = await story.alert()
    assert seen["escalation"]["level"] == 4
    assert seen["responseBreachedAt"], "nobody answered within 5 minutes"
    assert (await story.kinds()).count("alert.escalated") == 4


async def test_a_warning_does_not_wake_the_executives(story: Story) -> None:
    await put_on_call(story, "ria", "sam", "mia", "cto")
    await story.pass_by(minutes=75, slow=["checkout"])
    seen = await story.alert()
    assert seen["severity"] == "WARNING"
    assert [each for (each,) in story.mailbox.recipients] == [f"{name}@example.com" for name in ("ria", "sam", "mia")]


async def test_acknowledging_stops_it(story: Story, pager: Receiver, other_pager: Receiver) -> None:
    first = await story.webhook("First", pager.url)
    second = await story.webhook("Second", other_pager.url)
    await story.policy(("First", "PT0S", first), ("Second", "PT15M", second))
    await story.fails()
    await story.pass_by(minutes=14, failing=["checkout"])
    alert = await story.alert()
    await story.operator.do("acknowledgeAlert", {"id": alert["id"], "note": "looking"}, "alert { id }")
    await story.settle()
    await story.pass_by(minutes=90, failing=["checkout"])
    assert len(told(pager)) == 1
    assert not other_pager.received, "level 2 is never reached"
    assert len(told(pager, "acknowledged")) == 1, "who was told hears that somebody looks"
    seen = await story.alert()
    assert seen["state"] == "ACKNOWLEDGED"
    assert any(each["kind"] == "alert.acknowledged" and each["actor"] == "operator" for each in seen["timeline"])


async def test_a_maintenance_window_holds_every_step(story: Story, pager: Receiver, other_pager: Receiver) -> None:
    first = await story.webhook("First", pager.url)
    second = await story.webhook("Second", other_pager.url)
    await story.policy(("First", "PT0S", first), ("Second", "PT15M", second))

    async def maintain(service: str, minutes: int) -> None:
        window = {
            "matchers": [{"field": "SERVICE", "operator": "IS", "value": service}],
            "startsAt": story.clock.now().isoformat(),
            "endsAt": (story.clock.now() + minutes * MINUTE).isoformat(),
            "reason": "the database moves",
        }
        await story.operator.do("createMaintenanceWindow", window, "maintenanceWindow { id }")

    # The first step too: it begins before anything is wrong.
    await maintain("checkout", 30)
    await story.fails("checkout")
    # And the second: it begins when one was told already.
    await story.fails("search")
    assert [each["alerts"][0]["service"] for each in told(pager)] == ["search"]
    await story.pass_by(minutes=10, failing=["checkout", "search"])
    await maintain("search", 60)
    held = await story.alert("checkout")
    assert held["state"] == "FIRING", "monitoring goes on"
    assert held["heldBy"]["kind"] == "MAINTENANCE"
    assert "the database moves" in held["heldBy"]["reason"]
    await story.pass_by(minutes=19, failing=["checkout", "search"])
    assert len(pager.received) == 1
    assert not other_pager.received

    # What is still wrong at the end pages then, and level 2 a quarter of an hour later.
    await story.pass_by(minutes=2, failing=["checkout", "search"])
    assert [each["alerts"][0]["service"] for each in told(pager)] == ["search", "checkout"]
    await story.pass_by(minutes=16, failing=["checkout", "search"])
    assert [each["alerts"][0]["service"] for each in told(other_pager)] == ["checkout"]
    # The other had been unanswered for ten minutes when it was held.
    await story.pass_by(minutes=24, failing=["checkout", "search"])
    assert len(other_pager.received) == 1
    await story.pass_by(minutes=5, failing=["checkout", "search"])
    assert [each["alerts"][0]["service"] for each in told(other_pager)] == ["checkout", "search"]
    assert (await story.kinds("search")).count("alert.held") == 1, "once, not at every step"


async def test_smtp_is_down_for_ten_minutes_and_nothing_is_lost(story: Story) -> None:
    services = ("checkout", "search", "accounts")
    await story.post_office.close()
    for service in services:
        await story.fails(service)
        await story.pass_by(seconds=30)
    await story.pass_by(minutes=10, failing=services)
    assert not story.mailbox.mails
    waiting = [each for name in services for each in (await story.alert(name))["notifications"]]
    assert {each["state"] for each in waiting} <= {"WAITING", "SENDING"}
    await story.post_office.open()
    await story.pass_by(minutes=6, failing=services)
    tried: list[str] = []
    for name in services:
        seen = await story.alert(name)
        firing = [each for each in seen["notifications"] if each["event"] == "FIRING"]
        assert firing
        assert {each["state"] for each in firing} == {"DELIVERED"}
        tried += [one["outcome"] for each in firing for one in each["attempts"]]
    assert "TEMPORARY" in tried
    assert len({mail["Message-ID"] for mail in story.mailbox.mails}) == len(story.mailbox.mails)
    bodies = "".join(str(mail) for mail in story.mailbox.mails)
    assert all(name in bodies for name in services)


async def test_two_workers_send_once(story: Story, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    services = [f"service-{number}" for number in range(20)]
    for service in services:
        await story.report(service, good=100, bad=100)
    other = Rounds(story.settings, story.works)

    async def works(rounds: Rounds) -> None:
        for _ in range(4):
            await rounds.watch()
            await rounds.climb()
            await rounds.deliver()

    await asyncio.gather(works(story.rounds), works(other))
    await story.settle()
    await other.close()
    paged = [alert["service"] for page in told(pager) for alert in page["alerts"]]
    assert sorted(paged) == sorted(services), "every alert, once"
    assert len(set(keys(pager))) == len(pager.received)


async def test_an_alert_that_flaps_does_not_shower(story: Story, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    condition = {
        "signal": "ERROR_RATE", "comparison": "ABOVE", "threshold": 0.05, "window": "PT1M", "minSamples": 1,
        "whenNoData": "OK",
    }  # fmt: skip
    rule = await story.rule("high_error_rate")
    changed = {**rule, "severity": "CRITICAL", "condition": condition}
    await story.admin.do("saveRule", changed, "rule { id }")
    for _ in range(10):
        await story.fails()
        await story.pass_by(minutes=2)
    opened = (await story.rows("SELECT count(*) FROM alert WHERE rule_name = 'high_error_rate'"))[0][0]
    assert opened == 10, "each time is an alert: the delay is on what is told, not on what is known"
    assert 3 <= len(told(pager)) <= 6
    # What stays wrong is told all the same, later.
    before = len(told(pager))
    await story.fails()
    await story.pass_by(minutes=35, failing=["checkout"])
    assert len(told(pager)) == before + 1


async def test_a_channel_that_fails_falls_over_to_the_next_level(
    story: Story, pager: Receiver, other_pager: Receiver
) -> None:
    first = await story.webhook("First", pager.url)
    second = await story.webhook("Second", other_pager.url)
    await story.policy(("First", "PT0S", first), ("Second", "PT15M", second))
    pager.otherwise = Answer(500, b"out of order")
    await story.fails()
    await story.pass_by(seconds=10)
    assert len(told(other_pager)) == 1, "within seconds, not after a quarter of an hour"
    seen = await story.alert()
    failed = next(each for each in seen["timeline"] if each["kind"] == "alert.level_failed")
    assert "First" in failed["message"], "the timeline says why"
    # And the first hears of it as soon as it answers.
    pager.otherwise = Answer(200)
    before = len(pager.received)
    await story.pass_by(minutes=3, failing=["checkout"])
    assert len(pager.received) == before + 1
    assert len(set(keys(pager))) == 1, "under the same key"
    assert len(other_pager.received) == 1


async def test_an_idle_acknowledgement_reopens(story: Story, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    rule = await story.rule("high_error_rate")
    condition = {"signal": "ERROR_RATE", "comparison": "ABOVE", "threshold": 0.05}
    changed = {**rule, "severity": "CRITICAL", "condition": condition, "reopenAfter": "PT30M"}
    await story.admin.do("saveRule", changed, "rule { id }")
    await story.fails()
    alert = await story.alert()
    await story.operator.do("acknowledgeAlert", {"id": alert["id"]}, "alert { id }")
    await story.pass_by(minutes=29, failing=["checkout"])
    assert (await story.alert())["state"] == "ACKNOWLEDGED"
    await story.pass_by(minutes=2, failing=["checkout"])
    seen = await story.alert()
    assert (seen["id"], seen["state"], seen["episode"]) == (alert["id"], "FIRING", 2)
    assert "alert.reopened" in await story.kinds()
    assert len(told(pager)) == 2
    assert len(set(keys(pager))) == len(pager.received), "it is a page of its own"


async def test_a_suppressed_alert_that_is_still_wrong_returns(
    story: Story, pager: Receiver, other_pager: Receiver
) -> None:
    first = await story.webhook("First", pager.url)
    second = await story.webhook("Second", other_pager.url)
    await story.policy(("First", "PT0S", first), ("Second", "PT15M", second))
    await story.without("telemetry_missing")
    await story.fails("checkout")
    await story.fails("search")
    for name in ("checkout", "search"):
        suppressed = {"id": (await story.alert(name))["id"], "duration": "PT30M", "reason": "known"}
        await story.operator.do("suppressAlert", suppressed, "alert { suppressedUntil }")
    await story.pass_by(minutes=29, failing=["checkout"])
    assert not other_pager.received, "it does not page"
    assert (await story.alert("search"))["state"] == "RESOLVED", "it never hides that all is well again"
    await story.pass_by(minutes=17, failing=["checkout"])
    assert "alert.released" in await story.kinds("checkout")
    assert [each["alerts"][0]["service"] for each in told(other_pager)] == ["checkout"]
    assert "alert.released" not in await story.kinds("search")


async def test_the_guides_curl_acknowledges(story: Story, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    await story.fails("checkout")
    await story.fails("search")
    address = "/monitoring/alerts/high_error_rate/acknowledge"
    body = {"acknowledged_by": "operator_name"}
    refused = await story.http.post(address, json=body, headers=await story.viewer.headers())
    assert refused.status_code == 403
    assert (await story.alert("checkout"))["state"] == "FIRING"
    # curl -d sends JSON under the name of a form.
    headers = {**await story.operator.headers(), "content-type": "application/x-www-form-urlencoded"}
    content = '{"acknowledged_by": "operator_name"}'
    done = await story.http.post(address, content=content, headers=headers)
    assert done.status_code == 200, done.text
    await story.settle()
    for name in ("checkout", "search"):
        seen = await story.alert(name, fields="acknowledgedBy { name }")
        assert seen["state"] == "ACKNOWLEDGED"
        assert seen["acknowledgedBy"]["name"] == "operator", "the token's owner, whatever the body says"
        said = next(each for each in seen["timeline"] if each["kind"] == "alert.acknowledged")
        assert "operator_name" in said["message"], "who the body names is kept as a note"


async def test_the_signed_link_acknowledges_and_a_get_does_not(story: Story, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    await story.fails()
    (page,) = told(pager)
    path = page["alerts"][0]["acknowledge_url"].removeprefix(story.settings.public_url)
    shown = await story.http.get(path)
    assert shown.status_code == 200
    assert "checkout" in shown.text
    # Mail programs and chats look at every link.
    assert (await story.alert())["state"] == "FIRING"
    forged = await story.http.post(path[:-4] + "AAAA")
    assert forged.status_code in (403, 404, 410)
    assert (await story.alert())["state"] == "FIRING"
    done = await story.http.post(path, follow_redirects=True)
    assert done.status_code == 200, done.text
    assert (await story.alert())["state"] == "ACKNOWLEDGED"


async def test_an_edit_changes_the_next_alert_not_this_one(
    story: Story, pager: Receiver, other_pager: Receiver
) -> None:
    await story.without("telemetry_missing")
    old = await story.webhook("Old", pager.url)
    new = await story.webhook("New", other_pager.url)
    policy = await story.policy(("First", "PT0S", old), ("Second", "PT15M", old))
    await story.fails()
    assert len(told(pager)) == 1

    levels = [{"name": "Only", "delay": "PT0S", "targets": [{"kind": "CHANNEL", "id": new}]}]
    await story.admin.do(
        "saveEscalationPolicy", {"id": policy, "name": "The story's", "levels": levels}, "policy { id }"
    )
    rule = await story.rule("high_error_rate")
    condition = {"signal": "ERROR_RATE", "comparison": "ABOVE", "threshold": 0.05, "whenNoData": "OK"}
    changed = {**rule, "severity": "WARNING", "condition": condition}
    await story.admin.do("saveRule", changed, "rule { id }")

    await story.pass_by(minutes=16, failing=["checkout"])
    seen = await story.alert()
    assert (seen["severity"], len(told(pager)), len(told(other_pager))) == ("CRITICAL", 2, 0)
    await story.pass_by(minutes=6)
    assert (await story.alert())["state"] == "RESOLVED"
    await story.fails()
    assert ((await story.alert())["severity"], len(told(pager)), len(told(other_pager))) == ("WARNING", 2, 1)
