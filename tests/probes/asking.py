"""One check of a kind of probe, as the runner makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from uuid import UUID

import uvloop

from century.core.egress import Address
from century.core.guard import Guard
from century.core.settings import Settings
from century.probes.kind import Config, FieldType
from century.probes.kinds import Kind, Target
from century.probes.measurement import Measurement
from century.probes.wire import LastGood, TlsContexts, Wire

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SETTINGS = Settings(
    database_url="postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
    redis_url="redis://127.0.0.1:1/0",
    secret="s" * 32,
    jwt_secret="j" * 32,
    data_dir=Path("/nowhere"),
)


def wire(
    *allow: str, names: Mapping[str, str] | None = None, last_good: LastGood | None = None, **settings: Any
) -> Wire:
    """What a check reaches its target with: by leave this machine's own addresses, by `names` those of a test."""

    async def resolve(host: str, port: int) -> list[Address]:
        if host not in (names or {}):
            raise OSError("no such name")
        return [ip_address((names or {})[host])]

    guard = Guard(allow or ("127.0.0.0/8",), resolve=resolve)
    return Wire(guard, replace(SETTINGS, **settings), TlsContexts(), last_good)


def config(kind: ModuleType, values: Mapping[str, str]) -> Config:
    """Settings as they are kept, with the defaults of a kind."""
    fields = cast("Kind", kind).FIELDS
    defaults = {field.name: field.default for field in fields if field.default is not None}
    return Config(defaults | dict(values), frozenset(each.name for each in fields if each.type is FieldType.SECRET))


async def ask(
    kind: ModuleType,
    values: Mapping[str, str],
    through: Wire | None = None,
    *,
    timeout: float = 5.0,
    interval: float = 30.0,
    memory: Mapping[str, Any] | None = None,
    now: datetime = NOW,
) -> Measurement:
    """What one check finds."""
    target = Target(UUID(int=1), "a probe", config(kind, values), timeout, interval, memory or {}, now, "here")
    return await cast("Kind", kind).check(target, through or wire())


def facts(measured: Measurement) -> dict[str, float]:
    """The facts by name, those of a part as `name part`."""
    return {f"{each.name} {each.part}".strip(): each.value for each in measured.facts}


def on_uvloop(work: Callable[[], Coroutine[Any, Any, Measurement]]) -> Measurement:
    """What a check finds on the loop that the worker has. To be called in a thread."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())
