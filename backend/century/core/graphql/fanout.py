"""Shared executions: subscribers who ask the same with the same permissions hear one execution, encoded once.

Subscribers to a log of events begin at different places of it. An execution of theirs can be joined until it has told
something; those that ask the same are made one as soon as they stand at the same place.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
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
        self.place: int | None = None
        self.successor: _Execution | None = None


class FanOut:
    """The executions that run in this process, by what was asked and what its askers may."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._running: dict[Key, _Execution] = {}
        self._logs: dict[Key, dict[_Execution, None]] = {}

    def __len__(self) -> int:
        return len({*self._running.values(), *(each for logs in self._logs.values() for each in logs)})

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
        log = _log(key, prepared, variables)
        if log is not None:
            self._logs.setdefault(log, {})[execution] = None
        try:
            async with aclosing(self._api.subscribe(prepared, context, variables)) as answers:  # type: ignore[type-var]
                async for answer in answers:
                    if not answer.ran:
                        errors = encode(answer.errors)
                        self._forget(key, execution)
                        for subscriber in list(execution.subscribers):
                            subscriber.refused(errors)
                        return
                    payload = answer.encode().decode()
                    for subscriber in list(execution.subscribers):
                        subscriber.hear(payload)
                    if log is not None:
                        self._forget(key, execution)
                        execution.place = context.place
                        if self._met(log, execution):
                            return
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
            if log is not None and log in self._logs:
                self._logs[log].pop(execution, None)
                if not self._logs[log]:
                    del self._logs[log]

    def _met(self, log: Key, execution: _Execution) -> bool:
        """Whether another execution of the same log stands at the same place: its subscribers go on there."""
        if execution.place is None:
            return False
        other = next(
            (each for each in self._logs[log] if each is not execution and each.place == execution.place), None
        )
        if other is None:
            return False
        other.subscribers |= execution.subscribers
        execution.subscribers.clear()
        execution.successor = other
        return True

    def leave(self, key: Key, execution: _Execution, subscriber: Subscriber) -> None:
        """Let a subscriber hear no more; the last one to leave ends the execution."""
        while execution.successor is not None:
            execution = execution.successor
        execution.subscribers.pop(subscriber, None)
        if not execution.subscribers and execution.task:
            # Forgotten before it is cancelled, so that nobody joins what is about to end.
            self._forget(key, execution)
            execution.task.cancel()

    def _forget(self, key: Key, execution: _Execution) -> None:
        if self._running.get(key) is execution:
            del self._running[key]


def _log(key: Key, prepared: Prepared, variables: Mapping[str, Any] | None) -> Key | None:
    """What executions have in common that tell the same log from different places."""
    if prepared.cursor is None or not prepared.shared:
        return None
    others = {name: value for name, value in (variables or {}).items() if name != prepared.cursor}
    return (key[0], key[1], orjson.dumps(others, option=orjson.OPT_SORT_KEYS), key[3], key[4])


@dataclass(frozen=True, slots=True)
class Membership:
    """A subscriber's place in an execution."""

    fanout: FanOut
    key: Key
    execution: _Execution
    subscriber: Subscriber

    def leave(self) -> None:
        self.fanout.leave(self.key, self.execution, self.subscriber)
