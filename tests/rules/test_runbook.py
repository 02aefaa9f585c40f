"""The steps of a runbook, and its text as HTML that can do nothing."""

from __future__ import annotations

import pytest

from century.rules.defaults import DEFAULTS
from century.rules.runbook import html, steps

STEPS = [
    ("numbers", "1. **Check Logs**: Review them\n2. Look", ["Check Logs: Review them", "Look"]),
    ("points", "- a\n* b\n+ c", ["a", "b", "c"]),
    ("boxes to tick", "- [ ] a\n- [x] b", ["a", "b"]),
    ("entries of entries", "1. a\n   - b\n   - c\n2. d", ["a", "b", "c", "d"]),
    ("text around them is no step", "# Title\n\nSome text.\n\n1. a\n\nMore.\n\n1. b", ["a", "b"]),
    ("only the first paragraph of an entry", "1. a\n\n   more of it\n2. b", ["a", "b"]),
    ("lines of an entry", "1. a\n   b", ["a b"]),
    ("code and links", "- run `x --y`, see [the wiki](https://w.example.com/a)",
     ["run x --y, see the wiki (https://w.example.com/a)"]),
    ("an address", "- <https://w.example.com>", ["https://w.example.com"]),
    ("no list, no steps", "Just call somebody.", []),
    ("nothing", "", []),
    ("an empty entry", "- \n- a", ["a"]),
]  # fmt: skip


@pytest.mark.parametrize(("told", "text", "expected"), STEPS, ids=[row[0] for row in STEPS])
def test_there_are_steps(told: str, text: str, expected: list[str]) -> None:
    assert [each.text for each in steps(text)] == expected


def test_a_step_keeps_its_id_when_others_come_and_go() -> None:
    before = {each.text: each.id for each in steps("1. Look\n2. Act\n3. Look")}
    after = {each.text: each.id for each in steps("# New\n- Call\n- **Act**\n")}
    assert before["Act"] == after["Act"]
    ids = [each.id for each in steps("1. Look\n2. Act\n3. Look")]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "- <img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](https://tracker.example.com/x.png)",
        "<a href='data:text/html,x'>x</a>",
        '<div style="position:fixed" onclick="x()">x</div>',
    ],
)
def test_html_can_do_nothing(text: str) -> None:
    made = html(text)
    for tag in ("<script", "<img", "<div", 'href="javascript', 'href="data'):
        assert tag not in made


def test_html_keeps_what_is_said() -> None:
    assert html("1. **Look** at [it](https://x.example.com)") == (
        '<ol>\n<li><strong>Look</strong> at <a href="https://x.example.com" rel="noopener noreferrer nofollow">it</a></li>\n'
        "</ol>\n"
    )


def test_every_default_rule_has_steps() -> None:
    for name, _, _, runbook in DEFAULTS:
        assert len(steps(runbook)) >= 3, name
