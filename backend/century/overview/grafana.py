"""The dashboards for Grafana that come with the installation, built by `deploy/grafana/build.py`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson

PATH = "/monitoring/grafana/dashboards"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Dashboards for Grafana</title></head><body><main><h1>Dashboards for Grafana</h1>
<p>They read a Prometheus that scrapes /metrics, or this installation's GraphQL through the plugin Infinity; Grafana asks which one when they are imported.</p>
<ul>
{rows}
</ul></main></body></html>
"""


def folder() -> Path:
    """Where the files lie: in the package when installed, in `deploy` of a checkout."""
    packaged = Path(__file__).parents[1] / "dashboards"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "deploy" / "grafana" / "dashboards"


@cache
def files() -> dict[str, bytes]:
    """Every dashboard by the name of its file; read once."""
    return {each.name: each.read_bytes() for each in sorted(folder().glob("*.json"))}


def content(name: str) -> bytes | None:
    """A dashboard as it is imported."""
    return files().get(name)


def listed(public_url: str) -> list[dict[str, Any]]:
    """What each dashboard is called and shows, and where it is read."""
    found = []
    for name, body in files().items():
        said = orjson.loads(body)
        found.append(
            {
                "name": name,
                "uid": said["uid"],
                "title": said["title"],
                "description": said["description"],
                "url": f"{public_url}{PATH}/{name}",
            }
        )
    return found


def page(found: Sequence[dict[str, Any]]) -> bytes:
    """The list for people."""
    rows = "\n".join(
        f'<li><a href="{html.escape(each["url"])}">{html.escape(each["title"])}</a>: {html.escape(each["description"])}</li>'
        for each in found
    )
    return PAGE.format(rows=rows).encode()
