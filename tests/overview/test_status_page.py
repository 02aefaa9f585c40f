"""The status page as anybody sees it, from what is stored."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import httpx
import numpy as np
import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text

from century.core.db import connect
from century.core.errors import Invalid
from century.core.ids import new_id
from century.core.work import Works
from century.overview import announcements, status_items, status_page
from century.overview.status import Snapshot, StatusKind, StatusLevel
from century.overview.status_draft import AnnouncementDraft, GroupDraft, ItemDraft, PageDraft
from century.telemetry import compaction
from century.telemetry.instants import nanoseconds
from century.telemetry.query import Reader
from tests.telemetry.door import Door, opened
from tests.telemetry.feed import Feed, sketches
from tests.telemetry.messages import Metrics
from tests.world import World

HTML = {"accept": "text/html", "authorization": ""}


@pytest.fixture(autouse=True)
def nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each look reads anew, unless a test says otherwise."""
    monkeypatch.setattr(status_page, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(status_page, "AGAIN_SECONDS", 0.0)
    yield


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world, world.clock) as door:
        yield door


async def plant(world: World, statement: str, **parameters: Any) -> None:
    async with world.works.begin() as work:
        await work.execute(text(statement), parameters)


async def probe(world: World, name: str, *ledger: tuple[float, str], **labels: str) -> UUID:
    """A probe whose states these are, each so many hours ago."""
    now = world.clock.now()
    number = new_id(now)
    await plant(
        world,
        "INSERT INTO probe (id, name, kind, enabled, settings, service, labels, interval_s, timeout_s, retry_s, failures,"
        " successes, shard, version, created_at, updated_at, updated_by_name) VALUES (:id, :name, 'http', true,"
        """ '{"url": "http://10.9.8.7/secret"}', NULL, CAST(:labels AS jsonb), 60, 10, 5, 3, 2, 0, 1, :at, :at, 'nobody')""",
        id=number, name=name, at=now, labels=orjson.dumps(labels).decode(),
    )  # fmt: skip
    await plant(
        world,
        "INSERT INTO probe_now (probe_id, state, since, streak, streak_ok, message, facts, memory, recent, updated_at)"
        " VALUES (:id, :state, :since, 0, true, 'no route to 10.9.8.7', '[]', '{}', '', :since)",
        id=number, state=ledger[-1][1], since=now - timedelta(hours=ledger[-1][0]),
    )  # fmt: skip
    for hours, state in ledger:
        await plant(
            world,
            "INSERT INTO probe_change (probe_id, at, state, reason) VALUES (:id, :at, :state, 'no route to 10.9.8.7')",
            id=number, at=now - timedelta(hours=hours), state=state,
        )  # fmt: skip
    return number


async def heartbeat(world: World, name: str, state: str, *ledger: tuple[float, str]) -> UUID:
    now = world.clock.now()
    number = new_id(now)
    await plant(
        world,
        "INSERT INTO heartbeat (id, name, enabled, labels, token_hash, token_sealed, period_s, time_zone, grace_s, state,"
        " since, fence, version, created_at, updated_at, updated_by_name) VALUES (:id, :name, true, '{}', :hash, '', 3600,"
        " 'UTC', 60, :state, :at, 0, 1, :at, :at, 'nobody')",
        id=number, name=name, hash=number.bytes, state=state, at=now,
    )  # fmt: skip
    for hours, was in ledger:
        await plant(
            world,
            "INSERT INTO heartbeat_change (heartbeat_id, at, state, reason) VALUES (:id, :at, :state, '')",
            id=number, at=now - timedelta(hours=hours), state=was,
        )  # fmt: skip
    return number


async def alert(world: World, severity: str, hours: float, ended: float | None = None, **about: str) -> None:
    now = world.clock.now()
    await plant(
        world,
        "INSERT INTO alert (id, rule_id, rule_name, rule, subject, service, attributes, severity, state, episode, summary,"
        " unit, evidence, opened_at, resolved_at, updated_at, level) VALUES (:id, :rule, 'rule', '{}', 'it', :service,"
        " CAST(:attributes AS jsonb), :severity, :state, 1, 'secret', '', '{}', :opened, :resolved, :opened, 0)",
        id=new_id(now), rule=new_id(now), service=about.get("service"), severity=severity,
        attributes=orjson.dumps({key: about[key] for key in about if key == "probe"}).decode(),
        state="firing" if ended is None else "resolved", opened=now - timedelta(hours=hours),
        resolved=None if ended is None else now - timedelta(hours=ended),
    )  # fmt: skip


