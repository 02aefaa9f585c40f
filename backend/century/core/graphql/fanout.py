"""Shared executions: subscribers who ask the same with the same permissions hear one execution, encoded once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson
from graphql import OperationType

from century.core.actor import Permission
from century.core.graphql.api import Api, Prepared, anonymous, encode
from century.core.graphql.context import Context
from century.core.graphql.failures import present_unexpected

Key = tuple[str, str | None, bytes, frozenset[Permission], UUID | None]


class Subscriber(Protocol):
    """Who hears a subscription; none of these calls waits."""

    def hear(self, payload: str) -> None:
        """One answer, encoded."""

    def refused(self, errors: bytes) -> None:
        """The subscription could not start or broke; nothing follows."""

    def finished(self) -> None:
        """The subscription ended by itself."""


class _Execution:
    def __init__(self) -> None:
        self.subscribers: dict[Subscriber, None] = {}
        self.task: asyncio.Task[None] | None = None


class FanOut:
    """The executions that run in this process, by what was asked and what its askers may."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._running: dict[Key, _Execution] = {}

    def __len__(self) -> int:
        return len(self._running)

    def join(
        self, prepared: Prepared, context: Context, variables: Mapping[str, Any] | None, subscriber: Subscriber
    ) -> "Membership":
        """Let a subscriber hear a prepared and permitted subscription; the first one to ask starts it."""
        assert prepared.kind is OperationType.SUBSCRIPTION
        actor = context.actor
        own = None if prepared.shared else actor.credential or actor.id
        asked = orjson.dumps(variables or {}, option=orjson.OPT_SORT_KEYS)
        key: Key = (prepared.query, prepared.name, asked, actor.permissions, own)
        execution = self._running.get(key) if prepared.shared else None
        if execution is None:
            execution = _Execution()
            if prepared.shared:
                self._running[key] = execution
                context = anonymous(context)
            execution.task = asyncio.create_task(self._run(key, execution, prepared, context, variables))
        execution.subscribers[subscriber] = None
        return Membership(self, key, execution, subscriber)

    async def _run(
        self,
        key: Key,
        execution: _Execution,
        prepared: Prepared,
        context: Context,
        variables: Mapping[str, Any] | None,
    ) -> None:
        try:
            async for answer in self._api.subscribe(prepared, context, variables):
                if not answer.ran:
                    errors = encode(answer.errors)
                    self._forget(key, execution)
                    for subscriber in list(execution.subscribers):
                        subscriber.refused(errors)
                    return
                payload = answer.encode().decode()
                for subscriber in list(execution.subscribers):
                    subscriber.hear(payload)
            self._forget(key, execution)
            for subscriber in list(execution.subscribers):
                subscriber.finished()
        except Exception as error:  # noqa: BLE001 an answer that cannot be encoded must not leave subscribers waiting
            self._forget(key, execution)
            errors = encode([present_unexpected(error, prepared.name or "subscription")])
            for subscriber in list(execution.subscribers):
                subscriber.refused(errors)
        finally:
            self._forget(key, execution)

    def leave(self, key: Key, execution: _Execution, subscriber: Subscriber) -> None:
        """Let a subscriber hear no more; the last one to leave ends the execution."""
        execution.subscribers.pop(subscriber, None)
        if not execution.subscribers and execution.task:
            # Forgotten before it is cancelled, so that nobody joins what is about to end.
            self._forget(key, execution)
            execution.task.cancel()

    def _forget(self, key: Key, execution: _Execution) -> None:
        if self._running.get(key) is execution:
            del self._running[key]


@dataclass(frozen=True, slots=True)
class Membership:
    """A subscriber's place in an execution."""

    fanout: FanOut
    key: Key
    execution: _Execution
    subscriber: Subscriber

    def leave(self) -> None:
        self.fanout.leave(self.key, self.execution, self.subscriber)
