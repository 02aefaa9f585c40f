"""What is watched from outside, from a target that fails to a person who is told."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from century.core.clock import SystemClock
from century.probes.jobs import beat_all
from century.probes.kind import ProbeKind
from century.probes.problems import Draft
from century.process import end
from tests.probes.databases import PASSWORD, PostgresServer
from tests.probes.probing import Door, Probing, door
from tests.probes.servers import answer, answering, listening, tls_server
from tests.stories.telling import Receiver, Story
from tests.stories.test_alerts import told

EVERY = timedelta(seconds=10)


class Outside(Probing):
    """A worker that asks in a story."""

    def __init__(self, story: Story) -> None:
        super().__init__(story.world)
        self.story = story

    async def asks(self, times: int = 1, seconds: float = 5) -> None:
        """So many rounds, so far apart, and what follows each."""
        for _ in range(times):
            self.world.advance(seconds=seconds)
            await self.round()
            await self.story.settle()


@pytest.fixture
async def outside(story: Story) -> AsyncIterator[Outside]:
    made = Outside(story)
    await made.runner.start()
    yield made
    await made.runner.stop()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path_factory.mktemp("watched"))
    server.create()
    server.start()
    yield server
    server.stop()


def alerts(pager: Receiver, event: str = "firing") -> list[Any]:
    """Every alert that a pager was told of."""
    return [alert for message in told(pager, event) for alert in message["alerts"]]


async def test_a_database_that_dies_pages_and_what_recovers_resolves(
    story: Story, outside: Outside, pager: Receiver, database: PostgresServer
) -> None:
    await story.webhook("Pager", pager.url)
    draft = Draft("main db", ProbeKind.POSTGRES, {"url": database.url, "password": PASSWORD}, interval=EVERY)
    await outside.save(draft)
    await outside.asks(2, 10)
    assert not alerts(pager)
    assert database.process is not None
    end(database.process, signal.SIGINT, 5)
    await outside.asks(1, 10)
    began = story.clock.now()
    await outside.asks(1)
    assert not alerts(pager), "two failures are doubt"
    await outside.asks(1)
    (alert,) = alerts(pager)
    assert (alert["rule"], alert["severity"]) == ("database_connection_failure", "critical")
    assert alert["summary"].startswith("It is down: ") and "refuse" in alert["summary"]
    assert "Check database service status" in alert["steps"][0]
    database.start()
    await outside.asks(3)
    assert [each["subject"] for each in alerts(pager, "resolved")] == ["main db"]
    seen = await story.alert("main db")
    assert (seen["state"], seen["summary"]) == ("RESOLVED", alert["summary"].replace("It", "main db", 1))
    assert "Well again: main db is up" in [each["message"] for each in seen["timeline"]]
    (row,) = await story.rows("SELECT at FROM probe_change WHERE state = 'down'")
    assert row.at == began, "the ledger has the first failure"


async def test_what_hangs_on_what_is_down_does_not_page(story: Story, outside: Outside, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    async with door() as router, door() as shop:
        parent = await outside.make("router", router.port)
        await outside.make("shop", shop.port, parent_id=parent.id)
        await outside.asks(2, 10)
        await shut(router, shop)
        await outside.asks(6)
        assert [each["subject"] for each in alerts(pager)] == ["router"]
        await router.open()
        await shop.open()
        await outside.asks(6)
    assert [each["subject"] for each in alerts(pager, "resolved")] == ["router"]
    assert len(alerts(pager)) == 1


async def shut(*doors: Door) -> None:
    for each in doors:
        await each.shut()


async def test_a_certificate_is_told_of_as_it_comes_to_its_end(story: Story, outside: Outside, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    authority = trustme.CA()
    ends = (SystemClock().now() + timedelta(days=200)).replace(microsecond=0)
    certificate = authority.issue_cert("localhost", not_after=ends)
    async with listening(silent, tls_server(certificate)) as server:
        settings = {"host": "localhost", "port": str(server.port), "ca": authority.cert_pem.bytes().decode()}
        story.clock.instant = ends - timedelta(days=30)
        await outside.save(Draft("shop", ProbeKind.TLS, settings))
        said = []
        for days in (22, 20.5, 20, 13.5, 10, 6.5, 2):
            story.clock.instant = ends - timedelta(days=days)
            await outside.asks()
            said.append([each["rule"] for each in alerts(pager)])
    assert said == [
        [], *[["certificate_expiring"]] * 2, *[["certificate_expiring", "certificate_expiring_14_days"]] * 2,
        *[["certificate_expiring", "certificate_expiring_14_days", "certificate_expiring_7_days"]] * 2,
    ]  # fmt: skip
    assert alerts(pager)[0]["severity"] == "info"


async def test_what_has_no_rule_of_its_own_warns_when_it_is_down(
    story: Story, outside: Outside, pager: Receiver
) -> None:
    await story.webhook("Pager", pager.url)
    async with listening(silent, tls_server(trustme.CA().issue_cert("localhost"))) as server:
        await outside.save(Draft("shop", ProbeKind.TLS, {"host": "localhost", "port": str(server.port)}))
        await outside.asks(2)
        assert not alerts(pager), "two failures are doubt"
        await outside.asks()
    (alert,) = alerts(pager)
    assert (alert["rule"], alert["severity"]) == ("probe_down", "warning")
    assert alert["summary"].startswith("It is down: "), "a certificate that nobody trusts"


async def silent(reader: Any, writer: Any) -> None:
    await reader.read()
    writer.close()


async def test_a_nightly_job_that_is_silent_is_told_of_and_heard_of_again(story: Story, pager: Receiver) -> None:
    await story.webhook("Pager", pager.url)
    asked = {"name": "nightly", "cron": "0 2 * * *", "timeZone": "Europe/Vienna", "grace": "PT30M"}
    made = await story.admin.do("saveHeartbeat", asked, "heartbeat { pingUrl expectedBy }")
    address = made["heartbeat"]["pingUrl"].removeprefix(story.settings.public_url)
    story.clock.instant = datetime(2026, 11, 3, 1, 0, 20, tzinfo=UTC)
    assert (await story.http.post(address)).status_code == 200
    await beat(story)
    story.clock.instant = datetime(2026, 11, 4, 1, 29, tzinfo=UTC)
    await beat(story)
    assert not alerts(pager)
    story.clock.instant = datetime(2026, 11, 4, 1, 30, 1, tzinfo=UTC)
    await beat(story)
    (alert,) = alerts(pager)
    assert (alert["rule"], alert["severity"]) == ("heartbeat_missing", "warning")
    assert alert["summary"] == "It has not reported since 3 Nov 02:00, expected by 4 Nov 02:30 (Europe/Vienna)"
    assert "whether it began at all" in alert["steps"][0]
    story.clock.instant = datetime(2026, 11, 4, 2, 0, tzinfo=UTC)
    await story.http.post(address + "/1", content="disk full")
    await beat(story)
    assert len(alerts(pager)) == 1 and not alerts(pager, "resolved"), "it is heard of, and failed"
    story.clock.instant = datetime(2026, 11, 4, 2, 5, tzinfo=UTC)
    await story.http.post(address + "/0")
    await beat(story)
    assert [each["rule"] for each in alerts(pager, "resolved")] == ["heartbeat_missing"]


async def beat(story: Story) -> None:
    await beat_all(story.works)
    await story.settle()


async def test_somebody_elses_api_that_fails_and_that_has_no_calls_left_is_told_of(
    story: Story, outside: Outside, pager: Receiver
) -> None:
    await story.webhook("Pager", pager.url)
    failed, spent = answer(b"", "500 Internal Server Error"), "X-RateLimit-Remaining: 5"
    limit = "X-RateLimit-Limit: 100"
    said = (
        [failed] * 2
        + [answer(b"", "200 OK", limit, spent)] * 2
        + [answer(b"", "200 OK", limit, "X-RateLimit-Remaining: 90")]
    )
    async with listening(answering(*said)) as server:
        settings = {"url": server.url, "failureWindow": "4"}
        await outside.save(Draft("payments", ProbeKind.EXTERNAL_API, settings, interval=EVERY))
        await outside.asks(2, 10)
        (failing,) = alerts(pager)
        assert (failing["rule"], failing["severity"]) == ("external_api_failing", "warning")
        await outside.asks(2, 10)
        limited = alerts(pager)[-1]
        assert (limited["rule"], limited["severity"]) == ("external_api_rate_limited", "warning")
        await outside.asks(4, 10)
    over = sorted(each["rule"] for each in alerts(pager, "resolved"))
    assert over == ["external_api_failing", "external_api_rate_limited"]
    assert len(alerts(pager)) == 2


async def test_a_backup_that_is_too_old_is_told_of_until_there_is_a_newer_one(
    story: Story, outside: Outside, pager: Receiver, tmp_path: Path
) -> None:
    await story.webhook("Pager", pager.url)
    outside.settings = replace(outside.settings, backup_paths=(tmp_path,))
    outside.runner.wire = replace(outside.runner.wire, settings=outside.settings)
    backup(tmp_path, "monday.dump", story.clock.now() - timedelta(hours=47))
    await outside.save(Draft("nightly dump", ProbeKind.BACKUP, {"folder": str(tmp_path), "pattern": "*.dump"}))
    await outside.asks(1)
    assert not alerts(pager), "it may be two days old"
    await outside.asks(1, 2 * 3600)
    (alert,) = alerts(pager)
    assert (alert["rule"], alert["severity"]) == ("backup_stale", "warning")
    backup(tmp_path, "wednesday.dump", story.clock.now())
    await outside.asks(1, 3600)
    assert [each["rule"] for each in alerts(pager, "resolved")] == ["backup_stale"]


def backup(folder: Path, name: str, at: datetime) -> None:
    """A backup of an instant, with its checksum."""
    path = folder / name
    path.write_bytes(b"everything")
    os.utime(path, (at.timestamp(), at.timestamp()))
    (folder / f"{name}.sha256").write_text(f"{hashlib.sha256(b'everything').hexdigest()}  {name}\n")
