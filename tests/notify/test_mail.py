"""Mail: by which way it goes, whose it is, and what a mail server's answers mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from century.core.actor import Role
from century.core.settings import Settings, Smtp
from century.core.work import Works
from century.notify import defaults
from century.notify.channel import ChannelKind
from century.notify.channels import email
from century.notify.courier import Courier
from century.notify.event import Event
from century.notify.message import Message
from century.notify.rendering import subject
from century.notify.tables import AttemptRow, ChannelRow, DeliveryRow, NotificationRow
from tests.notify.conftest import Stored
from tests.notify.receivers import Mailbox, certificate, mail_receiver
from tests.world import START, World


def by(settings: Settings, mailbox: Mailbox, tls: str = "none", **more: str) -> Settings:
    return replace(settings, smtp=Smtp(mailbox.host, mailbox.port, "century@example.com", tls, **more))


async def test_a_page_by_mail(world: World, near: Settings, stored: Stored) -> None:
    async with mail_receiver() as mailbox:
        courier = Courier(by(near, mailbox), world.works)
        channel = await stored.channel("mail", ChannelKind.EMAIL, settings={"to": "ops@example.com, b@example.com"})
        alert = await stored.alert()
        await stored.want(alert, channel)
        await courier.settle()
        mail = (await mailbox.heard())[0]
    key = (await stored.rows(DeliveryRow, "key"))[0]
    assert mailbox.recipients == [["ops@example.com", "b@example.com"]]
    assert mail["Subject"] == "CRITICAL checkout: error rate 7.2 % (above 5 %)"
    assert mail["Message-ID"] == f"<{key}@[127.0.0.1]>"
    assert mail["References"] == f"<alert-{alert}@[127.0.0.1]>"
    assert (mail["Importance"], mail["Auto-Submitted"]) == ("high", "auto-generated")
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    for said in (
        "Error rate is 7.2 %, above 5 % over 5 min",
        "roll it back",
        "/a/",
        f"/monitoring/alerts/{alert}",
        "just now",
    ):
        assert said in text and said in html.replace("\u00a0", " ")
    assert await stored.rows(AttemptRow, "detail") == ["taken as 4711"]


async def test_starttls_and_login(world: World, near: Settings, stored: Stored, tmp_path: Path) -> None:
    known = certificate(tmp_path)
    async with mail_receiver(known.server, login=True) as mailbox:
        settings = by(near, mailbox, "starttls", username="century", password="secret")
        courier = Courier(settings, world.works, tls=known.client)
        await stored.want(
            await stored.alert(), await stored.channel("m", ChannelKind.EMAIL, settings={"to": "a@example.com"})
        )
        await courier.settle()
        await mailbox.heard()
        assert (mailbox.logins, mailbox.encrypted) == (["century"], [True])
        # Whoever is not who the certificate says gets neither the password nor the mail.
        stranger = Courier(settings, world.works)
        await stored.want(
            await stored.alert("other"), await stored.channel("n", ChannelKind.EMAIL, settings={"to": "a@example.com"})
        )
        await stranger.settle()
        assert len(mailbox.mails) == 1 and len(mailbox.logins) == 1
    assert await stored.rows(AttemptRow, "outcome") == ["delivered", "temporary"]


async def test_a_wrong_login_is_tried_again(world: World, near: Settings, stored: Stored, tmp_path: Path) -> None:
    known = certificate(tmp_path)
    async with mail_receiver(known.server, login=True) as mailbox:
        settings = by(near, mailbox, "starttls", username="century", password="wrong")
        courier = Courier(settings, world.works, tls=known.client)
        await stored.want(
            await stored.alert(), await stored.channel("m", ChannelKind.EMAIL, settings={"to": "a@example.com"})
        )
        await courier.settle()
    outcome, detail = (await stored.rows(AttemptRow, "outcome", "detail"))[0]
    assert outcome == "temporary" and detail.startswith("the mail server refuses our login: 535")
    assert "wrong" not in detail


@pytest.mark.parametrize(
    ("answer", "outcome", "stopped"),
    [
        pytest.param("450 4.2.1 try later", "temporary", False, id="greylisted"),
        pytest.param("452 4.2.2 full for now", "temporary", False, id="full for now"),
        pytest.param("550 5.1.1 no such user", "refused", True, id="no such mailbox: the channel stops"),
        pytest.param("554 5.7.1 we think it is spam", "refused", False, id="this mail is not wanted"),
    ],
)
async def test_what_a_mail_server_answers(
    world: World, near: Settings, stored: Stored, answer: str, outcome: str, stopped: bool
) -> None:
    async with mail_receiver() as mailbox:
        mailbox.refuse["*"] = answer
        courier = Courier(by(near, mailbox), world.works)
        await stored.want(
            await stored.alert(), await stored.channel("m", ChannelKind.EMAIL, settings={"to": "a@example.com"})
        )
        await courier.settle()
    assert await stored.rows(AttemptRow, "outcome", "detail") == [(outcome, answer)]
    assert [each is not None for each in await stored.rows(ChannelRow, "stopped_at")] == [stopped]


async def test_one_address_of_several_that_is_refused_stops_nothing(
    world: World, near: Settings, stored: Stored
) -> None:
    async with mail_receiver() as mailbox:
        mailbox.refuse["b@example.com"] = "550 5.1.1 no such user"
        courier = Courier(by(near, mailbox), world.works)
        channel = await stored.channel("m", ChannelKind.EMAIL, settings={"to": "a@example.com, b@example.com"})
        await stored.want(await stored.alert(), channel)
        await courier.settle()
        assert mailbox.recipients == [["a@example.com"]]
    assert await stored.rows(AttemptRow, "outcome", "detail") == [
        ("delivered", "taken as 4711; refused for b@example.com: 550 5.1.1 no such user")
    ]


async def test_a_mail_server_that_is_down_for_ten_minutes_loses_nothing(
    world: World, near: Settings, stored: Stored
) -> None:
    async with mail_receiver() as mailbox:
        settings = by(near, mailbox)
    courier = Courier(settings, world.works)
    channel = await stored.channel("m", ChannelKind.EMAIL, settings={"to": "a@example.com"})
    for number in range(3):
        await stored.want(await stored.alert(f"service-{number}"), channel)
        await courier.settle()
    for _ in range(20):
        world.advance(seconds=30)
        await courier.settle()
    assert await stored.rows(NotificationRow, "state") == ["waiting"] * 3
    async with mail_receiver() as mailbox:
        courier = Courier(by(near, mailbox), world.works)
        for _ in range(12):
            world.advance(seconds=30)
            await courier.settle()
        assert len({mail["Message-ID"] for mail in mailbox.mails}) == len(mailbox.mails)
    assert await stored.rows(NotificationRow, "state") == ["delivered"] * 3


async def test_the_mail_of_an_account_follows_the_account(world: World, near: Settings, stored: Stored) -> None:
    ada = await stored.person("Ada", email="ada@example.org")
    async with mail_receiver() as mailbox:
        courier = Courier(by(near, mailbox), world.works)
        channel = await stored.channel("E-mail of Ada", ChannelKind.EMAIL, person_id=ada)
        await stored.want(await stored.alert(), channel, person_id=ada)
        await courier.settle()
        assert mailbox.recipients == [["ada@example.org"]]


async def test_the_channels_of_the_environment_are_planted_once(world: World, near: Settings, stored: Stored) -> None:
    await stored.person("Root", Role.ADMIN, email="root@example.com")
    await stored.person("admin", Role.ADMIN, email="admin@localhost")
    async with mail_receiver() as mailbox:
        settings = replace(by(near, mailbox), slack_webhook_url="https://hooks.slack.example/x")
        for _ in range(2):
            async with world.works.begin() as work:
                await defaults.plant(work, settings)
        assert sorted(await stored.rows(ChannelRow, "name", "severities")) == [
            ("E-mail to the admins", ["critical", "warning", "info"]),
            ("Slack", ["critical", "warning"]),
        ]
        mail = next(id for id, kind in await stored.rows(ChannelRow, "id", "kind") if kind == "email")
        await stored.want(await stored.alert(), mail)
        await Courier(settings, world.works).settle()
        assert mailbox.recipients == [["root@example.com"]]


async def test_without_a_mail_server_mail_fails_at_once(works: Works, near: Settings, stored: Stored) -> None:
    await stored.want(
        await stored.alert(), await stored.channel("m", ChannelKind.EMAIL, settings={"to": "a@example.com"})
    )
    await Courier(near, works).settle()
    assert await stored.rows(NotificationRow, "state", "reason") == [
        ("failed", "no mail server is set up: SMTP_HOST names one")
    ]


@pytest.mark.parametrize("hostile", ["a\r\nBcc: x@example.com", "a\nb", "a\u2028b", "a\x00b", "x" * 3000])
def test_a_header_cannot_be_split(hostile: str) -> None:
    message = Message(Event.NOTICE, "msg_1", START, (), 0, "https://century.example/", notice=hostile)
    mail = email.compose(message, "century@example.com", ["a@example.com"], "https://century.example")
    head = mail.as_bytes().partition(b"\n\n")[0]
    assert mail["Bcc"] is None
    assert {line.partition(b":")[0].lower() for line in head.split(b"\n") if not line.startswith(b" ")} == {
        b"subject", b"from", b"to", b"date", b"message-id", b"auto-submitted", b"x-auto-response-suppress",
        b"mime-version", b"content-type",
    }  # fmt: skip
    assert len(subject(message)) <= 160


def test_a_mail_is_dated_by_our_clock() -> None:
    message = Message(Event.TEST, "msg_1", START + timedelta(hours=1), (), 0, "https://century.example/")
    mail = email.compose(message, "century@example.com", ["a@example.com"], "https://century.example")
    assert mail["Date"] == "Mon, 02 Nov 2026 10:00:00 +0000"
