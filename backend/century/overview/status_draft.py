"""What the page is to show, and what is wrong with that before anybody sees it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from century.overview.status import StatusKind, StatusLevel
from century.probes.kind import Problem

LONGEST_TITLE, LONGEST_NAME, LONGEST_TEXT = 100, 100, 5_000
MOST_GROUPS, MOST_ITEMS = 20, 100
NO_XML = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\ud800-\\udfff\\ufffe\\uffff]")
"""What no document in XML can hold: feed readers would refuse all of it."""

Source = tuple[StatusKind, str]


@dataclass(frozen=True, slots=True)
class ItemDraft:
    kind: StatusKind
    source: str
    name: str


@dataclass(frozen=True, slots=True)
class GroupDraft:
    name: str
    items: tuple[ItemDraft, ...]


@dataclass(frozen=True, slots=True)
class PageDraft:
    """The page as somebody wants it."""

    published: bool
    title: str
    text: str
    groups: tuple[GroupDraft, ...]

    @property
    def items(self) -> list[ItemDraft]:
        return [each for group in self.groups for each in group.items]


@dataclass(frozen=True, slots=True)
class AnnouncementDraft:
    """An announcement as somebody wants it; with an `id`, the one that is changed. Without a start it begins now."""

    title: str
    text: str = ""
    level: StatusLevel = StatusLevel.DEGRADED
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    id: UUID | None = None


def problems(draft: PageDraft, known: Collection[Source]) -> list[Problem]:
    """Everything that is wrong with the page, or may not be meant; `known` is what can be shown."""
    return [*_of_page(draft), *_of_groups(draft, known), *_warnings(draft)]


def _of_page(draft: PageDraft) -> Iterator[Problem]:
    if not 1 <= len(draft.title) <= LONGEST_TITLE or not draft.title.isprintable():
        yield Problem("title", f"the page's title has 1 to {LONGEST_TITLE} printable characters")
    yield from _of_text(draft.text)
    if len(draft.groups) > MOST_GROUPS:
        yield Problem("groups", f"there may be {MOST_GROUPS} groups at most")
    if len(draft.items) > MOST_ITEMS:
        yield Problem("groups", f"the page may show {MOST_ITEMS} things at most")


def _of_text(text: str) -> Iterator[Problem]:
    if len(text) > LONGEST_TEXT:
        yield Problem("text", f"the text may have {LONGEST_TEXT} characters at most")
    if NO_XML.search(text):
        yield Problem("text", "the text may have lines, but no control characters")


def _of_groups(draft: PageDraft, known: Collection[Source]) -> Iterator[Problem]:
    names: set[str] = set()
    sources: set[Source] = set()
    for place, group in enumerate(draft.groups):
        where = f"groups.{place}"
        if len(group.name) > LONGEST_NAME or not group.name.isprintable():
            yield Problem(f"{where}.name", f"a group's name has up to {LONGEST_NAME} printable characters")
        elif not group.name and len(draft.groups) > 1:
            yield Problem(f"{where}.name", "each of several groups has a name")
        elif group.name in names:
            yield Problem(f"{where}.name", f"there is a group '{group.name}' already")
        names.add(group.name)
        for number, item in enumerate(group.items):
            yield from _of_item(f"{where}.items.{number}", item, known, sources)
            sources.add((item.kind, item.source))


def _of_item(where: str, item: ItemDraft, known: Collection[Source], before: Collection[Source]) -> Iterator[Problem]:
    if not 1 <= len(item.name) <= LONGEST_NAME or not item.name.isprintable():
        yield Problem(f"{where}.name", f"what people read has 1 to {LONGEST_NAME} printable characters")
    if (item.kind, item.source) not in known:
        yield Problem(f"{where}.source", f"no {item.kind.value} {item.source[:100]!r} is known")
    elif (item.kind, item.source) in before:
        yield Problem(f"{where}.source", f"the page shows this {item.kind.value} already")


def _warnings(draft: PageDraft) -> Iterator[Problem]:
    if draft.published and not draft.items:
        yield Problem("groups", "the page is published, and shows nothing yet", refused=False)


def announcement_problems(draft: AnnouncementDraft, starts_at: datetime) -> Iterator[Problem]:
    """Everything that is wrong with an announcement that begins at this instant."""
    if not 1 <= len(draft.title) <= LONGEST_TITLE or not draft.title.isprintable():
        yield Problem("title", f"an announcement's title has 1 to {LONGEST_TITLE} printable characters")
    yield from _of_text(draft.text)
    if draft.level is StatusLevel.UNKNOWN:
        yield Problem("level", "an announcement says something: OPERATIONAL, DEGRADED, DOWN or MAINTENANCE")
    if draft.ends_at is not None and draft.ends_at <= starts_at:
        yield Problem("endsAt", "an announcement ends after it begins")
