"""The dashboards that read our GraphQL: what they ask is valid, is answered, and has the rows and columns that they show.

Grafana's part is done here as its documentation has it: the values of variables are put into the text of a query, the plugin
Infinity posts it and makes rows of the answer by the JQ expression of the target.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jq
import pytest
import pytest_asyncio
import trustme
from graphql import GraphQLEnumType, build_schema, parse, specified_rules, validate
from graphql.language import OperationDefinitionNode

from century.access.keys import create_key
from century.core.actor import Scope
from century.core.clock import SystemClock
from century.probes.jobs import beat_all
from century.probes.kind import ProbeKind
from century.probes.problems import Draft
from tests.overview.test_grafana import GRAFANA, each
from tests.probes.probing import Probing, door
from tests.probes.servers import listening, tls_server
from tests.stories.telling import Story
from tests.stories.telling import story as telling
from tests.telemetry.messages import SECOND, Metrics
from tests.world import World

SCHEMA = build_schema((Path(__file__).parents[2] / "frontend" / "schema.graphql").read_text())
PLUGIN = "yesoreyeram-infinity-datasource"
FILES = sorted((GRAFANA / "dashboards").glob("graphql-*.json"))
VARIABLE = re.compile(r"\$\{([\w.]+)(?::([\w:]+))?\}|\$(\w+)")
DEPLOY = "mutation Deploy($input: RecordDeploymentInput!) { recordDeployment(input: $input) { deployment { id } } }"
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "timestamp": lambda value: bool(datetime.fromisoformat(value).tzinfo),
    "timestamp_epoch_s": lambda value: 1.5e9 < value < 5e9,
}
HEADERS = {"accept": "application/json;q=0.9,text/plain", "content-type": "application/json"}


@dataclass(frozen=True)
class Asked:
    """A target, or what a variable asks, and where it stands."""

    where: str
    said: dict[str, Any]
    variables: frozenset[str]
    """The names of its dashboard's own variables."""

    @property
    def operation(self) -> str:
        return str(self.said["url_options"]["body_graphql_query"])


def asked_of(path: Path) -> Iterator[Asked]:
    """Everything that a dashboard asks."""
    said = json.loads(path.read_text())
    offered = said["templating"]["list"]
    names = frozenset(variable["name"] for variable in offered)
    for variable in offered:
        if isinstance(variable.get("query"), dict):
            yield Asked(f"{path.stem}: ${variable['name']}", variable["query"]["infinityQuery"], names)
    for panel in said["panels"]:
        for target in panel.get("targets", []):
            yield Asked(f"{path.stem}: {panel['title']}", target, names)


EVERYTHING = [asked for path in FILES for asked in asked_of(path)]
ALL = pytest.mark.parametrize("asked", EVERYTHING, ids=lambda asked: asked.where)


def filled(text: str, values: dict[str, str]) -> str:
    """A text as Grafana sends it: what it does not know stays as it is."""

    def value(found: re.Match[str]) -> str:
        name, form, short = found.groups()
        if (name or short) not in values:
            return found.group()
        said = values[name or short]
        match form:
            case None:
                return said
            case "doublequote":
                return '"' + said.replace('"', '\\"') + '"'
            case "date:iso":
                at = datetime.fromtimestamp(int(said) / 1000, UTC)
                return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        raise AssertionError(f"there is no format {form}")

    return VARIABLE.sub(value, text)


@dataclass
class Grafana:
    """A data source with a key that may read, and what is chosen on its dashboards."""

    story: Story
    key: str
    values: dict[str, str]

    async def rows(self, asked: Asked) -> list[dict[str, Any]]:
        """The rows that a target becomes."""
        options = asked.said["url_options"]
        variables = json.loads(filled(options["body_graphql_variables"], self.values))
        answer = await self.story.http.request(
            options["method"],
            asked.said["url"],
            content=json.dumps({"query": filled(asked.operation, self.values), "variables": variables}),
            headers={**HEADERS, "authorization": f"Bearer {self.key}"},
        )
        assert answer.status_code == 200, answer.text
        assert "errors" not in answer.json(), answer.text
        found = jq.compile(filled(asked.said["root_selector"], self.values)).input_value(answer.json()).all()
        return found[0] if len(found) == 1 and isinstance(found[0], list) else found


