"""An alert's story as Markdown, to begin a post-mortem with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from century.alerts.alert import Alert
from century.core.wording import duration

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~-])")


class Line(Protocol):
    """Something that happened."""

    @property
    def at(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def message(self) -> str: ...


def markdown(alert: Alert, said: str, timeline: Sequence[Line]) -> str:
    """The post-mortem of an alert; `said` is its rule in a sentence. What people wrote is shown as they wrote it."""
    ended = _moment(alert.resolved_at) if alert.resolved_at else "still open"
    lines = [
        f"# {_plain(alert.summary)}",
        "",
        "| | |",
        "| --- | --- |",
        f"| Rule | {_plain(alert.rule_name)}: {_plain(said)} |",
        f"| Severity | {alert.severity.value} |",
        f"| Subject | {_plain(alert.subject)} |",
        f"| Opened | {_moment(alert.opened_at)} |",
        f"| Over | {ended} |",
    ]
    if alert.resolved_at:
        lines.append(f"| Lasted | {duration(alert.resolved_at - alert.opened_at)} |")
    if alert.response_breached_at:
        lines.append(f"| Answered | too late: due {_moment(alert.response_due_at or alert.response_breached_at)} |")
    lines += ["", "## Timeline", ""]
    lines += [f"- **{_moment(each.at)}** {_plain(each.actor)}: {_plain(each.message)}" for each in timeline]
    lines += ["", "## What happened", "", "## Why", "", "## What we do about it", ""]
    return "\n".join(lines)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
