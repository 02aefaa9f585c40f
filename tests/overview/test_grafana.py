"""The dashboards for Grafana: built from code, about series that there are, importable as they are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from century.access import keys
from century.core.actor import Scope
from century.overview import grafana
from century.probes.facts import known_facts
from tests.telemetry.door import Door, opened
from tests.world import World

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
NAME = re.compile(r"\bcentury_[a-z0-9_]+")
SUFFIX = re.compile(r"_(total|bucket|count|sum)$")


@pytest_asyncio.fixture
async def door(world: World) -> AsyncIterator[Door]:
    async with opened(world.settings, world) as door:
        yield door


def each(said: Any, key: str) -> Iterator[Any]:
    """Every value of a key, however deep."""
    if isinstance(said, dict):
        for name, value in said.items():
            if name == key:
                yield value
            yield from each(value, key)
    elif isinstance(said, list):
        for value in said:
            yield from each(value, key)


def asked(path: Path) -> set[str]:
    """Every expression and query of a dashboard."""
    said = json.loads(path.read_text())
    return {each_ for key in ("expr", "query") for each_ in each(said, key) if isinstance(each_, str)}


def test_the_committed_files_are_the_built_ones(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, GRAFANA / "build.py", tmp_path], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    built = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert built == {path.name: path.read_text() for path in FILES}, "run `just dashboards`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_none_names_a_source_of_somebody_elses(path: Path) -> None:
    sources = [each_ for each_ in each(json.loads(path.read_text()), "datasource") if each_]
    assert sources
    ours = {"type": "yesoreyeram-infinity-datasource", "uid": "${century}"}
    prometheus = {"type": "prometheus", "uid": "${source}"}
    assert all(each_ == (ours if path.stem.startswith("graphql-") else prometheus) for each_ in sources)


async def test_every_series_they_show_is_one_that_there_is(door: Door) -> None:
    shown = set(re.findall(r"^# TYPE (\S+)", (await door.client.get("/metrics")).text, re.MULTILINE))
    there = {SUFFIX.sub("", name) for name in shown} | {"century_worker_cycle_timestamp_seconds"}
    named = {name for path in FILES for expr in asked(path) for name in NAME.findall(expr)}
    assert {name for name in named if SUFFIX.sub("", name) not in there} == set()
    assert len(named) > 20


def test_every_fact_they_show_is_one_that_a_probe_tells() -> None:
    facts = known_facts()
    said = " ".join(expr for path in FILES for expr in asked(path))
    patterns = re.findall(r'name=~"([^"$]+)"', said)
    assert len(patterns) > 8
    for pattern in patterns:
        assert [name for name in facts if re.fullmatch(pattern, name)], f"no fact is like {pattern}"


async def test_they_are_listed_and_read_by_whoever_may(door: Door) -> None:
    index = (await door.client.get("/monitoring/grafana/dashboards/")).json()["dashboards"]
    assert [each_["name"] for each_ in index] == [path.name for path in FILES]
    assert index[0]["url"].endswith(f"{grafana.PATH}/{FILES[0].name}")
    for path in FILES:
        answer = await door.client.get(f"{grafana.PATH}/{path.name}")
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == path.read_bytes()
    assert (await door.client.get(f"{grafana.PATH}/build.py")).status_code == 404
    page = await door.client.get(grafana.PATH, headers={"accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "Century: overview" in page.text


async def test_nobody_else_reads_them(door: Door) -> None:
    async with door.world.works.begin() as work:
        _, secret = await keys.create_key(work, door.world.settings, "sender", [Scope.INGEST])
    for path in (grafana.PATH, f"{grafana.PATH}/{FILES[0].name}"):
        assert (await door.client.get(path, headers={"authorization": ""})).status_code == 401
        assert (await door.client.get(path, headers={"authorization": f"Bearer {secret}"})).status_code == 403
