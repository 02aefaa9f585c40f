"""The status page as a document: written once for what was read, compressed, with a tag to ask again by."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from century.overview.bars import HEIGHT, WIDTH, bars, described, percent, troubles, width
from century.overview.feed import entries
from century.overview.status import WORDS, Announcement, Snapshot, StatusIncident, headline
from century.probes.uptime import Days

FOLDER = Path(__file__).parent / "templates"
HISTORY_DAYS = 14


@dataclass(frozen=True, slots=True)
class Document:
    """What is sent: its bytes, the same compressed, its kind, and its tag."""

    body: bytes
    compressed: bytes
    media: str
    tag: str


@dataclass(frozen=True, slots=True)
class HistoryDay:
    """What went wrong, or was announced, on a day."""

    day: datetime
    incidents: list[StatusIncident]
    announcements: list[Announcement]


def document(text: str, media: str) -> Document:
    body = text.encode()
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return Document(body, gzip.compress(body, 6, mtime=0), media, tag)


def page(shown: Snapshot, stale: bool = False) -> Document:
    """The page itself."""
    now = shown.made_at
    return _written(
        "status.html",
        shown=shown,
        stale=stale,
        headline=headline(shown),
        now_on=[each for each in shown.announcements if each.is_on(now)],
        planned=[each for each in reversed(shown.announcements) if each.starts_at > now],
        history=history(shown),
    )


def feed(shown: Snapshot, url: str) -> Document:
    """The page for feed readers; `url` is its own address."""
    found = entries(shown)
    updated = found[0].updated if found else datetime.fromtimestamp(0, UTC)
    text = _environment().get_template("feed.xml").render(shown=shown, url=url, entries=found, updated=updated)
    return document(text, "application/atom+xml")


def notice(title: str, sentence: str) -> Document:
    """A page that only says something."""
    return _written("notice.html", title=title, sentence=sentence)


@cache
def style() -> Document:
    """How it looks."""
    return document((FOLDER / "style.css").read_text(), "text/css")


def history(shown: Snapshot, days: int = HISTORY_DAYS) -> list[HistoryDay]:
    """The last days on which there is something to tell, the newest first."""
    by_day: dict[datetime, HistoryDay] = {}

    def day_of(at: datetime) -> HistoryDay:
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return by_day.setdefault(day, HistoryDay(day, [], []))

    for incident in shown.since(days):
        day_of(incident.started_at).incidents.append(incident)
    for each in shown.announcements:
        if each.is_over(shown.made_at) and (shown.made_at - each.starts_at).days < days:
            day_of(each.starts_at).announcements.append(each)
    return [by_day[day] for day in sorted(by_day, reverse=True)]


def _written(template: str, **values: object) -> Document:
    return document(_environment().get_template(template).render(values), "text/html")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"day": _day, "moment": _moment, "iso": _iso, "clock": _clock, "percent": percent}
    made.globals |= {
        "words": WORDS, "drawn": _drawn, "bars_width": width, "bars_height": HEIGHT,
        "described": described, "troubles": troubles, "style": style().tag[3:-1], "history_days": HISTORY_DAYS,
    }  # fmt: skip
    return made


def _drawn(days: Days) -> Markup:
    """The bars, written here: a page of many has thousands. Nothing in them was typed by anybody."""
    return Markup(
        "".join(
            f'<rect class="{bar.tone}" x="{bar.x}" y="{bar.y}" width="{WIDTH}" height="{bar.height}">'
            f"<title>{bar.title}</title></rect>"
            for bar in bars(days)
        )
    )


def _day(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def _moment(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b, %H:%M}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M}"


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