async def silent(reader: Any, writer: Any) -> None:
    await reader.read()
    writer.close()


@pytest_asyncio.fixture
async def grafana(world: World) -> AsyncIterator[Grafana]:
    """Beside an installation with much to show: a shop that fails, one that does well, probes that stand in every way, a late job."""
    authority = trustme.CA()
    ends = (SystemClock().now() + timedelta(days=200)).replace(microsecond=0)
    tls = tls_server(authority.issue_cert("localhost", not_after=ends))
    async with telling(world) as story, door() as shop, listening(silent, tls) as secure:
        story.clock.instant = ends - timedelta(days=30)
        await story.admin.do("saveHeartbeat", {"name": "nightly", "period": "PT1H"}, "heartbeat { id }")
        story.clock.advance(hours=2)
        await beat_all(world.works)
        made = await story.admin.do("saveHeartbeat", {"name": "hourly", "period": "PT1H"}, "heartbeat { pingUrl }")
        ping = made["heartbeat"]["pingUrl"].removeprefix(story.settings.public_url)
        await story.http.post(f"{ping}/start")
        probing = Probing(world)
        await probing.runner.start()
        probe = await probing.make('the "front" door', shop.port, service="checkout")
        settings = {"host": "localhost", "port": str(secure.port), "ca": authority.cert_pem.bytes().decode()}
        await probing.save(Draft("certificate", ProbeKind.TLS, settings))
        await probing.make("not asked", enabled=False)
        await probing.rounds(3, 10)
        await story.http.post(f"{ping}/0")
        await shop.shut()
        for _ in range(6):
            await probing.round()
            await story.report("search", good=200)
            gauges = Metrics("checkout", now=int(story.clock.now().timestamp()) * SECOND)
            await story.send(
                bytes(gauges.gauge("process.cpu.utilization", 0.3).gauge("system.memory.utilization", 0.4))
            )
            await story.fails("checkout")
            story.clock.advance(seconds=10)
        await probing.runner.flush()
        await story.operator.do("acknowledgeAlert", {"id": (await story.alert())["id"]}, "alert { state }")
        async with world.works.begin() as work:
            secret = (await create_key(work, story.settings, "grafana", [Scope.READ]))[1]
            await probing.runner.network.say(work, rate=0.3, lateness=0.01)
        headers = {"authorization": f"Bearer {story.key}"}
        deployed = {
            "query": DEPLOY,
            "variables": {"input": {"service": "checkout", "version": "1.2.3", "url": "https://git.example/1"}},
        }
        assert "errors" not in (await story.http.post("/graphql", json=deployed, headers=headers)).json()
        story.clock.advance(seconds=10)
        now = int(story.clock.now().timestamp() * 1000)
        chosen = {"service": "checkout", "probe": str(probe.id), "fact": "tcp.up"}
        yield Grafana(story, secret, {**chosen, "__from": str(now - 1_800_000), "__to": str(now)})
        await probing.runner.stop()


def wrong(asked: Asked, rows: list[dict[str, Any]]) -> Iterator[str]:
    """What a person would miss in what a target shows."""
    if not rows:
        yield "nothing is shown"
    for column in asked.said["columns"]:
        name, kind = column["selector"], column["type"]
        values = [row.get(name) for row in rows]
        if not all(name in row for row in rows):
            yield f"there is no column {name}"
        elif all(value is None for value in values):
            yield f"{name} is empty"
        elif not all(value is None or TYPES[kind](value) for value in values):
            yield f"{name} is no {kind}: {values[:3]}"
    if asked.said["format"] == "timeseries":
        times = [row.get("at") for row in rows]
        if times != sorted(times, key=str) and times != sorted(times):
            yield "it is not in the order of time"
        kinds = [column["type"] for column in asked.said["columns"]]
        if kinds.count("timestamp_epoch_s") != 1 or "number" not in kinds:
            yield "a chart has one column of times, and numbers"


