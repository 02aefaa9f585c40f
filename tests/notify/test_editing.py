"""Setting up channels: what is refused with which sentence, what is sealed, and what a test answers."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import update

from century.core.actor import INTERNAL, Actor, ActorKind, Role, permissions_of
from century.core.errors import CenturyError, Conflict, Forbidden, Invalid, NotFound
from century.core.sealing import Seal, Unsealable
from century.core.settings import Settings, Smtp
from century.core.work import Works
from century.notify import editing, kept, lists
from century.notify.channel import ChannelKind
from century.notify.editing import Draft
from century.notify.resealing import reseal
from century.notify.tables import ChannelRow
from century.notify.trying import try_channel
from tests.notify.conftest import SECRET, Stored
from tests.notify.receivers import Answer, Receiver, mail_receiver
from tests.world import START

MAIL = Smtp("mail.example.com", 587, "century@example.com")


def webhook(url: str = "https://127.0.0.1/hook", **more: object) -> Draft:
    return replace(Draft("pager", ChannelKind.WEBHOOK, {"url": url}), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("draft", "field", "sentence"),
    [
        pytest.param(webhook(name=" "), "name", "a name has 1 to 64 characters", id="no name"),
        pytest.param(webhook(name="x\u202ey"), "name", "a name has 1 to 64 characters", id="a name that reads backwards"),
        pytest.param(
            webhook(severities=frozenset()), "severities", "name at least one severity, or switch the channel off",
            id="no severity",
        ),
        pytest.param(webhook(""), "settings.url", "Address is missing: Where to POST to.", id="no address"),
        pytest.param(webhook("ftp://x.example/"), "settings.url", "a URL must begin with http:// or https://", id="not http"),
        pytest.param(webhook("https://a\nb/"), "settings.url", "Address must be one line", id="two lines"),
        pytest.param(
            webhook("http://169.254.169.254/latest"), "settings.url",
            "169.254.169.254 is never reached from here", id="a cloud's metadata",
        ),
        pytest.param(
            webhook("http://10.0.0.1/"), "settings.url",
            "10.0.0.1 is a private address: open it with MONITORING_EGRESS_ALLOW", id="a private address",
        ),
        pytest.param(
            webhook(settings={"url": "https://127.0.0.1/", "colour": "red"}), "settings.colour",
            "a channel of kind webhook has no 'colour'; it has url, secret, authorization", id="a setting it has not",
        ),
        pytest.param(
            webhook(settings={"url": "https://127.0.0.1/", "secret": "abc"}), "settings.secret",
            "a signing secret looks like whsec_ and base64; leave it empty to have one made", id="a secret that is none",
        ),
        pytest.param(
            Draft("duty", ChannelKind.PAGERDUTY, {"routing_key": "abc"}), "settings.routing_key",
            "an integration key has 32 letters and digits", id="a key that is none",
        ),
        pytest.param(
            Draft("mail", ChannelKind.EMAIL, {"to": "ops"}), "settings.to",
            "'ops' is not an e-mail address; write them like oncall@example.com", id="an address that is none",
        ),
        pytest.param(
            Draft("mail", ChannelKind.EMAIL, {}), "settings.to", "name at least one address", id="nobody to write to"
        ),
        pytest.param(
            Draft("chat", ChannelKind.SLACK, {"url": "https://user:word@127.0.0.1/x"}), "settings.url",
            "this is no incoming webhook; it looks like https://hooks.slack.com/services/…", id="a password in a URL",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_work_is_refused_with_a_sentence(
    works: Works, near: Settings, draft: Draft, field: str, sentence: str
) -> None:
    async with works.begin() as work:
        with pytest.raises(Invalid) as refused:
            await editing.save(work, replace(near, smtp=MAIL), draft)
    assert refused.value.fields == {field: sentence}


async def test_without_a_mail_server_there_is_no_mail(works: Works, near: Settings) -> None:
    async with works.begin() as work:
        with pytest.raises(Invalid, match="no mail server is set up"):
            await editing.save(work, near, Draft("mail", ChannelKind.EMAIL, {"to": "ops@example.com"}))


async def test_secrets_are_sealed_kept_and_never_read_back(works: Works, near: Settings, stored: Stored) -> None:
    async with works.begin() as work:
        saved = await editing.save(
            work, near, webhook(settings={"url": "https://127.0.0.1/", "authorization": "Bearer x1y2"})
        )
    assert saved.secret is not None and saved.secret.startswith("whsec_")
    assert saved.channel.settings == {"url": "https://127.0.0.1/"}
    row, sealed = (await stored.rows(ChannelRow, "id", "secrets"))[0]
    assert b"Bearer" not in sealed
    async with works.begin() as work:
        again = await editing.save(work, near, webhook("https://127.0.0.1/other", id=saved.channel.id))
    assert again.secret is None
    sealed = (await stored.rows(ChannelRow, "secrets"))[0]
    assert Seal([near.secret]).open(row, sealed) == {"secret": saved.secret, "authorization": "Bearer x1y2"}
    assert again.channel.settings["url"] == "https://127.0.0.1/other"


async def test_what_the_secret_before_sealed_is_sealed_anew(works: Works, near: Settings, stored: Stored) -> None:
    changed = replace(near, secret="the secret of today", previous_secret=near.secret)
    old = await stored.webhook("https://127.0.0.1/", "old")
    await stored.channel("plain")
    strange = await stored.webhook("https://127.0.0.1/", "strange")
    forgotten = Seal(["long forgotten"]).close(strange, {"secret": "x"})
    async with works.begin() as work:
        await work.execute(update(ChannelRow).where(ChannelRow.id == strange).values(secrets=forgotten))
    for number in (1, 0):
        async with works.begin() as work:
            assert await reseal(work, changed) == number
    found = dict(await stored.rows(ChannelRow, "id", "secrets"))
    assert Seal(["the secret of today"]).open(old, found[old]) == {"secret": SECRET}
    assert found[strange] == forgotten
    said = "The secrets of channel 'old' were sealed with the secret of today"
    assert await stored.told() == [("channel.resealed", said)]


def test_a_seal_belongs_to_its_row_and_its_key() -> None:
    seal, row = Seal(["one"]), UUID(int=1)
    sealed = seal.close(row, {"token": "abc"})
    assert sealed is not None and seal.open(row, sealed) == {"token": "abc"}
    assert sealed != seal.close(row, {"token": "abc"}), "the same secret never looks the same"
    assert Seal(["two", "one"]).open(row, sealed) == {"token": "abc"}, "the old key opens, second"
    assert not Seal(["two", "one"]).is_current(sealed)
    for other, where in ((seal, UUID(int=2)), (Seal(["two"]), row)):
        with pytest.raises(Unsealable):
            other.open(where, sealed)
    for place in range(len(sealed)):
        with pytest.raises(Unsealable):
            seal.open(row, sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
    assert seal.close(row, {}) is None and seal.open(row, None) == {}


async def test_names_are_unique_and_a_channel_keeps_its_kind(works: Works, near: Settings) -> None:
    async with works.begin() as work:
        saved = await editing.save(work, near, webhook())
        with pytest.raises(Invalid, match="another channel is called 'PAGER'"):
            await editing.save(work, near, webhook(name="PAGER"))
        with pytest.raises(Invalid, match="keeps its kind"):
            await editing.save(work, near, Draft("pager", ChannelKind.SLACK, {}, id=saved.channel.id))


async def test_what_may_not_be_meant_is_said(works: Works, near: Settings) -> None:
    from century.rules.severity import Severity

    draft = webhook("http://127.0.0.1/", enabled=False, severities=frozenset({Severity.INFO}))
    async with works.begin() as work:
        saved = await editing.save(work, near, draft)
    assert [each.field for each in saved.warnings] == ["settings.url", "severities", "enabled"]


async def test_resuming_and_mending_a_stopped_channel(works: Works, near: Settings, stored: Stored) -> None:
    first = await stored.webhook("https://127.0.0.1/", "first", stopped_at=START, stopped_reason="410: gone")
    second = await stored.webhook("https://127.0.0.1/", "second", stopped_at=START, stopped_reason="410: gone")
    async with works.begin() as work:
        assert (await editing.resume(work, first)).stopped_at is None
        with pytest.raises(Conflict, match="is not stopped"):
            await editing.resume(work, first)
        mended = await editing.save(work, near, webhook("https://127.0.0.1/new", name="second", id=second))
        assert mended.channel.stopped_at is None
        await editing.remove(work, first)
        with pytest.raises(NotFound):
            await kept.get_channel(work, first)
    assert [kind for kind, _ in await stored.told()] == ["channel.resumed", "channel.changed", "channel.deleted"]


def person(id: UUID) -> Actor:
    return Actor(id, "Ada", ActorKind.PERSON, Role.OPERATOR, permissions_of(Role.OPERATOR))


async def test_ones_own_channels_are_nobody_elses(works: Works, near: Settings, stored: Stored) -> None:
    ada, ben = await stored.person("Ada"), await stored.person("Ben")
    async with works.begin(person(ada)) as work:
        saved = await editing.save(work, near, webhook(person_id=ben), own=True)
    assert saved.channel.person_id == ada
    shared = await stored.webhook("https://127.0.0.1/", "shared")
    async with works.begin(person(ben)) as work:
        for other in (saved.channel.id, shared):
            with pytest.raises(NotFound):
                await editing.save(work, near, webhook(name="mine", id=other), own=True)
            with pytest.raises(NotFound):
                await editing.remove(work, other, own=True)
    async with works.begin(INTERNAL) as work:
        with pytest.raises(Forbidden):
            await editing.save(work, near, webhook(name="nobody's"), own=True)


@pytest.mark.parametrize(
    ("answer", "delivered", "detail"),
    [
        pytest.param(Answer(200, b"thanks"), True, "200: thanks", id="taken"),
        pytest.param(Answer(403, b"no " + SECRET.encode()), False, "403: no …", id="refused, and the secret not repeated"),
        pytest.param(Answer(302, b"", {"Location": "/x"}), False,
                     "302: it answers with a redirection; give the address that it leads to", id="elsewhere"),
    ],
)  # fmt: skip
async def test_a_test_answers_the_receivers_own_words(
    works: Works, near: Settings, receiver: Receiver, answer: Answer, delivered: bool, detail: str
) -> None:
    receiver.will(answer)
    draft = webhook(settings={"url": receiver.url, "secret": SECRET})
    tried = await try_channel(works, near, INTERNAL, draft)
    assert (tried.delivered, tried.detail) == (delivered, detail)
    assert receiver.received[0].json["type"] == "test"


async def test_a_test_of_a_stored_channel_uses_its_secrets_and_is_among_its_deliveries(
    works: Works, near: Settings, stored: Stored, receiver: Receiver
) -> None:
    channel = await stored.webhook(receiver.url, secrets={"authorization": "Bearer secret-word"})
    tried = await try_channel(works, near, INTERNAL, webhook(settings={}, id=channel))
    assert tried.delivered
    assert receiver.received[0].headers["authorization"] == "Bearer secret-word"
    async with works.read() as work:
        last = (await lists.last(work, [channel]))[channel]
    assert (last.state, last.detail) == ("delivered", "200: ok")


async def test_what_is_emptied_is_gone_and_what_stays_empty_is_no_change(works: Works, stored: Stored) -> None:
    settings = replace(stored.world.settings, smtp=MAIL)
    ada = await stored.person("Ada")
    channel = await stored.channel("hers", ChannelKind.EMAIL, settings={"to": "ada@home.example"}, person_id=ada)
    draft = Draft("hers", ChannelKind.EMAIL, {"to": ""}, id=channel)
    for _ in range(2):
        async with works.begin(person(ada)) as work:
            saved = await editing.save(work, settings, draft, own=True)
        assert saved.channel.settings == {}
        await stored.set(ChannelRow, stopped_at=START, stopped_reason="gone")
    assert [said for _, said in await stored.told()] == ["Channel 'hers' was changed: to", "Channel 'hers' was changed"]


async def test_nobody_has_ways_without_number(works: Works, near: Settings, stored: Stored) -> None:
    ada = await stored.person("Ada")
    for number in range(editing.MOST_OWN):
        await stored.channel(f"way {number}", person_id=ada)
    async with works.begin(person(ada)) as work:
        with pytest.raises(Conflict, match="20 of these channels"):
            await editing.save(work, near, webhook(), own=True)


async def test_a_header_is_not_handed_to_another_host(
    works: Works, near: Settings, stored: Stored, receiver: Receiver
) -> None:
    channel = await stored.webhook("https://127.0.0.1/hook", secrets={"authorization": "Bearer secret-word"})
    with pytest.raises(Invalid) as refused:
        await try_channel(works, near, INTERNAL, webhook(settings={"url": receiver.url}, id=channel))
    assert set(refused.value.fields) == {"settings.authorization"}
    assert not receiver.received
    again = {"url": receiver.url, "authorization": "Bearer other"}
    assert (await try_channel(works, near, INTERNAL, webhook(settings=again, id=channel))).delivered
    async with works.begin() as work:
        await editing.save(work, near, webhook("https://127.0.0.1/elsewhere", id=channel))


async def test_a_test_of_mail_says_what_the_mail_server_said(works: Works, near: Settings) -> None:
    async with mail_receiver() as mailbox:
        settings = replace(near, smtp=Smtp(mailbox.host, mailbox.port, "century@example.com", "none"))
        draft = Draft("mail", ChannelKind.EMAIL, {"to": "Ops <ops@example.com>, b@example.com"})
        assert (await try_channel(works, settings, INTERNAL, draft)).detail == "taken as 4711"
        assert mailbox.recipients == [["ops@example.com", "b@example.com"]]
        mailbox.refuse["*"] = "550 5.1.1 no such user"
        tried = await try_channel(works, settings, INTERNAL, draft)
    assert not tried.delivered and "550 5.1.1 no such user" in tried.detail


async def test_a_draft_that_cannot_work_is_not_sent(works: Works, near: Settings) -> None:
    with pytest.raises(CenturyError):
        await try_channel(works, near, INTERNAL, webhook("http://169.254.169.254/"))
