"""The shape of the house: who may import whom, which modules decide without touching the world, and the one clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "backend" / "century"
STAGES = (
    "core",
    "access",
    "telemetry",
    "probes",
    "rules",
    "alerts",
    "notify",
    "escalation",
    "overview",
)
ENTRANCES = {
    "schema", "server", "addresses", "pages", "worker", "cli", "embedded", "supervisor", "migrations", "selfwatch", "client", "demo", "__init__",
}  # fmt: skip
OUTER = ("sqlalchemy", "asyncpg", "litestar", "strawberry", "redis", "arq", "httpx", "century.core.db", "century.core.bus",
         "century.core.work", "century.core.clock", "century.core.graphql", "century.core.http")  # fmt: skip
ROOMS = {
    "tables", "service", "graphql", "http", "jobs", "__init__",
}  # fmt: skip
SERVICES = {
    "access": {"attempts", "audit", "credentials", "keys", "people", "sessions"},
    "telemetry": {"committer", "compaction", "deployments", "exemplars", "lately", "listening", "live", "load", "kept", "query", "raw", "recent", "receive", "registry", "remote_http", "requests",
                  "series"},
    "alerts": {"dependencies", "evidence", "feed", "kept", "lists", "maintained", "nearby", "recording", "releasing", "review", "sweeps",
               "ticks", "watching", "windows"},
    "probes": {"answer", "beat_kept", "beat_sweeps", "beats", "claims", "database_door", "editing", "exchange", "forgetting", "heartbeats", "kept", "lists", "own_network", "planting",
               "postgres", "redis", "redis_door", "runner", "settling", "trying", "warned", "wire"},
    "rules": {"budgets", "crowds", "defaults", "editing", "kept", "looking", "objectives", "outside", "outside_source", "past",
              "probe_past", "probe_source", "heartbeat_source", "signals", "sources", "telemetry_source", "trying", "verdicts", "windows"},
    "escalation": {"defaults", "directory", "policies", "schedules"},
    "overview": {"announcements", "metrics", "self_metrics", "status_items", "status_page"},
    "notify": {"answering", "claims", "courier", "defaults", "editing", "kept", "lists", "previews", "resealing", "results", "trying"},
}  # fmt: skip


def modules() -> Iterator[tuple[Path, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def stage_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else "__init__"


def test_every_folder_is_a_stage() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= {*STAGES, *ENTRANCES}, "a new stage is a folder and a line in STAGES"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_only_stages_above_it(stage: str) -> None:
    later = STAGES[STAGES.index(stage) + 1 :]
    entrances = {f"century.{name}" for name in ENTRANCES - {"__init__", "client"}}
    for path, module in modules():
        if stage_of(module) != stage:
            continue
        for name in imports(path):
            assert not any(name == f"century.{other}" or name.startswith(f"century.{other}.") for other in later), (
                f"{module} imports {name}, which comes after it"
            )
            assert not any(name == other or name.startswith(other + ".") for other in entrances), (
                f"{module} imports {name}, an entrance"
            )


def decisions() -> list[tuple[Path, str]]:
    found = []
    for path, module in modules():
        stage, name = stage_of(module), path.stem
        room = path.parent.name in ("graphql", "kinds") or name in ROOMS
        if stage in SERVICES and not room and name not in SERVICES[stage]:
            found.append((path, module))
    return found


@pytest.mark.parametrize("path", [path for path, _ in decisions()], ids=[name for _, name in decisions()])
def test_a_decision_touches_nothing(path: Path) -> None:
    touched = {name for name in imports(path) if any(name == outer or name.startswith(outer + ".") for outer in OUTER)}
    assert not touched, "a decision is a function of values: no I/O, no clock"


def test_one_clock() -> None:
    asked = []
    for path, module in modules():
        if module in ("century.core.clock", "century.client") or module.startswith("century.demo"):
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                where = ast.unparse(node.func)
                if where in ("datetime.now", "datetime.utcnow", "date.today", "datetime.today"):
                    asked.append(f"{module}:{node.lineno} {where}")
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                said = node.value.lower()
                if ("now()" in said or "current_timestamp" in said) and any(
                    word in said for word in ("select", "update", "insert", "delete")
                ):
                    asked.append(f"{module}:{node.lineno} SQL")
    assert not asked, f"only century.core.clock asks the machine's clock: {asked}"


def test_what_belongs_to_many_is_read_one_way() -> None:
    made = {module for path, module in modules() if "DataLoader(" in path.read_text()}
    assert made == {"century.core.graphql.loaders"}, "use loaded or together of century.core.graphql"


CONNECTORS = {
    "create_connection", "create_datagram_endpoint", "create_unix_connection", "open_connection", "open_unix_connection", "getaddrinfo",
    "sock_connect", "urlopen", "AsyncClient", "Redis", "Sentinel", "Outbound",
}  # fmt: skip
MAY_CONNECT = {
    "century.probes.wire": {"create_connection", "sock_connect"},
    # To addresses that `wire.guarded` has answered.
    "century.probes.database_door": {"connect"},
    # For the driver of that door.
    "century.probes.bounded": {"create_connection"},
}


def test_probes_connect_in_one_place() -> None:
    """What a probe reaches is looked at by the guard: nothing in there opens a connection by itself."""
    found: dict[str, set[str]] = {}
    for path, module in modules():
        if not module.startswith("century.probes"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name.rpartition(".")[2] in CONNECTORS or name == "asyncpg.connect":
                    found.setdefault(module, set()).add(name.rpartition(".")[2])
    assert found == MAY_CONNECT
