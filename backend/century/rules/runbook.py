"""A runbook: Markdown whose list entries are the steps that are ticked off on an alert."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 20_000
TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
SCHEMES = {"http", "https", "mailto"}
_TASKS = ("[ ] ", "[x] ", "[X] ")


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do. Its id follows from its text, so that it stays when other steps come and go."""

    id: str
    text: str


@lru_cache(maxsize=256)
def steps(runbook: str) -> tuple[Step, ...]:
    """What there is to do, in order: every entry of every list, as plain text."""
    found: list[Step] = []
    seen: dict[str, int] = {}
    depth: list[bool] = []  # for each open entry, whether its own text is still to come
    for token in _markdown().parse(runbook[:LONGEST]):
        if token.type == "list_item_open":
            depth.append(True)
        elif token.type == "list_item_close":
            depth.pop()
        elif token.type == "inline" and depth and depth[-1]:
            depth[-1] = False
            text = _plain(token.children or [])
            if not text:
                continue
            digest = hashlib.sha256(text.casefold().encode()).hexdigest()[:12]
            seen[digest] = seen.get(digest, 0) + 1
            found.append(Step(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}", text))
    return tuple(found)


def html(runbook: str) -> str:
    """The runbook as HTML that can do nothing: no scripts, styles, pictures or frames; links open without a referrer."""
    return nh3.clean(
        _markdown().render(runbook[:LONGEST]),
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def _plain(tokens: Sequence[Token]) -> str:
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    for token in tokens:
        if token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(token.content)
        elif token.type == "link_open":
            links.append((str(token.attrGet("href") or ""), len(parts)))
        elif token.type == "link_close" and links:
            target, begin = links.pop()
            if target.startswith(("http://", "https://")) and "".join(parts[begin:]) != target:
                parts.append(f" ({target})")
    text = " ".join("".join(parts).split())
    for task in _TASKS:
        text = text.removeprefix(task)
    return text