def test_there_is_something_to_ask() -> None:
    assert [path.stem for path in FILES] == ["graphql-infrastructure", "graphql-services"]
    assert len(EVERYTHING) > 25


@ALL
def test_it_is_what_the_plugin_sends(asked: Asked) -> None:
    said, options = asked.said, asked.said["url_options"]
    assert (said["type"], said["source"], said["parser"], said["url"]) == ("graphql", "url", "jq-backend", "/graphql")
    assert (options["method"], options["body_type"], options["body_content_type"]) == (
        "POST",
        "graphql",
        "application/json",
    )


@ALL
def test_it_is_valid(asked: Asked) -> None:
    document = parse(asked.operation)
    assert [each_.message for each_ in validate(SCHEMA, document, specified_rules)] == []
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    known = {name: "1" for name in asked.variables | {"__from", "__to"}}
    text = asked.said["url_options"]["body_graphql_variables"]
    assert {found[0] or found[2] for found in VARIABLE.findall(text)} <= known.keys()
    assert set(json.loads(filled(text, known))) == {
        each_.variable.name.value for each_ in operation.variable_definitions or ()
    }


@ALL
def test_grafana_leaves_it_alone(asked: Asked) -> None:
    known = dict.fromkeys(asked.variables, "somebody's")
    assert filled(asked.operation, known) == asked.operation
    assert filled(asked.said["root_selector"], known) == asked.said["root_selector"]


async def test_everything_is_answered_and_shown(grafana: Grafana) -> None:
    missed = {asked.where: list(wrong(asked, await grafana.rows(asked))) for asked in EVERYTHING}
    assert {where: said for where, said in missed.items() if said} == {}


async def test_a_row_says_what_the_console_says(grafana: Grafana) -> None:
    shown = {asked.where.partition(": ")[2]: await grafana.rows(asked) for asked in EVERYTHING}
    assert shown["Probes down"] == [{"count": 1}]
    assert shown["Heartbeats missing"] == [{"count": 1}]
    assert shown["Services not healthy"] == [{"count": 1}]
    assert [each_["days"] for each_ in shown["Certificates"]] == [pytest.approx(29.9, abs=0.1)]
    assert {each_["name"]: each_["state"] for each_ in shown["Probes"]} == {
        'the "front" door': "DOWN", "certificate": "UP", "not asked": "PAUSED",
    }  # fmt: skip
    assert {each_["part"] for each_ in shown["$fact"]} == {'the "front" door'}
    values = [each_["value"] for each_ in shown["$fact"] if each_["value"] is not None]
    assert (values[:3], values[-3:]) == ([1, 1, 1], [0, 0, 0])
    failing = {each_["service"]: each_["value"] for each_ in shown["Requests that fail"] if each_["value"] is not None}
    assert failing == {"checkout": 0.5, "search": 0.0}
    assert {each_["name"] for each_ in shown["$service"]} == {"checkout", "search"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_word_that_is_coloured_is_one_of_ours(path: Path) -> None:
    enums = [each_ for each_ in SCHEMA.type_map.values() if isinstance(each_, GraphQLEnumType)]
    ours = {name for each_ in enums for name in each_.values} | {"true", "false"}
    overrides = [each_ for found in each(json.loads(path.read_text()), "overrides") for each_ in found]
    mapped = [
        value
        for override in overrides
        for said in override["properties"]
        if said["id"] == "mappings"
        for mapping in said["value"]
        for value in mapping["options"]
    ]
    assert mapped
    assert set(mapped) <= ours
