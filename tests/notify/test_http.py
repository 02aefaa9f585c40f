"""The page behind a signed link: a GET changes nothing, a POST answers as whom the link was sent to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import update

from century.alerts.tables import AlertRow
from century.core.actor import Role
from century.core.journal import JournalRow
from century.core.settings import Settings
from century.notify.courier import Courier
from century.notify.links import LIFETIME, About, BadLink, Link, Whose, read, sign
from century.server import create_app
from tests.notify.conftest import Stored
from tests.notify.receivers import Receiver
from tests.world import START, World


@pytest_asyncio.fixture
async def client(world: World, near: Settings) -> AsyncIterator[httpx.AsyncClient]:
    site = create_app(near, clock=world.clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url="http://century.test") as client:
        yield client
    await site.state.century.bus.close()
    await site.state.century.works.engine.dispose()


def link_to(settings: Settings, alert: UUID, holder: UUID, whose: Whose = Whose.PERSON, **more: object) -> str:
    link = Link(About.ALERT, alert, 1, whose, holder, START + LIFETIME)
    return "/a/" + sign(settings.secret, replace(link, **more))  # type: ignore[arg-type]


async def test_looking_changes_nothing_and_the_button_answers_as_that_person(
    client: httpx.AsyncClient, near: Settings, stored: Stored
) -> None:
    ada, alert = await stored.person(), await stored.alert()
    link = link_to(near, alert, ada)
    for _ in range(3):
        shown = await client.get(link)
        assert shown.status_code == 200
    assert await stored.rows(AlertRow, "state") == ["firing"]
    for words in ("checkout", "Error rate is 7.2 %, above 5 % over 5 min", "CRITICAL", "roll it back", "As Ada"):
        assert words in shown.text.replace("\u00a0", " ")
    assert "<script" not in shown.text
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    answered = await client.post(link)
    assert (answered.status_code, answered.headers["location"]) == (303, link)
    assert await stored.rows(AlertRow, "state", "acknowledged_by_id", "acknowledged_by_name") == [
        ("acknowledged", ada, "Ada")
    ]
    after = await client.get(link)
    assert "Acknowledged by Ada. Nobody else is told." in after.text and "<button" not in after.text


async def test_a_link_that_was_sent_to_a_channel_answers_by_its_name(
    client: httpx.AsyncClient, near: Settings, stored: Stored
) -> None:
    alert, channel = await stored.alert(), await stored.webhook("https://127.0.0.1/", "ops room")
    await client.post(link_to(near, alert, channel, Whose.CHANNEL))
    assert await stored.rows(AlertRow, "acknowledged_by_id", "acknowledged_by_name") == [(None, "via ops room")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"state": "acknowledged", "acknowledged_by_name": "Ben"}, "Acknowledged by Ben", id="taken"),
        pytest.param({"state": "resolved", "resolved_at": START}, "It is over.", id="over"),
        pytest.param({"episode": 2}, "It opened again since", id="opened again"),
    ],
)
async def test_what_needs_no_answer_says_so(
    client: httpx.AsyncClient, near: Settings, stored: Stored, changed: dict[str, object], said: str
) -> None:
    ada, alert = await stored.person(), await stored.alert(**changed)
    link = link_to(near, alert, ada)
    await client.post(link)
    shown = await client.get(link)
    assert said in shown.text and "<button" not in shown.text
    assert await stored.rows(AlertRow, "state") == [changed.get("state", "firing")]


async def test_a_link_never_answers_for_what_opened_again_while_it_was_followed(
    world: World, client: httpx.AsyncClient, near: Settings, stored: Stored, courier: Courier, receiver: Receiver
) -> None:
    channel, again, still = await stored.webhook(receiver.url), await stored.alert("again"), await stored.alert("still")
    for alert in (again, still):
        await stored.want(alert, channel)
    await courier.settle()
    link = receiver.received[0].json["data"]["acknowledge_url"].removeprefix(near.public_url)
    async with world.works.begin() as work:
        await work.execute(update(AlertRow).where(AlertRow.id == again).values(episode=2))
        following = asyncio.create_task(client.post(link))
        await world.waits_for_a_lock()
    assert (await following).status_code == 303
    assert dict(await stored.rows(AlertRow, "subject", "state")) == {"again": "firing", "still": "acknowledged"}


async def test_whoever_may_not_answer_does_not(
    world: World, client: httpx.AsyncClient, near: Settings, stored: Stored
) -> None:
    alert = await stored.alert()
    viewer, gone = await stored.person("Vi", Role.VIEWER), await stored.person("Gus", disabled_at=START)
    channel = await stored.webhook("https://127.0.0.1/", enabled=False)
    for holder, whose in (
        (viewer, Whose.PERSON),
        (gone, Whose.PERSON),
        (channel, Whose.CHANNEL),
        (UUID(int=3), Whose.PERSON),
    ):
        link = link_to(near, alert, holder, whose)
        await client.post(link)
        assert "<button" not in (await client.get(link)).text
    ada = await stored.person()
    link = link_to(near, alert, ada)
    world.advance(days=7)
    await client.post(link)
    assert "This link has expired" in (await client.get(link)).text
    assert await stored.rows(AlertRow, "state") == ["firing"]


async def test_a_link_signed_with_the_secret_before_opens_while_that_is_named(near: Settings) -> None:
    link = Link(About.ALERT, UUID(int=1), 1, Whose.PERSON, UUID(int=2), START)
    token = sign(near.secret, link)
    changed = replace(near, secret="the secret of today", previous_secret=near.secret)
    assert read(changed.secrets, token) == link
    with pytest.raises(BadLink):
        read(replace(changed, previous_secret="").secrets, token)


async def test_a_link_that_is_not_ours_opens_nothing(client: httpx.AsyncClient, near: Settings, stored: Stored) -> None:
    ada, alert = await stored.person(), await stored.alert()
    token = link_to(near, alert, ada).removeprefix("/a/")
    for place in range(len(token)):
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(BadLink):
            read(near.secrets, forged)
    for bad in (token[:-1], token + "A", "x", "%00", "..%2f..", link_to(replace(near, secret="other"), alert, ada)[3:]):
        for ask in (client.get, client.post):
            assert (await ask(f"/a/{bad}")).status_code == 404
    assert (await client.get("/a/preview")).status_code == 200
    assert await stored.rows(AlertRow, "state") == ["firing"]


async def test_one_button_answers_for_every_alert_of_a_message(
    client: httpx.AsyncClient, near: Settings, stored: Stored, courier: Courier, receiver: Receiver
) -> None:
    channel = await stored.webhook(receiver.url, "ops")
    alerts = [await stored.alert(f"service-{number}") for number in range(3)]
    for alert in alerts:
        await stored.want(alert, channel)
    await courier.settle()
    said = receiver.received[0].json["data"]
    link = said["acknowledge_url"].removeprefix(near.public_url)
    single = said["alerts"][0]["acknowledge_url"].removeprefix(near.public_url)
    await client.post(single)
    shown = await client.get(link)
    assert "3 alerts" in shown.text and re.search(r">Acknowledge 2<", shown.text)
    await asyncio.gather(*(client.post(link) for _ in range(3)))
    assert await stored.rows(AlertRow, "state") == ["acknowledged"] * 3
    async with stored.world.works.read() as work:
        from sqlalchemy import select

        kinds = await work.rows(select(JournalRow.subject_id).where(JournalRow.kind == "alert.acknowledged"))
    assert len(kinds) == 3, "each was acknowledged once"


def test_a_link_says_what_it_was_made_of() -> None:
    link = Link(About.MESSAGE, UUID(int=1), 3, Whose.CHANNEL, UUID(int=2), START + timedelta(days=1))
    assert read(["secret"], sign("secret", link)) == link
    assert len(sign("secret", link)) < 80
