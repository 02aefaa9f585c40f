"""How things stand, in words for people without an account."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4
from xml.etree import ElementTree

import numpy as np
import pytest

from century.overview.badge import COLOURS, GROUND, badge
from century.overview.bars import bars, described, percent, troubles, width
from century.overview.showing import history, page
from century.overview.standings import days_served
from century.overview.status import (
    Announcement,
    Snapshot,
    StatusGroup,
    StatusIncident,
    StatusItem,
    StatusKind,
    StatusLevel,
    headline,
    level_of,
    level_of_service,
    outages,
    slug_of,
    whole,
)
from century.overview.status import troubles as troubles_of_service
from century.probes.uptime import Days, Span
from century.rules.severity import Severity
from century.telemetry.health import Health
from century.telemetry.performance import Availability
from century.telemetry.slots import SECOND, Slots
from tests.world import START

OK, DEGRADED, DOWN, MAINTENANCE, UNKNOWN = StatusLevel
CRITICAL, WARNING, INFO = Severity


@pytest.mark.parametrize(
    ("up", "worst", "maintained", "expected"),
    [
        pytest.param(True, None, False, OK, id="up"),
        pytest.param(True, INFO, False, OK, id="an alert that can wait is nobody's business"),
        pytest.param(True, WARNING, False, DEGRADED, id="up, with a warning"),
        pytest.param(True, CRITICAL, False, DEGRADED, id="what answers is not down, whatever the alert"),
        pytest.param(False, None, False, DOWN, id="down, before anybody was alerted"),
        pytest.param(None, CRITICAL, False, UNKNOWN, id="blocked, paused or never asked"),
        pytest.param(False, CRITICAL, True, MAINTENANCE, id="down while it is maintained"),
        pytest.param(True, None, True, MAINTENANCE, id="up while it is maintained"),
    ],
)  # fmt: skip
def test_the_level_of_what_is_watched(
    up: bool | None, worst: Severity | None, maintained: bool, expected: StatusLevel
) -> None:
    assert level_of(up, worst, maintained=maintained) is expected


@pytest.mark.parametrize(
    ("health", "worst", "maintained", "expected"),
    [
        pytest.param(Health.HEALTHY, None, False, OK, id="healthy"),
        pytest.param(Health.HEALTHY, CRITICAL, False, DEGRADED, id="a critical alert while requests go well"),
        pytest.param(Health.UNHEALTHY, None, False, DEGRADED, id="requests fail"),
        pytest.param(Health.UNHEALTHY, CRITICAL, False, DOWN, id="requests fail, and it is critical"),
        pytest.param(Health.DEGRADED, None, False, DEGRADED, id="a target is missed"),
        pytest.param(Health.SILENT, None, False, UNKNOWN, id="nothing is heard, and nobody minds"),
        pytest.param(Health.SILENT, CRITICAL, False, DOWN, id="nothing is heard, and it is critical"),
        pytest.param(Health.HEALTHY, INFO, False, OK, id="an alert that can wait"),
        pytest.param(Health.SILENT, CRITICAL, True, MAINTENANCE, id="maintained"),
    ],
)  # fmt: skip
def test_the_level_of_a_service(
    health: Health, worst: Severity | None, maintained: bool, expected: StatusLevel
) -> None:
    assert level_of_service(health, worst, maintained=maintained) is expected


@pytest.mark.parametrize(
    ("levels", "announced", "expected"),
    [
        pytest.param([], [], UNKNOWN, id="nothing is shown"),
        pytest.param([OK, OK], [], OK, id="all are well"),
        pytest.param([OK, DOWN], [], DEGRADED, id="a part is down"),
        pytest.param([DOWN, DOWN], [], DOWN, id="all are down"),
        pytest.param([OK, MAINTENANCE], [], MAINTENANCE, id="a part is maintained"),
        pytest.param([DEGRADED, MAINTENANCE], [], DEGRADED, id="worse than maintenance"),
        pytest.param([OK, UNKNOWN], [], OK, id="what nobody knows does not count"),
        pytest.param([UNKNOWN, UNKNOWN], [], UNKNOWN, id="nobody knows anything"),
        pytest.param([OK], [DOWN], DOWN, id="people know better"),
        pytest.param([OK], [MAINTENANCE], MAINTENANCE, id="announced maintenance"),
        pytest.param([DOWN, OK], [OK], DEGRADED, id="no announcement makes it well"),
    ],
)  # fmt: skip
def test_the_level_of_the_page(levels: list[StatusLevel], announced: list[StatusLevel], expected: StatusLevel) -> None:
    assert whole(levels, announced) is expected


def item(name: str, level: StatusLevel) -> StatusItem:
    days = Days([START.timestamp() - 86_400, START.timestamp()], [1.0, 0.5], [0.0, 600.0])
    return StatusItem(uuid4(), StatusKind.PROBE, str(uuid4()), name, name, level, None, 0.999, days)


def announced(level: StatusLevel, *, starts: float = -1, ends: float | None = None) -> Announcement:
    return Announcement(
        uuid4(), "We move house", "Patience, please.\nThank you.", level, START + timedelta(hours=starts),
        None if ends is None else START + timedelta(hours=ends), START,
    )  # fmt: skip


def shown(*levels: StatusLevel, said: tuple[Announcement, ...] = ()) -> Snapshot:
    items = tuple(
        item(name, level) for name, level in zip(("Shop", "Checkout", "Search", "Mail"), levels, strict=False)
    )
    return Snapshot(True, "Status", "", START, (StatusGroup("", items),) if items else (), said)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        pytest.param(shown(OK, OK), "Everything works", id="all are well"),
        pytest.param(shown(OK, DOWN), "Checkout is down", id="one is down"),
        pytest.param(shown(DOWN, DOWN, OK), "Shop and Checkout are down", id="two are down"),
        pytest.param(shown(DOWN, DOWN), "Everything is down", id="all are down"),
        pytest.param(shown(DOWN), "Shop is down", id="the only one is down"),
        pytest.param(shown(DEGRADED, DEGRADED, DEGRADED, DEGRADED), "Shop, Checkout and 2 more are degraded", id="many"),
        pytest.param(shown(DOWN, DEGRADED), "Shop is down", id="the worst comes first"),
        pytest.param(shown(OK, MAINTENANCE), "Maintenance: Checkout", id="maintained"),
        pytest.param(shown(UNKNOWN), "Nothing is known at the moment", id="nobody knows"),
        pytest.param(shown(OK, UNKNOWN), "All that is known works; no data of Checkout", id="a part is not known"),
        pytest.param(shown(), "Nothing is shown here yet", id="nothing is shown"),
        pytest.param(shown(OK, said=(announced(DOWN),)), "We move house", id="announced"),
        pytest.param(shown(OK, said=(announced(MAINTENANCE),)), "We move house", id="announced maintenance"),
        pytest.param(shown(OK, said=(announced(DOWN, starts=1),)), "Everything works", id="announced for later"),
        pytest.param(shown(OK, said=(announced(DOWN, ends=0),)), "Everything works", id="announced, and over"),
    ],
)  # fmt: skip
def test_the_first_sentence(snapshot: Snapshot, expected: str) -> None:
    assert headline(snapshot) == expected


def span(start: float, end: float, up: bool | None) -> Span:
    return Span(START + timedelta(seconds=start), START + timedelta(seconds=end), up)


def test_an_outage_is_told_from_a_minute_on_and_not_while_maintained() -> None:
    now = START + timedelta(seconds=2000)
    spans = [span(0, 100, True), span(100, 159, False), span(159, 200, True), span(200, 260, False),
             span(260, 1000, None), span(1000, 2000, False)]  # fmt: skip
    held = [(START + timedelta(seconds=1200), START + timedelta(seconds=1500))]
    found = outages("Shop", StatusKind.PROBE, spans, held, now)
    assert [((each.started_at - START).seconds, each.ended_at and (each.ended_at - START).seconds) for each in found] == [
        (200, 260), (1000, 1200), (1500, None)
    ]  # fmt: skip
    assert [each.text for each in found] == [
        "Shop was down for 1 min.", "Shop was down for 3 min 20 s.", "Shop has been down for 8 min 20 s.",
    ]  # fmt: skip


def test_alerts_of_a_service_at_the_same_time_are_one_trouble() -> None:
    hours = [START + timedelta(hours=number) for number in range(6)]
    found = troubles_of_service(
        "Shop", [(hours[0], hours[2]), (hours[1], hours[3]), (hours[4], hours[5])], [], hours[5]
    )
    assert [(each.started_at, each.ended_at) for each in found] == [(hours[0], hours[3]), (hours[4], None)]


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        pytest.param("Web shop", [], "web-shop", id="plain"),
        pytest.param("Bücher & Café", [], "bucher-cafe", id="letters of other alphabets as near as can be"),
        pytest.param("Web shop", ["web-shop", "web-shop-2"], "web-shop-3", id="taken"),
        pytest.param("注文", [], "status", id="nothing is left"),
        pytest.param("All", [], "all-2", id="the whole page has that"),
        pytest.param("x" * 100, [], "x" * 60, id="long"),
    ],
)  # fmt: skip
def test_a_name_for_an_address(name: str, taken: list[str], expected: str) -> None:
    assert slug_of(name, taken) == expected


@pytest.mark.parametrize(
    ("observed", "up", "shares", "down", "uptime"),
    [
        pytest.param([60, 60], [60, 60], [1.0, 1.0], [0.0, 0.0], 1.0, id="all went well"),
        pytest.param([60, 60], [60, 45], [1.0, 0.75], [0.0, 900.0], 0.875, id="a quarter of an hour did not"),
        pytest.param([0, 60], [0, 60], [math.nan, 1.0], [0.0, 0.0], 1.0, id="a day without requests says nothing"),
        pytest.param([10, 30], [0, 30], [0.0, 1.0], [600.0, 0.0], 0.75, id="days weigh by their minutes with requests"),
        pytest.param([0, 0], [0, 0], [math.nan, math.nan], [0.0, 0.0], None, id="no requests, or all left out"),
    ],
)  # fmt: skip
def test_the_days_of_a_service(
    observed: list[int], up: list[int], shares: list[float], down: list[float], uptime: float | None
) -> None:
    start = int(START.timestamp()) // 86_400 * 86_400
    whole = Slots(start * SECOND, (start + 2 * 86_400) * SECOND, 86_400 * SECOND)
    days, share = days_served(Availability(whole, np.array(observed), np.array(up)))
    assert (days.at, days.uptime, days.down) == ([start, start + 86_400], pytest.approx(shares, nan_ok=True), down)
    assert share == uptime


class TestBars:
    days = Days(
        [START.timestamp() + 86_400 * n for n in range(4)], [math.nan, 1.0, 0.9995, 0.5], [0.0, 0.0, 43.2, 43_200.0]
    )

    def test_height_and_words_say_what_the_colour_does(self) -> None:
        found = bars(self.days)
        assert [each.tone for each in found] == ["none", "well", "partly", "down"]
        assert [each.height for each in found] == sorted({each.height for each in found}), "each of its own height"
        assert all(each.y + each.height == 32 for each in found)
        assert [each.title for each in found] == [
            "2 Nov: nothing is known", "3 Nov: no trouble", "4 Nov: down for 43 s, up for 99.95 %",
            "5 Nov: down for 12 h, up for 50.00 %",
        ]  # fmt: skip
        assert width(self.days) == found[-1].x + 3

    def test_days_with_trouble_are_told_beside_the_drawing(self) -> None:
        assert [(each.day, each.down) for each in troubles(self.days)] == [("5 Nov", "12 h"), ("4 Nov", "43 s")]
        assert described(self.days, 0.8) == "Up for 80.00 % of the last 4 days, down on 2 days."
        assert described(self.days, None) == "Nothing is known of the last 4 days."

    @pytest.mark.parametrize(
        ("share", "expected"), [(1.0, "100 %"), (0.99999, "99.99 %"), (0.9999, "99.99 %"), (0.0, "0.00 %")]
    )
    def test_a_share_is_cut_and_not_rounded(self, share: float, expected: str) -> None:
        assert percent(share) == expected


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class TestBadge:
    @pytest.mark.parametrize("level", StatusLevel)
    def test_it_is_a_drawing_that_can_be_read(self, level: StatusLevel) -> None:
        drawn = ElementTree.fromstring(badge("Web <shop> & more", level))
        assert (drawn.find("{*}title") or drawn[0]).text is not None
        assert drawn.attrib["aria-label"].startswith("Web <shop> & more: ")
        assert 1.05 / (luminance(COLOURS[level]) + 0.05) >= 4.5
        assert 1.05 / (luminance(GROUND) + 0.05) >= 4.5

    def test_every_level_has_its_own_shape(self) -> None:
        shapes = [re.search(r' d="([^"]+)"', badge("x", level)) for level in StatusLevel]
        assert len({each.group(1) for each in shapes if each}) == len(StatusLevel)

    def test_a_long_name_is_cut(self) -> None:
        assert "…" in badge("n" * 100, OK)


class TestPage:
    def test_it_tells_names_and_nothing_that_runs(self) -> None:
        made = page(replace(shown(OK, DOWN), title="<b>Shop</b>", text="a\nb")).body.decode()
        assert "&lt;b&gt;Shop&lt;/b&gt;" in made
        assert "<script" not in made
        assert " style=" not in made
        assert "Checkout is down" in made
        assert made.count("<rect") == 4

    def test_what_is_stale_says_so(self) -> None:
        assert "cannot be read anew" in page(shown(OK), stale=True).body.decode()
        assert "cannot be read anew" not in page(shown(OK)).body.decode()

    def test_the_history_goes_by_days(self) -> None:
        incidents = tuple(
            StatusIncident(
                "Shop",
                DOWN,
                START - timedelta(days=days),
                None if days == 20 else START - timedelta(days=days, hours=-1),
                "",
            )
            for days in (0, 1, 15, 20)
        )
        said = (announced(MAINTENANCE, starts=-25, ends=-24), announced(DOWN))
        found = history(replace(shown(OK, said=said), incidents=incidents))
        assert [(each.day.day, len(each.incidents), len(each.announcements)) for each in found] == [
            (2, 1, 0), (1, 1, 1), (13, 1, 0)
        ]  # fmt: skip

    def test_a_document_is_tagged_by_what_it_says(self) -> None:
        snapshot = shown(OK)
        assert page(snapshot).tag == page(snapshot).tag
        assert page(snapshot).tag != page(replace(snapshot, title="Other")).tag
