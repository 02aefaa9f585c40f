"""A schema small enough to know by heart, for the tests of what carries every schema."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import strawberry

from century.core.actor import Actor, ActorKind, Permission, Role, permissions_of
from century.core.errors import Conflict, Invalid, NotFound
from century.core.graphql import Context, Info, Instants, Numbers, TimeRangeInput, field, mutation, subscription
from century.core.graphql.api import Api

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


class Recorder:
    """What the resolvers of a test did, and the events its subscriptions wait for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.executions = 0
        self.queues: list[asyncio.Queue[int]] = []

    def push(self, number: int) -> None:
        for queue in self.queues:
            queue.put_nowait(number)


@strawberry.interface
class Named:
    name: str

    @field()
    def note(self) -> str | None:
        return None


@strawberry.type
class Plain(Named):
    pass


@strawberry.type
class Guarded(Named):
    @field(requires=Permission.ADMINISTER)
    def note(self) -> str | None:
        return "a note"


@strawberry.type
class Columns:
    at: Instants
    values: Numbers


@strawberry.type
class Service:
    name: str

    @field(requires=Permission.OPERATE)
    def requests(self, info: Info) -> list[str]:
        info.context.app.calls.append("requests")
        return ["GET /"]

    @field()
    def me(self) -> "Service":
        return self

    @field()
    def broken(self) -> int | None:
        raise KeyError("swordfish")

    @field()
    def columns(self) -> Columns:
        return Columns(at=Instants(np.array([1, 2, 3])), values=Numbers(np.array([0.5, np.nan, np.inf])[::1]))


@strawberry.type
class Query:
    @field(requires=Permission.READ)
    def service(self, info: Info, name: str) -> Service:
        info.context.app.calls.append("service")
        match name:
            case "nobody":
                raise NotFound("no service nobody")
            case "taken":
                raise Conflict("already there")
        return Service(name=name)

    @field(requires=Permission.READ)
    def length(self, range: TimeRangeInput) -> timedelta:
        return range.resolve(NOW).length

    @field(requires=Permission.READ)
    def everyone(self) -> list[Named]:
        return [Plain(name="plain"), Guarded(name="guarded")]

    @field(requires=Permission.READ)
    async def slow(self) -> str:
        await asyncio.Event().wait()
        return "never"

    @field(requires=Permission.ADMINISTER)
    def secrets(self, info: Info) -> list[str]:
        info.context.app.calls.append("secrets")
        return ["s"]

    @field(requires=Permission.READ)
    def strange(self) -> Numbers:
        return Numbers([object()])


@strawberry.type
class Mutation:
    @mutation(requires=Permission.OPERATE)
    def rename(self, info: Info, name: str) -> Service:
        if not name:
            raise Invalid("a name is needed", field="name")
        info.context.app.calls.append("rename")
        return Service(name=name)


@strawberry.type
class Subscription:
    @subscription(requires=Permission.READ)
    async def numbers(self, info: Info, step: int = 1) -> AsyncGenerator[int, None]:
        recorder: Any = info.context.app
        queue: asyncio.Queue[int] = asyncio.Queue()
        recorder.queues.append(queue)
        recorder.executions += 1
        try:
            while (number := await queue.get()) >= 0:
                yield number * step
            if number < -1:
                raise Invalid("that was too much", field="step")
        finally:
            recorder.queues.remove(queue)

    @subscription(requires=Permission.READ, shared=False)
    async def whoami(self, info: Info) -> AsyncGenerator[str, None]:
        info.context.app.executions += 1
        yield info.context.actor.name

    @subscription(requires=Permission.READ)
    async def strange(self) -> AsyncGenerator[Numbers, None]:
        yield Numbers([object()])

    @subscription(requires=Permission.ADMINISTER)
    async def secret(self) -> AsyncGenerator[str, None]:
        yield "s"


def make_api(**options: Any) -> Api:
    return Api(Query, Mutation, Subscription, types=(Plain, Guarded), **options)


def actor(role: Role, name: str = "someone") -> Actor:
    return Actor(id=None, name=name, kind=ActorKind.PERSON, role=role, permissions=permissions_of(role))


def context(role: Role, recorder: Recorder | None = None) -> Context:
    return Context(app=recorder or Recorder(), actor=actor(role))
