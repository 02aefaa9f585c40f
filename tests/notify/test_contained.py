"""apprise on a short lead: it reaches what we allow, and nothing else of this machine."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from century.core.egress import parse_networks
from century.core.errors import Invalid, Unavailable
from century.core.outbound import Outbound
from century.core.settings import Settings
from century.notify import contained
from century.notify.channel import ChannelKind
from century.notify.channels import apprise
from century.notify.child import Forbidden, Guard
from century.notify.courier import Courier
from century.notify.event import Event
from century.notify.message import Message
from century.notify.tables import DeliveryRow, NotificationRow
from century.notify.wire import Config, Permanent, Receipt, Temporary, Wire
from tests.notify.conftest import Stored
from tests.notify.receivers import Answer, Receiver
from tests.world import START

MESSAGE = Message(Event.TEST, "msg_1", START, (), 0, "https://century.example/monitoring/alerts")


def config(url: str) -> Config:
    return Config({"url": url}, frozenset({"url"}))


def wire(settings: Settings) -> Wire:
    return Wire(Outbound(settings.egress_allow), settings)


async def test_a_service_is_reached_through_the_child(near: Settings, receiver: Receiver) -> None:
    url = receiver.url.replace("http://", "json://")
    receipt = await apprise.send(config(url), MESSAGE, wire(near))
    assert receipt.detail == "JSON took it"
    said = receiver.received[0].json
    assert said["title"] == "Century: a test of this channel"
    assert "msg_1" in said["message"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(Answer(500), Temporary, id="it may work later"),
        pytest.param(Answer(410), Permanent, id="gone for good"),
    ],
)
async def test_the_services_own_words_come_back(
    near: Settings, receiver: Receiver, answer: Answer, error: type[Exception]
) -> None:
    receiver.otherwise = answer
    with pytest.raises(error, match=f"error={answer.status}"):
        await apprise.send(config(receiver.url.replace("http://", "json://")), MESSAGE, wire(near))


async def test_a_forbidden_address_is_not_reached(settings: Settings, receiver: Receiver) -> None:
    with pytest.raises(Permanent, match="127.0.0.1 may not be reached from here: open it with MONITORING_EGRESS_ALLOW"):
        await apprise.send(config(receiver.url.replace("http://", "json://")), MESSAGE, wire(settings))
    assert receiver.received == []


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param("nothing", "an apprise address looks like", id="no address"),
        pytest.param("nosuch://x", "apprise knows no nosuch:// services", id="an unknown service"),
        pytest.param("tgram://x", "this is no complete tgram:// address", id="incomplete"),
        pytest.param("dbus://", "is this machine itself", id="the desktop of the server"),
        pytest.param("syslog://", "is this machine itself", id="the log of the server"),
        pytest.param("json://169.254.169.254/", "is never reached from here", id="a cloud's metadata"),
        pytest.param("json://10.0.0.1/", "a private address", id="a private address"),
    ],
)
async def test_what_cannot_work_is_refused_when_it_is_saved(settings: Settings, url: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence) as refused:
        await apprise.check(config(url), wire(settings))
    assert list(refused.value.fields) == ["url"]


async def test_a_service_that_hangs_is_ended(near: Settings, receiver: Receiver) -> None:
    receiver.otherwise = Answer(never=True)
    work = {"do": "send", "url": receiver.url.replace("http://", "json://"), "title": "t", "body": "b", "type": "info",
            "allow": ["127.0.0.0/8"]}  # fmt: skip
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="did not answer within 3 s"):
        await contained.run(work, 3)
    assert time.monotonic() - begun < 8


async def test_a_child_waits_for_its_turn_and_then_has_all_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    running, go_on = [], asyncio.Event()

    async def slow(work: dict[str, int], seconds: float) -> dict[str, int]:
        running.append((work["number"], seconds))
        await go_on.wait()
        return work

    monkeypatch.setattr(contained, "_run", slow)
    asked = [asyncio.create_task(contained.run({"number": number}, 3)) for number in range(contained.MOST + 2)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(running) == contained.MOST
    go_on.set()
    assert [each["number"] for each in await asyncio.gather(*asked)] == list(range(contained.MOST + 2))
    assert running[-1] == (contained.MOST + 1, 3)


async def test_what_waits_for_a_child_is_not_claimed_yet(
    courier: Courier, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending, go_on = asyncio.Event(), asyncio.Event()

    async def slow(config: Config, message: Message, wire: Wire) -> Receipt:
        sending.set()
        await go_on.wait()
        return Receipt("taken")

    monkeypatch.setattr(apprise, "send", slow)
    monkeypatch.setattr(courier, "_children", asyncio.Semaphore(1))
    alert = await stored.alert()
    for name in ("first", "second"):
        url = {"url": f"json://{name}.example.com"}
        await stored.want(alert, await stored.channel(name, ChannelKind.APPRISE, secrets=url))
    settled = asyncio.create_task(courier.settle())
    await sending.wait()
    # Its lane stands at the door, or is there by now: either way nothing of it may be on its way.
    for _ in range(3):
        await courier.sweep()
    assert sorted(await stored.rows(NotificationRow, "state")) == ["sending", "waiting"]
    assert len(await stored.rows(DeliveryRow, "id")) == 1
    go_on.set()
    await settled
    assert await stored.rows(NotificationRow, "state") == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        pytest.param("subprocess.Popen", ("sh",), id="start a program"),
        pytest.param("os.posix_spawn", ("sh",), id="start it another way"),
        pytest.param("os.fork", (), id="split"),
        pytest.param("open", ("/etc/passwd", "r", os.O_RDONLY), id="read a file of the machine"),
        pytest.param("open", ("/proc/self/environ", "r", os.O_RDONLY), id="read what it was started with"),
        pytest.param("open", ("/etc/ssl/../passwd", "r", os.O_RDONLY), id="read it by a detour"),
        pytest.param("open", ("/tmp/x", "w", os.O_WRONLY | os.O_CREAT), id="write a file"),
        pytest.param("os.remove", ("/tmp/x",), id="remove one"),
        pytest.param("socket.bind", (None, ("0.0.0.0", 80)), id="listen"),
    ],
)  # fmt: skip
def test_what_the_child_may_not_do(event: str, arguments: tuple[object, ...]) -> None:
    guard = Guard(parse_networks(["127.0.0.0/8"]))
    with pytest.raises(Forbidden):
        guard(event, arguments)
    assert guard.refused


def test_what_the_child_may_do() -> None:
    guard = Guard(parse_networks(["127.0.0.0/8"]))
    import socket

    import certifi

    with socket.socket() as sock:
        for where in (("8.8.8.8", 443), ("127.0.0.1", 80)):
            guard("socket.connect", (sock, where))
        for where in (("10.0.0.1", 80), ("169.254.169.254", 80), ("localhost", 80), ("::ffff:10.0.0.1", 80)):
            with pytest.raises(Forbidden):
                guard("socket.connect", (sock, where))
    guard("open", (certifi.where(), "r", os.O_RDONLY))
    guard("open", (str(Path("/etc/hosts")), "r", os.O_RDONLY))
    guard("import", ("json",))