async def show(world: World, *items: tuple[StatusKind, object, str], published: bool = True) -> None:
    chosen = tuple(ItemDraft(kind, str(source), name) for kind, source, name in items)
    draft = PageDraft(published, "Status of Shop", "", (GroupDraft("Website", chosen),) if chosen else ())
    async with world.works.begin() as work:
        await status_items.save(work, draft)


async def seen(world: World) -> Snapshot:
    return await status_page.read(world.works, Reader(world.works.engine))


class TestWhoSees:
    async def test_nobody_until_it_is_published(self, door: Door) -> None:
        for path in ("/status", "/status/badge/all.svg"):
            answer = await door.client.get(path, headers={"authorization": ""})
            assert answer.status_code == 404, path
        answer = await door.client.get("/status", headers=HTML)
        assert answer.status_code == 404
        assert "There is no status page here" in answer.text
        await show(door.world, published=False)
        assert (await door.client.get("/status", headers=HTML)).status_code == 404

    async def test_anybody_once_it_is(self, door: Door) -> None:
        await show(door.world)
        answer = await door.client.get("/status", headers=HTML)
        assert answer.status_code == 200
        assert "Nothing is shown here yet" in answer.text
        assert answer.headers["cache-control"] == "public, max-age=30"
        assert "style-src 'self'" in answer.headers["content-security-policy"]

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
    async def test_it_is_only_read(self, door: Door, method: str) -> None:
        assert (await door.client.request(method, "/status")).status_code == 405

    async def test_what_was_not_changed_is_not_sent_again(self, door: Door) -> None:
        await show(door.world)
        answer = await door.client.get("/status", headers=HTML)
        again = await door.client.get("/status", headers={**HTML, "if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert answer.headers["content-encoding"] == "gzip"
        plain = await door.client.get("/status", headers={**HTML, "accept-encoding": "identity"})
        assert plain.text == answer.text

    async def test_its_style_lies_beside_it(self, door: Door) -> None:
        answer = await door.client.get("/status/style.css", headers={"authorization": ""})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/css; charset=utf-8"


async def test_probes_are_shown_by_the_names_people_chose_and_nothing_else(door: Door) -> None:
    front = await probe(door.world, "prod-lb-7.internal", (3000, "up"), (30, "down"), (29, "up"))
    back = await probe(door.world, "db-3.internal", (2000, "up"), (2, "down"))
    await show(door.world, (StatusKind.PROBE, front, "Web shop"), (StatusKind.PROBE, back, "Search"))
    found = await seen(door.world)
    shop, search = found.items
    assert (shop.level, search.level, found.level) == (StatusLevel.OPERATIONAL, StatusLevel.DOWN, StatusLevel.DEGRADED)
    assert search.since == door.world.clock.now() - timedelta(hours=2)
    # Ninety days, the last of which is nine hours old.
    assert shop.uptime == pytest.approx(1 - 1 / (89 * 24 + 9))
    assert len(shop.days.at) == 90
    assert [round(each) for each in shop.days.down[-3:]] == [0, 3600, 0]
    assert [(each.name, each.ended_at is None) for each in found.incidents] == [("Search", True), ("Web shop", False)]
    answer = await door.client.get("/status", headers=HTML)
    assert "Search is down" in answer.text
    for secret in ("internal", "10.9.8.7", "no route", str(front)):
        assert secret not in answer.text


async def test_states_in_which_nobody_knows_count_for_nothing(world: World) -> None:
    front = await probe(world, "front", (48, "up"), (24, "blocked"), (12, "unknown"), (6, "paused"))
    await show(world, (StatusKind.PROBE, front, "Web shop"))
    found = await seen(world)
    assert found.items[0].level is StatusLevel.UNKNOWN
    assert found.items[0].uptime == 1.0
    assert math.isnan(found.items[0].days.uptime[0])
    assert found.incidents == ()


async def test_an_open_alert_of_what_answers_degrades_it(world: World) -> None:
    front, back = await probe(world, "front", (9, "up")), await probe(world, "back", (9, "up"))
    await show(world, (StatusKind.PROBE, front, "Web shop"), (StatusKind.PROBE, back, "Search"))
    await alert(world, "warning", 3, probe="front")
    await alert(world, "critical", 3, ended=1, probe="back")
    shop, search = (await seen(world)).items
    assert (shop.level, shop.since) == (StatusLevel.DEGRADED, world.clock.now() - timedelta(hours=3))
    assert search.level is StatusLevel.OPERATIONAL


async def test_maintenance_is_shown_and_left_out(world: World) -> None:
    front = await probe(world, "front", (2000, "up"), (2, "down"), tier="web")
    await show(world, (StatusKind.PROBE, front, "Web shop"))
    now = world.clock.now()
    await plant(
        world,
        "INSERT INTO maintenance_window (id, matchers, starts_at, ends_at, time_zone, reason, created_at, created_by_name)"
        """ VALUES (:id, '[{"field": "attribute", "operator": "is", "value": "web", "key": "tier"}]', :start, :end, 'UTC',"""
        " 'secret move', :start, 'nobody')",
        id=new_id(now), start=now - timedelta(hours=3), end=now + timedelta(hours=1),
    )  # fmt: skip
    found = await seen(world)
    assert (found.items[0].level, found.level) == (StatusLevel.MAINTENANCE, StatusLevel.MAINTENANCE)
    assert found.items[0].since == now - timedelta(hours=3)
    assert found.items[0].uptime == 1.0
    assert found.incidents == ()


async def test_a_heartbeat_is_judged_by_its_ledger(world: World) -> None:
    nightly = await heartbeat(world, "nightly", "running", (50, "up"), (5, "failed"))
    weekly = await heartbeat(world, "weekly", "up", (50, "up"))
    await show(world, (StatusKind.HEARTBEAT, nightly, "Orders"), (StatusKind.HEARTBEAT, weekly, "Bills"))
    found = await seen(world)
    assert [each.level for each in found.items] == [StatusLevel.DOWN, StatusLevel.OPERATIONAL]
    assert found.items[0].since == world.clock.now() - timedelta(hours=5)
    assert [each.text for each in found.incidents] == ["Orders has not been heard of as expected for 5 h."]


async def test_a_service_is_judged_by_its_requests_and_its_alerts(door: Door) -> None:
    world = door.world
    sent = Metrics(now=int(world.clock.now().timestamp() * 1e9))
    assert (await door.send(sent.gauge("water", 1.0).message.SerializeToString())).status_code == 200
    await show(world, (StatusKind.SERVICE, "shop", "Web shop"))
    world.advance(seconds=5)
    (shop,) = (await seen(world)).items
    assert (shop.level, len(shop.days.at), shop.uptime) == (StatusLevel.OPERATIONAL, 90, None)
    await alert(world, "critical", 0.5, service="shop")
    await alert(world, "critical", 4, ended=3, service="shop")
    await alert(world, "warning", 7, ended=6, service="shop")
    found = await seen(world)
    assert found.items[0].level is StatusLevel.DEGRADED
    assert [each.text for each in found.incidents] == [
        "Web shop has been disturbed for 30 min.", "Web shop was disturbed for 1 h.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "held"),
    [
        pytest.param("service", "shop", True, id="of the service"),
        pytest.param("service", "mail", False, id="of another"),
        pytest.param("severity", "critical", False, id="of some of its alerts only"),
    ],
)
async def test_maintenance_is_left_out_of_the_days_of_a_service(
    world: World, field: str, value: str, held: bool
) -> None:
    shop = await Feed.new(world.works)
    good, bad = await shop.series(), await shop.series(error__type="timeout")
    now, one = world.clock.now(), np.array([0.1])
    minutes = [now - timedelta(days=2) + timedelta(minutes=number, seconds=5) for number in range(100)]
    for series, mine in ((good, minutes[:50]), (bad, minutes[50:])):
        await shop.send(sketches(series, [nanoseconds(at) for at in mine], [one] * len(mine)))
    await compaction.compact(world.works)
    await plant(
        world,
        "INSERT INTO maintenance_window (id, matchers, starts_at, ends_at, time_zone, reason, created_at, created_by_name)"
        " VALUES (:id, CAST(:matchers AS jsonb), :start, :end, 'UTC', 'move', :start, 'nobody')",
        id=new_id(now), matchers=orjson.dumps([{"field": field, "operator": "is", "value": value, "key": ""}]).decode(),
        start=minutes[60], end=minutes[79],
    )  # fmt: skip
    await show(world, (StatusKind.SERVICE, "shop", "Web shop"))
    (item,) = (await seen(world)).items
    down, known = (30, 80) if held else (50, 100)
    assert item.uptime == 50 / known
    assert item.days.down[-3:] == [down * 60, 0, 0]
    assert item.days.uptime[-3] == 50 / known


async def test_what_is_removed_is_shown_no_more(world: World) -> None:
    front = await probe(world, "front", (9, "up"))
    await show(world, (StatusKind.PROBE, front, "Web shop"))
    await plant(world, "DELETE FROM probe")
    assert (await seen(world)).groups == ()


class TestSaving:
    async def test_a_badge_keeps_its_address_when_its_thing_is_renamed(self, world: World) -> None:
        front, back = await probe(world, "front", (9, "up")), await probe(world, "back", (9, "up"))
        await show(world, (StatusKind.PROBE, front, "Web shop"), (StatusKind.PROBE, back, "Web shop"))
        before = {each.source: (each.id, each.slug) for each in (await seen(world)).items}
        assert [slug for _, slug in before.values()] == ["web-shop", "web-shop-2"]
        await show(world, (StatusKind.PROBE, back, "Search"), (StatusKind.PROBE, front, "Other"))
        after = (await seen(world)).items
        assert [each.name for each in after] == ["Search", "Other"]
        assert {each.source: (each.id, each.slug) for each in after} == before

    async def test_every_bad_field_is_named(self, world: World) -> None:
        front = await probe(world, "front", (9, "up"))
        good, gone = ItemDraft(StatusKind.PROBE, str(front), "Web shop"), ItemDraft(StatusKind.SERVICE, "nowhere", "")
        draft = PageDraft(
            True, "", "x" * 5_001, (GroupDraft("A", (good, good, gone)), GroupDraft("A", ()), GroupDraft("", ()))
        )
        with pytest.raises(Invalid) as refused:
            async with world.works.begin() as work:
                await status_items.save(work, draft)
        assert refused.value.fields == {
            "title": "the page's title has 1 to 100 printable characters",
            "text": "the text may have 5000 characters at most",
            "groups.0.items.1.source": "the page shows this probe already",
            "groups.0.items.2.name": "what people read has 1 to 100 printable characters",
            "groups.0.items.2.source": "no service 'nowhere' is known",
            "groups.1.name": "there is a group 'A' already",
            "groups.2.name": "each of several groups has a name",
        }

    async def test_a_published_page_that_shows_nothing_may_not_be_meant(self, world: World) -> None:
        async with world.works.begin() as work:
            warnings = await status_items.save(work, PageDraft(True, "Status", "", ()))
        assert [each.field for each in warnings] == ["groups"]

    async def test_what_is_announced_is_shown_changed_and_taken_back(self, world: World) -> None:
        async with world.works.begin() as work:
            made = await announcements.save(work, AnnouncementDraft("We move", level=StatusLevel.MAINTENANCE))
        assert (await seen(world)).level is StatusLevel.MAINTENANCE
        world.advance(hours=1)
        async with world.works.begin() as work:
            draft = AnnouncementDraft("We moved", level=StatusLevel.MAINTENANCE, ends_at=work.now, id=made.id)
            changed = await announcements.save(work, draft)
        assert (changed.starts_at, changed.title) == (made.starts_at, "We moved")
        found = await seen(world)
        assert (found.level, len(found.announcements)) == (StatusLevel.UNKNOWN, 1)
        async with world.works.begin() as work:
            await announcements.remove(work, made.id)
        assert (await seen(world)).announcements == ()

    async def test_an_announcement_that_cannot_be_taken(self, world: World) -> None:
        draft = AnnouncementDraft("", level=StatusLevel.UNKNOWN, ends_at=world.clock.now())
        with pytest.raises(Invalid) as refused:
            async with world.works.begin() as work:
                await announcements.save(work, draft)
        assert set(refused.value.fields) == {"title", "level", "endsAt"}


class TestBadges:
    async def test_a_badge_may_be_put_in_anywhere(self, door: Door) -> None:
        front = await probe(door.world, "front", (9, "down"))
        await show(door.world, (StatusKind.PROBE, front, "Web shop"))
        answer = await door.client.get("/status/badge/web-shop.svg", headers={"authorization": ""})
        assert answer.headers["content-type"] == "image/svg+xml"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "Web shop: Down" in answer.text
        assert "Status of Shop: Down" in (await door.client.get("/status/badge/all.svg")).text

    @pytest.mark.parametrize("name", ["nothing.svg", "all", "all.png"])
    async def test_there_is_no_other(self, door: Door, name: str) -> None:
        await show(door.world)
        assert (await door.client.get(f"/status/badge/{name}")).status_code == 404


@pytest.mark.parametrize("said", ["a\x0cb", "\x01", "\uffff"])
async def test_what_a_feed_cannot_hold_is_not_announced(door: Door, said: str) -> None:
    told = {"text": "the text may have lines, but no control characters"}
    with pytest.raises(Invalid) as refused:
        async with door.world.works.begin() as work:
            await announcements.save(work, AnnouncementDraft("We move", said))
    assert refused.value.fields == told
    with pytest.raises(Invalid) as refused:
        async with door.world.works.begin() as work:
            await status_items.save(work, PageDraft(True, "Shop", said, ()))
    assert refused.value.fields == told
    async with door.world.works.begin() as work:
        await announcements.save(work, AnnouncementDraft("We move", "two\n\tlines \N{MAN}\u200d\N{PERSONAL COMPUTER}"))


async def test_a_feed_tells_what_went_wrong_and_what_was_announced(door: Door) -> None:
    front = await probe(door.world, "front", (3000, "up"), (30, "down"), (29, "up"), (2, "down"))
    await show(door.world, (StatusKind.PROBE, front, "Web <shop>"))
    async with door.world.works.begin() as work:
        await announcements.save(work, AnnouncementDraft("We move", "Patience & thanks"))
    answer = await door.client.get("/status/feed.xml", headers={"authorization": ""})
    assert answer.headers["content-type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.content)
    found = [(each.findtext("{*}title"), each.findtext("{*}content")) for each in feed.findall("{*}entry")]
    assert found == [
        ("We move", "Patience & thanks"),
        ("Web <shop>: down", "Web <shop> is down."),
        ("Web <shop>: over", "Web <shop> was down for 1 h."),
    ]
    keys = [each.findtext("{*}id") for each in feed.findall("{*}entry")]
    door.world.advance(minutes=5)
    again = ElementTree.fromstring((await door.client.get("/status/feed.xml")).content)
    assert [each.findtext("{*}id") for each in again.findall("{*}entry")] == keys
    assert again.findtext("{*}updated") == feed.findtext("{*}updated")


class TestWithoutADatabase:
    async def test_what_was_read_is_shown_for_a_while_and_says_so(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await show(door.world)
        assert (await door.client.get("/status", headers=HTML)).status_code == 200
        away = connect("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
        monkeypatch.setattr(door.app.status, "_works", Works(away, door.world.clock, door.world.bus))
        answer = await door.client.get("/status", headers=HTML)
        assert answer.status_code == 200
        assert "cannot be read anew" in answer.text
        monkeypatch.setattr(status_page, "STALE_SECONDS", 0.0)
        answer = await door.client.get("/status", headers=HTML)
        assert answer.status_code == 503
        assert "cannot be read" in answer.text
        assert answer.headers["retry-after"] == "30"
        await away.dispose()

    async def test_many_who_look_at_once_read_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(status_page, "KEPT_SECONDS", 10.0)
        reads = 0

        async def counted(works: Works, reader: Reader) -> Snapshot:
            nonlocal reads
            reads += 1
            return await real(works, reader)

        real = status_page.read
        monkeypatch.setattr(status_page, "read", counted)
        async with opened(world.settings, world, world.clock) as door:
            await show(world)
            async with httpx.AsyncClient(base_url=door.address) as client:
                found = await asyncio.gather(*(client.get("/status", headers=HTML) for _ in range(5)))
                assert {each.status_code for each in found} == {200}
        assert reads == 1
