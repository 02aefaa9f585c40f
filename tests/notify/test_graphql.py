"""Channels and notifications through the schema."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest_asyncio
from litestar import Litestar

from century.core.actor import INTERNAL, Actor, ActorKind, Role, permissions_of
from century.core.graphql import Context, encode_cursor
from century.core.settings import Settings
from century.notify.channel import ChannelKind
from century.notify.courier import Courier
from century.server import App, create_app
from tests.notify.conftest import Stored
from tests.notify.receivers import Receiver
from tests.world import World


@pytest_asyncio.fixture
async def app(world: World, near: Settings) -> AsyncIterator[App]:
    site: Litestar = create_app(near, clock=world.clock)
    app: App = site.state.century
    yield app
    await app.bus.close()
    await app.works.engine.dispose()


async def run(app: App, document: str, actor: Actor = INTERNAL, **variables: Any) -> Any:
    answer = await app.api.run(document, Context(app=app, actor=actor), variables)
    assert not answer.errors, answer.errors
    return answer.data


SAVE = """mutation ($input: SaveChannelInput!) { saveChannel(input: $input) {
  channel { id name kind severities settings { name value secret } quietHours { from to timeZone days } }
  signingSecret warnings { field message } } }"""


async def test_a_channel_is_saved_and_shown_without_its_secrets(app: App, receiver: Receiver) -> None:
    settings = [{"name": "url", "value": receiver.url}, {"name": "authorization", "value": "Bearer x1y2z3"}]
    quiet = {"from": "22:00", "to": "7:00", "timeZone": "Europe/Berlin", "days": ["SATURDAY"]}
    saved = await run(app, SAVE, input={"name": "pager", "kind": "WEBHOOK", "settings": settings, "quietHours": quiet})
    made = saved["saveChannel"]
    assert made["signingSecret"].startswith("whsec_")
    assert made["channel"]["settings"] == [
        {"name": "url", "value": receiver.url, "secret": False},
        {"name": "secret", "value": None, "secret": True},
        {"name": "authorization", "value": None, "secret": True},
    ]
    assert made["channel"]["quietHours"] == quiet | {"to": "07:00"}
    assert [each["field"] for each in made["warnings"]] == ["settings.url"]
    tried = await run(
        app,
        "mutation ($input: SaveChannelInput!) { testChannel(input: $input) { delivered detail } }",
        input={"id": made["channel"]["id"], "name": "pager", "kind": "WEBHOOK", "settings": []},
    )
    assert tried["testChannel"] == {"delivered": True, "detail": "200: ok"}
    channels = await run(
        app,
        "{ channels { name waiting lastDelivery { state detail } deliveries { totalCount nodes { alerts { id } attempts { outcome } } } } }",
    )
    assert channels["channels"] == [
        {
            "name": "pager",
            "waiting": 0,
            "lastDelivery": {"state": "DELIVERED", "detail": "200: ok"},
            "deliveries": {"totalCount": 1, "nodes": [{"alerts": [], "attempts": [{"outcome": "DELIVERED"}]}]},
        }
    ]


async def test_an_alert_shows_whom_it_told(app: App, stored: Stored, courier: Courier, receiver: Receiver) -> None:
    ada = await stored.person()
    alert, channel = await stored.alert(), await stored.webhook(receiver.url, "Ada's", person_id=ada)
    await stored.want(alert, channel, person_id=ada)
    await courier.settle()
    shown = await run(
        app,
        """query ($id: ID!) { alert(id: $id) { notifications {
             event level state reason person { name } channel { name kind person { name } }
             attempts { number outcome detail } } } }""",
        id=str(alert),
    )
    assert shown["alert"]["notifications"] == [
        {
            "event": "FIRING",
            "level": 1,
            "state": "DELIVERED",
            "reason": None,
            "person": {"name": "Ada"},
            "channel": {"name": "Ada's", "kind": "WEBHOOK", "person": {"name": "Ada"}},
            "attempts": [{"number": 1, "outcome": "DELIVERED", "detail": "200: ok"}],
        }
    ]


async def test_a_preview_of_a_real_alert(app: App, stored: Stored) -> None:
    alert = await stored.alert()
    shown = await run(
        app,
        "query ($id: ID!) { previewMessage(alertId: $id) { subject text html slack } }",
        id=str(alert),
    )
    preview = shown["previewMessage"]
    assert preview["subject"] == "CRITICAL checkout: error rate 7.2 % (above 5 %)"
    assert "/a/preview" in preview["text"] and "/a/preview" in preview["html"] and "/a/preview" in preview["slack"]


async def test_ones_own_channels(app: App, stored: Stored) -> None:
    ada = await stored.person()
    actor = Actor(ada, "Ada", ActorKind.PERSON, Role.OPERATOR, permissions_of(Role.OPERATOR))
    made = await run(
        app,
        "mutation ($input: SaveChannelInput!) { saveMyChannel(input: $input) { channel { id person { name } } } }",
        actor,
        input={"name": "mine", "kind": "WEBHOOK", "settings": [{"name": "url", "value": "http://127.0.0.1/x"}]},
    )
    channel = made["saveMyChannel"]["channel"]
    assert channel["person"] == {"name": "Ada"}
    assert await run(app, "{ myChannels { name } }", actor) == {"myChannels": [{"name": "mine"}]}
    await run(
        app, "mutation ($input: IdInput!) { deleteMyChannel(input: $input) { id } }", actor, input={"id": channel["id"]}
    )
    assert await run(app, "{ myChannels { name } }", actor) == {"myChannels": []}


async def test_where_a_channel_leads_is_shown_to_those_whom_it_concerns(app: App, stored: Stored) -> None:
    ada, ben = await stored.person("Ada"), await stored.person("Ben")
    await stored.channel("hers", ChannelKind.EMAIL, settings={"to": "ada@home.example"}, person_id=ada)
    await stored.channel("ours", ChannelKind.EMAIL, settings={"to": "ops@example.com"})

    async def seen(person: UUID, role: Role) -> dict[str, str | None]:
        actor = Actor(person, "x", ActorKind.PERSON, role, permissions_of(role))
        found = await run(app, "{ channels { name settings { value } } }", actor)
        return {each["name"]: each["settings"][0]["value"] for each in found["channels"]}

    assert await seen(ada, Role.OPERATOR) == {"hers": "ada@home.example", "ours": "ops@example.com"}
    assert await seen(ben, Role.OPERATOR) == {"hers": None, "ours": "ops@example.com"}
    assert await seen(ben, Role.VIEWER) == {"hers": None, "ours": None}
    assert await seen(ben, Role.ADMIN) == {"hers": "ada@home.example", "ours": "ops@example.com"}


async def test_a_cursor_that_was_made_up_is_refused(app: App, stored: Stored) -> None:
    await stored.channel()
    made_up = encode_cursor("2026-11-02T03:00:00", str(UUID(int=1)))
    answer = await app.api.run(
        "query ($after: String) { channels { deliveries(after: $after) { totalCount } } }",
        Context(app=app, actor=INTERNAL),
        {"after": made_up},
    )
    assert [each["extensions"]["code"] for each in answer.errors] == ["INVALID"]


async def test_the_kinds_say_what_their_forms_ask_for(app: App) -> None:
    kinds = (await run(app, "{ channelKinds { kind available unavailableReason fields { name required secret } } }"))[
        "channelKinds"
    ]
    assert [each["kind"] for each in kinds] == ["EMAIL", "SLACK", "WEBHOOK", "PAGERDUTY", "APPRISE"]
    assert kinds[0]["unavailableReason"] == "no mail server is set up: SMTP_HOST names one"
    assert kinds[3]["fields"] == [{"name": "routing_key", "required": True, "secret": True}]
